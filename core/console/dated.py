"""Rates and settings with the time in which each is in force."""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.functional import lazy
from django.utils.safestring import SafeString

from core.clock import EARLIEST_EVENT_AT
from core.console.display import NOTHING, moment, pill
from core.console.widgets import InstantWidget
from core.effective_dates import DatedRows


class BeginningField(forms.SplitDateTimeField):
    """When a row begins, in the time zone of the page, which it names."""

    widget = InstantWidget

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(label="Effective from", help_text=lazy(_about_beginning, str)(), **kwargs)


def _about_beginning() -> str:
    zone = timezone.get_current_timezone_name()
    return f"At least a minute from now, or before what is in force first. Times are in {zone}."


def beginning(row: Any) -> str:
    """The beginning of a row, for people."""
    return "the beginning" if row.effective_from <= EARLIEST_EVENT_AT else moment(row.effective_from)


def dated_pill(row: Any) -> SafeString:
    """Whether a row `with_until` is past, in force or coming."""
    now = timezone.now()
    if row.effective_from > now:
        return pill("Coming", state="paused")
    is_past = row.until is not None and row.until <= now
    return pill("Past", state="closed") if is_past else pill("In force", state="open")


def dated_table(
    rows: "DatedRows[Any]", *, title: str, columns: Mapping[str, Callable[[Any], object]], shown: int = 50
) -> str:
    """The newest of the rows `with_until`, as an HTML table with `columns`, each a heading and what gives its cell."""
    newest = list(rows[: shown + 1])
    cells = [
        [
            *(cell(row) for cell in columns.values()),
            beginning(row),
            NOTHING if row.until is None else moment(row.until),
            dated_pill(row),
        ]
        for row in newest[:shown]
    ]
    heads = [*columns, "From", "Until", "Status"]
    return render_to_string(
        "core/console/dated_table.html",
        {"title": title, "heads": heads, "rows": cells, "shown": shown, "is_cut": len(newest) > shown},
    )
