"""Earning rates begin in the future, or before the first one, and nobody gets round it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection, transaction
from django.utils import timezone

from core.clock import InvalidTime
from core.effective_dates import BeginsTooEarly
from core.errors import DomainError
from core.models import User
from core.permissions import NotPermitted
from loyalty.models import EarningRate, LedgerEntry
from loyalty.services import NoEarningRate, RateTaken, add_earning_rate
from ratingslips.services import PartialCompletion, complete_rating_slip, recover_slip_loyalty
from tests.concurrency import Elsewhere, held_before_commit, in_turn, replace_locks, wait_until_blocked
from tests.constraints import refused_by_trigger
from tests.databases import as_owner
from tests.factories import ProgramFactory, StaffFactory
from tests.floor import Floor
from tests.invariants import broken_invariants
from tests.loyalty.postings import accrue
from tests.refusals import refused
from tests.tampering import without_triggers

BEGINS, STILL_BEGINS = "loyalty_earningrate_begins_later", "loyalty_earningrate_still_begins_later"


@pytest.fixture
def manager(floor: Floor) -> User:
    """A member of staff who may add rates."""
    return StaffFactory.create(casino=floor.casino, is_superuser=True)


def _add(floor: Floor, manager: User, begins: datetime, **changes: Any) -> EarningRate:
    arguments: dict[str, Any] = {"points_per_unit": Decimal(20), "program": floor.program, "actor": manager}
    return add_earning_rate(**(arguments | changes), effective_from=begins, at=floor.now)


class TestAddEarningRate:
    def test_adds_one_for_later_play(self, floor: Floor, manager: User) -> None:
        tomorrow = floor.now + timedelta(days=1)

        _add(floor, manager, tomorrow)

        assert accrue(floor, floor.player(), earned_at=tomorrow).points == 1_155
        assert accrue(floor, floor.player()).points == 578

    @pytest.mark.parametrize("seconds", [-86_400, -1, 0, 59])
    def test_refuses_one_for_play_that_was_paid_at_another(self, floor: Floor, manager: User, seconds: int) -> None:
        with refused(BeginsTooEarly, r"at least a minute from now, or one before .* by “10 points per unit from"):
            _add(floor, manager, floor.now + timedelta(seconds=seconds))

    @pytest.mark.parametrize(
        "begins",
        [
            datetime(1899, 12, 31, tzinfo=UTC),
            datetime(1, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo")),
            datetime(9999, 12, 31, 23, 59, tzinfo=ZoneInfo("America/Los_Angeles")),
        ],
    )
    def test_refuses_one_that_nobody_can_mean(self, floor: Floor, manager: User, begins: datetime) -> None:
        with refused(InvalidTime, "from 1900 on, and at most 100 years from now"):
            _add(floor, manager, begins)

    def test_pays_what_was_owed_for_want_of_a_rate(self, floor: Floor, manager: User) -> None:
        opened = datetime(1999, 7, 20, 20, tzinfo=UTC)
        slip = floor.open_slip(at=opened)
        with pytest.raises(PartialCompletion):
            complete_rating_slip(slip=slip, actor=floor.boss, at=opened + timedelta(hours=2))

        _add(floor, manager, opened)
        recover_slip_loyalty(slip=slip, actor=floor.supervisor, at=floor.now)

        assert LedgerEntry.objects.get().inputs["calculation"]["points_per_unit"] == "20.0000"
        assert broken_invariants() == {}

    def test_gives_the_same_one_back_and_refuses_another(self, floor: Floor, manager: User) -> None:
        tomorrow = floor.now + timedelta(days=1)
        first = _add(floor, manager, tomorrow)

        assert _add(floor, manager, tomorrow) == first
        with refused(RateTaken, "20 points per unit from"):
            _add(floor, manager, tomorrow, points_per_unit=Decimal(30))

    def test_needs_the_permission(self, floor: Floor) -> None:
        with refused(NotPermitted):
            _add(floor, floor.supervisor, floor.now + timedelta(days=1))


def _raw(program: int, begins: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO loyalty_earningrate (program_id, points_per_unit, effective_from) VALUES (%s, 20, {begins})",
            [program],
        )


class TestPostgreSQL:
    @pytest.mark.parametrize("begins", ["'2026-01-01'", "now() - interval '1 s'", "now()", "now() + interval '20 s'"])
    def test_refuses_one_that_begins_where_another_was_in_force(self, floor: Floor, begins: str) -> None:
        with refused_by_trigger("INSERT of loyalty_earningrate is refused"):
            _raw(floor.program.pk, begins)

    @pytest.mark.parametrize(
        "begins", ["'infinity'", "'-infinity'", "'9999-12-31 23:59-08'", "'294276-01-01'", "'0001-01-01 00:00+09'"]
    )
    def test_refuses_one_that_python_cannot_read(self, floor: Floor, begins: str) -> None:
        with refused_by_trigger("INSERT of loyalty_earningrate is refused"):
            _raw(floor.program.pk, begins)

    @pytest.mark.parametrize("begins", ["now() + interval '1 min'", "'1999-12-31'"])
    def test_takes_one_for_the_future_or_before_the_first(self, floor: Floor, begins: str) -> None:
        _raw(floor.program.pk, begins)

        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def test_takes_the_first_one_whenever_it_begins(self, floor: Floor) -> None:
        _raw(ProgramFactory.create(rules__points_per_unit=None).pk, "now()")


class TestRateThatBeginsBeforeItsCommit:
    """A slip is closed at the beginning of a rate that is not committed yet, and is paid at the former one."""

    def _race(self, floor: Floor) -> Elsewhere[None]:
        slip = floor.played_slip()

        def add_and_wait() -> None:
            with transaction.atomic():
                _raw(floor.program.pk, "clock_timestamp()")

        with held_before_commit(add_and_wait) as adding:
            complete_rating_slip(slip=slip, actor=floor.boss, at=timezone.now())
        return adding

    def test_is_refused_at_the_commit(self, committed_floor: Floor) -> None:
        with without_triggers("loyalty_earningrate", BEGINS):
            adding = self._race(committed_floor)

        assert "INSERT of loyalty_earningrate is refused" in str(adding.outcome())
        assert EarningRate.objects.count() == LedgerEntry.objects.count() == 1

    @pytest.mark.shows(39)
    def test_would_leave_play_paid_at_another_rate_than_its_own(self, committed_floor: Floor) -> None:
        with without_triggers("loyalty_earningrate", BEGINS, STILL_BEGINS):
            self._race(committed_floor).result()

        entry = LedgerEntry.objects.get()
        [in_force] = EarningRate.objects.in_force(entry.created_at)
        assert Decimal(entry.inputs["calculation"]["points_per_unit"]) != in_force.points_per_unit


class TestTwoFirstRatesAtOnce:
    def _both(self, floor: Floor, start: Callable[..., tuple[Elsewhere[Any], Elsewhere[Any]]]) -> Any:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("ALTER TABLE loyalty_earningrate DISABLE TRIGGER USER")
            cursor.execute("DELETE FROM loyalty_earningrate")
            cursor.execute("ALTER TABLE loyalty_earningrate ENABLE ALWAYS TRIGGER loyalty_earningrate_begins_later")
        manager = StaffFactory.create(casino=None, is_superuser=True)
        first, second = (partial(_add, floor, manager, floor.ago(hours=hours)) for hours in (2, 1))
        return start(first, second)[1].outcome()

    def test_follow_each_other_and_the_second_is_refused(self, committed_floor: Floor) -> None:
        assert isinstance(self._both(committed_floor, in_turn), BeginsTooEarly)

    @pytest.mark.shows(39)
    def test_would_both_begin_without_the_locks(self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        replace_locks(monkeypatch, lambda rows, **_: rows)

        def both(first: Callable[[], Any], second: Callable[[], Any]) -> tuple[Elsewhere[Any], Elsewhere[Any]]:
            with without_triggers("loyalty_earningrate", BEGINS), held_before_commit(first) as holder:
                waiting = Elsewhere(second)
                waiting.outcome()
            return holder, waiting

        assert isinstance(self._both(committed_floor, both), EarningRate)


class TestRecoveryWhileTwoFirstRatesAreAdded:
    """A slip was closed before the first rate. The later of two new ones is not committed when it is recovered."""

    OPENED = datetime(1999, 7, 20, 20, tzinfo=UTC)

    def _race(self, floor: Floor, *, waits: bool) -> Exception | None:
        """Recover the slip in between, and after both rates; the refusal of the first recovery."""
        slip = floor.open_slip(at=self.OPENED)
        with pytest.raises(PartialCompletion):
            complete_rating_slip(slip=slip, actor=floor.boss, at=self.OPENED + timedelta(hours=2))
        manager, refusal = StaffFactory.create(casino=floor.casino, is_superuser=True), None
        later = partial(_add, floor, manager, self.OPENED + timedelta(hours=1), points_per_unit=Decimal(30))
        recover = partial(recover_slip_loyalty, slip=slip, actor=floor.supervisor, at=floor.now)

        with held_before_commit(later) as holder:
            adding = Elsewhere(partial(_add, floor, manager, self.OPENED))
            if waits:
                wait_until_blocked(adding.backend, by=holder.backend)
            else:
                adding.result()
            try:
                recover()
            except DomainError as error:
                refusal = error
        adding.result()
        recover()
        return refusal

    def _paid_and_in_force(self) -> tuple[str, str]:
        [in_force] = EarningRate.objects.in_force(self.OPENED + timedelta(hours=2))
        return LedgerEntry.objects.get().inputs["calculation"]["points_per_unit"], str(in_force.points_per_unit)

    def test_pays_at_the_rate_that_remains_in_force(self, committed_floor: Floor) -> None:
        refusal = self._race(committed_floor, waits=True)

        assert isinstance(refusal, NoEarningRate)
        assert self._paid_and_in_force() == ("30.0000", "30.0000")

    @pytest.mark.shows(39)
    def test_would_pay_at_another_one_without_the_locks(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replace_locks(monkeypatch, lambda rows, **_: rows)

        with without_triggers("loyalty_earningrate", BEGINS):
            self._race(committed_floor, waits=False)

        assert self._paid_and_in_force() == ("20.0000", "30.0000")
