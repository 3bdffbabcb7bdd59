"""Queries over sets of slips."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.db.models import DecimalField, DurationField, F, IntegerField, OuterRef, Subquery, Sum, Value
from django.db.models.functions import Coalesce, Greatest

from core.querysets import LockingQuerySet

if TYPE_CHECKING:
    from ratingslips.models import RatingSlip  # noqa: F401


class RatingSlipQuerySet(LockingQuerySet["RatingSlip"]):
    """Rating slips."""

    def live(self) -> Self:
        """Slips whose player still holds a seat: open or paused."""
        return self.filter(status__in=["OPEN", "PAUSED"])

    def owed(self) -> Self:
        """Closed slips whose points are not settled, which recovery pays."""
        return self.filter(status="CLOSED", settled_at=None)

    def withheld(self) -> Self:
        """Closed slips whose points were withheld and have not been released."""
        return self.exclude(withheld_because="").filter(ledger_entry=None)

    def with_version(self) -> Self:
        """Annotate `last_seq`, the number of the last segment: with the status, the slip's version."""
        from ratingslips.models import PlaySegment

        segments = PlaySegment.objects.filter(slip=OuterRef("pk")).order_by("-seq")
        return self.annotate(last_seq=Subquery(segments.values("seq")[:1], output_field=IntegerField()))

    def with_play(self, *, now: datetime) -> Self:
        """Annotate `average_bet` (the latest) and `played` (time at play until `now`, pauses left out)."""
        from ratingslips.models import PlaySegment

        segments = PlaySegment.objects.filter(slip=OuterRef("pk")).order_by()
        # Never below 0: the clock may have been set back since the segment began.
        length = Greatest(Coalesce(F("ended_at"), Value(now)), F("started_at")) - F("started_at")
        played = segments.values("slip").annotate(total=Sum(length, output_field=DurationField())).values("total")
        return self.annotate(
            average_bet=Subquery(segments.order_by("-seq").values("average_bet")[:1], output_field=DecimalField()),
            played=Subquery(played, output_field=DurationField()),
        )
