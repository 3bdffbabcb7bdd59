"""The demo's ledger is sealed and verified once, as a house does every night."""

from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from config.demo.evening import Say
from core import correlation
from core.errors import DomainError
from core.snapshots import one_snapshot
from loyalty.services.checkpoints import take_checkpoint
from loyalty.services.verification import Scope, record_verification, verify_ledger


def seal_and_verify(*, now: datetime, say: Say) -> None:
    """Take a checkpoint and verify the whole ledger; a file that an earlier demo left behind does not stop the demo."""
    file = Path(settings.CHECKPOINT_FILE) if settings.CHECKPOINT_FILE else None
    with correlation.bound():
        try:
            checkpoint = take_checkpoint(at=now, file=file)
        except (DomainError, OSError) as error:
            say(f"Ledger: not sealed: {error}")
            return
        with one_snapshot():
            verified = verify_ledger(scope=Scope())
        record_verification(scope=Scope(), verified=verified, started_at=now, ended_at=timezone.now())
    state = "clean" if verified.first_break is None else "BROKEN"
    say(f"Ledger: {verified.entries:,} entries, sealed by checkpoint {checkpoint.number}, verified: {state}")
