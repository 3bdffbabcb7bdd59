"""What is put right: corrections, voids, undoing, continuing and reassigning of slips."""

from collections.abc import Set
from copy import deepcopy
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import rule

from ratingslips.models import PlaySegment
from ratingslips.services import (
    CorrectedPlay,
    continue_rating_slip,
    correct_rating_slip,
    play_of,
    preview_correction,
    reassign_rating_slip,
    undo_opening,
    void_rating_slip,
)
from tests.scenarios.machine import REASON, TAKEN, Machine, bets, minutes, picks, seats, with_slips
from tests.scenarios.model import ModelSlip, has_length, is_in_order, overlap, rated

kinds = st.sampled_from(["bet", "begin", "end", "split", "drop", "seat", "again"])
edits = st.lists(st.tuples(kinds, picks, minutes, bets, seats), min_size=1, max_size=3)


class CorrectionRules(Machine):
    """Correct, void, undo, continue and reassign."""

    @with_slips
    @rule(pick=picks, wait=minutes, edits=edits, is_boss=st.booleans())
    def correct(self, pick: int, wait: int, edits: list[Any], is_boss: bool) -> None:
        at, slip = self.pass_time(wait), self.slip(pick)
        play = self.edited(slip, edits)
        after = deepcopy(slip)
        goes_on = play[-1].ended_at is None
        if slip.status == "VOID" or not is_in_order(play, at=at) or (goes_on and not slip.is_live):
            refusals: Set[str] = {"INVALID_PLAY"} if slip.status != "VOID" else set()
        else:
            refusals = self.apply(after, play)
        maybe = set()
        if is_boss:
            refusals = set(refusals) | self.only_live(slip)
            is_earlier = play[0].started_at < slip.play[0].started_at
            maybe = {"TOO_LONG_AGO"} if is_earlier and at - play[0].started_at > timedelta(hours=1) else set()
        given: dict[str, Any] = {"actor": self.actor(is_boss=is_boss), "at": at}
        if slip.status != "VOID" and not refusals and not maybe:
            shown = preview_correction(slip=slip.pk, segments=tuple(play), **given)
            assert slip.is_live or shown.theoretical_win == after.theo
        if self.act(correct_rating_slip, slip, set(refusals) | maybe, segments=tuple(play), reason=REASON, **given):
            self.take_correction(slip, after)

    def only_live(self, slip: ModelSlip) -> set[str]:
        """Why a pit boss may not correct a slip."""
        return set() if slip.is_live else {"NOT_PERMITTED"}

    def apply(self, slip: ModelSlip, play: list[CorrectedPlay]) -> Set[str]:
        """Give a slip another play, and say why the service must refuse it."""
        recorded = list(PlaySegment.objects.filter(slip=slip.pk).order_by("seq"))
        before, last = (slip.shown_play, slip.closed_at), slip.play[-1]
        slip.play = rated(play, recorded=recorded, games=self.games)
        if slip.is_live:
            slip.status = "OPEN" if play[-1].ended_at is None else "PAUSED"
        elif play[-1].ended_at != last.ended_at:
            slip.closed_at = play[-1].ended_at
        if (has_length(play), slip.closed_at) == before:
            return {"NOTHING_CORRECTED"}
        return self.posts(slip, self.players[slip.player]) | (TAKEN if overlap(slip, self.slips) else set())

    def take_correction(self, slip: ModelSlip, after: ModelSlip) -> None:
        after.corrections, after.is_touched = slip.corrections + 1, True
        after.openings = [*slip.openings, slip.play[0].started_at]
        after.collect(self.players[slip.player])
        self.slips[self.slips.index(slip)] = after

    def voided(self, slip: ModelSlip, at: datetime) -> ModelSlip:
        void = deepcopy(slip)
        self.end(void, at)
        void.status, void.closed_at = "VOID", slip.closed_at or at
        return void

    @with_slips
    @rule(pick=picks, wait=minutes)
    def void(self, pick: int, wait: int) -> None:
        at, slip = self.pass_time(wait), self.slip(pick)
        after = self.voided(slip, at)
        refusals = self.posts(after, self.players[slip.player])
        if self.act(void_rating_slip, slip, refusals, reason=REASON, at=at):
            self.take_correction(slip, after)

    @with_slips
    @rule(pick=picks, wait=minutes)
    def void_as_boss(self, pick: int, wait: int) -> None:
        at, slip = self.pass_time(wait), self.slip(pick)
        refusals: Set[str] = set() if slip.is_new_of_boss(at) else {"NOT_PERMITTED"}
        if self.act(void_rating_slip, slip, refusals, actor=self.floor.boss, reason=REASON, at=at):
            self.take_correction(slip, self.voided(slip, at))

    @with_slips
    @rule(pick=picks, wait=minutes, is_boss=st.booleans())
    def undo(self, pick: int, wait: int, is_boss: bool) -> None:
        at, slip = self.pass_time(wait), self.slip(pick)
        refusals = {"SLIP_CHANGED"} if slip.is_touched else set()
        if is_boss and not slip.is_of_boss:
            refusals.add("NOT_PERMITTED")
        if self.act(undo_opening, slip, refusals, actor=self.actor(is_boss=is_boss), at=at):
            self.take_correction(slip, self.voided(slip, at))

    @with_slips
    @rule(pick=picks, wait=minutes)
    def still_playing(self, pick: int, wait: int) -> None:
        at, slip = self.pass_time(wait), self.slip(pick)
        refusals = {"SLIP_NOT_CLOSED"} if slip.is_live else set()
        if slip.status == "CLOSED":
            refusals |= {"SLIP_CORRECTED"} if slip.corrections else set()
            refusals |= {"SLIP_CONTINUED"} if slip.continued_by else set()
            # Play that came from the slip of the wrong player was never closed on this one.
            refusals |= set() if slip.is_closed_by_hand else {"UNDO_TOO_LATE", "SLIP_CORRECTED"}
            refusals |= set() if self.players[slip.player].is_active else {"PLAYER_NOT_ACTIVE"}
        # The table may be in the other pit now.
        new = self.act(continue_rating_slip, slip, refusals, TAKEN | {"TABLE_NOT_ACTIVE"}, at=at)
        if new:
            assert slip.closed_at is not None
            last = slip.play[-1]
            ended_at = slip.closed_at if slip.was_paused else None
            stretch = replace(last, started_at=slip.closed_at, ended_at=ended_at, game=self.games[last.table])
            status = "PAUSED" if slip.was_paused else "OPEN"
            following = ModelSlip(pk=new.pk, player=slip.player, play=[stretch], status=status)
            chips = slip.money_of("CHIPS_OUT")
            self.add(following)
            slip.continued_by = new.pk
            self.take_rows(following)
            assert [row.amount for row in following.money] == ([chips] if chips else [])

    @with_slips
    @rule(pick=picks, who=picks, wait=minutes, is_boss=st.booleans())
    def reassign(self, pick: int, who: int, wait: int, is_boss: bool) -> None:
        at, slip, right = self.pass_time(wait), self.slip(pick), self.player(who)
        old, new = self.voided(slip, at), deepcopy(slip)
        new.player, new.money = right, []
        new.points_are, new.multiplier, new.posted, new.uncollected, new.corrections = "", None, 0, 0, 0
        new.is_touched, new.is_closed_by_hand, new.continued_by = True, False, None
        new.is_of_boss = is_boss
        refusals = self.only_live(slip) if is_boss else set()
        if right == slip.player:
            refusals.add("SAME_PLAYER")
        if slip.is_live and not self.players[right].is_active:
            refusals.add("PLAYER_NOT_ACTIVE")
        if overlap(new, [other for other in self.slips if other is not slip]):
            refusals |= TAKEN
        refusals |= self.posts(old, self.players[slip.player])
        given: dict[str, Any] = {"actor": self.actor(is_boss=is_boss), "reason": REASON, "at": at}
        result = self.act(reassign_rating_slip, slip, refusals, player=right, **given)
        if result:
            new.pk = result.slip.pk
            self.take_correction(slip, old)
            if new.status == "CLOSED":
                new.settle(self.players[right], is_paused=self.is_paused)
            self.add(new)
            self.take_rows(new)
            taken = [(row.kind, row.amount) for row in slip.money if not row.is_struck]
            assert [(row.kind, row.amount) for row in new.money] == taken

    def edited(self, slip: ModelSlip, edits: list[Any]) -> list[CorrectedPlay]:
        """The play of a slip, as the page of a correction shows it, as somebody may believe that it was."""
        play = play_of(PlaySegment.objects.shown().filter(slip=slip.pk).order_by("seq"))
        for kind, pick, length, bet, seat in edits:
            number, by = pick % len(play), timedelta(minutes=length)
            stretch = play[number]
            match kind:
                case "bet":
                    play[number] = replace(stretch, average_bet=bet)
                case "begin":
                    play[number] = replace(stretch, started_at=stretch.started_at + (by if pick % 2 else -by))
                case "end" if stretch.ended_at is not None:
                    play[number] = replace(stretch, ended_at=stretch.ended_at + (by if pick % 2 else -by))
                case "end":
                    play[number] = replace(stretch, ended_at=stretch.started_at + by)
                case "split":
                    middle = stretch.started_at + by
                    play[number : number + 1] = [
                        replace(stretch, ended_at=middle),
                        replace(stretch, started_at=middle, average_bet=bet),
                    ]
                case "drop" if len(play) > 1:
                    del play[number]
                case "seat":
                    play[number] = replace(stretch, table=self.table(pick), seat=seat)
                case "again" if slip.is_live:
                    play[-1] = replace(play[-1], ended_at=None)
        return play
