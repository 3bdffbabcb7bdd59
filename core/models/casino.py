"""The casino, with its limits and its gaming day."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from core import gaming_day
from core.finite import is_finite

NAME_MAX_LENGTH = 100
CODE_MAX_LENGTH = 40
LONGEST_PLAY_HOURS_MAX = 168
BACKDATING_MINUTES_MAX = 720


def require_time_zone(name: str) -> None:
    """Refuse a name that is not in the IANA time zone database.

    :raises ValidationError: there is no such zone.
    """
    if name not in available_timezones():
        raise ValidationError(f"“{name}” is not an IANA time zone, such as America/Los_Angeles.")


def _cash_threshold(name: str, *, default: int, what: str) -> "models.DecimalField[Decimal, Decimal]":
    return models.DecimalField(
        name,
        max_digits=14,
        decimal_places=2,
        default=Decimal(default),
        validators=[MinValueValidator(Decimal("0.01"))],
        help_text=f"{what} It adds up what one player bought in with on a gaming day. No form is filed.",
    )


class Casino(models.Model):
    """A casino with its own players, tables, staff and accounting day."""

    code = models.SlugField(max_length=CODE_MAX_LENGTH, unique=True)
    name = models.CharField(max_length=NAME_MAX_LENGTH)
    time_zone = models.CharField(max_length=64, validators=[require_time_zone], help_text="IANA name.")
    gaming_day_starts_at = models.TimeField(default=time(6), help_text="Local time at which the accounting day begins.")
    longest_play_hours = models.PositiveSmallIntegerField(
        "longest play",
        default=12,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_PLAY_HOURS_MAX)],
        help_text=(
            f"In hours, 1 to {LONGEST_PLAY_HOURS_MAX}, pauses left out. Closing a slip that was played for longer "
            "needs a confirmation."
        ),
    )
    backdating_minutes = models.PositiveSmallIntegerField(
        "backdating",
        default=60,
        validators=[MaxValueValidator(BACKDATING_MINUTES_MAX)],
        help_text=(
            f"In minutes, 0 to {BACKDATING_MINUTES_MAX}. How far back a pit boss may date an act on a slip. "
            "Staff who may correct slips can go back to the start of the gaming day."
        ),
    )
    cash_watch_amount = _cash_threshold(
        "cash to watch", default=3_000, what="From this total of cash on, the floor marks the player “watch”."
    )
    cash_report_amount = _cash_threshold(
        "cash to report", default=10_000, what="From this total of cash on, the floor marks the player “report”."
    )
    second_factor_roles = models.ManyToManyField(
        Group,
        related_name="+",
        blank=True,
        verbose_name="roles that need a second factor",
        help_text=(
            "Members who have none must add one when they next sign in. Superusers need one as soon as any role does."
        ),
    )
    confirmed_award_points = models.PositiveIntegerField(
        "awards and redemptions to confirm",
        null=True,
        blank=True,
        help_text=(
            "Awards and redemptions of more points ask again for the second factor, or the password. Empty: none does."
        ),
    )

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(condition=~Q(code=""), name="core_casino_has_code"),
            models.CheckConstraint(
                condition=Q(longest_play_hours__gte=1, longest_play_hours__lte=LONGEST_PLAY_HOURS_MAX),
                name="core_casino_longest_play_within_limits",
            ),
            models.CheckConstraint(
                condition=Q(backdating_minutes__lte=BACKDATING_MINUTES_MAX),
                name="core_casino_backdating_within_limits",
            ),
            models.CheckConstraint(
                condition=Q(cash_watch_amount__gt=0, cash_report_amount__gte=F("cash_watch_amount")),
                name="core_casino_cash_thresholds_in_order",
                violation_error_message="Cash to report cannot be less than cash to watch.",
            ),
            models.CheckConstraint(
                condition=is_finite(cash_watch_amount=12, cash_report_amount=12), name="core_casino_cash_is_finite"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        """The casino's time zone."""
        return ZoneInfo(self.time_zone)

    @property
    def longest_play(self) -> timedelta:
        """The time at play after which closing a slip needs a confirmation."""
        return timedelta(hours=self.longest_play_hours)

    @property
    def backdating(self) -> timedelta:
        """How far back a pit boss may go with the time of an act on a slip."""
        return timedelta(minutes=self.backdating_minutes)

    def gaming_day_at(self, at: datetime) -> date:
        """The gaming day that the instant `at` belongs to."""
        return gaming_day.gaming_day_at(at, zone=self.zone, starts_at=self.gaming_day_starts_at)

    def gaming_day_span(self, day: date) -> tuple[datetime, datetime]:
        """The instants (UTC) at which a gaming day begins (inclusive) and ends (exclusive)."""
        return gaming_day.span_of(day, zone=self.zone, starts_at=self.gaming_day_starts_at)
