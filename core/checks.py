"""System checks: unsafe combinations of settings are refused at the start."""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, collapse_addresses
from typing import Any, Final

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from core.macs import has_request_keys
from core.timeouts import MAX_SLOW_CLIENT_SECONDS

MINIMUM_POSTGRESQL_MAJOR: Final = 15
# Signatures by a pair of keys: anybody who knows the public key or the client's secret could make others.
SIGNATURES: Final = frozenset({"RS256", "RS384", "RS512", "ES256", "ES384", "ES512"})
# In each worker. Two more threads wait, and a worker has eight.
MAX_PASSWORDS_AT_ONCE: Final = 3
SHIFT_SECONDS: Final = 12 * 60 * 60
# Ways to sign in that are no second factor (RFC 8176): password, PIN, questions, the risk, the place, Windows.
NO_SECOND_FACTOR: Final = frozenset({"pwd", "pin", "kba", "rba", "geo", "wia"})
MAX_LOCK_TIMEOUT_SECONDS: Final = 10
MAX_STATEMENT_TIMEOUT_SECONDS: Final = 60
MAX_IDLE_IN_TRANSACTION_SECONDS: Final = 2 * 60
MAX_DATABASE_WAIT_SECONDS: Final = 20
MAX_SLOW_REQUEST_SECONDS: Final = 60
# A network of 65,536 addresses, and of IPv6 what a provider gives to a company.
MAX_PUBLIC_V4: Final = IPv4Network("0.0.0.0/16").num_addresses
MAX_PUBLIC_V6: Final = IPv6Network("::/32").num_addresses
MAX_PROXIES: Final = 256
PRIVATE_V4: Final = [IPv4Network(net) for net in ("10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
PRIVATE_V6: Final = [IPv6Network(net) for net in ("::1/128", "fc00::/7", "fe80::/10")]

# The one wait of which 0 is the shortest.
_WAITS_FOR_NO_DATABASE: Final = ("DATABASE_WAIT_SECONDS", 0)


@register(Tags.compatibility)
def check_database_is_postgresql(**_: Any) -> list[CheckMessage]:
    """Refuse any other database: its locks and constraints work differently."""
    return [
        Error(
            f"The database “{alias}” is {connections[alias].vendor}, not PostgreSQL.",
            hint="Set DATABASE_URL=postgres://… or leave it empty for the private server.",
            id="core.E001",
        )
        for alias in connections
        if connections[alias].vendor != "postgresql"
    ]


@register(Tags.database)
def check_postgresql_version(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Refuse a PostgreSQL older than the oldest that the schema and the tests support."""
    messages: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if connection.vendor == "postgresql":
            with connection.cursor():
                major = connection.connection.info.server_version // 10_000
            if major < MINIMUM_POSTGRESQL_MAJOR:
                messages.append(
                    Error(f"PostgreSQL {major} is too old: {MINIMUM_POSTGRESQL_MAJOR} or newer.", id="core.E002")
                )
    return messages


@register(Tags.security)
def check_production_settings(**_: Any) -> list[CheckMessage]:
    """Refuse production settings without a secret key, a database or host names, or with debug pages."""
    if settings.ENVIRONMENT not in {"development", "production"}:
        return [Error(f"ENVIRONMENT is “{settings.ENVIRONMENT}”: use development or production.", id="core.E003")]
    if not settings.IS_PRODUCTION:
        return []
    wrong = [
        (not settings.HAS_OWN_DATABASE, "Production needs DATABASE_URL.", "core.E004"),
        (not settings.ALLOWED_HOSTS, "Production needs ALLOWED_HOSTS.", "core.E005"),
        (settings.DEBUG, "DEBUG must be off in production.", "core.E006"),
        (not _has_secret_key(), "Production needs SECRET_KEY.", "core.E007"),
        (not has_request_keys(), "Production needs REQUEST_KEYS: make one with new_request_key.", "core.E008"),
    ]
    return [Error(message, id=check_id) for is_wrong, message, check_id in wrong if is_wrong]


@register(Tags.security, deploy=True)
def check_trusted_addresses(**_: Any) -> list[CheckMessage]:
    """Warn if more of the internet is trusted than a casino has, or if others than proxies are trusted as such."""
    messages: list[CheckMessage] = []
    for name, harm, check_id in (
        ("CORRELATION_ID_CALLERS", "strangers may choose the id of their requests", "core.W001"),
        ("MONITORING_ADDRESSES", "strangers may read the metrics", "core.W014"),
    ):
        if _has_large_part(getattr(settings, name)):
            message = f"{name} names a large part of the internet: {harm}."
            hint = "Name private networks, and single addresses outside them."
            messages.append(checks.Warning(message, hint=hint, id=check_id))
    proxies = settings.PROXY_ADDRESSES
    if _has_large_part(proxies) or (settings.BEHIND_PROXY and _number_in_networks(proxies) > MAX_PROXIES):
        message = (
            "PROXY_ADDRESSES names many addresses: requests from all of them may choose the address of their client."
        )
        hint = "Name only the addresses of the proxies; a tablet must have none of them."
        messages.append(checks.Warning(message, hint=hint, id="core.W006"))
    return messages


def _number_in_networks(networks: Iterable[IPv4Network | IPv6Network]) -> int:
    """How many addresses of other machines `networks` have; those that overlap are counted twice."""
    return sum(net.num_addresses for net in set(networks) if not net.is_loopback)


def _has_large_part(networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    """Whether the public addresses among `networks` are more than a large company has."""
    v4 = [network for network in networks if isinstance(network, IPv4Network)]
    v6 = [network for network in networks if isinstance(network, IPv6Network)]
    public_v4 = (net for net in collapse_addresses(v4) if not any(net.subnet_of(own) for own in PRIVATE_V4))
    public_v6 = (net for net in collapse_addresses(v6) if not any(net.subnet_of(own) for own in PRIVATE_V6))
    return (
        sum(net.num_addresses for net in public_v4) > MAX_PUBLIC_V4
        or sum(net.num_addresses for net in public_v6) > MAX_PUBLIC_V6
    )


@register(Tags.security, deploy=True)
def check_passwords_are_limited(**_: Any) -> list[CheckMessage]:
    """Warn if passwords may take all processors, or most threads of a worker, from the floor."""
    if 1 <= settings.PASSWORDS_AT_ONCE <= MAX_PASSWORDS_AT_ONCE:
        return []
    return [
        checks.Warning(
            f"PASSWORDS_AT_ONCE is {settings.PASSWORDS_AT_ONCE}: signing in may slow the floor down.",
            hint=f"Set it to 1 to {MAX_PASSWORDS_AT_ONCE}, or leave it out.",
            id="core.W010",
        )
    ]


@register(Tags.security, deploy=True)
def check_waits_are_limited(**_: Any) -> list[CheckMessage]:
    """Warn if a lock, a statement or a slow client may wait too long; for PostgreSQL and for sockets 0 is no limit."""
    of_database = settings.DATABASE_TIMEOUTS_SECONDS
    idle = of_database["idle_in_transaction_session_timeout"]
    waits = [
        ("LOCK_TIMEOUT_SECONDS", of_database["lock_timeout"], MAX_LOCK_TIMEOUT_SECONDS),
        ("STATEMENT_TIMEOUT_SECONDS", of_database["statement_timeout"], MAX_STATEMENT_TIMEOUT_SECONDS),
        ("IDLE_IN_TRANSACTION_TIMEOUT_SECONDS", idle, MAX_IDLE_IN_TRANSACTION_SECONDS),
        ("DATABASE_WAIT_SECONDS", settings.DATABASE_WAIT_SECONDS, MAX_DATABASE_WAIT_SECONDS),
        ("SLOW_REQUEST_SECONDS", settings.SLOW_REQUEST_SECONDS, MAX_SLOW_REQUEST_SECONDS),
        ("SLOW_CLIENT_SECONDS", settings.SLOW_CLIENT_SECONDS, MAX_SLOW_CLIENT_SECONDS),
    ]
    return [
        checks.Warning(
            f"{name} is {seconds}: {'nothing ends what waits' if seconds == 0 else 'requests may wait too long'}.",
            hint=f"Set it to 1 to {most}, or leave it out.",
            id="core.W004",
        )
        for name, seconds, most in waits
        if not 1 <= seconds <= most and (name, seconds) != _WAITS_FOR_NO_DATABASE
    ]


@register(Tags.security)
def check_identity_provider(**_: Any) -> list[CheckMessage]:
    """Refuse an identity provider that is named in part, in clear text, or without roles."""
    if not settings.OIDC_ISSUER:
        return []
    urls = {
        "OIDC_ISSUER": settings.OIDC_ISSUER,
        "OIDC_AUTHORIZATION_URL": settings.OIDC_OP_AUTHORIZATION_ENDPOINT,
        "OIDC_TOKEN_URL": settings.OIDC_OP_TOKEN_ENDPOINT,
        "OIDC_KEYS_URL": settings.OIDC_OP_JWKS_ENDPOINT,
    }
    optional = {"OIDC_SIGN_OUT_URL": settings.OIDC_OP_END_SESSION_ENDPOINT}
    needed = urls | {"OIDC_CLIENT_ID": settings.OIDC_RP_CLIENT_ID, "OIDC_CLIENT_SECRET": settings.OIDC_RP_CLIENT_SECRET}
    is_clear = settings.IS_PRODUCTION and any(
        url and not url.startswith("https://") for url in (urls | optional).values()
    )
    pairs = [*settings.OIDC_ROLES, *settings.OIDC_SECOND_FACTOR]
    lacking = ", ".join(name for name, value in needed.items() if not value)
    wrong = [
        (bool(lacking), f"OIDC_ISSUER is set, and these are not: {lacking}.", "core.E010"),
        (is_clear and not lacking, "The addresses of the identity provider must begin with https.", "core.E011"),
        (settings.OIDC_RP_SIGN_ALGO not in SIGNATURES, f"OIDC_SIGNING_ALGORITHM: {_one_of(SIGNATURES)}.", "core.E012"),
        (not settings.OIDC_ROLES, "OIDC_ROLES gives nobody a role: write VALUE=ROLE, with commas.", "core.E013"),
        (any("=" not in pair for pair in pairs), "OIDC_ROLES and OIDC_SECOND_FACTOR need an = in each.", "core.E014"),
    ]
    return [Error(message, id=check_id) for is_wrong, message, check_id in wrong if is_wrong]


@register(Tags.security, deploy=True)
def check_provider_asks(**_: Any) -> list[CheckMessage]:
    """Warn if the provider may let somebody in without a question, or if a password alone counts as two factors."""
    if not settings.OIDC_ISSUER:
        return []
    messages: list[CheckMessage] = []
    if settings.OIDC_PROMPT in {"", "none"}:
        hint = "Set OIDC_PROMPT=login, unless each device is of one person alone."
        who = "Whoever opens a device signs in as the person of its last session at the identity provider."
        messages.append(checks.Warning(who, hint=hint, id="core.W018"))
    weak = [pair for pair in settings.OIDC_SECOND_FACTOR if pair.rpartition("=")[2].strip() in NO_SECOND_FACTOR]
    if weak:
        hint = "Name what the provider says after a second factor, such as amr=mfa."
        text = f"OIDC_SECOND_FACTOR names {', '.join(weak)}, which is no second factor."
        messages.append(checks.Warning(text, hint=hint, id="core.W019"))
    return messages


@register(Tags.security, deploy=True)
def check_break_glass(**_: Any) -> list[CheckMessage]:
    """Warn if everybody may still sign in by a password, past the identity provider."""
    if not settings.OIDC_ISSUER or settings.BREAK_GLASS_USERNAMES:
        return []
    hint = "Name two accounts for the day when the provider is away in BREAK_GLASS_USERNAMES."
    return [checks.Warning("Everybody may sign in past the identity provider.", hint=hint, id="core.W015")]


def _one_of(names: Iterable[str]) -> str:
    return f"one of {', '.join(sorted(names))}"


@register(Tags.security, deploy=True)
def check_hosts_are_named(**_: Any) -> list[CheckMessage]:
    """Warn if requests for every host are answered, or for every host of a top-level domain."""
    if not any(host == "*" or _is_top_level(host) for host in settings.ALLOWED_HOSTS):
        return []
    return [
        checks.Warning(
            "ALLOWED_HOSTS allows hosts of strangers.",
            hint="Name the hosts under which staff open the console.",
            id="core.W005",
        )
    ]


def _is_top_level(host: str) -> bool:
    """Whether a name of ALLOWED_HOSTS is that of all hosts below a name of one part, such as `.com`."""
    return host.startswith(".") and "." not in host[1:]


@register(Tags.security, deploy=True)
def check_origins_are_named(**_: Any) -> list[CheckMessage]:
    """Warn if forms are accepted from origins that nobody named, or that are not protected by TLS."""
    wide = [
        origin for origin in settings.CSRF_TRUSTED_ORIGINS if "*" in origin or not origin.lower().startswith("https://")
    ]
    if not wide:
        return []
    return [
        checks.Warning(
            f"CSRF_TRUSTED_ORIGINS has {', '.join(wide)}: pages of strangers may send forms of the console.",
            hint="Name each origin with its host, such as https://console.example.",
            id="core.W017",
        )
    ]


@register(Tags.security, deploy=True)
def check_session_limits(**_: Any) -> list[CheckMessage]:
    """Warn if sessions last longer than a shift, or stay open on a device that nobody uses."""
    messages: list[CheckMessage] = []
    if not 0 < settings.SESSION_COOKIE_AGE <= SHIFT_SECONDS:
        hint = "Set SESSION_HOURS to a shift, at most 12."
        messages.append(checks.Warning("Sessions do not end with the shift.", hint=hint, id="core.W002"))
    idle_seconds = settings.IDLE_LOCK_MINUTES * 60
    if idle_seconds == 0 or 0 < settings.SESSION_COOKIE_AGE <= idle_seconds:
        hint = "Set IDLE_LOCK_MINUTES to less than SESSION_HOURS, unless every device locks itself when nobody uses it."
        messages.append(checks.Warning("Sessions do not end earlier when nobody uses them.", hint=hint, id="core.W003"))
    return messages


def _has_secret_key() -> bool:
    try:
        return bool(settings.SECRET_KEY)
    except ImproperlyConfigured:
        return False
