"""The programme and its rules, the players' accounts, and the ledger that every point stands in."""

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q

from core.models import NAME_MAX_LENGTH, Casino, Player
from core.querysets import LockingQuerySet

REASON_MAX_LENGTH = 500
IDEMPOTENCY_KEY_MAX_LENGTH = 200


class LoyaltyProgram(models.Model):
    """The points programme of a casino; the right to award points is granted on it."""

    casino = models.OneToOneField(Casino, on_delete=models.PROTECT, related_name="loyalty_program")
    name = models.CharField(max_length=NAME_MAX_LENGTH)
    paused_at = models.DateTimeField(null=True, blank=True)
    paused_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", null=True, blank=True
    )
    pause_reason = models.CharField(max_length=REASON_MAX_LENGTH, blank=True)

    objects = LockingQuerySet["LoyaltyProgram"].as_manager()

    class Meta:
        permissions = [("award", "Can award points by hand"), ("pause_program", "Can pause and resume the programme")]
        constraints = [
            models.CheckConstraint(
                condition=Q(paused_at=None, paused_by=None, pause_reason="")
                | Q(paused_at__isnull=False, paused_by__isnull=False) & ~Q(pause_reason=""),
                name="loyalty_program_pause_is_whole",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_paused(self) -> bool:
        """Whether nothing may be posted just now."""
        return self.paused_at is not None


class EarningRate(models.Model):
    """Points per unit of theoretical win from an instant on; append-only, so past play keeps its rate."""

    program = models.ForeignKey(LoyaltyProgram, on_delete=models.PROTECT, related_name="earning_rates")
    points_per_unit = models.DecimalField(
        max_digits=8,
        decimal_places=4,
        validators=[MinValueValidator(0), MaxValueValidator(1000)],
        help_text="Points per unit of theoretical win.",
    )
    effective_from = models.DateTimeField(help_text="Holds for play that ends at this instant or later.")

    class Meta:
        ordering = ["program", "-effective_from"]
        constraints = [
            models.UniqueConstraint(fields=["program", "effective_from"], name="loyalty_rate_one_per_instant"),
            models.CheckConstraint(
                condition=Q(points_per_unit__gte=0, points_per_unit__lte=1000), name="loyalty_rate_within_limits"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.points_per_unit.normalize():f} points per unit from {self.effective_from:%Y-%m-%d %H:%M %Z}"


class Tier(models.Model):
    """A rank that lifetime points reach, and what it multiplies points by."""

    program = models.ForeignKey(LoyaltyProgram, on_delete=models.PROTECT, related_name="tiers")
    name = models.CharField(max_length=40)
    threshold_points = models.BigIntegerField(help_text="Lifetime points at which the tier begins.")
    multiplier = models.DecimalField(max_digits=5, decimal_places=3)

    class Meta:
        ordering = ["program", "threshold_points"]
        constraints = [
            models.UniqueConstraint(fields=["program", "threshold_points"], name="loyalty_tier_threshold_unique"),
            models.UniqueConstraint(fields=["program", "name"], name="loyalty_tier_name_unique"),
            models.CheckConstraint(condition=Q(threshold_points__gte=0), name="loyalty_tier_threshold_not_negative"),
            models.CheckConstraint(
                condition=Q(multiplier__gt=0, multiplier__lte=10), name="loyalty_tier_multiplier_within_limits"
            ),
        ]

    def __str__(self) -> str:
        return self.name


class PlayerLoyalty(models.Model):
    """A player's account: what the ledger comes to, and where it stands."""

    player = models.OneToOneField(Player, on_delete=models.PROTECT, related_name="loyalty")
    program = models.ForeignKey(LoyaltyProgram, on_delete=models.PROTECT, related_name="accounts")
    balance = models.BigIntegerField(default=0)
    lifetime_points = models.BigIntegerField(default=0)
    tier = models.ForeignKey(Tier, on_delete=models.PROTECT, related_name="+")
    entry_count = models.PositiveBigIntegerField(default=0)
    updated_at = models.DateTimeField()

    objects = LockingQuerySet["PlayerLoyalty"].as_manager()

    class Meta:
        verbose_name = "loyalty account"
        constraints = [
            models.CheckConstraint(condition=Q(balance__gte=0), name="loyalty_account_balance_not_negative"),
            models.CheckConstraint(condition=Q(lifetime_points__gte=0), name="loyalty_account_lifetime_not_negative"),
        ]

    def __str__(self) -> str:
        return f"Account of {self.player}"


class LedgerEntry(models.Model):
    """One posting to one account, for ever: what changed, why, by whom, and what stood before and after."""

    class Kind(models.TextChoices):
        GAMEPLAY = "GAMEPLAY", "Gameplay"
        MANUAL_BONUS = "MANUAL_BONUS", "Manual bonus"
        PROMOTION = "PROMOTION", "Promotion"
        ADJUSTMENT = "ADJUSTMENT", "Adjustment"
        REVERSAL = "REVERSAL", "Reversal"
        REDEMPTION = "REDEMPTION", "Redemption"

    casino = models.ForeignKey(
        Casino,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        help_text="The account's: it stands here so that a casino's newest entries can be read from an index.",
    )
    account = models.ForeignKey(PlayerLoyalty, on_delete=models.PROTECT, related_name="entries", db_index=False)
    seq = models.PositiveBigIntegerField(help_text="1, 2, 3 … in the account.")
    kind = models.CharField(max_length=12, choices=Kind)
    points = models.BigIntegerField()
    reason = models.CharField(max_length=REASON_MAX_LENGTH)
    idempotency_key = models.CharField(max_length=IDEMPOTENCY_KEY_MAX_LENGTH, unique=True)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the request.")
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        db_index=False,
        help_text="Who posted it by hand; empty for what the system did.",
    )
    reverses = models.OneToOneField("self", on_delete=models.PROTECT, related_name="reversed_by", null=True)
    balance_before = models.BigIntegerField()
    balance_after = models.BigIntegerField()
    lifetime_points_before = models.BigIntegerField()
    lifetime_points_after = models.BigIntegerField()
    tier_before = models.ForeignKey(Tier, on_delete=models.PROTECT, related_name="+", db_index=False)
    tier_after = models.ForeignKey(Tier, on_delete=models.PROTECT, related_name="+", db_index=False)
    gaming_day = models.DateField()
    correlation_id = models.UUIDField(db_index=True)
    inputs = models.JSONField(encoder=DjangoJSONEncoder, help_text="The request and the calculation, frozen.")
    created_at = models.DateTimeField()

    class Meta:
        db_table = "loyalty_ledger"
        ordering = ["-id"]
        verbose_name_plural = "ledger entries"
        permissions = [("export_ledger", "Can export the ledger")]
        constraints = [
            models.UniqueConstraint(fields=["account", "seq"], name="loyalty_ledger_seq_unique_in_account"),
            models.CheckConstraint(condition=Q(seq__gte=1), name="loyalty_ledger_seq_from_one"),
            models.CheckConstraint(
                condition=Q(kind__in=["GAMEPLAY", "MANUAL_BONUS", "PROMOTION", "ADJUSTMENT", "REVERSAL", "REDEMPTION"]),
                name="loyalty_ledger_kind_known",
            ),
            models.CheckConstraint(condition=~Q(points=0), name="loyalty_ledger_points_not_zero"),
            models.CheckConstraint(
                condition=Q(kind__in=["ADJUSTMENT", "REVERSAL"])
                | Q(kind="REDEMPTION", points__lt=0)
                | Q(kind__in=["GAMEPLAY", "MANUAL_BONUS", "PROMOTION"], points__gt=0),
                name="loyalty_ledger_sign_fits_kind",
            ),
            models.CheckConstraint(
                condition=Q(balance_after=F("balance_before") + F("points")), name="loyalty_ledger_balance_adds_up"
            ),
            models.CheckConstraint(
                condition=Q(balance_before__gte=0, balance_after__gte=0), name="loyalty_ledger_balance_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(lifetime_points_before__gte=0, lifetime_points_after__gte=0),
                name="loyalty_ledger_lifetime_not_negative",
            ),
            models.CheckConstraint(
                condition=Q(seq__gt=1) | Q(balance_before=0, lifetime_points_before=0),
                name="loyalty_ledger_first_starts_at_zero",
            ),
            models.CheckConstraint(condition=~Q(reason=""), name="loyalty_ledger_has_reason"),
            models.CheckConstraint(condition=~Q(idempotency_key=""), name="loyalty_ledger_has_key"),
            models.CheckConstraint(
                condition=Q(fingerprint__regex=r"^[0-9a-f]{64}$"), name="loyalty_ledger_fingerprint_is_sha256"
            ),
            models.CheckConstraint(
                condition=~Q(kind="MANUAL_BONUS") | Q(staff__isnull=False, points__gte=1, points__lte=10_000),
                name="loyalty_ledger_award_has_staff_and_limit",
            ),
            models.CheckConstraint(
                condition=Q(kind="REVERSAL", reverses__isnull=False) | ~Q(kind="REVERSAL") & Q(reverses=None),
                name="loyalty_ledger_reversal_names_entry",
            ),
        ]
        indexes = [
            models.Index(
                fields=["staff", "-created_at"], condition=Q(staff__isnull=False), name="loyalty_ledger_staff_newest"
            ),
            # What an auditor asks for first, each in the order of the list: no sort, no count, no row skipped.
            models.Index(fields=["casino", "id"], name="loyalty_ledger_by_casino"),
            models.Index(fields=["casino", "kind", "id"], name="loyalty_ledger_by_kind"),
            models.Index(fields=["casino", "gaming_day", "id"], name="loyalty_ledger_by_gaming_day"),
            models.Index(fields=["account", "id"], name="loyalty_ledger_by_account"),
            models.Index(fields=["staff", "id"], condition=Q(staff__isnull=False), name="loyalty_ledger_by_staff"),
            models.Index(
                fields=["casino", "id"],
                condition=~Q(tier_before=F("tier_after")),
                name="loyalty_ledger_by_tier_change",
            ),
        ]

    def __str__(self) -> str:
        return f"Entry {self.pk}: {self.points:+,} points"

    @property
    def changes_tier(self) -> bool:
        """Whether the player stood in another tier afterwards."""
        return self.tier_before_id != self.tier_after_id


class LedgerExport(models.Model):
    """The trace of one export of the ledger: written before the first row leaves, and given its end once.

    Append-only: PostgreSQL refuses every change but that end. An export without one was broken off by a crash.
    """

    casino = models.ForeignKey(
        Casino,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        help_text="Whose entries; empty where a superuser exported those of all casinos.",
    )
    staff = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    filters = models.JSONField(help_text="What the list was narrowed by, by name.")
    correlation_id = models.UUIDField(db_index=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    rows = models.BigIntegerField(null=True, help_text="How many entries left the house.")
    is_whole = models.BooleanField(null=True, help_text="Whether all that was asked for was sent.")

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at=None, rows=None, is_whole=None)
                | Q(ended_at__gte=F("started_at"), rows__isnull=False, is_whole__isnull=False),
                name="loyalty_export_end_is_whole",
            ),
            models.CheckConstraint(condition=Q(rows=None) | Q(rows__gte=0), name="loyalty_export_rows_not_negative"),
        ]

    def __str__(self) -> str:
        return f"Export {self.pk}"
