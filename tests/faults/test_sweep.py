"""One fault at every statement of every operation that posts or leads to a posting, one statement after the other.

The first part runs through a proxy: the backend is ended right before a statement, or right after it and before its
answer, or the answer alone is lost. The service tries again where it can, so each call must be answered as the first
one. In the second part the process itself dies, and nobody is left to try again: all or nothing.
"""

import itertools
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.utils import timezone

from core import correlation, retries
from core.models import Player, User
from loyalty.models import CompSlipPrint, LedgerEntry
from loyalty.services import posting, print_comp_slip
from ratingslips.events import SlipVersion
from ratingslips.models import MoneyRow, PlaySegment, RatingSlip
from ratingslips.services import (
    change_average_bet,
    complete_rating_slip,
    continue_rating_slip,
    correct_rating_slip,
    move_rating_slip,
    open_rating_slip,
    pause_rating_slip,
    reassign_rating_slip,
    record_buy_in,
    record_chips_out,
    recover_slip_loyalty,
    release_withheld_points,
    resume_rating_slip,
    strike_money_row,
    undo_opening,
    void_rating_slip,
)
from tests.concurrency import backend_id
from tests.factories import CompTypeFactory, StaffFactory, TableFactory
from tests.faults import history
from tests.faults.plan import Kind, Step, key_of
from tests.faults.proxy import Loss, Way
from tests.faults.requests import outcome_of, post_by_hand
from tests.floor import Floor, give_rights
from tests.invariants import broken_invariants
from tests.loyalty.postings import adjust, award, increment, redeem, reverse
from tests.ratingslips.corrections import closed, last_at
from tests.waiting import wait_until

Call = Callable[[], dict[str, Any]]
MOST_STATEMENTS = 40


@dataclass(frozen=True, kw_only=True)
class Case:
    """One call on rows of its own. `marks` counts what it leaves behind: 0 before it, 1 after it, never 2."""

    call: Call
    marks: Callable[[], int]


def _slip(floor: Floor, **what: Any) -> RatingSlip:
    table = TableFactory.create(casino=floor.casino, pit=floor.pit, game=floor.table.game)
    return floor.open_slip(table=table, player=floor.player(), **what)


def _entries(key: str) -> Callable[[], int]:
    return lambda: LedgerEntry.objects.filter(idempotency_key=key).count()


def _told(answer: Any) -> dict[str, Any]:
    return {"replayed": answer.replayed}


def _completion(floor: Floor) -> Case:
    """With a further buy-in and chips out; -1 marks if their two rows do not come with the entry."""
    slip = _slip(floor)
    money: dict[str, Any] = {"further_buy_in": Decimal(500), "chips_out": Decimal(20)}
    entries = _entries(str(slip.pk))
    return Case(
        call=lambda: _told(complete_rating_slip(slip=slip.pk, actor=floor.boss, at=floor.now, **money)),
        marks=lambda: entries() if slip.money_rows.count() == 2 * entries() else -1,
    )


def _told_of(row: MoneyRow) -> dict[str, Any]:
    assert row.request is not None
    return {"replayed": row.request.correlation_id != correlation.current()}


def _money(floor: Floor, *, service: Callable[..., MoneyRow]) -> Case:
    slip = _slip(floor)
    what: dict[str, Any] = {"slip": slip.pk, "amount": Decimal(500), "actor": floor.boss, "request_id": uuid4()}
    return Case(call=lambda: _told_of(service(**what, at=floor.now)), marks=lambda: slip.money_rows.count())


def _strike(floor: Floor) -> Case:
    row = record_buy_in(slip=_slip(floor).pk, amount=Decimal(500), actor=floor.boss, at=floor.now)
    what: dict[str, Any] = {"row": row, "reason": "Typed twice", "actor": floor.boss, "request_id": uuid4()}
    marks = MoneyRow.objects.filter(strikes=row)
    return Case(call=lambda: _told_of(strike_money_row(**what, at=floor.now)), marks=lambda: marks.count())


def _recovery(floor: Floor) -> Case:
    slip = floor.owed_slip(_slip(floor))
    return Case(
        call=lambda: _told(recover_slip_loyalty(slip=slip.pk, actor=floor.supervisor, at=floor.now)),
        marks=_entries(str(slip.pk)),
    )


def _release(floor: Floor) -> Case:
    slip = _slip(floor)
    player = Player.objects.filter(pk=slip.player_id)
    player.update(status=Player.Status.BARRED)
    complete_rating_slip(slip=slip.pk, actor=floor.boss, at=floor.now)
    player.update(status=Player.Status.ACTIVE)
    what = {"slip": slip.pk, "actor": floor.supervisor, "reason": "Barred by mistake", "at": floor.now}
    return Case(call=lambda: _told(release_withheld_points(**what)), marks=_entries(str(slip.pk)))  # type: ignore[arg-type]


def _putting_right(floor: Floor, *, service: Callable[..., Any]) -> Case:
    """Of a credited slip; -1 marks if the adjustment, the superseded list or the summary do not come with the row."""
    slip = closed(floor, _slip(floor))
    what: dict[str, Any] = {"actor": floor.supervisor, "reason": "Wrong bet since nine", "request_id": uuid4()}
    what |= {"segments": last_at(slip, 200)} if service is correct_rating_slip else {}

    def marks() -> int:
        rows = slip.corrections.count()
        adjusted = LedgerEntry.objects.filter(adjusts=slip.ledger_entry).count()
        superseded = slip.segments.filter(superseded_by__isnull=False).values("superseded_by").distinct().count()
        counted = RatingSlip.objects.get(pk=slip.pk).correction_count
        return rows if rows == adjusted == superseded == counted else -1

    return Case(call=lambda: _told(service(slip=slip.pk, **what, at=floor.now)), marks=marks)


def _undoing(floor: Floor) -> Case:
    """-1 marks if the superseded list does not come with the row."""
    slip = _slip(floor)
    what: dict[str, Any] = {"slip": slip.pk, "actor": floor.boss, "request_id": uuid4()}
    lists = slip.segments.exclude(superseded_by=None)
    return Case(
        call=lambda: _told(undo_opening(**what, at=floor.now)),
        marks=lambda: slip.corrections.count() if slip.corrections.count() == lists.count() else -1,
    )


def _continuation(floor: Floor) -> Case:
    """-1 marks if the play does not come with the new slip. The old one is worth nothing, so it closes at once."""
    slip = closed(floor, _slip(floor, at=floor.now))
    what: dict[str, Any] = {"slip": slip.pk, "actor": floor.boss, "request_id": uuid4()}
    new, play = RatingSlip.objects.filter(continues=slip), PlaySegment.objects.filter(slip__continues=slip)

    def call() -> dict[str, Any]:
        opened = continue_rating_slip(**what, at=timezone.now())
        return {"replayed": opened.correlation_id != correlation.current()}

    return Case(call=call, marks=lambda: new.count() if new.count() == play.count() else -1)


def _reassignment(floor: Floor) -> Case:
    """Of a credited slip; -1 marks if the play and the points of the right player do not come with the void."""
    slip, player = closed(floor, _slip(floor)), floor.player()
    what: dict[str, Any] = {"slip": slip.pk, "player": player, "actor": floor.supervisor, "request_id": uuid4()}
    what |= {"reason": "Two cards were mixed up", "at": floor.now}
    play = PlaySegment.objects.filter(slip__reassigned_from=slip)
    adjusted = LedgerEntry.objects.filter(adjusts=slip.ledger_entry)
    credited = LedgerEntry.objects.filter(rating_slip__reassigned_from=slip)

    def marks() -> int:
        rows = slip.corrections.count()
        return rows if rows == play.count() == adjusted.count() == credited.count() else -1

    return Case(call=lambda: _told(reassign_rating_slip(**what)), marks=marks)


def _player_and_awarder(floor: Floor) -> tuple[Player, User]:
    """Both new: ten awards a minute are the limit of one awarder."""
    awarder = StaffFactory.create(casino=floor.casino)
    give_rights((awarder, floor.program, ["award", "adjust"]))
    return floor.player(), awarder


def _award_without_reward_id(floor: Floor) -> Case:
    """Its key is made of what it says."""
    player, awarder = _player_and_awarder(floor)
    return Case(
        call=lambda: _told(award(floor, player, actor=awarder)),
        marks=lambda: LedgerEntry.objects.filter(account__player=player).count(),
    )


def _award(floor: Floor) -> Case:
    player, awarder = _player_and_awarder(floor)
    return Case(
        call=lambda: _told(award(floor, player, actor=awarder, reward_id=f"sweep-{player.pk}")),
        marks=_entries(f"reward:sweep-{player.pk}"),
    )


def _rich(floor: Floor) -> Player:
    """A player with 100 points."""
    player = floor.player()
    with transaction.atomic():
        increment(floor, player)
    return player


def _redemption(floor: Floor) -> Case:
    player, request_id, comp = _rich(floor), uuid4(), CompTypeFactory.create(program=floor.program)
    return Case(
        call=lambda: _told(redeem(floor, player, request_id=request_id, comp_type=comp)),
        marks=_entries(f"redemption:{request_id}"),
    )


def _print_of_a_slip(floor: Floor) -> Case:
    request_id = uuid4()
    what = {"entry": redeem(floor, _rich(floor)).entry_id, "actor": floor.supervisor, "request_id": request_id}

    def print_it() -> dict[str, Any]:
        printed = print_comp_slip(**what, at=floor.now)  # type: ignore[arg-type]
        return {"replayed": printed.correlation_id != correlation.current()}

    return Case(call=print_it, marks=lambda: CompSlipPrint.objects.filter(pk=request_id).count())


def _promotion(floor: Floor) -> Case:
    """An entry of what has no service of its own yet."""
    player = floor.player()
    step = Step(number=player.pk, kind=Kind.PROMOTE, player=0, amount=64)
    return Case(call=lambda: _told(post_by_hand(step, player=player.pk)), marks=_entries(key_of(step)))


def _reversal(floor: Floor) -> Case:
    """Of a promotion of 100 points."""
    with transaction.atomic():
        entry_id = increment(floor, floor.player()).entry_id
    return Case(call=lambda: _told(reverse(floor, entry_id)), marks=_entries(f"reversal:{entry_id}"))


def _adjustment(floor: Floor) -> Case:
    """It takes the 100 points that are there, of the 150 that it asks for."""
    player, (_, adjuster) = _rich(floor), _player_and_awarder(floor)
    request = {"points": -150, "actor": adjuster, "adjustment_id": f"sweep-{player.pk}"}
    return Case(
        call=lambda: _told(adjust(floor, player, **request).posting), marks=_entries(f"adjustment:sweep-{player.pk}")
    )


def _opening(floor: Floor) -> Case:
    table = TableFactory.create(casino=floor.casino, pit=floor.pit, game=floor.table.game)
    what = {"player": floor.player(), "table": table, "seat": 1, "average_bet": Decimal(40), "actor": floor.boss}
    return Case(
        call=lambda: {"slip": open_rating_slip(**what, at=floor.ago(hours=2)).pk},  # type: ignore[arg-type]
        marks=lambda: RatingSlip.objects.filter(table=table).count(),
    )


def _event(floor: Floor, *, service: Callable[..., Any], paused: bool = False, **what: Any) -> Case:
    slip = _slip(floor)
    if paused:
        pause_rating_slip(slip=slip.pk, actor=floor.boss, at=floor.ago(hours=1))
    if service is move_rating_slip:
        what |= {"table": slip.table_id, "seat": 2}
    if service is change_average_bet:
        what |= {
            "expected_version": SlipVersion(seq=1, status="OPEN")
        }  # as the floor's page sends it; else each call is another bet
    at = floor.ago(minutes=30)
    marks = PlaySegment.objects.filter(slip=slip)
    marks = marks.filter(ended_at=at) if service is pause_rating_slip else marks.filter(started_at=at)
    return Case(
        call=lambda: {"slip": service(slip=slip.pk, actor=floor.boss, at=at, **what).pk}, marks=lambda: marks.count()
    )


CASES: dict[str, Callable[[Floor], Case]] = {
    "completion": _completion,
    "recovery": _recovery,
    "release": _release,
    "correction": partial(_putting_right, service=correct_rating_slip),
    "void": partial(_putting_right, service=void_rating_slip),
    "undone opening": _undoing,
    "continuation": _continuation,
    "reassignment": _reassignment,
    "buy-in": partial(_money, service=record_buy_in),
    "chips out": partial(_money, service=record_chips_out),
    "strike of a buy-in": _strike,
    "award": _award,
    "award without a reward id": _award_without_reward_id,
    "redemption": _redemption,
    "print of a comp slip": _print_of_a_slip,
    "promotion": _promotion,
    "reversal": _reversal,
    "adjustment": _adjustment,
    "opening": _opening,
    "pause": partial(_event, service=pause_rating_slip),
    "resumption": partial(_event, service=resume_rating_slip, paused=True),
    "bet": partial(_event, service=change_average_bet, average_bet=Decimal(80)),
    "move": partial(_event, service=move_rating_slip),
}
every_case = pytest.mark.parametrize("case", CASES)
# An answer that is lost undoes as much as a backend that ends before the next statement, and a loss at a read as much
# as one at the write before it: only these meet both losses, and at reads as well.
THOROUGHLY = {"completion", "recovery", "correction", "award"}
# A process that is killed loses what a backend that ends loses: one case of each kind of act dies at every step.
KILLED = ["completion", "recovery", "correction", "buy-in", "award", "redemption", "opening", "bet"]


def _call_losing(way: Way, case: Case, *, loss: Loss | None, at: int) -> tuple[dict[str, Any], list[bytes]]:
    """The answer of a call that meets a loss at one of its statements, and the statements that its way has seen."""
    way.backend = backend_id()
    way.statements, way.at = [], {at: loss} if loss else {}
    answer = outcome_of(case.call)
    was_struck = not way.at
    way.at.clear()
    assert was_struck, f"statement {at} was not sent"
    return answer, way.statements


def _reads(statement: str) -> bool:
    return statement.lstrip().startswith("SELECT")


def _sweep(way: Way, build: Callable[[], Case], *losses: Loss, at_reads: bool = True) -> list[str]:
    """One loss at each statement of a call, unless told to pass over those that only read; what was wrong."""
    wrong: list[str] = []
    _, statements = _call_losing(way, build(), loss=None, at=0)
    assert 5 < len(statements) < MOST_STATEMENTS
    numbers = [number for number, one in enumerate(statements, start=1) if at_reads or not _reads(one.decode())]
    for loss, number in itertools.product(losses, numbers):
        case = build()
        answer, _ = _call_losing(way, case, loss=loss, at=number)
        marks = [case.marks()]
        again = outcome_of(case.call)
        marks.append(case.marks())
        where = f"statement {number}, {loss}:"
        if answer["outcome"] != history.OK or answer["facts"].get("replayed"):
            wrong.append(f"{where} answered {answer}")
        if again["outcome"] not in {history.OK, history.REFUSED} or not again.get("facts", {}).get("replayed", True):
            wrong.append(f"{where} the repetition was answered {again}")
        if marks != [1, 1]:
            wrong.append(f"{where} left {marks[0]} marks, and {marks[1]} when it was repeated")
    if broken := broken_invariants():
        wrong.append(f"{broken}")
    return wrong


class TestEveryStatement:
    @every_case
    @pytest.mark.shows(25, 26)
    def test_may_lose_backend_or_answer_and_is_done_once(self, committed_floor: Floor, way: Way, case: str) -> None:
        losses = [Loss.BEFORE, Loss.AFTER] if case in THOROUGHLY else [Loss.AFTER]

        wrong = _sweep(way, lambda: CASES[case](committed_floor), *losses, at_reads=case in THOROUGHLY)

        assert wrong == []

    @pytest.mark.parametrize("case", ["completion", "recovery", "award"])
    def test_may_lose_its_answer_while_its_backend_lives_on(self, committed_floor: Floor, way: Way, case: str) -> None:
        wrong = _sweep(way, lambda: CASES[case](committed_floor), Loss.STATEMENT_ANSWER)

        assert wrong == []

    @pytest.mark.parametrize("case", ["completion", "pause"])
    @pytest.mark.shows(39)
    def test_would_be_busy_or_unknown_without_the_next_attempt(
        self, committed_floor: Floor, way: Way, case: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The control: every strike is seen where nothing makes it good."""
        monkeypatch.setattr(retries, "MAX_ATTEMPTS", 1)

        wrong = _sweep(way, lambda: CASES[case](committed_floor), Loss.AFTER)

        answers = [what for what in wrong if "'code'" in what]
        assert len(answers) > 6
        assert ["'outcome': 'unknown'" in answer for answer in answers] == [False] * (len(answers) - 1) + [True]

    @pytest.mark.shows(39)
    def test_would_be_a_replay_if_its_own_were_not_recognized(
        self, committed_floor: Floor, way: Way, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(posting, "is_replay", lambda _: True)

        wrong = _sweep(way, lambda: _award(committed_floor), Loss.AFTER)

        assert len(wrong) == 1
        assert "'replayed': True" in wrong[0]


class TestCommitThatComesLate:
    @every_case
    @pytest.mark.shows(26)
    def test_is_waited_for_and_answered_as_the_first(self, committed_floor: Floor, way: Way, case: str) -> None:
        subject = CASES[case](committed_floor)
        backend_id()
        way.armed.append(Loss.LATE_COMMIT)

        answer = outcome_of(subject.call)

        assert way.lost == {Loss.LATE_COMMIT: 1}
        assert answer["outcome"] == history.OK
        assert not answer["facts"].get("replayed")
        assert subject.marks() == 1
        assert broken_invariants() == {}


def _die_at(number: int, call: Call) -> bool:
    """Make the call in a process that is killed at that step: a write, the COMMIT, or the moment after it.

    Whether it got that far. Its backend notices by itself that it is alone, and is waited for.
    """
    before = _backends()
    connection.close()  # one connection cannot serve two processes
    child = os.fork()
    if child == 0:
        try:
            _count_down_to_death(number)
            outcome_of(call)
        finally:
            os._exit(0)
    was_killed = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    wait_until(lambda: _backends() <= before)
    return was_killed


def _backends() -> set[int]:
    """The other connections to the database, without PostgreSQL's own workers."""
    query = """
        SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
    """
    with connection.cursor() as cursor:
        cursor.execute(query)
        return {pid for (pid,) in cursor}


def _count_down_to_death(number: int) -> None:
    left = itertools.count(number - 1, -1)
    commit = connection.commit

    def step() -> None:
        if next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(execute: Callable[..., Any], statement: str, *others: Any) -> Any:
        if not _reads(statement):
            step()
        return execute(statement, *others)

    def commit_between_steps() -> None:
        step()
        commit()
        step()

    connection.execute_wrappers.append(watch)
    connection.commit = commit_between_steps  # type: ignore[method-assign]


class TestProcessKilledAtEveryStep:
    @pytest.mark.parametrize("case", KILLED)
    @pytest.mark.shows(24)
    def test_leaves_all_or_nothing_and_the_next_process_completes_it(self, committed_floor: Floor, case: str) -> None:
        found = []
        for number in itertools.count(1):
            subject = CASES[case](committed_floor)
            if not _die_at(number, subject.call):
                break
            found.append(subject.marks())
            again = outcome_of(subject.call)
            assert subject.marks() == 1
            if found[-1] == 0:
                assert again["outcome"] == history.OK
                assert not again["facts"].get("replayed")
            else:
                assert again["outcome"] in {history.OK, history.REFUSED}
                assert again["facts"]["replayed"] if again["outcome"] == history.OK else True

        assert len(found) > 2
        assert found == [0] * (len(found) - 1) + [1]
        assert broken_invariants() == {}
