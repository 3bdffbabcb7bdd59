"""The records of exports."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from core.models import Casino
from core.recorded_days import dated_by_casino


@dated_by_casino
class LedgerExport(models.Model):
    """The record of one export of the ledger or of the change log.

    It is written before the first row is sent, and gets its end once.
    Append-only: PostgreSQL refuses every other change. An export without an end is still running or ended by a crash.
    """

    class What(models.TextChoices):
        LEDGER = "LEDGER", "Ledger"
        CHANGES = "CHANGES", "Change log"

    what = models.CharField("list", max_length=7, choices=What, default=What.LEDGER)
    casino = models.ForeignKey(
        Casino,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        help_text="The casino of the rows; empty if a superuser exported those of all casinos.",
    )
    staff = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    filters = models.JSONField(help_text="The filters of the list, by name.")
    correlation_id = models.UUIDField(db_index=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    rows = models.BigIntegerField(null=True, help_text="Number of rows sent.")
    is_whole = models.BooleanField(null=True, help_text="Whether all rows that were asked for were sent.")

    class Meta:
        verbose_name = "export"
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at=None, rows=None, is_whole=None)
                | Q(ended_at__gte=F("started_at"), rows__isnull=False, is_whole__isnull=False),
                name="loyalty_export_end_is_whole",
            ),
            models.CheckConstraint(condition=Q(what__in=["LEDGER", "CHANGES"]), name="loyalty_export_what_known"),
            models.CheckConstraint(condition=Q(rows=None) | Q(rows__gte=0), name="loyalty_export_rows_not_negative"),
        ]

    def __str__(self) -> str:
        return f"Export {self.pk}"
