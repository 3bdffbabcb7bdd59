"""What is done to points: of slips, by hand, and of a whole programme."""

from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from core.errors import DomainError
from core.models import Player
from loyalty.models import PlayerLoyalty
from loyalty.services import (
    adjust_points,
    manual_reward,
    pause_program,
    print_comp_slip,
    redeem_points,
    resume_program,
    reverse_entry,
)
from loyalty.services.rebuilding import rebuild_balances
from ratingslips.services import recover_slip_loyalty, release_withheld_points
from ratingslips.services.owed import RecoveryOutcome, owed_slips, recover_all
from tests.scenarios.machine import REASON, Machine, minutes, picks, with_slips
from tests.scenarios.model import ModelEntry, ModelPlayer
from tests.tampering import misstate

# What a call may answer that is made again: the slip was voided or is owed points, the redemption was reversed since,
# or the accounts were rebuilt or looked at.
LATER: Final = {
    *("SLIP_VOID", "PARTIAL_COMPLETION", "REDEMPTION_REVERSED", "NOTHING_TO_REBUILD"),
    "DRIFT_JUST_CHECKED",
}


class PointsRules(Machine):
    """Recover and release; award, adjust, redeem and reverse; pause the programme, bar players; send a form again."""

    @with_slips
    @rule(pick=picks, wait=minutes)
    def recover(self, pick: int, wait: int) -> None:
        at, slip = self.pass_time(wait), self.slip(pick)
        refusals = {"SLIP_NOT_CLOSED"} if slip.is_live else set()
        paid = replace(slip, points_are="SETTLED")
        if slip.points_are == "OWED":
            refusals |= self.posts(paid, self.players[slip.player])
        if self.act(recover_slip_loyalty, slip, refusals, at=at) and slip.points_are == "OWED":
            slip.points_are = "SETTLED"
            slip.collect(self.players[slip.player])

    @with_slips
    @rule(pick=picks, wait=minutes)
    def release(self, pick: int, wait: int) -> None:
        at, slip = self.pass_time(wait), self.slip(pick)
        player = self.players[slip.player]
        refusals = set() if slip.is_released else {"NOTHING_WITHHELD"}
        if slip.points_are == "WITHHELD" and slip.theo:
            refusals = self.posts(replace(slip, points_are="SETTLED"), player)
            refusals |= set() if player.is_active else {"PLAYER_NOT_ACTIVE"}
        if self.act(release_withheld_points, slip, refusals, reason=REASON, at=at) and not slip.is_released:
            slip.points_are, slip.is_released = "SETTLED", True
            slip.collect(player)

    @rule(wait=minutes)
    def recover_all(self, wait: int) -> None:
        at = self.pass_time(wait)
        owed = [slip for slip in self.slips if slip.points_are == "OWED" and slip.status == "CLOSED"]
        owed.sort(key=lambda slip: (slip.closed_at, slip.pk))
        expected = []
        for slip in owed:
            if self.posts(replace(slip, points_are="SETTLED"), self.players[slip.player]):
                expected.append((slip.pk, RecoveryOutcome.FAILED))
                continue
            slip.points_are = "SETTLED"
            slip.collect(self.players[slip.player])
            expected.append((slip.pk, RecoveryOutcome.PAID))
        recoveries = recover_all(owed_slips(closed_until=None), actor=self.floor.supervisor, clock=lambda: at)
        assert [(each.slip.pk, each.outcome) for each in recoveries] == expected

    def by_hand(self, player: ModelPlayer, *, gives: bool) -> set[str]:
        codes = {"PLAYER_NOT_ACTIVE"} if gives and not player.is_active else set()
        return codes | ({"PROGRAM_PAUSED"} if self.is_paused else set())

    def take_entry(self, player: int, entry_id: int, points: int, **attributes: Any) -> None:
        entry = ModelEntry(player=player, points=points, **attributes)
        self.entries[entry_id] = entry
        self.players[player].post(points, is_earned=entry.is_earned)

    @rule(who=picks, points=st.sampled_from([1, 900, 9_000]), reward=st.sampled_from("abcdefgh"), wait=minutes)
    def award(self, who: int, points: int, reward: str, wait: int) -> None:
        at, player = self.pass_time(wait), self.player(who)
        known = self.rewards.get(reward)
        refusals = self.by_hand(self.players[player], gives=True) if known is None else set()
        if known not in (None, (player, points)):
            refusals = {"IDEMPOTENCY_CONFLICT"}
        reward_id = f"{self.floor.casino.code}-{reward}"
        posting = self.attempt(
            manual_reward, refusals, player=player, points=points, reason=REASON, reward_id=reward_id, at=at
        )
        if posting:
            assert posting.replayed == (known is not None)
        if posting and known is None:
            self.rewards[reward] = (player, points)
            self.take_entry(player, posting.entry_id, points, is_earned=True)

    @rule(who=picks, points=st.sampled_from([-20_000, -700, -1, 1, 400]), wait=minutes)
    def adjust(self, who: int, points: int, wait: int) -> None:
        at, player = self.pass_time(wait), self.player(who)
        account = self.players[player]
        refusals = self.by_hand(account, gives=points > 0)
        if points < 0 and account.balance == 0:
            refusals.add("INSUFFICIENT_BALANCE")
        adjustment = self.attempt(
            adjust_points, refusals, player=player, points=points, reason=REASON, adjustment_id=str(uuid4()), at=at
        )
        if adjustment:
            taken = max(points, -account.balance)
            assert (adjustment.posting.points, adjustment.not_taken) == (taken, taken - points)
            self.take_entry(player, adjustment.posting.entry_id, taken, is_earned=False)

    @rule(who=picks, points=st.sampled_from([1, 600, 5_000]), wait=minutes)
    def redeem(self, who: int, points: int, wait: int) -> None:
        at, player = self.pass_time(wait), self.player(who)
        refusals = self.by_hand(self.players[player], gives=True)
        if points > self.players[player].balance:
            refusals.add("INSUFFICIENT_BALANCE")
        posting = self.attempt(
            redeem_points,
            refusals,
            player=player,
            comp_type=self.comp,
            points=points,
            outlet="Steakhouse",
            request_id=uuid4(),
            at=at,
        )
        if posting:
            self.take_entry(player, posting.entry_id, -points, is_earned=False, is_redemption=True)

    @precondition(lambda self: any(entry.is_redemption for entry in self.entries.values()))
    @rule(pick=picks, wait=minutes)
    def print_comp(self, pick: int, wait: int) -> None:
        at = self.pass_time(wait)
        redemptions = [(pk, entry) for pk, entry in self.entries.items() if entry.is_redemption]
        entry_id, entry = redemptions[pick % len(redemptions)]
        refusals = {"REDEMPTION_REVERSED"} if entry.reversed_because else set()
        printed = self.attempt(print_comp_slip, refusals, entry=entry_id, at=at, request_id=uuid4())
        if printed:
            entry.prints += 1
            assert printed.number == entry.prints

    @rule(who=picks, wrong=st.sampled_from([0, 7, 5_000]), wait=minutes)
    def rebuild(self, who: int, wrong: int, wait: int) -> None:
        at, player = self.pass_time(wait), self.player(who)
        account = self.players[player]
        misstate(
            PlayerLoyalty.objects.filter(player=player),
            balance=account.balance + wrong,
            lifetime_points=account.lifetime + wrong,
        )
        refusals = set() if wrong else {"NOTHING_TO_REBUILD"}
        self.attempt(rebuild_balances, refusals, actor=self.operator, casino=self.floor.casino, reason=REASON, at=at)

    @precondition(lambda self: bool(self.entries))
    @rule(pick=picks, reason=st.sampled_from([REASON, "Given to the wrong card"]), wait=minutes)
    def reverse(self, pick: int, reason: str, wait: int) -> None:
        at = self.pass_time(wait)
        entry_id = [*self.entries][-1 - pick % len(self.entries)]
        entry = self.entries[entry_id]
        account = self.players[entry.player]
        refusals = self.by_hand(account, gives=entry.points < 0)
        if entry.points > account.balance:
            refusals.add("INSUFFICIENT_BALANCE")
        if not entry.is_reversible:
            refusals.add("NOT_REVERSIBLE")
        if entry.reversed_because:
            refusals = (
                set() if entry.reversed_because == reason else refusals | {"ALREADY_REVERSED", "IDEMPOTENCY_CONFLICT"}
            )
        posting = self.attempt(reverse_entry, refusals, entry=entry_id, reason=reason, at=at)
        if posting:
            assert posting.replayed == bool(entry.reversed_because)
        if posting and not entry.reversed_because:
            entry.reversed_because = reason
            self.take_entry(
                entry.player, posting.entry_id, -entry.points, is_earned=entry.is_earned, is_reversible=False
            )

    @rule(wait=minutes)
    def pause_or_resume_program(self, wait: int) -> None:
        at = self.pass_time(wait)
        if self.is_paused:
            resume_program(program=self.floor.program, actor=self.floor.supervisor, at=at)
        else:
            pause_program(program=self.floor.program, actor=self.floor.supervisor, at=at, reason=REASON)
        self.is_paused = not self.is_paused

    @rule(who=picks)
    def bar_or_activate(self, who: int) -> None:
        player = self.player(who)
        account = self.players[player]
        account.is_active = not account.is_active
        Player.objects.filter(pk=player).update(status="ACTIVE" if account.is_active else "BARRED")

    @precondition(lambda self: bool(self.calls))
    @rule(pick=picks)
    def send_again(self, pick: int) -> None:
        refusal = ""
        try:
            self.calls[-1 - pick % len(self.calls)]()
        except DomainError as error:
            refusal = error.code
        assert refusal in {"", *LATER}
