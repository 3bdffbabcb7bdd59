"""Form fields for amounts and whole numbers, with or without thousands separators."""

import re
from decimal import Decimal
from typing import Any, Final

from django import forms

_GROUPED: Final = r"(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)"
_MONEY: Final = re.compile(rf"{_GROUPED}(?:\.[0-9]{{1,2}})?")
_WHOLE: Final = re.compile(_GROUPED)


def _text_input(*, mode: str) -> forms.TextInput:
    return forms.TextInput(attrs={"inputmode": mode, "autocomplete": "off", "class": "figure"})


class MoneyField(forms.DecimalField):
    """An amount with at most two decimals: 1250, 1,250 or 1,250.00; a comma is never a decimal point."""

    def __init__(self, *, most: Decimal, least: Decimal = Decimal(0), **kwargs: Any) -> None:
        super().__init__(min_value=least, max_value=most, widget=_text_input(mode="decimal"), **kwargs)
        self.error_messages["min_value"] = f"The amount must be at least {least:,}."
        self.error_messages["max_value"] = f"The amount can be at most {most:,}."

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]
        if isinstance(value, str):
            value = value.strip()
            if value and not _MONEY.fullmatch(value):
                raise forms.ValidationError("Write an amount such as 40, 1250.00 or 1,250.00.")
            value = value.replace(",", "")
        return super().to_python(value)


class WholeNumberField(forms.IntegerField):
    """A whole number: 500 or 1,500."""

    def __init__(self, *, least: int, most: int, **kwargs: Any) -> None:
        super().__init__(min_value=least, max_value=most, widget=_text_input(mode="numeric"), **kwargs)
        self.error_messages["min_value"] = self.error_messages["max_value"] = (
            f"Write a whole number from {least:,} to {most:,}."
        )

    def to_python(self, value: Any) -> int | None:
        if isinstance(value, str):
            value = value.strip()
            if value and not _WHOLE.fullmatch(value):
                raise forms.ValidationError(f"Write a whole number from {self.min_value:,} to {self.max_value:,}.")
            value = value.replace(",", "")
        return super().to_python(value)
