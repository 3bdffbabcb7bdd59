"""The figures of the gaming day with their targets."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.console import display
from core.models import Casino
from core.words import counted, noun
from ratingslips.admin.home.attention import Drift
from ratingslips.figures import (
    COMPLETION_TARGET_PERCENT,
    DRIFT_TARGET_ACCOUNTS,
    RECOVERY_TARGET_PERCENT,
    REPLAY_TARGET_PERCENT,
    Figures,
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One figure as text, with its target and whether it is met (None: there is nothing to judge yet)."""

    name: str
    value: str
    of: str
    target: str
    is_met: bool | None
    counted_as: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Scorecard:
    """The four figures of a casino on its gaming day."""

    figures: Figures
    drift: Drift
    rows: Sequence[Figure]

    @property
    def casino(self) -> Casino:
        """The casino of the figures."""
        return self.figures.casino


def scorecard(figures: Figures, drift: Drift) -> Scorecard:
    """Compare a casino's figures with their targets."""
    rows = (_completions(figures), _recoveries(figures), _replays(figures), _drift(drift))
    return Scorecard(figures=figures, drift=drift, rows=rows)


def _completions(figures: Figures) -> Figure:
    percent = figures.success_percent
    return Figure(
        name="Completions",
        value=_share(percent),
        of=f"{figures.settled_at_close:,} of {counted(figures.completions, 'closed slip')}",
        target=f"more than {COMPLETION_TARGET_PERCENT} %",
        is_met=None if percent is None else percent > COMPLETION_TARGET_PERCENT,
        counted_as="Slips closed on this gaming day whose points were settled in the same moment.",
    )


def _recoveries(figures: Figures) -> Figure:
    percent = figures.recovery_percent
    return Figure(
        name="Recoveries",
        value=_share(percent),
        of=f"{figures.recovered:,} of {counted(figures.completions, 'closed slip')}",
        target=f"less than {RECOVERY_TARGET_PERCENT} %",
        is_met=None if percent is None else percent < RECOVERY_TARGET_PERCENT,
        counted_as="Slips closed on this gaming day that were owed points and have been paid since.",
    )


def _replays(figures: Figures) -> Figure:
    percent = figures.replay_percent
    return Figure(
        name="Replays",
        value=_share(percent),
        of=f"{figures.replays:,} to {counted(figures.requests, 'request')}",
        target=f"less than {REPLAY_TARGET_PERCENT} %",
        is_met=None if percent is None else percent < REPLAY_TARGET_PERCENT,
        counted_as="Closings and awards that were sent again and got their first answer, for each 100 made today.",
    )


def _drift(drift: Drift) -> Figure:
    check = drift.check
    return Figure(
        name="Drift",
        value=display.NOTHING if check is None else f"{check.accounts:,}",
        of="not checked yet" if check is None else noun(check.accounts, "account"),
        target=f"{DRIFT_TARGET_ACCOUNTS}",
        is_met=None if check is None else check.accounts <= DRIFT_TARGET_ACCOUNTS,
        counted_as="Accounts whose balance, lifetime points or number of entries is not what their entries add up to.",
    )


def _share(percent: Decimal | None) -> str:
    return display.NOTHING if percent is None else f"{percent:.3f} %"
