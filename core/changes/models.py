"""The change log."""

from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

if TYPE_CHECKING:
    from core.models import Casino, User

IDENTIFIER_MAX_LENGTH = 63
ACTION_MAX_LENGTH = 6
# A change concerns no more rows than this, unless it moved a row from one to another.
CONCERNED_INDEXED = 3


class Change(models.Model):
    """One change of one row of a logged table, written by a trigger (`core.changes.triggers`); kept for ever.

    The changes of one row are a chain of hashes, made by the trigger `core_chain_change` (docs/ledger-chain.md).
    `casino` and `actor` have no foreign key in PostgreSQL: a wrong author must not refuse the change.
    """

    class Action(models.TextChoices):
        INSERT = "INSERT", "Added"
        UPDATE = "UPDATE", "Changed"
        DELETE = "DELETE", "Deleted"

    recorded_at = models.DateTimeField(help_text="When PostgreSQL wrote it.")
    table_name = models.CharField(max_length=IDENTIFIER_MAX_LENGTH)
    row_id = models.BigIntegerField()
    action = models.CharField(max_length=ACTION_MAX_LENGTH, choices=Action)
    old = models.JSONField(null=True, help_text="The values before, of the columns that changed; empty if added.")
    new = models.JSONField(null=True, help_text="The values after, of the same columns; empty if deleted.")
    casino: "models.ForeignKey[Casino | None, Casino | None]" = models.ForeignKey(
        "core.Casino",
        on_delete=models.DO_NOTHING,
        related_name="+",
        null=True,
        db_constraint=False,
        db_index=False,
        help_text="Empty for what no casino has: roles, and staff of all casinos.",
    )
    concerns = ArrayField(
        models.TextField(),
        help_text="The rows that the change concerns, as `table:key`: itself, and such as the person of a grant.",
    )
    actor: "models.ForeignKey[User | None, User | None]" = models.ForeignKey(
        "core.User",
        on_delete=models.DO_NOTHING,
        related_name="+",
        null=True,
        db_constraint=False,
        db_index=False,
        help_text="Whom the application named as author; empty outside it, as in psql.",
    )
    correlation_id = models.UUIDField(null=True, db_index=True)
    database_role = models.CharField(max_length=IDENTIFIER_MAX_LENGTH, help_text="Who was signed in to PostgreSQL.")
    previous_hash = models.BinaryField(null=True, help_text="The hash of the change before it of the same row.")
    change_hash = models.BinaryField(null=True, help_text="Empty for changes of before hashes were kept.")

    class Meta:
        verbose_name_plural = "change log"
        default_permissions = ("view",)
        permissions = [("export_change", "Can export the change log")]
        indexes = [
            models.Index(fields=["recorded_at", "id"], name="core_change_by_time"),
            models.Index(fields=["casino", "recorded_at", "id"], name="core_change_by_casino"),
            models.Index(fields=["table_name", "recorded_at", "id"], name="core_change_by_table"),
            models.Index(fields=["casino", "table_name", "recorded_at", "id"], name="core_change_by_casino_table"),
            models.Index(
                fields=["actor", "recorded_at", "id"],
                condition=models.Q(actor__isnull=False),
                name="core_change_by_actor",
            ),
            models.Index(
                fields=["casino", "actor", "recorded_at", "id"],
                condition=models.Q(actor__isnull=False),
                name="core_change_by_casino_actor",
            ),
            models.Index(
                fields=["casino", "recorded_at", "id"],
                condition=models.Q(actor=None),
                name="core_change_of_nobody",
            ),
            models.Index(fields=["table_name", "row_id", "id"], name="core_change_by_row"),
            # The changes that concern one row, newest first: itself, or one that it refers to.
            models.Index(F("concerns__0"), F("recorded_at"), F("id"), name="core_change_of_row"),
            models.Index(
                F("concerns__1"),
                F("recorded_at"),
                F("id"),
                condition=Q(concerns__1__isnull=False),
                name="core_change_of_second_row",
            ),
            models.Index(
                F("concerns__2"),
                F("recorded_at"),
                F("id"),
                condition=Q(concerns__2__isnull=False),
                name="core_change_of_third_row",
            ),
            GinIndex(
                fields=["concerns"],
                fastupdate=False,
                condition=Q(concerns__len__gt=CONCERNED_INDEXED),
                name="core_change_of_many_rows",
            ),
        ]

    def __str__(self) -> str:
        return f"Change {self.pk}"
