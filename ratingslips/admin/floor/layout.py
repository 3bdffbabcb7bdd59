"""The grid cells of a table's seats on its card: around the felt, as the pit boss sees them from behind the dealer.

Seat 1 is at the dealer's left. The seats go up the left side, across the top, and down the right side; the dealer is
below. The grid has `COLUMNS` columns. A seat at a side takes a third of them, a seat at the top an equal share.
"""

from dataclasses import dataclass
from typing import Final

COLUMNS: Final = 12
SIDE_COLUMNS: Final = 4
TOP_SEATS_MAX: Final = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """A grid cell: row and column from 1, and the number of columns it spans."""

    row: int
    column: int
    span: int


def cells_around(seats: int) -> list[Cell]:
    """The cells of seats 1 … `seats`, in order."""
    sides = _seats_at_a_side(seats)
    top = seats - 2 * sides
    span = COLUMNS // top
    left = [Cell(row=1 + sides - number, column=1, span=SIDE_COLUMNS) for number in range(sides)]
    across = [Cell(row=1, column=1 + number * span, span=span) for number in range(top)]
    right = [Cell(row=2 + number, column=1 + COLUMNS - SIDE_COLUMNS, span=SIDE_COLUMNS) for number in range(sides)]
    return left + across + right


def _seats_at_a_side(seats: int) -> int:
    # Six seats would fit in two rows, but most tables have seven seats, and cards in a row are equally high.
    return 2 if seats == 6 else max(0, (seats - TOP_SEATS_MAX + 1) // 2)


def felt_rows(seats: int) -> int:
    """The number of rows of the felt, which is below the top row."""
    return max(1, _seats_at_a_side(seats))
