"""All settings, from the environment, secrets also from files; `core.checks` says which combinations are wrong.

With no DATABASE_URL the checkout runs a PostgreSQL of its own (`config.localdb`). ENVIRONMENT=production asks for a
secret key, a database and host names, and makes cookies and redirects strict. DATABASE_OWNER_URL is for migrations
only: do not set it where requests are served.
"""

import base64
import secrets
import tomllib
from pathlib import Path
from typing import Any

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config import timeouts
from config.environment import Environment
from config.logging import configure_logging
from core.incoming import MAX_LIST_BYTES

BASE_DIR = Path(__file__).resolve().parent.parent
LOCAL_DIR = BASE_DIR / ".local"
VERSION: str = tomllib.loads((BASE_DIR / "pyproject.toml").read_text())["project"]["version"]

env = Environment()

ENVIRONMENT = env.str("ENVIRONMENT", default="development")
IS_PRODUCTION = ENVIRONMENT == "production"
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[] if IS_PRODUCTION else ["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])


def _kept_secret(name: str, *, made: str, variable: str) -> str:
    """A secret of this checkout: made once, readable only by its owner.

    :raises ImproperlyConfigured: this user cannot write it or read it here.
    """
    file = LOCAL_DIR / name
    try:
        if not file.exists():
            _keep_secret(file, made)
        return file.read_text()
    except OSError as error:
        raise ImproperlyConfigured(f"{file} cannot be kept ({error.strerror}): set {variable}.") from error


def _keep_secret(file: Path, made: str) -> None:
    LOCAL_DIR.mkdir(exist_ok=True)
    draft = file.with_suffix(f".{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    draft.write_text(made)
    try:
        file.hardlink_to(draft)
    except FileExistsError:
        pass  # Another process wrote the secret first; that one is used.
    finally:
        draft.unlink()


def _secret(variable: str, *, name: str, made: str) -> str:
    """The secret of the environment; in development, else the checkout's own."""
    return env.secret(variable) or ("" if IS_PRODUCTION else _kept_secret(name, made=made, variable=variable))


SECRET_KEY = _secret("SECRET_KEY", name="secret-key", made=secrets.token_urlsafe(48))

# Former secret keys: signatures, and second factors, that were made with them still count (docs/runbook.md).
SECRET_KEY_FALLBACKS = [key for key in env.secret("SECRET_KEY_FALLBACKS").split(",") if key]

INSTALLED_APPS = [
    "core.console.apps.ConsoleConfig",  # django.contrib.admin, with the console's own site
    "core",  # before auth, whose commands createsuperuser and changepassword it replaces
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "csp",
    "guardian",
    "loyalty",
    "ratingslips",
    "config.database",
    *([] if IS_PRODUCTION else ["config.demo"]),
]

MIDDLEWARE = [
    "config.monitoring.middleware.MonitoringMiddleware",
    "core.middleware.CorrelationMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "csp.middleware.CSPMiddleware",
    "core.middleware.CompressionMiddleware",
    "core.middleware.IncomingMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "core.middleware.PrimaryMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "core.middleware.SessionUseMiddleware",
    "core.middleware.CasinoZoneMiddleware",
    "core.middleware.AuthorMiddleware",
    "core.middleware.OriginMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Limits of the floor's requests: a stuck lock becomes “busy, try again”, and a worker that died releases its locks.
# Work that reads a whole ledger has its own (`core.timeouts`). A pool drops them, so the role has the same.
DATABASE_TIMEOUTS_SECONDS = {
    "lock_timeout": env.whole_number("LOCK_TIMEOUT_SECONDS", default=timeouts.LOCK_SECONDS),
    "statement_timeout": env.whole_number("STATEMENT_TIMEOUT_SECONDS", default=timeouts.STATEMENT_SECONDS),
    "idle_in_transaction_session_timeout": env.whole_number(
        "IDLE_IN_TRANSACTION_TIMEOUT_SECONDS", default=timeouts.IDLE_IN_TRANSACTION_SECONDS
    ),
}

# How long a new connection is tried again while the database is away (`config.postgresql`).
DATABASE_WAIT_SECONDS = env.whole_number("DATABASE_WAIT_SECONDS", default=timeouts.DATABASE_WAIT_SECONDS)

# Where staff sign in; a console that runs beside a standby names it.
PRIMARY_CONSOLE_URL = env.str("PRIMARY_CONSOLE_URL", default="")

# How long a client may take to send a request, from the connection or from the end of its last answer.
SLOW_REQUEST_SECONDS = env.whole_number("SLOW_REQUEST_SECONDS", default=20)
# How long an answer waits for a client that takes nothing of it.
SLOW_CLIENT_SECONDS = env.whole_number("SLOW_CLIENT_SECONDS", default=10 * 60)

# Whether PostgreSQL plans the statements of the busiest services once for a connection (`core.kept_queries`). Off
# behind a pool that cannot keep prepared statements, such as PgBouncer before 1.22.
PREPARED_STATEMENTS = env.bool("PREPARED_STATEMENTS", default=True)
# How often a connection sends such a statement before it is prepared.
PREPARED_AFTER = 1

HAS_OWN_DATABASE = bool(env.secret("DATABASE_URL"))


def _database() -> dict[str, Any]:
    """The database of DATABASE_URL, else the checkout's own."""
    if not HAS_OWN_DATABASE:
        return {"ENGINE": "config.localdb", "NAME": "loyalty", "LOCAL_SERVER": env.str("LOCAL_SERVER", default="main")}
    database = env.database("DATABASE_URL")
    return {**database, "OWNER": _owner(database), "READER": env.str("DATABASE_READER_ROLE", default="")}


def _owner(database: dict[str, Any]) -> dict[str, Any]:
    """The role that owns the tables of `database`, if it is another one; migrations sign in as it (`config.database`).

    :raises ImproperlyConfigured: it is another database, or the role of DATABASE_URL is not named.
    """
    if not env.secret("DATABASE_OWNER_URL"):
        return {}
    owner = env.database("DATABASE_OWNER_URL")
    if owner["NAME"] != database["NAME"]:
        raise ImproperlyConfigured("DATABASE_OWNER_URL and DATABASE_URL must name the same database.")
    if not database["USER"]:
        raise ImproperlyConfigured("DATABASE_URL must name its role where DATABASE_OWNER_URL is set.")
    return {} if owner["USER"] == database["USER"] else {**owner, "OPTIONS": _database_options(owner)}


def _database_options(database: dict[str, Any]) -> dict[str, Any]:
    """The options of a connection; unchanged for another database than PostgreSQL, which `core.E001` refuses."""
    given: dict[str, Any] = database.get("OPTIONS", {})
    if database["ENGINE"] not in {"config.localdb", "config.postgresql"}:
        return given
    limits = " ".join(f"-c {name}={seconds}s" for name, seconds in DATABASE_TIMEOUTS_SECONDS.items())
    given = {"prepare_threshold": PREPARED_AFTER, **given} if PREPARED_STATEMENTS else given
    return {
        **timeouts.OF_CONNECTION,
        **given,
        "application_name": "table-ratings",
        "options": f"{given.get('options', '')} {limits}".strip(),
    }


DATABASES: dict[str, dict[str, Any]] = {"default": _database()}
DATABASES["default"] |= {
    "CONN_MAX_AGE": env.whole_number("CONN_MAX_AGE_SECONDS", default=60),
    "CONN_HEALTH_CHECKS": True,
    # The garbage collector closes a server-side cursor that was not read to its end, such as that of a list of choices.
    # If another transaction is open then, PostgreSQL aborts it. Long results are streamed (`core.snapshots`).
    "DISABLE_SERVER_SIDE_CURSORS": True,
    "OPTIONS": _database_options(DATABASES["default"]),
}

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_USER_MODEL = "core.User"
AUTHENTICATION_BACKENDS = ["core.backends.StaffBackend"]
# How many passwords each worker checks at once (`core.hashing`).
PASSWORDS_AT_ONCE = env.whole_number("PASSWORDS_AT_ONCE", default=1)
PASSWORD_HASHERS = ["core.hashing.LimitedPasswordHasher"]
ANONYMOUS_USER_NAME = None
GUARDIAN_MONKEY_PATCH_USER = False
PASSWORD_MIN_LENGTH = 12
_VALIDATORS = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS: list[dict[str, Any]] = [
    {"NAME": f"{_VALIDATORS}.MinimumLengthValidator", "OPTIONS": {"min_length": PASSWORD_MIN_LENGTH}},
    {"NAME": f"{_VALIDATORS}.CommonPasswordValidator"},
    {"NAME": f"{_VALIDATORS}.UserAttributeSimilarityValidator"},
    {"NAME": "core.passwords.NotOfNamesValidator"},
]

# Signing in by an identity provider (OpenID Connect); off while there is no issuer (`core.provider`).
OIDC_ISSUER = env.str("OIDC_ISSUER", default="")
OIDC_PROVIDER_NAME = env.str("OIDC_PROVIDER_NAME", default="single sign-on")
OIDC_OP_AUTHORIZATION_ENDPOINT = env.str("OIDC_AUTHORIZATION_URL", default="")
OIDC_OP_TOKEN_ENDPOINT = env.str("OIDC_TOKEN_URL", default="")
OIDC_OP_JWKS_ENDPOINT = env.str("OIDC_KEYS_URL", default="")
OIDC_OP_END_SESSION_ENDPOINT = env.str("OIDC_SIGN_OUT_URL", default="")
OIDC_OP_USER_ENDPOINT = ""  # The token has everything.
OIDC_RP_CLIENT_ID = env.str("OIDC_CLIENT_ID", default="")
OIDC_RP_CLIENT_SECRET = env.secret("OIDC_CLIENT_SECRET")
OIDC_RP_SIGN_ALGO = env.str("OIDC_SIGNING_ALGORITHM", default="RS256")
OIDC_RP_SCOPES = env.str("OIDC_SCOPES", default="openid")
# Roles by the values of a claim, such as `pit-bosses=Pit boss`; claims that mean a second factor, such as `amr=mfa`.
OIDC_ROLES_CLAIM = env.str("OIDC_ROLES_CLAIM", default="groups")
OIDC_ROLES = env.list("OIDC_ROLES", default=[])
OIDC_SECOND_FACTOR = env.list("OIDC_SECOND_FACTOR", default=[])
OIDC_PROMPT = env.str("OIDC_PROMPT", default="login")
OIDC_USE_PKCE = True
OIDC_TIMEOUT = 5
OIDC_AUTHENTICATION_CALLBACK_URL = "provider:back"
# Who alone may sign in by a password where there is a provider; nobody is named: everybody may.
BREAK_GLASS_USERNAMES = env.list("BREAK_GLASS_USERNAMES", default=[])

LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "/"

SESSION_ENGINE = "core.sessions"
# Sessions end this long after the sign-in, whatever is done in them.
SESSION_COOKIE_AGE = env.whole_number("SESSION_HOURS", default=12) * 60 * 60
# They end earlier if nothing is done for so long; 0 is never.
IDLE_LOCK_MINUTES = env.whole_number("IDLE_LOCK_MINUTES", default=0)
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = IS_PRODUCTION
SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60 if IS_PRODUCTION else 0
# Both reach further than the console, to other hosts of the domain and for years, so the owner of the domain decides.
SECURE_HSTS_INCLUDE_SUBDOMAINS = env.bool("HSTS_SUBDOMAINS", default=False)
SECURE_HSTS_PRELOAD = env.bool("HSTS_PRELOAD", default=False)
# Django would warn that they are off; browsers preload no domain whose subdomains are left out.
# django-guardian would warn that its backend is missing: core.backends answers for it.
SILENCED_SYSTEM_CHECKS = ["security.W021", "guardian.W001"] + ([] if SECURE_HSTS_PRELOAD else ["security.W005"])
SECURE_REFERRER_POLICY = "same-origin"
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
# The proxies whose headers are believed. A socket in the file system has no address: only this machine reaches it.
PROXY_ADDRESSES = env.networks("PROXY_ADDRESSES", default="127.0.0.0/8,::1")
# Who may give its requests a correlation id, which is then kept as a second one.
CORRELATION_ID_CALLERS = env.networks("CORRELATION_ID_CALLERS")
# Who may ask `/livez`, `/readyz` and `/metrics` (`config.monitoring`).
MONITORING_ADDRESSES = env.networks("MONITORING_ADDRESSES", default="127.0.0.0/8,::1")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
X_FRAME_OPTIONS = "DENY"

# What a form may hold. A confirmation page carries one row of fields for each of at most 500 slips.
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_LIST_BYTES
DATA_UPLOAD_MAX_NUMBER_FIELDS = 6_000
# The console accepts no files: a file within these limits is read and discarded, so that it cannot fill the disk.
FILE_UPLOAD_HANDLERS: list[str] = []

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}

LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = ["config.formats"]
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True
USE_THOUSAND_SEPARATOR = True

STATIC_URL = "static/"
# In development the files are served from their source folders; production collects them first.
STATIC_ROOT = env.str("STATIC_ROOT", default=str(LOCAL_DIR / "static")) if IS_PRODUCTION else None
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
        if IS_PRODUCTION
        else "django.contrib.staticfiles.storage.StaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = not IS_PRODUCTION
WHITENOISE_AUTOREFRESH = DEBUG

# Codes of requests (`core.macs`): the first key makes new ones, all of them check old ones.
REQUEST_KEYS = _secret(
    "REQUEST_KEYS", name="request-key", made=base64.b64encode(secrets.token_bytes(32)).decode()
).split(",")

# Checkpoints of the ledger (docs/runbook.md): signed with a key that is in no table, and also kept in a file.
CHECKPOINT_SIGNING_KEY = _secret(
    "CHECKPOINT_SIGNING_KEY", name="checkpoint-key", made=base64.b64encode(secrets.token_bytes(32)).decode()
)
CHECKPOINT_PUBLIC_KEYS = env.list("CHECKPOINT_PUBLIC_KEY", default=[])
CHECKPOINT_FILE = env.str(
    "CHECKPOINT_FILE", default="" if IS_PRODUCTION or HAS_OWN_DATABASE else str(LOCAL_DIR / "checkpoints.jsonl")
)
# The home page shows a warning if the last verification is older.
VERIFICATION_MAX_AGE_HOURS = env.whole_number("VERIFICATION_MAX_AGE_HOURS", default=26)

# What “manage.py doctor” expects as well.
BACKUP_INFO_FILE = env.str("BACKUP_INFO_FILE", default="")
BACKUP_MAX_AGE_HOURS = env.whole_number("BACKUP_MAX_AGE_HOURS", default=26)
DATABASE_STANDBYS = env.whole_number("DATABASE_STANDBYS", default=0)

LOGGING_CONFIG = None
configure_logging(env)  # LOG_LEVEL, LOG_JSON

# Errors are sent to Sentry where it has an address.
if SENTRY_DSN := env.secret("SENTRY_DSN"):
    from config.monitoring.errors import report_errors

    report_errors(dsn=SENTRY_DSN, release=VERSION, environment=ENVIRONMENT)
