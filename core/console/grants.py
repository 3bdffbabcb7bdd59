"""Pages that grant permissions on one row, such as a pit, to a person or a role."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, ClassVar, Final

import structlog
from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from guardian.admin import GuardedModelAdminMixin
from guardian.forms import GroupObjectPermissionsForm, UserObjectPermissionsForm
from guardian.shortcuts import get_group_perms, get_groups_with_perms, get_user_perms, get_users_with_perms

from core.console.asking_again import asks_again
from core.console.change_forms import (
    UNRECOGNISED,
    PostedChange,
    answer_busy,
    changed_meanwhile,
    judge_by_now,
    note,
    posted_change,
    refusable,
)
from core.console.links import Link, adds_links
from core.console.scope import ConsoleAdmin, M, in_casino_of, staff_of
from core.console.versions import FORM_VERSION, GRANTS_LOGGED_AS, Version, difference, who_changed
from core.errors import Busy
from core.keys import key_of
from core.managing import lock_permissions
from core.models import User
from core.permissions import VIEW_STAFF, has_permission, held_by, permissions_on
from core.querysets import LockingQuerySet
from core.transactions import operation

log = structlog.get_logger(__name__)

PERMISSIONS: Final = "permissions"


def _grantable(obj: Model) -> set[str]:
    """The codenames of the permissions that the pages of `obj` grant."""
    names = admin.site.get_model_admin(type(obj)).grantable  # type: ignore[attr-defined]
    return {name.rpartition(".")[2] for name in names}


class _Checkboxes:
    """Each grantable permission as a checkbox, which needs no script.

    A `granting` member of staff is offered those that they hold themselves, and those that are granted already.
    """

    granting: User | None = None

    def get_obj_perms_field_choices(self) -> list[tuple[str, str]]:
        grantable = _grantable(self.obj)  # type: ignore[attr-defined]
        choices: list[tuple[str, str]] = super().get_obj_perms_field_choices()  # type: ignore[misc]
        offered = grantable if self.granting is None else self._may_tick(grantable)
        return [choice for choice in choices if choice[0] in offered]

    def _may_tick(self, grantable: Collection[str]) -> set[str]:
        obj: Any = self.obj  # type: ignore[attr-defined]
        names = {f"{obj._meta.app_label}.{codename}": codename for codename in grantable}
        held = permissions_on(self.granting, obj, *names)  # type: ignore[arg-type]
        return {names[permission] for permission in held} | set(self.get_obj_perms_field_initial())  # type: ignore[attr-defined]

    def get_obj_perms_field_widget(self) -> type[forms.Widget]:
        return forms.CheckboxSelectMultiple


class StaffGrantsForm(_Checkboxes, UserObjectPermissionsForm):
    """What one member of staff may do on the row."""


class RoleGrantsForm(_Checkboxes, GroupObjectPermissionsForm):
    """What the members of one role may do on the row."""


def version_of_grants(obj: Model, grantee: User | Group) -> Version:
    """The version of the permissions that a person or a role holds on `obj`."""
    granted = get_user_perms(grantee, obj) if isinstance(grantee, User) else get_group_perms(grantee, obj)
    held = sorted(_grantable(obj) & set(granted))
    return Version(subject=f"{obj._meta.label_lower} {obj.pk} {_name(grantee)}", values={PERMISSIONS: held})


def _name(grantee: User | Group) -> str:
    return f"{'user' if isinstance(grantee, User) else 'role'} {grantee.pk}"


class GrantingAdmin(GuardedModelAdminMixin, ConsoleAdmin[M]):
    """Pages of rows on which permissions are granted, by staff who may change the row."""

    grantable: ClassVar[Sequence[str]]  # names, such as "loyalty.award"
    change_form_template: str = "admin/change_form.html"  # type: ignore[misc]

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        adds_links(self.model)(self._permissions_link)

    def _permissions_link(self, request: HttpRequest, obj: M) -> list[Link]:
        if not self.may_see_grants(request, obj):
            return []
        return [
            Link(
                label="Permissions here",
                url=reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_permissions", args=[obj.pk]),
            )
        ]

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        """Whether a global permission or one on the row allows it; without a row, one on any row."""
        if super().has_change_permission(request, obj):
            return True
        permission = f"{self.opts.app_label}.change_{self.opts.model_name}"
        if obj is not None:
            return staff_of(request).has_perm(permission, obj)
        return permission in held_by(staff_of(request)).anywhere()

    def may_see_grants(self, request: HttpRequest, obj: M) -> bool:
        """Whether the sender may read the grants on the row: may change them, or may view both staff and the row."""
        sees_staff = staff_of(request).has_perm(VIEW_STAFF)
        return self.has_change_permission(request, obj) or (sees_staff and self.has_view_permission(request, obj))

    def obj_perms_manage_view(self, request: HttpRequest, object_pk: str) -> HttpResponse:
        """Show who holds which permission. Staff who may change grants can choose whose; others only read."""
        obj: M | None = self.get_object(request, object_pk)
        if obj is None:
            raise Http404
        if not self.may_see_grants(request, obj):
            raise PermissionDenied
        if not self.has_change_permission(request, obj):
            if request.method not in {"GET", "HEAD"}:
                raise PermissionDenied
            return self._read_grants(request, obj)
        response: HttpResponse = super().obj_perms_manage_view(request, object_pk)  # type: ignore[no-untyped-call]
        return response

    @asks_again()
    def obj_perms_manage_user_view(self, request: HttpRequest, object_pk: str, user_id: str) -> HttpResponse:
        obj = self._require_may_grant(request, object_pk)
        grantee = self._staff(request).filter(pk=key_of(user_id) or 0).first()
        if grantee is None:
            raise Http404
        self._refuse_grant_to_self(request, grantee)

        def answer() -> HttpResponse:
            page: HttpResponse = super(GrantingAdmin, self).obj_perms_manage_user_view(request, object_pk, user_id)  # type: ignore[no-untyped-call]
            return page

        return self._manage(request, obj, grantee, answer)

    @asks_again()
    def obj_perms_manage_group_view(self, request: HttpRequest, object_pk: str, group_id: str) -> HttpResponse:
        obj = self._require_may_grant(request, object_pk)
        role = Group.objects.filter(pk=key_of(group_id) or 0).first()
        if role is None:
            raise Http404
        self._refuse_grant_to_self(request, role)

        def answer() -> HttpResponse:
            page: HttpResponse = super(GrantingAdmin, self).obj_perms_manage_group_view(request, object_pk, group_id)  # type: ignore[no-untyped-call]
            return page

        return self._manage(request, obj, role, answer)

    def _manage(
        self, request: HttpRequest, obj: M, grantee: User | Group, answer: Callable[[], HttpResponse]
    ) -> HttpResponse:
        """Show the page that `answer` makes; a sent form is compared first, under the lock of the row."""
        if request.method != "POST":
            note(request, PostedChange(next_token=version_of_grants(obj, grantee).token))
            return answer()
        try:
            with operation("console.grant", actor_id=request.user.pk):
                LockingQuerySet(self.model).locked().get(pk=obj.pk)
                lock_permissions()
                judge_by_now(request)
                self._refuse_grant_to_self(request, grantee)
                if not has_permission(staff_of(request), f"{self.opts.app_label}.change_{self.opts.model_name}", obj):
                    raise PermissionDenied
                self._compare_grants(request, obj, grantee)
                page = answer()
                held = sorted(set(request.POST.getlist(PERMISSIONS)))
                if is_saved := page.status_code == 302:
                    self.log_change(
                        request, obj, f"{GRANTS_LOGGED_AS}{_name(grantee)} set to: {', '.join(held) or 'none'}."
                    )
        except Busy as error:
            return answer_busy(request, error, answer)
        if is_saved:
            kind, _, key = _name(grantee).partition(" ")
            on = {"on": self.opts.label_lower, "on_id": obj.pk}
            by = {"actor_id": request.user.pk, "as_superuser": staff_of(request).is_superuser}
            log.info("console.permissions_set", **{kind: key}, **on, held=held, **by)
        return page

    def _compare_grants(self, request: HttpRequest, obj: M, grantee: User | Group) -> None:
        """Note whether the grants are still what the form showed; merge what was ticked with what has changed."""
        now = version_of_grants(obj, grantee)
        shown = Version.read(request.POST.get(FORM_VERSION, ""), subject=now.subject)
        refusal: tuple[str, ...] = () if shown else (UNRECOGNISED,)
        if shown and now.changed_since(shown):
            old, new = set(shown.values[PERMISSIONS]), set(now.values[PERMISSIONS])
            names = dict(Permission.objects.filter(codename__in=_grantable(obj)).values_list("codename", "name"))
            who = who_changed(obj, since=shown.at, grantee=_name(grantee))
            refusal = changed_meanwhile(
                "These permissions were", [f"Permissions: {difference(old, new, names)}."], who=who
            )
            post, ticked = request.POST.copy(), set(request.POST.getlist(PERMISSIONS))
            post.setlist(PERMISSIONS, sorted(new - (old - ticked) | (ticked - old)))
            request.POST = post  # type: ignore[assignment]
        note(request, PostedChange(refusal=refusal, next_token=now.token))

    def _read_grants(self, request: HttpRequest, obj: M) -> HttpResponse:
        held = get_users_with_perms(obj, attach_perms=True, with_group_users=False)
        seen = set(in_casino_of(staff_of(request), User.objects.all(), lookup="casino").values_list("pk", flat=True))
        context = self.get_obj_perms_base_context(request, obj) | {
            "users_perms": {user: held[user] for user in sorted(held, key=str) if user.pk in seen},
            "groups_perms": get_groups_with_perms(obj, attach_perms=True),
        }
        request.current_app = self.admin_site.name
        return render(request, self.obj_perms_manage_template, context)

    def _require_may_grant(self, request: HttpRequest, object_pk: str) -> M:
        obj: M | None = self.get_object(request, object_pk)
        if obj is None:
            raise Http404
        if not self.has_change_permission(request, obj):
            raise PermissionDenied
        return obj

    def _refuse_grant_to_self(self, request: HttpRequest, grantee: User | Group) -> None:
        """Only a superuser may grant permissions to themselves or to a role that they have."""
        staff = staff_of(request)
        is_self = grantee == staff or (isinstance(grantee, Group) and staff.groups.filter(pk=grantee.pk).exists())
        if is_self and not staff.is_superuser:
            raise PermissionDenied

    def _staff(self, request: HttpRequest) -> Any:
        return in_casino_of(staff_of(request), User.objects.filter(is_staff=True), lookup="casino")

    def get_obj_perms_base_context(self, request: HttpRequest, obj: M) -> dict[str, Any]:
        context: dict[str, Any] = super().get_obj_perms_base_context(request, obj)  # type: ignore[no-untyped-call]
        permissions = [one for one in context["model_perms"] if one.codename in _grantable(obj)]
        posted = posted_change(request)
        staff = staff_of(request)
        # Their page of permissions is refused: see `_refuse_grant_to_self`.
        kept = [] if staff.is_superuser else [staff, *staff.groups.all()]
        shown = {"kept": kept, "model_perms": permissions, "title": f"Permissions: {obj}", "original": obj}
        return context | shown | {FORM_VERSION: posted.next_token if posted else ""}

    def get_obj_perms_user_select_form(self, request: HttpRequest) -> type[forms.Form]:
        field = forms.ModelChoiceField(
            queryset=self._staff(request).filter(is_active=True), label="Member of staff", empty_label="Choose one"
        )
        return type("StaffSelectForm", (forms.Form,), {"user": field})

    def get_obj_perms_group_select_form(self, request: HttpRequest) -> type[forms.Form]:
        field = forms.ModelChoiceField(queryset=Group.objects.order_by("name"), label="Role", empty_label="Choose one")
        return type("RoleSelectForm", (forms.Form,), {"group": field})

    def get_obj_perms_manage_user_form(self, request: HttpRequest) -> type[forms.Form]:
        return self._form(request, StaffGrantsForm)

    def get_obj_perms_manage_group_form(self, request: HttpRequest) -> type[forms.Form]:
        return self._form(request, RoleGrantsForm)

    def _form(self, request: HttpRequest, form: type[forms.Form]) -> type[forms.Form]:
        offering = type(form.__name__, (form,), {"granting": staff_of(request)})
        return refusable(request, offering)  # type: ignore[no-any-return]
