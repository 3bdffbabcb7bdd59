"""The one path from a request to a ledger entry: lock the account, look the key up, check, count, write."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet

from core.errors import DomainError
from core.idempotency import IdempotencyConflict, Request, differing_fields, fingerprint
from core.kept_queries import KeptQuery
from core.macs import mac_of
from core.models import Player, User
from core.retries import is_replay
from core.text import folded
from core.transactions import transaction_required
from core.words import counted
from loyalty.models import IDEMPOTENCY_KEY_MAX_LENGTH, CompType, LedgerEntry, PlayerLoyalty
from loyalty.services.accounts import ProgramRules, lock_account, rules_in_force
from loyalty.services.batches import PostingBatch, write_balances
from loyalty.tiers import next_tier, progress_percent, tier_at

EntryKind = LedgerEntry.Kind

# Only these kinds, and adjustments of play, change the lifetime points, which decide the tier.
EARNINGS: Final = frozenset({EntryKind.GAMEPLAY, EntryKind.MANUAL_BONUS, EntryKind.PROMOTION})

# The factors from which points were calculated; stored in the entry.
Calculation = Mapping[str, Any]

# Calculates points from the locked account and the rules in force.
PointsCounter = Callable[[PlayerLoyalty, ProgramRules], tuple[int, Calculation]]


class ProgramPaused(DomainError):
    """The programme is paused; nothing is posted until it is resumed."""

    code = "PROGRAM_PAUSED"


class InsufficientBalance(DomainError):
    """The posting would take the balance below 0."""

    code = "INSUFFICIENT_BALANCE"


@dataclass(frozen=True, kw_only=True, slots=True)
class LoyaltyPosting:
    """The result of a posting: the account before and after. A replay has the values of the first posting.

    `tier_progress` is a whole percent, rounded down. `next_tier` is the tier that follows, empty in the highest one; a
    replay does not read it. `row_locked` says that the account was locked for the posting.
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
    next_tier: str | None = field(default=None, compare=False)


@transaction_required
def increment_player_loyalty(
    *,
    player: Player | int,
    kind: LedgerEntry.Kind,
    points: int | PointsCounter,
    reason: str,
    idempotency_key: str,
    staff: User | None,
    at: datetime,
    correlation_id: UUID,
    calculation: Calculation | None = None,
    reverses: LedgerEntry | None = None,
    adjusts: LedgerEntry | None = None,
    comp_type: CompType | None = None,
    reason_code: str | None = None,
    contents: Request | None = None,
    earned_at: datetime | None = None,
    gaming_day: date | None = None,
    locked_account: PlayerLoyalty | None = None,
    check: Callable[[], None] | None = None,
    former_key: str = "",
    is_new: bool = False,
    batch: PostingBatch | None = None,
) -> LoyaltyPosting:
    """Post points to a player's account, once for each key, in the caller's transaction.

    Locks the account. A known key gives its first result again. Otherwise this runs `check`, counts the points, asks
    whether the programme is running, and writes the entry and the new balance. The caller decides who may post, before
    the call or in `check`.

    `points` is a whole number other than 0, or a function that counts them under the lock, by the rules in force at
    `earned_at` (default: `at`). `reverses` is the entry that a reversal takes back, `adjusts` the entry for play whose
    points an adjustment changes, `comp_type` what points are redeemed for. `contents` is compared with a repeated
    request: by default the kind, the player, the staff, the points, the reason and the reversed entry, and these if
    given: the adjusted entry, the comp type and the reason code. It is required if `points` is a function.
    `gaming_day` is by default the day of `at`. `locked_account` is the player's account, if the caller has locked it.
    `former_key` is the key that an earlier version of the product used: its entry is the first result as well. `is_new`
    says that the caller has locked the account and knows that no entry has the key. In a `batch`, which holds the
    account and the entry of the key, `PostingBatch.save` writes the entry and the new balance.

    :raises IdempotencyConflict: the key was used for other contents.
    :raises ProgramPaused: the programme is paused.
    :raises InsufficientBalance: the balance would fall below 0.
    :raises NotFound: there is no such player.
    :raises ValueError: the points are not a whole number or are 0; the key is empty or too long; `reverses`, `adjusts`
        or `comp_type` is missing, or does not fit the entry.
    """
    _require_whole_posting(points=points, idempotency_key=idempotency_key)
    player_id = player if isinstance(player, int) else player.pk
    account = locked_account or (batch.account_of(player_id) if batch else lock_account(player_id=player_id, at=at))
    entry = LedgerEntry(
        account=account,
        kind=kind,
        reason=reason,
        idempotency_key=idempotency_key,
        staff=staff,
        reverses=reverses,
        adjusts=adjusts,
        comp_type=comp_type,
        reason_code=reason_code or None,
        correlation_id=correlation_id,
        created_at=at,
    )
    if contents is None:
        assert not callable(points)
        contents = _contents_of(entry, points=points)
    first = batch.first_entries.get(idempotency_key) if batch else None
    if first or (not batch and not is_new and (first := entry_with_key(idempotency_key, former_key))):
        return _replay_of(first, contents=contents)
    if check:
        check()
    in_force = batch.rules_in_force if batch else rules_in_force
    rules = in_force(program_id=account.program_id, earned_at=earned_at or at)
    entry.points, calculation = points(account, rules) if callable(points) else (points, calculation)
    _require_running(rules)
    entry.fingerprint = fingerprint(contents)
    entry.inputs = {"request": dict(contents), "calculation": dict(calculation or {})}
    entry.gaming_day = gaming_day or account.player.casino.gaming_day_at(at)
    _require_fitting_names(entry)
    _append(entry, rules=rules)
    save = batch.add if batch else _save
    save(entry)
    following = next_tier(entry.lifetime_points_after, rules.tiers)
    return replace(posting_of(entry, replayed=False), next_tier=following.name if following else "")


def entry_with_key(key: str, former_key: str = "") -> LedgerEntry | None:
    """The first entry that was posted with one of these keys; none has an empty one.

    Call it under the account's lock, or it may change.
    """
    return next(iter(_entries_with_key(key, former_key)), None)


def _query_entries(key: str, former_key: str) -> QuerySet[LedgerEntry]:
    entries = LedgerEntry.objects.select_related("account", "tier_before", "tier_after").order_by("pk")
    return entries.filter(idempotency_key__in=(key, former_key))


_entries_with_key = KeptQuery(_query_entries)


def is_earned(entry: LedgerEntry) -> bool:
    """Whether the points of an entry that is no reversal count for lifetime points and tier."""
    return entry.kind in EARNINGS or entry.adjusts_play


def posting_of(entry: LedgerEntry, *, replayed: bool) -> LoyaltyPosting:
    """The result of the posting that wrote `entry`, which holds its account and tiers."""
    return LoyaltyPosting(
        player_id=entry.account.player_id,
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


def _contents_of(entry: LedgerEntry, *, points: int) -> Request:
    """The contents of a request for `points` by which a repeated request for the new `entry` is recognised."""
    return {
        "kind": str(entry.kind),
        "player": entry.account.player_id,
        "staff": entry.staff_id,
        "points": points,
        "reason": entry.reason,
        "reverses": entry.reverses_id,
        **({"adjusts": entry.adjusts_id} if entry.adjusts_id else {}),
        **({"comp_type": entry.comp_type_id} if entry.comp_type_id else {}),
        **({"reason_code": entry.reason_code} if entry.reason_code else {}),
    }


def _replay_of(entry: LedgerEntry, *, contents: Request) -> LoyaltyPosting:
    """The first result of a repeated request. It is no replay if this request's own lost attempt wrote `entry`.

    :raises IdempotencyConflict: `contents` differ from those of `entry`; names the fields.
    """
    if entry.fingerprint != fingerprint(contents):
        fields = differing_fields(_compared(entry.inputs["request"]), _compared(contents))
        if fields:
            raise IdempotencyConflict(key=entry.idempotency_key, fields=fields)
    return posting_of(entry, replayed=is_replay(entry.correlation_id))


def _compared(contents: Request) -> Request:
    """Contents with their reason normalised: earlier entries hold it as it was typed."""
    reason = contents.get("reason")
    return {**contents, "reason": folded(reason)} if isinstance(reason, str) else contents


def _append(entry: LedgerEntry, *, rules: ProgramRules) -> None:
    """Make `entry` the next one of its locked account, and set the new balance, lifetime points and tier, unsaved.

    Lifetime points rise with what is earned and fall only when an earning is reversed or points of play are adjusted.

    :raises InsufficientBalance: the balance would fall below 0.
    """
    account = entry.account
    balance_after = account.balance + entry.points
    if balance_after < 0:
        raise InsufficientBalance(
            f"The balance is {counted(account.balance, 'point')}; {-entry.points:,} cannot be taken from it: "
            f"{counted(-balance_after, 'point is', 'points are')} missing."
        )
    lifetime_after = account.lifetime_points + (entry.points if is_earned(entry.reverses or entry) else 0)
    entry.casino_id = account.program.casino_id
    entry.seq = account.entry_count + 1
    entry.balance_before, entry.balance_after = account.balance, balance_after
    entry.lifetime_points_before, entry.lifetime_points_after = account.lifetime_points, lifetime_after
    entry.tier_before, entry.tier_after = rules.tier_of(account), tier_at(lifetime_after, rules.tiers)
    entry.mac = mac_of(entry.claims())
    entry.inputs["tier_progress_percent"] = progress_percent(lifetime_after, rules.tiers)
    account.balance = balance_after
    account.lifetime_points = lifetime_after
    account.tier = entry.tier_after
    account.entry_count = entry.seq
    account.updated_at = entry.created_at


def _save(entry: LedgerEntry) -> None:
    entry.save(force_insert=True)
    entry.account.head_hash = entry.entry_hash
    write_balances([entry.pk])


def _require_running(rules: ProgramRules) -> None:
    if rules.program.is_paused:
        raise ProgramPaused(
            f"{rules.program} is paused ({rules.program.pause_reason}). Points are posted once it resumes."
        )


def _require_whole_posting(*, points: int | PointsCounter, idempotency_key: str) -> None:
    if not callable(points) and (not isinstance(points, int) or isinstance(points, bool) or points == 0):
        raise ValueError("points are a whole number other than 0")
    if not 1 <= len(idempotency_key) <= IDEMPOTENCY_KEY_MAX_LENGTH:
        raise ValueError(f"an idempotency key has 1 to {IDEMPOTENCY_KEY_MAX_LENGTH} characters")


def _require_fitting_names(entry: LedgerEntry) -> None:
    """:raises ValueError: `reverses`, `adjusts` or `comp_type` is missing, or does not fit the entry."""
    _require_whole_reversal(entry)
    _require_fitting_adjustment(entry)
    if (entry.kind == EntryKind.REDEMPTION) != (entry.comp_type is not None):
        raise ValueError("a redemption, and nothing else, names a comp type")


def _require_whole_reversal(entry: LedgerEntry) -> None:
    reverses = entry.reverses
    if (entry.kind == EntryKind.REVERSAL) != (reverses is not None):
        raise ValueError("a reversal, and nothing else, names the entry that it reverses")
    if reverses is None:
        return
    if reverses.account_id != entry.account_id or reverses.points != -entry.points:
        raise ValueError("a reversal takes back one whole entry of the same account")
    if reverses.kind == EntryKind.REVERSAL or reverses.adjusts_play:
        raise ValueError("a reversal takes back neither another reversal nor an adjustment of play")
    if LedgerEntry.objects.filter(reverses=reverses).exists():
        raise ValueError("this entry was reversed already")


def _require_fitting_adjustment(entry: LedgerEntry) -> None:
    adjusts = entry.adjusts
    if adjusts and (
        entry.kind != EntryKind.ADJUSTMENT
        or adjusts.kind != EntryKind.GAMEPLAY
        or adjusts.account_id != entry.account_id
    ):
        raise ValueError("only an adjustment names an entry that it adjusts: one for play, of the same account")
