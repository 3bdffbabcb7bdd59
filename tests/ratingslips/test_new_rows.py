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
from tests.floor import Floor
from tests.loyalty.postings import award

_READ = """
    SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables WHERE relname IN (
        'loyalty_ledger', 'loyalty_playerloyalty', 'ratingslips_ratingslip', 'ratingslips_playsegment',
        'ratingslips_sliprequest', 'ratingslips_moneyrow'
    )
"""


def _play(floor: Floor, *, seat: int) -> None:
    slip = floor.played_slip(seat=seat)
    award(floor, slip.player, points=5)
    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)


def _rows_for_one_more(floor: Floor, *, seat: int) -> int:
    """The number of rows that are read to examine one more slip and its entries."""
    since = mark() | {"at": timezone.now().isoformat()}
    _play(floor, seat=seat)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    with one_snapshot(), connection.cursor() as cursor:
        for plan in ("seqscan", "bitmapscan", "hashjoin", "mergejoin", "material"):  # quicker for a table of few rows
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
        _play(floor, seat=1)
        short = _rows_for_one_more(floor, seat=2)
        for seat in (3, 4, 5, 6):
            _play(floor, seat=seat)

        assert _rows_for_one_more(floor, seat=7) <= short
