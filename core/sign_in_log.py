"""The log of sign-ins: who signed in and out, and which passwords were wrong; never changed, deleted after a term."""

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.lockouts import network_of

DEVICE_MAX_LENGTH = 200
NAME_GROUPS = 4096


class SignInEventQuerySet(models.QuerySet["SignInEvent"]):
    """Events of signing in."""

    def sent_from(self, address: str | None) -> Self:
        """The events from `address`, or from others that count as one with it."""
        network = network_of(address)
        if network is None or network.num_addresses == 1:
            return self.filter(client_address=address)
        return self.filter(client_address__range=(str(network[0]), str(network[-1])))


class SignInEvent(models.Model):
    """One event of signing in. A name that nobody has is not kept, because people type passwords there."""

    class Kind(models.TextChoices):
        SIGNED_IN = "SIGNED_IN", "Signed in"
        CONFIRMED = "CONFIRMED", "Confirmed who they are"
        WRONG = "WRONG", "Wrong password or code"
        REFUSED = "REFUSED", "Refused"
        LIFTED = "LIFTED", "Lock lifted"
        SIGNED_OUT = "SIGNED_OUT", "Signed out"

    kind = models.CharField(max_length=10, choices=Kind)
    at = models.DateTimeField(default=timezone.now)
    staff = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="sign_in_events",
        null=True,
        db_index=False,
        help_text="Whose name was given; empty if nobody has that name.",
    )
    name_group = models.PositiveSmallIntegerField(
        null=True,
        help_text="Of a name that nobody has: 12 bits of its keyed hash, to tell most names apart and no more.",
    )
    client_address = models.GenericIPAddressField("address", null=True)
    device = models.CharField(max_length=DEVICE_MAX_LENGTH, blank=True, help_text="The browser, as it calls itself.")
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        db_index=False,
        help_text="Who lifted the lock or ended the session, if not the person.",
    )
    correlation_id = models.UUIDField(db_index=True)

    objects = SignInEventQuerySet.as_manager()

    class Meta:
        verbose_name = "sign-in"
        indexes = [
            models.Index(fields=["staff", "at"], name="core_sign_in_by_staff_at"),
            models.Index(fields=["client_address", "at"], name="core_sign_in_by_address_at"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["SIGNED_IN", "CONFIRMED", "WRONG", "REFUSED", "LIFTED", "SIGNED_OUT"]),
                name="core_sign_in_kind_known",
            ),
            models.CheckConstraint(
                condition=Q(staff__isnull=False, name_group=None)
                | Q(
                    staff=None,
                    name_group__isnull=False,
                    name_group__gte=0,
                    name_group__lt=NAME_GROUPS,
                    kind__in=["WRONG", "REFUSED"],
                ),
                name="core_sign_in_of_staff_or_of_no_name",
            ),
            models.CheckConstraint(
                condition=~Q(kind="LIFTED") | Q(done_by__isnull=False), name="core_sign_in_lock_lifted_by_somebody"
            ),
        ]
        permissions = [("lift_lock", "Can lift the lock of a sign-in")]

    def __str__(self) -> str:
        return f"Entry {self.pk} of the log of sign-ins"
