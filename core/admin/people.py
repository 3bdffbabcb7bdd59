"""The console's pages of casinos, players and replays."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest

from core.admin.login import SignInForm
from core.console.asking_again import AsksAgain
from core.console.display import active_pill, listed_name, pill
from core.console.links import Link, adds_links, link_to, list_url
from core.console.lists import LongList, OwnCasinoFilter, PlayerSearch
from core.console.scope import ConsoleAdmin, ServiceOwnedAdmin, sees_all_casinos, staff_of
from core.models import Casino, Player, ReasonCode, ReplayCount
from core.permissions import VIEW_REASON_CODES, held_by
from core.reasons.models import Operation
from core.recorded_days import FIXED_BY_RECORDS, has_recorded_days

admin.site.site_header = "Table ratings"
admin.site.site_title = "Table ratings"
admin.site.login_form = SignInForm
admin.site.index_title = "Console"
admin.site.site_url = None
admin.site.enable_nav_sidebar = False  # The floor needs the width; the header links to the lists.


@admin.register(Casino)
class CasinoAdmin(ConsoleAdmin[Casino]):
    """Casinos: their name, their time zone and when their gaming day begins."""

    asks_again = AsksAgain()  # It says who needs a second factor, and which awards and redemptions are to be confirmed.
    casino_lookup = "pk"
    list_display = ("name", "code", "time_zone", "gaming_day_starts_at")
    search_fields = ("name", "code")

    def get_readonly_fields(self, request: HttpRequest, obj: Casino | None = None) -> Any:
        fixed = FIXED_BY_RECORDS if obj is not None and has_recorded_days(obj) else ()
        return (*super().get_readonly_fields(request, obj), *fixed)

    def get_fieldsets(self, request: HttpRequest, obj: Casino | None = None) -> Any:
        """Say why the fields are read-only."""
        ((name, options),) = super().get_fieldsets(request, obj)
        if obj is None or not has_recorded_days(obj):
            return [(name, options)]
        why = "Time zone and start of the gaming day are fixed: slips, ledger entries or exports were recorded by them."
        return [(name, {**options, "description": why})]


@adds_links(Casino)
def _reason_codes_link(request: HttpRequest, casino: Casino) -> Iterable[Link]:
    if staff_of(request).has_perm(VIEW_REASON_CODES):
        url = list_url(ReasonCode, **({"casino__id__exact": casino.pk} if sees_all_casinos(staff_of(request)) else {}))
        yield Link(label="Reason codes", url=url)


@admin.register(ReasonCode)
class ReasonCodeAdmin(ConsoleAdmin[ReasonCode]):
    """Reason codes; one that is no longer used is deactivated."""

    casino_lookup = "casino"
    explanation = "The reasons that staff choose from when they do something by hand. What was done keeps its code."
    list_display = ("label", "code", "chosen_for", "text_required", "state", "casino")
    list_select_related = ("casino",)
    list_filter = ("is_active", ("casino", OwnCasinoFilter))
    search_fields = ("code", "label")
    fields = ("casino", "code", "label", "operations", "text_required", "is_active")

    def get_fields(self, request: HttpRequest, obj: ReasonCode | None = None) -> Any:
        """Those of the form, or for staff who may only look at a code, what the list says of it."""
        if obj is None or self.has_change_permission(request, obj):
            return self.fields
        return ("casino", "code", "label", "chosen_for", "text_required", "state")

    def get_readonly_fields(self, request: HttpRequest, obj: ReasonCode | None = None) -> Any:
        """A code is kept with what was done, and stays as it is."""
        return (*super().get_readonly_fields(request, obj), *(("code",) if obj is not None else ()))

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Each operation as a checkbox."""
        if db_field.name != "operations":
            return super().formfield_for_dbfield(db_field, request, **kwargs)
        return forms.MultipleChoiceField(
            choices=Operation.choices, widget=forms.CheckboxSelectMultiple, help_text=db_field.help_text
        )

    @admin.display(description="for")
    def chosen_for(self, code: ReasonCode) -> str:
        return ", ".join(Operation(operation).label for operation in code.operations)

    @admin.display(description="state", ordering="is_active")
    def state(self, code: ReasonCode) -> str:
        return active_pill(code)


@admin.register(Player)
class PlayerAdmin(LongList, PlayerSearch, ConsoleAdmin[Player]):
    """Known players; enrolling one opens the loyalty account."""

    casino_lookup = "casino"
    list_display = ("name", "card_number", "state", "casino")
    list_display_links = None  # The name leads to the player's page, which leads to this form.
    list_filter = ("status", ("casino", OwnCasinoFilter))
    list_select_related = ("casino",)
    ordering = ("casino_id", "sort_name", "card_number")  # as the index has it
    player_lookup = "pk"
    fields = ("casino", "card_number", "first_name", "last_name", "status")

    def has_change_permission(self, request: HttpRequest, obj: Player | None = None) -> bool:
        """Nobody changes their own player account."""
        is_own = obj is not None and obj.pk in held_by(staff_of(request)).own_players
        return not is_own and super().has_change_permission(request, obj)

    @admin.display(description="player")
    def name(self, player: Player) -> str:
        return link_to(player, listed_name(player))

    @admin.display(description="status")
    def state(self, player: Player) -> str:
        return pill(player.get_status_display(), state=player.status)


@admin.register(ReplayCount)
class ReplayCountAdmin(ServiceOwnedAdmin[ReplayCount]):
    """How often a request was repeated, by gaming day: double clicks, and answers that were lost."""

    casino_lookup = "casino"
    list_display = ("gaming_day", "operation", "replays", "casino")
    list_filter = (("casino", OwnCasinoFilter),)
    list_select_related = ("casino",)
    ordering = ("-gaming_day", "operation")
