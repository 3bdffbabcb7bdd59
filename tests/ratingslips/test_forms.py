"""What people type as money and as numbers, read as they mean it or not at all."""

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from core.console.fields import MoneyField, WholeNumberField
from ratingslips.admin.slips.forms import CompleteForm


class TestMoneyField:
    field = MoneyField(least=Decimal("0.01"), most=Decimal("1000000.00"))

    @pytest.mark.parametrize(
        ("typed", "amount"),
        [
            ("40", "40"),
            (" 40.5 ", "40.5"),
            ("1250.00", "1250"),
            ("1,250.00", "1250"),
            ("1,000,000", "1000000"),
            ("12,50", "12.5"),
        ],
    )
    def test_reads(self, typed: str, amount: str) -> None:
        assert self.field.clean(typed) == Decimal(amount)

    @pytest.mark.parametrize(
        "typed",
        ["", "  ", "1,25.00", ",5", "1.250", "-1", "+1", "1e3", "1_0", "NaN", "Infinity", "0", "0.001", "٤٠", "4 0"],
    )
    def test_refuses(self, typed: str) -> None:
        with pytest.raises(ValidationError):
            self.field.clean(typed)


class TestWholeNumberField:
    field = WholeNumberField(least=1, most=10_000)

    @pytest.mark.parametrize(("typed", "number"), [("1", 1), (" 500 ", 500), ("10,000", 10_000), ("0042", 42)])
    def test_reads(self, typed: str, number: int) -> None:
        assert self.field.clean(typed) == number

    @pytest.mark.parametrize("typed", ["", "0", "-1", "10001", "1.0", "1,5", "1e3", "many", "٤"])
    def test_refuses(self, typed: str) -> None:
        with pytest.raises(ValidationError):
            self.field.clean(typed)


class TestCompleteForm:
    def test_may_stay_empty(self) -> None:
        form = CompleteForm({})

        assert form.is_valid()
        assert form.cleaned_data == {
            "buy_in": None,
            "means": "CASH",
            "chips_out": None,
            "expected_rows": None,
            "when": None,
            "long_play_confirmed": False,
        }
