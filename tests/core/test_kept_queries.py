"""Queries whose SQL is kept: they read what the query set would read."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection, transaction
from django.db.models import Count, QuerySet

from core.kept_queries import KeptQuery
from core.models import Player
from core.querysets import reading_only
from loyalty.models import Tier
from ratingslips.models import RatingSlip
from ratingslips.services import complete_rating_slip
from tests.concurrency import Elsewhere
from tests.databases import connect
from tests.floor import Floor
from tests.statements import statements_of


def _of_card(card: str, casino: int) -> QuerySet[Player]:
    return Player.objects.select_related("casino").filter(card_number=card, casino=casino)


def _of_player(player: int, since: datetime, but_for: UUID) -> QuerySet[RatingSlip]:
    slips = RatingSlip.objects.select_related("player__casino", "closed_by").annotate(segments_read=Count("segments"))
    return slips.filter(player=player, opened_at__gte=since).exclude(pk=but_for).order_by("pk")


@contextmanager
def _wider_names_of_tiers() -> Iterator[None]:
    with connect() as migration:
        migration.execute("ALTER TABLE loyalty_tier ALTER name TYPE varchar(99)")
        try:
            yield
        finally:
            migration.execute("ALTER TABLE loyalty_tier ALTER name TYPE varchar(40)")


class TestKeptQuery:
    def test_builds_its_sql_once_for_all_threads(self, floor: Floor) -> None:
        built: list[int] = []

        def build(key: int) -> QuerySet[Player]:
            built.append(key)
            return Player.objects.filter(pk=key)

        players, player = KeptQuery(build), floor.player()

        elsewhere = Elsewhere(lambda: players(player.pk)).result()  # which does not see what is not committed

        assert (elsewhere, players(player.pk), len(built)) == ([], [player], 1)

    def test_reads_rows_with_what_belongs_to_them(self, floor: Floor) -> None:
        slips_of = KeptQuery(_of_player)
        slip = floor.open_slip()

        for since, but_for in (
            (floor.ago(hours=3), uuid4()),
            (floor.ago(hours=1), uuid4()),
            (floor.ago(hours=3), slip.pk),
        ):
            arguments = (slip.player_id, since, but_for)
            kept, expected = slips_of(*arguments), list(_of_player(*arguments))
            assert kept == expected
            assert [vars(row).keys() for row in kept] == [vars(row).keys() for row in expected]
            assert [(row.player.casino, row.closed_by, row.segments_read) for row in kept] == [  # type: ignore[attr-defined]
                (row.player.casino, row.closed_by, row.segments_read)  # type: ignore[attr-defined]
                for row in expected
            ]

    def test_sends_one_statement_and_sees_what_changed(self, floor: Floor) -> None:
        players_of = KeptQuery(_of_card)
        player = floor.player()
        assert players_of(player.card_number, floor.casino.pk) == [player]
        Player.objects.filter(pk=player.pk).update(first_name="Zoë")

        statements = statements_of(lambda: players_of(player.card_number, floor.casino.pk))

        assert len(statements) == 1
        assert [row.first_name for row in players_of(player.card_number, floor.casino.pk)] == ["Zoë"]

    def test_refuses_an_argument_that_the_query_does_not_use(self) -> None:
        unused = KeptQuery(lambda number, name: Player.objects.filter(pk=number))

        with pytest.raises(TypeError, match="each argument of a kept query is a parameter"):
            unused(7, "nobody")

    def test_refuses_an_argument_of_another_type(self) -> None:
        with pytest.raises(TypeError, match="a kept query takes no NoneType"):
            KeptQuery(_of_card)(None, 7)

    def test_locks_nothing_outside_a_transaction(self, transactional_db: None) -> None:
        locked = KeptQuery(lambda key: Player.objects.locked().filter(pk=key))
        with transaction.atomic():
            locked(7)

        with pytest.raises(transaction.TransactionManagementError):
            locked(7)

    @pytest.mark.parametrize("reads_first", [True, False])
    def test_locks_wherever_it_is_not_only_reading(self, db: None, reads_first: bool) -> None:
        locked, found = KeptQuery(lambda key: Player.objects.locked().filter(pk=key)), {}

        for is_reading in (reads_first, not reads_first):
            with reading_only() if is_reading else nullcontext():
                [statement] = statements_of(lambda: locked(7))
            found[is_reading] = "FOR NO KEY UPDATE" in statement

        assert found == {True: False, False: True}

    def test_is_prepared_again_where_the_statement_is_gone(self, committed_floor: Floor) -> None:
        for seat in (1, 2, 3):
            slip = committed_floor.open_slip(seat=seat)
            complete_rating_slip(slip=slip.pk, actor=committed_floor.boss, at=committed_floor.now)
        slip = committed_floor.open_slip(seat=4)
        with connection.cursor() as cursor:  # behind the back of psycopg, as a pool would
            cursor.execute("DO $$ BEGIN EXECUTE 'DEALLOCATE ALL'; END $$")

        settlement = complete_rating_slip(slip=slip.pk, actor=committed_floor.boss, at=committed_floor.now)

        assert settlement.points == 420

    def test_is_prepared_again_after_a_migration_changed_a_column(self, committed_floor: Floor) -> None:
        tiers_of = KeptQuery(lambda program: Tier.objects.filter(program=program))
        slips = [committed_floor.open_slip(seat=seat) for seat in (1, 2, 3, 4)]
        for slip in slips[:3]:
            tiers_of(committed_floor.program.pk)
            complete_rating_slip(slip=slip.pk, actor=committed_floor.boss, at=committed_floor.now)
            tiers_of(committed_floor.program.pk)

        with _wider_names_of_tiers():
            tiers = tiers_of(committed_floor.program.pk)
            for _ in range(3):
                tiers_of(committed_floor.program.pk)
        with _wider_names_of_tiers():
            settlement = complete_rating_slip(slip=slips[3].pk, actor=committed_floor.boss, at=committed_floor.now)

        assert (len(tiers), settlement.points) == (4, 420)

    @pytest.mark.parametrize("is_on", [True, False])
    def test_is_planned_once_where_plans_can_be_kept(self, floor: Floor, settings: Any, is_on: bool) -> None:
        settings.PREPARED_STATEMENTS = is_on
        players_of = KeptQuery(_of_card)
        for _ in range(3):
            players_of("4711", floor.casino.pk)

        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%%core_player%%'")
            assert (cursor.fetchone()[0] > 0) == is_on
