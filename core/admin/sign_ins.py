"""Pages of sign-ins, for superusers: the log of sign-ins, and failed tries, which lock an account out."""

from typing import Any

from axes.admin import AccessAttemptAdmin, AccessLogAdmin
from axes.models import AccessAttempt, AccessLog
from django.contrib import admin
from django.http import HttpRequest

from core.console.lists import CappedPaginator
from core.console.readable import ReadableLists
from core.console.widgets import PlainForms


@admin.register(AccessAttempt)
class FailedTriesAdmin(PlainForms, ReadableLists, AccessAttemptAdmin):  # type: ignore[misc]
    """Failed tries. Deleting them ends the lock-out; they cannot be changed."""

    actions = ()  # The clean-up action of axes works only during a sign-in.
    date_hierarchy = None  # It reads the whole table.
    paginator = CappedPaginator
    show_full_result_count = False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AccessLog)
class SignInsAdmin(PlainForms, ReadableLists, AccessLogAdmin):  # type: ignore[misc]
    """Who signed in, when and from where; read-only."""

    date_hierarchy = None
    paginator = CappedPaginator
    show_full_result_count = False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
