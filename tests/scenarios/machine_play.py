"""What is done on the floor: play and money of slips."""

from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from ratingslips.services import (
    change_average_bet,
    complete_rating_slip,
    move_rating_slip,
    open_rating_slip,
    pause_rating_slip,
    record_buy_in,
    record_chips_out,
    resume_rating_slip,
    strike_money_row,
)
from tests.scenarios.machine import REASON, TAKEN, Machine, ago, amounts, bets, means, minutes, picks, seats, with_slips
from tests.scenarios.model import ModelMoney, ModelSlip, Stretch, overlap


class PlayRules(Machine):
    """Open, pause, resume, change, move and close slips; record and strike money."""

    @rule(
        who=picks,
        where=picks,
        seat=seats,
        bet=bets,
        wait=minutes,
        back=ago,
        bought=st.none() | amounts,
        by=means,
        is_boss=st.booleans(),
    )
    def open(
        self,
        who: int,
        where: int,
        seat: int,
        bet: Decimal,
        wait: int,
        back: int,
        bought: Decimal | None,
        by: str,
        is_boss: bool,
    ) -> None:
        at = self.pass_time(wait) - timedelta(minutes=back)
        player, table = self.player(who), self.table(where)
        refusals = set() if self.players[player].is_active else {"PLAYER_NOT_ACTIVE"}
        slip = self.attempt(
            open_rating_slip,
            refusals | self.too_early(at),
            TAKEN,
            actor=self.actor(is_boss=is_boss),
            player=player,
            table=table,
            seat=seat,
            average_bet=bet,
            buy_in=bought,
            means=by,
            request_id=uuid4(),
            **self.chosen(at),
        )
        if slip:
            place: dict[str, Any] = {"table": table, "seat": seat, "game": self.games[table]}
            stretch = Stretch(**place, average_bet=bet, started_at=at, ended_at=None)
            new = ModelSlip(pk=slip.pk, player=player, play=[stretch], is_of_boss=is_boss)
            self.add(new)
            self.take_rows(new)

    @with_slips
    @rule(pick=picks, wait=minutes, back=ago)
    def pause(self, pick: int, wait: int, back: int) -> None:
        at, slip = self.pass_time(wait) - timedelta(minutes=back), self.slip(pick)
        refusals = self.live(slip, at) | ({"SLIP_NOT_OPEN"} if slip.status == "PAUSED" else set())
        if self.act(pause_rating_slip, slip, refusals, **self.chosen(at)):
            self.end(slip, at)
            slip.status, slip.is_touched = "PAUSED", True

    @with_slips
    @rule(pick=picks, wait=minutes, back=ago)
    def resume(self, pick: int, wait: int, back: int) -> None:
        at, slip = self.pass_time(wait) - timedelta(minutes=back), self.slip(pick)
        refusals = self.live(slip, at) | ({"SLIP_NOT_PAUSED"} if slip.status == "OPEN" else set())
        if self.act(resume_rating_slip, slip, refusals, **self.chosen(at)):
            slip.play.append(replace(slip.play[-1], started_at=at, ended_at=None))
            slip.status, slip.is_touched = "OPEN", True

    @with_slips
    @rule(pick=picks, bet=bets, wait=minutes, back=ago)
    def change_bet(self, pick: int, bet: Decimal, wait: int, back: int) -> None:
        at, slip = self.pass_time(wait) - timedelta(minutes=back), self.slip(pick)
        if self.act(change_average_bet, slip, self.live(slip, at), average_bet=bet, **self.chosen(at)):
            if bet != slip.play[-1].average_bet:
                self.go_on(slip, at, average_bet=bet)
            slip.is_touched = True

    def go_on(self, slip: ModelSlip, at: datetime, **changes: Any) -> None:
        self.end(slip, at)
        ended_at = at if slip.status == "PAUSED" else None
        slip.play.append(replace(slip.play[-1], started_at=at, ended_at=ended_at, **changes))

    @with_slips
    @rule(pick=picks, where=picks, seat=seats, bet=st.none() | bets, wait=minutes, back=ago)
    def move(self, pick: int, where: int, seat: int, bet: Decimal | None, wait: int, back: int) -> None:
        at, slip, table = self.pass_time(wait) - timedelta(minutes=back), self.slip(pick), self.table(where)
        refusals = self.live(slip, at)
        if slip.play[-1].place == (table, seat):
            refusals.add("ALREADY_SEATED")
        if self.act(
            move_rating_slip, slip, refusals, TAKEN, table=table, seat=seat, average_bet=bet, **self.chosen(at)
        ):
            place = {"table": table, "seat": seat, "game": self.games[table]}
            self.go_on(slip, at, **place, **({"average_bet": bet} if bet else {}))
            slip.is_touched = True
            assert not overlap(slip, self.slips)

    @with_slips
    @rule(
        pick=picks,
        wait=minutes,
        back=ago,
        stated=st.none() | amounts,
        is_total=st.booleans(),
        chips=st.none() | amounts,
    )
    def close(
        self, pick: int, wait: int, back: int, stated: Decimal | None, is_total: bool, chips: Decimal | None
    ) -> None:
        at, slip = self.pass_time(wait) - timedelta(minutes=back), self.slip(pick)
        player, closed = self.players[slip.player], deepcopy(slip)
        refusals = self.too_early(at, slip) if slip.is_live else set()
        if slip.is_live and any(row.at > at for row in slip.money if not row.is_struck):
            refusals.add("INVALID_TIME")
        if slip.is_live and is_total and stated is not None and stated < slip.money_of("BUY_IN"):
            refusals.add("BUY_IN_BELOW_ROWS")
        if slip.is_live:
            self.end(closed, at)
            closed.status, closed.closed_at, closed.was_paused = "CLOSED", at, slip.status == "PAUSED"
            after = deepcopy(player)
            closed.settle(after, is_paused=self.is_paused)
        if closed.points_are == "OWED" and not refusals:
            refusals = {"PARTIAL_COMPLETION"}
        money: dict[str, Any] = {"buy_in" if is_total else "further_buy_in": stated, "chips_out": chips}
        if self.act(complete_rating_slip, slip, refusals, **money, **self.chosen(at)) and slip.is_live:
            closed.is_touched = closed.is_closed_by_hand = True
            self.slips[self.slips.index(slip)] = closed
            self.players[slip.player] = after
            self.take_rows(closed)
            if stated is not None:
                assert closed.money_of("BUY_IN") == stated + (0 if is_total else slip.money_of("BUY_IN"))

    @with_slips
    @rule(pick=picks, amount=amounts, by=means, wait=minutes, back=ago, is_buy_in=st.booleans())
    def money(self, pick: int, amount: Decimal, by: str, wait: int, back: int, is_buy_in: bool) -> None:
        at, slip = self.pass_time(wait) - timedelta(minutes=back), self.slip(pick)
        is_outside = at < slip.play[0].started_at or bool(slip.closed_at and at > slip.closed_at)
        refusals = self.too_early(at) | ({"INVALID_TIME"} if is_outside else set())
        service = record_buy_in if is_buy_in else record_chips_out
        row = self.act(service, slip, refusals, amount=amount, means=by, **self.chosen(at))
        if row:
            assert row.means == by
            slip.money.append(ModelMoney(pk=row.pk, kind=row.kind, amount=amount, at=at))
            slip.is_touched = True

    @precondition(lambda self: any(slip.money for slip in self.slips))
    @rule(pick=picks, which=picks, wait=minutes)
    def strike(self, pick: int, which: int, wait: int) -> None:
        at = self.pass_time(wait)
        rich = [slip for slip in self.slips if slip.money]
        slip = rich[pick % len(rich)]
        row = slip.money[which % len(slip.money)]
        refusals = ({"SLIP_VOID"} if slip.status == "VOID" else set()) | (
            {"ALREADY_STRUCK"} if row.is_struck else set()
        )
        if self.attempt(strike_money_row, refusals, row=row.pk, reason=REASON, at=at, request_id=uuid4()):
            row.is_struck = slip.is_touched = True
