"""Importing the lines of a slip that was corrected or voided since: they are compared with what was entered first."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from core.models import Player
from core.roles import system_account
from ratingslips.models import RatingSlip
from ratingslips.services import (
    continue_rating_slip,
    correct_rating_slip,
    reassign_rating_slip,
    undo_opening,
    void_rating_slip,
)
from tests.casino_files import event
from tests.invariants import broken_invariants
from tests.ratingslips.corrections import REASON, current_play
from tests.ratingslips.imports import VISIT, import_lines
from tests.refusals import everything

ALREADY = "already imported, 0 refused"


def _correct(bet: int) -> None:
    slip = RatingSlip.objects.get()
    first, *others = current_play(slip)
    play = [replace(first, average_bet=Decimal(bet)), *others]
    correct_rating_slip(slip=slip, segments=play, actor=system_account(), at=timezone.now(), reason=REASON)


def _void() -> None:
    slip = RatingSlip.objects.get()
    void_rating_slip(slip=slip, actor=system_account(), at=timezone.now(), reason=REASON)


def _reassign() -> None:
    right = Player.objects.get(card_number="100001")
    arguments: dict[str, Any] = {"actor": system_account(), "at": timezone.now(), "reason": REASON}
    reassign_rating_slip(slip=RatingSlip.objects.get(), player=right, **arguments)


def _continue() -> None:
    continue_rating_slip(slip=RatingSlip.objects.get(), actor=system_account(), at=timezone.now())


def _undo() -> None:
    undo_opening(slip=RatingSlip.objects.get(), actor=system_account(), at=timezone.now())


@pytest.mark.usefixtures("casino")
class TestLinesOfACorrectedSlip:
    @pytest.mark.parametrize("lines", [6, 5, 3])
    def test_are_recognised_when_they_come_again(self, file: Path, lines: int) -> None:
        import_lines(file, *VISIT[:lines])
        _correct(75)
        _correct(80)
        before = everything()

        again = import_lines(file, *VISIT[:lines])

        assert f"{lines} {ALREADY}" in again.out
        assert everything() == before

    def test_go_on_from_the_corrected_play(self, file: Path) -> None:
        import_lines(file, *VISIT[:3])
        _correct(75)

        ran, again = import_lines(file, *VISIT), import_lines(file, *VISIT)

        assert "6 lines: 3 applied, 3 already imported, 0 refused." in ran.out
        assert f"6 {ALREADY}" in again.out
        # (75 × 10 min + 50 × 10 min + 50 × 10 min + 50 × 20 min) × 70/h × 0.75 %
        assert RatingSlip.objects.get().theoretical_win == Decimal("24.06")
        assert broken_invariants() == {}

    def test_are_recognised_once_the_closed_slip_is_corrected_too(self, file: Path) -> None:
        import_lines(file, *VISIT[:3])
        _correct(75)
        import_lines(file, *VISIT)
        slip = RatingSlip.objects.get()
        *others, last = current_play(slip)
        assert last.ended_at is not None
        play = [*others, replace(last, ended_at=last.started_at)]
        correct_rating_slip(slip=slip, segments=play, actor=system_account(), at=timezone.now(), reason=REASON)

        assert f"6 {ALREADY}" in import_lines(file, *VISIT).out

    def test_that_repeat_the_correction_are_told_what_was_entered(self, file: Path) -> None:
        import_lines(file, *VISIT)
        _correct(75)
        corrected = event("S1", "19:00:00", "OPEN", player_card="100000", table="BL-01", seat="1", average_bet="75.00")

        ran = import_lines(file, corrected, *VISIT[1:])

        assert "5 already imported, 1 refused" in ran.out


@pytest.mark.usefixtures("casino")
class TestLinesOfAVoidSlip:
    @pytest.mark.parametrize("lines", [6, 3])
    def test_are_recognised_and_new_ones_refused(self, file: Path, lines: int) -> None:
        import_lines(file, *VISIT[:lines])
        _void()
        before = everything()

        again, more = import_lines(file, *VISIT[:lines]), import_lines(file, *VISIT)

        assert f"{lines} {ALREADY}" in again.out
        assert (f"{6 - lines} refused" in more.out, more.code) == (True, 0 if lines == 6 else 1)
        assert everything() == before


@pytest.mark.usefixtures("casino")
class TestLinesOfASlipPutRight:
    @pytest.mark.parametrize(
        ("lines", "put_right", "then"),
        [
            (6, _reassign, "6 already imported, 0 refused"),
            (3, _reassign, "3 already imported, 3 refused"),
            (6, _continue, "6 already imported, 0 refused"),
            (1, _undo, "1 already imported, 5 refused"),
        ],
    )
    def test_are_recognised_and_those_of_a_void_slip_refused(
        self, file: Path, lines: int, put_right: Callable[[], None], then: str
    ) -> None:
        import_lines(file, *VISIT[:lines])
        put_right()
        before = everything()

        again, whole = import_lines(file, *VISIT[:lines]), import_lines(file, *VISIT)

        assert f"{lines} {ALREADY}" in again.out
        assert then in whole.out
        assert everything() == before

    @pytest.mark.parametrize(
        ("put_right", "words"),
        [
            (_reassign, "The slip is void since: its play is on slip R"),
            (_continue, "continues it since."),
            (_void, "The slip is void since."),
            (partial(_correct, 75), "The slip was corrected since."),
        ],
    )
    def test_with_another_card_are_told_what_became_of_the_slip(
        self, file: Path, put_right: Callable[[], None], words: str
    ) -> None:
        import_lines(file, *VISIT)
        put_right()

        ran = import_lines(file, *(line.replace("100000", "100001") for line in VISIT))

        assert (ran.out.count(words), ran.code) == (6, 1)

    def test_that_are_new_name_the_slip_of_the_right_player(self, file: Path) -> None:
        import_lines(file, *VISIT[:3])
        _reassign()

        ran = import_lines(file, *VISIT)

        assert "Slip S1 is void: its play is on slip R" in ran.out

    def test_are_added_to_the_money_of_a_reassigned_slip(self, file: Path) -> None:
        import_lines(file, *VISIT)
        _reassign()
        new = RatingSlip.objects.get(reassigned_from__slip_number="S1")
        card = new.player.card_number

        ran = import_lines(file, event(new.slip_number, "19:30:00", "BUY_IN", player_card=card, buy_in="50.00"))

        assert "1 applied" in ran.out
        assert RatingSlip.objects.with_money().get(pk=new.pk).buy_in == 550
