"""The segments of a slip, which are its history."""

from datetime import timedelta

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q

from core.finite import is_finite
from ratingslips.models.corrections import SlipCorrection
from ratingslips.models.floor import GamingTable, Pit
from ratingslips.models.slips import MONEY_DIGITS, RatingSlip
from ratingslips.querysets import PlaySegmentQuerySet
from ratingslips.theo import Play


class PlaySegment(models.Model):
    """A stretch of unbroken play at one table, one seat and one average bet.

    Append-only: PostgreSQL refuses every change except the end of an open segment and of its hold on the seat, and that
    a correction of the slip supersedes it, once. A correction writes a new list of segments, whose numbers go on after
    those of the list before. A move or a new bet during a pause is a segment of no length, so that the segments contain
    every event of the slip, with its actor and time.
    """

    class Start(models.TextChoices):
        OPENED = "OPENED", "Opened"
        RESUMED = "RESUMED", "Resumed"
        BET_CHANGED = "BET_CHANGED", "Bet changed"
        MOVED = "MOVED", "Moved"

    class End(models.TextChoices):
        PAUSED = "PAUSED", "Paused"
        BET_CHANGED = "BET_CHANGED", "Bet changed"
        MOVED = "MOVED", "Moved"
        CLOSED = "CLOSED", "Closed"
        SUPERSEDED = "SUPERSEDED", "Corrected or voided"

    slip = models.ForeignKey(RatingSlip, on_delete=models.PROTECT, related_name="segments", db_index=False)
    seq = models.PositiveIntegerField("number", help_text="1, 2, 3 … in the slip.")
    table = models.ForeignKey(GamingTable, on_delete=models.PROTECT, related_name="+", db_index=False)
    pit = models.ForeignKey(
        Pit,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="The table's pit when the segment began.",
    )
    seat = models.PositiveSmallIntegerField()
    average_bet = models.DecimalField(max_digits=MONEY_DIGITS, decimal_places=2)
    house_edge_percent = models.DecimalField(max_digits=6, decimal_places=3)
    decisions_per_hour = models.DecimalField(max_digits=6, decimal_places=2)
    started_at = models.DateTimeField()
    started_as = models.CharField(max_length=11, choices=Start)
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    start_correlation_id = models.UUIDField(db_index=True)
    ended_at = models.DateTimeField(null=True)
    ended_as = models.CharField(max_length=11, choices=End, blank=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )
    end_correlation_id = models.UUIDField(null=True, db_index=True)
    held_until = models.DateTimeField(
        null=True,
        help_text="When the next segment began, or the slip closed; empty while the seat is held. Set by triggers.",
    )
    superseded_by = models.ForeignKey(
        SlipCorrection,
        on_delete=models.PROTECT,
        related_name="superseded",
        null=True,
        db_index=False,
        help_text="The correction after which the segment counts no more; empty for current segments.",
    )

    objects = PlaySegmentQuerySet.as_manager()

    class Meta:
        ordering = ["slip", "seq"]
        constraints = [
            # With what is added up of a slip's play.
            models.UniqueConstraint(
                fields=["slip", "seq"],
                include=["started_at", "ended_at", "average_bet", "superseded_by"],
                name="ratingslips_segment_seq_unique_in_slip",
            ),
            models.UniqueConstraint(
                fields=["slip"], condition=Q(ended_at=None), name="ratingslips_segment_one_open_per_slip"
            ),
            models.CheckConstraint(
                condition=Q(superseded_by=None) | Q(ended_at__isnull=False, held_until__isnull=False),
                name="ratingslips_segment_superseded_has_ended",
            ),
            models.CheckConstraint(condition=Q(seq__gte=1), name="ratingslips_segment_seq_from_one"),
            models.CheckConstraint(condition=Q(average_bet__gt=0), name="ratingslips_segment_bet_positive"),
            models.CheckConstraint(
                condition=is_finite(average_bet=12, house_edge_percent=3, decisions_per_hour=4),
                name="ratingslips_segment_figures_are_finite",
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_as="", ended_by=None, end_correlation_id=None)
                | Q(ended_at__gte=F("started_at"), ended_by__isnull=False, end_correlation_id__isnull=False)
                & ~Q(ended_as=""),
                name="ratingslips_segment_end_is_whole",
            ),
            ExclusionConstraint(
                name="ratingslips_segment_no_overlap",
                condition=Q(superseded_by=None),
                expressions=[
                    ("slip", RangeOperators.EQUAL),
                    (
                        Func("started_at", "ended_at", function="TSTZRANGE", output_field=DateTimeRangeField()),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
            ExclusionConstraint(
                name="ratingslips_segment_no_overlap_of_seat",
                condition=Q(superseded_by=None),
                expressions=[
                    ("table", RangeOperators.EQUAL),
                    ("seat", RangeOperators.EQUAL),
                    (
                        # A seat is held during a pause too, after the end of the segment.
                        Func("started_at", "held_until", function="TSTZRANGE", output_field=DateTimeRangeField()),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        ]
        indexes = [
            models.Index(
                fields=["table", "seat", "-started_at"],
                condition=Q(superseded_by=None),
                name="ratingslips_segment_seat",
            )
        ]

    def __str__(self) -> str:
        return f"{self.slip} segment {self.seq}"

    @property
    def played(self) -> timedelta:
        """The length of the segment; it must have ended."""
        assert self.ended_at is not None, "an open segment has no length yet"
        return self.ended_at - self.started_at

    @property
    def play(self) -> Play:
        """The values for the theoretical win; the segment must have ended."""
        return Play(
            average_bet=self.average_bet,
            house_edge_percent=self.house_edge_percent,
            decisions_per_hour=self.decisions_per_hour,
            played=self.played,
        )
