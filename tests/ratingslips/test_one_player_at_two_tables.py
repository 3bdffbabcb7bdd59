"""One player asked to sit down at two tables at once: only the lock on the player keeps the two apart."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError

from ratingslips.models import GamingTable, RatingSlip
from ratingslips.services import PlayerHasLiveSlip
from tests.concurrency import in_turn
from tests.factories import TableFactory
from tests.floor import Floor
from tests.loyalty.test_concurrency import without_locks

pytestmark = pytest.mark.django_db(transaction=True)


def _openings(floor: Floor) -> list[Callable[[], RatingSlip]]:
    """To open a slip of the same player, at either table."""
    player = floor.player()
    tables: list[GamingTable] = [floor.table, TableFactory.create(casino=floor.casino, pit=floor.pit)]
    return [lambda table=table: floor.open_slip(player=player, table=table, at=floor.now) for table in tables]  # type: ignore[misc]


class TestOnePlayerAtTwoTables:
    def test_sits_down_at_the_first(self, floor: Floor) -> None:
        here, there = _openings(floor)

        _, second = in_turn(here, there)

        assert isinstance(second.outcome(), PlayerHasLiveSlip)
        assert RatingSlip.objects.get().table == floor.table

    @pytest.mark.shows(39)
    def test_would_be_stopped_by_the_constraint_alone_without_the_lock(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        here, there = _openings(floor)
        without_locks(monkeypatch)

        _, second = in_turn(here, there)

        assert isinstance(second.outcome(), IntegrityError)
        assert "ratingslips_slip_one_live_per_player" in str(second.outcome())
