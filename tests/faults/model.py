"""What must follow from what: the rules of play and points, written down a second time, without the product's code."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Final

from tests.faults.books import Account, Books, Entry, Segment
from tests.faults.plan import is_plain

_TIERS: Final = (("Bronze", 0, "1"), ("Silver", 1_000, "1.25"), ("Gold", 5_000, "1.5"), ("Platinum", 20_000, "2"))
_EARNED: Final = {"GAMEPLAY", "MANUAL_BONUS", "PROMOTION"}
_HALF: Final = Fraction(1, 2)


def theo_of(segments: Iterable[Segment]) -> Decimal:
    """The theoretical win of ended segments: bet × edge × decisions, rounded once, half up."""
    total = Fraction(0)
    for segment in segments:
        assert segment.ended_at is not None
        played = Fraction((segment.ended_at - segment.started_at) // timedelta(microseconds=1))
        hours = played / (3_600 * 1_000_000)
        edge = Fraction(segment.house_edge_percent) / 100
        total += Fraction(segment.average_bet) * edge * hours * Fraction(segment.decisions_per_hour)
    return Decimal(floor(total * 100 + _HALF)) / 100


def tier_of(lifetime_points: int, *, plain: bool) -> tuple[str, Fraction]:
    """The tier at so many lifetime points, and what it multiplies points by."""
    name, _, multiplier = [tier for tier in _TIERS if tier[1] <= lifetime_points][-1]
    return name, Fraction(1) if plain else Fraction(multiplier)


def points_for(theo: Decimal, *, lifetime_points: int, plain: bool) -> int:
    """The points that play is worth to whoever has earned so many before."""
    rate = 1 if plain else 10
    return floor(Fraction(theo) * rate * tier_of(lifetime_points, plain=plain)[1] + _HALF)


def replay(books: Books) -> Iterator[str]:
    """Post every account's entries again, in order, and tell where the books say otherwise."""
    theo_of_key = {slip.id: slip.theo for slip in books.slips}
    of_player: dict[int, list[Entry]] = defaultdict(list)
    for entry in books.entries:
        of_player[entry.player].append(entry)
    for account in books.accounts:
        yield from _replay_account(account, of_player[account.player], theo_of_key)


def _replay_account(account: Account, entries: list[Entry], theos: dict[str, Decimal | None]) -> Iterator[str]:
    plain = is_plain(account.player)
    balance = lifetime = 0
    kinds = {entry.key: entry.kind for entry in entries}
    for seq, entry in enumerate(entries, start=1):
        where = f"player {account.player}, entry {entry.seq} ({entry.key})"
        points = entry.points
        if entry.kind == "GAMEPLAY":
            theo = theos.get(entry.key)
            points = points_for(theo, lifetime_points=lifetime, plain=plain) if theo is not None else 0
        earned = kinds.get(entry.reversed_key or "", "") in _EARNED if entry.reversed_key else entry.kind in _EARNED
        after = balance + points, lifetime + (points if earned else 0)
        expected = (
            seq,
            points,
            balance,
            after[0],
            lifetime,
            after[1],
            *(tier_of(total, plain=plain)[0] for total in (lifetime, after[1])),
        )
        found = (
            entry.seq,
            entry.points,
            entry.balance_before,
            entry.balance_after,
            entry.lifetime_before,
            entry.lifetime_after,
            entry.tier_before,
            entry.tier_after,
        )
        if found != expected:
            yield f"{where}: the books say {found}, the model {expected}"
            return
        balance, lifetime = after
    stands = (account.balance, account.lifetime_points, account.tier, account.entry_count)
    expected_account = (balance, lifetime, tier_of(lifetime, plain=plain)[0], len(entries))
    if stands != expected_account:
        yield f"player {account.player}: the account says {stands}, its entries {expected_account}"
