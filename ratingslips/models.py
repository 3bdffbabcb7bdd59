"""The floor and its slips: pits, games, tables, and the play that players are rated on."""

import uuid
from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Func, Q

from core.models import CODE_MAX_LENGTH, NAME_MAX_LENGTH, Casino, Player
from core.querysets import LockingQuerySet
from loyalty.models import LedgerEntry
from ratingslips.querysets import RatingSlipQuerySet
from ratingslips.theo import Play

MAX_SEATS = 20
MONEY_DIGITS = 14


class Pit(models.Model):
    """A group of tables under one pit boss; the right to operate and to recover is granted on it."""

    casino = models.ForeignKey(Casino, on_delete=models.PROTECT, related_name="pits")
    name = models.CharField(max_length=NAME_MAX_LENGTH)

    objects = LockingQuerySet["Pit"].as_manager()

    class Meta:
        ordering = ["casino", "name"]
        permissions = [
            ("operate_pit", "Can open, change and close rating slips"),
            ("recover_loyalty", "Can pay points that slips are owed"),
        ]
        constraints = [models.UniqueConstraint(fields=["casino", "name"], name="ratingslips_pit_name_unique_in_casino")]

    def __str__(self) -> str:
        return self.name


class GameSettings(models.Model):
    """What a game is worth to the house: decisions per hour and house edge, as comp rating counts them."""

    casino = models.ForeignKey(Casino, on_delete=models.PROTECT, related_name="games")
    code = models.SlugField(max_length=CODE_MAX_LENGTH)
    name = models.CharField(max_length=NAME_MAX_LENGTH)
    decisions_per_hour = models.DecimalField(
        max_digits=6, decimal_places=2, validators=[MinValueValidator(Decimal("0.01")), MaxValueValidator(1000)]
    )
    house_edge_percent = models.DecimalField(
        max_digits=6, decimal_places=3, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    seats = models.PositiveSmallIntegerField(
        validators=[MinValueValidator(1), MaxValueValidator(MAX_SEATS)], help_text="Seats of a usual table."
    )

    objects = LockingQuerySet["GameSettings"].as_manager()

    class Meta:
        ordering = ["casino", "name"]
        verbose_name = verbose_name_plural = "game settings"
        constraints = [
            models.UniqueConstraint(fields=["casino", "code"], name="ratingslips_game_code_unique_in_casino"),
            models.CheckConstraint(
                condition=Q(decisions_per_hour__gt=0, decisions_per_hour__lte=1000),
                name="ratingslips_game_decisions_within_limits",
            ),
            models.CheckConstraint(
                condition=Q(house_edge_percent__gte=0, house_edge_percent__lte=100),
                name="ratingslips_game_edge_is_percent",
            ),
            models.CheckConstraint(
                condition=Q(seats__gte=1, seats__lte=MAX_SEATS), name="ratingslips_game_seats_within_limits"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class GamingTable(models.Model):
    """A table on the floor; never deleted, only deactivated."""

    casino = models.ForeignKey(Casino, on_delete=models.PROTECT, related_name="gaming_tables")
    pit = models.ForeignKey(Pit, on_delete=models.PROTECT, related_name="gaming_tables")
    game = models.ForeignKey(GameSettings, on_delete=models.PROTECT, related_name="gaming_tables")
    name = models.CharField(max_length=40)
    seats = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(MAX_SEATS)])
    is_active = models.BooleanField(default=True)

    objects = LockingQuerySet["GamingTable"].as_manager()

    class Meta:
        ordering = ["casino", "name"]
        constraints = [
            models.UniqueConstraint(fields=["casino", "name"], name="ratingslips_table_name_unique_in_casino"),
            models.CheckConstraint(
                condition=Q(seats__gte=1, seats__lte=MAX_SEATS), name="ratingslips_table_seats_within_limits"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a pit or a game of another casino.

        :raises ValidationError: naming the field.
        """
        for field in ("pit", "game"):
            if getattr(self, f"{field}_id") and getattr(self, field).casino_id != self.casino_id:
                raise ValidationError({field: f"This {field} belongs to another casino."})


class RatingSlip(models.Model):
    """One player's rated visit to the tables, from sitting down to leaving.

    `correlation_id` is that of the request that opened the slip until it closes, and from then on that of the request
    that closed it: the one that its ledger entry carries, also when the points were paid later.
    """

    class Status(models.TextChoices):
        OPEN = "OPEN", "Open"
        PAUSED = "PAUSED", "Paused"
        CLOSED = "CLOSED", "Closed"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    casino = models.ForeignKey(Casino, on_delete=models.PROTECT, related_name="rating_slips")
    slip_number = models.CharField(max_length=20)
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="rating_slips")
    table = models.ForeignKey(GamingTable, on_delete=models.PROTECT, related_name="rating_slips")
    seat = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=6, choices=Status, default=Status.OPEN)
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )
    gaming_day = models.DateField(help_text="The gaming day on which the slip was opened.")
    buy_in = models.DecimalField(max_digits=MONEY_DIGITS, decimal_places=2, null=True)
    chips_out = models.DecimalField(max_digits=MONEY_DIGITS, decimal_places=2, null=True)
    theoretical_win = models.DecimalField(
        max_digits=18, decimal_places=2, null=True, help_text="Frozen when the slip closes."
    )
    correlation_id = models.UUIDField(db_index=True)
    ledger_entry = models.OneToOneField(LedgerEntry, on_delete=models.PROTECT, related_name="rating_slip", null=True)
    settled_at = models.DateTimeField(
        null=True, help_text="When its points were posted, or found to be 0. A closed slip without this is owed points."
    )
    owed_because = models.CharField(
        max_length=40, blank=True, help_text="Code of the error that left the points owed when the slip closed."
    )
    recovered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )
    recovery_correlation_id = models.UUIDField(
        null=True,
        help_text="Of the request or command that recovered its points; the slip and its entry keep their own.",
    )

    objects = RatingSlipQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint(fields=["casino", "slip_number"], name="ratingslips_slip_number_unique_in_casino"),
            models.UniqueConstraint(
                fields=["player"],
                condition=Q(status__in=["OPEN", "PAUSED"]),
                name="ratingslips_slip_one_live_per_player",
            ),
            models.UniqueConstraint(
                fields=["table", "seat"],
                condition=Q(status__in=["OPEN", "PAUSED"]),
                name="ratingslips_slip_one_live_per_seat",
            ),
            ExclusionConstraint(
                name="ratingslips_slip_no_overlap_of_player",
                expressions=[
                    ("player", RangeOperators.EQUAL),
                    (
                        Func("opened_at", "closed_at", function="TSTZRANGE", output_field=DateTimeRangeField()),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
            models.CheckConstraint(condition=~Q(slip_number=""), name="ratingslips_slip_has_number"),
            models.CheckConstraint(
                condition=Q(seat__gte=1, seat__lte=MAX_SEATS), name="ratingslips_slip_seat_within_limits"
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=["OPEN", "PAUSED"],
                    closed_at=None,
                    closed_by=None,
                    theoretical_win=None,
                    chips_out=None,
                )
                | Q(
                    status="CLOSED",
                    closed_at__isnull=False,
                    closed_by__isnull=False,
                    theoretical_win__isnull=False,
                ),
                name="ratingslips_slip_closed_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(closed_at=None) | Q(closed_at__gte=F("opened_at")),
                name="ratingslips_slip_closed_after_opened",
            ),
            models.CheckConstraint(
                condition=Q(theoretical_win=None) | Q(theoretical_win__gte=0),
                name="ratingslips_slip_theo_not_negative",
            ),
            models.CheckConstraint(
                condition=(Q(buy_in=None) | Q(buy_in__gte=0)) & (Q(chips_out=None) | Q(chips_out__gte=0)),
                name="ratingslips_slip_money_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(settled_at=None) | Q(status="CLOSED"), name="ratingslips_slip_settled_is_closed"
            ),
            models.CheckConstraint(
                condition=Q(ledger_entry=None) | Q(status="CLOSED", settled_at__isnull=False),
                name="ratingslips_slip_credited_is_closed",
            ),
            models.CheckConstraint(
                condition=Q(recovered_by=None) | Q(settled_at__isnull=False) & ~Q(owed_because=""),
                name="ratingslips_slip_recovered_was_owed",
            ),
        ]
        indexes = [
            models.Index(
                "closed_at",
                condition=Q(status="CLOSED", settled_at=None),
                name="ratingslips_slip_owed",
            ),
            # What an auditor narrows the ledger to: few slips, in the order of the ledger.
            models.Index(
                fields=["casino", "ledger_entry"],
                condition=Q(recovered_by__isnull=False),
                name="ratingslips_slip_recovered",
            ),
            models.Index(
                fields=["recovery_correlation_id"],
                condition=Q(recovery_correlation_id__isnull=False),
                name="ratingslips_slip_recovery",
            ),
            models.Index(fields=["casino", "-closed_at"], name="ratingslips_slip_closed"),
            models.Index(fields=["casino", "-opened_at"], name="ratingslips_slip_opened"),
            models.Index("player", F("closed_at").desc(nulls_first=True), name="ratingslips_slip_player_last"),
        ]

    def __str__(self) -> str:
        return f"Slip {self.slip_number}"

    @property
    def is_closed(self) -> bool:
        """Whether play has ended."""
        return self.status == self.Status.CLOSED

    @property
    def is_owed(self) -> bool:
        """Whether its play is over and its points have not been settled."""
        return self.is_closed and self.settled_at is None

    @property
    def place(self) -> str:
        """Where the player sits, for people."""
        return f"{self.table.name} seat {self.seat}"


class PlaySegment(models.Model):
    """A stretch of unbroken play at one table, one seat and one average bet.

    Append-only: PostgreSQL refuses every change but giving an open segment its end. A move or a new bet during a pause
    stands as a segment of no length, so that the list alone tells who did what and when.
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

    slip = models.ForeignKey(RatingSlip, on_delete=models.PROTECT, related_name="segments")
    seq = models.PositiveIntegerField(help_text="1, 2, 3 … in the slip.")
    table = models.ForeignKey(GamingTable, on_delete=models.PROTECT, related_name="+", db_index=False)
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

    class Meta:
        ordering = ["slip", "seq"]
        constraints = [
            models.UniqueConstraint(fields=["slip", "seq"], name="ratingslips_segment_seq_unique_in_slip"),
            models.UniqueConstraint(
                fields=["slip"], condition=Q(ended_at=None), name="ratingslips_segment_one_open_per_slip"
            ),
            models.CheckConstraint(condition=Q(seq__gte=1), name="ratingslips_segment_seq_from_one"),
            models.CheckConstraint(condition=Q(average_bet__gt=0), name="ratingslips_segment_bet_positive"),
            models.CheckConstraint(
                condition=Q(ended_at=None, ended_as="", ended_by=None, end_correlation_id=None)
                | Q(ended_at__gte=F("started_at"), ended_by__isnull=False, end_correlation_id__isnull=False)
                & ~Q(ended_as=""),
                name="ratingslips_segment_end_is_whole",
            ),
            ExclusionConstraint(
                name="ratingslips_segment_no_overlap",
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
                expressions=[
                    ("table", RangeOperators.EQUAL),
                    ("seat", RangeOperators.EQUAL),
                    (
                        Func("started_at", "ended_at", function="TSTZRANGE", output_field=DateTimeRangeField()),
                        RangeOperators.OVERLAPS,
                    ),
                ],
            ),
        ]
        indexes = [models.Index(fields=["table", "seat", "-started_at"], name="ratingslips_segment_seat")]

    def __str__(self) -> str:
        return f"{self.slip} segment {self.seq}"

    @property
    def played(self) -> timedelta:
        """How long the stretch lasted; it must have ended."""
        assert self.ended_at is not None, "an open segment has no length yet"
        return self.ended_at - self.started_at

    @property
    def play(self) -> Play:
        """What the theoretical win is counted from; the stretch must have ended."""
        return Play(
            average_bet=self.average_bet,
            house_edge_percent=self.house_edge_percent,
            decisions_per_hour=self.decisions_per_hour,
            played=self.played,
        )


class DriftCheck(models.Model):
    """The latest comparison of a casino's accounts with their ledger entries: what it found, when, and who asked."""

    casino = models.ForeignKey(Casino, on_delete=models.PROTECT, related_name="+", db_index=False)
    checked_at = models.DateTimeField()
    checked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    accounts = models.IntegerField(help_text="How many accounts are not what their entries add up to.")
    first_accounts = models.JSONField(help_text="The keys of the first of them.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["casino"], name="ratingslips_drift_one_check_per_casino"),
            models.CheckConstraint(condition=Q(accounts__gte=0), name="ratingslips_drift_accounts_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.accounts:,} drifting accounts on {self.checked_at:%Y-%m-%d}"
