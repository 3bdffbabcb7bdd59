"""Limit lists, choices, filters and addresses to the rows that a person sees (the rule: `core.permissions`)."""

from collections.abc import Callable, Collection, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar

from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.db import models
from django.forms import ModelChoiceField
from django.http import HttpRequest, HttpResponse
from django.utils.text import capfirst

from core.changes.models import CONCERNED_INDEXED
from core.changes.tables import ABOUT_STAFF, LOGGED
from core.console.add_forms import AddedOnce
from core.console.change_forms import VersionedForms
from core.console.change_words import in_words
from core.console.links import Link, links_for, list_url
from core.console.readable import ReadableLists
from core.console.widgets import PlainForms
from core.keys import key_of
from core.keyset import ID, PAGE_ROWS, RECORDED_AT, Order, Window, page_of
from core.models import Change, User
from core.permissions import VIEW_CHANGES, VIEW_STAFF, held_by

M = TypeVar("M", bound=models.Model)
Q = TypeVar("Q", bound="models.QuerySet[Any]")

P = TypeVar("P", bound=models.Model)

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin
    TabularInline = admin.TabularInline
else:

    class ModelAdmin(admin.ModelAdmin, Generic[M]):
        """Django's own, with its model as a type argument."""

    class TabularInline(PlainForms, admin.TabularInline, Generic[M, P]):
        """Django's own, with its model and its parent's as type arguments."""


class ReadOnlyInline(TabularInline[M, P]):
    """The rows of a parent's page, to read: services write them."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


LIST_PER_PAGE = 20
AUTHORS_OFFERED: Final = 500
NO_CASINO: Final = 0
# Each is looked up by its key. If several rows are named, a page looks at fewer changes of each.
CONCERNED_LOOKED_AT: Final = 40
# Of the changes of one row. In the order of an index PostgreSQL would pass over those of all others.
SORTED_BY_TIME: Final = Order(keys=(RECORDED_AT, ID), is_sorted=True)


def staff_of(request: HttpRequest) -> User:
    """The signed-in member of staff; the admin has checked that there is one."""
    assert isinstance(request.user, User), "the admin lets nobody in who is not signed in"
    return request.user


def sees_all_casinos(user: User) -> bool:
    """Whether `user` sees all casinos: has none of its own, and is a superuser or an operator."""
    return user.casino_id is None and (user.is_superuser or held_by(user).is_operator)


def casino_id_seen_by(user: User) -> int | None:
    """The key of the casino that `user` sees: None for all of them, `NO_CASINO` for none."""
    return None if sees_all_casinos(user) else user.casino_id or NO_CASINO


def in_casino_of(user: User, rows: Q, *, lookup: str) -> Q:
    """Return the `rows` that `user` sees; `lookup` leads from a row to its casino."""
    if sees_all_casinos(user):
        return rows
    if user.casino_id is None:
        return rows.none()
    return rows.filter(**{lookup: user.casino_id})


def rows_with(staff: User, permission: str, rows: Q) -> Q:
    """Those of `rows` that `staff` sees and on which they hold `permission`, on the row itself or globally."""
    seen, keys = in_casino_of(staff, rows, lookup="casino"), held_by(staff).keys(permission)
    return seen if staff.is_superuser or "" in keys else seen.filter(pk__in=[key_of(key) for key in keys])


def sees_casino(staff: User, casino_id: int) -> bool:
    """Whether `staff` sees the rows of this casino."""
    return casino_id == staff.casino_id or sees_all_casinos(staff)


def holds_on(staff: User, permission: str, row: Any, *, player_id: int | None = None) -> bool:
    """Whether a page offers `staff` what needs `permission` on `row`; see `has_permission`, which services ask."""
    held = held_by(staff)
    works_there = sees_casino(staff, row.casino_id)
    is_held = staff.is_superuser or not held.keys(permission).isdisjoint({"", str(row.pk)})
    return works_there and is_held and player_id not in held.own_players


def may_act_in_casino_of(user: User) -> "models.QuerySet[User]":
    """The staff who may have acted in the casino of `user`: its own, and those of no casino, who act in all."""
    if user.casino_id is None:
        return in_casino_of(user, User.objects.all(), lookup="casino")
    people: models.QuerySet[User] = User.objects.filter(models.Q(casino=user.casino_id) | models.Q(casino=None))
    return people


def authors_offered(people: "models.QuerySet[User]", *, chosen: str) -> dict[str, str]:
    """Those of `people` whom a filter by author offers, by key: those of no casino first, then by user name.

    If they are more than `AUTHORS_OFFERED`, the page of a person leads to what they did: `chosen`, the key that the
    address names, is always among them.
    """
    first = people.order_by(models.F("casino").asc(nulls_first=True), "username")[:AUTHORS_OFFERED]
    offered = {str(person.pk): person.name_and_login for person in first}
    if chosen not in offered and (key := key_of(chosen)) and (person := people.filter(pk=key).first()):
        offered[str(person.pk)] = person.name_and_login
    return offered


def changes_seen_by(user: User) -> "models.QuerySet[Change]":
    """The changes of the change log that `user` sees: of their casino, and of what belongs to none."""
    changes = of_readable_tables(user, Change.objects.all())
    if sees_all_casinos(user):
        return changes
    if user.casino_id is None:
        return changes.none()
    return changes.filter(models.Q(casino=user.casino_id) | models.Q(casino=None))


def of_readable_tables(user: User, changes: "models.QuerySet[Change]") -> "models.QuerySet[Change]":
    """Those of `changes` that are not about staff, unless `user` may view staff."""
    return changes if user.has_perm(VIEW_STAFF) else changes.exclude(table_name__in=ABOUT_STAFF)


def changes_concerning(changes: "models.QuerySet[Change]", rows: Collection[str]) -> "models.QuerySet[Change]":
    """Those of `changes` that concern one of `rows` (`table:key`); sort them in `SORTED_BY_TIME`."""
    concern = models.Q(concerns__len__gt=CONCERNED_INDEXED, concerns__overlap=list(rows))
    for number in range(CONCERNED_INDEXED):
        concern |= models.Q(**{f"concerns__{number}__in": list(rows)})
    return changes.filter(concern)


def window_of_concerned(rows: Collection[str], *, order: Order = SORTED_BY_TIME) -> Window[Change]:
    """What a page of the changes that concern one of `rows` looks at; `order` is sorted by time."""
    of_one_row = Order(keys=order.keys)
    parts = [
        (Change.objects.filter(**{f"concerns__{number}": row}), of_one_row)
        for row in rows
        for number in range(CONCERNED_INDEXED)
    ]
    of_many = Change.objects.filter(concerns__len__gt=CONCERNED_INDEXED, concerns__overlap=list(rows))
    parts.append((of_many, order))
    return Window(
        rows=Change.objects.all(),
        most=CONCERNED_LOOKED_AT if len(rows) == 1 else PAGE_ROWS + 1,
        by_keys=True,
        parts=parts,
    )


class HistoryOfChanges(ModelAdmin[M]):
    """Mixed into an admin before Django's: “History” shows the newest changes of the row in the change log."""

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        table, key = self.opts.db_table, key_of(unquote(object_id))
        shown: dict[str, Any] = {}
        if table in LOGGED and key is not None and staff_of(request).has_perm(VIEW_CHANGES):
            row = f"{table}:{key}"
            changes = changes_seen_by(staff_of(request))
            newest = page_of(changes, order=SORTED_BY_TIME, window=window_of_concerned([row]))
            shown = {"changes": in_words(newest.rows), "changes_url": list_url(Change, of=row)}
        return super().history_view(request, object_id, shown | (extra_context or {}))


@cache
def _text_of(model: Any, name: str) -> Callable[[Any], str]:
    """A column for an admin page: the reference `name` of a row as text; the same function each time."""

    def text(row: Any) -> str:
        return str(getattr(row, name))

    text.__name__ = name
    text.short_description = model._meta.get_field(name).verbose_name  # type: ignore[attr-defined]
    return text


class ConsoleAdmin(AddedOnce, VersionedForms, PlainForms, ReadableLists, HistoryOfChanges[M]):
    """Pages of one model. They hide other casinos' rows and delete nothing: unused rows are deactivated."""

    casino_lookup: ClassVar[str]
    show_full_result_count = False
    list_per_page = LIST_PER_PAGE
    shows_history: ClassVar[bool] = True
    explanation: ClassVar[str] = ""
    """A sentence above the list and above each row."""

    def get_queryset(self, request: HttpRequest) -> "models.QuerySet[M]":
        return in_casino_of(staff_of(request), super().get_queryset(request), lookup=self.casino_lookup)

    def formfield_for_foreignkey(
        self, db_field: "models.ForeignKey[Any, Any]", request: HttpRequest, **kwargs: Any
    ) -> "ModelChoiceField[Any] | None":
        """Offer only what the other model's own page would show."""
        related = self.admin_site._registry.get(db_field.related_model)
        if isinstance(related, ConsoleAdmin) and "queryset" not in kwargs:
            kwargs["queryset"] = related.get_queryset(request)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"casino": staff_of(request).casino_id} | super().get_changeform_initial_data(request)

    def get_readonly_fields(self, request: HttpRequest, obj: M | None = None) -> Any:
        """No row moves to another casino."""
        fields = tuple(super().get_readonly_fields(request, obj))
        fields = (*fields, "casino") if obj is not None and hasattr(obj, "casino_id") else fields
        return self._without_refused_links(request, obj, fields)

    def get_fieldsets(self, request: HttpRequest, obj: M | None = None) -> Any:
        """Django's, where a reference that is only read is a link only if its page may be opened."""
        is_read = obj is not None and not self.has_change_permission(request, obj)
        only_read = None if is_read else set(self.get_readonly_fields(request, obj))
        return [
            (title, {**options, "fields": self._without_refused_links(request, obj, options["fields"], only_read)})
            for title, options in super().get_fieldsets(request, obj)
        ]

    def _without_refused_links(
        self, request: HttpRequest, obj: M | None, names: Iterable[Any], only: "set[Any] | None" = None
    ) -> tuple[Any, ...]:
        """`names`, with a function that gives the text in place of each reference that would link to a refused page."""
        shown: list[Any] = []
        for name in names:
            if isinstance(name, (list, tuple)):
                shown.append(self._without_refused_links(request, obj, name, only))
            elif obj is None or callable(name) or not self._is_refused(request, obj, name):
                shown.append(name)
            else:
                model: Any = self.model
                text = _text_of(model, name)
                shown.append(text if only is None or text in only else name)
        return tuple(shown)

    def _is_refused(self, request: HttpRequest, obj: M, name: str) -> bool:
        """Whether `name` refers to a row whose page the member of staff may not open."""
        column = next((column for column in self.opts.concrete_fields if column.name == name), None)
        if column is None or column.related_model is None:
            return False
        page = self.admin_site._registry.get(column.related_model)
        referred = getattr(obj, name)
        return page is not None and referred is not None and not page.has_view_permission(request, referred)

    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False

    def list_links(self, request: HttpRequest) -> Iterable[Link]:
        """Buttons above the list."""
        return ()

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        shown = {
            "title": capfirst(self.opts.verbose_name_plural),
            "console_links": list(self.list_links(request)),
            "explanation": self.explanation,
        }
        return super().changelist_view(request, shown | (extra_context or {}))

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: M | None = None,
    ) -> HttpResponse:
        context["console_links"] = links_for(request, obj) if obj is not None else []
        context["shows_history"] = self.shows_history or self.opts.db_table in LOGGED
        context["explanation"] = self.explanation
        return super().render_change_form(request, context, add, change, form_url, obj)


class ServiceOwnedAdmin(ConsoleAdmin[M]):
    """Read-only pages of what services write; superusers cannot add, change or delete there either."""

    shows_history = False
    change_form_template = "core/console/read_only.html"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:
        return False
