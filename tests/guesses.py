"""Wrong passwords, as the log of sign-ins has them."""

from datetime import datetime, timedelta
from uuid import uuid4

from django.utils import timezone

from core.lockouts import FAILURES_MAX
from core.models import User
from core.sign_in_log import SignInEvent

ADDRESS = "192.0.2.7"


def fail(staff: User, *, times: int = 1, address: str | None = ADDRESS, at: datetime | None = None) -> None:
    """Record wrong passwords for the name of `staff`, a second apart, the last one at `at`."""
    last = at or timezone.now()
    SignInEvent.objects.bulk_create(
        SignInEvent(
            kind="WRONG",
            staff=staff,
            client_address=address,
            device="Firefox",
            at=last - timedelta(seconds=back),
            correlation_id=uuid4(),
        )
        for back in reversed(range(times))
    )


def lock(staff: User, *, address: str | None = ADDRESS, at: datetime | None = None) -> None:
    """Lock the name of `staff` for `address`, from the instant `at`."""
    fail(staff, times=FAILURES_MAX, address=address, at=at)
