"""Looking for drift, who may, and two people at once."""

from collections.abc import Callable

import pytest
from django.db import connection
from guardian.shortcuts import assign_perm

from core.errors import Busy, NotFound
from core.permissions import NotPermitted
from loyalty.models import PlayerLoyalty
from loyalty.services import drift as loyalty_drift
from loyalty.services.drift import different_accounts
from ratingslips.figures import report_on
from ratingslips.models import DriftCheck
from ratingslips.services import DriftJustChecked, check_drift, drift
from tests.concurrency import in_turn
from tests.factories import CasinoFactory
from tests.floor import Floor
from tests.invariants import broken_invariants
from tests.loyalty.postings import award
from tests.loyalty.rows import account_of
from tests.refusals import refused
from tests.tampering import misstate, take_the_guards_off


def check_by(floor: Floor) -> Callable[[], DriftCheck]:
    return lambda: check_drift(casino=floor.casino, actor=floor.supervisor, at=floor.now)


@pytest.fixture
def committed_floor(committed_floor: Floor) -> Floor:
    """A floor whose supervisor may see the programme."""
    assign_perm("loyalty.view_loyaltyprogram", committed_floor.supervisor, committed_floor.program)
    return committed_floor


class TestCheckDrift:
    def test_is_refused_to_who_may_not_see_the_programme(self, floor: Floor) -> None:
        with refused(NotPermitted, "Can view loyalty programme"):
            check_drift(casino=floor.casino, actor=floor.boss, at=floor.now)

    def test_has_nothing_to_check_where_there_is_no_programme(self, floor: Floor) -> None:
        casino = CasinoFactory.create()

        with refused(NotFound, "nothing to check"):
            check_drift(casino=casino, actor=floor.supervisor, at=floor.now)

    def test_runs_again_after_a_minute_and_elsewhere_at_once(self, floor: Floor) -> None:
        for each in (floor, Floor.build()):
            assign_perm("loyalty.view_loyaltyprogram", each.supervisor, each.program)
            check_drift(casino=each.casino, actor=each.supervisor, at=each.ago(minutes=1))

        assert check_by(floor)().checked_at == floor.now

    def test_is_refused_as_recent_within_a_minute(self, floor: Floor) -> None:
        assign_perm("loyalty.view_loyaltyprogram", floor.supervisor, floor.program)
        check_drift(casino=floor.casino, actor=floor.supervisor, at=floor.ago(seconds=59))

        with refused(DriftJustChecked, "less than a minute ago"):
            check_by(floor)()

    def test_keeps_the_number_of_drifting_accounts_and_first_keys(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(drift, "MAX_ACCOUNTS_KEPT", 2)
        assign_perm("loyalty.view_loyaltyprogram", floor.supervisor, floor.program)
        accounts = [account_of(floor.player()).pk for _ in range(3)]
        misstate(PlayerLoyalty.objects.filter(pk__in=accounts), balance=5)

        check_by(floor)()

        kept = DriftCheck.objects.get()
        assert (kept.accounts, kept.first_accounts) == (3, sorted(accounts)[:2])

    def test_is_busy_where_the_ledger_takes_too_long(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(drift, "DRIFT_CHECK_SECONDS", 1)
        monkeypatch.setattr(loyalty_drift, "DRIFT_OF_CASINO", "SELECT id FROM core_casino, pg_sleep(3)")

        with refused(Busy):
            check_by(committed_floor)()


SPOILT = {
    "balance": "UPDATE loyalty_playerloyalty SET balance = balance + 1 WHERE id = %s",
    "lifetime points": "UPDATE loyalty_playerloyalty SET lifetime_points = lifetime_points + 1 WHERE id = %s",
    "tier": "UPDATE loyalty_playerloyalty SET tier_id = (SELECT max(id) FROM loyalty_tier) WHERE id = %s",
    "number of entries": "UPDATE loyalty_playerloyalty SET entry_count = entry_count + 1 WHERE id = %s",
    "head": "UPDATE loyalty_playerloyalty SET head_hash = NULL WHERE id = %s",
    "middle entry deleted": "DELETE FROM loyalty_ledger WHERE account_id = %s AND seq = 2",
    "points of an entry": "UPDATE loyalty_ledger SET points = points + 1 WHERE account_id = %s AND seq = 2",
    "every entry deleted": "DELETE FROM loyalty_ledger WHERE account_id = %s",
}


class TestDrift:
    @pytest.mark.parametrize("spoilt", SPOILT.values(), ids=SPOILT)
    def test_is_found_alike_by_all_who_look_for_it(self, floor: Floor, spoilt: str) -> None:
        assign_perm("loyalty.view_loyaltyprogram", floor.supervisor, floor.program)
        account, sound = (account_of(floor.player()) for _ in range(2))
        for number in range(3):
            award(floor, account.player, points=50 + number)
            award(floor, sound.player, points=50 + number)
        take_the_guards_off()

        with connection.cursor() as cursor:
            cursor.execute(spoilt, [account.pk])

        day = floor.casino.gaming_day_at(floor.now)
        report = report_on(casino=floor.casino, first_day=day, last_day=day, at=floor.now)
        assert report.drifting == (account.pk,)
        assert [each.account_id for each in different_accounts(casino=floor.casino)] == [account.pk]
        assert broken_invariants()["account_is_its_entries"] == [f"account {account.pk}"]
        assert check_by(floor)().first_accounts == [account.pk]


class TestCheckDriftAtOnce:
    def test_makes_the_second_wait_and_refuses_it_as_recent(self, committed_floor: Floor) -> None:
        _, second = in_turn(check_by(committed_floor), check_by(committed_floor))

        assert isinstance(second.outcome(), DriftJustChecked)
        assert DriftCheck.objects.count() == 1

    @pytest.mark.shows(39)
    def test_would_read_the_ledger_twice_without_the_lock(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(drift, "lock_name", lambda *_: None)

        _, second = in_turn(check_by(committed_floor), check_by(committed_floor))

        assert isinstance(second.outcome(), DriftCheck)
