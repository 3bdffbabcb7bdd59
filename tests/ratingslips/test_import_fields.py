"""Each field that a line of rating events may have is read, applied, and compared when the line comes again."""

from pathlib import Path

import pytest

from core.models import Casino
from ratingslips.imports.events import (
    COLUMNS,
    FIELDS_OF_KIND,
    OPTIONAL_COLUMNS,
    EventKind,
    RatingEvent,
    parse_rating_event,
    read_rating_events,
)
from tests.casino_files import event, write_events
from tests.ratingslips.imports import VISIT, import_json, import_lines

# For each column, a value and another one.
VALUES = {
    "player_card": ("100000", "100001"),
    "table": ("BL-02", "BL-01"),
    "seat": ("3", "4"),
    "average_bet": ("75.00", "80.00"),
    "buy_in": ("500.00", "600.00"),
    "chips_out": ("120.00", "130.00"),
    "means": ("MARKER", "FRONT_MONEY"),
}

# A line of each kind, in the order of the kinds.
LINES = (
    *VISIT[:-1],
    event("S1", "19:45:00", "BUY_IN", buy_in="100.00"),
    event("S1", "19:50:00", "CHIPS_OUT", chips_out="20.00"),
    VISIT[-1],
)

FIELDS = [(kind, name) for kind, (must, may) in FIELDS_OF_KIND.items() for name in sorted(must | may)]


def line_of(kind: EventKind, *, changed: str = "") -> str:
    """A line of this kind with all its fields, at its time in `LINES`; the field `changed` has the other value."""
    must, may = FIELDS_OF_KIND[kind]
    fields = {name: VALUES[name][name == changed] for name in must | may}
    return event("S1", LINES[_place_of(kind)].split(",")[1], kind, **fields)


def lines_before(kind: EventKind) -> tuple[str, ...]:
    return LINES[: _place_of(kind)]


def _place_of(kind: EventKind) -> int:
    return list(EventKind).index(kind)


class TestEveryField:
    @pytest.mark.parametrize(("kind", "name"), FIELDS)
    def test_is_read(self, kind: EventKind, name: str) -> None:
        fields = dict(zip((*COLUMNS, *OPTIONAL_COLUMNS), line_of(kind).split(","), strict=True))

        assert getattr(parse_rating_event(fields, line=2), name) is not None

    @pytest.mark.parametrize("kind", EventKind)
    def test_is_known_again(self, casino: Casino, file: Path, kind: EventKind) -> None:
        applied = import_json(file, *lines_before(kind), line_of(kind))
        again = import_json(file, line_of(kind))

        assert (applied["rejects"], again["rejects"]) == ({}, {})
        assert again["already_imported"] == 1

    @pytest.mark.parametrize(("kind", "name"), FIELDS)
    def test_makes_another_line_where_it_differs(self, casino: Casino, file: Path, kind: EventKind, name: str) -> None:
        import_lines(file, *lines_before(kind), line_of(kind))

        assert import_json(file, line_of(kind, changed=name))["already_imported"] == 0


class TestEmptyField:
    """The file has a table “None” before a line without one, and after it."""

    LINES = (
        event("S1", "19:00:00", "OPEN", player_card="100000", table="None", seat="1", average_bet="25.00"),
        event("S1", "20:00:00", "CLOSE"),
    )

    @pytest.mark.parametrize("lines", [LINES, LINES[::-1]])
    def test_is_no_text(self, file: Path, lines: tuple[str, ...]) -> None:
        read = [one for one in read_rating_events(write_events(file, *lines)) if isinstance(one, RatingEvent)]

        assert {one.kind.value: one.table for one in read} == {"OPEN": "None", "CLOSE": None}
