"""Lines of BUY_IN and CHIPS_OUT: what they record, and how they are known again."""

from decimal import Decimal
from pathlib import Path

import pytest
from django.utils import timezone

from core.models import Casino
from core.roles import system_account
from ratingslips.models import MoneyRow, RatingSlip
from ratingslips.services import strike_money_row
from tests.casino_files import event
from tests.ratingslips.imports import OPEN_S1, import_json, import_lines

OPENED = OPEN_S1.replace(",25.00,,", ",25.00,100.00,")
BUY_IN = event("S1", "19:15:00", "BUY_IN", buy_in="500.00", means="front money")
CHIPS_OUT = event("S1", "19:40:00", "CHIPS_OUT", chips_out="50.00")
CLOSE = event("S1", "20:00:00", "CLOSE", buy_in="700.00", chips_out="20.00")
LATE = event("S1", "20:10:00", "BUY_IN", buy_in="5.00")
CLOSED_BEFORE = event("S1", "20:00:00", "CLOSE")
VISIT = (OPENED, BUY_IN, CHIPS_OUT, CLOSE)


def rows() -> list[tuple[str, str, str]]:
    return [(row.kind, row.means, f"{row.amount:.0f}") for row in MoneyRow.objects.order_by("pk")]


class TestLinesOfMoney:
    def test_become_rows_and_the_closing_adds_what_is_missing(self, casino: Casino, file: Path) -> None:
        import_lines(file, *VISIT)

        assert rows() == [
            ("BUY_IN", "CASH", "100"),
            ("BUY_IN", "FRONT_MONEY", "500"),
            ("CHIPS_OUT", "CASH", "50"),
            ("BUY_IN", "CASH", "100"),
            ("CHIPS_OUT", "CASH", "20"),
        ]
        slip = RatingSlip.objects.with_money().get()
        assert (slip.buy_in, slip.chips_out, slip.actual_win) == (Decimal(700), Decimal(70), Decimal(630))
        at = MoneyRow.objects.get(means="FRONT_MONEY").happened_at.astimezone(casino.zone)
        assert f"{at:%H:%M}" == "19:15"

    def test_change_nothing_when_they_come_again(self, casino: Casino, file: Path) -> None:
        import_lines(file, *VISIT)
        wrong = MoneyRow.objects.get(means="FRONT_MONEY")
        reason = "Typed for the wrong player"
        strike_money_row(row=wrong, reason=reason, actor=system_account(), at=timezone.now())
        before = rows()

        told = import_json(file, *VISIT)

        assert (told["already_imported"], told["rejects"], rows()) == (4, {}, before)

    @pytest.mark.parametrize(
        ("lines", "words"),
        [
            ((LATE, CLOSED_BEFORE), "20:00:00 is before Buy-in 5.00, cash at"),
            ((CLOSED_BEFORE, LATE), "20:10:00 is after slip S1 was closed, at"),
        ],
        ids=["closing", "money"],
    )
    def test_are_not_after_the_closing(self, casino: Casino, file: Path, lines: tuple[str, str], words: str) -> None:
        import_lines(file, OPENED, lines[0])

        told = import_json(file, lines[1])

        assert words in told["rejects"]["2"]

    def test_are_added_to_a_slip_that_is_closed(self, casino: Casino, file: Path) -> None:
        import_lines(file, OPENED, CHIPS_OUT, CLOSE)

        told = import_json(file, *VISIT[:3])

        assert (told["applied"], told["already_imported"]) == (1, 2)
        slip = RatingSlip.objects.with_money().get()
        assert (slip.status, slip.buy_in) == ("CLOSED", Decimal(1_200))

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            (
                event("S1", "19:15:00", "BUY_IN", buy_in="600.00", means="FRONT_MONEY"),
                "amount 500.00; this line: 600.00",
            ),
            (event("S1", "19:15:00", "BUY_IN", buy_in="500.00"), "means FRONT_MONEY; this line: CASH"),
            (
                event("S1", "19:16:00", "BUY_IN", buy_in="500.00", means="FRONT_MONEY"),
                "19:15:00-08:00; this line: 2026",
            ),
        ],
    )
    def test_are_refused_where_the_row_is_another_one(self, casino: Casino, file: Path, line: str, words: str) -> None:
        import_lines(file, *VISIT)

        told = import_json(file, OPENED, line, CHIPS_OUT, CLOSE)

        assert told["rejects"].keys() == {"3"}
        assert "RECORDED_OTHERWISE" in told["rejects"]["3"]
        assert words in told["rejects"]["3"]

    @pytest.mark.parametrize(
        ("line", "code"),
        [
            (event("S1", "19:15:00", "BUY_IN"), "MISSING_FIELD"),
            (event("S1", "19:15:00", "BUY_IN", buy_in="0"), "INVALID_AMOUNT"),
            (event("S1", "19:15:00", "BUY_IN", buy_in="5", chips_out="5"), "UNEXPECTED_FIELD"),
            (event("S1", "19:15:00", "BUY_IN", buy_in="5", means="wire"), "UNKNOWN_MEANS"),
            (event("S1", "19:15:00", "BUY_IN", buy_in="5", means="NOT_RECORDED"), "UNKNOWN_MEANS"),
            (event("S1", "18:59:00", "BUY_IN", buy_in="5"), "INVALID_TIME"),
            (event("S1", "20:00:00", "CLOSE", buy_in="99.00"), "BUY_IN_BELOW_ROWS"),
            (event("S1", "20:00:00", "CLOSE", buy_in="100.00", means="CHIPS"), "UNEXPECTED_FIELD"),
            (event("S2", "19:15:00", "BUY_IN", buy_in="5"), "UNKNOWN_SLIP"),
        ],
    )
    def test_are_refused_alone_where_they_are_wrong(self, casino: Casino, file: Path, line: str, code: str) -> None:
        told = import_json(file, OPENED, line)

        assert told["rejects"]["3"].startswith(f"{code}: ")
        assert rows() == [("BUY_IN", "CASH", "100")]
