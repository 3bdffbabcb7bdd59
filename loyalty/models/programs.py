"""The programme of a casino and its rules: earning rates and tiers."""

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from core.effective_dates import DatedRows, local_minute
from core.models import CODE_MAX_LENGTH, NAME_MAX_LENGTH, Casino
from core.querysets import LockingQuerySet
from core.reasons.text import REASON_MAX_LENGTH
from core.words import noun

MAX_POINTS_PER_UNIT = 1000


class LoyaltyProgram(models.Model):
    """The points programme of a casino; the right to award points is granted on it."""

    casino = models.OneToOneField(Casino, on_delete=models.PROTECT, related_name="loyalty_program")
    name = models.CharField(max_length=NAME_MAX_LENGTH)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    pause_reason = models.CharField(max_length=REASON_MAX_LENGTH, blank=True)

    objects = LockingQuerySet["LoyaltyProgram"].as_manager()

    class Meta:
        verbose_name = "loyalty programme"
        permissions = [
            ("award", "Can award points by hand"),
            ("reverse", "Can reverse awards, adjustments and redemptions"),
            ("adjust", "Can adjust points by hand"),
            ("redeem", "Can redeem points for comps"),
            ("pause_program", "Can pause and resume the programme"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(paused_at=None, paused_by=None, pause_reason="")
                | Q(paused_at__isnull=False, paused_by__isnull=False) & ~Q(pause_reason=""),
                name="loyalty_program_pause_is_whole",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_paused(self) -> bool:
        """Whether nothing may be posted just now."""
        return self.paused_at is not None


class ProgramPause(models.Model):
    """One pause of a programme: who, when and why, and who ended it. The programme's columns repeat the current one.

    Append-only: PostgreSQL refuses every change but the resume, once.
    """

    program = models.ForeignKey(LoyaltyProgram, on_delete=models.PROTECT, related_name="pauses", db_index=False)
    paused_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    paused_at = models.DateTimeField()
    reason = models.CharField(max_length=REASON_MAX_LENGTH)
    reason_code = models.CharField(max_length=CODE_MAX_LENGTH, null=True)  # noqa: DJ001 - as in the ledger
    correlation_id = models.UUIDField(null=True, help_text="Empty for a pause that began before pauses were recorded.")
    resumed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )
    resumed_at = models.DateTimeField(null=True)
    resume_correlation_id = models.UUIDField(null=True)
    resume_reason = models.CharField(max_length=REASON_MAX_LENGTH, default="", help_text="Empty if none was given.")
    resume_reason_code = models.CharField(max_length=CODE_MAX_LENGTH, null=True)  # noqa: DJ001 - as in the ledger

    class Meta:
        ordering = ["-paused_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["program"], condition=Q(resumed_at=None), name="loyalty_pause_one_at_a_time"
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="loyalty_pause_has_reason"),
            models.CheckConstraint(
                condition=Q(
                    resumed_at=None,
                    resumed_by=None,
                    resume_correlation_id=None,
                    resume_reason="",
                    resume_reason_code=None,
                )
                | Q(resumed_at__gte=F("paused_at"), resumed_by__isnull=False, resume_correlation_id__isnull=False),
                name="loyalty_pause_resume_is_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"Pause {self.pk}"


class EarningRate(models.Model):
    """Points per unit of theoretical win from an instant on; append-only, so past play keeps its rate.

    A new one begins in the future, or before the first.
    """

    program = models.ForeignKey(
        LoyaltyProgram, on_delete=models.PROTECT, related_name="earning_rates", verbose_name="programme"
    )
    points_per_unit = models.DecimalField(
        max_digits=8,
        decimal_places=4,
        validators=[MinValueValidator(0), MaxValueValidator(MAX_POINTS_PER_UNIT)],
        help_text="Points per unit of theoretical win.",
    )
    effective_from = models.DateTimeField(help_text="Holds for play that ends at this instant or later.")

    objects = DatedRows["EarningRate"].as_manager()

    class Meta:
        ordering = ["program", "-effective_from"]
        constraints = [
            models.UniqueConstraint(fields=["program", "effective_from"], name="loyalty_rate_one_per_instant"),
            models.CheckConstraint(
                condition=Q(points_per_unit__gte=0, points_per_unit__lte=MAX_POINTS_PER_UNIT),
                name="loyalty_rate_within_limits",
            ),
        ]

    def __str__(self) -> str:
        points = f"{self.points_per_unit.normalize():f} {noun(self.points_per_unit, 'point')}"
        return f"{points} per unit from {local_minute(self.effective_from)}"


class Tier(models.Model):
    """A rank that lifetime points reach, and what it multiplies points by.

    Append-only, and added to a programme only before it has accounts: these, and old entries, are judged by its tiers.
    """

    program = models.ForeignKey(
        LoyaltyProgram, on_delete=models.PROTECT, related_name="tiers", verbose_name="programme"
    )
    name = models.CharField(max_length=40)
    threshold_points = models.BigIntegerField(help_text="Lifetime points at which the tier begins.")
    multiplier = models.DecimalField(max_digits=5, decimal_places=3)

    class Meta:
        ordering = ["program", "threshold_points"]
        constraints = [
            models.UniqueConstraint(fields=["program", "threshold_points"], name="loyalty_tier_threshold_unique"),
            models.UniqueConstraint(fields=["program", "name"], name="loyalty_tier_name_unique"),
            models.CheckConstraint(condition=Q(threshold_points__gte=0), name="loyalty_tier_threshold_not_negative"),
            models.CheckConstraint(
                condition=Q(multiplier__gt=0, multiplier__lte=10), name="loyalty_tier_multiplier_within_limits"
            ),
        ]

    def __str__(self) -> str:
        return self.name
