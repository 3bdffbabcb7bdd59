"""Lists that answer invalid keys and null bytes with a message, where Django's lists would fail."""

from typing import TYPE_CHECKING, Any, Final

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import BaseModelAdmin, IncorrectLookupParameters
from django.contrib.admin.views.main import SEARCH_VAR, ChangeList
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

# The chosen keys that were left out, so that they can be counted as missing.
UNREADABLE: Final = "unreadable_action"

# Django's own classes come after it; mypy has to know them.
if TYPE_CHECKING:
    _Base = BaseModelAdmin[Any]
else:
    _Base = object


class ReadableList(ChangeList):
    """A list that refuses null bytes in its address."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> "QuerySet[Any]":
        """The rows that match the address.

        :raises IncorrectLookupParameters: it has a null byte, which PostgreSQL cannot store; Django shows all rows.
        """
        if any("\0" in value for name, value in self.params.items() if name != SEARCH_VAR):
            raise IncorrectLookupParameters
        return super().get_queryset(request, exclude_parameters)


class ReadableLists(_Base):
    """Mixed into an admin before Django's: its list and its actions accept invalid keys."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ReadableList

    def response_action(self, request: HttpRequest, *rows: Any, **where: Any) -> Any:
        """Leave out invalid keys before Django looks them up and fails."""
        asked = set(request.POST.getlist(ACTION_CHECKBOX_NAME))
        keys = {text for text in asked if self._is_key(text)}
        if not keys:
            report_missing(self, request, len(asked))
            return None
        post = request.POST.copy()
        post.setlist(ACTION_CHECKBOX_NAME, sorted(keys))
        post.setlist(UNREADABLE, sorted(asked - keys))
        request.POST = post  # type: ignore[assignment]
        return super().response_action(request, *rows, **where)  # type: ignore[misc]

    def _is_key(self, text: str) -> bool:
        try:
            self.opts.pk.to_python(text)
        except ValidationError:
            return False
        return True


def report_missing(model_admin: Any, request: HttpRequest, missing: int) -> None:
    """Say how many of the chosen rows were not found."""
    text = f"{missing} of the chosen {model_admin.opts.verbose_name_plural} cannot be found in your casino."
    model_admin.message_user(request, text, messages.ERROR)
