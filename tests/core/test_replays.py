"""Replays are counted once each, and a count that fails spoils nothing."""

from datetime import datetime

import pytest
from django.db import connection
from structlog.testing import capture_logs

from core.models import ReplayCount
from core.replays import count_replay
from ratingslips.services import complete_rating_slip, recover_slip_loyalty
from tests.concurrency import together
from tests.databases import as_owner
from tests.floor import Floor
from tests.loyalty.postings import award


class TestCountReplay:
    def test_counts_each_on_its_gaming_day_and_use_case(self, floor: Floor) -> None:
        for operation in ("ratingslips.complete", "ratingslips.complete", "loyalty.manual_reward"):
            count_replay(casino=floor.casino, operation=operation, at=floor.now)
        count_replay(casino=floor.casino, operation="ratingslips.complete", at=floor.ago(days=2))

        counts = ReplayCount.objects.order_by("operation", "gaming_day").values_list("operation", "replays")
        assert list(counts) == [
            ("loyalty.manual_reward", 1),
            ("ratingslips.complete", 1),
            ("ratingslips.complete", 2),
        ]

    def test_loses_none_when_many_come_at_once(self, committed_floor: Floor) -> None:
        def count() -> None:
            count_replay(casino=committed_floor.casino, operation="ratingslips.complete", at=committed_floor.now)

        outcomes = together([count] * 8)

        assert outcomes == [None] * 8
        assert ReplayCount.objects.get().replays == 8

    @pytest.mark.shows(39)
    def test_would_lose_some_if_it_read_before_it_wrote(self, committed_floor: Floor) -> None:
        day = committed_floor.casino.gaming_day_at(committed_floor.now)
        row = ReplayCount.objects.create(casino=committed_floor.casino, gaming_day=day, operation="x", replays=0)
        read = ReplayCount.objects.get(pk=row.pk)

        together([lambda: count_replay(casino=committed_floor.casino, operation="x", at=committed_floor.now)])
        read.replays += 1
        read.save(update_fields=["replays"])

        assert ReplayCount.objects.get().replays == 1

    @pytest.mark.shows(31)
    def test_leaves_the_first_result_alone_when_it_cannot_be_written(self, floor: Floor) -> None:
        slip = floor.played_slip()
        first = complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("ALTER TABLE core_replaycount RENAME TO mislaid")

        with capture_logs() as lines:
            again = complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        assert (again.replayed, again.points) == (True, first.points)
        assert [line["event"] for line in lines if line["log_level"] == "error"] == ["core.replay_not_counted"]

    @pytest.mark.parametrize("at", [datetime(2026, 11, 14, 19), datetime(1, 1, 1)])  # noqa: DTZ001
    def test_shrugs_at_a_time_that_is_none(self, floor: Floor, at: datetime) -> None:
        with capture_logs() as lines:
            count_replay(casino=floor.casino, operation="ratingslips.complete", at=at)

        assert [line["event"] for line in lines] == ["core.replay_not_counted"]

    def test_costs_the_first_completion_nothing(self, floor: Floor) -> None:
        complete_rating_slip(slip=floor.played_slip(), actor=floor.boss, at=floor.now)

        assert not ReplayCount.objects.exists()

    def test_knows_each_use_case_by_its_name(self, floor: Floor) -> None:
        player, slip, owed = floor.player(), floor.played_slip(), floor.owed_slip(floor.open_slip(seat=2))

        for _ in range(2):
            award(floor, player)
            complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
            recover_slip_loyalty(slip=owed, actor=floor.supervisor, at=floor.now)

        assert set(ReplayCount.objects.values_list("operation", "replays")) == {
            ("loyalty.manual_reward", 1),
            ("ratingslips.complete", 1),
            ("ratingslips.recover", 1),
        }
