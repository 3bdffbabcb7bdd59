"""The floor: pits, games and tables."""

from decimal import Decimal

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from core.finite import is_finite
from core.models import CODE_MAX_LENGTH, NAME_MAX_LENGTH, Casino
from core.querysets import LockingQuerySet

MAX_SEATS = 20
MAX_BET = Decimal("1000000.00")


class Pit(models.Model):
    """A group of tables under one pit boss. The permissions to act on its slips are granted on it."""

    casino = models.ForeignKey(Casino, on_delete=models.PROTECT, related_name="pits")
    name = models.CharField(max_length=NAME_MAX_LENGTH)

    objects = LockingQuerySet["Pit"].as_manager()
    live: int
    """The number of its live slips, where a page has counted them."""

    class Meta:
        ordering = ["casino", "name"]
        permissions = [
            ("operate_pit", "Can open, change and close rating slips"),
            ("recover_loyalty", "Can pay points that slips are owed"),
            ("correct_slip", "Can correct rating slips"),
        ]
        constraints = [models.UniqueConstraint(fields=["casino", "name"], name="ratingslips_pit_name_unique_in_casino")]

    def __str__(self) -> str:
        return self.name


class GameSettings(models.Model):
    """A game; its decisions per hour and house edge are its `GameValues`."""

    casino = models.ForeignKey(Casino, on_delete=models.PROTECT, related_name="games")
    code = models.SlugField(max_length=CODE_MAX_LENGTH)
    name = models.CharField(max_length=NAME_MAX_LENGTH)
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
                condition=Q(seats__gte=1, seats__lte=MAX_SEATS), name="ratingslips_game_seats_within_limits"
            ),
        ]

    def __str__(self) -> str:
        return self.name


def _bet_limit(name: str) -> "models.DecimalField[Decimal | None, Decimal | None]":
    return models.DecimalField(
        name,
        max_digits=14,
        decimal_places=2,
        null=True,
        blank=True,
        validators=[MinValueValidator(Decimal("0.01")), MaxValueValidator(MAX_BET)],
    )


class GamingTable(models.Model):
    """A table on the floor; never deleted, only deactivated."""

    casino = models.ForeignKey(Casino, on_delete=models.PROTECT, related_name="gaming_tables")
    pit = models.ForeignKey(Pit, on_delete=models.PROTECT, related_name="gaming_tables")
    game = models.ForeignKey(GameSettings, on_delete=models.PROTECT, related_name="gaming_tables")
    name = models.CharField(max_length=40)
    seats = models.PositiveSmallIntegerField(validators=[MinValueValidator(1), MaxValueValidator(MAX_SEATS)])
    minimum_bet = _bet_limit("minimum bet")
    maximum_bet = _bet_limit("maximum bet")
    is_active = models.BooleanField("active", default=True)

    objects = LockingQuerySet["GamingTable"].as_manager()

    class Meta:
        ordering = ["casino", "name"]
        constraints = [
            models.UniqueConstraint(fields=["casino", "name"], name="ratingslips_table_name_unique_in_casino"),
            models.CheckConstraint(
                condition=Q(seats__gte=1, seats__lte=MAX_SEATS), name="ratingslips_table_seats_within_limits"
            ),
            models.CheckConstraint(
                condition=(Q(minimum_bet=None) | Q(minimum_bet__gt=0))
                & (Q(maximum_bet=None) | Q(maximum_bet__gt=0))
                & (Q(minimum_bet=None) | Q(maximum_bet=None) | Q(minimum_bet__lte=F("maximum_bet"))),
                name="ratingslips_table_bets_within_limits",
            ),
            models.CheckConstraint(
                condition=is_finite(minimum_bet=12, maximum_bet=12), name="ratingslips_table_bets_are_finite"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse a pit or a game of another casino, and a minimum bet above the maximum.

        :raises ValidationError: naming the field.
        """
        for field in ("pit", "game"):
            if getattr(self, f"{field}_id") and getattr(self, field).casino_id != self.casino_id:
                raise ValidationError({field: f"This {field} belongs to another casino."})
        if self.minimum_bet is not None and self.maximum_bet is not None and self.minimum_bet > self.maximum_bet:
            raise ValidationError({"minimum_bet": "The minimum bet is above the maximum bet."})

    @property
    def bet_limits(self) -> str:
        """The limits of a bet, for people: “25 to 5,000”, “from 25”, “up to 5,000”; empty if there are none."""
        least, most = (
            "" if bet is None else f"{bet:,.2f}".removesuffix(".00") for bet in (self.minimum_bet, self.maximum_bet)
        )
        if least and most:
            return f"{least} to {most}"
        return f"from {least}" if least else f"up to {most}" if most else ""
