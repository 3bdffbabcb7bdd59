"""One instant for several statements, while others write; and rows read a chunk at a time, of which no cursor stays."""

from itertools import islice

import pytest
from django.contrib.auth.models import Permission
from django.db import InternalError, OperationalError, connection, transaction
from django.db.models import Sum

from core import snapshots
from core.models import Casino
from core.snapshots import one_snapshot, streamed
from loyalty.models import LedgerEntry, PlayerLoyalty
from tests.concurrency import Elsewhere
from tests.floor import Floor
from tests.loyalty.postings import award

_UP_TO_NINE = "SELECT number, number * %(times)s FROM generate_series(1, 9) AS number"


def _open_cursors() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_cursors")
        return int(cursor.fetchone()[0])


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
    @pytest.mark.shows(13)
    def test_sees_balances_and_points_agree_while_an_award_commits(self, committed_floor: Floor) -> None:
        assert _sums_around_an_award(committed_floor) == (500, 500)

    @pytest.mark.shows(13, 39)
    def test_would_see_them_differ_as_of_two_instants(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(snapshots, "ISOLATION", "READ COMMITTED READ ONLY")

        assert _sums_around_an_award(committed_floor) == (500, 507)

    def test_is_not_one_inside_a_transaction_that_began_earlier(self, committed_floor: Floor) -> None:
        with pytest.raises(RuntimeError, match="durable"), transaction.atomic(), one_snapshot():
            pass

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


@pytest.mark.django_db
class TestStreamed:
    @pytest.mark.parametrize("chunk_rows", [1, 2, 9, 100])
    def test_gives_every_row_in_order(self, chunk_rows: int) -> None:
        with streamed(_UP_TO_NINE, {"times": 2}, chunk_rows=chunk_rows) as rows:
            assert list(rows) == [(number, number * 2) for number in range(1, 10)]

    def test_reads_a_chunk_and_no_more(self) -> None:
        with streamed("SELECT 1 / (4 - number) FROM generate_series(1, 4) AS number", {}, chunk_rows=3) as rows:
            assert [row for (row,) in islice(rows, 3)] == [0, 0, 1]

    def test_is_closed_with_its_block_also_while_rows_are_held(self) -> None:
        with streamed(_UP_TO_NINE, {"times": 2}, chunk_rows=2) as rows:
            next(rows)
            assert _open_cursors() == 1

        assert _open_cursors() == 0
        del rows

    def test_is_closed_where_its_block_fails(self) -> None:
        with pytest.raises(ZeroDivisionError), streamed(_UP_TO_NINE, {"times": 2}, chunk_rows=2) as rows:
            raise ZeroDivisionError(next(rows))

        assert _open_cursors() == 0


@pytest.mark.django_db
class TestIterator:
    def test_of_the_orm_holds_no_cursor_open(self) -> None:
        """As forms read their choices; one that is given up half way would be closed at any time later."""
        rows = Permission.objects.order_by("pk").iterator(chunk_size=2)

        next(rows)

        assert _open_cursors() == 0
