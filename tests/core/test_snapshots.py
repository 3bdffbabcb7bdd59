"""One instant for several statements, while others write."""

import pytest
from django.db import InternalError, OperationalError, connection
from django.db.models import Sum

from core import snapshots
from core.models import Casino
from core.snapshots import one_snapshot
from loyalty.models import LedgerEntry, PlayerLoyalty
from tests.concurrency import Elsewhere
from tests.floor import Floor
from tests.loyalty.postings import award


def _sums_around_an_award(floor: Floor) -> tuple[int, int]:
    """The sum of all balances, and after an award elsewhere that of all points."""
    player = floor.player()
    award(floor, player, points=500)
    with one_snapshot():
        balances = PlayerLoyalty.objects.aggregate(sum=Sum("balance"))["sum"]
        Elsewhere(lambda: award(floor, player, points=7)).result()
        points = LedgerEntry.objects.order_by().aggregate(sum=Sum("points"))["sum"]
    return balances, points


class TestOneSnapshot:
    def test_sees_balances_and_points_agree_while_an_award_commits(self, committed_floor: Floor) -> None:
        assert _sums_around_an_award(committed_floor) == (500, 500)

    def test_would_see_them_differ_as_of_two_instants(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(snapshots, "ISOLATION", "READ COMMITTED READ ONLY")

        assert _sums_around_an_award(committed_floor) == (500, 507)

    def test_writes_nothing(self, committed_floor: Floor) -> None:
        with pytest.raises(InternalError, match="read-only transaction"), one_snapshot():
            Casino.objects.update(name="Another House")

    def test_lets_a_statement_take_its_time_and_no_longer(self, transactional_db: None) -> None:
        with (
            pytest.raises(OperationalError, match="statement timeout"),
            one_snapshot(statement_seconds=1),
            connection.cursor() as cursor,
        ):
            cursor.execute("SELECT pg_sleep(60)")

    def test_leaves_the_timeouts_of_later_requests_alone(self, transactional_db: None) -> None:
        def timeouts() -> list[str]:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT current_setting('statement_timeout'),"
                    " current_setting('idle_in_transaction_session_timeout')"
                )
                return list(cursor.fetchone())

        before = timeouts()

        with one_snapshot(statement_seconds=77, idle_seconds=78):
            within = timeouts()

        assert within == ["77s", "78s"]
        assert timeouts() == before
