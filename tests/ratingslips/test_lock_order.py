"""The order of locks (`core.querysets`), as the statements of each use case show it.

Every use case keeps to one order, so no two can wait for each other. The controls take the same locks in another order.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from uuid import uuid4

import pytest
from django.db import OperationalError, transaction
from guardian.shortcuts import assign_perm

from core.locks import lock_name
from core.models import Player, User
from loyalty.models import PlayerLoyalty
from ratingslips.models import GamingTable, RatingSlip
from ratingslips.services import check_drift, complete_rating_slip, move_rating_slip, recover_slip_loyalty
from tests.concurrency import Elsewhere, backend_id, deadlocks, wait_until_blocked
from tests.factories import TableFactory
from tests.floor import Floor
from tests.loyalty.postings import award
from tests.statements import statements_of
from tests.waiting import wait_until

_LOCK = re.compile(r"FOR NO KEY UPDATE OF \"(\w+)\"|pg_advisory_xact_lock\(hashtextextended\('(\w+):")


def _locks_of(call: Callable[[], object]) -> list[str]:
    """The tables of the rows that `call` locks, and the kinds of the names, in order."""
    taken = [_LOCK.search(statement) for statement in statements_of(call)]
    return [lock.group(1) or lock.group(2) for lock in taken if lock]


class TestLockOrder:
    def test_is_kept_by_an_award(self, floor: Floor, player: Player) -> None:
        locks = _locks_of(lambda: award(floor, player, reward_id="promo-77"))

        assert locks == ["reward", "core_user", "loyalty_playerloyalty"]

    def test_is_kept_by_opening(self, floor: Floor, player: Player) -> None:
        locks = _locks_of(lambda: floor.open_slip(player=player, slip_number="S-1"))

        assert locks == ["slip_request", "core_player", "ratingslips_gamingtable", "slip_number"]

    def test_is_kept_by_a_move(self, floor: Floor) -> None:
        slip, there = floor.open_slip(), TableFactory.create(casino=floor.casino, pit=floor.pit)

        locks = _locks_of(lambda: move_rating_slip(slip=slip, table=there, seat=2, actor=floor.boss, at=floor.now))

        assert locks == ["slip_request", "ratingslips_ratingslip", "ratingslips_gamingtable"]

    def test_is_kept_by_a_completion(self, floor: Floor, played_slip: RatingSlip) -> None:
        locks = _locks_of(lambda: complete_rating_slip(slip=played_slip, actor=floor.boss, at=floor.now))

        assert locks == ["slip_request", "ratingslips_ratingslip", "loyalty_playerloyalty"]

    def test_is_kept_by_a_recovery(self, floor: Floor, owed_slip: RatingSlip) -> None:
        locks = _locks_of(lambda: recover_slip_loyalty(slip=owed_slip, actor=floor.supervisor, at=floor.now))

        assert locks == ["slip_request", "ratingslips_ratingslip", "loyalty_playerloyalty"]

    def test_is_kept_by_rows_of_a_kind(self, floor: Floor) -> None:
        last_first = [floor.player(last_name=name) for name in ("Ueda", "Nguyễn", "Castillo")]

        locked = list(Player.objects.locked().filter(pk__in=[player.pk for player in last_first]))

        assert locked == last_first


@pytest.mark.django_db(transaction=True)
class TestAnotherOrder:
    """A transaction that takes two locks of a use case the other way round, and the use case beside it."""

    @pytest.fixture
    def seated(self, floor: Floor) -> RatingSlip:
        return floor.open_slip(at=floor.ago(hours=1))

    def _deadlock(
        self, use_case: Callable[[], object], *, second: Callable[[], object], first: Callable[[], object]
    ) -> None:
        """See PostgreSQL break the wait of the two for each other, whichever of them it ends."""
        before = deadlocks()

        with suppress(OperationalError), transaction.atomic():
            second()
            running = Elsewhere(use_case)
            wait_until_blocked(running.backend, by=backend_id())
            first()
        running.outcome()

        wait_until(lambda: deadlocks() == before + 1)

    @pytest.mark.shows(39)
    def test_would_let_an_award_deadlock_over_staff_and_account(self, floor: Floor, player: Player) -> None:
        self._deadlock(
            lambda: award(floor, player),
            second=lambda: PlayerLoyalty.objects.locked().get(player=player),
            first=lambda: User.objects.locked().get(pk=floor.supervisor.pk),
        )

    @pytest.mark.shows(39)
    def test_would_let_an_award_deadlock_over_its_id_and_staff(self, floor: Floor, player: Player) -> None:
        self._deadlock(
            lambda: award(floor, player, reward_id="promo-77"),
            second=lambda: User.objects.locked().get(pk=floor.supervisor.pk),
            first=lambda: lock_name("reward", "promo-77"),
        )

    @pytest.mark.shows(39)
    def test_would_let_an_opening_deadlock_over_player_and_table(self, floor: Floor, player: Player) -> None:
        self._deadlock(
            lambda: floor.open_slip(player=player),
            second=lambda: GamingTable.objects.locked().get(pk=floor.table.pk),
            first=lambda: Player.objects.locked().get(pk=player.pk),
        )

    @pytest.mark.shows(39)
    def test_would_let_an_opening_deadlock_over_table_and_number(self, floor: Floor, player: Player) -> None:
        self._deadlock(
            lambda: floor.open_slip(player=player, slip_number="S-1"),
            second=lambda: lock_name("slip_number", f"{floor.casino.pk}:S-1"),
            first=lambda: GamingTable.objects.locked().get(pk=floor.table.pk),
        )

    @pytest.mark.shows(39)
    def test_would_let_a_move_deadlock_over_slip_and_table(self, floor: Floor, seated: RatingSlip) -> None:
        self._deadlock(
            lambda: move_rating_slip(slip=seated.pk, seat=2, actor=floor.boss, at=floor.now),
            second=lambda: GamingTable.objects.locked().get(pk=floor.table.pk),
            first=lambda: RatingSlip.objects.locked().get(pk=seated.pk),
        )

    @pytest.mark.shows(39)
    def test_would_let_a_move_deadlock_over_request_and_slip(self, floor: Floor, seated: RatingSlip) -> None:
        request_id = uuid4()

        self._deadlock(
            lambda: move_rating_slip(slip=seated.pk, seat=2, actor=floor.boss, at=floor.now, request_id=request_id),
            second=lambda: RatingSlip.objects.locked().get(pk=seated.pk),
            first=lambda: lock_name("slip_request", str(request_id)),
        )

    @pytest.mark.shows(39)
    def test_would_let_a_completion_deadlock_over_slip_and_account(self, floor: Floor, seated: RatingSlip) -> None:
        self._deadlock(
            lambda: complete_rating_slip(slip=seated.pk, actor=floor.boss, at=floor.now),
            second=lambda: PlayerLoyalty.objects.locked().get(player=seated.player_id),
            first=lambda: RatingSlip.objects.locked().get(pk=seated.pk),
        )


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
