"""Pages of pits, games and tables, and of the permissions on a pit."""

from django.contrib import admin

from core.console.display import active_pill
from core.console.grants import GrantingAdmin
from core.console.lists import OwnCasinoFilter
from core.console.scope import ConsoleAdmin
from ratingslips.models import GameSettings, GamingTable, Pit


@admin.register(Pit)
class PitAdmin(GrantingAdmin[Pit]):
    """Pits; the permissions page says who may operate a pit and recover points in it."""

    casino_lookup = "casino"
    grantable = ("operate_pit", "recover_loyalty", "change_pit")
    list_display = ("name", "casino")
    list_select_related = ("casino",)
    list_filter = (("casino", OwnCasinoFilter),)
    search_fields = ("name",)


@admin.register(GameSettings)
class GameSettingsAdmin(ConsoleAdmin[GameSettings]):
    """Games and their settings; a change applies to segments that begin after it."""

    casino_lookup = "casino"
    list_display = ("name", "code", "decisions_per_hour", "house_edge_percent", "seats", "casino")
    list_select_related = ("casino",)
    list_filter = (("casino", OwnCasinoFilter),)
    search_fields = ("name", "code")


@admin.register(GamingTable)
class GamingTableAdmin(ConsoleAdmin[GamingTable]):
    """Tables; a table that is no longer used is deactivated."""

    casino_lookup = "casino"
    list_display = ("name", "pit", "game", "seats", "state", "casino")
    list_select_related = ("pit", "game", "casino")
    list_filter = ("is_active", ("pit", OwnCasinoFilter), ("game", OwnCasinoFilter), ("casino", OwnCasinoFilter))
    search_fields = ("name",)

    @admin.display(description="state", ordering="is_active")
    def state(self, table: GamingTable) -> str:
        return active_pill(table)
