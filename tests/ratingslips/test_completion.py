"""Closing a slip: the theo frozen, the points in the ledger, once."""

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from guardian.shortcuts import assign_perm, remove_perm

from core import correlation
from core.clock import EARLIEST_EVENT_AT, InvalidTime
from core.errors import NotFound
from core.models import User
from core.permissions import NotPermitted
from loyalty.models import LedgerEntry
from loyalty.services import pause_program
from ratingslips.models import PlaySegment, RatingSlip
from ratingslips.services import (
    BeforeLastEvent,
    InvalidAmount,
    complete_rating_slip,
    pause_rating_slip,
    resume_rating_slip,
)
from tests.constraints import inserted
from tests.factories import StaffFactory, TableFactory
from tests.floor import Floor
from tests.loyalty.postings import increment
from tests.loyalty.rows import account_of
from tests.ratingslips.rows import ended_row, segment_row, slip_row
from tests.refusals import everything, logged, refused


class TestCompleteRatingSlip:
    def test_freezes_the_theo_and_posts_the_points_in_one_go(self, floor: Floor, played_slip: RatingSlip) -> None:
        settlement = complete_rating_slip(slip=played_slip, actor=floor.boss, at=floor.now)

        closed = RatingSlip.objects.get(pk=played_slip.pk)
        entry = LedgerEntry.objects.get()
        assert (closed.status, closed.theoretical_win) == ("CLOSED", Decimal("57.75"))
        assert (closed.closed_at, closed.closed_by, closed.settled_at) == (floor.now, floor.boss, floor.now)
        assert (closed.ledger_entry, closed.owed_because, closed.recovered_by) == (entry, "", None)
        assert (entry.points, entry.kind, entry.staff) == (578, "GAMEPLAY", None)
        assert entry.idempotency_key == str(played_slip.pk)
        assert account_of(played_slip.player).balance == settlement.points == 578
        assert (settlement.slip_id, settlement.slip_number) == (played_slip.pk, played_slip.slip_number)
        assert (settlement.theoretical_win, settlement.correlation_id) == (Decimal("57.75"), closed.correlation_id)

    def test_gives_the_worked_example_in_silver(self, floor: Floor, played_slip: RatingSlip) -> None:
        increment(floor, played_slip.player, points=1_000)

        settlement = complete_rating_slip(slip=played_slip, actor=floor.boss, at=floor.now)

        assert (settlement.theoretical_win, settlement.points) == (Decimal("57.75"), 722)

    def test_ends_the_open_segment(self, floor: Floor, slip: RatingSlip) -> None:
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        segment = PlaySegment.objects.get()
        assert (segment.ended_as, segment.ended_at, segment.ended_by) == ("CLOSED", floor.now, floor.boss)

    def test_does_not_count_pauses_before_or_at_the_end(self, floor: Floor, slip: RatingSlip) -> None:
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(hours=1))

        settlement = complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        assert settlement.theoretical_win == Decimal("21.00")  # one hour
        assert PlaySegment.objects.get().ended_as == "PAUSED"

    def test_ends_the_last_segment_however_they_lie_in_the_table(self, floor: Floor) -> None:
        slip = slip_row(floor)
        slip.save()
        inserted(segment_row(floor, slip=slip, seq=2, started_as="RESUMED", started_at=floor.ago(minutes=30)))
        inserted(ended_row(floor, slip=slip, held_until=floor.ago(minutes=30)))
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL enable_indexscan = off")

        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        assert list(slip.segments.order_by("seq").values_list("ended_as", "ended_at")) == [
            ("PAUSED", floor.ago(hours=1)),
            ("CLOSED", floor.now),
        ]

    @pytest.mark.shows(12)
    def test_carries_one_correlation_id_through_slip_segments_and_entry(self, floor: Floor, slip: RatingSlip) -> None:
        correlation_id = uuid.uuid4()

        with correlation.bound(correlation_id):
            settlement = complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        assert settlement.correlation_id == correlation_id
        assert RatingSlip.objects.get().correlation_id == correlation_id
        assert PlaySegment.objects.get().end_correlation_id == correlation_id
        assert LedgerEntry.objects.get().correlation_id == correlation_id

    def test_keeps_the_play_with_the_entry(self, floor: Floor) -> None:
        slip = floor.played_slip()

        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        play = LedgerEntry.objects.get().inputs["calculation"]["play"]
        spans = [(floor.ago(hours=2), floor.ago(minutes=30)), (floor.ago(minutes=30), floor.now)]
        assert (play["slip"], play["slip_number"]) == (str(slip.pk), slip.slip_number)
        assert [{name: str(value)[:19] for name, value in segment.items()} for segment in play["segments"]] == [
            {
                "table": str(floor.table.pk),
                "seat": "1",
                "average_bet": average_bet,
                "house_edge_percent": "0.750",
                "decisions_per_hour": "70.00",
                "started_at": f"{started_at:%Y-%m-%dT%H:%M:%S}",
                "ended_at": f"{ended_at:%Y-%m-%dT%H:%M:%S}",
            }
            for average_bet, (started_at, ended_at) in zip(("40.00", "100.00"), spans, strict=True)
        ]

    def test_records_the_money(self, floor: Floor) -> None:
        kept, corrected = floor.open_slip(buy_in=Decimal(500)), floor.open_slip(seat=2, buy_in=Decimal(500))

        complete_rating_slip(slip=kept, actor=floor.boss, at=floor.now, chips_out=Decimal("120.50"))
        complete_rating_slip(slip=corrected, actor=floor.boss, at=floor.now, buy_in=Decimal(700))

        money = [(slip.buy_in, slip.chips_out) for slip in RatingSlip.objects.with_money().order_by("seat")]
        assert money == [(Decimal(500), Decimal("120.50")), (Decimal(700), None)]

    def test_is_complete_without_an_entry_for_worthless_play(self, floor: Floor) -> None:
        slip = floor.open_slip(at=floor.now)

        settlement = complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        closed = RatingSlip.objects.get()
        assert (settlement.points, settlement.posting) == (0, None)
        assert (closed.theoretical_win, closed.settled_at, closed.is_owed) == (Decimal(0), floor.now, False)
        assert not LedgerEntry.objects.exists()

    def test_does_not_ask_the_programme_for_worthless_play(self, floor: Floor) -> None:
        slip = floor.open_slip(at=floor.now)
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Month-end freeze")

        assert complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now).points == 0

    @pytest.mark.parametrize(("minutes", "theo", "points"), [(4.5, "0.04", 0), (80, "0.70", 7)])
    def test_credits_play_worth_half_a_point_or_more(
        self, floor: Floor, minutes: float, theo: str, points: int
    ) -> None:
        slip = floor.open_slip(average_bet=Decimal("1.00"), at=floor.ago(minutes=minutes))

        settlement = complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        assert (settlement.theoretical_win, settlement.points) == (Decimal(theo), points)
        assert not RatingSlip.objects.get().is_owed

    @pytest.mark.shows(14)
    def test_holds_at_the_largest_values_for_a_month(self, floor: Floor) -> None:
        values = [(EARLIEST_EVENT_AT, "1000", "100")]
        table = TableFactory.create(casino=floor.casino, pit=floor.pit, game__values=values)
        slip = floor.open_slip(table=table, average_bet=Decimal("1000000.00"), at=floor.ago(days=31))

        settlement = complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        assert settlement.points == 7_440_000_000_000

    @pytest.mark.parametrize(
        ("name", "words"), [("buy_in", "The buy-in must"), ("chips_out", "The chips-out amount must")]
    )
    def test_refuses_what_is_no_amount(self, floor: Floor, slip: RatingSlip, name: str, words: str) -> None:
        with refused(InvalidAmount, words):
            amounts: dict[str, Any] = {name: Decimal("-0.01")}
            complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now, **amounts)

    @pytest.mark.parametrize(
        ("shift", "error"), [(timedelta(hours=-2, microseconds=-1), BeforeLastEvent), (timedelta(hours=1), InvalidTime)]
    )
    def test_refuses_times_before_the_last_event_and_after_now(
        self, floor: Floor, shift: timedelta, error: type[InvalidTime]
    ) -> None:
        slip = floor.open_slip()

        with refused(error):
            complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now + shift)

    def test_refuses_a_time_before_the_present_pause(self, floor: Floor, slip: RatingSlip) -> None:
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(hours=1))

        with refused(BeforeLastEvent, "before the last event on record: paused at"):
            complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(hours=1, microseconds=1))

    @pytest.mark.parametrize("unknown", [uuid.UUID(int=0), "not-a-uuid"])
    def test_refuses_a_slip_that_does_not_exist(self, floor: Floor, unknown: uuid.UUID | str) -> None:
        with refused(NotFound):
            complete_rating_slip(slip=unknown, actor=floor.boss, at=floor.now)

    def test_refuses_who_does_not_operate_the_pit(self, floor: Floor, slip: RatingSlip) -> None:
        remove_perm("ratingslips.operate_pit", floor.boss, floor.pit)

        with refused(NotPermitted):
            complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)


class TestReplayedCompletion:
    def test_gives_the_first_result_again(self, floor: Floor, played_slip: RatingSlip) -> None:
        first = complete_rating_slip(slip=played_slip, actor=floor.boss, at=floor.ago(minutes=1))
        before = everything()

        with logged() as lines:
            again = complete_rating_slip(slip=played_slip, actor=floor.boss, at=floor.now, chips_out=Decimal(1))

        assert first.posting is not None
        assert again == replace(first, replayed=True, posting=replace(first.posting, replayed=True))
        assert everything() == before
        assert [line["event"] for line in lines] == ["ratingslips.completion_replayed"]

    def test_gives_the_first_result_again_where_it_was_nothing(self, floor: Floor) -> None:
        slip = floor.open_slip(at=floor.now)
        first = complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        again = complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        assert again == replace(first, replayed=True)

    @pytest.mark.parametrize("loses", ["permission", "account"])
    def test_answers_who_closed_it_also_without_the_right(self, floor: Floor, slip: RatingSlip, loses: str) -> None:
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
        if loses == "permission":
            remove_perm("ratingslips.operate_pit", floor.boss, floor.pit)
        else:
            User.objects.filter(pk=floor.boss.pk).update(is_active=False)

        assert complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now).replayed

    def test_answers_somebody_else_only_with_the_right(self, floor: Floor, slip: RatingSlip) -> None:
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
        colleague = StaffFactory.create(casino=floor.casino)

        with refused(NotPermitted):
            complete_rating_slip(slip=slip, actor=colleague, at=floor.now)

        assign_perm("ratingslips.operate_pit", colleague, floor.pit)
        assert complete_rating_slip(slip=slip, actor=colleague, at=floor.now).replayed


class TestClockChanges:
    @pytest.mark.parametrize(
        ("sat_down", "left", "theo"),
        [
            ("2025-03-09T01:00-08:00", "2025-03-09T04:00-07:00", "42.00"),  # two hours
            ("2025-11-02T00:00-07:00", "2025-11-02T03:00-08:00", "84.00"),  # four hours
        ],
    )
    def test_count_the_hours_that_were_played(self, floor: Floor, sat_down: str, left: str, theo: str) -> None:
        slip = floor.open_slip(at=datetime.fromisoformat(sat_down))

        settlement = complete_rating_slip(slip=slip, actor=floor.boss, at=datetime.fromisoformat(left))

        assert settlement.theoretical_win == Decimal(theo)

    def test_leave_pauses_out_as_well(self, floor: Floor, slip: RatingSlip) -> None:
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=90))
        resume_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=30))

        assert complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now).theoretical_win == Decimal("21.00")
