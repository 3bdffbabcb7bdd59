"""The forms that were sent."""

from typing import TYPE_CHECKING

from django.db import models
from django.db.models import Q

from core.clock import DatabaseClock

if TYPE_CHECKING:
    from core.models import User

ADDRESS_MAX_LENGTH = 200


class SentForm(models.Model):
    """A form that was sent, and did something. Append-only. The key is the id that the form carried."""

    id = models.UUIDField("request id", primary_key=True)
    actor: "models.ForeignKey[User, User]" = models.ForeignKey(
        "core.User", on_delete=models.PROTECT, related_name="+", db_index=False
    )
    address = models.CharField(max_length=ADDRESS_MAX_LENGTH, help_text="Where forms of its kind are sent.")
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of its contents, without passwords.")
    answer = models.TextField(blank=True, help_text="The address of the page that followed, if the form decides it.")
    correlation_id = models.UUIDField(db_index=True)
    recorded_at = models.DateTimeField(db_default=DatabaseClock(), editable=False)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(fingerprint__regex=r"^[0-9a-f]{64}$"), name="core_sentform_fingerprint_is_sha256"
            ),
        ]

    def __str__(self) -> str:
        return f"Form {self.pk}"
