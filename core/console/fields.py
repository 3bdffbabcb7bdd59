"""Form fields that read what people type: numbers by `core.amounts`, text by `core.text`."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from django import forms

from core.amounts import AMOUNT_PLACES, NotANumber, read_on_page
from core.text import is_plain, trimmed, visible_length


def _read(value: Any, *, places: int | None) -> Any:
    """Read typed text; a value that is not text stays as it is.

    :raises ValidationError: the text is not a number, or has two meanings.
    """
    if not isinstance(value, str):
        return value
    if not trimmed(value):
        return ""
    try:
        return read_on_page(value, places=places or 0)
    except NotANumber as error:
        raise forms.ValidationError(error.message, code="invalid") from error


def number_input(*, mode: str) -> forms.TextInput:
    """A plain text box: a browser's number box accepts no separators, and sends nothing if some were typed."""
    return forms.TextInput(attrs={"inputmode": mode, "autocomplete": "off", "class": "figure"})


class TextField(forms.CharField):
    """Django's own, without characters that nobody sees."""

    def to_python(self, value: Any) -> Any:
        text = trimmed(super().to_python(value) or "")
        if not visible_length(text):
            return self.empty_value
        if not is_plain(text):
            raise forms.ValidationError("This holds characters that cannot be shown. Type it again as plain text.")
        return text


class DecimalField(forms.DecimalField):
    """Django's own, read by `core.amounts`, in a plain text box."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"widget": number_input(mode="decimal")} | kwargs)

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]
        return super().to_python(_read(value, places=self.decimal_places))


class MoneyField(DecimalField):
    """An amount from `least` to `most`, with at most two decimals."""

    def __init__(self, *, most: Decimal, least: Decimal = Decimal(0), **kwargs: Any) -> None:
        super().__init__(min_value=least, max_value=most, decimal_places=AMOUNT_PLACES, **kwargs)
        self.error_messages["min_value"] = f"The amount must be at least {least:,}."
        self.error_messages["max_value"] = f"The amount can be at most {most:,}."


class IntegerField(forms.IntegerField):
    """Django's own, read by `core.amounts`, in a plain text box."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"widget": number_input(mode="numeric")} | kwargs)

    def to_python(self, value: Any) -> int | None:
        return super().to_python(_read(value, places=0))


class WholeNumberField(IntegerField):
    """A whole number from `least` to `most`."""

    def __init__(self, *, least: int, most: int, **kwargs: Any) -> None:
        super().__init__(min_value=least, max_value=most, **kwargs)
        self.error_messages["min_value"] = self.error_messages["max_value"] = (
            f"Write a whole number from {least:,} to {most:,}."
        )


def replaced(data: Any, values: Mapping[str, str]) -> Any:
    """What was posted, with other `values` in some of its fields."""
    data = data.copy()  # A QueryDict holds lists, and cannot be unpacked into another dict.
    for name, value in values.items():
        data[name] = value
    return data
