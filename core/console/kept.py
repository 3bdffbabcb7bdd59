"""The fields of a form that was sent, for a page that holds them and sends them again."""

from collections.abc import Iterator

from django.http import HttpRequest

_TOKEN = "csrfmiddlewaretoken"  # noqa: S105 - the name of a field


def kept_fields(request: HttpRequest) -> Iterator[tuple[str, str]]:
    """The names and values, without the token, and without passwords: no page holds them, so they are typed again."""
    for name, values in request.POST.lists():
        if name != _TOKEN and not is_password(name):
            yield from ((name, value) for value in values)


def is_password(name: str) -> bool:
    """Whether a field of this name holds a password."""
    return "password" in name
