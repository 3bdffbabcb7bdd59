"""How the console shows figures, instants and states: the same everywhere."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

NOTHING: Final = "–"


def amount(value: Decimal | None) -> SafeString:
    """Money or theo with thousands separators and two decimals, aligned by CSS."""
    return number(NOTHING if value is None else f"{value:,.2f}")


def points(value: int | None, *, signed: bool = False) -> SafeString:
    """Points with thousands separators, and with their sign where they move a balance."""
    if value is None:
        return number(NOTHING)
    return number(f"{value:+,}" if signed else f"{value:,}")


def number(text: str) -> SafeString:
    """A figure, marked so that the style sheet sets it in tabular digits; a true minus sign for a negative one."""
    return format_html('<span class="figure">{}</span>', text.replace("-", "−"))


def played(value: timedelta | None) -> SafeString | str:
    """Time at play as h:mm, rounded down."""
    if value is None:
        return NOTHING
    minutes = int(value.total_seconds()) // 60
    return number(f"{minutes // 60}:{minutes % 60:02d}")


def moment(value: datetime | None) -> str:
    """An instant in the casino's time, to the minute: 14 Nov 19:30, with the year where it is not this one."""
    if value is None:
        return NOTHING
    local = timezone.localtime(value)
    return date_format(local, "j M H:i" if local.year == timezone.localtime().year else "j M Y H:i")


def exact_moment(value: datetime | None) -> str:
    """An instant in the casino's time, to the second and with its zone: what an auditor compares."""
    if value is None:
        return NOTHING
    local = timezone.localtime(value)
    # Django's own sign for the zone is silent in the hour that a clock change repeats: the one that needs it.
    return f"{date_format(local, 'j M Y H:i:s')} {local:%Z}"


def pill(label: str, *, state: str) -> SafeString:
    """A state as a word and a sign, never as a colour alone; `state` names its class in the style sheet."""
    return format_html('<span class="pill pill-{}">{}</span>', state.lower(), label)


def active_pill(row: Any) -> SafeString:
    """Whether a row that is never deleted is still in use, by its `is_active`."""
    return pill("Active", state="ACTIVE") if row.is_active else pill("Inactive", state="INACTIVE")


def tree(value: object) -> SafeString | str:
    """Frozen JSON as nested lists of names and values, for reading."""
    if isinstance(value, dict):
        rows = ((name.replace("_", " "), tree(inner)) for name, inner in value.items())
        return format_html('<dl class="tree">{}</dl>', format_html_join("", "<dt>{}</dt><dd>{}</dd>", rows))
    if isinstance(value, list):
        return format_html("<ol>{}</ol>", format_html_join("", "<li>{}</li>", ((tree(inner),) for inner in value)))
    return NOTHING if value in (None, "") else str(value)
