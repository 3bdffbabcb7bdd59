"""The requests that changed slips: actor, contents, when the change happened, and when it was recorded."""

import uuid
from datetime import UTC

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import Q

from core.clock import DatabaseClock
from core.idempotency import Request
from core.macs import MAC_LENGTH
from ratingslips.models.slips import RatingSlip


class SlipRequest(models.Model):
    """One request that changed a slip. Append-only: PostgreSQL refuses UPDATE, DELETE and TRUNCATE.

    The key is the id that the form carried, so the same form sent again is recognised: same actor and same contents
    get the first result, anything else is refused.
    """

    class Kind(models.TextChoices):
        OPEN = "OPEN", "Open"
        CHANGE_BET = "CHANGE_BET", "Change average bet"
        PAUSE = "PAUSE", "Pause"
        RESUME = "RESUME", "Resume"
        MOVE = "MOVE", "Move"
        CLOSE = "CLOSE", "Close"
        RECOVER = "RECOVER", "Recover points"
        RELEASE = "RELEASE", "Release points"
        CORRECT = "CORRECT", "Correct play"
        VOID = "VOID", "Void"
        CONTINUE = "CONTINUE", "Still playing"
        REASSIGN = "REASSIGN", "Give to another player"
        BUY_IN = "BUY_IN", "Buy-in"
        CHIPS_OUT = "CHIPS_OUT", "Chips out"
        STRIKE = "STRIKE", "Strike buy-in or chips out"
        EARLIER = "EARLIER", "Opened in an earlier version"  # written by a migration alone

    id = models.UUIDField("request id", primary_key=True, default=uuid.uuid4, editable=False)
    slip = models.ForeignKey(RatingSlip, on_delete=models.PROTECT, related_name="requests")
    kind = models.CharField(max_length=10, choices=Kind)
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", db_index=False)
    contents = models.JSONField(encoder=DjangoJSONEncoder, help_text="What the form held.")
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the contents.")
    correlation_id = models.UUIDField(db_index=True)
    happened_at = models.DateTimeField(help_text="The instant at which the change counts.")
    recorded_at = models.DateTimeField(
        db_default=DatabaseClock(), editable=False, help_text="By PostgreSQL's clock, whatever an INSERT says."
    )
    mac = models.CharField(  # noqa: DJ001 - NULL in the rows of earlier versions
        max_length=MAC_LENGTH,
        null=True,
        editable=False,
        help_text="Shows that the application recorded it; empty if an earlier version did.",
    )

    class Meta:
        indexes = [models.Index(fields=["actor", "recorded_at"], name="ratingslips_request_of_actor")]
        constraints = [
            models.CheckConstraint(
                condition=Q(
                    kind__in=[
                        *("OPEN", "CHANGE_BET", "PAUSE", "RESUME", "MOVE", "CLOSE", "RECOVER", "RELEASE"),
                        *("CORRECT", "VOID", "CONTINUE", "REASSIGN", "BUY_IN", "CHIPS_OUT", "STRIKE", "EARLIER"),
                    ]
                ),
                name="ratingslips_request_kind_known",
            ),
            models.CheckConstraint(
                condition=Q(fingerprint__regex=r"^[0-9a-f]{64}$"), name="ratingslips_request_fingerprint_is_sha256"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.slip}"

    def claims(self) -> Request:
        """What `mac` is the code of."""
        return {
            "request": str(self.pk),
            "slip": str(self.slip_id),
            "kind": self.kind,
            "actor": self.actor_id,
            "fingerprint": self.fingerprint,
            "correlation_id": str(self.correlation_id),
            "happened_at": self.happened_at.astimezone(UTC).isoformat(),
        }

    @property
    def is_recorded(self) -> bool:
        """Whether this row was read from the database, so the request was carried out before."""
        return not self._state.adding
