"""The columns of the ledger, in the list and in the export, and the calculation of an entry's points."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from core.console import display
from core.console.filtered_list import Column
from core.console.links import link_to
from loyalty.models import LedgerEntry


def _player(entry: LedgerEntry) -> SafeString:
    player = entry.account.player
    link = link_to(entry.account, display.listed_name(player))
    return format_html('{} <span class="hint">{}</span>', link, player.card_number)


def _when(entry: LedgerEntry) -> SafeString:
    gaming_day = f"gaming day {date_format(entry.gaming_day, 'j M')}"
    recorded = display.recorded(entry.recorded_at, entry.created_at)
    return format_html(
        '<time datetime="{}">{}</time> <span class="hint">{}</span>',
        entry.created_at.isoformat(),
        display.moment(entry.created_at),
        f"{gaming_day}, {recorded}" if recorded else gaming_day,
    )


def kind_of(entry: LedgerEntry) -> SafeString | str:
    """The kind of an entry, with the entry that it reverses or adjusts, or that reverses it."""
    reversal: LedgerEntry | None = getattr(entry, "reversed_by", None)
    kind = entry.get_kind_display()
    if entry.comp_type:
        taken_back = f", reversed by #{reversal.pk}" if reversal else ""
        return format_html('{} <span class="hint"><bdi>{}</bdi>{}</span>', kind, entry.comp_type.label, taken_back)
    if other := entry.reverses_id or entry.adjusts_id:
        return format_html('{} <span class="hint">of #{}</span>', kind, other)
    if reversal:
        return format_html('{} <span class="hint">reversed by #{}</span>', kind, reversal.pk)
    return kind


def _points(entry: LedgerEntry) -> SafeString:
    return display.signed_points(entry.points)


def _balances(entry: LedgerEntry) -> SafeString:
    return display.change_of_points(entry.balance_before, entry.balance_after)


def _tiers(entry: LedgerEntry) -> SafeString | str:
    if not entry.changes_tier:
        return entry.tier_after.name
    sign = "▲" if entry.tier_after.threshold_points > entry.tier_before.threshold_points else "▼"
    return format_html(
        '<strong class="nowrap">{} → {} <span aria-hidden="true">{}</span></strong>',
        entry.tier_before,
        entry.tier_after,
        sign,
    )


def _reason(entry: LedgerEntry) -> SafeString | str:
    if entry.reason_code is None:
        return entry.reason
    code = format_html_join(SafeString("_<wbr>"), "{}", ((word,) for word in entry.reason_code.split("_")))
    return format_html('{} <span class="hint">{}</span>', entry.reason, code)


def _exact(instant: datetime | None) -> str:
    return timezone.localtime(instant).isoformat(timespec="seconds") if instant else "not known"


OWN_COLUMNS: Final[Sequence[Column]] = (
    Column(
        label="Entry", shown=lambda entry: link_to(entry, f"#{entry.pk}"), exported=lambda entry: entry.pk, is_head=True
    ),
    Column(label="When", shown=_when, exported=lambda entry: _exact(entry.created_at)),
    Column(label="Recorded", exported=lambda entry: _exact(entry.recorded_at)),
    Column(label="Gaming day", exported=lambda entry: entry.gaming_day.isoformat()),
    Column(label="Player", shown=_player, exported=lambda entry: str(entry.account.player.last_name)),
    Column(label="First name", exported=lambda entry: entry.account.player.first_name),
    Column(label="Card number", exported=lambda entry: entry.account.player.card_number),
    Column(
        label="Kind",
        shown=kind_of,
        exported=lambda entry: entry.kind,
    ),
    Column(label="Comp type", exported=lambda entry: entry.comp_type.code if entry.comp_type else ""),
    Column(label="Comp value", exported=lambda entry: (entry.inputs.get("calculation") or {}).get("value", "")),
    Column(label="Points", shown=_points, exported=lambda entry: entry.points, is_figure=True),
    Column(label="Balance", shown=_balances, is_figure=True),
    Column(label="Balance before", exported=lambda entry: entry.balance_before),
    Column(label="Balance after", exported=lambda entry: entry.balance_after),
    Column(label="Lifetime points before", exported=lambda entry: entry.lifetime_points_before),
    Column(label="Lifetime points after", exported=lambda entry: entry.lifetime_points_after),
    Column(label="Tier", shown=_tiers),
    Column(label="Tier before", exported=lambda entry: entry.tier_before.name),
    Column(label="Tier after", exported=lambda entry: entry.tier_after.name),
    Column(
        label="Posted by",
        shown=lambda entry: display.staff_name(entry.staff),
        exported=lambda entry: entry.staff.username if entry.staff else "system",
    ),
    Column(label="Reason", shown=_reason, exported=lambda entry: entry.reason),
    Column(label="Reason code", exported=lambda entry: entry.reason_code or ""),
    Column(label="Reverses entry", exported=lambda entry: entry.reverses_id or ""),
    Column(label="Adjusts entry", exported=lambda entry: entry.adjusts_id or ""),
    Column(label="Correlation id", exported=lambda entry: str(entry.correlation_id)),
    Column(label="Idempotency key", exported=lambda entry: entry.idempotency_key),
    Column(label="Number in account", exported=lambda entry: entry.seq),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Calculation:
    """The points of play as text: theo × rate × multiplier = exact → points.

    An adjustment of play has `posted_before`, the points of the entries before it, and no tier: its rate and multiplier
    are those of the entry that it adjusts. `uncollected` points of its `difference` were not covered by the balance.
    """

    theo: str
    rate: str
    multiplier: str
    tier: str
    exact: str
    points: str
    posted_before: str
    difference: int
    uncollected: int


def calculation_of(entry: LedgerEntry) -> Calculation | None:
    """The calculation of the points of `entry`, from its frozen inputs; None if the points were given."""
    frozen: dict[str, Any] = entry.inputs.get("calculation") or {}
    try:
        uncollected = frozen["uncollected"] if entry.adjusts_id else 0
        return Calculation(
            theo=f"{Decimal(frozen['theoretical_win']):,.2f}",
            rate=display.factor(Decimal(frozen["points_per_unit"])),
            multiplier=display.factor(Decimal(frozen["multiplier"])),
            tier="" if entry.adjusts_id else str(frozen["tier"]),
            exact=display.factor(Decimal(frozen["exact_points"])),
            points=f"{frozen['points_of_play'] if entry.adjusts_id else entry.points:,}",
            posted_before=f"{frozen['posted_before']:,}" if entry.adjusts_id else "",
            difference=entry.points - uncollected,
            uncollected=uncollected,
        )
    except (KeyError, InvalidOperation, TypeError, ValueError):
        return None


def not_taken_of(entry: LedgerEntry) -> int:
    """How many of the points that an adjustment was asked to take were not there; 0 for every other entry."""
    asked = (entry.inputs.get("request") or {}).get("points")
    if entry.kind != LedgerEntry.Kind.ADJUSTMENT or entry.adjusts_play or not isinstance(asked, int):
        return 0
    return entry.points - asked
