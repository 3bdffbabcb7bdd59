"""The fields of a form that was sent, for a page that holds them and sends them again."""

from collections.abc import Iterator
from typing import Final

from django.http import HttpRequest

_TOKEN: Final = "csrfmiddlewaretoken"  # noqa: S105 - the name of a field
_CODE: Final = "code"
KEY_ANSWER: Final = "key_answer"


def kept_fields(request: HttpRequest) -> Iterator[tuple[str, str]]:
    """The names and values, without the token, and without credentials: no page holds them, so they are typed again."""
    for name, values in request.POST.lists():
        if name != _TOKEN and not is_credential(request, name):
            yield from ((name, value) for value in values)


def is_credential(request: HttpRequest, name: str) -> bool:
    """Whether a field of this name, in a form with or without a prefix, proves who somebody is."""
    own = own_name(name)
    return is_password(name) or own == KEY_ANSWER or (own == _CODE and not _is_column(request, name))


def is_password(name: str) -> bool:
    """Whether a field of this name holds a password."""
    return "password" in name


def own_name(name: str) -> str:
    """The name of a field without the prefix of its form."""
    return name.rpartition("-")[2]


def _is_column(request: HttpRequest, name: str) -> bool:
    """Whether the field is one of a row, such as the code of a casino: forms of rows have no prefix."""
    return name == own_name(name) and hasattr(getattr(request.resolver_match, "func", None), "model_admin")
