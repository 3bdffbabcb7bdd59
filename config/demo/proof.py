"""Seal and verify the demo's ledger once, as a casino does every night."""

from datetime import datetime
from itertools import count
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from config.demo.progress import Say
from core import correlation
from core.errors import DomainError
from core.snapshots import one_snapshot
from core.words import counted
from loyalty.models import Checkpoint
from loyalty.proof.checkpoints import take_checkpoint
from loyalty.proof.listed import accounts_file
from loyalty.proof.verification import Scope, record_verification, verify_ledger


def seal_and_verify(*, now: datetime, say: Say) -> None:
    """Take a checkpoint and verify the whole ledger; a file of checkpoints that cannot be used does not stop the demo.

    A file that another database left in this checkout is renamed first. A file that the settings name is not touched.
    """
    file = Path(settings.CHECKPOINT_FILE) if settings.CHECKPOINT_FILE else None
    with correlation.bound():
        try:
            if file is not None and _is_left_behind(file):
                say(f"Checkpoints of another database: kept, in {_move_aside(file)}")
            checkpoint = take_checkpoint(at=now, file=file)
        except (DomainError, OSError) as error:
            say(f"Ledger: not sealed: {error}")
            return
        with one_snapshot():
            verified = verify_ledger(scope=Scope())
        record_verification(scope=Scope(), verified=verified, started_at=now, ended_at=timezone.now())
    state = "clean" if verified.first_break is None else "BROKEN"
    entries = counted(verified.entries, "entry", "entries")
    say(f"Ledger: {entries}, sealed by checkpoint {checkpoint.number}, verified: {state}")


def _is_left_behind(file: Path) -> bool:
    """Whether `file` is the default file of this checkout and belongs to a database that no longer exists."""
    return file.parent == settings.LOCAL_DIR and file.exists() and not Checkpoint.objects.exists()


def _move_aside(file: Path) -> Path:
    """Rename the file, and its file of accounts, to the first free name: checkpoints-1.jsonl, checkpoints-2.jsonl …

    :raises OSError: it cannot be moved.
    """
    names = (file.with_name(f"{file.stem}-{number}{file.suffix}") for number in count(1))
    aside = next(name for name in names if not name.exists())
    if accounts_file(file).exists():
        accounts_file(file).rename(accounts_file(aside))
    return file.rename(aside)
