"""Corrections and voids of slips: who, when, why, and what the slip was before."""

from django.db import models
from django.db.models import Q

from core.finite import is_finite
from core.reasons.models import REASON_CODE_MAX_LENGTH
from core.reasons.text import REASON_MAX_LENGTH
from loyalty.models import LedgerEntry
from ratingslips.models.floor import GamingTable, Pit
from ratingslips.models.requests import SlipRequest
from ratingslips.models.slips import RatingSlip


class SlipCorrection(models.Model):
    """One correction of a slip's play, or its voiding. Append-only: PostgreSQL refuses UPDATE, DELETE and TRUNCATE.

    It keeps the slip's columns as they were before, and PostgreSQL allows the slip to change only if these agree. Who
    corrected the slip, and when it was recorded, is kept by its request. What the points of its play were and are is
    empty as long as they are not credited.
    """

    class Kind(models.TextChoices):
        CORRECTED = "CORRECTED", "Corrected"
        VOIDED = "VOIDED", "Voided"

    class NoEntry(models.TextChoices):
        """Why a correction has no ledger entry."""

        LIVE = "LIVE", "the slip was live"
        OWED = "OWED", "its points were owed"
        WITHHELD = "WITHHELD", "its points were withheld"
        SAME_POINTS = "SAME_POINTS", "its points stay the same"
        NOT_COVERED = "NOT_COVERED", "the balance was 0"

    slip = models.ForeignKey(RatingSlip, on_delete=models.PROTECT, related_name="corrections", db_index=False)
    number = models.PositiveSmallIntegerField(help_text="1, 2, 3 … in the slip.")
    kind = models.CharField(max_length=9, choices=Kind)
    request = models.OneToOneField(SlipRequest, on_delete=models.PROTECT, related_name="correction")
    reason_code = models.CharField(max_length=REASON_CODE_MAX_LENGTH, null=True)  # noqa: DJ001 - as in the ledger
    reason = models.CharField(max_length=REASON_MAX_LENGTH)
    last_seq_before = models.IntegerField(help_text="The number of the last segment that it superseded.")
    status_before = models.CharField(max_length=6, choices=RatingSlip.Status)
    opened_at_before = models.DateTimeField()
    closed_at_before = models.DateTimeField(null=True)
    gaming_day_before = models.DateField()
    theoretical_win_before = models.DecimalField(max_digits=18, decimal_places=2, null=True)
    table_before = models.ForeignKey(GamingTable, on_delete=models.PROTECT, related_name="+", db_index=False)
    pit_before = models.ForeignKey(Pit, on_delete=models.PROTECT, related_name="+", db_index=False)
    seat_before = models.SmallIntegerField()
    uncollected_before = models.BigIntegerField()
    uncollected_after = models.BigIntegerField()
    points_before = models.BigIntegerField(null=True)
    points_after = models.BigIntegerField(null=True)
    entry = models.OneToOneField(LedgerEntry, on_delete=models.PROTECT, related_name="slip_correction", null=True)
    no_entry_because = models.CharField(max_length=12, choices=NoEntry, blank=True)

    class Meta:
        ordering = ["slip", "number"]
        constraints = [
            models.UniqueConstraint(fields=["slip", "number"], name="ratingslips_correction_number_unique_in_slip"),
            models.CheckConstraint(condition=Q(number__gte=1), name="ratingslips_correction_number_from_one"),
            models.CheckConstraint(
                condition=Q(kind__in=["CORRECTED", "VOIDED"]), name="ratingslips_correction_kind_known"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="ratingslips_correction_has_reason"),
            models.CheckConstraint(
                condition=Q(entry__isnull=False, no_entry_because="")
                | Q(entry=None, no_entry_because__in=["LIVE", "OWED", "WITHHELD", "SAME_POINTS", "NOT_COVERED"]),
                name="ratingslips_correction_has_entry_or_says_why_none",
            ),
            models.CheckConstraint(
                condition=Q(uncollected_before__gte=0, uncollected_after__gte=0),
                name="ratingslips_correction_uncollected_not_negative",
            ),
            models.CheckConstraint(
                condition=is_finite(theoretical_win_before=16), name="ratingslips_correction_theo_is_finite"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.slip}"
