"""Queries over sets of slips."""

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Count, DurationField, F, Max, OuterRef, Q, QuerySet, Subquery, Sum, TextField, Value
from django.db.models.functions import Cast, Coalesce, Extract, Greatest, JSONObject

from core.querysets import LockingQuerySet

if TYPE_CHECKING:
    from ratingslips.models import MoneyRow, PlaySegment, RatingSlip  # noqa: F401


class PlaySegmentQuerySet(QuerySet["PlaySegment"]):
    """Segments of slips."""

    def current(self) -> Self:
        """Segments that count: no correction has superseded them."""
        return self.filter(superseded_by=None)

    def shown(self) -> Self:
        """The current segments of slips, and of a void slip, which has none, those that counted last."""
        return self.filter(Q(superseded_by=None) | Q(superseded_by__kind="VOIDED"))


class MoneyRowQuerySet(QuerySet["MoneyRow"]):
    """Rows of money."""

    def not_struck(self) -> Self:
        """Rows that are neither struck nor strike another one."""
        return self.filter(strikes=None, struck_by=None)


class RatingSlipQuerySet(LockingQuerySet["RatingSlip"]):
    """Rating slips."""

    def live(self) -> Self:
        """Slips whose player still holds a seat: open or paused."""
        return self.filter(status__in=["OPEN", "PAUSED"])

    def not_void(self) -> Self:
        """Slips whose play counts."""
        return self.exclude(status="VOID")

    def corrected(self) -> Self:
        """Slips whose play was corrected or voided."""
        return self.filter(correction_count__gt=0)

    def owed(self) -> Self:
        """Closed slips whose points are not settled, which recovery pays."""
        return self.filter(status="CLOSED", settled_at=None)

    def withheld(self) -> Self:
        """Closed slips that are worth something, whose points were withheld and have not been released."""
        withheld = self.exclude(withheld_because="").filter(released_at=None)
        return withheld.filter(status="CLOSED", theoretical_win__gt=0)

    def uncollected(self) -> Self:
        """Slips whose entries hold more points than their play is worth, because the balance did not cover them."""
        return self.filter(uncollected_points__gt=0)

    def with_play(self, *, now: datetime) -> Self:
        """Annotate `play`, which `average_bet`, `played` and `last_seq` of a slip read; play counts until `now`.

        One subquery reads the segments of a slip once: the current ones, and of a void slip its last ones.
        """
        from ratingslips.models import PlaySegment

        # Never below 0: the clock may have been set back since the segment began.
        length = Greatest(Coalesce(F("ended_at"), Value(now)), F("started_at")) - F("started_at")
        seconds = Extract(Sum(length, output_field=DurationField()), "epoch")
        figures = JSONObject(
            bets=ArrayAgg(Cast("average_bet", TextField()), order_by="-seq"),
            seconds=Cast(seconds, TextField()),
            last_seq=Max("seq"),
        )
        of_slip = PlaySegment.objects.shown().filter(slip=OuterRef("pk")).order_by()
        segments = of_slip.values("slip").annotate(figures=figures)
        return self.annotate(play=Subquery(segments.values("figures")))

    def with_money(self) -> Self:
        """Annotate `money`, which `buy_in`, `chips_out` and `actual_win` of a slip read.

        One subquery reads the money rows of a slip once.
        """
        from ratingslips.models import MoneyRow

        def total(kind: MoneyRow.Kind) -> Any:
            return Cast(Coalesce(Sum("amount", filter=Q(kind=kind)), Decimal(0)), TextField())

        chips_out = Q(kind=MoneyRow.Kind.CHIPS_OUT)
        sums = JSONObject(
            buy_in=total(MoneyRow.Kind.BUY_IN),
            chips_out=total(MoneyRow.Kind.CHIPS_OUT),
            chips_out_rows=Count("pk", filter=chips_out & Q(strikes=None))
            - Count("pk", filter=chips_out & Q(strikes__isnull=False)),
        )
        rows = MoneyRow.objects.filter(slip=OuterRef("pk")).order_by().values("slip").annotate(sums=sums)
        return self.annotate(money=Subquery(rows.values("sums")))
