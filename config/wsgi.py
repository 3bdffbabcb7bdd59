"""The application that gunicorn serves."""

import os
import sys
from typing import Any, Final

import django
import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.template.loader import get_template
from django.urls import reverse

from core.hashing import limit_passwords
from core.incoming import UNREADABLE
from core.macs import has_request_keys

log = structlog.get_logger(__name__)


class _WholeBody:
    """The body of a request, which fails if it ends early: Django would take the beginning of a form for a form."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def read(self, size: int) -> bytes:
        """Read `size` bytes.

        :raises ConnectionAbortedError: the body has fewer.
        """
        data: bytes = self._stream.read(size)
        if len(data) < size:
            raise ConnectionAbortedError("The body ended before its announced length.")
        return data

    def readline(self, size: int) -> bytes:
        """Django asks for this method, and does not call it."""
        raise NotImplementedError


def _read(environ: dict[str, Any]) -> WSGIRequest:
    """Make Django's request. Django fails for some content types; such a request gets one that is refused."""
    environ["wsgi.input"] = _WholeBody(environ["wsgi.input"])
    try:
        return WSGIRequest(environ)
    except Exception:
        log.info("config.content_type_unreadable", exc_info=True)
        return WSGIRequest({**environ, "CONTENT_TYPE": UNREADABLE})


class _Handler(WSGIHandler):
    request_class: Any = staticmethod(_read)


def warm_up() -> None:
    """Load what the first request would load: every page with its address, and every template of the product."""
    reverse("admin:index")
    folder = settings.BASE_DIR / "templates"
    for template in sorted(folder.rglob("*.html")):
        get_template(str(template.relative_to(folder)))


os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup(set_prefix=False)
if settings.IS_PRODUCTION and "gunicorn.arbiter" in sys.modules and "config.worker" not in sys.modules:
    raise ImproperlyConfigured(
        "Gunicorn runs without config/gunicorn.py, or with another worker class, and so without the limits of slow "
        "clients and large requests. Start it with -c python:config.gunicorn, and leave out --worker-class."
    )
if not has_request_keys():
    raise ImproperlyConfigured("REQUEST_KEYS has no key that can be used: make one with “manage.py new_request_key”.")
limit_passwords(settings.PASSWORDS_AT_ONCE)
application: Final = _Handler()
