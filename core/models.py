"""The casino, its staff and its players."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import ClassVar
from zoneinfo import ZoneInfo, available_timezones

from django.contrib.auth.models import AbstractUser, Group, UserManager
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Upper
from django.utils import timezone

from core import gaming_day
from core.cards.models import Namesake as Namesake
from core.cards.models import StaffCard as StaffCard
from core.changes.models import Change as Change
from core.factors.models import RecoveryCode as RecoveryCode
from core.factors.models import SecondFactor as SecondFactor
from core.finite import is_finite
from core.idempotency import Request
from core.macs import MAC_LENGTH
from core.querysets import LockingQuerySet
from core.reasons.models import ReasonCode as ReasonCode
from core.sent_forms.models import SentForm as SentForm
from core.sessions import Session as Session
from core.sign_in_log import SignInEvent as SignInEvent
from core.text import isolated
from core.words import counted

NAME_MAX_LENGTH = 100
CODE_MAX_LENGTH = 40
ORIGIN_MAX_LENGTH = 200
METHOD_MAX_LENGTH = 10
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


class Player(models.Model):
    """A known player; never deleted, only deactivated or barred."""

    class Status(models.TextChoices):
        ACTIVE = "ACTIVE", "Active"
        INACTIVE = "INACTIVE", "Inactive"
        BARRED = "BARRED", "Barred"

    casino = models.ForeignKey(Casino, on_delete=models.PROTECT, related_name="players")
    card_number = models.CharField(
        max_length=32,
        validators=[RegexValidator(r"\A[0-9A-Za-z-]+\Z", "A card number has only letters, digits and hyphens.")],
    )
    first_name = models.CharField(max_length=NAME_MAX_LENGTH)
    last_name = models.CharField(max_length=NAME_MAX_LENGTH)
    status = models.CharField(max_length=8, choices=Status, default=Status.ACTIVE)
    search_text = models.GeneratedField(
        expression=models.Func("card_number", "first_name", "last_name", function="core_search_text"),
        output_field=models.TextField(),
        db_persist=True,
        help_text="Card and name without accents and punctuation, as `core.player_search` compares them.",
    )
    sort_name = models.GeneratedField(
        expression=models.Func("first_name", "last_name", function="core_sort_name"),
        output_field=models.TextField(db_collation="C"),
        db_persist=True,
        help_text="Last name and first name without accents and punctuation.",
    )

    objects = LockingQuerySet["Player"].as_manager()

    class Meta:
        ordering = ["sort_name", "card_number"]
        permissions = [("declare_card", "Can declare cards of staff")]
        indexes = [
            models.Index(fields=["casino", "sort_name", "card_number", "id"], name="core_player_by_name"),
            models.Index(fields=["casino", "status", "sort_name", "card_number", "id"], name="core_player_by_status"),
            # For the home page, which looks for them among the seated players.
            models.Index(
                fields=["casino", "id"], condition=Q(status__in=["INACTIVE", "BARRED"]), name="core_player_not_active"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                "casino",
                Upper("card_number"),
                name="core_player_card_unique_in_casino",
                violation_error_message="Another player of this casino has this card number.",
            ),
            models.CheckConstraint(condition=~Q(card_number=""), name="core_player_has_card"),
            models.CheckConstraint(
                condition=Q(status__in=["ACTIVE", "INACTIVE", "BARRED"]), name="core_player_status_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{isolated(self.full_name)} ({self.card_number})"

    @property
    def full_name(self) -> str:
        """First name, then last name: Ana Lopez."""
        return f"{self.first_name} {self.last_name}"

    @property
    def listed_name(self) -> str:
        """The name as lists show it, last name first: Lopez, Ana."""
        return f"{self.last_name}, {self.first_name}"

    @property
    def short_name(self) -> str:
        """The name where there is little room: Lopez A."""
        return f"{self.last_name} {self.first_name[:1]}."


class StaffManager(UserManager["User"].from_queryset(LockingQuerySet)):  # type: ignore[misc]
    """Staff: Django's manager, with `locked()`."""


class User(AbstractUser):
    """A member of staff; never deleted, only deactivated."""

    casino = models.ForeignKey(
        Casino,
        on_delete=models.PROTECT,
        related_name="staff",
        null=True,
        blank=True,
        help_text="Where this member of staff works. Empty only for superusers and operators, who work in all casinos.",
    )

    objects: ClassVar[StaffManager] = StaffManager()

    class Meta(AbstractUser.Meta):
        verbose_name = "member of staff"
        verbose_name_plural = "staff"

    @property
    def display_name(self) -> str:
        """The full name, else the login."""
        return isolated(self.get_full_name() or self.username)

    @property
    def name_and_login(self) -> str:
        """The full name with the login, which two people cannot share: Dana Whitfield (dana)."""
        full_name = self.get_full_name()
        return f"{isolated(full_name)} ({self.username})" if full_name else self.username


class ReplayCount(models.Model):
    """How often an operation returned its first result to a repeated request on a gaming day."""

    casino = models.ForeignKey(Casino, on_delete=models.PROTECT, related_name="+", db_index=False)
    gaming_day = models.DateField()
    operation = models.CharField(max_length=40)
    replays = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["casino", "gaming_day", "operation"], name="core_replays_one_row_a_day"),
        ]

    def __str__(self) -> str:
        return f"{counted(self.replays, 'replay')} of {self.operation} on {self.gaming_day}"


class RequestOrigin(models.Model):
    """Where a request or command that may have changed something came from; append-only, with no data of a player.

    It is found by the correlation id, which the rows that the request wrote hold too.
    """

    correlation_id = models.UUIDField(db_index=True)
    outside_correlation_id = models.UUIDField(
        null=True, help_text="The id that a caller which CORRELATION_ID_CALLERS names gave the request."
    )
    actor = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        db_index=False,
        help_text="Who was signed in; empty for a command.",
    )
    method = models.CharField(max_length=METHOD_MAX_LENGTH, help_text="The HTTP method, or COMMAND.")
    origin = models.CharField(max_length=ORIGIN_MAX_LENGTH, help_text="The path in the console, or the command's name.")
    client_address = models.GenericIPAddressField(null=True)
    at = models.DateTimeField(default=timezone.now)
    mac = models.CharField(  # noqa: DJ001 - NULL in the rows of earlier versions
        max_length=MAC_LENGTH, null=True, editable=False, help_text="Shows that the application recorded it."
    )

    class Meta:
        indexes = [
            models.Index(
                fields=["outside_correlation_id"],
                condition=Q(outside_correlation_id__isnull=False),
                name="core_origin_outside_id",
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(method="COMMAND", actor=None) | ~Q(method="COMMAND") & Q(actor__isnull=False),
                name="core_origin_is_a_person_or_a_command",
            ),
            models.CheckConstraint(condition=~Q(origin=""), name="core_origin_says_where"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.origin}"

    def claims(self) -> Request:
        """What `mac` is the code of."""
        return {
            "correlation_id": str(self.correlation_id),
            "actor": self.actor_id,
            "method": self.method,
            "origin": self.origin,
            "at": self.at.astimezone(UTC).isoformat(),
        }


class Lease(models.Model):
    """Work that one process at a time may do: who does it, or did it last, and since when; see `core.leases`."""

    name = models.CharField(max_length=CODE_MAX_LENGTH, primary_key=True, help_text="The work.")
    holder = models.UUIDField(null=True, help_text="The process that holds the lease; empty if none does.")
    held_by = models.CharField(max_length=ORIGIN_MAX_LENGTH, help_text="The process and its machine, for people.")
    correlation_id = models.UUIDField(help_text="Of the command that took the lease.")
    taken_at = models.DateTimeField()
    renewed_at = models.DateTimeField()

    objects = LockingQuerySet["Lease"].as_manager()

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="core_lease_has_name")]

    def __str__(self) -> str:
        return f"Lease {self.name}"


class JobRun(models.Model):
    """When a job was last done; see `core.jobs`."""

    command = models.CharField(max_length=ORIGIN_MAX_LENGTH, primary_key=True, help_text="The command of manage.py.")
    succeeded_at = models.DateTimeField()
    correlation_id = models.UUIDField(help_text="Of the run that succeeded.")

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(command=""), name="core_job_has_command")]

    def __str__(self) -> str:
        return f"Job {self.command}"
