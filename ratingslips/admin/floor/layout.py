"""Where the seats of a table stand on its card: around the felt, as the pit boss sees them from behind the dealer.

Seat 1 is at the dealer's left. The seats go up the left side, across the top, and down the right side; the dealer
stands below. The grid has `COLUMNS` columns; a seat takes a third of them at a side, and an equal share at the top.
"""

from dataclasses import dataclass
from typing import Final

COLUMNS: Final = 12
SIDE_COLUMNS: Final = 4
TOP_SEATS_MAX: Final = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """A cell of the grid: row and column from 1, and how many columns it takes."""

    row: int
    column: int
    span: int


def places_around(seats: int) -> list[Place]:
    """The places of seats 1 … `seats`, in order."""
    sides = _seats_at_a_side(seats)
    top = seats - 2 * sides
    span = COLUMNS // top
    left = [Place(row=1 + sides - number, column=1, span=SIDE_COLUMNS) for number in range(sides)]
    across = [Place(row=1, column=1 + number * span, span=span) for number in range(top)]
    right = [Place(row=2 + number, column=1 + COLUMNS - SIDE_COLUMNS, span=SIDE_COLUMNS) for number in range(sides)]
    return left + across + right


def _seats_at_a_side(seats: int) -> int:
    # Six would fit in two rows, but a card is as high as those beside it, and most tables have seven.
    return 2 if seats == 6 else max(0, (seats - TOP_SEATS_MAX + 1) // 2)


def felt_rows(seats: int) -> int:
    """How many rows the felt takes, below the top one."""
    return max(1, _seats_at_a_side(seats))
