"""The reason codes of a casino."""

from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Func, Q
from django.db.models.lookups import Exact

from core.text import isolated

if TYPE_CHECKING:
    from core.models import Casino

REASON_CODE_MAX_LENGTH = 40
LABEL_MAX_LENGTH = 100
OPERATION_MAX_LENGTH = 20
CODE_PATTERN = r"\A[A-Z][A-Z0-9_]*\Z"


class Operation(models.TextChoices):
    """What is done by hand and asks for a reason code."""

    AWARD = "award", "Award points"
    ADJUST = "adjust", "Adjust points"
    REVERSE = "reverse", "Reverse an entry"
    REDEEM = "redeem", "Redeem points"
    RELEASE = "release", "Release withheld points"
    CORRECT = "correct", "Correct a slip"
    VOID = "void", "Void a slip"
    UNDO = "undo", "Undo on the floor"
    REASSIGN = "reassign", "Give play to another player"
    STRIKE = "strike", "Strike a buy-in or chips out"
    PAUSE_PROGRAM = "pause_programme", "Pause the programme"
    RESUME_PROGRAM = "resume_programme", "Resume the programme"
    REBUILD = "rebuild", "Rebuild balances"


class ReasonCode(models.Model):
    """A reason that staff of a casino can choose. Rows keep the code, which is never changed and never deleted."""

    casino: "models.ForeignKey[Casino, Casino]" = models.ForeignKey(
        "core.Casino", on_delete=models.PROTECT, related_name="reason_codes", db_index=False
    )
    code = models.CharField(
        max_length=REASON_CODE_MAX_LENGTH,
        validators=[
            RegexValidator(CODE_PATTERN, "A code has only capital letters, digits and underscores: WRONG_BET.")
        ],
        help_text="Such as WRONG_BET. It is kept with what is done, and cannot be changed later.",
    )
    label = models.CharField(max_length=LABEL_MAX_LENGTH, help_text="What staff choose.")
    operations = ArrayField(
        models.CharField(max_length=OPERATION_MAX_LENGTH, choices=Operation), help_text="What it can be chosen for."
    )
    text_required = models.BooleanField(default=False, help_text="Staff must write a text beside it.")
    is_active = models.BooleanField("active", default=True, help_text="Only active codes can be chosen.")

    class Meta:
        ordering = ["label", "code"]
        constraints = [
            models.UniqueConstraint(
                fields=["casino", "code"],
                name="core_reason_code_unique_in_casino",
                violation_error_message="This casino has this code already.",
            ),
            models.CheckConstraint(condition=Q(code__regex=r"^[A-Z][A-Z0-9_]*$"), name="core_reason_code_is_plain"),
            models.CheckConstraint(condition=Q(label__regex=r"\S"), name="core_reason_code_has_label"),
            models.CheckConstraint(
                condition=Q(
                    Exact(Func("operations", function="ARRAY_NDIMS", output_field=models.IntegerField()), 1),
                    operations__len__gte=1,
                    operations__contained_by=Operation.values,
                ),
                name="core_reason_code_for_an_operation",
            ),
        ]

    def __str__(self) -> str:
        return f"{isolated(self.label)} ({self.code})"
