"""What a checkpoint after a restore says: who sealed a restored database, why, and what it lacked."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

from core.words import counted, noun
from loyalty.models import Checkpoint

# So that the line of the checkpoint, with a reason, is shorter than `outside.MAX_LINE_BYTES`.
MAX_NAMED_ACCOUNTS: Final = 2_000
_TYPES: Final = {
    **dict.fromkeys(("by", "reason"), str),
    **dict.fromkeys(("staff_id", "kept", "last", "accounts", "entries", "changes"), int),
    **dict.fromkeys(("named", "unlisted"), list),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Restore:
    """What the database lacked when it was sealed after a restore.

    `kept` is the last checkpoint that it had (0 is none), `last` the last of the file. Checkpoints between them are in
    the file alone. `accounts` lacked `entries` entries; `named` has the first accounts, each with its first and last
    number of these entries. `changes` counts changes of the change log. `unlisted` are checkpoints whose accounts the
    file does not list, so that what they sealed is not counted.
    """

    by: str
    staff_id: int
    reason: str
    kept: int
    last: int
    accounts: int
    entries: int
    named: Sequence[Sequence[int]]
    changes: int
    unlisted: Sequence[int]

    def as_text(self) -> str:
        """The text that a checkpoint signs."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"))

    def __str__(self) -> str:
        """One sentence for people, without the reason."""
        if self.last == self.kept:
            return f"nothing that a checkpoint had sealed was lacking; what came after checkpoint {self.kept} may be"
        is_one = self.last == self.kept + 1
        lost = f"checkpoint {self.last}" if is_one else f"checkpoints {self.kept + 1} to {self.last}"
        entries, accounts = counted(self.entries, "entry", "entries"), counted(self.accounts, "account")
        changes = counted(self.changes, "change")
        text = f"{lost}, {entries} of {accounts} and {changes} of the change log were lacking"
        if self.unlisted:
            text += f", and what {noun(len(self.unlisted), 'checkpoint', 'checkpoints')} "
            text += f"{', '.join(map(str, self.unlisted))} sealed as well"
        return text


def restore_of(checkpoint: Checkpoint) -> Restore | None:
    """What a checkpoint says of a restore; None if it was not taken after one, or if the text is not ours."""
    try:
        values = json.loads(checkpoint.after_restore or "null")
    except (ValueError, RecursionError):
        return None
    if not isinstance(values, dict) or {name: type(value) for name, value in values.items()} != _TYPES:
        return None
    return Restore(**values) if all(map(_is_named, values["named"])) else None


def _is_named(account: object) -> bool:
    return isinstance(account, list) and [type(part) for part in account] == [int, int, int]


def restores() -> list[tuple[Checkpoint, Restore]]:
    """Every checkpoint that was taken after a restore, in order, with what it says."""
    taken = Checkpoint.objects.exclude(after_restore=None).order_by("number")
    return [(checkpoint, restore) for checkpoint in taken if (restore := restore_of(checkpoint)) is not None]


def line_about(checkpoint: Checkpoint, restore: Restore) -> str:
    """One line for a command's output."""
    return (
        f"Checkpoint {checkpoint.number} was taken after a restore, on {checkpoint.taken_at:%Y-%m-%d %H:%M} UTC by "
        f"{restore.by}: {restore}. Reason: {restore.reason}"
    )
