"""Queries over sets of slips."""

from datetime import datetime
from typing import TYPE_CHECKING, Self

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import DurationField, F, Max, OuterRef, Subquery, Sum, TextField, Value
from django.db.models.functions import Cast, Coalesce, Extract, Greatest, JSONObject

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
        return self.exclude(withheld_because="").filter(released_at=None)

    def with_play(self, *, now: datetime) -> Self:
        """Annotate `play`, which `average_bet`, `played` and `last_seq` of a slip read; play counts until `now`.

        One subquery reads the segments of a slip once.
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
        segments = PlaySegment.objects.filter(slip=OuterRef("pk")).order_by().values("slip").annotate(figures=figures)
        return self.annotate(play=Subquery(segments.values("figures")))
