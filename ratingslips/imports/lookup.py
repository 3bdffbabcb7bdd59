"""The players, tables and slips of a casino that a chunk of slips names."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models.functions import Upper

from core.errors import NotFound
from core.models import Casino, Player
from core.text import shortened
from ratingslips.imports.events import EventKind
from ratingslips.imports.reconcile import RecordedSlip, recorded_slips
from ratingslips.imports.slip_lines import SlipLines
from ratingslips.models import GamingTable


class UnknownPlayer(NotFound):
    """The casino has no player with this card."""

    code = "UNKNOWN_PLAYER"


class UnknownTable(NotFound):
    """The casino has no table of this name."""

    code = "UNKNOWN_TABLE"


@dataclass(kw_only=True, slots=True)
class Lookup:
    """The players, tables and slips that the lines of a chunk of slips name."""

    casino: Casino
    players: dict[str, int]
    tables: dict[str, int]
    slips: dict[str, RecordedSlip]

    @classmethod
    def of(cls, casino: Casino, slips: Sequence[SlipLines]) -> "Lookup":
        events = [event for lines in slips for event in lines.events]
        cards = {event.player_card for event in events if event.kind == EventKind.OPEN}
        names = {event.table for event in events if event.table}
        players = Player.objects.alias(card=Upper("card_number")).filter(casino=casino, card__in=cards).order_by()
        tables = GamingTable.objects.filter(casino=casino, name__in=names).order_by()
        return cls(
            casino=casino,
            players=dict(players.values_list(Upper("card_number"), "pk")),
            tables=dict(tables.values_list("name", "pk")),
            slips=recorded_slips(casino=casino, slip_numbers=[lines.slip_number for lines in slips]),
        )

    def player_id(self, card: str | None) -> int:
        """:raises UnknownPlayer: the casino has no such card."""
        if card not in self.players:
            raise UnknownPlayer(f"There is no player with card {shortened(str(card))} in this casino.")
        return self.players[card]

    def table_id(self, name: str | None) -> int:
        """:raises UnknownTable: the casino has no such table."""
        if name not in self.tables:
            raise UnknownTable(f"There is no table {shortened(str(name))} in this casino.")
        return self.tables[name]

    def read_again(self, slip_number: str) -> None:
        """Read a slip from the database again."""
        self.slips.pop(slip_number, None)
        self.slips.update(recorded_slips(casino=self.casino, slip_numbers=[slip_number]))
