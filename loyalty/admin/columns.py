"""What stands on a line of the ledger, on the screen and in the file; and how an entry's points were counted."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.console import display
from core.console.links import link_to
from loyalty.admin.additions import Column
from loyalty.models import LedgerEntry


def _player(entry: LedgerEntry) -> SafeString:
    player = entry.account.player
    name = f"{player.last_name}, {player.first_name}"
    return format_html('{} <span class="hint">{}</span>', link_to(entry.account, name), player.card_number)


def _when(entry: LedgerEntry) -> SafeString:
    return format_html(
        '<time datetime="{}">{}</time> <span class="hint">gaming day {}</span>',
        entry.created_at.isoformat(),
        display.moment(entry.created_at),
        date_format(entry.gaming_day, "j M"),
    )


def _kind(entry: LedgerEntry) -> SafeString | str:
    reversal: LedgerEntry | None = getattr(entry, "reversed_by", None)
    kind = entry.get_kind_display()
    if entry.reverses_id:
        return format_html('{} <span class="hint">of #{}</span>', kind, entry.reverses_id)
    if reversal:
        return format_html('{} <span class="hint">reversed by #{}</span>', kind, reversal.pk)
    return kind


def _points(entry: LedgerEntry) -> SafeString:
    return display.points(entry.points, signed=True)


def _balances(entry: LedgerEntry) -> SafeString:
    return display.number(f"{entry.balance_before:,} → {entry.balance_after:,}")


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


def posted_by(entry: LedgerEntry) -> str:
    """Who posted an entry, for people."""
    return entry.staff.get_full_name() or entry.staff.username if entry.staff else "system"


def _exact(entry: LedgerEntry) -> str:
    return timezone.localtime(entry.created_at).isoformat(timespec="seconds")


OWN_COLUMNS: Final[Sequence[Column]] = (
    Column(
        label="Entry", shown=lambda entry: link_to(entry, f"#{entry.pk}"), exported=lambda entry: entry.pk, is_head=True
    ),
    Column(label="When", shown=_when, exported=_exact),
    Column(label="Gaming day", exported=lambda entry: entry.gaming_day.isoformat()),
    Column(label="Player", shown=_player, exported=lambda entry: str(entry.account.player.last_name)),
    Column(label="First name", exported=lambda entry: entry.account.player.first_name),
    Column(label="Card number", exported=lambda entry: entry.account.player.card_number),
    Column(
        label="Kind",
        shown=_kind,
        exported=lambda entry: entry.kind,
    ),
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
        label="Posted by", shown=posted_by, exported=lambda entry: entry.staff.username if entry.staff else "system"
    ),
    Column(label="Reason", shown=lambda entry: entry.reason, exported=lambda entry: entry.reason),
    Column(label="Reverses entry", exported=lambda entry: entry.reverses_id or ""),
    Column(label="Correlation id", exported=lambda entry: str(entry.correlation_id)),
    Column(label="Idempotency key", exported=lambda entry: entry.idempotency_key),
    Column(label="Number in account", exported=lambda entry: entry.seq),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Calculation:
    """Points of play, written out: theo × rate × multiplier = exact → points."""

    theo: str
    rate: str
    multiplier: str
    tier: str
    exact: str
    points: str


def calculation_of(entry: LedgerEntry) -> Calculation | None:
    """How the points of `entry` were counted, from its frozen inputs; none where they were given as a number."""
    frozen: dict[str, Any] = entry.inputs.get("calculation") or {}
    try:
        return Calculation(
            theo=f"{Decimal(frozen['theoretical_win']):,.2f}",
            rate=_plain(frozen["points_per_unit"]),
            multiplier=_plain(frozen["multiplier"]),
            tier=str(frozen["tier"]),
            exact=_plain(frozen["exact_points"]),
            points=f"{entry.points:,}",
        )
    except (KeyError, InvalidOperation, TypeError):
        return None


def _plain(text: str) -> str:
    """A factor as short as it can be written: 10, 1.25, 721.875."""
    return f"{Decimal(text).normalize():,f}"
