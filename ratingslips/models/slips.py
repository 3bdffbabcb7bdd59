"""The rating slip: one player's rated visit, with its state."""

import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.conf import settings
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import Upper

from core.finite import is_finite
from core.models import Casino, Player
from core.recorded_days import dated_by_casino
from core.text import isolated
from loyalty.models import LedgerEntry
from ratingslips.models.floor import MAX_SEATS, GamingTable, Pit
from ratingslips.querysets import RatingSlipQuerySet

MONEY_DIGITS = 14
SLIP_NUMBER_MAX_LENGTH = 40

# The errors that leave points owed, in words.
_WHY_OWED: Final = {
    "PROGRAM_PAUSED": "the programme was paused",
    "NO_EARNING_RATE": "the programme had no earning rate then",
    "NO_LOYALTY_PROGRAM": "the casino has no programme",
    "NOT_FOUND": "the player has no account",
    "BUSY": "somebody else was working on the account",
    "IDEMPOTENCY_CONFLICT": "the ledger has another entry for this slip",
    "UNEXPECTED_ERROR": "there was an unexpected error, which the log has",
}


def why_owed(code: str) -> str:
    """Why points are owed, for people, by the code of the error: “the programme was paused”."""
    return _WHY_OWED.get(code, code.replace("_", " ").lower())


@dated_by_casino
class RatingSlip(models.Model):
    """One player's rated visit to the tables, from sitting down to leaving.

    It is the summary of its current segments. PostgreSQL allows a correction of what is past only together with the row
    of the correction (`SlipCorrection`), and no change of a void slip.

    `correlation_id` is the id of the request that opened the slip or, after closing, of the request that closed it. The
    ledger entry has this id too, even if the points were paid later.
    """

    class Status(models.TextChoices):
        OPEN = "OPEN", "Open"
        PAUSED = "PAUSED", "Paused"
        CLOSED = "CLOSED", "Closed"
        VOID = "VOID", "Void"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    casino = models.ForeignKey(Casino, on_delete=models.PROTECT, related_name="rating_slips", db_index=False)
    slip_number = models.CharField(max_length=SLIP_NUMBER_MAX_LENGTH)
    player = models.ForeignKey(Player, on_delete=models.PROTECT, related_name="rating_slips", db_index=False)
    table = models.ForeignKey(GamingTable, on_delete=models.PROTECT, related_name="rating_slips")
    pit = models.ForeignKey(
        Pit,
        on_delete=models.PROTECT,
        related_name="rating_slips",
        db_index=False,
        help_text="The table's pit while the slip is live; it stays when the table moves later.",
    )
    seat = models.PositiveSmallIntegerField()
    status = models.CharField(max_length=6, choices=Status, default=Status.OPEN)
    opened_at = models.DateTimeField()
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )
    gaming_day = models.DateField(help_text="The gaming day on which the slip was opened.")
    theoretical_win = models.DecimalField(
        max_digits=18, decimal_places=2, null=True, help_text="Frozen when the slip closes."
    )
    correlation_id = models.UUIDField(db_index=True)
    ledger_entry = models.OneToOneField(LedgerEntry, on_delete=models.PROTECT, related_name="rating_slip", null=True)
    settled_at = models.DateTimeField(
        null=True,
        help_text="When its points were posted, withheld or found to be 0. A closed slip without this is owed points.",
    )
    owed_because = models.CharField(
        max_length=40, blank=True, help_text="Code of the error that left the points owed when the slip closed."
    )
    withheld_because = models.CharField(
        max_length=10,
        choices=Player.Status,
        blank=True,
        default="",
        db_default="",
        help_text="The player's status when the slip closed, if it was not active: then the points are withheld.",
    )
    released_at = models.DateTimeField(null=True, help_text="When its withheld points were released.")
    recovered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, db_index=False
    )
    recovery_correlation_id = models.UUIDField(
        null=True,
        help_text="Correlation id of the request or command that recovered the points.",
    )
    correction_count = models.PositiveSmallIntegerField("corrections", default=0, db_default=0)
    corrected_points = models.BigIntegerField(
        null=True, help_text="The points of its play as it was corrected last; empty if its entry has the right ones."
    )
    uncollected_points = models.BigIntegerField(
        default=0,
        db_default=0,
        help_text="How many points its entries hold beyond what its play is worth: the balance did not cover them.",
    )

    continues = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        related_name="continued_by",
        null=True,
        help_text="The slip that was closed by mistake, where this one goes on with its play: both are one visit.",
    )

    reassigned_from = models.OneToOneField(
        "self",
        on_delete=models.PROTECT,
        related_name="reassigned_to",
        null=True,
        help_text="The void slip of the wrong player, whose play this one has.",
    )

    objects = RatingSlipQuerySet.as_manager()
    play: dict[str, Any]
    """What the slip's segments say, where it was read `with_play`."""
    money: dict[str, Any] | None
    """The sums of its buy-ins and chips out, where it was read `with_money`; None without any."""
    bought_in: Decimal
    """The sum of its buy-ins, read after the lock by `read_segments`."""
    last_money_at: datetime | None = None
    """When its last buy-in or chips out happened, after its segments were read under its lock."""

    class Meta:
        ordering = ["-opened_at"]
        constraints = [
            models.UniqueConstraint("casino", Upper("slip_number"), name="ratingslips_slip_number_unique_in_casino"),
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
                condition=~Q(status="VOID"),
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
                condition=~Q(continues=F("id")) & ~Q(reassigned_from=F("id")),
                name="ratingslips_slip_comes_from_another",
            ),
            models.CheckConstraint(
                condition=Q(seat__gte=1, seat__lte=MAX_SEATS), name="ratingslips_slip_seat_within_limits"
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=["OPEN", "PAUSED"],
                    closed_at=None,
                    closed_by=None,
                    theoretical_win=None,
                )
                | Q(
                    status__in=["CLOSED", "VOID"],
                    closed_at__isnull=False,
                    closed_by__isnull=False,
                    theoretical_win__isnull=False,
                ),
                name="ratingslips_slip_closed_is_whole",
            ),
            models.CheckConstraint(
                condition=~Q(status="VOID") | Q(theoretical_win=0, correction_count__gt=0),
                name="ratingslips_slip_void_is_worth_nothing",
            ),
            models.CheckConstraint(
                condition=Q(uncollected_points=0) | Q(uncollected_points__gt=0, ledger_entry__isnull=False),
                name="ratingslips_slip_uncollected_was_credited",
            ),
            models.CheckConstraint(
                condition=Q(closed_at=None) | Q(closed_at__gte=F("opened_at")),
                name="ratingslips_slip_closed_after_opened",
            ),
            models.CheckConstraint(
                condition=Q(theoretical_win=None) | Q(theoretical_win__gte=0),
                name="ratingslips_slip_theo_not_negative",
            ),
            models.CheckConstraint(condition=is_finite(theoretical_win=16), name="ratingslips_slip_theo_is_finite"),
            models.CheckConstraint(
                condition=Q(settled_at=None) | Q(status__in=["CLOSED", "VOID"]),
                name="ratingslips_slip_settled_is_closed",
            ),
            models.CheckConstraint(
                condition=Q(ledger_entry=None) | Q(status__in=["CLOSED", "VOID"], settled_at__isnull=False),
                name="ratingslips_slip_credited_is_closed",
            ),
            models.CheckConstraint(
                condition=Q(recovered_by=None) | Q(settled_at__isnull=False) & ~Q(owed_because=""),
                name="ratingslips_slip_recovered_was_owed",
            ),
            models.CheckConstraint(
                condition=Q(withheld_because="")
                | Q(
                    withheld_because__in=["INACTIVE", "BARRED"],
                    settled_at__isnull=False,
                    owed_because="",
                ),
                name="ratingslips_slip_withheld_is_settled",
            ),
            models.CheckConstraint(
                condition=Q(released_at__isnull=False, released_at__gte=F("settled_at")) & ~Q(withheld_because="")
                | Q(released_at=None) & (Q(withheld_because="") | Q(ledger_entry=None)),
                name="ratingslips_slip_released_was_withheld",
            ),
        ]
        indexes = [
            models.Index(
                fields=["closed_at", "id"],
                include=["casino", "pit"],
                condition=Q(status="CLOSED", settled_at=None),
                name="ratingslips_slip_owed",
            ),
            models.Index(
                fields=["casino", "-closed_at"],
                condition=~Q(withheld_because="") & Q(released_at=None),
                name="ratingslips_slip_withheld",
            ),
            models.Index(
                fields=["casino"],
                include=["uncollected_points"],
                condition=Q(uncollected_points__gt=0),
                name="ratingslips_slip_uncollected",
            ),
            # For the ledger's filter by recovered slips, which are few, in the order of the ledger.
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
            # For the list of slips that were corrected or voided, which are few.
            models.Index(
                fields=["casino", "-opened_at"],
                include=["id"],
                condition=Q(correction_count__gt=0),
                name="ratingslips_slip_corrected",
            ),
            models.Index(fields=["player"], condition=Q(correction_count__gt=0), name="ratingslips_slip_corrected_of"),
            # Of closed slips, with what the figures of a day count.
            models.Index(
                fields=["casino", "-closed_at"],
                include=["owed_because", "recovered_by", "withheld_because", "theoretical_win"],
                condition=Q(status="CLOSED"),
                name="ratingslips_slip_closed",
            ),
            models.Index(
                fields=["opened_at"], condition=Q(status__in=["OPEN", "PAUSED"]), name="ratingslips_slip_live"
            ),
            models.Index(fields=["casino", "-opened_at"], include=["id"], name="ratingslips_slip_opened"),
            models.Index(fields=["pit", "-opened_at"], include=["id", "casino"], name="ratingslips_slip_of_pit"),
            # For staff who see all casinos.
            models.Index(
                fields=["gaming_day", "casino", "-opened_at"], include=["id"], name="ratingslips_slip_of_gaming_day"
            ),
            models.Index("player", F("closed_at").desc(nulls_first=True), name="ratingslips_slip_player_last"),
        ]

    def __str__(self) -> str:
        return f"Slip {self.slip_number}"

    @property
    def is_live(self) -> bool:
        """Whether the player holds a seat: open or paused."""
        return self.status in {self.Status.OPEN, self.Status.PAUSED}

    @property
    def is_closed(self) -> bool:
        """Whether play has ended and counts: a void slip is neither live nor closed."""
        return self.status == self.Status.CLOSED

    @property
    def is_void(self) -> bool:
        """Whether the slip was voided, so that its play counts nowhere."""
        return self.status == self.Status.VOID

    @property
    def is_owed(self) -> bool:
        """Whether the slip is closed and its points are not settled."""
        return self.is_closed and self.settled_at is None

    @property
    def is_withheld(self) -> bool:
        """Whether it is worth something, and its points were withheld when it closed and have not been released."""
        return self.is_closed and self.withheld_because != "" and self.theoretical_win != 0 and self.released_at is None

    @property
    def points(self) -> int | None:
        """The points of its play, whether or not they could be collected; None if they are not posted yet."""
        if self.corrected_points is not None:
            return self.corrected_points
        if self.ledger_entry is not None:
            return self.ledger_entry.points
        return 0 if self.settled_at and not self.is_withheld else None

    @property
    def is_corrected(self) -> bool:
        """Whether its play was corrected or voided."""
        return self.correction_count > 0

    @property
    def why_owed(self) -> str:
        """Why its points were not posted when it closed, for people."""
        return why_owed(self.owed_because)

    @property
    def average_bet(self) -> Decimal:
        """The latest average bet of a slip that was read `with_play`."""
        return Decimal(self.play["bets"][0])

    @property
    def played(self) -> timedelta:
        """The time at play, pauses left out, of a slip that was read `with_play`."""
        return timedelta(microseconds=int(Decimal(self.play["seconds"]) * 1_000_000))

    @property
    def last_seq(self) -> int:
        """The number of the last segment of a slip that was read `with_play`: with the status, the slip's version."""
        return int(self.play["last_seq"])

    @property
    def buy_in(self) -> Decimal | None:
        """The sum of the buy-ins of a slip that was read `with_money`; None without any, or if it is void."""
        return Decimal(self.money["buy_in"]) or None if self.money and not self.is_void else None

    @property
    def chips_out(self) -> Decimal | None:
        """The sum of the chips taken away from a slip that was read `with_money`; None if not known, or void."""
        if not self.money or self.is_void:
            return None
        return Decimal(self.money["chips_out"]) if self.money["chips_out_rows"] else None

    @property
    def actual_win(self) -> Decimal | None:
        """Buy-ins less chips out of a closed slip that was read `with_money`; None where chips out are not known."""
        if not self.is_closed or self.chips_out is None:
            return None
        return (self.buy_in or Decimal(0)) - self.chips_out

    @property
    def place(self) -> str:
        """Where the player sits, for people."""
        return f"{isolated(self.table.name)} seat {self.seat}"
