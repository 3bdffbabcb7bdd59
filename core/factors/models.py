"""The second factors of staff, and their recovery codes."""

from typing import Final

from django.db import models
from django.db.models import Q
from django.db.models.functions import Upper
from django.utils import timezone

from core.querysets import LockingQuerySet
from core.text import isolated

FACTOR_NAME_MAX_LENGTH: Final = 60
CREDENTIAL_ID_MAX_BYTES: Final = 1023
SECRET_MAX_BYTES: Final = 2_000


class SecondFactor(models.Model):
    """An authenticator app or a security key, with which a member of staff proves who they are."""

    class Kind(models.TextChoices):
        APP = "APP", "Authenticator app"
        KEY = "KEY", "Security key or passkey"

    user = models.ForeignKey(
        "core.User", on_delete=models.PROTECT, related_name="second_factors", verbose_name="member of staff"
    )
    kind = models.CharField(max_length=3, choices=Kind)
    name = models.CharField(max_length=FACTOR_NAME_MAX_LENGTH, help_text="Such as “My phone”.")
    secret = models.BinaryField(
        max_length=SECRET_MAX_BYTES, help_text="Of an app, its key, encrypted; of a security key, its public key."
    )
    credential_id = models.BinaryField(max_length=CREDENTIAL_ID_MAX_BYTES, null=True, unique=True)
    counter = models.BigIntegerField(
        default=0, help_text="Of an app, the 30 seconds of the last accepted code; of a security key, its own counter."
    )
    added_at = models.DateTimeField(default=timezone.now)
    last_used_at = models.DateTimeField(null=True)

    objects = LockingQuerySet["SecondFactor"].as_manager()

    class Meta:
        ordering = ["added_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                "user",
                Upper("name"),
                name="core_factor_name_unique_to_person",
                violation_error_message="Another of your second factors has this name.",
            ),
            models.CheckConstraint(condition=~Q(name=""), name="core_factor_has_name"),
            models.CheckConstraint(
                condition=Q(kind="APP", credential_id=None) | Q(kind="KEY", credential_id__isnull=False),
                name="core_factor_is_app_or_key",
            ),
            models.CheckConstraint(condition=Q(counter__gte=0), name="core_factor_counter_not_negative"),
        ]

    def __str__(self) -> str:
        return isolated(self.name)


class RecoveryCode(models.Model):
    """A code that replaces a second factor once; its row is deleted when it is used."""

    user = models.ForeignKey("core.User", on_delete=models.PROTECT, related_name="recovery_codes", db_index=False)
    digest = models.CharField(max_length=64, help_text="A keyed hash: the code itself is kept nowhere.")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "digest"], name="core_recovery_code_unique_to_person"),
            models.CheckConstraint(condition=~Q(digest=""), name="core_recovery_code_has_digest"),
        ]

    def __str__(self) -> str:
        return f"A recovery code of {self.user}"
