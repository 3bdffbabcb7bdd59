"""What a request may be: its method, headers and body. This is checked before anything else reads the request.

The console takes forms and no files. Its pages are asked for with GET and HEAD, and its forms are sent with POST.
"""

from typing import Final

from django.core.exceptions import BadRequest, RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError
from django.urls import Resolver404, resolve

METHODS: Final = ("GET", "HEAD", "POST")
# The content type of a request whose own one Django cannot read (`config.wsgi`).
UNREADABLE: Final = "unreadable"
# How large a form may be. Python needs up to 80 times as much memory to read one.
MAX_SIGN_IN_BYTES: Final = 8 * 1024
MAX_FORM_BYTES: Final = 100 * 1024
# The confirmation of an action on a list carries up to 300 bytes for each of 500 rows.
MAX_LIST_BYTES: Final = 256 * 1024
# Of an announced length. Python reads no number of very many digits.
MAX_LENGTH_DIGITS: Final = 12

_FORMS: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})


class MalformedCookie(BadRequest):
    """A cookie holds characters that no cookie of the console has, and that PostgreSQL refuses."""


def require_readable(request: HttpRequest) -> None:
    """Refuse a request that the console cannot read, and read the form that it sent.

    :raises BadRequest: a cookie, the content type or the body is malformed, or the body is no form.
    :raises RequestDataTooBig: the body is larger than the page takes, or its length is not announced.
    """
    if malformed_cookies(request):
        raise MalformedCookie("A cookie holds control characters.")
    charset = (request.content_params or {}).get("charset", "utf-8")
    if request.content_type == UNREADABLE or charset.lower() not in {"utf-8", "utf8"}:
        raise BadRequest("The content type cannot be read, or is not in UTF-8.")
    if _length_of(request):
        _require_form(request)
    _read_form(request)


def malformed_cookies(request: HttpRequest) -> list[str]:
    """The names of cookies that hold control characters."""
    return [name for name, value in request.COOKIES.items() if not value.isprintable()]


def _length_of(request: HttpRequest) -> int:
    """The length of the body.

    :raises BadRequest: it is no number.
    :raises RequestDataTooBig: it is larger than the page takes, or not announced.
    """
    if "Transfer-Encoding" in request.headers:
        raise RequestDataTooBig("The length of the body is not announced.")
    announced = str(request.META.get("CONTENT_LENGTH") or "0")
    if not (announced.isascii() and announced.isdecimal()):
        raise BadRequest("The length of the body is no number.")
    length = int(announced[:MAX_LENGTH_DIGITS])
    if length > MAX_SIGN_IN_BYTES and length > _limit_at(request.path_info):
        raise RequestDataTooBig("The body is larger than this page takes.")
    return length


def _limit_at(path: str) -> int:
    try:
        name = resolve(path).url_name or ""
    except Resolver404:
        return 0
    if name == "login":
        return MAX_SIGN_IN_BYTES
    return MAX_LIST_BYTES if name.endswith("_changelist") else MAX_FORM_BYTES


def _require_form(request: HttpRequest) -> None:
    is_packed = request.headers.get("Content-Encoding", "identity").lower() != "identity"
    if request.method != "POST" or is_packed or request.content_type not in _FORMS:
        raise BadRequest("The body is no form.")


def _read_form(request: HttpRequest) -> None:
    """Read the form here: what fails in it does not fail in a view."""
    try:
        _ = request.POST
    except (UnreadablePostError, LookupError, ValueError) as error:
        raise BadRequest("The form cannot be read.") from error
