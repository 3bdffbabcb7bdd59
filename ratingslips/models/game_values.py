"""What a game is rated by: decisions per hour and house edge, from an instant on."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from core.effective_dates import DatedRows, local_minute
from ratingslips.models.floor import GameSettings


class GameValues(models.Model):
    """Decisions per hour and house edge of a game from an instant on; append-only, so past play keeps its values.

    New ones begin in the future, or before the first.
    """

    game = models.ForeignKey(GameSettings, on_delete=models.PROTECT, related_name="all_values")
    decisions_per_hour = models.DecimalField(
        max_digits=6, decimal_places=2, validators=[MinValueValidator(Decimal("0.01")), MaxValueValidator(1000)]
    )
    house_edge_percent = models.DecimalField(
        max_digits=6, decimal_places=3, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    effective_from = models.DateTimeField(help_text="They hold for segments that start at this instant or later.")

    objects = DatedRows["GameValues"].as_manager()

    class Meta:
        ordering = ["game", "-effective_from"]
        default_permissions = ()
        verbose_name = verbose_name_plural = "values of a game"
        constraints = [
            models.UniqueConstraint(fields=["game", "effective_from"], name="ratingslips_values_one_per_instant"),
            models.CheckConstraint(
                condition=Q(decisions_per_hour__gt=0, decisions_per_hour__lte=1000),
                name="ratingslips_values_decisions_within_limits",
            ),
            models.CheckConstraint(
                condition=Q(house_edge_percent__gte=0, house_edge_percent__lte=100),
                name="ratingslips_values_edge_is_percent",
            ),
        ]

    def __str__(self) -> str:
        decisions, edge = (f"{value.normalize():f}" for value in (self.decisions_per_hour, self.house_edge_percent))
        return f"{decisions} decisions per hour at {edge} % from {local_minute(self.effective_from)}"
