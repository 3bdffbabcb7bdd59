"""Whether the books after a run are ones that the answers allow: nothing lost, nothing twice, nothing out of order."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from tests.faults import history
from tests.faults.books import Books, Entry, Slip
from tests.faults.history import Call
from tests.faults.model import events_of, lists_of, reassigned, replay, sums, theo_of
from tests.faults.plan import BY_KEY, BY_REQUEST, OF_PLAY, Kind, Plan, Step, is_plain, key_of

# An answer after which the request may have been carried out, or not.
_OPEN: Final = frozenset({history.UNKNOWN})
_STARTED_AS: Final = {
    Kind.OPEN: "OPENED",
    Kind.CONTINUE: "OPENED",
    Kind.RESUME: "RESUMED",
    Kind.BET: "BET_CHANGED",
    Kind.MOVE: "MOVED",
}


@dataclass(kw_only=True, slots=True)
class Findings:
    """What is wrong, and what became of the requests that got no answer."""

    wrong: list[str] = field(default_factory=list)
    resolved: Counter[str] = field(default_factory=Counter)


def check(*, plan: Plan, calls: dict[int, list[Call]], books: Books) -> Findings:
    """Compare the history of a run with the books after it."""
    return _Checker(plan=plan, calls=calls, books=books).run()


class _Checker:
    def __init__(self, *, plan: Plan, calls: dict[int, list[Call]], books: Books) -> None:
        self._steps = {step.number: step for step in plan.steps()}
        self._calls = calls
        self._books = books
        self._entries = {entry.key: entry for entry in books.entries}
        self._slips = {slip.number: slip for slip in books.slips}
        self._lists = lists_of(books)
        self._found = Findings()

    def run(self) -> Findings:
        """Everything that is looked at."""
        for look in (
            self._surprises,
            self._postings,
            self._slip_events,
            self._put_right,
            self._settlements,
            self._nobody_asked_for,
            self._powers_of_two,
            self._real_time_order,
        ):
            self._found.wrong += look()
        self._found.wrong += [*replay(self._books), *sums(self._books), *reassigned(self._books)]
        return self._found

    def _surprises(self) -> Iterator[str]:
        for number, tries in self._calls.items():
            for call in tries:
                if call.outcome == history.ERROR:
                    yield f"{self._name(number)} ended in an error: {call.code}"

    def _name(self, number: int) -> str:
        step = self._steps[number]
        return f"step {number} ({step.kind} of player {step.player} {step.target})".replace(" )", ")")

    def _judge(self, number: int, *, is_stored: bool) -> Iterator[str]:
        """One request whose effect either is in the books or is not."""
        outcomes = {call.outcome for call in self._calls[number]}
        if history.OK in outcomes and not is_stored:
            yield f"{self._name(number)} was acknowledged and is lost"
        elif is_stored and not outcomes & {history.OK, history.OWED, *_OPEN}:
            yield f"{self._name(number)} was {', '.join(sorted(outcomes))}, but is in the books"
        elif outcomes & _OPEN and not outcomes & {history.OK, history.OWED}:
            self._found.resolved["unknown, applied" if is_stored else "unknown, not applied"] += 1

    def _postings(self) -> Iterator[str]:
        for number in self._calls:
            step = self._steps[number]
            if step.kind in BY_KEY:
                entry = self._entries.get(key_of(step))
                yield from self._judge(number, is_stored=entry is not None)
                yield from self._same_facts(number, entry)
                takes_less = entry and step.kind == Kind.ADJUST and step.amount < entry.points < 0
                if entry and (entry.player, entry.points) != (step.player, step.amount) and not takes_less:
                    yield f"{self._name(number)} is stored as {entry.points} points of player {entry.player}"

    def _same_facts(self, number: int, entry: Entry | None, *, firsts: int = 1) -> Iterator[str]:
        """Every acknowledgement names the one entry, and at most one says that it is the first."""
        told = [call.facts for call in self._calls[number] if call.outcome == history.OK]
        for facts in told:
            if entry is not None and facts["points"]:
                found = (entry.id, entry.points, entry.balance_before, entry.balance_after, entry.lifetime_after)
                names = ("entry", "points", "balance_before", "balance_after", "lifetime_points")
                if (said := tuple(facts[name] for name in names)) != found:
                    yield f"{self._name(number)} was told {said}, the books say {found}"
        if sum(not facts["replayed"] for facts in told) > firsts:
            yield f"{self._name(number)} was told twice that it is the first"

    def _slip_events(self) -> Iterator[str]:
        """Each opening, bet, pause, resumption and move that was acknowledged is stored once, and none twice."""
        wanted: dict[str, list[Step]] = defaultdict(list)
        for number in self._calls:
            if (step := self._steps[number]).kind in OF_PLAY:
                wanted[step.target].append(step)
        for slip in {*wanted, *self._lists}:
            if slip.endswith("~"):
                continue  # it has the play of another one
            # Nobody asks for play after the first correction.
            events = events_of(self._lists[slip][int(1 in self._lists[slip])])
            for step in wanted[slip]:
                event = (_STARTED_AS.get(step.kind, "PAUSED"), datetime.fromisoformat(step.at))
                yield from self._judge(step.number, is_stored=events[event] > 0)
                events[event] -= 1
            for (kind, at), surplus in events.items():
                if surplus > 0:
                    yield f"slip {slip} was {kind} at {at.isoformat()} {surplus} times more than anybody asked for"

    def _put_right(self) -> Iterator[str]:
        """Each correction and each row of money that was acknowledged is stored once, as it was asked for."""
        done = defaultdict(list)
        for each in self._books.put_right:
            if not each.slip.endswith("~"):
                done[each.request.int].append(each)
        for number in self._calls:
            if (step := self._steps[number]).kind in BY_REQUEST:
                yield from self._judge(number, is_stored=number in done)
                if any(each.amount != step.amount for each in done[number]):
                    yield f"{self._name(number)} is stored as {done[number][0].amount}, not {step.amount}"
                if step.kind == Kind.REASSIGN and bool(done[number]) != (step.target in self._slips):
                    yield f"{self._name(number)} is half done"
        for number, rows in done.items():
            if rows[1:] or (rows and number not in self._calls):
                yield f"slip {rows[0].slip} was {rows[0].kind} {len(rows)} times by request {number}"

    def _settlements(self) -> Iterator[str]:
        """A completion that was acknowledged or owed closed the slip; in the end all are paid."""
        about: dict[str, list[int]] = defaultdict(list)
        for number in self._calls:
            if (step := self._steps[number]).kind in {Kind.COMPLETE, Kind.RECOVER}:
                about[step.target].append(number)
        for slip_number, steps in about.items():
            if slip := self._slips.get(slip_number):
                yield from self._settled_once(slip, steps)
            else:
                yield f"slip {slip_number} was asked about and is gone"
        for slip in self._books.slips:
            yield from self._is_whole(slip)

    def _settled_once(self, slip: Slip, steps: list[int]) -> Iterator[str]:
        for step in steps:
            if self._steps[step].kind == Kind.COMPLETE:
                yield from self._judge(step, is_stored=slip.was_closed and self._closed_by(step, steps))
                if not slip.was_closed and any(call.outcome == history.OWED for call in self._calls[step]):
                    yield f"{self._name(step)} was answered with points owed, and the slip is live"
            yield from self._same_facts(step, self._entries.get(slip.id))
        told = [call.facts for step in steps for call in self._calls[step] if call.outcome == history.OK]
        if sum(not facts["replayed"] for facts in told) > 1:
            yield f"slip {slip.number} was settled twice for the first time"

    def _closed_by(self, number: int, steps: list[int]) -> bool:
        """Whether this step may have closed a closed slip: not if it was refused and another one can have."""
        mine = {call.outcome for call in self._calls[number]}
        others = {
            call.outcome
            for step in steps
            if step != number and self._steps[step].kind == Kind.COMPLETE
            for call in self._calls[step]
        }
        closes = {history.OK, history.OWED, *_OPEN}
        return bool(mine & closes) or not others & closes

    def _is_whole(self, slip: Slip) -> Iterator[str]:
        if slip.status != "CLOSED":
            return
        if not slip.is_settled:
            yield f"slip {slip.number} is still owed"
        theo = theo_of(self._lists[slip.number][0])
        if slip.theo != theo:
            yield f"slip {slip.number} says theo {slip.theo}, its segments {theo}"
        entry = self._entries.get(slip.id)
        if (entry.id if entry else None) != slip.entry:
            yield f"slip {slip.number} names entry {slip.entry}, and its key {entry.id if entry else None}"

    def _nobody_asked_for(self) -> Iterator[str]:
        """Entries of no step, and two entries of one, whatever their keys."""
        keys = {key_of(step) for step in self._steps.values() if step.kind in BY_KEY}
        keys |= {slip.id for slip in self._books.slips}
        for entry in self._books.entries:
            if (entry.adjusts or entry.key) not in keys:
                yield f"entry {entry.id} of {entry.points} points ({entry.key}) was asked for by nobody"
        reasons = Counter(entry.reason for entry in self._books.entries)
        yield from (f"“{reason}” was paid {times} times" for reason, times in reasons.items() if times > 1)

    def _powers_of_two(self) -> Iterator[str]:
        """In the plain house a balance is the sum of different powers of two: its bits are what was applied."""
        possible: Counter[int] = Counter()
        certain: Counter[int] = Counter()
        seen: set[tuple[int, int]] = set()
        for step in self._steps.values():
            amount = self._worth(step) if is_plain(step.player) else 0
            if amount and (step.player, amount) not in seen:
                outcomes = {call.outcome for other in self._alike(step) for call in self._calls.get(other, [])}
                seen.add((step.player, amount))
                if outcomes & {history.OK, history.OWED}:
                    certain[step.player] |= amount
                if outcomes & {history.OK, history.OWED, *_OPEN}:
                    possible[step.player] |= amount
        for account in self._books.accounts:
            if is_plain(account.player):
                lacking = certain[account.player] & ~account.balance
                surplus = account.balance & ~possible[account.player]
                if lacking or surplus:
                    yield f"the balance of player {account.player} lacks {lacking} and has {surplus} too many"

    def _worth(self, step: Step) -> int:
        if step.kind in BY_KEY:
            return step.amount
        return 2 ** (14 + int(step.target.rsplit("-", 1)[1])) if step.kind == Kind.COMPLETE else 0

    def _alike(self, step: Step) -> list[int]:
        """The steps that would pay the same: this one, or every completion of its slip."""
        if step.kind in BY_KEY:
            return [step.number]
        return self._completions[step.target]

    @property
    def _completions(self) -> dict[str, list[int]]:
        if not hasattr(self, "_completions_by_slip"):
            self._completions_by_slip: dict[str, list[int]] = defaultdict(list)
            for step in self._steps.values():
                if step.kind == Kind.COMPLETE:
                    self._completions_by_slip[step.target].append(step.number)
        return self._completions_by_slip

    def _real_time_order(self) -> Iterator[str]:
        """What was acknowledged before something else was asked comes before it in the account."""
        asked, told = self._times()
        latest: dict[int, tuple[int, str]] = {}
        for entry in self._books.entries:
            before = latest.get(entry.player, (-1, ""))
            if entry.key in told and told[entry.key] < before[0]:
                yield f"entry {entry.key} was acknowledged before {before[1]} was asked for, and comes after it"
            if entry.key in asked:
                latest[entry.player] = max(before, (asked[entry.key], entry.key))

    def _times(self) -> tuple[dict[str, int], dict[str, int]]:
        """When the step of each key was first asked for, and when it was first acknowledged."""
        asked: dict[str, int] = {}
        told: dict[str, int] = {}
        for number, tries in self._calls.items():
            step = self._steps[number]
            if step.kind in BY_KEY:
                key = key_of(step)
            elif step.kind in {Kind.COMPLETE, Kind.RECOVER} and step.target in self._slips and step.target[-1] != "~":
                key = self._slips[step.target].id
            else:
                continue
            if step.kind != Kind.RECOVER:
                asked[key] = min(asked.get(key, tries[0].began), tries[0].began)
            for call in tries:
                if call.outcome == history.OK and call.ended is not None:
                    told[key] = min(told.get(key, call.ended), call.ended)
        return asked, told
