"""Take back one whole entry, once."""

from datetime import datetime
from typing import Final

import structlog

from core import correlation
from core.clock import checked_event_time
from core.errors import DomainError, NotFound
from core.idempotency import IdempotencyConflict, Request
from core.models import User
from core.permissions import require_permission
from core.reasons.codes import given_reason
from core.reasons.models import Operation
from core.replays import count_replay
from core.retries import retried
from core.transactions import operation
from core.words import counted
from loyalty.models import LedgerEntry, PlayerLoyalty
from loyalty.permissions import REVERSE
from loyalty.services.accounts import lock_account
from loyalty.services.by_hand import contents_by_hand, require_active, require_unchanged
from loyalty.services.posting import EntryKind, InsufficientBalance, LoyaltyPosting, increment_player_loyalty

log = structlog.get_logger(__name__)

_BY_THE_SLIP: Final = "If the slip is not void, correct or void it: its points follow."


class NotReversible(DomainError):
    """The entry is for play, adjusts play, or is itself a reversal."""

    code = "NOT_REVERSIBLE"


class AlreadyReversed(DomainError):
    """The entry was reversed before, by another request."""

    code = "ALREADY_REVERSED"


@retried
def reverse_entry(
    *,
    entry: LedgerEntry | int,
    reason: str,
    actor: User,
    at: datetime,
    reason_code: str | None = None,
    expected_entries: int | None = None,
) -> LoyaltyPosting:
    """Take back one whole entry: an award, a promotion, an adjustment by hand or a redemption.

    The reversal of what was earned lowers lifetime points, and the tier with them. `reason_code` is one of the casino's
    codes, beside which `reason` may be short or empty. `expected_entries` is the number of entries that the account had
    when the page was shown. An entry is reversed once: the same request by the same person with the same reason gets
    the first result, before permission and balance are checked.

    :raises InvalidReason: the reason is too short or too long.
    :raises InvalidReasonCode: the casino has no such code, or it is not for reversals.
    :raises InvalidTime: `at` is in the future.
    :raises NotFound: there is no such entry.
    :raises NotPermitted: the actor does not hold `loyalty.reverse` on the programme of the entry's account.
    :raises OwnPlay: the account is the actor's own.
    :raises NotReversible: the entry is for play, adjusts play, or is itself a reversal.
    :raises AlreadyReversed: another request reversed it.
    :raises PlayerNotActive: the reversal would give points, and the player is barred or inactive.
    :raises InsufficientBalance: the balance does not cover the points.
    :raises AccountChanged: the account has more entries than `expected_entries`.
    :raises ProgramPaused: the programme is paused.
    :raises Busy: the account was locked for too long.
    """
    checked_event_time(at)
    with operation("loyalty.reverse_entry", actor_id=actor.pk):
        reversed_entry = _read(entry if isinstance(entry, int) else entry.pk)
        account = lock_account(player_id=reversed_entry.account.player_id, at=at)
        posting = _post(
            reversed_entry,
            account=account,
            actor=actor,
            reason=reason,
            reason_code=reason_code,
            at=at,
            expected_entries=expected_entries,
        )
    if posting.replayed:
        count_replay(casino=account.player.casino, operation="loyalty.reverse_entry", at=at)
    event = "loyalty.reversal_replayed" if posting.replayed else "loyalty.entry_reversed"
    log.info(
        event,
        entry_id=posting.entry_id,
        reversed_id=reversed_entry.pk,
        points=posting.points,
        actor_id=actor.pk,
    )
    return posting


def why_not_reversible(entry: LedgerEntry) -> str:
    """Why an entry can never be reversed, and what to do instead; empty if it can be."""
    if entry.kind == EntryKind.GAMEPLAY:
        return f"Entry #{entry.pk} is for the play of a slip. {_BY_THE_SLIP}"
    if entry.adjusts_play:
        return f"Entry #{entry.pk} follows the correction or the void of a slip. {_BY_THE_SLIP}"
    if entry.kind == EntryKind.REVERSAL:
        return f"Entry #{entry.pk} is itself a reversal. Award or adjust points instead."
    return ""


def require_reversible(entry: LedgerEntry, account: PlayerLoyalty) -> None:
    """Refuse an entry of `account` that cannot be reversed, or not now.

    :raises NotReversible: the entry is for play, adjusts play, or is itself a reversal.
    :raises AlreadyReversed: it was reversed.
    :raises PlayerNotActive: the reversal would give points, and the player is barred or inactive.
    :raises InsufficientBalance: the balance does not cover the points.
    """
    if why_not := why_not_reversible(entry):
        raise NotReversible(why_not)
    if LedgerEntry.objects.filter(reverses=entry).exists():
        raise AlreadyReversed(f"Entry #{entry.pk} was already reversed. Nothing was done.")
    if entry.points < 0:
        require_active(account.player_id, otherwise="the points cannot be given back")
    missing = entry.points - account.balance
    if missing > 0:
        raise InsufficientBalance(
            f"Entry #{entry.pk} gave {counted(entry.points, 'point')}, and the balance is {account.balance:,}: "
            f"{counted(missing, 'point is', 'points are')} missing. Take what is there by an adjustment."
        )


def _read(entry_id: int) -> LedgerEntry:
    """The entry, read without a lock: no entry ever changes.

    :raises NotFound: there is no such entry.
    """
    found = LedgerEntry.objects.select_related("account").filter(pk=entry_id).first()
    if found is None:
        raise NotFound(f"There is no entry #{entry_id}.")
    return found


def _post(
    entry: LedgerEntry,
    *,
    account: PlayerLoyalty,
    actor: User,
    reason: str,
    reason_code: str | None,
    at: datetime,
    expected_entries: int | None,
) -> LoyaltyPosting:
    """Post the reversal in the caller's transaction, which has locked the account.

    :raises AlreadyReversed: another request reversed the entry.
    """
    given = given_reason(
        casino_id=account.program.casino_id, operation=Operation.REVERSE, code=reason_code, text=reason
    )
    by_hand = contents_by_hand(
        EntryKind.REVERSAL, account=account, staff=actor, points=-entry.points, reason=reason, reason_code=reason_code
    )
    contents: Request = {**by_hand, "reverses": entry.pk}

    def check() -> None:
        require_permission(actor, REVERSE, account.program, player_id=account.player_id)
        require_reversible(entry, account)
        given.require_allowed()
        require_unchanged(account, expected_entries)

    try:
        return increment_player_loyalty(
            player=account.player_id,
            locked_account=account,
            kind=EntryKind.REVERSAL,
            points=-entry.points,
            reason=given.text,
            reason_code=given.code,
            idempotency_key=f"reversal:{entry.pk}",
            contents=contents,
            staff=actor,
            at=at,
            correlation_id=correlation.current(),
            reverses=entry,
            check=check,
        )
    except IdempotencyConflict:
        # Only staff who may reverse entries here get this error: it shows that the reversal exists.
        require_permission(actor, REVERSE, account.program)
        raise AlreadyReversed(f"Entry #{entry.pk} was already reversed. Nothing was done.") from None
