"""The page of sign-ins and wrong passwords for auditors, and the page of locked names for supervisors."""

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from core.console.devices import device_name
from core.console.display import NOTHING, exact_moment, moment
from core.console.lists import LongList
from core.console.scope import ServiceOwnedAdmin, in_casino_of, sees_all_casinos, staff_of
from core.errors import DomainError
from core.keys import key_of
from core.models import User
from core.origins import Client
from core.permissions import LIFT_LOCK
from core.sign_in_locks import locked_staff
from core.sign_in_log import SignInEvent
from core.sign_ins import lift_lock

UNKNOWN_NAME = "a name that nobody has"
NOT_KNOWN = "not known"


@admin.register(SignInEvent)
class SignInsAdmin(LongList, ServiceOwnedAdmin[SignInEvent]):
    """Who signed in and out, when and from where, and which passwords were wrong; read-only."""

    casino_lookup = "staff__casino"
    list_display = ("when", "who", "what", "client_address", "browser")
    list_filter = ("kind",)
    list_select_related = ("staff", "done_by")
    search_fields = ("staff__username__istartswith", "client_address")
    search_help_text = "User name or address."
    ordering = ("-pk",)
    fields = ("when", "who", "what", "client_address", "device", "correlation_id")
    readonly_fields = ("when", "who", "what")

    @admin.display(description="when")
    def when(self, event: SignInEvent) -> str:
        return exact_moment(event.at)

    @admin.display(description="who")
    def who(self, event: SignInEvent) -> str:
        if event.staff:
            return event.staff.name_and_login
        return UNKNOWN_NAME if event.kind == SignInEvent.Kind.WRONG else NOT_KNOWN

    @admin.display(description="what")
    def what(self, event: SignInEvent) -> str:
        by = f" by {event.done_by.name_and_login}" if event.done_by else ""
        return f"{event.get_kind_display()}{by}"

    @admin.display(description="browser")
    def browser(self, event: SignInEvent) -> str:
        return device_name(event.device) if event.device else NOTHING

    def get_queryset(self, request: HttpRequest) -> "QuerySet[SignInEvent]":
        """The rows of the own casino's staff, of staff of no casino, who act in all, and of names that nobody has."""
        rows = admin.ModelAdmin.get_queryset(self, request)
        staff = staff_of(request)
        if sees_all_casinos(staff):
            return rows
        return rows.filter(Q(staff__casino=staff.casino_id) | Q(staff__casino=None)) if staff.casino_id else rows.none()

    def get_urls(self) -> list[URLPattern]:
        """Django's addresses, and that of the locked names."""
        locks = self.admin_site.admin_view(require_http_methods(["GET", "HEAD", "POST"])(self.locks))
        return [path("locks/", locks, name="core_signinevent_locks"), *super().get_urls()]

    def locks(self, request: HttpRequest) -> HttpResponse:
        """Show whose name is locked, and lift a lock."""
        actor, now = staff_of(request), timezone.now()
        if not actor.has_perm(LIFT_LOCK):
            raise PermissionDenied
        staff = in_casino_of(actor, User.objects.all(), lookup="casino")
        if request.method == "POST":
            self._lift(request, get_object_or_404(staff, pk=key_of(request.POST.get("staff", ""))))
            return HttpResponseRedirect(request.path)
        locked = [(lock, moment(lock.until)) for lock in locked_staff(among=staff, at=now)]
        context = {**self.admin_site.each_context(request), "title": "Locked sign-ins", "locked": locked}
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "core/admin/locks.html", context)

    def _lift(self, request: HttpRequest, member: User) -> None:
        try:
            lift_lock(staff=member, actor=staff_of(request), client=Client.of(request), at=timezone.now())
        except DomainError as error:
            messages.error(request, error.message)
        else:
            messages.success(request, f"{member.display_name} may try to sign in again.")
