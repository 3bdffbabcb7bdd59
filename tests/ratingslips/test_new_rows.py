"""What `check_invariants --new` reads is as much as there is new, however long the history is."""

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from core.invariants import examine_among
from core.snapshots import one_snapshot
from ratingslips import new_rows
from ratingslips.invariants import ALL_INVARIANTS
from ratingslips.new_rows import mark
from ratingslips.services import complete_rating_slip
from tests.databases import as_owner
from tests.factories import TableFactory
from tests.floor import Floor
from tests.loyalty.postings import award

_MORE = 100  # slips of the long history
# The first ones are quicker for a table of few rows. The rows of an index-only scan are counted until a vacuum alone.
_OTHER_PLANS = ("seqscan", "bitmapscan", "hashjoin", "mergejoin", "material", "indexonlyscan")
_READ = """
    SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables WHERE relname IN (
        'loyalty_ledger', 'loyalty_playerloyalty', 'ratingslips_ratingslip', 'ratingslips_playsegment',
        'ratingslips_sliprequest', 'ratingslips_moneyrow'
    )
"""


def _play(floor: Floor) -> None:
    slip = floor.played_slip(table=TableFactory.create(casino=floor.casino, pit=floor.pit))
    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)


def _rows_for_one_more(floor: Floor) -> int:
    """The number of rows that are read to examine one more slip and its entries."""
    since = mark() | {"at": timezone.now().isoformat()}
    _play(floor)
    award(floor, floor.player(), points=5)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with one_snapshot(), connection.cursor() as cursor:
        for plan in _OTHER_PLANS:
            cursor.execute(f"SET LOCAL enable_{plan} = off")
        cursor.execute(_READ)
        (before,) = cursor.fetchone()
        rows = new_rows.new_rows(since)
        findings = [examine_among(rows, invariant) for invariant in ALL_INVARIANTS if not invariant.needs_all]
        cursor.execute(_READ)
        read = int(cursor.fetchone()[0] - before)
    assert [finding.first for finding in findings if not finding.holds] == []
    return read


class TestNewRows:
    def test_are_as_many_however_long_the_history_is(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        floor = committed_floor
        monkeypatch.setattr(new_rows, "MARGIN", timedelta())
        monkeypatch.setattr(new_rows, "MARGIN_IDS", 0)
        short = _rows_for_one_more(floor)
        for _ in range(_MORE):
            _play(floor)

        # Another plan reads some 40 rows more or less; reading one table from its beginning reads _MORE rows more.
        assert _rows_for_one_more(floor) < short + _MORE * 0.6
