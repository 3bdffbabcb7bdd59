"""Results of verifications, and balances that were rebuilt."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from core.models import CODE_MAX_LENGTH, Casino
from core.reasons.text import REASON_MAX_LENGTH


class LedgerVerification(models.Model):
    """One run of `verify_ledger`: its scope, and the first break it found. Append-only."""

    class Scope(models.TextChoices):
        FULL = "FULL", "Whole ledger"
        SINCE = "SINCE", "Since a checkpoint"
        ACCOUNT = "ACCOUNT", "One account"

    scope = models.CharField(max_length=8, choices=Scope)
    about = models.BigIntegerField(null=True, help_text="The checkpoint or the account; empty for the whole ledger.")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField()
    accounts = models.BigIntegerField()
    entries = models.BigIntegerField()
    checkpoints = models.BigIntegerField()
    is_clean = models.BooleanField()
    first_break = models.JSONField(
        null=True, help_text="The first break: the entry, what was expected and what was found."
    )
    correlation_id = models.UUIDField(db_index=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(is_clean=True, first_break=None) | Q(is_clean=False, first_break__isnull=False),
                name="loyalty_verification_broken_says_where",
            ),
            models.CheckConstraint(
                condition=Q(scope="FULL", about=None) | Q(scope__in=["SINCE", "ACCOUNT"], about__isnull=False),
                name="loyalty_verification_scope_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__gte=F("started_at"), accounts__gte=0, entries__gte=0, checkpoints__gte=0),
                name="loyalty_verification_counts_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return f"Verification {self.pk}"


class BalanceRebuild(models.Model):
    """Accounts of a casino that were set to the values of their entries: by whom, why, and from what. Append-only."""

    casino = models.ForeignKey(Casino, on_delete=models.PROTECT, related_name="+")
    staff = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    reason = models.CharField(max_length=REASON_MAX_LENGTH)
    reason_code = models.CharField(max_length=CODE_MAX_LENGTH, null=True)  # noqa: DJ001 - as in the ledger
    rebuilt_at = models.DateTimeField()
    accounts = models.IntegerField(help_text="Number of accounts set.")
    changes = models.JSONField(help_text="The values of each account before and after.")
    correlation_id = models.UUIDField(db_index=True)

    class Meta:
        ordering = ["-id"]
        permissions = [("rebuild_balances", "Can set accounts to what their entries come to")]
        constraints = [
            models.CheckConstraint(condition=~Q(reason="") & Q(accounts__gte=1), name="loyalty_rebuild_says_why"),
        ]

    def __str__(self) -> str:
        return f"Rebuild {self.pk}"
