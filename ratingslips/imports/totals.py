"""Totals of a set of slips."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Final, TypeVar
from uuid import UUID

from django.db.models import Count, Sum
from django.db.models.functions import Coalesce

from loyalty.models import PlayerLoyalty
from ratingslips.models import RatingSlip

CHUNK_SLIPS: Final = 5_000

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class SlipTotals:
    """The number of slips, their points, and the tiers of their players now, the lowest first."""

    slips: int
    entries: int
    points: int
    theo: Decimal
    tiers: dict[str, int]


def totals_of(slip_ids: Collection[UUID]) -> SlipTotals:
    """Add up those of these slips that are not void; the tiers count those of their players who have earned points."""
    slips, entries, points, theo = 0, 0, 0, Decimal("0.00")
    earners: set[int] = set()
    for chunk in _chunks(slip_ids):
        among = RatingSlip.objects.not_void().filter(pk__in=chunk).order_by()
        found = among.aggregate(
            slips=Count("pk"),
            entries=Count("ledger_entry"),
            points=Sum(Coalesce("corrected_points", "ledger_entry__points")),
            theo=Sum("theoretical_win"),
        )
        slips += found["slips"]
        entries += found["entries"]
        points += found["points"] or 0
        theo += found["theo"] or 0
        earners.update(among.filter(ledger_entry__isnull=False).values_list("player", flat=True).distinct())
    return SlipTotals(slips=slips, entries=entries, points=points, theo=theo, tiers=_tiers_of(earners))


def _tiers_of(player_ids: Collection[int]) -> dict[str, int]:
    counts: dict[tuple[int, str], int] = {}
    for chunk in _chunks(player_ids):
        accounts = PlayerLoyalty.objects.filter(player__in=chunk).order_by()
        for threshold, name, count in accounts.values_list("tier__threshold_points", "tier__name").annotate(
            Count("pk")
        ):
            counts[threshold, name] = counts.get((threshold, name), 0) + count
    return {name: counts[threshold, name] for threshold, name in sorted(counts)}


def _chunks(items: Collection[T]) -> Iterator[list[T]]:
    remaining = iter(items)
    while chunk := list(islice(remaining, CHUNK_SLIPS)):
        yield chunk
