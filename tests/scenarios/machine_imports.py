"""What is imported from files: finished visits, and all files once more."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal
from typing import Final
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from core.models import Player
from ratingslips.imports.apply import apply_events
from ratingslips.imports.events import EventKind, RatingEvent
from ratingslips.imports.progress import LineOutcome, Outcome
from ratingslips.models import GamingTable, RatingSlip
from tests.scenarios.machine import TAKEN, Machine, amounts, bets, means, minutes, picks, seats
from tests.scenarios.model import ModelSlip, Stretch, overlap

REFUSED: Final = TAKEN | {"SLIP_NOT_OPENED"}


class ImportRules(Machine):
    """Import a visit of the past; import everything again."""

    def imported(self, lines: list[RatingEvent]) -> list[LineOutcome]:
        return list(apply_events(casino=self.floor.casino, actor=self.floor.supervisor, events=lines))

    @rule(
        who=picks,
        where=picks,
        seat=seats,
        bet=bets,
        back=st.integers(0, 200),
        length=minutes,
        bought=st.none() | amounts,
        by=means,
        chips=st.booleans(),
    )
    def import_visit(
        self,
        who: int,
        where: int,
        seat: int,
        bet: Decimal,
        back: int,
        length: int,
        bought: Decimal | None,
        by: str,
        chips: bool,
    ) -> None:
        """A visit with a first buy-in of 100, a further one if any is `bought`, and the total at the closing."""
        player, table = self.player(who), self.table(where)
        ended_at = self.now - timedelta(minutes=back)
        play = Stretch(
            table=table,
            seat=seat,
            average_bet=bet,
            started_at=ended_at - timedelta(minutes=length),
            ended_at=ended_at,
            game=self.games[table],
        )
        new = ModelSlip(pk=uuid4(), player=player, play=[play], status="CLOSED", closed_at=ended_at)
        number = f"I{len(self.lines)}"
        opening = RatingEvent(
            line=len(self.lines) + 2,
            slip_number=number,
            occurred_at=play.started_at,
            kind=EventKind.OPEN,
            player_card=Player.objects.get(pk=player).card_number,
            table=GamingTable.objects.get(pk=table).name,
            seat=seat,
            average_bet=bet,
            buy_in=Decimal(100),
        )
        money = RatingEvent(
            line=opening.line + 1,
            slip_number=number,
            occurred_at=ended_at,
            kind=EventKind.BUY_IN,
            buy_in=bought,
            means=by,
        )
        closing = RatingEvent(
            line=opening.line + 2,
            slip_number=number,
            occurred_at=ended_at,
            kind=EventKind.CLOSE,
            buy_in=Decimal(100) + (bought or 0) + 50,
            chips_out=Decimal(300) if chips else None,
        )
        lines = [opening, *([money] if bought else []), closing]
        outcomes = self.imported(lines)
        codes = {outcome.error.code for outcome in outcomes if outcome.error}
        if not self.players[player].is_active:
            assert codes == {"PLAYER_NOT_ACTIVE", "SLIP_NOT_OPENED"}
        elif overlap(new, self.slips):
            assert codes
            assert codes <= REFUSED
        else:
            assert not codes
            self.lines += lines
            new.pk = RatingSlip.objects.get(slip_number=number, casino=self.floor.casino).pk
            new.settle(self.players[player], is_paused=self.is_paused)
            new.is_touched = new.is_closed_by_hand = True
            self.add(new)
            self.take_rows(new)
            recorded = [
                Decimal(100),
                *([bought] if bought else []),
                Decimal(50),
                *([closing.chips_out] if chips else []),
            ]
            assert [row.amount for row in new.money] == recorded

    @precondition(lambda self: bool(self.lines))
    @rule()
    def import_again(self) -> None:
        outcomes = Counter(outcome.outcome for outcome in self.imported(self.lines))
        assert outcomes == {Outcome.ALREADY_IMPORTED: len(self.lines)}
