"""Rows about operations: origins of requests, counts, work that only one process does, and jobs that were done."""

from datetime import UTC

from django.db import models
from django.db.models import Q
from django.utils import timezone

from core.idempotency import Request
from core.macs import MAC_LENGTH
from core.models.casino import CODE_MAX_LENGTH, Casino
from core.models.staff import User
from core.querysets import LockingQuerySet
from core.words import counted

ORIGIN_MAX_LENGTH = 200
METHOD_MAX_LENGTH = 10


class ReplayCount(models.Model):
    """How often an operation returned its first result to a repeated request on a gaming day."""

    casino = models.ForeignKey(Casino, on_delete=models.PROTECT, related_name="+", db_index=False)
    gaming_day = models.DateField()
    operation = models.CharField(max_length=40)
    replays = models.IntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["casino", "gaming_day", "operation"], name="core_replays_one_row_a_day"),
        ]

    def __str__(self) -> str:
        return f"{counted(self.replays, 'replay')} of {self.operation} on {self.gaming_day}"


class CommandOperation(models.Model):
    """How often an attempt of an operation ended with an outcome in runs of a command; see `core.run_counts`."""

    command = models.CharField(max_length=ORIGIN_MAX_LENGTH, help_text="The command of manage.py.")
    operation = models.CharField(max_length=ORIGIN_MAX_LENGTH)
    outcome = models.CharField(max_length=ORIGIN_MAX_LENGTH, help_text="DONE, or the code of the error.")
    attempt = models.IntegerField(help_text="1, or the number of the attempt that was made again.")
    times = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["command", "operation", "outcome", "attempt"], name="core_command_operation_one_row"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.command}: {self.operation} {self.outcome} at attempt {self.attempt}: {self.times}"


class RequestOrigin(models.Model):
    """Where a request or command that may have changed something came from, with no data of a player.

    It is never changed. `core.forgetting` deletes old ones that nothing refers to.

    It is found by the correlation id, which the rows that the request wrote hold too.
    """

    correlation_id = models.UUIDField(db_index=True)
    outside_correlation_id = models.UUIDField(
        null=True, help_text="The id that a caller which CORRELATION_ID_CALLERS names gave the request."
    )
    actor = models.ForeignKey(
        User,
        on_delete=models.PROTECT,
        related_name="+",
        null=True,
        db_index=False,
        help_text="Who was signed in, or acted by a service or a command; empty for a command that acts for nobody.",
    )
    method = models.CharField(max_length=METHOD_MAX_LENGTH, help_text="The HTTP method, COMMAND or SERVICE.")
    origin = models.CharField(
        max_length=ORIGIN_MAX_LENGTH, help_text="The path in the console, or the name of the command or service."
    )
    client_address = models.GenericIPAddressField(null=True)
    at = models.DateTimeField(default=timezone.now)
    mac = models.CharField(  # noqa: DJ001 - NULL in the rows of earlier versions
        max_length=MAC_LENGTH, null=True, editable=False, help_text="Shows that the application recorded it."
    )

    class Meta:
        indexes = [
            models.Index(
                fields=["outside_correlation_id"],
                condition=Q(outside_correlation_id__isnull=False),
                name="core_origin_outside_id",
            )
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(method="COMMAND") | Q(actor__isnull=False),
                name="core_origin_is_a_person_or_a_command",
            ),
            models.CheckConstraint(condition=~Q(origin=""), name="core_origin_says_where"),
        ]

    def __str__(self) -> str:
        return f"{self.method} {self.origin}"

    def claims(self) -> Request:
        """What `mac` is the code of."""
        return {
            "correlation_id": str(self.correlation_id),
            "actor": self.actor_id,
            "method": self.method,
            "origin": self.origin,
            "at": self.at.astimezone(UTC).isoformat(),
        }


class Lease(models.Model):
    """Work that one process at a time may do: who does it, or did it last, and since when; see `core.leases`."""

    name = models.CharField(max_length=CODE_MAX_LENGTH, primary_key=True, help_text="The work.")
    holder = models.UUIDField(null=True, help_text="The process that holds the lease; empty if none does.")
    held_by = models.CharField(max_length=ORIGIN_MAX_LENGTH, help_text="The process and its machine, for people.")
    correlation_id = models.UUIDField(help_text="Of the command that took the lease.")
    taken_at = models.DateTimeField()
    renewed_at = models.DateTimeField()

    objects = LockingQuerySet["Lease"].as_manager()

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(name=""), name="core_lease_has_name")]

    def __str__(self) -> str:
        return f"Lease {self.name}"


class JobRun(models.Model):
    """When a job was last done; see `core.jobs`."""

    command = models.CharField(max_length=ORIGIN_MAX_LENGTH, primary_key=True, help_text="The command of manage.py.")
    succeeded_at = models.DateTimeField()
    correlation_id = models.UUIDField(help_text="Of the run that succeeded.")
    read_up_to = models.JSONField(
        null=True, help_text="Where its snapshot ended, for a job that then reads what is new."
    )

    class Meta:
        constraints = [models.CheckConstraint(condition=~Q(command=""), name="core_job_has_command")]

    def __str__(self) -> str:
        return f"Job {self.command}"
