"""The types of comps for which players redeem points."""

from django.db import models
from django.db.models import Q

from core.finite import is_finite
from core.models import CODE_MAX_LENGTH, NAME_MAX_LENGTH
from core.querysets import LockingQuerySet
from loyalty.models.programs import LoyaltyProgram


class CompType(models.Model):
    """A type of comp, such as a dinner, and what a point is worth in it. An entry keeps the value that it used."""

    program = models.ForeignKey(
        LoyaltyProgram,
        on_delete=models.PROTECT,
        related_name="comp_types",
        verbose_name="programme",
        db_index=False,
    )
    code = models.SlugField(max_length=CODE_MAX_LENGTH, db_index=False)
    label = models.CharField(max_length=NAME_MAX_LENGTH)
    point_value = models.DecimalField(
        "value of a point", max_digits=8, decimal_places=4, help_text="In the casino's currency."
    )
    is_active = models.BooleanField("active", default=True, help_text="Whether points are redeemed for it.")

    objects = LockingQuerySet["CompType"].as_manager()

    class Meta:
        ordering = ["program", "code"]
        constraints = [
            models.UniqueConstraint(
                fields=["program", "code"],
                name="loyalty_comp_type_code_unique",
                violation_error_message="This programme has this code already.",
            ),
            models.CheckConstraint(condition=~Q(code="") & ~Q(label=""), name="loyalty_comp_type_has_names"),
            models.CheckConstraint(
                condition=Q(point_value__gt=0),
                name="loyalty_comp_type_value_above_zero",
                violation_error_message="The value of a point must be above 0.",
            ),
            models.CheckConstraint(condition=is_finite(point_value=4), name="loyalty_comp_type_value_is_finite"),
        ]

    def __str__(self) -> str:
        return self.label
