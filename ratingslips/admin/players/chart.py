"""The coordinates of the chart of theo and actual win. Pure functions; the template draws it.

Theo is a bar and actual win a diamond, so that they differ without colour. Coordinates are text, because a template
would localise numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Final

WIDTH: Final = 960
HEIGHT: Final = 320
LEFT: Final = 108
RIGHT: Final = 12
TOP: Final = 44
BOTTOM: Final = 36
FEWEST_SLOTS: Final = 6
MOST_DAY_LABELS: Final = 10
MOST_STEPS: Final = 5
DIAMOND: Final = Decimal(7)
_TENTH: Final = Decimal("0.1")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tick:
    """A horizontal line with its amount."""

    y: str
    label: str
    is_zero: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A gaming day: the bar of its theo, the diamond of its actual win if known, and its label if any."""

    x: str
    bar_x: str
    bar_y: str
    bar_width: str
    bar_height: str
    diamond: str
    label: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """A chart of `width` × `height` units."""

    ticks: Sequence[Tick]
    marks: Sequence[Mark]
    width: str = str(WIDTH)
    height: str = str(HEIGHT)
    left: str = str(LEFT)
    tick_label_x: str = str(LEFT - 8)
    right: str = str(WIDTH - RIGHT)
    day_label_y: str = str(HEIGHT - 12)


def draw(days: Sequence[tuple[date, Decimal, Decimal | None]]) -> Chart | None:
    """The chart of gaming days with theo and actual win (None: not recorded), the oldest first; None without days."""
    if not days:
        return None
    amounts = [Decimal(0), *(theo for _, theo, _ in days), *(win for _, _, win in days if win is not None)]
    step = step_for(max(amounts) - min(amounts))
    low = (min(amounts) / step).to_integral_value(ROUND_FLOOR) * step
    high = max((max(amounts) / step).to_integral_value(ROUND_CEILING) * step, low + step)
    scale = Decimal(HEIGHT - TOP - BOTTOM) / (high - low)

    def y_of(amount: Decimal) -> Decimal:
        return HEIGHT - BOTTOM - (amount - low) * scale

    slot = Decimal(WIDTH - LEFT - RIGHT) / max(len(days), FEWEST_SLOTS)
    every = -(-len(days) // MOST_DAY_LABELS)
    marks = []
    for number, (day, theo, win) in enumerate(days):
        x, width = LEFT + slot * number + slot / 2, slot * 6 / 10
        is_labelled = (len(days) - 1 - number) % every == 0
        marks.append(
            Mark(
                x=_text(x),
                bar_x=_text(x - width / 2),
                bar_y=_text(y_of(theo)),
                bar_width=_text(width),
                bar_height=_text(y_of(Decimal(0)) - y_of(theo)),
                diamond="" if win is None else _diamond(x, y_of(win)),
                label=f"{day.day} {day:%b}" if is_labelled else "",
            )
        )
    steps = int((high - low) / step)
    ticks = [low + step * number for number in range(steps + 1)]
    return Chart(
        ticks=[Tick(y=_text(y_of(tick)), label=_amount(tick), is_zero=tick == 0) for tick in ticks], marks=marks
    )


def step_for(span: Decimal) -> Decimal:
    """The least step of 1, 2 or 5 times a power of ten of which `MOST_STEPS` cover `span`; 1 if `span` is 0."""
    if span <= 0:
        return Decimal(1)
    rough = span / MOST_STEPS
    power = Decimal(1).scaleb(rough.adjusted())
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)


def _diamond(x: Decimal, y: Decimal) -> str:
    corners = ((x, y - DIAMOND), (x + DIAMOND, y), (x, y + DIAMOND), (x - DIAMOND, y))
    return " ".join(f"{_text(across)},{_text(down)}" for across, down in corners)


def _amount(value: Decimal) -> str:
    return f"{value.normalize() + 0:,f}".replace("-", "−")


def _text(value: Decimal) -> str:
    return str(value.quantize(_TENTH, ROUND_HALF_UP))
