"""Pits, games and tables: what a supervisor sets up, and the rights that are granted on a pit."""

from django.contrib import admin

from core.console.display import active_pill
from core.console.grants import GrantingAdmin
from core.console.lists import OwnCasinoFilter
from core.console.scope import ConsoleAdmin
from ratingslips.models import GameSettings, GamingTable, Pit


@admin.register(Pit)
class PitAdmin(GrantingAdmin[Pit]):
    """Pits; who may operate one, or recover points in it, is said on its permissions page."""

    casino_lookup = "casino"
    grantable = ("operate_pit", "recover_loyalty", "change_pit")
    list_display = ("name", "casino")
    list_select_related = ("casino",)
    list_filter = (("casino", OwnCasinoFilter),)
    search_fields = ("name",)


@admin.register(GameSettings)
class GameSettingsAdmin(ConsoleAdmin[GameSettings]):
    """What games are worth; a change holds for play that begins after it."""

    casino_lookup = "casino"
    list_display = ("name", "code", "decisions_per_hour", "house_edge_percent", "seats", "casino")
    list_select_related = ("casino",)
    list_filter = (("casino", OwnCasinoFilter),)
    search_fields = ("name", "code")


@admin.register(GamingTable)
class GamingTableAdmin(ConsoleAdmin[GamingTable]):
    """Tables; one that is no longer used is deactivated."""

    casino_lookup = "casino"
    list_display = ("name", "pit", "game", "seats", "state", "casino")
    list_select_related = ("pit", "game", "casino")
    list_filter = ("is_active", ("pit", OwnCasinoFilter), ("game", OwnCasinoFilter), ("casino", OwnCasinoFilter))
    search_fields = ("name",)

    @admin.display(description="state", ordering="is_active")
    def state(self, table: GamingTable) -> str:
        return active_pill(table)
