"""Past play never changes: ended segments and closed slips are frozen, and none can be deleted."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from ratingslips.models import PlaySegment, RatingSlip
from tests.constraints import inserted, refused_by_trigger, run_as_replica
from tests.databases import as_owner
from tests.floor import Floor
from tests.loyalty.rows import entry
from tests.ratingslips.rows import closed_row, ended_row, segment_row, slip_row


def _sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


class TestSegments:
    @pytest.mark.parametrize(
        "changes",
        [
            {"average_bet": Decimal("400.00")},
            {"ended_as": "MOVED"},
            {"ended_at": None, "ended_as": "", "ended_by": None, "end_correlation_id": None},
            {"house_edge_percent": Decimal(100)},
            {"seq": 7},
        ],
        ids=lambda changes: next(iter(changes)),
    )
    def test_are_frozen_once_they_have_ended(self, floor: Floor, changes: dict[str, Any]) -> None:
        inserted(ended_row(floor))

        with refused_by_trigger("past play never changes"):
            PlaySegment.objects.update(**changes)

    @pytest.mark.parametrize("field", ["average_bet", "seat", "decisions_per_hour", "started_at"])
    def test_change_only_by_ending_while_they_are_open(self, floor: Floor, field: str) -> None:
        inserted(segment_row(floor))
        changed: Any = floor.ago(hours=9) if field == "started_at" else 2

        with refused_by_trigger("past play never changes"):
            PlaySegment.objects.update(**{field: changed})

    def test_may_end(self, floor: Floor) -> None:
        inserted(segment_row(floor))

        PlaySegment.objects.update(
            ended_at=floor.now, ended_as="CLOSED", ended_by=floor.boss, end_correlation_id=uuid4()
        )

        assert PlaySegment.objects.get().ended_at == floor.now


class TestClosedSlips:
    @pytest.mark.parametrize(
        "changes",
        [
            {"theoretical_win": Decimal("9999.00")},
            {"closed_at": None, "closed_by": None, "theoretical_win": None, "status": "OPEN"},
            {"seat": 2},
            {"owed_because": "BUSY"},
            {"correlation_id": uuid4()},
            {"chips_out": Decimal(1)},
        ],
        ids=lambda changes: next(iter(changes)),
    )
    def test_are_frozen(self, floor: Floor, changes: dict[str, Any]) -> None:
        inserted(closed_row(floor))

        with refused_by_trigger("a closed slip can only be settled, once"):
            RatingSlip.objects.update(**changes)

    def test_can_be_settled_once(self, floor: Floor) -> None:
        inserted(closed_row(floor))
        settled: Callable[[datetime], int] = lambda at: RatingSlip.objects.update(  # noqa: E731
            settled_at=at, ledger_entry=inserted(entry(floor))
        )
        settled(floor.ago(minutes=1))

        with refused_by_trigger("a closed slip can only be settled, once"):
            settled(floor.now)

        assert RatingSlip.objects.get().settled_at == floor.ago(minutes=1)

    def test_are_frozen_also_for_a_session_as_replica(self, floor: Floor) -> None:
        inserted(closed_row(floor))

        with refused_by_trigger("a closed slip can only be settled, once"):
            run_as_replica("UPDATE ratingslips_ratingslip SET seat = 2")


class TestSlipsAndSegments:
    @pytest.mark.parametrize("table", ["ratingslips_ratingslip", "ratingslips_playsegment"])
    def test_cannot_be_deleted(self, floor: Floor, table: str) -> None:
        inserted(segment_row(floor))

        with refused_by_trigger(f"DELETE of {table} is refused"):
            _sql(f"DELETE FROM {table}")

    def test_cannot_be_deleted_by_the_orm(self, floor: Floor) -> None:
        slip = inserted(slip_row(floor))

        with refused_by_trigger("DELETE of ratingslips_ratingslip is refused"):
            slip.delete()

    @pytest.mark.parametrize("table", ["ratingslips_ratingslip", "ratingslips_playsegment"])
    def test_cannot_be_emptied(self, floor: Floor, table: str) -> None:
        _sql("SET CONSTRAINTS ALL IMMEDIATE")
        with as_owner():
            _sql(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_refuse_truncate")

        with refused_by_trigger(f"TRUNCATE of {table} is refused"):
            _sql(f"TRUNCATE {table} CASCADE")
