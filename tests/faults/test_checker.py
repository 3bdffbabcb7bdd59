"""The checker finds what must not be, in books and histories that were made to be wrong; and nothing in right ones."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tests.faults import history
from tests.faults.books import Account, Books, Entry, PutRight, Segment, Slip
from tests.faults.checker import check
from tests.faults.history import Call, Journal, read_history
from tests.faults.model import points_for, theo_of, tier_of
from tests.faults.plan import BEGINNING, Kind, Plan, Step, key_of, reason_of
from tests.faults.planner import make_plan

SLIP_ID = "00000000-0000-0000-0000-000000000001"
HOUR = timedelta(hours=1)
AWARD = Step(number=1, kind=Kind.AWARD, player=0, amount=1)
PROMOTION = Step(number=2, kind=Kind.PROMOTE, player=0, amount=2**20)
OPENING = Step(number=3, kind=Kind.OPEN, player=0, target="F-0-0", at=BEGINNING.isoformat(), amount=2**14)
COMPLETION = Step(number=4, kind=Kind.COMPLETE, player=0, target="F-0-0", at=(BEGINNING + HOUR).isoformat())
REFUSED_AWARD = Step(number=5, kind=Kind.AWARD, player=0, amount=2)
BUY_IN = Step(number=6, kind=Kind.BUY_IN, player=0, target="F-0-0", at=BEGINNING.isoformat(), amount=500)
REASSIGNMENT = Step(number=7, kind=Kind.REASSIGN, player=0, target="F-0-0~")
PLAN = Plan(
    seed=1, players=1, units=[[AWARD], [PROMOTION], [OPENING, COMPLETION], [REFUSED_AWARD], [BUY_IN], [REASSIGNMENT]]
)


def _entry(seq: int, points: int, before: int, **changes: Any) -> Entry:
    fields: dict[str, Any] = {
        "id": seq,
        "player": 0,
        "seq": seq,
        "kind": "PROMOTION",
        "points": points,
        "balance_before": before,
        "balance_after": before + points,
        "lifetime_before": before,
        "lifetime_after": before + points,
        "tier_before": tier_of(before, plain=True)[0],
        "tier_after": tier_of(before + points, plain=True)[0],
        "reversed_key": None,
    }
    return Entry(**(fields | changes))


ENTRIES = [
    _entry(1, 1, 0, kind="MANUAL_BONUS", key=key_of(AWARD), reason=reason_of(1)),
    _entry(2, 2**20, 1, key=key_of(PROMOTION), reason=reason_of(2)),
    _entry(3, 2**14, 2**20 + 1, kind="GAMEPLAY", key=SLIP_ID, reason="Play on slip F-0-0"),
]
TOTAL = 2**20 + 2**14 + 1
SLIP = Slip(
    id=SLIP_ID,
    number="F-0-0",
    player=0,
    status="CLOSED",
    theo=Decimal(2**14),
    is_settled=True,
    entry=3,
    closed_at=BEGINNING + HOUR,
)
SEGMENT = Segment(
    slip="F-0-0",
    seq=1,
    average_bet=Decimal(2**14),
    house_edge_percent=Decimal(1),
    decisions_per_hour=Decimal(100),
    started_at=BEGINNING,
    started_as="OPENED",
    ended_at=BEGINNING + HOUR,
    ended_as="CLOSED",
)
ACCOUNT = Account(player=0, balance=TOTAL, lifetime_points=TOTAL, tier="Platinum", entry_count=3)
BOUGHT = PutRight(request=UUID(int=BUY_IN.number), slip="F-0-0", kind="BUY_IN", amount=Decimal(500))
BOOKS = Books(entries=ENTRIES, slips=[SLIP], segments=[SEGMENT], accounts=[ACCOUNT], put_right=[BOUGHT])


def _ok(step: int, began: int, entry: Entry | None = None, **facts: Any) -> Call:
    told: dict[str, Any] = {}
    if entry:
        told = {
            "entry": entry.id,
            "points": entry.points,
            "balance_before": entry.balance_before,
            "balance_after": entry.balance_after,
            "lifetime_points": entry.lifetime_after,
            "replayed": False,
        }
    return Call(step=step, began=began, ended=began + 5, outcome=history.OK, facts=told | facts)


def _calls() -> dict[int, list[Call]]:
    return {
        1: [_ok(1, 10, ENTRIES[0])],
        2: [_ok(2, 20, ENTRIES[1])],
        3: [_ok(3, 30)],
        4: [_ok(4, 40, ENTRIES[2])],
        5: [Call(step=5, began=50, ended=55, outcome=history.REFUSED, code="PROGRAM_PAUSED")],
        6: [_ok(6, 60)],
        7: [Call(step=7, began=70, ended=75, outcome=history.REFUSED, code="PLAYER_HAS_LIVE_SLIP")],
    }


def _without_last(books: Books) -> Books:
    account = replace(ACCOUNT, balance=2**20 + 1, lifetime_points=2**20 + 1, entry_count=2)
    return replace(books, entries=ENTRIES[:2], accounts=[account])


def _with(**changes: Any) -> Callable[[Books], Books]:
    return lambda books: replace(books, **changes)


def _paid_too(key: str, reason: str) -> Books:
    entries = [*ENTRIES, _entry(4, 2, TOTAL, key=key, reason=reason)]
    account = replace(ACCOUNT, balance=TOTAL + 2, lifetime_points=TOTAL + 2, entry_count=4)
    return replace(BOOKS, entries=entries, accounts=[account])


def _reassigned(books: Books) -> Books:
    """The slip was given to another player and not voided, and its buy-in was left behind."""
    return replace(books, slips=[SLIP, replace(SLIP, id="2", number="F-0-0~", entry=None)])


WRONG_BOOKS: list[tuple[str, Callable[[Books], Books]]] = [
    ("was acknowledged and is lost", _with(entries=ENTRIES[1:])),
    ("names entry 3, and its key None", _without_last),
    ("was refused, but is in the books", lambda _: _paid_too(key_of(REFUSED_AWARD), reason_of(5))),
    ("was asked for by nobody", lambda _: _paid_too("faults:77", reason_of(77))),
    ("was paid 2 times", lambda _: _paid_too("faults:2b", reason_of(2))),
    ("the account says", _with(accounts=[replace(ACCOUNT, balance=TOTAL + 2**30)])),
    ("lacks 0 and has 1073741824 too many", _with(accounts=[replace(ACCOUNT, balance=TOTAL + 2**30)])),
    ("lacks 1 and has 0 too many", _with(accounts=[replace(ACCOUNT, balance=TOTAL - 1)])),
    ("the books say", _with(entries=[*ENTRIES[:2], replace(ENTRIES[2], points=2**14 + 1)])),
    ("is still owed", _with(slips=[replace(SLIP, is_settled=False)])),
    ("(buy_in of player 0 F-0-0) was acknowledged and is lost", _with(put_right=[])),
    ("is stored as 50, not 500", _with(put_right=[replace(BOUGHT, amount=Decimal(50))])),
    ("was BUY_IN 2 times by request 6", _with(put_right=[BOUGHT, BOUGHT])),
    ("was BUY_IN 1 times by request 99", _with(put_right=[BOUGHT, replace(BOUGHT, request=UUID(int=99))])),
    ("(reassign of player 0 F-0-0~) is half done", _reassigned),
    ("F-0-0~ has not the same play and money", _reassigned),
    ("16384 points are posted, 16384 are due, 7 uncollected", _with(slips=[replace(SLIP, uncollected=7)])),
    ("says theo 1", _with(slips=[replace(SLIP, theo=Decimal(1))])),
    ("was asked about and is gone", _with(slips=[])),
    ("(open of player 0 F-0-0) was acknowledged and is lost", _with(segments=[])),
    (
        "(complete of player 0 F-0-0) was acknowledged and is lost",
        _with(slips=[replace(SLIP, status="OPEN", was_closed=False)]),
    ),
    (
        "was BET_CHANGED at",
        _with(segments=[SEGMENT, replace(SEGMENT, seq=2, started_as="BET_CHANGED", average_bet=Decimal(1))]),
    ),
]

WRONG_ANSWERS: list[tuple[str, dict[int, list[Call]]]] = [
    ("ended in an error: KeyError", {1: [Call(step=1, began=10, ended=12, outcome=history.ERROR, code="KeyError")]}),
    ("was busy, but is in the books", {1: [Call(step=1, began=10, ended=12, outcome=history.BUSY)]}),
    ("was failed, but is in the books", {1: [Call(step=1, began=10, ended=12, outcome=history.FAILED)]}),
    ("the books say (1, 1, 0, 1, 1)", {1: [_ok(1, 10, ENTRIES[0], balance_after=9)]}),
    ("was told twice that it is the first", {1: [_ok(1, 10, ENTRIES[0]), _ok(1, 17, ENTRIES[0])]}),
    ("was acknowledged before faults:2 was asked for, and comes after it", {2: [_ok(2, 80, ENTRIES[1])]}),
    ("was refused, but is in the books", {4: [Call(step=4, began=40, ended=45, outcome=history.REFUSED)]}),
]


class TestCheck:
    def test_finds_nothing_where_nothing_is_wrong(self) -> None:
        findings = check(plan=PLAN, calls=_calls(), books=BOOKS)

        assert findings.wrong == []
        assert findings.resolved == {}

    @pytest.mark.parametrize(("words", "change"), WRONG_BOOKS, ids=[words for words, _ in WRONG_BOOKS])
    def test_says_what_is_wrong_in_the_books(self, words: str, change: Callable[[Books], Books]) -> None:
        findings = check(plan=PLAN, calls=_calls(), books=change(BOOKS))

        assert [finding for finding in findings.wrong if words in finding]

    @pytest.mark.parametrize(("words", "changes"), WRONG_ANSWERS, ids=[words for words, _ in WRONG_ANSWERS])
    def test_says_which_answer_was_not_true(self, words: str, changes: dict[int, list[Call]]) -> None:
        findings = check(plan=PLAN, calls=_calls() | changes, books=BOOKS)

        assert [finding for finding in findings.wrong if words in finding]

    def test_accepts_either_outcome_of_an_unanswered_request_and_counts_it(self) -> None:
        unknown = {2: [Call(step=2, began=20)], 5: [Call(step=5, began=50, ended=52, outcome=history.UNKNOWN)]}

        findings = check(plan=PLAN, calls=_calls() | unknown, books=BOOKS)

        assert findings.wrong == []
        assert findings.resolved == {"unknown, applied": 1, "unknown, not applied": 1}

    def test_takes_a_second_answer_for_the_unknown_first_one(self) -> None:
        tries = {1: [Call(step=1, began=2), _ok(1, 10, ENTRIES[0], replayed=True)]}

        findings = check(plan=PLAN, calls=_calls() | tries, books=BOOKS)

        assert findings.wrong == []
        assert findings.resolved == {}


class TestModel:
    def test_counts_the_worked_example_as_the_design_does(self) -> None:
        table: dict[str, Any] = {"house_edge_percent": Decimal("0.75"), "decisions_per_hour": Decimal(70)}
        later = BEGINNING + HOUR * 1.5
        first = replace(SEGMENT, **table, average_bet=Decimal(40), ended_at=later)
        second = replace(SEGMENT, **table, average_bet=Decimal(100), started_at=later, ended_at=later + HOUR / 2)

        theo = theo_of([first, second])

        assert theo == Decimal("57.75")
        assert points_for(theo, lifetime_points=1_000, plain=False) == 722
        assert points_for(theo, lifetime_points=0, plain=False) == 578


class TestHistory:
    def test_is_read_as_written_until_its_worker_died(self, tmp_path: Any) -> None:
        journal = Journal(tmp_path / "history-0.jsonl")
        journal.write(event="invoke", step=7)
        journal.write(event="answer", step=7, outcome=history.BUSY, code="BUSY")
        journal.write(event="invoke", step=7)

        calls = read_history([tmp_path / "history-0.jsonl"])

        assert [(call.outcome, call.ended is None) for call in calls[7]] == [("busy", False), ("unknown", True)]
        assert calls[7][0].began < calls[7][1].began


class TestMakePlan:
    def test_is_the_same_for_a_seed_and_reads_back(self, tmp_path: Any) -> None:
        plan = make_plan(seed=3, operations=300, own_faults=0.2, idle_faults=0.01)
        plan.write(tmp_path / "plan.jsonl")

        assert plan == make_plan(seed=3, operations=300, own_faults=0.2, idle_faults=0.01)
        assert plan != make_plan(seed=4, operations=300, own_faults=0.2, idle_faults=0.01)
        assert Plan.read(tmp_path / "plan.jsonl") == plan
        assert {step.kind for step in plan.steps()} == {*Kind}

    def test_gives_every_plain_player_each_power_of_two_once(self) -> None:
        plan = make_plan(seed=3, operations=300, own_faults=0, idle_faults=0)

        amounts = {step.number: step.amount for step in plan.steps() if step.player == 0 and step.kind in PAID}
        assert sorted(amounts.values()) == [2**bit for bit in (*range(14), *range(20, 32))]
        bets = [step.amount for step in plan.steps() if step.player == 0 and step.kind == Kind.OPEN]
        assert bets == [2**bit for bit in range(14, 20)]


PAID = {Kind.AWARD, Kind.PROMOTE}
