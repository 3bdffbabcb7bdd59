"""The file outside the database that lists the accounts of each checkpoint, so that it says what a database lacks.

Nothing in it is signed: the lines of a checkpoint must give the root that the checkpoint signs.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.db.models import Q

from loyalty.models import Checkpoint, SealedAccount
from loyalty.proof.appending import CheckpointFileDiffers, append, opened

MAX_LINE_BYTES: Final = 512
APPENDED_BYTES: Final = 64 * 1_024
CHUNK_ROWS: Final = 1_000


def accounts_file(file: Path) -> Path:
    """The file beside `file` that lists accounts: checkpoints.accounts.jsonl beside checkpoints.jsonl."""
    return file.with_name(f"{file.stem}.accounts{file.suffix}")


def account_line(sealed: SealedAccount) -> bytes:
    """The line of an account that a checkpoint sealed; always the same bytes."""
    values = {
        "checkpoint": sealed.checkpoint_id,
        "account": sealed.account_id,
        "entry_count": sealed.entry_count,
        "head_hash": bytes(sealed.head_hash).hex(),
    }
    return json.dumps(values, separators=(",", ":")).encode() + b"\n"


def account_in(line: bytes) -> SealedAccount | None:
    """The account that a line lists; None if it does not list exactly one."""
    try:
        number, account_id, entry_count, head_hash = json.loads(line).values()
        sealed = SealedAccount(
            checkpoint_id=number, account_id=account_id, entry_count=entry_count, head_hash=bytes.fromhex(head_hash)
        )
        is_whole = {*map(type, (number, account_id, entry_count))} == {int} and account_line(sealed) == line
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return sealed if is_whole else None


def accounts_listed(file: Path, *, since: int) -> Iterator[SealedAccount]:
    """The accounts that the lines list for checkpoint number `since` and later ones; other lines are passed over.

    :raises OSError: the file cannot be read. One that does not exist lists none.
    """
    with opened(file) as lines:
        while line := lines.readline(MAX_LINE_BYTES):
            sealed = account_in(line)
            if sealed is not None and sealed.checkpoint_id >= since:
                yield sealed


def complete_accounts(file: Path) -> None:
    """Append the accounts that the file does not list.

    :raises CheckpointFileDiffers: its last line is of no checkpoint, or of a later one than the newest of the database.
    :raises OSError: the file cannot be written.
    """
    number, account_id, cut_off = _end_of(file)
    if number and not Checkpoint.objects.filter(number__gte=number).exists():
        raise CheckpointFileDiffers(f"{file} lists accounts of checkpoint {number}, which the database does not have.")
    missing = SealedAccount.objects.filter(
        Q(checkpoint_id=number, account_id__gt=account_id) | Q(checkpoint_id__gt=number)
    )
    fresh = bytearray()
    for sealed in missing.order_by("checkpoint_id", "account_id").iterator(chunk_size=CHUNK_ROWS):
        line = account_line(sealed)
        if not line.startswith(cut_off):
            break
        fresh += line[len(cut_off) :]
        cut_off = b""
        if len(fresh) > APPENDED_BYTES:
            append(file, bytes(fresh))
            fresh.clear()
    if cut_off:
        raise CheckpointFileDiffers(f"{file} ends with a line that no checkpoint wrote. See the runbook.")
    if fresh:
        append(file, bytes(fresh))


def _end_of(file: Path) -> tuple[int, int, bytes]:
    """The checkpoint and the account of the last whole line, 0 and 0 if there is none, and what is behind that line.

    :raises CheckpointFileDiffers: the last whole line is not of an account.
    """
    with opened(file) as lines:
        lines.seek(0, os.SEEK_END)
        lines.seek(max(0, lines.tell() - 2 * MAX_LINE_BYTES))
        whole, _, cut_off = lines.read().rpartition(b"\n")
    if not whole:
        return 0, 0, cut_off
    last = account_in(whole.rpartition(b"\n")[2] + b"\n")
    if last is None:
        raise CheckpointFileDiffers(f"{file} ends with a line that no checkpoint wrote. See the runbook.")
    return last.checkpoint_id, last.account_id, cut_off
