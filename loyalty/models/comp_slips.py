"""The prints of comp slips."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from loyalty.models.ledger import LedgerEntry


class CompSlipPrint(models.Model):
    """One print of the comp slip of a redemption: the first is the slip, the others are copies. Append-only.

    The key is the id that the form carried.
    """

    id = models.UUIDField("request id", primary_key=True)
    entry = models.ForeignKey(LedgerEntry, on_delete=models.PROTECT, related_name="comp_slip_prints", db_index=False)
    number = models.PositiveIntegerField(help_text="1, 2, 3 … of the entry.")
    staff = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    printed_at = models.DateTimeField()
    correlation_id = models.UUIDField(db_index=True)

    class Meta:
        default_permissions = ()
        ordering = ["entry", "number"]
        constraints = [
            models.UniqueConstraint(fields=["entry", "number"], name="loyalty_comp_slip_print_number_unique"),
            models.CheckConstraint(condition=Q(number__gte=1), name="loyalty_comp_slip_print_number_from_one"),
        ]

    def __str__(self) -> str:
        return f"Print {self.number} of comp slip {self.entry_id}"

    @property
    def is_copy(self) -> bool:
        """Whether the slip was printed before."""
        return self.number > 1
