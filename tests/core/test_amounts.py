"""Numbers that people write: each is read in one way, or refused with a sentence that says how to write it."""

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.amounts import NotANumber, read_in_file, read_on_page
from tests.properties import property_settings

NEVER = [
    *("", " ", "1_0", "1e1", "+1", "-0", "−0.00", "NaN", "Infinity", "٤", "４", "²", "12.", ".5", "0x1", "1\u200b0"),
    *("1,250,00", "1.250.00", "1,25,000", "1,250 000", "1250,00.00", "1'250", "4 0", "1  250", "9" * 20, "1\n250"),
]


class TestReadOnPage:
    @pytest.mark.parametrize(
        ("typed", "number"),
        [
            *((typed, "1250") for typed in ("1250", "1,250", "1 250", "1,250.00", "1.250,00", "1250,00")),
            (" 1250\u200f", "1250"),
            *((f"1{space}250.5", "1250.5") for space in "\u00a0\u202f\u2009"),
            *((typed, "12.5") for typed in ("12.50", "12,50", "12,5", "0012.5")),
            *((typed, "1250000") for typed in ("1,250,000", "1.250.000", "1 250 000", "1.250.000,00")),
            *(("00.01", "0.01"), ("0", "0"), ("-1,500", "-1500"), ("−1", "-1")),
        ],
    )
    def test_reads(self, typed: str, number: str) -> None:
        assert read_on_page(typed, places=2) == Decimal(number)

    @pytest.mark.parametrize("typed", [*NEVER, "1.250", "1.000", "0,500", "12.345", "01.250"])
    @pytest.mark.parametrize("places", [0, 2])
    def test_refuses(self, typed: str, places: int) -> None:
        with pytest.raises(NotANumber):
            read_on_page(typed, places=places)

    @pytest.mark.parametrize(("places", "typed"), [(0, "12.50"), (0, "1,5"), (3, "1,250"), (3, "1.2345"), (4, "1,250")])
    def test_refuses_what_its_field_does_not_hold(self, places: int, typed: str) -> None:
        with pytest.raises(NotANumber):
            read_on_page(typed, places=places)

    @pytest.mark.parametrize(
        ("places", "typed", "words"),
        [
            (2, "1.250", "“1.250” can be read in two ways: write 1250 or 1,250, or at most two decimals"),
            (3, "1,250", "“1,250” can be read in two ways: write 1250 or 1.250."),
            (0, "1.5", "“1.5” is not a whole number."),
        ],
    )
    def test_says_how_to_write_it(self, places: int, typed: str, words: str) -> None:
        with pytest.raises(NotANumber, match=re.escape(words)):
            read_on_page(typed, places=places)

    @property_settings
    @given(number=st.decimals(min_value=0, max_value=10**9, places=4), places=st.integers(0, 4))
    def test_reads_what_a_field_shows(self, number: Decimal, places: int) -> None:
        shown = number.quantize(Decimal(1).scaleb(-places))

        assert read_on_page(str(shown), places=places) == shown


class TestReadInFile:
    @pytest.mark.parametrize(("text", "number"), [("1250", "1250"), ("12.50", "12.5"), ("00.01", "0.01"), ("-1", "-1")])
    @pytest.mark.parametrize("decimal_comma", [False, True])
    def test_reads(self, text: str, number: str, decimal_comma: bool) -> None:
        assert read_in_file(text, places=2, decimal_comma=decimal_comma) == Decimal(number)

    @pytest.mark.parametrize("text", [*NEVER, "1,250", "1 250", "1.250", "1,250.00", "1.250,00", "1.250.000"])
    @pytest.mark.parametrize("decimal_comma", [False, True])
    def test_refuses(self, text: str, decimal_comma: bool) -> None:
        with pytest.raises(NotANumber):
            read_in_file(text, places=2, decimal_comma=decimal_comma)

    def test_reads_a_decimal_comma_only_where_it_separates_no_fields(self) -> None:
        assert read_in_file("12,50", places=2, decimal_comma=True) == Decimal("12.5")
        with pytest.raises(NotANumber):
            read_in_file("12,50", places=2, decimal_comma=False)
