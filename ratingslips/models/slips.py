"""The rating slip: one player's rated visit, with its state."""

import uuid
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import models

from core.models import Casino, Player
from core.recorded_days import dated_by_casino
from core.text import isolated
from loyalty.models import LedgerEntry
from ratingslips.models.floor import GamingTable, Pit
from ratingslips.models.slip_constraints import CONSTRAINTS, INDEXES
from ratingslips.querysets import RatingSlipQuerySet

if TYPE_CHECKING:
    from ratingslips.models.requests import SlipRequest

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
    result_of: "SlipRequest"
    """The request, new or recorded before, that a service answered with this object."""
    last_money_at: datetime | None = None
    """When its last buy-in or chips out happened, after its segments were read under its lock."""

    class Meta:
        ordering = ["-opened_at"]
        constraints = CONSTRAINTS
        indexes = INDEXES

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
