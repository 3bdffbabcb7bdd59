"""Sign-ins, for superusers: who signed in, to read; and who is kept out after too many tries, to be let in again."""

from typing import Any

from axes.admin import AccessAttemptAdmin, AccessLogAdmin
from axes.models import AccessAttempt, AccessLog
from django.contrib import admin
from django.http import HttpRequest

from core.console.lists import CappedPaginator
from core.console.readable import ReadableLists
from core.console.widgets import PlainForms


@admin.register(AccessAttempt)
class KeptOutAdmin(PlainForms, ReadableLists, AccessAttemptAdmin):  # type: ignore[misc]
    """Tries that failed. Deleting them lets somebody in again before the time is up; nothing of them is changed.

    axes' own action to clean up needs what axes sets at a sign-in alone, and fails on this page.
    """

    actions = ()
    date_hierarchy = None  # It reads the whole table.
    paginator = CappedPaginator
    show_full_result_count = False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(AccessLog)
class SignInAdmin(PlainForms, ReadableLists, AccessLogAdmin):  # type: ignore[misc]
    """Who signed in, when and from where: a trace, which nobody changes or deletes."""

    date_hierarchy = None
    paginator = CappedPaginator
    show_full_result_count = False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
