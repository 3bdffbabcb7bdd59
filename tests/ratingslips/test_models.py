"""What concerns one table, one slip, one segment, and a list of slips."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from ratingslips.history import events_of
from ratingslips.models import GamingTable, PlaySegment, RatingSlip
from ratingslips.services import (
    change_average_bet,
    complete_rating_slip,
    pause_rating_slip,
    resume_rating_slip,
)
from tests.console import html_of
from tests.factories import GameFactory, PitFactory
from tests.floor import Floor


class TestGamingTable:
    @pytest.mark.parametrize("field", ["pit", "game"])
    def test_belongs_to_one_casino_with_its_pit_and_game(self, floor: Floor, field: str) -> None:
        elsewhere = PitFactory.create() if field == "pit" else GameFactory.create()
        table = GamingTable.objects.get()
        setattr(table, field, elsewhere)

        with pytest.raises(ValidationError) as refusal:
            table.clean()

        assert refusal.value.message_dict == {field: [f"This {field} belongs to another casino."]}

    def test_is_whole_as_it_is(self, floor: Floor) -> None:
        floor.table.clean()


class TestRatingSlip:
    def test_says_where_the_player_sits(self, floor: Floor) -> None:
        assert floor.open_slip(seat=3).place == f"{floor.table.name} seat 3"

    def test_is_called_by_its_number(self, floor: Floor) -> None:
        assert str(floor.open_slip(slip_number="S-42")) == "Slip S-42"


class TestPlaySegment:
    def test_has_a_length_once_it_has_ended(self, floor: Floor, slip: RatingSlip) -> None:
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=30))

        segment = PlaySegment.objects.get()
        assert segment.played == segment.play.played == timedelta(minutes=90)

    def test_has_none_while_it_is_open(self, floor: Floor) -> None:
        floor.open_slip()

        with pytest.raises(AssertionError, match="no length yet"):
            _ = PlaySegment.objects.get().played


class TestRatingSlipsWithPlay:
    def test_give_the_latest_bet_and_time_without_pauses(self, floor: Floor, slip: RatingSlip) -> None:
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=90))
        resume_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=60))
        change_average_bet(slip=slip, average_bet=Decimal(75), actor=floor.boss, at=floor.ago(minutes=30))

        seen: Any = RatingSlip.objects.with_play(now=floor.now).get()

        assert (seen.average_bet, seen.played) == (Decimal(75), timedelta(minutes=90))

    def test_stand_still_once_they_are_closed(self, floor: Floor, slip: RatingSlip) -> None:
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(hours=1))

        seen: Any = RatingSlip.objects.with_play(now=floor.now).get()

        assert seen.played == timedelta(hours=1)


class TestLiveAndOwedSlips:
    def test_are_told_apart(self, floor: Floor) -> None:
        live, paused, paid = (floor.open_slip(seat=seat) for seat in (1, 2, 3))
        pause_rating_slip(slip=paused, actor=floor.boss, at=floor.now)
        complete_rating_slip(slip=paid, actor=floor.boss, at=floor.now)

        assert set(RatingSlip.objects.live()) == {live, paused}
        assert not RatingSlip.objects.owed().exists()


class TestNamesInSentences:
    def test_of_tables_and_pits_do_not_reorder_them(self, floor: Floor, boss: Client) -> None:
        floor.pit.name, floor.table.name = "صالة", "طاولة"
        floor.pit.save()
        floor.table.save()
        slip = floor.open_slip()
        place = "\u2068طاولة\u2069 seat 1"

        taken = html_of(boss.get(reverse("floor:seat", args=[floor.table.pk, 1])))

        [opened] = events_of(slip, list(slip.segments.select_related("table", "started_by")))
        assert RatingSlip.objects.get().place == place
        assert opened.words == f"Opened at {place}, average bet 40.00"
        assert (f"{place} is taken" in taken, "\u2068صالة\u2069" in taken) == (True, True)
