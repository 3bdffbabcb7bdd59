"""Counts in sentences of Python and of templates."""

from datetime import timedelta

import pytest
from django.template import Context, Template

from core.words import counted, hours_in_words, signed_count
from loyalty.models import LedgerEntry


class TestCounted:
    @pytest.mark.parametrize(
        ("number", "points", "slips", "entries"),
        [
            (0, "0 points", "0 slips are", "0 entries"),
            (1, "1 point", "1 slip is", "1 entry"),
            (2, "2 points", "2 slips are", "2 entries"),
            (-1, "-1 point", "-1 slip is", "-1 entry"),
            (1_234, "1,234 points", "1,234 slips are", "1,234 entries"),
        ],
    )
    def test_takes_the_form_that_fits(self, number: int, points: str, slips: str, entries: str) -> None:
        template = """{% load console %}{{ n|counted:"point" }}, {{ n|counted:"slip is,slips are" }}"""

        assert Template(template).render(Context({"n": number})) == f"{points}, {slips}"
        assert (counted(number, "point"), counted(number, "entry", "entries")) == (points, entries)


class TestSignedCount:
    @pytest.mark.parametrize(
        ("number", "text"), [(1, "+1 point"), (-1, "−1 point"), (0, "+0 points"), (-1_500, "−1,500 points")]
    )
    def test_has_a_true_minus_and_the_noun(self, number: int, text: str) -> None:
        assert signed_count(number, "point") == text
        assert str(LedgerEntry(pk=7, points=number)) == f"Entry 7: {text}"


class TestHoursInWords:
    @pytest.mark.parametrize(
        ("seconds", "text"), [(59, "0 min"), (3_599, "59 min"), (3_600, "1 h 00 min"), (97_559, "27 h 05 min")]
    )
    def test_rounds_down_to_the_minute(self, seconds: int, text: str) -> None:
        assert hours_in_words(timedelta(seconds=seconds)) == text
