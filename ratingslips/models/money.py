"""The money of a slip: buy-ins and chips taken away, row by row."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Q

from core.finite import is_finite
from core.models import CODE_MAX_LENGTH, Player
from ratingslips.models.requests import SlipRequest
from ratingslips.models.slips import MONEY_DIGITS, RatingSlip
from ratingslips.querysets import MoneyRowQuerySet

MEANS_MAX_LENGTH = 12
CASH_MEANS = ["CASH", "NOT_RECORDED"]
"""The means that count as cash of a day."""


class MoneyRow(models.Model):
    """Money that a player changed into chips, or chips that they took away. Append-only.

    A wrong row is struck by another one of the same kind, means and gaming day, with the opposite amount. So the sum
    of the amounts of a kind is what is on the slip, and what was bought in on a gaming day.
    """

    class Kind(models.TextChoices):
        BUY_IN = "BUY_IN", "Buy-in"
        CHIPS_OUT = "CHIPS_OUT", "Chips out"

    class Means(models.TextChoices):
        CASH = "CASH", "Cash"
        CHIPS = "CHIPS", "Chips"
        MARKER = "MARKER", "Marker"
        FRONT_MONEY = "FRONT_MONEY", "Front money"
        NOT_RECORDED = "NOT_RECORDED", "Not recorded"

    slip = models.ForeignKey(RatingSlip, on_delete=models.PROTECT, related_name="money_rows")
    player = models.ForeignKey(
        Player, on_delete=models.PROTECT, related_name="+", db_index=False, help_text="The player of the slip."
    )
    kind = models.CharField(max_length=9, choices=Kind)
    means = models.CharField(
        max_length=MEANS_MAX_LENGTH,
        choices=Means,
        help_text="“Not recorded” is that of older slips, and counts as cash.",
    )
    amount = models.DecimalField(max_digits=MONEY_DIGITS, decimal_places=2, help_text="Below 0 in a row that strikes.")
    happened_at = models.DateTimeField()
    gaming_day = models.DateField(help_text="Of `happened_at`; of the struck row, in a row that strikes.")
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    request = models.ForeignKey(
        SlipRequest,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        db_index=False,
        help_text="The request that recorded it; empty for older slips.",
    )
    strikes = models.OneToOneField(
        "self", on_delete=models.PROTECT, related_name="struck_by", null=True, help_text="The row that it strikes."
    )
    reason_code = models.CharField(max_length=CODE_MAX_LENGTH, null=True)  # noqa: DJ001  (empty where there is none)
    reason = models.TextField(blank=True, help_text="Why it strikes a row.")

    objects = MoneyRowQuerySet.as_manager()

    class Meta:
        ordering = ["slip", "pk"]
        default_permissions = ()
        verbose_name = "buy-in or chips out"
        verbose_name_plural = "buy-ins and chips out"
        constraints = [
            models.CheckConstraint(
                condition=Q(means__in=["CASH", "CHIPS", "MARKER", "FRONT_MONEY", "NOT_RECORDED"]),
                name="ratingslips_money_means_known",
            ),
            models.CheckConstraint(
                condition=Q(strikes=None, kind="BUY_IN", amount__gt=0)
                | Q(strikes=None, kind="CHIPS_OUT", amount__gte=0)
                | Q(strikes__isnull=False, kind__in=["BUY_IN", "CHIPS_OUT"], amount__lte=0),
                name="ratingslips_money_amount_fits_kind",
            ),
            models.CheckConstraint(condition=is_finite(amount=12), name="ratingslips_money_amount_is_finite"),
            models.CheckConstraint(
                condition=Q(strikes=None, reason="", reason_code=None) | Q(strikes__isnull=False) & ~Q(reason=""),
                name="ratingslips_money_struck_with_reason",
            ),
        ]
        indexes = [
            # The cash of a gaming day, of a player or of all.
            models.Index(
                fields=["gaming_day", "player"],
                condition=Q(kind="BUY_IN", means__in=CASH_MEANS),
                name="ratingslips_money_cash",
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.amount:,.2f} of {self.slip}"

    @property
    def recorded_at(self) -> datetime | None:
        """When it was recorded; None for older slips."""
        return self.request.recorded_at if self.request else None

    @property
    def words(self) -> str:
        """The row, for people: “Buy-in 500.00, marker”, “Chips out 120.00”."""
        means = "" if self.kind == self.Kind.CHIPS_OUT and self.means in {"CASH", "CHIPS"} else self.get_means_display()
        what = f"{self.get_kind_display()} {abs(self.amount):,.2f}"
        return f"{what}, {means.lower()}" if means else what
