"""Rating events, one a line, with the checks that need nothing but the line."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from core.amounts import AMOUNT_PLACES, NotANumber, read_in_file
from core.clock import EARLIEST_EVENT_AT, InvalidTime
from core.errors import DomainError
from core.text import quoted
from ratingslips.imports.csv_files import BadRecord, read_records
from ratingslips.models import SLIP_NUMBER_MAX_LENGTH, MoneyRow
from ratingslips.services import InvalidSlipNumber

COLUMNS: Final = (
    "slip_number",
    "occurred_at",
    "event",
    "player_card",
    "table",
    "seat",
    "average_bet",
    "buy_in",
    "chips_out",
)
OPTIONAL_COLUMNS: Final = ("means",)  # that a file may lack
_REPEATED: Final = ("player_card", "table", "average_bet", "buy_in", "chips_out")


class EventKind(StrEnum):
    """The kinds of events of a slip."""

    OPEN = "OPEN"
    BET = "BET"
    PAUSE = "PAUSE"
    RESUME = "RESUME"
    MOVE = "MOVE"
    BUY_IN = "BUY_IN"
    CHIPS_OUT = "CHIPS_OUT"
    CLOSE = "CLOSE"


# For each kind, the fields that it must have and those that it may have.
FIELDS_OF_KIND: Final[dict[EventKind, tuple[frozenset[str], frozenset[str]]]] = {
    EventKind.OPEN: (frozenset({"player_card", "table", "seat", "average_bet"}), frozenset({"buy_in"})),
    EventKind.BET: (frozenset({"average_bet"}), frozenset({"player_card"})),
    EventKind.PAUSE: (frozenset(), frozenset({"player_card"})),
    EventKind.RESUME: (frozenset(), frozenset({"player_card"})),
    EventKind.MOVE: (frozenset({"table", "seat"}), frozenset({"player_card", "average_bet"})),
    EventKind.BUY_IN: (frozenset({"buy_in"}), frozenset({"player_card", "means"})),
    EventKind.CHIPS_OUT: (frozenset({"chips_out"}), frozenset({"player_card", "means"})),
    EventKind.CLOSE: (frozenset(), frozenset({"player_card", "buy_in", "chips_out"})),
}
_ALWAYS: Final = frozenset({"slip_number", "occurred_at", "event"})


class UnknownEvent(DomainError):
    """The event is of no known kind."""

    code = "UNKNOWN_EVENT"


class UnknownMeans(DomainError):
    """The field `means` holds something else than what a player can buy in with."""

    code = "UNKNOWN_MEANS"


class MissingField(DomainError):
    """The event needs a field that the line leaves empty."""

    code = "MISSING_FIELD"


class UnexpectedField(DomainError):
    """The line fills in a field that its kind of event does not have."""

    code = "UNEXPECTED_FIELD"


@dataclass(frozen=True, kw_only=True, slots=True)
class RatingEvent:
    """One event of one slip; a field that its kind does not have, or that was left empty, is none.

    All lines of a slip have its number as its first line writes it. The card is in capital letters.
    """

    line: int
    slip_number: str
    occurred_at: datetime
    kind: EventKind
    player_card: str | None = None
    table: str | None = None
    seat: int | None = None
    average_bet: Decimal | None = None
    buy_in: Decimal | None = None
    chips_out: Decimal | None = None
    means: str = MoneyRow.Means.CASH

    @property
    def is_of_money(self) -> bool:
        """Whether it is a buy-in or chips taken away during play."""
        return self.kind in {EventKind.BUY_IN, EventKind.CHIPS_OUT}

    @property
    def amount(self) -> Decimal | None:
        """The amount of a line of money; None of another line."""
        if not self.is_of_money:
            return None
        return self.buy_in if self.kind == EventKind.BUY_IN else self.chips_out


def read_rating_events(path: Path) -> Iterator[RatingEvent | BadRecord]:
    """Read a file of rating events, line by line; a line that cannot be an event comes as a `BadRecord`.

    :raises UnreadableFile: it is missing, empty, or its header lacks a column. Raised when the reading begins.
    """
    spellings: dict[str, str] = {}
    known: dict[tuple[str, str], Any] = {}
    for record in read_records(path, columns=COLUMNS):
        if isinstance(record, BadRecord):
            yield record
            continue
        try:
            event = parse_rating_event(record.fields, line=record.line, decimal_comma=record.decimal_comma)
        except DomainError as error:
            yield BadRecord(line=record.line, error=error)
        else:
            slip_number = spellings.setdefault(event.slip_number.upper(), event.slip_number)
            yield replace(event, slip_number=slip_number, **_known_values(event, known))


def _known_values(event: RatingEvent, known: dict[tuple[str, str], Any]) -> dict[str, Any]:
    """Values of the event, each the same object as an equal one of an earlier event: all events of a file are kept."""
    at, zone = event.occurred_at, event.occurred_at.tzinfo
    values = {name: getattr(event, name) for name in _REPEATED}
    known_values = {name: known.setdefault((name, repr(value)), value) for name, value in values.items()}
    return known_values | {"occurred_at": at.replace(tzinfo=known.setdefault(("zone", str(zone)), zone))}


def parse_rating_event(fields: dict[str, str], *, line: int, decimal_comma: bool = False) -> RatingEvent:
    """Make an event of the fields of a line, by column; `decimal_comma` reads 12,50 as 12.50.

    :raises UnknownEvent, UnknownMeans, MissingField, UnexpectedField, InvalidSlipNumber, NotANumber, InvalidTime: the
        line cannot be one.
    """
    kind = _kind(fields["event"])
    _require_fields(fields, kind=kind)
    slip_number = fields["slip_number"]
    if not slip_number.isascii() or len(slip_number) > SLIP_NUMBER_MAX_LENGTH:
        raise InvalidSlipNumber(slip_number)

    def number(column: str, *, name: str, places: int = AMOUNT_PLACES) -> Decimal | None:
        if not fields[column]:
            return None
        try:
            return read_in_file(fields[column], places=places, decimal_comma=decimal_comma)
        except NotANumber as error:
            raise NotANumber(f"The {name} {error}") from error

    seat = number("seat", name="seat", places=0)
    return RatingEvent(
        line=line,
        slip_number=slip_number,
        occurred_at=read_instant(fields["occurred_at"]),
        kind=kind,
        player_card=fields["player_card"].upper() or None,
        table=fields["table"] or None,
        seat=None if seat is None else int(seat),
        average_bet=number("average_bet", name="average bet"),
        buy_in=number("buy_in", name="buy-in"),
        chips_out=number("chips_out", name="chips-out amount"),
        means=_means(fields.get("means", "")),
    )


def _kind(text: str) -> EventKind:
    try:
        return EventKind(text.upper())
    except ValueError:
        what = f"{quoted(text)} is not an event" if text else "The field event is empty"
        raise UnknownEvent(f"{what}: use {', '.join(EventKind)}.") from None


def _means(text: str) -> str:
    """:raises UnknownMeans: it is none of those that a new row may have."""
    means = re.sub(r"[\s-]+", "_", text.upper()) or MoneyRow.Means.CASH
    known = [one for one in MoneyRow.Means.values if one != MoneyRow.Means.NOT_RECORDED]
    if means not in known:
        raise UnknownMeans(f"{quoted(text)} is nothing that a player can buy in with: use {', '.join(known)}.")
    return means


def _require_fields(fields: dict[str, str], *, kind: EventKind) -> None:
    required, optional = FIELDS_OF_KIND[kind]
    for name in (*COLUMNS, *OPTIONAL_COLUMNS):
        value = fields.get(name, "")
        if not value and name in required | _ALWAYS:
            raise MissingField(f"A line of {kind} needs the field {name}.")
        if value and name not in required | optional | _ALWAYS:
            raise UnexpectedField(f"A line of {kind} has no {name}: leave it empty.")


def read_instant(text: str) -> datetime:
    """Read an instant with its offset.

    :raises InvalidTime: it is no instant, has no offset, or is before `EARLIEST_EVENT_AT`.
    """
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidTime(
            f"{quoted(text)} is not a time: use ISO 8601, such as 2026-11-14T19:30:00-08:00. A spreadsheet rewrites "
            "times unless the column is formatted as text."
        ) from None
    if at.tzinfo is None:
        raise InvalidTime(f"The time {quoted(text)} has no offset: write it as 2026-11-14T19:30:00-08:00.")
    if at < EARLIEST_EVENT_AT:
        raise InvalidTime(f"The time {quoted(text)} is before {EARLIEST_EVENT_AT:%Y}.")
    return at
