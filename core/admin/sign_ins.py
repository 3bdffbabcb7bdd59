"""Pages of sign-ins, for superusers and auditors: all sign-ins, and failed tries, after which a login is locked."""

from typing import Any

from axes.admin import AccessAttemptAdmin, AccessLogAdmin
from axes.models import AccessAttempt, AccessLog
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from core.console.lists import CappedPaginator
from core.console.readable import ReadableLists
from core.console.scope import in_casino_of, sees_all_casinos, staff_of
from core.console.widgets import PlainForms
from core.models import User


class OwnCasinoByName:
    """Rows that hold a user name: staff with a casino see the rows of that casino's staff."""

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        rows: QuerySet[Any] = super().get_queryset(request)  # type: ignore[misc]
        staff = staff_of(request)
        if sees_all_casinos(staff):
            return rows
        return rows.filter(username__in=in_casino_of(staff, User.objects.all(), lookup="casino").values("username"))


@admin.register(AccessAttempt)
class FailedTriesAdmin(OwnCasinoByName, PlainForms, ReadableLists, AccessAttemptAdmin):  # type: ignore[misc]
    """Failed tries. Deleting them ends the lock-out; they cannot be changed."""

    actions = ()  # The clean-up action of axes works only during a sign-in.
    date_hierarchy = None  # It reads the whole table.
    paginator = CappedPaginator
    show_full_result_count = False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AccessLog)
class SignInsAdmin(OwnCasinoByName, PlainForms, ReadableLists, AccessLogAdmin):  # type: ignore[misc]
    """Who signed in, when and from where; read-only."""

    date_hierarchy = None
    paginator = CappedPaginator
    show_full_result_count = False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
