"""The last comparison of the accounts with their ledger entries."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from core.models import Casino
from core.words import counted


class DriftCheck(models.Model):
    """The latest comparison of a casino's accounts with their ledger entries: what it found, when, and who asked."""

    casino = models.ForeignKey(Casino, on_delete=models.PROTECT, related_name="+", db_index=False)
    checked_at = models.DateTimeField()
    checked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    accounts = models.IntegerField(help_text="Number of accounts that differ from what their entries add up to.")
    first_accounts = models.JSONField(help_text="Keys of the first of these accounts.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["casino"], name="ratingslips_drift_one_check_per_casino"),
            models.CheckConstraint(condition=Q(accounts__gte=0), name="ratingslips_drift_accounts_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{counted(self.accounts, 'drifting account')} on {self.checked_at:%Y-%m-%d}"
