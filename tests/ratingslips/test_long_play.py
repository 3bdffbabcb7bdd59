"""Closing a slip that was played for very long needs a confirmation, on every way that closes one."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from ratingslips.models import RatingSlip
from ratingslips.services import (
    LongPlayNotConfirmed,
    complete_rating_slip,
    pause_rating_slip,
    resume_rating_slip,
)
from tests.casino_files import event
from tests.console import carry_out, html_of, said
from tests.floor import Floor
from tests.ratingslips.corrections import closed, correct, current_play
from tests.ratingslips.imports import OPEN_S1, import_json, import_lines, load_three_files
from tests.ratingslips.test_floor_slip import ask
from tests.refusals import refused

LATE_CLOSE = event("S1", "19:00:00", "CLOSE").replace("11-14", "11-15")


@pytest.fixture
def forgotten(floor: Floor) -> RatingSlip:
    return floor.open_slip(at=floor.ago(hours=207, minutes=10))


class TestService:
    def test_refuses_a_long_play_that_is_not_confirmed(self, floor: Floor, forgotten: RatingSlip) -> None:
        opened = forgotten.opened_at.astimezone(floor.casino.zone)
        words = f"opened on {opened:%-d %b %Y %H:%M}, and 207 h 10 min of play count, more than 12 h"

        with refused(LongPlayNotConfirmed, words):
            complete_rating_slip(slip=forgotten, actor=floor.boss, at=floor.now, long_play_confirmed=False)

    @pytest.mark.parametrize("is_confirmed", [True, None])
    def test_closes_it_otherwise_and_answers_a_repetition(
        self, floor: Floor, forgotten: RatingSlip, is_confirmed: bool | None
    ) -> None:
        page: dict[str, Any] = {"slip": forgotten, "actor": floor.boss, "at": floor.now, "request_id": uuid4()}

        first = complete_rating_slip(**page, long_play_confirmed=is_confirmed)
        again = complete_rating_slip(**page, long_play_confirmed=False)

        assert (first.replayed, again.replayed, again.points) == (False, True, first.points)

    @pytest.mark.parametrize("is_confirmed", [False, True, None])
    def test_refuses_to_correct_to_one_that_is_not_confirmed(self, floor: Floor, is_confirmed: bool | None) -> None:
        slip = closed(floor)
        (first, *others) = current_play(slip)
        play = [replace(first, started_at=floor.ago(hours=20)), *others]

        if is_confirmed is False:
            with refused(LongPlayNotConfirmed, "is not corrected: it would be opened on"):
                correct(floor, slip, play, long_play_confirmed=is_confirmed)
        else:
            assert correct(floor, slip, play, long_play_confirmed=is_confirmed).points

    @pytest.mark.parametrize(("away_hours", "is_long"), [(1, False), (0.99, True)])
    def test_counts_no_pauses(self, floor: Floor, away_hours: float, is_long: bool) -> None:
        slip = floor.open_slip(at=floor.ago(hours=13))
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(hours=12))
        resume_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(hours=12 - away_hours))

        if is_long:
            with refused(LongPlayNotConfirmed, "12 h 00 min"):
                complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now, long_play_confirmed=False)
        else:
            assert complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now, long_play_confirmed=False).points


class TestFloor:
    def test_asks_once_and_keeps_what_was_typed(self, boss: Client, forgotten: RatingSlip) -> None:
        page = uuid4()

        asked = ask(boss, forgotten, "complete", chips_out="75", request_id=page)
        is_live = RatingSlip.objects.live().exists()
        closed = ask(boss, forgotten, "complete", chips_out="75", request_id=page, long_play_confirmed="on")

        html = html_of(asked)
        assert is_live
        for shown in ("207 h 10 min of play count", 'value="75"', str(page), 'name="long_play_confirmed" value="on"'):
            assert shown in html
        assert "closed, theo" in said(closed)[-1]


class TestList:
    def test_asks_for_each_slip_that_needs_it(self, floor: Floor, boss: Client, forgotten: RatingSlip) -> None:
        slips = [forgotten, floor.open_slip(seat=2)]

        html = html_of(carry_out(boss, RatingSlip, "complete", slips))
        live = RatingSlip.objects.live().count()
        closed = carry_out(boss, RatingSlip, "complete", slips, **{f"{forgotten.pk}-long_play_confirmed": "on"})

        assert (live, html.count("Close it all the same: opened on")) == (2, 1)
        assert f'name="{forgotten.pk}-long_play_confirmed" required' in html
        assert said(closed)[-1] == "Of 2: 2 closed."


class TestImport:
    def test_refuses_such_a_close_unless_an_option_allows_it(self, db: None, tmp_path: Path) -> None:
        load_three_files(tmp_path / "casino")
        file = tmp_path / "events.csv"

        told = import_json(file, OPEN_S1, LATE_CLOSE)
        allowed = json.loads(import_lines(file, OPEN_S1, LATE_CLOSE, options=("--json", "--allow-long-play")).out)

        assert told["rejects"]["3"].startswith("LONG_PLAY: Slip S1 is not closed: it was opened on 14 Nov 2026 19:00")
        assert "24 h 00 min of play count, more than 12 h" in told["rejects"]["3"]
        assert (told["applied"], allowed["applied"], allowed["rejects"]) == (1, 1, {})


class TestLimit:
    def test_is_one_of_the_casino(self, floor: Floor, slip: RatingSlip) -> None:
        floor.casino.longest_play_hours = 1
        floor.casino.save()

        with refused(LongPlayNotConfirmed, "2 h 00 min of play count, more than 1 h"):
            complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now, long_play_confirmed=False)
