"""The locked building block: how a number of points becomes one ledger entry and a new balance, or nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from core.errors import DomainError
from core.idempotency import IdempotencyConflict, Request, differing_fields, fingerprint
from core.models import Player, User
from core.retries import is_replay
from core.transactions import transaction_required
from loyalty.models import IDEMPOTENCY_KEY_MAX_LENGTH, LedgerEntry, PlayerLoyalty
from loyalty.services.accounts import ProgramRules, lock_account, rules_in_force
from loyalty.tiers import progress_percent, tier_at

Kind = LedgerEntry.Kind

# What a player earned; it counts towards the tier. The rest moves the balance alone.
EARNINGS: Final = frozenset({Kind.GAMEPLAY, Kind.MANUAL_BONUS, Kind.PROMOTION})


class ProgramPaused(DomainError):
    """The programme is paused; nothing is posted until it is resumed."""

    code = "PROGRAM_PAUSED"


class InsufficientBalance(DomainError):
    """The posting would take the balance below 0."""

    code = "INSUFFICIENT_BALANCE"


@dataclass(frozen=True, kw_only=True, slots=True)
class LoyaltyPosting:
    """What a posting did to an account; a replay gives the first posting's values again.

    `tier_progress` is a whole percent, rounded down; `row_locked`, that the account was locked while it was decided.
    """

    player_id: int
    balance_before: int
    balance_after: int
    tier_before: str
    tier_after: str
    tier_progress: int
    lifetime_points: int
    updated_at: datetime
    row_locked: bool
    entry_id: int
    points: int
    replayed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class PostingRequest:
    """One posting as asked for. `contents` is what a replay must repeat; `calculation` is kept with the entry."""

    kind: LedgerEntry.Kind
    reason: str
    idempotency_key: str
    contents: Request
    staff: User | None
    at: datetime
    gaming_day: date
    correlation_id: UUID
    calculation: Mapping[str, Any]
    reverses: LedgerEntry | None = None


def entry_with_key(idempotency_key: str) -> LedgerEntry | None:
    """The entry that a key was used for; ask under the account's lock, and trust the answer."""
    entries = LedgerEntry.objects.select_related("account", "tier_before", "tier_after")
    return entries.filter(idempotency_key=idempotency_key).first()


def replay_of(entry: LedgerEntry, *, contents: Request) -> LoyaltyPosting:
    """The result of the posting that made `entry`, for the same request again; no replay if it was its own lost one.

    :raises IdempotencyConflict: the request's `contents` differ; names the fields.
    """
    if entry.fingerprint != fingerprint(contents):
        fields = differing_fields(entry.inputs["request"], contents)
        raise IdempotencyConflict(key=entry.idempotency_key, fields=fields)
    return posting_of(entry, replayed=is_replay(entry.correlation_id))


def posting_of(entry: LedgerEntry, *, replayed: bool) -> LoyaltyPosting:
    """What the posting that made `entry` (fetched with its account and tiers) came to, told again."""
    return _result(entry, player_id=entry.account.player_id, replayed=replayed)


def post(*, account: PlayerLoyalty, rules: ProgramRules, points: int, request: PostingRequest) -> LoyaltyPosting:
    """Write one entry and the balance it leads to, on an account that the caller has locked.

    Lifetime points rise with what is earned and fall only when an earning is reversed.

    :raises ProgramPaused: the programme takes no postings just now.
    :raises InsufficientBalance: the balance would fall below 0.
    """
    require_running(rules)
    balance_after = account.balance + points
    if balance_after < 0:
        raise InsufficientBalance(f"The balance is {account.balance:,} points; {-points:,} cannot be taken from it.")
    source = request.reverses or request
    lifetime_after = account.lifetime_points + (points if source.kind in EARNINGS else 0)
    tier_after = tier_at(lifetime_after, rules.tiers)
    entry = LedgerEntry.objects.create(
        casino_id=account.program.casino_id,
        account=account,
        seq=account.entry_count + 1,
        kind=request.kind,
        points=points,
        reason=request.reason,
        idempotency_key=request.idempotency_key,
        fingerprint=fingerprint(request.contents),
        staff=request.staff,
        reverses=request.reverses,
        balance_before=account.balance,
        balance_after=balance_after,
        lifetime_points_before=account.lifetime_points,
        lifetime_points_after=lifetime_after,
        tier_before=rules.tier_of(account),
        tier_after=tier_after,
        gaming_day=request.gaming_day,
        correlation_id=request.correlation_id,
        inputs={
            "request": dict(request.contents),
            "calculation": dict(request.calculation),
            "tier_progress_percent": progress_percent(lifetime_after, rules.tiers),
        },
        created_at=request.at,
    )
    account.balance = balance_after
    account.lifetime_points = lifetime_after
    account.tier = tier_after
    account.entry_count = entry.seq
    account.head_hash = entry.entry_hash
    account.updated_at = request.at
    account.save(update_fields=["balance", "lifetime_points", "tier", "entry_count", "head_hash", "updated_at"])
    return _result(entry, player_id=account.player_id, replayed=False)


def require_running(rules: ProgramRules) -> None:
    """Refuse while the programme is paused.

    :raises ProgramPaused: it is.
    """
    if rules.program.is_paused:
        raise ProgramPaused(
            f"{rules.program} is paused ({rules.program.pause_reason}). Points are posted once it resumes."
        )


@transaction_required
def increment_player_loyalty(
    *,
    player: Player | int,
    kind: LedgerEntry.Kind,
    points: int,
    reason: str,
    idempotency_key: str,
    staff: User | None,
    at: datetime,
    correlation_id: UUID,
    calculation: Mapping[str, Any] | None = None,
    reverses: LedgerEntry | None = None,
) -> LoyaltyPosting:
    """Post `points` (signed, whole, never 0) to a player's account, in the caller's transaction.

    Locks the account, answers a known key with its first result, and otherwise writes the entry and the new balance.
    The caller owns the transaction and has checked who may do this.

    :raises IdempotencyConflict: the key was used for other contents.
    :raises ProgramPaused: the programme takes no postings just now.
    :raises InsufficientBalance: the balance would fall below 0.
    :raises NotFound: there is no such player.
    :raises ValueError: the points are no whole number or 0; the key is empty or too long; `reverses` is of another
        account, does not fit the points, was reversed already, or is missing from a reversal.
    """
    _require_whole_posting(points=points, idempotency_key=idempotency_key)
    account = lock_account(player_id=player if isinstance(player, int) else player.pk, at=at)
    contents: Request = {
        "kind": str(kind),
        "player": account.player_id,
        "staff": staff.pk if staff else None,
        "points": points,
        "reason": reason,
        "reverses": reverses.pk if reverses else None,
    }
    if first := entry_with_key(idempotency_key):
        return replay_of(first, contents=contents)
    _require_whole_reversal(account=account, kind=kind, points=points, reverses=reverses)
    request = PostingRequest(
        kind=kind,
        reason=reason,
        idempotency_key=idempotency_key,
        contents=contents,
        staff=staff,
        at=at,
        gaming_day=account.player.casino.gaming_day_at(at),
        correlation_id=correlation_id,
        calculation=calculation or {},
        reverses=reverses,
    )
    rules = rules_in_force(program_id=account.program_id, earned_at=at)
    return post(account=account, rules=rules, points=points, request=request)


def _require_whole_posting(*, points: int, idempotency_key: str) -> None:
    if not isinstance(points, int) or isinstance(points, bool) or points == 0:
        raise ValueError("points are a whole number other than 0")
    if not 1 <= len(idempotency_key) <= IDEMPOTENCY_KEY_MAX_LENGTH:
        raise ValueError(f"an idempotency key has 1 to {IDEMPOTENCY_KEY_MAX_LENGTH} characters")


def _require_whole_reversal(
    *, account: PlayerLoyalty, kind: LedgerEntry.Kind, points: int, reverses: LedgerEntry | None
) -> None:
    if (kind == Kind.REVERSAL) != (reverses is not None):
        raise ValueError("a reversal, and nothing else, names the entry that it reverses")
    if reverses and (reverses.account_id != account.pk or reverses.points != -points or reverses.kind == Kind.REVERSAL):
        raise ValueError("a reversal takes back one whole entry of the same account, and never another reversal")
    if reverses and LedgerEntry.objects.filter(reverses=reverses).exists():
        raise ValueError("this entry was reversed already")


def _result(entry: LedgerEntry, *, player_id: int, replayed: bool) -> LoyaltyPosting:
    return LoyaltyPosting(
        player_id=player_id,
        balance_before=entry.balance_before,
        balance_after=entry.balance_after,
        tier_before=entry.tier_before.name,
        tier_after=entry.tier_after.name,
        tier_progress=entry.inputs["tier_progress_percent"],
        lifetime_points=entry.lifetime_points_after,
        updated_at=entry.created_at,
        row_locked=True,
        entry_id=entry.pk,
        points=entry.points,
        replayed=replayed,
    )
