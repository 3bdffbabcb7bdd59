"""The totals of redemptions by month, comp type and person, which a trigger keeps."""

from django.db import models
from django.db.models import Q

from core.finite import is_finite
from core.models import Casino
from loyalty.models.comps import CompType


class CompTotal(models.Model):
    """The redemptions of one comp type by one person on the gaming days of a month.

    Repeats what the ledger says. PostgreSQL changes it with each redemption and each reversal of one; the application
    only reads it. `redemptions`, `points` and `value` are those that were not reversed; `reversed` counts the others.
    """

    class By(models.TextChoices):
        """Whose redemptions are added up: those that a member of staff made, or those of a player's account."""

        STAFF = "staff", "Member of staff"
        ACCOUNT = "account", "Player"

    casino = models.ForeignKey(Casino, on_delete=models.PROTECT, related_name="+", db_index=False)
    comp_type = models.ForeignKey(CompType, on_delete=models.PROTECT, related_name="+", db_index=False)
    month = models.DateField(help_text="Its first day.")
    by = models.CharField(max_length=7, choices=By.choices)
    person = models.BigIntegerField(help_text="The key of the member of staff or of the account; 0 for the system.")
    redemptions = models.BigIntegerField()
    points = models.BigIntegerField(help_text="What the redemptions took.")
    value = models.DecimalField(max_digits=18, decimal_places=2)
    reversed = models.BigIntegerField()

    class Meta:
        default_permissions = ()
        ordering = ["month", "by", "casino", "comp_type", "points", "person"]
        constraints = [
            models.UniqueConstraint(fields=["comp_type", "month", "by", "person"], name="loyalty_comp_total_unique"),
            models.CheckConstraint(condition=Q(by__in=["staff", "account"]), name="loyalty_comp_total_by_known"),
            models.CheckConstraint(condition=Q(month__day=1), name="loyalty_comp_total_month_begins"),
            models.CheckConstraint(condition=is_finite(value=16), name="loyalty_comp_total_value_is_finite"),
        ]
        indexes = [
            models.Index(
                fields=["month", "by", "casino", "comp_type", "points", "person"], name="loyalty_comp_total_in_order"
            ),
        ]

    def __str__(self) -> str:
        return f"Comps of {self.month:%Y-%m} by {self.by} {self.person}"
