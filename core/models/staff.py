"""The staff, who sign in."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models

from core.models.casino import Casino
from core.querysets import LockingQuerySet
from core.text import isolated


class StaffManager(UserManager["User"].from_queryset(LockingQuerySet)):  # type: ignore[misc]
    """Staff: Django's manager, with `locked()`."""


class User(AbstractUser):
    """A member of staff; never deleted, only deactivated."""

    casino = models.ForeignKey(
        Casino,
        on_delete=models.PROTECT,
        related_name="staff",
        null=True,
        blank=True,
        help_text="Where this member of staff works. Empty only for superusers and operators, who work in all casinos.",
    )

    provider_subject = models.CharField(
        "subject at the identity provider",
        max_length=255,
        blank=True,
        default="",
        db_default="",
        help_text="By which the identity provider names this person, for ever; empty for who uses a password.",
    )

    objects: ClassVar[StaffManager] = StaffManager()
    held_read: Any = None
    """What was read of their rights with their session, for `core.permissions.held_by`."""

    class Meta(AbstractUser.Meta):
        verbose_name = "member of staff"
        verbose_name_plural = "staff"
        constraints = [
            models.UniqueConstraint(
                fields=["provider_subject"],
                condition=~models.Q(provider_subject=""),
                name="core_staff_subject_of_one_person",
                violation_error_message="Another member of staff has this subject.",
            )
        ]

    @property
    def display_name(self) -> str:
        """The full name, else the login."""
        return isolated(self.get_full_name() or self.username)

    @property
    def name_and_login(self) -> str:
        """The full name with the login, which two people cannot share: Dana Whitfield (dana)."""
        full_name = self.get_full_name()
        return f"{isolated(full_name)} ({self.username})" if full_name else self.username
