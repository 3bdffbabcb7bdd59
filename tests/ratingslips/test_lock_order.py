"""The order of locks (`core.querysets`), as the statements of each use case show it.

Every use case keeps to one order, so no two can wait for each other. What would happen otherwise is seen in
`test_concurrency.TestTwoPlayersSlips`.
"""

import re
from collections.abc import Callable

from guardian.shortcuts import assign_perm

from core.models import Player
from ratingslips.services import check_drift, complete_rating_slip, move_rating_slip, recover_slip_loyalty
from tests.factories import TableFactory
from tests.floor import Floor
from tests.loyalty.postings import award
from tests.ratingslips.test_recovery import owed_slip
from tests.statements import statements_of

_LOCK = re.compile(r"FOR NO KEY UPDATE OF \"(\w+)\"|pg_advisory_xact_lock\(hashtextextended\('(\w+):")


def _locks_of(call: Callable[[], object]) -> list[str]:
    """The tables of the rows that `call` locks, and the kinds of the names, in order."""
    taken = [_LOCK.search(statement) for statement in statements_of(call)]
    return [lock.group(1) or lock.group(2) for lock in taken if lock]


class TestLockOrder:
    def test_is_kept_by_a_reward(self, floor: Floor) -> None:
        player = floor.player()

        locks = _locks_of(lambda: award(floor, player, reward_id="promo-77"))

        assert locks == ["reward", "core_user", "loyalty_playerloyalty"]

    def test_is_kept_by_opening(self, floor: Floor) -> None:
        player = floor.player()

        locks = _locks_of(lambda: floor.open_slip(player=player, slip_number="S-1"))

        assert locks == ["slip_request", "core_player", "ratingslips_gamingtable", "slip_number"]

    def test_is_kept_by_a_move(self, floor: Floor) -> None:
        slip, there = floor.open_slip(), TableFactory.create(casino=floor.casino, pit=floor.pit)

        locks = _locks_of(lambda: move_rating_slip(slip=slip, table=there, seat=2, actor=floor.boss, at=floor.now))

        assert locks == ["slip_request", "ratingslips_ratingslip", "ratingslips_gamingtable"]

    def test_is_kept_by_a_completion(self, floor: Floor) -> None:
        slip = floor.played_slip()

        locks = _locks_of(lambda: complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now))

        assert locks == ["slip_request", "ratingslips_ratingslip", "loyalty_playerloyalty"]

    def test_is_kept_by_a_recovery(self, floor: Floor) -> None:
        slip = owed_slip(floor)

        locks = _locks_of(lambda: recover_slip_loyalty(slip=slip, actor=floor.supervisor, at=floor.now))

        assert locks == ["slip_request", "ratingslips_ratingslip", "loyalty_playerloyalty"]

    def test_is_kept_by_rows_of_a_kind(self, floor: Floor) -> None:
        last_first = [floor.player(last_name=name) for name in ("Ueda", "Nguyễn", "Castillo")]

        locked = list(Player.objects.locked().filter(pk__in=[player.pk for player in last_first]))

        assert locked == last_first


class TestLockedName:
    def test_of_a_slip_number_is_the_casino_s_own(self, floor: Floor) -> None:
        player = floor.player()

        statements = statements_of(lambda: floor.open_slip(player=player, slip_number="S-1"))

        assert f"'slip_number:{floor.casino.pk}:S-1'" in "".join(statements)

    def test_of_a_drift_check_is_the_casino_s(self, floor: Floor) -> None:
        assign_perm("loyalty.view_loyaltyprogram", floor.supervisor, floor.program)

        statements = statements_of(lambda: check_drift(casino=floor.casino, actor=floor.supervisor, at=floor.now))

        assert f"'drift_check:{floor.casino.pk}'" in "".join(statements)

    def test_of_a_reward_is_its_id(self, floor: Floor) -> None:
        player = floor.player()

        statements = statements_of(lambda: award(floor, player, reward_id="promo-77"))

        assert "hashtextextended('reward:promo-77'" in "".join(statements)
