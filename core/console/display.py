"""How the console formats amounts, points, lengths of time, instants, names and states; `{% load console %}`."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core.local_time import NOTHING as NOTHING
from core.local_time import exact_time_in as exact_time_in
from core.local_time import time_in as time_in
from core.models import Casino, Player, User
from core.text import ISOLATE
from core.words import MINUS, hours_in_words, signed

RECORDED_APART_SECONDS: Final = 60


def amount(value: Decimal | None) -> SafeString:
    """Money or theo with thousands separators and two decimals: 1,250.00."""
    return number(NOTHING if value is None else f"{value:,.2f}")


def amount_text(value: Decimal) -> str:
    """The same as plain text, for a sentence."""
    return f"{value:,.2f}"


def short_amount(value: Decimal | None) -> str:
    """Money with decimals only if it has cents, for the floor, which is read at arm's length: 1,250 or 12.50."""
    return NOTHING if value is None else f"{value:,.2f}".removesuffix(".00").replace("-", MINUS)


def factor(value: Decimal) -> str:
    """A rate without trailing zeros: 0.75, 70."""
    return f"{value.normalize():,f}"


def points(value: int | None) -> SafeString:
    """Points with thousands separators: 1,500."""
    return number(NOTHING if value is None else f"{value:,}")


def signed_points(value: int) -> SafeString:
    """Points that move a balance: +1,500 or −1,500."""
    return number(signed(value))


def number(text: str) -> SafeString:
    """A figure in tabular digits (by the style sheet), with a true minus sign."""
    return format_html('<span class="figure">{}</span>', text.replace("-", MINUS))


def change_of_points(before: int, after: int) -> SafeString:
    """Points before and after; in a narrow column the line breaks between them."""
    return format_html('<span class="figure from-to">{}</span>', f"{before:,} → {after:,}".replace("-", MINUS))


def hours_and_minutes(length: timedelta | None) -> str:
    """A length of time as h:mm, rounded down."""
    if length is None:
        return NOTHING
    hours, minutes = divmod(length // timedelta(minutes=1), 60)
    return f"{hours}:{minutes:02d}"


def played(length: timedelta | None) -> SafeString:
    """Time at play as a figure."""
    return number(hours_and_minutes(length))


def age(length: timedelta | None) -> str:
    """How long something has lasted, in its two largest units: 2 d 3 h, 1 h 05 min, 12 min."""
    if length is None:
        return NOTHING
    hours = length // timedelta(hours=1)
    if hours >= 24:
        return f"{hours // 24} d {hours % 24} h"
    return hours_in_words(max(length, timedelta()))


def name_and_card(player: Player) -> SafeString:
    """A player in a list: the name, which may be of a script from right to left, and the card."""
    return format_html("<span>{} ({})</span>", listed_name(player), player.card_number)


def listed_name(player: Player) -> SafeString:
    """A player's name in a list, whose style sheet cuts it after two lines."""
    return format_html("<bdi>{}</bdi>", player.listed_name)


def apart(text: str) -> SafeString:
    """Text that does not change the order of what is beside it, whatever its script.

    Its own direction is that of its first letter. If a part of it is `isolated`, it is that of the page: otherwise
    browsers would take the first letter of that part, and mirror the rest.
    """
    return format_html('<bdi dir="ltr">{}</bdi>' if ISOLATE in text else "<bdi>{}</bdi>", text)


def staff_name(staff: User | None) -> str:
    """A member of staff; "system" for what no person did."""
    return staff.display_name if staff else "system"


def moment(value: datetime | None) -> str:
    """An instant in the page's time zone, to the minute: 14 Nov 19:30, with the year if it is not this year."""
    if value is None:
        return NOTHING
    local = timezone.localtime(value)
    return date_format(local, "j M H:i" if local.year == timezone.localtime().year else "j M Y H:i")


def moment_in(value: datetime | None, casino: Casino) -> str:
    """An instant in the time zone of `casino`, to the minute."""
    with timezone.override(casino.zone):
        return moment(value)


def exact_moment(value: datetime | None) -> str:
    """An instant in the page's time zone, to the second and with the zone, for auditors."""
    if value is None:
        return NOTHING
    local = timezone.localtime(value)
    # Django's format for the zone is empty in the hour that a clock change repeats, where it is needed most.
    return f"{date_format(local, 'j M Y H:i:s')} {local:%Z}"


def recorded(recorded_at: datetime | None, happened_at: datetime) -> str:
    """When something was recorded, for people, where that is more than a minute from when it happened; else empty."""
    if recorded_at is None:
        return "recording time not known"
    if abs(recorded_at - happened_at) <= timedelta(seconds=RECORDED_APART_SECONDS):
        return ""
    return f"recorded {moment(recorded_at)}"


def pill(label: str, *, state: str) -> SafeString:
    """A state as a word, with a sign and a colour by the class of `state` in the style sheet."""
    return format_html('<span class="pill pill-{}">{}</span>', state.lower(), label)


def active_pill(row: Any) -> SafeString:
    """Whether a row is active, by its `is_active`."""
    return pill("Active", state="ACTIVE") if row.is_active else pill("Inactive", state="INACTIVE")


def choice(column: Any, value: Any) -> str:
    """A value of a column as its choices call it; several are separated by commas."""
    if isinstance(value, list):
        return ", ".join(choice(column.base_field, one) for one in value)
    return str(dict(column.flatchoices).get(value, value))


def nested_list(value: object) -> SafeString | str:
    """JSON as nested lists of names and values."""
    if isinstance(value, dict):
        rows = ((name.replace("_", " "), nested_list(inner)) for name, inner in value.items())
        return format_html('<dl class="tree">{}</dl>', format_html_join("", "<dt>{}</dt><dd>{}</dd>", rows))
    if isinstance(value, list):
        return format_html(
            "<ol>{}</ol>", format_html_join("", "<li>{}</li>", ((nested_list(inner),) for inner in value))
        )
    return NOTHING if value in (None, "") else str(value)
