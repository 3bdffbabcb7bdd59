"""Past play never changes: ended segments and closed slips are frozen, and none can be deleted."""

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Model

from ratingslips.models import PlaySegment, RatingSlip
from ratingslips.services import pause_rating_slip
from tests.constraints import inserted, refused_by_trigger, run_as_replica
from tests.databases import as_owner
from tests.floor import Floor
from tests.loyalty.rows import entry, of_play
from tests.ratingslips.corrections import (
    closed,
    correct,
    last_at,
    live,
    paused,
    released,
    void,
    withheld,
    worth_nothing,
)
from tests.ratingslips.rows import closed_row, correction_row, ended_row, segment_row, slip_row


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
        ],
        ids=lambda changes: next(iter(changes)),
    )
    def test_are_frozen(self, floor: Floor, changes: dict[str, Any]) -> None:
        inserted(closed_row(floor))

        with refused_by_trigger("a closed slip can only be settled, once"):
            RatingSlip.objects.update(**changes)

    def test_can_be_settled_once(self, floor: Floor) -> None:
        credit = inserted(entry(floor, **of_play(inserted(closed_row(floor)))))
        RatingSlip.objects.update(settled_at=floor.ago(minutes=1), ledger_entry=credit)

        with refused_by_trigger("a closed slip can only be settled, once"):
            RatingSlip.objects.update(settled_at=floor.now, ledger_entry=inserted(entry(floor)))

        assert RatingSlip.objects.get().settled_at == floor.ago(minutes=1)

    @pytest.mark.parametrize(
        ("make", "changes"),
        [
            (lambda floor: inserted(closed_row(floor)), {"settled_at": datetime(2026, 1, 1, tzinfo=UTC)}),
            (worth_nothing, {}),
            (withheld, {"released_at": datetime(2026, 1, 1, tzinfo=UTC)}),
        ],
        ids=["owed", "worth nothing", "withheld"],
    )
    @pytest.mark.parametrize("column", ["idempotency_key", "kind"])
    def test_get_no_entry_but_that_of_their_play(
        self, floor: Floor, make: Callable[[Floor], RatingSlip], changes: dict[str, Any], column: str
    ) -> None:
        credit = of_play(make(floor))
        del credit[column]
        other = inserted(entry(floor, **credit))

        with refused_by_trigger("the entry is not the one for the play of the slip"):
            RatingSlip.objects.update(ledger_entry=other, **changes)

    def test_are_frozen_also_for_a_session_as_replica(self, floor: Floor) -> None:
        inserted(closed_row(floor))

        with refused_by_trigger("a closed slip can only be settled, once"):
            run_as_replica("UPDATE ratingslips_ratingslip SET seat = 2")


def _corrected(slip: RatingSlip, **changes: Any) -> None:
    changed = {"correction_count": slip.correction_count + 1, "opened_at": slip.opened_at - timedelta(hours=1)}
    RatingSlip.objects.filter(pk=slip.pk).update(**(changed | changes))


class TestCorrections:
    @pytest.mark.parametrize("make", [slip_row, closed_row])
    def test_change_a_slip_together_with_their_row(self, floor: Floor, make: Callable[..., RatingSlip]) -> None:
        slip = make(floor)
        slip.save()
        with refused_by_trigger("with its correction"):
            _corrected(slip)
        inserted(correction_row(floor, slip=slip))

        _corrected(slip)

        assert RatingSlip.objects.get().opened_at == slip.opened_at - timedelta(hours=1)

    @pytest.mark.parametrize(
        ("kept", "changes"),
        [
            ({"opened_at_before": datetime(2000, 1, 1, tzinfo=UTC)}, {}),
            ({"seat_before": 7}, {}),
            ({"theoretical_win_before": None}, {}),
            ({"uncollected_after": 7}, {}),
            ({"number": 2}, {}),
            ({}, {"correction_count": 2}),
            ({}, {"corrected_points": 7}),
            ({}, {"status": "VOID", "theoretical_win": 0}),
            ({}, {"correlation_id": UUID(int=1)}),
            ({}, {"settled_at": datetime(2000, 1, 1, tzinfo=UTC)}),
            ({}, {"closed_by": None}),
        ],
        ids=str,
    )
    def test_change_nothing_that_their_row_does_not_keep(
        self, floor: Floor, kept: dict[str, Any], changes: dict[str, Any]
    ) -> None:
        slip = closed_row(floor)
        slip.save()
        inserted(correction_row(floor, slip=slip, **kept))

        with refused_by_trigger("with its correction"):
            _corrected(slip, **changes)

    @pytest.mark.parametrize("field", ["opened_at", "gaming_day", "correction_count", "uncollected_points"])
    def test_alone_change_what_is_past_of_a_live_slip(self, floor: Floor, field: str) -> None:
        inserted(slip_row(floor))
        changed: Any = {"opened_at": floor.now, "gaming_day": date(2000, 1, 1)}.get(field, 1)

        with refused_by_trigger("all but status, place and closing changes only with its correction"):
            RatingSlip.objects.update(**{field: changed})

    @pytest.mark.parametrize("changes", [{"seat": 2}, {"status": "PAUSED"}], ids=str)
    def test_leave_a_live_slip_where_its_segment_is(self, floor: Floor, changes: dict[str, Any]) -> None:
        floor.open_slip()

        with refused_by_trigger("a live slip is where and as its last segment is"):
            RatingSlip.objects.update(**changes)
            connection.check_constraints()

    def test_add_money_only_by_a_request(self, floor: Floor) -> None:
        row = floor.open_slip(buy_in=Decimal(500)).money_rows.get()
        row.pk = row.request = None

        with refused_by_trigger("it does not name the request that recorded it"):
            row.save()

    def test_let_a_void_slip_never_change(self, floor: Floor) -> None:
        slip = inserted(closed_row(floor, status="VOID", theoretical_win=0, correction_count=1))
        assert isinstance(slip, RatingSlip)
        inserted(correction_row(floor, slip=slip, number=2))

        for changes in ({"status": "CLOSED"}, {"seat": 2}, {"correction_count": 2}):
            with refused_by_trigger("a void slip never changes"):
                RatingSlip.objects.update(**changes)

    def test_hold_the_seat_of_a_paused_slip(self, floor: Floor) -> None:
        slip = floor.open_slip()
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(hours=1))

        with refused_by_trigger("past play never changes"):
            PlaySegment.objects.update(held_until=floor.now)

    def test_hold_a_seat_if_the_next_segment_is_left_out(self, floor: Floor) -> None:
        slip = floor.open_slip()
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(hours=1))

        with refused_by_trigger("the seat is given back without a cause"), connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO ratingslips_playsegment SELECT (jsonb_populate_record(segment, %s)).*"
                " FROM ratingslips_playsegment AS segment ON CONFLICT DO NOTHING",
                [json.dumps({"seq": 2})],
            )
            connection.check_constraints()

    def test_supersede_a_segment_once(self, floor: Floor) -> None:
        segment = ended_row(floor, held_until=floor.now)
        segment.save()
        first, second = (correction_row(floor, slip=segment.slip, number=number) for number in (1, 2))
        first.save()
        second.save()

        PlaySegment.objects.update(superseded_by=first)

        for changes in ({"superseded_by": second}, {"superseded_by": None}, {"held_until": floor.ago(hours=1)}):
            with refused_by_trigger("past play never changes"):
                PlaySegment.objects.update(**changes)

    @pytest.mark.parametrize("case", ["another slip's", "one that its slip has already"])
    def test_supersede_no_segment_by(self, floor: Floor, case: str) -> None:
        segment = ended_row(floor, held_until=floor.now)
        segment.save()
        slip = inserted(slip_row(floor, seat=2)) if case == "another slip's" else segment.slip
        correction = inserted(correction_row(floor, slip=slip))  # type: ignore[arg-type]
        if case != "another slip's":
            _corrected(segment.slip)

        with refused_by_trigger("past play never changes"):
            PlaySegment.objects.update(superseded_by=correction)


def _another(field: Any) -> str:
    """An SQL expression for another value of a column."""
    if field.choices:
        others = ", ".join(f"'{value}'" for value, _ in field.choices)
        return f"(SELECT value FROM unnest(ARRAY[{others}]) AS value WHERE value <> {field.column} LIMIT 1)"
    kind = field.db_type(connection).split("(")[0]
    words = {"uuid": "gen_random_uuid()", "varchar": "'X'", "text": "'X'", "jsonb": "jsonb_build_object('other', 1)"}
    moved = {
        "timestamp with time zone": f"coalesce({field.column}, now()) + interval '1 second'",
        "date": f"{field.column} + 1",
    }
    return words.get(kind) or moved.get(kind) or f"coalesce({field.column} + 1, 1)"


def _changeable(row: Model) -> set[str | None]:
    """The columns of a row, of which PostgreSQL lets the owner of its table change each alone."""
    found: set[str | None] = set()
    for field in row._meta.concrete_fields:
        change = f"UPDATE {row._meta.db_table} SET {field.column} = {_another(field)} WHERE id = %s"
        with suppress(IntegrityError), transaction.atomic(), as_owner(), connection.cursor() as cursor:
            cursor.execute(change, [row.pk])
            found.add(field.column)
            transaction.set_rollback(True)
    return found


class TestEveryColumn:
    @pytest.mark.parametrize(
        ("make", "expected"),
        [
            (live, {"status", "seat"}),
            (paused, {"status", "seat"}),
            (lambda floor: inserted(closed_row(floor)), {"settled_at"}),
            (closed, set()),
            (worth_nothing, set()),
            (withheld, {"released_at"}),
            (released, set()),
            (lambda floor: RatingSlip.objects.get(pk=void(floor, closed(floor)).slip_id), set()),
        ],
        ids=["live", "paused", "owed", "credited", "worth nothing", "withheld", "released", "void"],
    )
    def test_of_a_slip_is_frozen_but_for(
        self, floor: Floor, make: Callable[[Floor], RatingSlip], expected: set[str]
    ) -> None:
        assert _changeable(make(floor)) == expected

    def test_of_play_money_and_requests_is_frozen(self, floor: Floor) -> None:
        slip = closed(floor, floor.played_slip(buy_in=Decimal(500)))
        correct(floor, slip, last_at(slip, 50))

        rows = [*slip.segments.all(), *slip.money_rows.all(), *slip.requests.all(), *slip.corrections.all()]

        assert [(row, changed) for row in rows if (changed := _changeable(row))] == []

    def test_of_an_open_segment_is_frozen_too(self, floor: Floor) -> None:
        assert _changeable(PlaySegment.objects.get(slip=floor.open_slip())) == set()


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
