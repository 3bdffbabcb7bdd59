"""What the pages of staff and of roles share: they give permissions."""

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from core.console.asking_again import AsksAgain
from core.console.change_forms import judge_by_now
from core.console.scope import staff_of
from core.managing import lock_permissions

log = structlog.get_logger(__name__)

# Django's own classes come after it; mypy has to know them.
if TYPE_CHECKING:
    _Base = admin.ModelAdmin[Any]
else:
    _Base = object


def _lock_and_judge(request: HttpRequest) -> None:
    """Lock the permissions of all staff, and judge who sends the form by what they hold then."""
    lock_permissions()
    judge_by_now(request)


class ManagingForms(_Base):
    """Mixed into the pages of staff and roles: what is sent is judged by the permissions held when it is saved.

    Each change has a log line. It says whether a superuser made it, who is excepted from the rules of `core.managing`.
    """

    asks_again = AsksAgain()

    def _changeform_view(self, request: HttpRequest, *args: Any) -> HttpResponse:
        if request.method == "POST":
            _lock_and_judge(request)
        page: HttpResponse = super()._changeform_view(request, *args)  # type: ignore[misc]
        return page

    def _delete_view(self, request: HttpRequest, *args: Any) -> HttpResponse:
        if request.method == "POST":
            _lock_and_judge(request)
        page: HttpResponse = super()._delete_view(request, *args)  # type: ignore[misc]
        return page

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._log(request, [obj], "added")
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._log(request, [obj], "changed")
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        self._log(request, queryset, "deleted")
        return super().log_deletions(request, queryset)

    def _log(self, request: HttpRequest, rows: Iterable[Any], act: str) -> None:
        actor = staff_of(request)
        for row in rows:
            what = {f"{self.opts.model_name}_id": row.pk, "act": act}
            by = {"actor_id": actor.pk, "as_superuser": actor.is_superuser}
            transaction.on_commit(partial(log.info, "core.permissions_managed", **what, **by))
