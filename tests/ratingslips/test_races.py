"""Races on slips by many hands, as real connections run them; and for each guard, what happens without it."""

import signal
import subprocess
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Any

import pytest
from django.db import transaction

from core.models import Player
from loyalty.models import LedgerEntry, PlayerLoyalty
from loyalty.services import AwardRateExceeded, LoyaltyPosting
from ratingslips.models import RatingSlip
from ratingslips.services import SlipSettlement, complete_rating_slip, recover_slip_loyalty
from tests.commands import run
from tests.concurrency import Elsewhere, held, together, wait_until_blocked
from tests.factories import WITHOUT_MULTIPLIERS, ProgramFactory
from tests.floor import Floor
from tests.invariants import broken_invariants
from tests.loyalty.postings import award
from tests.loyalty.rows import account_of
from tests.ratingslips.rows import write_owed
from tests.ratingslips.test_recover_command import recovering_process, somebody_waits_for_a_lock
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("invariants_hold")]


def _recover(floor: Floor, slip: RatingSlip) -> SlipSettlement:
    return recover_slip_loyalty(slip=slip.pk, actor=floor.supervisor, at=floor.now)


class TestPowersOfTwo:
    """Twelve awards by one member of staff, two of which the rate limit refuses, nobody knows which, and four slips."""

    AWARDS = tuple(2**n for n in range(12))
    SLIPS = tuple(2**n for n in range(12, 16))

    def _slip_worth(self, floor: Floor, player: Player, *, points: int, number: int) -> RatingSlip:
        """A slip of an hour, owed or (the last) live, that is worth this many points at 10 per unit and × 1."""
        bet = (Decimal(points) / 10 / Decimal("0.525")).quantize(Decimal("0.01"), ROUND_HALF_UP)
        begins, ends = floor.ago(hours=2 * number + 1), floor.ago(hours=2 * number)
        slip = floor.open_slip(player=player, average_bet=bet, at=begins)
        return floor.owed_slip(slip, at=ends) if number else slip

    @pytest.mark.shows(20)
    def test_of_sixteen_at_once_decode_to_what_was_acknowledged(self) -> None:
        floor = Floor.build(ProgramFactory.create(rules__tiers=WITHOUT_MULTIPLIERS))
        player = floor.player()
        slips = [
            self._slip_worth(floor, player, points=points, number=number)
            for number, points in reversed(list(enumerate(self.SLIPS)))
        ]
        hands: list[Callable[[], Any]] = [
            *(partial(award, floor, player, points=points) for points in self.AWARDS),
            *(partial(_recover, floor, slip) for slip in slips[:-1]),
            partial(complete_rating_slip, slip=slips[-1].pk, actor=floor.boss, at=floor.now),
        ]

        outcomes = together(hands)

        acknowledged = [each.points for each in outcomes if isinstance(each, LoyaltyPosting | SlipSettlement)]
        refused = [each for each in outcomes if isinstance(each, AwardRateExceeded)]
        balance = account_of(player).balance
        assert (len(acknowledged), len(refused)) == (14, 2)
        assert {2**n for n in range(16) if balance & 2**n} == set(acknowledged)
        assert set(self.SLIPS) <= set(acknowledged)


class TestRecoveryKilledHalfWay:
    @pytest.mark.shows(24)
    def test_leaves_no_half_entry_and_another_run_pays(self, floor: Floor) -> None:
        stuck = floor.player()
        first = write_owed(floor, floor.player(), seat=1, number=4)
        rest = write_owed(floor, stuck, seat=2, number=1)

        with held(lambda: PlayerLoyalty.objects.locked().get(player=stuck)):
            _kill_while_it_waits()
            paid, broken = set(LedgerEntry.objects.values_list("idempotency_key", flat=True)), broken_invariants()
        wait_until(lambda: _is_free(rest[0]))
        with recovering_process("--json") as again:
            code = _code_of(again)

        assert broken == {}
        assert {str(slip.pk) for slip in first[:3]} <= paid < {str(slip.pk) for slip in (*first, *rest)}
        assert code == 0
        assert LedgerEntry.objects.count() == 5
        assert not RatingSlip.objects.owed().exists()

    @pytest.mark.shows(30)
    def test_leaves_the_slip_to_a_retry_that_waits(self, floor: Floor) -> None:
        (slip,) = write_owed(floor, floor.player(), seat=1, number=1)

        with held(lambda: PlayerLoyalty.objects.locked().get(player=slip.player_id)):
            _kill_while_it_waits()
            retrying = Elsewhere(lambda: _recover(floor, slip))
            wait_until_blocked(retrying.backend)

        assert retrying.result().points == 4
        assert LedgerEntry.objects.count() == 1


def _kill_while_it_waits() -> None:
    """Recover in a process of its own, and kill that while it waits for an account."""
    with recovering_process("--json") as process:
        wait_until(somebody_waits_for_a_lock, timeout_seconds=60)
        process.send_signal(signal.SIGKILL)
        process.wait(60)


def _is_free(slip: RatingSlip) -> bool:
    with transaction.atomic():
        return RatingSlip.objects.locked(skip_locked=True).filter(pk=slip.pk).exists()


class TestRecoveryRacingTheBoss:
    @pytest.mark.shows(30)
    def test_by_two_runs_and_eight_retries_pays_each_slip_once(self, floor: Floor) -> None:
        slips = write_owed(floor, floor.player(), seat=1, number=8)
        hands: list[Callable[[], Any]] = [
            *[partial(run, "recover_slip_loyalty", "--json")] * 2,
            *(partial(_recover, floor, slip) for slip in slips),
        ]

        outcomes: list[Any] = together(hands)

        assert [ran.code for ran in outcomes[:2]] == [0, 0]
        assert [getattr(each, "points", each) for each in outcomes[2:]] == [4] * 8
        assert LedgerEntry.objects.count() == 8
        assert not RatingSlip.objects.owed().exists()


def _code_of(process: "subprocess.Popen[str]") -> int:
    process.communicate(timeout=60)
    return process.returncode
