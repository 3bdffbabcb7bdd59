"""The order of locks (`core.querysets`), as the statements of each use case show it.

Every use case keeps to one order, so no two can wait for each other. The controls take the same locks in another order.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import OperationalError, transaction
from django.db.models import Model
from guardian.shortcuts import assign_perm

from core.locks import lock_name
from core.models import Player
from core.querysets import LockingQuerySet
from loyalty.models import PlayerLoyalty
from ratingslips.events import SlipVersion
from ratingslips.services import (
    Act,
    RequestKind,
    SlipPlay,
    check_drift,
    continue_rating_slip,
    move_rating_slip,
    record_plays,
    recover_slip_loyalty,
)
from tests.concurrency import Elsewhere, backend_id, deadlocks, wait_until_blocked
from tests.factories import CompTypeFactory, TableFactory
from tests.floor import Floor
from tests.loyalty.postings import adjust, award, redeem, reverse
from tests.ratingslips.corrections import close, closed, correct, last_at, void
from tests.ratingslips.test_reassigning import reassign
from tests.statements import statements_of
from tests.waiting import wait_until

pytestmark = pytest.mark.usefixtures("unhurried_chunks")

Lock = Callable[[], object]
_LOCK = re.compile(r"FOR NO KEY UPDATE OF ([\"\w, ]+)|pg_advisory_xact_lock\(hashtextextended\('(\w+):")


def _locks_of(call: Callable[[], object]) -> list[str]:
    """The tables of the rows that `call` locks, and the kinds of the names, in order."""
    taken = [lock for statement in statements_of(call) if (lock := _LOCK.search(statement))]
    return [name.strip('" ') for lock in taken for name in (lock.group(1) or lock.group(2)).split(",")]


REQUEST, SLIP, ACCOUNT = "slip_request", "ratingslips_ratingslip", "loyalty_playerloyalty"


def _move(floor: Floor) -> Callable[[], object]:
    slip, there = floor.open_slip(), TableFactory.create(casino=floor.casino, pit=floor.pit)
    return partial(move_rating_slip, slip=slip, table=there, seat=2, actor=floor.boss, at=floor.now)


def _correction(floor: Floor) -> Callable[[], object]:
    slip = closed(floor)
    return partial(correct, floor, slip, [replace(stretch, seat=2) for stretch in last_at(slip, 200)])


def _redemption(floor: Floor) -> Callable[[], object]:
    player, comp_type = floor.player(), CompTypeFactory.create(program=floor.program)
    award(floor, player)
    return partial(redeem, floor, player, comp_type=comp_type)


def _reversal(floor: Floor) -> Callable[[], object]:
    return partial(reverse, floor, award(floor, floor.player()).entry_id)


def _chunk(floor: Floor) -> Callable[[], object]:
    """Closes a slip that is there, and records a whole one."""
    slip, end = floor.open_slip(seat=2), Act(kind=RequestKind.CLOSE, at=floor.now)
    place: dict[str, Any] = {"player": floor.player().pk, "table": floor.table.pk, "seat": 1}
    opening = Act(kind=RequestKind.OPEN, at=floor.ago(hours=1), average_bet=Decimal(40), **place)
    plays = [
        SlipPlay(slip_number="S-1", acts=[opening, end]),
        SlipPlay(slip_number=slip.slip_number, acts=[end], expected_version=SlipVersion(seq=1, status="OPEN")),
    ]
    return partial(record_plays, casino=floor.casino, plays=plays, actor=floor.boss)


ACTS: dict[str, tuple[Callable[[Floor], Callable[[], object]], list[str]]] = {
    "award": (lambda f: partial(award, f, f.player(), reward_id="promo-77"), ["reward", "core_user", ACCOUNT]),
    "adjustment": (lambda f: partial(adjust, f, f.player(), adjustment_id="1"), ["adjustment", "core_user", ACCOUNT]),
    "redemption": (_redemption, ["redemption", ACCOUNT]),
    "reversal": (_reversal, [ACCOUNT]),
    "opening": (
        lambda f: partial(f.open_slip, player=f.player(), slip_number="S-1"),
        [REQUEST, "core_player", "ratingslips_gamingtable", "slip_number"],
    ),
    "move": (_move, [REQUEST, SLIP, "ratingslips_gamingtable"]),
    "completion": (lambda f: partial(close, f, f.played_slip()), [SLIP, "core_player", ACCOUNT]),
    "recovery": (
        lambda f: partial(recover_slip_loyalty, slip=f.owed_slip(), actor=f.supervisor, at=f.now),
        [REQUEST, SLIP, ACCOUNT],
    ),
    "import": (_chunk, [REQUEST, SLIP, "core_player", "ratingslips_gamingtable", "slip_number", ACCOUNT]),
    "correction": (_correction, [REQUEST, SLIP, "core_player", "ratingslips_gamingtable", ACCOUNT]),
    "void": (lambda f: partial(void, f, closed(f)), [REQUEST, SLIP, ACCOUNT]),
    "reassignment": (
        lambda f: partial(reassign, f, closed(f), f.player()),
        [REQUEST, SLIP, "core_player", ACCOUNT, ACCOUNT, ACCOUNT],
    ),
    "continuation": (
        lambda f: partial(continue_rating_slip, slip=closed(f), actor=f.boss, at=f.now),
        [REQUEST, SLIP, "core_player", "ratingslips_gamingtable"],
    ),
}


class TestLockOrder:
    @pytest.mark.parametrize(("prepare", "order"), ACTS.values(), ids=ACTS.keys())
    def test_is_kept_by(self, floor: Floor, prepare: Callable[[Floor], Callable[[], object]], order: list[str]) -> None:
        assert _locks_of(prepare(floor)) == order

    def test_is_kept_by_rows_of_a_kind(self, floor: Floor) -> None:
        last_first = [floor.player(last_name=name) for name in ("Ueda", "Nguyễn", "Castillo")]

        locked = list(Player.objects.locked().filter(pk__in=[player.pk for player in last_first]))

        assert locked == last_first


def _account(player: Player) -> Lock:
    return lambda: PlayerLoyalty.objects.locked().get(player=player)


def _row(row: Model) -> Lock:
    return lambda: LockingQuerySet(type(row)).locked().get(pk=row.pk)


def _name(kind: str, name: object) -> Lock:
    return lambda: lock_name(kind, str(name))


def _given(floor: Floor, *, lock: Callable[[Player], Lock]) -> tuple[Lock, Lock, Lock]:
    """A closed slip that is given to a player who has the lower key."""
    right, slip = floor.player(), closed(floor)
    return partial(reassign, floor, slip, right), lock(slip.player), lock(right)


def _moved(floor: Floor, *, over_request: bool) -> tuple[Lock, Lock, Lock]:
    slip, request_id = floor.open_slip(), uuid4()
    move = partial(move_rating_slip, slip=slip.pk, seat=2, actor=floor.boss, at=floor.now, request_id=request_id)
    return (move, _row(slip), _name(REQUEST, request_id)) if over_request else (move, _row(floor.table), _row(slip))


def _closed(floor: Floor) -> tuple[Lock, Lock, Lock]:
    slip = floor.played_slip()
    return partial(close, floor, slip), _account(slip.player), _row(slip)


def _corrected(floor: Floor, *, over_player: bool) -> tuple[Lock, Lock, Lock]:
    slip = closed(floor)
    act = partial(correct, floor, slip, [replace(stretch, seat=2) for stretch in last_at(slip, 200)])
    table, player = _row(floor.table), _row(slip.player)
    return (act, table, player) if over_player else (act, _account(slip.player), table)


def _continued(floor: Floor) -> tuple[Lock, Lock, Lock]:
    slip = closed(floor)
    act = partial(continue_rating_slip, slip=slip, actor=floor.boss, at=floor.now)
    return act, _row(floor.table), _row(slip.player)


# Two locks of a use case, which takes the second one of these before the first one.
DEADLOCKS: dict[str, Callable[[Floor, Player], tuple[Lock, Lock, Lock]]] = {
    "staff and account": lambda f, p: (partial(award, f, p), _account(p), _row(f.supervisor)),
    "reward and staff": lambda f, p: (
        partial(award, f, p, reward_id="promo-77"),
        _row(f.supervisor),
        _name("reward", "promo-77"),
    ),
    "adjustment and staff": lambda f, p: (
        partial(adjust, f, p, adjustment_id="promo-77"),
        _row(f.supervisor),
        _name("adjustment", "promo-77"),
    ),
    "redemption and account": lambda f, p: (
        partial(redeem, f, p, request_id=UUID(int=1)),
        _account(p),
        _name("redemption", UUID(int=1)),
    ),
    "player and table": lambda f, p: (partial(f.open_slip, player=p), _row(f.table), _row(p)),
    "table and number": lambda f, p: (
        partial(f.open_slip, player=p, slip_number="S-1"),
        _name("slip_number", f"{f.casino.pk}:S-1"),
        _row(f.table),
    ),
    "slip and table": lambda f, _: _moved(f, over_request=False),
    "request and slip": lambda f, _: _moved(f, over_request=True),
    "slip and account": lambda f, _: _closed(f),
    "player and table of a correction": lambda f, _: _corrected(f, over_player=True),
    "table and account of a correction": lambda f, _: _corrected(f, over_player=False),
    "player and table of a continuation": lambda f, _: _continued(f),
    "two players": lambda f, _: _given(f, lock=_row),
    "two accounts": lambda f, _: _given(f, lock=_account),
}


@pytest.mark.django_db(transaction=True)
class TestAnotherOrder:
    @pytest.mark.parametrize("prepare", DEADLOCKS.values(), ids=DEADLOCKS.keys())
    @pytest.mark.shows(39)
    def test_would_let_a_use_case_deadlock(
        self, floor: Floor, player: Player, prepare: Callable[[Floor, Player], tuple[Lock, Lock, Lock]]
    ) -> None:
        """PostgreSQL ends a deadlock of the use case and a transaction that takes its locks in the opposite order."""
        use_case, second, first = prepare(floor, player)
        before = deadlocks()

        with suppress(OperationalError), transaction.atomic():
            second()
            running = Elsewhere(use_case)
            wait_until_blocked(running.backend, by=backend_id())
            first()
        running.outcome()

        wait_until(lambda: deadlocks() == before + 1)


class TestLockedName:
    def test_of_a_slip_number_is_the_casino_s_own(self, floor: Floor, player: Player) -> None:
        statements = statements_of(lambda: floor.open_slip(player=player, slip_number="S-1"))

        assert f"'slip_number:{floor.casino.pk}:S-1'" in "".join(statements)

    def test_of_a_drift_check_is_the_casino_s(self, floor: Floor) -> None:
        assign_perm("loyalty.view_loyaltyprogram", floor.supervisor, floor.program)

        statements = statements_of(lambda: check_drift(casino=floor.casino, actor=floor.supervisor, at=floor.now))

        assert f"'drift_check:{floor.casino.pk}'" in "".join(statements)

    def test_of_an_award_is_its_reward_id(self, floor: Floor, player: Player) -> None:
        statements = statements_of(lambda: award(floor, player, reward_id="promo-77"))

        assert "hashtextextended('reward:promo-77'" in "".join(statements)
