"""What must follow from what: the rules of play and points, written down a second time, without the product's code."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
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
    """The points that play is worth to a player who has earned so many before."""
    rate = 1 if plain else 10
    return floor(Fraction(theo) * rate * tier_of(lifetime_points, plain=plain)[1] + _HALF)


def lists_of(books: Books) -> dict[str, dict[int, list[Segment]]]:
    """The lists of segments of each slip, by the number of the correction that superseded them; 0 is current."""
    lists: dict[str, dict[int, list[Segment]]] = defaultdict(lambda: defaultdict(list))
    for segment in books.segments:
        lists[segment.slip][segment.superseded_by].append(segment)
    return lists


def events_of(segments: Iterable[Segment]) -> Counter[tuple[str, datetime]]:
    """What a list of segments says happened, and when."""
    events: Counter[tuple[str, datetime]] = Counter()
    for segment in segments:
        events[segment.started_as, segment.started_at] += 1
        stays_paused = segment.started_at == segment.ended_at
        if segment.ended_as == "PAUSED" and segment.ended_at and not stays_paused:
            events["PAUSED", segment.ended_at] += 1
    return events


def reassigned(books: Books) -> Iterator[str]:
    """A slip that was given to another player is void, and the new one has its play and money."""
    lists, statuses = lists_of(books), {slip.number: slip.status for slip in books.slips}
    money: Counter[tuple[str, str]] = Counter()
    for row in books.put_right:
        money[row.slip, row.kind] += row.amount  # type: ignore[assignment]
    for new in statuses:
        old = new[:-1]
        if new.endswith("~"):
            play = events_of(lists[old][max(lists[old])]), events_of(lists[new][0])
            sums = [(money[old, kind], money[new, kind]) for kind in ("BUY_IN", "CHIPS_OUT")]
            if statuses[old] != "VOID" or any(before != after for before, after in (play, *sums)):
                yield f"slip {old} is {statuses[old]}, and {new} has not the same play and money"


def sums(books: Books) -> Iterator[str]:
    """The entries of a slip add up to the points of its current play and what could not be collected."""
    for slip in books.slips:
        of_slip = [entry for entry in books.entries if slip.id in (entry.key, entry.adjusts)]
        if slip.status in {"CLOSED", "VOID"} and of_slip:
            worth = points_for(
                slip.theo or Decimal(0), lifetime_points=of_slip[0].lifetime_before, plain=is_plain(slip.player)
            )
            posted = sum(entry.points for entry in of_slip)
            if posted != worth + slip.uncollected:
                yield f"slip {slip.number}: {posted} points are posted, {worth} are due, {slip.uncollected} uncollected"


def replay(books: Books) -> Iterator[str]:
    """Post every account's entries again, in order, and tell where the books say otherwise."""
    lists = lists_of(books)
    theos = {
        slip.id: {theo_of(play) for play in lists[slip.number].values() if all(each.ended_at for each in play)}
        for slip in books.slips
    }
    of_player: dict[int, list[Entry]] = defaultdict(list)
    for entry in books.entries:
        of_player[entry.player].append(entry)
    for account in books.accounts:
        yield from _replay_account(account, of_player[account.player], theos)


def _replay_account(account: Account, entries: list[Entry], theos: dict[str, set[Decimal]]) -> Iterator[str]:
    plain = is_plain(account.player)
    balance = lifetime = 0
    kinds = {entry.key: entry.kind for entry in entries}
    for seq, entry in enumerate(entries, start=1):
        where = f"player {account.player}, entry {entry.seq} ({entry.key})"
        points = entry.points
        if entry.kind == "GAMEPLAY":
            # What the play is worth, or was before a correction.
            worths = {points_for(theo, lifetime_points=lifetime, plain=plain) for theo in theos.get(entry.key, ())}
            points = entry.points if entry.points in worths else max(worths, default=0)
        earned = (
            kinds.get(entry.reversed_key or "", "") in _EARNED
            if entry.reversed_key
            else entry.kind in _EARNED or bool(entry.adjusts)
        )
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
    stored = (account.balance, account.lifetime_points, account.tier, account.entry_count)
    expected_account = (balance, lifetime, tier_of(lifetime, plain=plain)[0], len(entries))
    if stored != expected_account:
        yield f"player {account.player}: the account says {stored}, its entries {expected_account}"
