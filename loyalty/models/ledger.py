"""The players' accounts, and the ledger that records every change of points."""

from datetime import UTC

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q, Transform, Value

from core.clock import DatabaseClock
from core.idempotency import Request
from core.macs import MAC_LENGTH
from core.models import CODE_MAX_LENGTH, Casino, Player
from core.querysets import LockingQuerySet
from core.reasons.text import REASON_MAX_LENGTH
from core.recorded_days import dated_by_casino
from core.words import signed_count
from loyalty.chain import CHAIN_VERSION, HASH_BYTES
from loyalty.models.comps import CompType
from loyalty.models.programs import LoyaltyProgram, Tier

IDEMPOTENCY_KEY_MAX_LENGTH = 200


class Octets(Transform):
    """How many bytes a binary column holds: `__octets`."""

    lookup_name = "octets"
    function = "octet_length"
    output_field = models.IntegerField()


class IsObject(Transform):
    """Whether a JSON column holds an object: `__is_object`."""

    lookup_name = "is_object"
    template = "(jsonb_typeof(%(expressions)s) = 'object')"
    output_field = models.BooleanField()


models.BinaryField.register_lookup(Octets)
models.JSONField.register_lookup(IsObject)


class PlayerLoyalty(models.Model):
    """A player's account: the sums of its ledger entries, the tier, and the head of its hash chain."""

    player = models.OneToOneField(Player, on_delete=models.PROTECT, related_name="loyalty")
    program = models.ForeignKey(
        LoyaltyProgram, on_delete=models.PROTECT, related_name="accounts", verbose_name="programme", db_index=False
    )
    balance = models.BigIntegerField(default=0)
    lifetime_points = models.BigIntegerField(default=0)
    tier = models.ForeignKey(Tier, on_delete=models.PROTECT, related_name="+", db_index=False)
    entry_count = models.PositiveBigIntegerField(default=0)
    head_hash = models.BinaryField(
        max_length=HASH_BYTES, null=True, help_text="The hash of the newest entry; empty if there is none."
    )
    updated_at = models.DateTimeField()

    objects = LockingQuerySet["PlayerLoyalty"].as_manager()

    class Meta:
        verbose_name = "loyalty account"
        # In the order of the list of accounts.
        indexes = [
            models.Index(fields=["program", "id"], name="loyalty_account_by_program"),
            models.Index(fields=["tier", "id"], include=["program"], name="loyalty_account_of_tier"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(balance__gte=0), name="loyalty_account_balance_not_negative"),
            models.CheckConstraint(condition=Q(lifetime_points__gte=0), name="loyalty_account_lifetime_not_negative"),
            models.CheckConstraint(
                condition=Q(head_hash=None) | Q(head_hash__octets=HASH_BYTES), name="loyalty_account_head_is_sha256"
            ),
        ]

    def __str__(self) -> str:
        return f"Account of {self.player}"


@dated_by_casino
class LedgerEntry(models.Model):
    """One posting to one account: points, reason, member of staff, and the values before and after it. Append-only."""

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
        help_text="The casino of the account, repeated so that an index can give a casino's newest entries.",
    )
    account = models.ForeignKey(PlayerLoyalty, on_delete=models.PROTECT, related_name="entries", db_index=False)
    seq = models.PositiveBigIntegerField(help_text="1, 2, 3 … in the account.")
    kind = models.CharField(max_length=12, choices=Kind)
    points = models.BigIntegerField()
    reason = models.CharField(max_length=REASON_MAX_LENGTH)
    idempotency_key = models.CharField(max_length=IDEMPOTENCY_KEY_MAX_LENGTH)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the request.")
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        db_index=False,
        help_text="The member of staff who posted it; empty for the system.",
    )
    reverses = models.OneToOneField("self", on_delete=models.PROTECT, related_name="reversed_by", null=True)
    adjusts = models.ForeignKey(
        "self",
        on_delete=models.PROTECT,
        related_name="adjusted_by",
        null=True,
        db_index=False,
        help_text="Of an adjustment after a correction of play: the entry for that play.",
    )
    comp_type = models.ForeignKey(
        CompType,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        db_index=False,
        help_text="Of a redemption: what the points were redeemed for.",
    )
    # NULL, not an empty text, where there is none: entries of before the column keep their hash.
    reason_code = models.CharField(max_length=CODE_MAX_LENGTH, null=True)  # noqa: DJ001
    mac = models.CharField(  # noqa: DJ001 - NULL as above
        max_length=MAC_LENGTH,
        null=True,
        editable=False,
        help_text="Shows that the application recorded it; empty if an earlier version did.",
    )
    balance_before = models.BigIntegerField()
    balance_after = models.BigIntegerField()
    lifetime_points_before = models.BigIntegerField()
    lifetime_points_after = models.BigIntegerField()
    tier_before = models.ForeignKey(Tier, on_delete=models.PROTECT, related_name="+", db_index=False)
    tier_after = models.ForeignKey(Tier, on_delete=models.PROTECT, related_name="+", db_index=False)
    gaming_day = models.DateField()
    correlation_id = models.UUIDField(db_index=True)
    inputs = models.JSONField(encoder=DjangoJSONEncoder, help_text="The request and the calculation, frozen.")
    created_at = models.DateTimeField(help_text="When it happened: of play, when the slip closed.")
    # PostgreSQL writes these four, whatever an INSERT says; the defaults bring them back with the row.
    recorded_at = models.DateTimeField(
        null=True,
        db_default=DatabaseClock(),
        editable=False,
        help_text="When it was written; empty for entries of before this was kept.",
    )
    chain_version = models.SmallIntegerField(db_default=CHAIN_VERSION, editable=False)
    previous_hash = models.BinaryField(max_length=HASH_BYTES, db_default=Value(b""))
    entry_hash = models.BinaryField(
        max_length=HASH_BYTES,
        db_default=Value(b""),
        help_text="Of all the columns and the hash before: docs/ledger-chain.md.",
    )

    class Meta:
        db_table = "loyalty_ledger"
        ordering = ["-id"]
        verbose_name_plural = "ledger entries"
        permissions = [("export_ledger", "Can export the ledger")]
        constraints = [
            # Not `unique=True`, which adds a second index, for LIKE.
            models.UniqueConstraint(fields=["idempotency_key"], name="loyalty_ledger_idempotency_key_key"),
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
            models.CheckConstraint(
                condition=Q(adjusts=None) | Q(kind="ADJUSTMENT"), name="loyalty_ledger_adjustment_names_entry"
            ),
            models.CheckConstraint(
                condition=Q(kind="REDEMPTION", comp_type__isnull=False) | ~Q(kind="REDEMPTION") & Q(comp_type=None),
                name="loyalty_ledger_redemption_has_comp_type",
            ),
            models.CheckConstraint(condition=~Q(reason_code=""), name="loyalty_ledger_reason_code_not_empty"),
            models.CheckConstraint(
                condition=Q(chain_version__in=[1, CHAIN_VERSION]), name="loyalty_ledger_chain_version_known"
            ),
            models.CheckConstraint(
                condition=Q(chain_version=1, recorded_at=None) | Q(chain_version__gt=1, recorded_at__isnull=False),
                name="loyalty_ledger_recorded_since_version_2",
            ),
            # In a hash, text and JSON of one spelling look alike; the columns differ in that only JSON is an object.
            models.CheckConstraint(condition=Q(inputs__is_object=True), name="loyalty_ledger_inputs_are_an_object"),
            models.CheckConstraint(
                condition=Q(previous_hash__octets=HASH_BYTES, entry_hash__octets=HASH_BYTES),
                name="loyalty_ledger_hashes_are_sha256",
            ),
        ]
        indexes = [
            models.Index(
                fields=["staff", "-created_at"], condition=Q(staff__isnull=False), name="loyalty_ledger_staff_newest"
            ),
            # The filters that auditors use most, in the order of the list, so no row is sorted, counted or skipped.
            models.Index(fields=["casino", "id"], name="loyalty_ledger_by_casino"),
            models.Index(fields=["casino", "kind", "gaming_day", "id"], name="loyalty_ledger_by_kind"),
            models.Index(
                fields=["casino", "reason_code", "gaming_day", "id"],
                condition=Q(reason_code__isnull=False),
                name="loyalty_ledger_by_reason_code",
            ),
            models.Index(fields=["casino", "gaming_day", "id"], name="loyalty_ledger_by_gaming_day"),
            models.Index(fields=["account", "id"], include=["points"], name="loyalty_ledger_by_account"),
            models.Index(
                fields=["staff", "gaming_day", "id"], condition=Q(staff__isnull=False), name="loyalty_ledger_by_staff"
            ),
            models.Index(fields=["adjusts"], condition=Q(adjusts__isnull=False), name="loyalty_ledger_by_adjusted"),
            # Reversals are few: whether an entry was reversed is one block here, and three in the unique index.
            models.Index(fields=["reverses"], condition=Q(reverses__isnull=False), name="loyalty_ledger_by_reversed"),
            models.Index(
                fields=["comp_type", "gaming_day", "id"],
                condition=Q(comp_type__isnull=False),
                name="loyalty_ledger_by_comp_type",
            ),
            models.Index(
                fields=["casino", "gaming_day", "id"],
                condition=~Q(tier_before=F("tier_after")),
                name="loyalty_ledger_by_tier_change",
            ),
        ]

    def __str__(self) -> str:
        return f"Entry {self.pk}: {signed_count(self.points, 'point')}"

    def claims(self) -> Request:
        """What `mac` is the code of."""
        return {
            "key": self.idempotency_key,
            "account": self.account_id,
            "kind": self.kind,
            "points": self.points,
            "staff": self.staff_id,
            "fingerprint": self.fingerprint,
            "reverses": self.reverses_id,
            "adjusts": self.adjusts_id,
            "comp_type": self.comp_type_id,
            "correlation_id": str(self.correlation_id),
            "created_at": self.created_at.astimezone(UTC).isoformat(),
        }

    @property
    def changes_tier(self) -> bool:
        """Whether the player has another tier after the entry than before."""
        return self.tier_before_id != self.tier_after_id

    @property
    def adjusts_play(self) -> bool:
        """Whether it changes points of play after a correction of the play."""
        return self.adjusts_id is not None
