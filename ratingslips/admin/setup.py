"""Pages of pits and tables, and of the permissions on a pit."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from core.console.display import active_pill
from core.console.grants import GrantingAdmin
from core.console.lists import OwnCasinoFilter
from core.console.scope import ConsoleAdmin, M, staff_of
from core.errors import DomainError
from core.models import User
from ratingslips.models import GamingTable, Pit
from ratingslips.permissions import CHANGE_PIT, CORRECT_SLIP, OPERATE_PIT, RECOVER_LOYALTY
from ratingslips.services import require_pit_may_change, require_table_may_change


class SetupForm(forms.ModelForm):  # type: ignore[type-arg]
    """A pit or a table; the row of an existing one is locked. `actor` is the member of staff who sends the form."""

    actor: User


class SetupAdmin(ConsoleAdmin[M]):
    """An admin whose form knows who sends it."""

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        return type(form.__name__, (form,), {"actor": staff_of(request)})


class PitForm(SetupForm):
    """A pit."""

    def clean_name(self) -> str:
        """Refuse another name where the actor may not give it; see `require_pit_may_change`."""
        name: str = self.cleaned_data["name"]
        if self.instance.pk is not None:
            try:
                require_pit_may_change(self.instance, name=name, actor=self.actor)
            except DomainError as error:
                raise forms.ValidationError(error.message, code=error.code) from error
        return name


@admin.register(Pit)
class PitAdmin(GrantingAdmin[Pit], SetupAdmin[Pit]):
    """Pits; the permissions page says who may act on the slips of a pit."""

    casino_lookup = "casino"
    form = PitForm
    grantable = (OPERATE_PIT, RECOVER_LOYALTY, CORRECT_SLIP, CHANGE_PIT)
    list_display = ("name", "casino")
    list_select_related = ("casino",)
    list_filter = (("casino", OwnCasinoFilter),)
    search_fields = ("name",)


class TableForm(SetupForm):
    """A table."""

    def clean(self) -> dict[str, Any] | None:
        """Refuse another pit, game or name where the actor may not give it; see `require_table_may_change`."""
        cleaned: dict[str, Any] | None = super().clean()
        table, typed = self.instance, self.cleaned_data
        if table.pk is not None and {"pit", "game", "name"} <= typed.keys():
            wanted = {name: typed[name] for name in ("pit", "game", "name")}
            try:
                require_table_may_change(table, **wanted, actor=self.actor)
            except DomainError as error:
                field = next(name for name in wanted if wanted[name] != getattr(table, name))
                self.add_error(field, forms.ValidationError(error.message, code=error.code))
        return cleaned


@admin.register(GamingTable)
class GamingTableAdmin(SetupAdmin[GamingTable]):
    """Tables; a table that is no longer used is deactivated."""

    casino_lookup = "casino"
    form = TableForm
    list_display = ("name", "pit", "game", "seats", "state", "casino")
    list_select_related = ("pit", "game", "casino")
    list_filter = ("is_active", ("pit", OwnCasinoFilter), ("game", OwnCasinoFilter), ("casino", OwnCasinoFilter))
    search_fields = ("name",)

    @admin.display(description="state", ordering="is_active")
    def state(self, table: GamingTable) -> str:
        return active_pill(table)
