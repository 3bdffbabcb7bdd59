"""Read settings from the environment. An error about a value is one sentence and contains no secret."""

import logging
import stat
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from django.core.exceptions import ImproperlyConfigured
from environ import Env

# Several hosts keep the brackets of IPv6, which libpq does not take.
_WITHOUT_BRACKETS: Final = str.maketrans("", "", "[]")


class Environment(Env):  # type: ignore[misc]
    """The class of django-environ, with errors that say what to do."""

    def secret(self, name: str) -> str:
        """The value of the variable, or else the content of the file that `name`_FILE names; empty if neither is set.

        :raises ImproperlyConfigured: both are set, or the file cannot be read, is empty, or is readable by everybody.
        """
        given = str(self.ENVIRON.get(name, ""))
        path = str(self.ENVIRON.get(f"{name}_FILE", ""))
        if not path:
            return given
        if given:
            raise ImproperlyConfigured(f"{name} and {name}_FILE are both set: leave one out.")
        try:
            if stat.S_IMODE(Path(path).stat().st_mode) & stat.S_IROTH:
                raise ImproperlyConfigured(f"{name}_FILE: everybody can read {path}. Run chmod o-rwx on it.")
            text = Path(path).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise ImproperlyConfigured(f"{name}_FILE: {path} cannot be read ({error.strerror}).") from error
        except ValueError as error:
            raise ImproperlyConfigured(f"{name}_FILE: {path} is not text.") from error
        if not text:
            raise ImproperlyConfigured(f"{name}_FILE: {path} is empty.")
        return text

    def whole_number(self, name: str, *, default: int) -> int:
        """A whole number of 0 or more; `default` if the variable is absent or empty.

        :raises ImproperlyConfigured: it is no such number.
        """
        text: str = self.str(name, default="").strip()
        if not text:
            return default
        if not (text.isascii() and text.isdecimal()):
            raise ImproperlyConfigured(f"{name} is “{text}”: it must be a whole number, such as {default}.")
        return int(text)

    def networks(self, name: str, *, default: str = "") -> tuple[IPv4Network | IPv6Network, ...]:
        """IP addresses and networks, separated by commas; those of `default` if the variable is absent or empty.

        :raises ImproperlyConfigured: one of them is neither.
        """
        texts = [text.strip() for text in (self.str(name, default="") or default).split(",")]
        try:
            return tuple(ip_network(text) for text in texts if text)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name}: {error}. Write 192.0.2.7 or 10.1.0.0/16.") from error

    def log_level(self, name: str) -> str:
        """The name of a log level; INFO if the variable is absent or empty.

        :raises ImproperlyConfigured: there is no such level.
        """
        level: str = self.str(name, default="").strip().upper() or "INFO"
        known = logging.getLevelNamesMapping()
        if level not in known:
            raise ImproperlyConfigured(f"{name} is “{level}”: it must be one of {', '.join(known)}.")
        return level

    def database(self, name: str) -> dict[str, Any]:
        """The database that a secret URL names; a socket folder is given as a percent-encoded host or in `?host=`.

        :raises ImproperlyConfigured: it is no URL of a database.
        """
        advice = f"{name} must look like postgres://user:password@host:5432/name."
        url = self.secret(name)
        if "://" not in url:
            raise ImproperlyConfigured(advice)
        try:
            database: dict[str, Any] = self.db_url_config(url)
        except ValueError as error:
            raise ImproperlyConfigured(advice) from error
        hosts, ports = (str(database.get(key) or "").split(",") for key in ("HOST", "PORT"))
        if ports != [""] and len(ports) != len(hosts):
            raise ImproperlyConfigured(f"{name} names several hosts: give each of them its port, or none.")
        if database["ENGINE"] == "django.db.backends.postgresql":
            database["ENGINE"] = "config.postgresql"
        options = database.get("OPTIONS", {})
        host = unquote(options.pop("host", "") or database.get("HOST") or "")
        database["HOST"] = host.translate(_WITHOUT_BRACKETS)
        database["PORT"] = options.pop("port", "") or database.get("PORT") or ""
        return database
