"""Checkpoints: the entry counts and heads of all accounts at one instant, signed."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import models
from django.db.models import Q

from core.finite import is_finite
from loyalty.chain import HASH_BYTES, preimage
from loyalty.models.ledger import PlayerLoyalty

SIGNATURE_BYTES = 64
KEY_ID_LENGTH = 16

_NOT_SIGNED = {"checkpoint_hash", "key_id", "signature"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Checkpoint(models.Model):
    """The entry count and head of every account at one instant, under one signature, chained to the checkpoint before.

    Append-only: PostgreSQL refuses every change. The fields, in this order, make the signed bytes and the line in the
    file; docs/ledger-chain.md describes both.
    """

    number = models.PositiveBigIntegerField(primary_key=True, help_text="1, 2, 3 …")
    taken_at = models.DateTimeField()
    accounts = models.BigIntegerField()
    entries = models.BigIntegerField()
    points_total = models.DecimalField(max_digits=30, decimal_places=0, help_text="The sum of all entries' points.")
    balance_total = models.DecimalField(max_digits=30, decimal_places=0, help_text="The sum of all balances.")
    accounts_root = models.BinaryField(max_length=HASH_BYTES, help_text="Merkle root over all accounts.")
    changes = models.BigIntegerField(help_text="Number of accounts that changed since the last checkpoint.")
    changes_root = models.BinaryField(max_length=HASH_BYTES, help_text="Merkle root over the accounts that changed.")
    log_changes = models.BigIntegerField(
        null=True,
        help_text="Number of changes of the change log that no earlier checkpoint sealed; empty in version 1.",
    )
    log_root = models.BinaryField(
        null=True, max_length=HASH_BYTES, help_text="Merkle root over these changes; empty in version 1."
    )
    after_restore = models.TextField(  # noqa: DJ001 - empty where nothing was restored, and then not signed
        null=True, help_text="What a restored database lacked, who sealed it and why; empty in versions 1 and 2."
    )
    previous_hash = models.BinaryField(max_length=HASH_BYTES)
    checkpoint_hash = models.BinaryField(max_length=HASH_BYTES)
    key_id = models.CharField(max_length=KEY_ID_LENGTH, help_text="The first digits of the SHA-256 of the public key.")
    signature = models.BinaryField(max_length=SIGNATURE_BYTES)

    class Meta:
        ordering = ["-number"]
        indexes = [
            models.Index(
                fields=["number"], condition=Q(after_restore__isnull=False), name="loyalty_checkpoint_restores"
            ),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(number__gte=1), name="loyalty_checkpoint_number_from_one"),
            models.CheckConstraint(
                condition=is_finite(points_total=30, balance_total=30), name="loyalty_checkpoint_totals_are_finite"
            ),
            models.CheckConstraint(
                condition=Q(
                    accounts_root__octets=HASH_BYTES,
                    changes_root__octets=HASH_BYTES,
                    previous_hash__octets=HASH_BYTES,
                    checkpoint_hash__octets=HASH_BYTES,
                    signature__octets=SIGNATURE_BYTES,
                ),
                name="loyalty_checkpoint_hashes_are_whole",
            ),
            models.CheckConstraint(
                condition=Q(log_changes=None, log_root=None)
                | Q(log_changes__isnull=False, log_changes__gte=0, log_root__isnull=False, log_root__octets=HASH_BYTES),
                name="loyalty_checkpoint_log_is_whole",
            ),
            models.CheckConstraint(
                condition=Q(after_restore=None) | Q(log_root__isnull=False) & ~Q(after_restore=""),
                name="loyalty_checkpoint_restore_says_what",
            ),
        ]

    def __str__(self) -> str:
        return f"Checkpoint {self.number}"

    def values(self) -> dict[str, Any]:
        """Every field that its version has, by its name, in order: whole numbers, texts, bytes and a datetime."""
        values = {field.attname: getattr(self, field.attname) for field in self._meta.concrete_fields}
        return {name: _plain(value) for name, value in values.items() if value is not None}

    def signed_bytes(self) -> bytes:
        """The bytes that are hashed and signed: every field but the hash, the key id and the signature."""
        signed = [_field_bytes(value) for name, value in self.values().items() if name not in _NOT_SIGNED]
        version = 1 if self.log_root is None else 2 if self.after_restore is None else 3
        return preimage([b"loyalty-checkpoint", b"%d" % version, *signed])


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value)
    return bytes(value) if isinstance(value, memoryview) else value


def _field_bytes(value: int | str | bytes | datetime) -> bytes:
    if isinstance(value, str):
        return value.encode()
    if isinstance(value, datetime):
        value = (value - _EPOCH) // timedelta(microseconds=1)
    return value if isinstance(value, bytes) else b"%d" % value


class SealedChange(models.Model):
    """The hash of a change of the change log, kept with the first checkpoint that sealed it. Append-only."""

    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="+", db_index=True)
    # No foreign key: a change that is gone must be found.
    change_id = models.BigIntegerField(unique=True)
    change_hash = models.BinaryField(max_length=HASH_BYTES)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(change_hash__octets=HASH_BYTES), name="loyalty_sealed_change_is_whole"),
        ]

    def __str__(self) -> str:
        return f"Change {self.change_id} at checkpoint {self.checkpoint_id}"


class SealedAccount(models.Model):
    """The entry count and head of an account that had changed since the checkpoint before."""

    checkpoint = models.ForeignKey(Checkpoint, on_delete=models.PROTECT, related_name="sealed", db_index=True)
    account = models.ForeignKey(PlayerLoyalty, on_delete=models.PROTECT, related_name="+", db_index=False)
    entry_count = models.BigIntegerField()
    head_hash = models.BinaryField(
        max_length=HASH_BYTES, help_text="Hash of the newest entry; the genesis hash if there is none."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["account", "checkpoint"], name="loyalty_sealed_once_a_checkpoint"),
            models.CheckConstraint(
                condition=Q(entry_count__gte=0, head_hash__octets=HASH_BYTES), name="loyalty_sealed_is_whole"
            ),
        ]

    def __str__(self) -> str:
        return f"Account {self.account_id} at checkpoint {self.checkpoint_id}"
