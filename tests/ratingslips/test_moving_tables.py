"""Staff who operate both pits move a table between them; live and closed slips stay in their pit.

Staff who operate the pit change the game of a table that has no live slip.
"""

from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from guardian.shortcuts import assign_perm

from core.models import Player, User
from core.permissions import NotPermitted
from core.roles import PIT_SUPERVISOR
from ratingslips.models import GameSettings, GamingTable, Pit, RatingSlip
from ratingslips.services import (
    TableHasLiveSlips,
    complete_rating_slip,
    move_rating_slip,
    open_rating_slip,
    pause_rating_slip,
    recover_slip_loyalty,
    release_withheld_points,
    require_table_may_change,
)
from tests.concurrency import Elsewhere, held_before_commit, in_turn
from tests.console import address, send_form, signed_in
from tests.constraints import inserted, refused_by_trigger
from tests.factories import GameFactory, PitFactory, StaffFactory, TableFactory
from tests.floor import Floor, give_rights
from tests.loyalty.test_concurrency import without_locks
from tests.ratingslips.rows import segment_row, slip_row
from tests.refusals import refused
from tests.tampering import without_triggers

LIVE_SLIP_STAYS = "a table with a live slip keeps its pit and its game"
NOT_ITS_PIT = "the pit is not the one that the table is in"


@pytest.fixture
def next_pit(floor: Floor) -> Pit:
    return PitFactory.create(casino=floor.casino, name="Pit next door")


def _supervisor(pit: Pit) -> User:
    user = StaffFactory.create(casino=pit.casino)
    give_rights((user, pit, ["operate_pit", "recover_loyalty"]))
    return user


def _send(actor: User, table: GamingTable, to: Pit, game: GameSettings | None = None) -> Any:
    typed = {"pit": to.pk, "game": (game or table.game).pk, "name": table.name, "seats": table.seats, "is_active": "on"}
    return send_form(signed_in(actor, PIT_SUPERVISOR), address(GamingTable, "change", table.pk), typed)


def _move(floor: Floor, to: Pit) -> None:
    """Move the floor's table as its form and the loading of a casino do, in one transaction."""
    with transaction.atomic():
        table = GamingTable.objects.locked().get(pk=floor.table.pk)
        require_table_may_change(table, pit=to, game=table.game, name=table.name, actor=floor.supervisor)
        table.pit = to
        table.save(update_fields=["pit"])


def _move_at_once(table: GamingTable, to: Pit) -> None:
    GamingTable.objects.filter(pk=table.pk).update(pit=to)


@pytest.mark.django_db
class TestFormOfATable:
    @pytest.mark.parametrize(
        ("operated", "missing"), [((), "from"), (("from",), "to"), (("to",), "from"), (("from", "to"), "")]
    )
    def test_moves_it_for_who_operates_both_pits(
        self, floor: Floor, next_pit: Pit, operated: tuple[str, ...], missing: str
    ) -> None:
        pits = {"from": floor.pit, "to": next_pit}
        actor = StaffFactory.create(casino=floor.casino)
        assign_perm("ratingslips.change_pit", actor)
        give_rights(*((actor, pits[name], ["operate_pit"]) for name in operated))

        page = _send(actor, floor.table, next_pit)

        floor.table.refresh_from_db()
        assert floor.table.pit == (floor.pit if missing else next_pit)
        assert not missing or f"close rating slips” on {pits[missing]}" in page.content.decode()

    def test_changes_the_rest_for_who_operates_no_pit(self, floor: Floor) -> None:
        floor.table.seats = 5

        _send(StaffFactory.create(casino=floor.casino), floor.table, floor.pit)

        assert GamingTable.objects.get(pk=floor.table.pk).seats == 5

    @pytest.mark.parametrize("operates", [False, True])
    def test_renames_it_for_who_operates_the_pit(self, floor: Floor, operates: bool) -> None:
        actor = _supervisor(floor.pit) if operates else StaffFactory.create(casino=floor.casino)
        former, floor.table.name = floor.table.name, "Taken away"

        page = _send(actor, floor.table, floor.pit)

        assert GamingTable.objects.get(pk=floor.table.pk).name == ("Taken away" if operates else former)
        assert operates or "name" in page.context["adminform"].form.errors

    @pytest.mark.parametrize(("others", "words"), [(0, "it has 1 live slip. Close or move it"), (1, "2 live slips")])
    def test_does_not_move_it_while_somebody_sits_there(
        self, floor: Floor, next_pit: Pit, others: int, words: str
    ) -> None:
        give_rights((floor.supervisor, next_pit, ["operate_pit"]))
        pause_rating_slip(slip=floor.open_slip(), actor=floor.boss, at=floor.now)
        for seat in range(2, 2 + others):
            floor.open_slip(seat=seat)

        page = _send(floor.supervisor, floor.table, next_pit)

        assert words in page.content.decode()
        assert GamingTable.objects.get(pk=floor.table.pk).pit == floor.pit


@pytest.mark.django_db
class TestFormOfAPit:
    @pytest.mark.parametrize("operates", [False, True])
    def test_renames_it_for_who_operates_it(self, floor: Floor, operates: bool) -> None:
        actor = _supervisor(floor.pit) if operates else StaffFactory.create(casino=floor.casino)
        former = floor.pit.name

        page = send_form(
            signed_in(actor, PIT_SUPERVISOR), address(Pit, "change", floor.pit.pk), {"name": "Pit of another name"}
        )

        assert Pit.objects.get(pk=floor.pit.pk).name == ("Pit of another name" if operates else former)
        assert operates or "name" in page.context["adminform"].form.errors


class TestGameOfATable:
    @pytest.mark.parametrize(
        ("operates", "is_live", "words"),
        [
            (False, False, "on {pit}"),
            (True, True, "keeps Blackjack: it has 1 live slip"),
            (True, False, ""),
        ],
    )
    def test_changes_for_who_operates_the_pit_with_nobody_rated(
        self, floor: Floor, operates: bool, is_live: bool, words: str
    ) -> None:
        actor = _supervisor(floor.pit) if operates else StaffFactory.create(casino=floor.casino)
        if is_live:
            floor.open_slip()
        game = GameFactory.create(casino=floor.casino)

        page = _send(actor, floor.table, floor.pit, game)

        assert (GamingTable.objects.get(pk=floor.table.pk).game == game) == (not words)
        assert words.format(pit=floor.pit) in page.content.decode()


@pytest.mark.django_db
class TestPitOfASlip:
    def test_follows_the_slip_while_it_is_live(self, floor: Floor, next_pit: Pit, slip: RatingSlip) -> None:
        there = TableFactory.create(casino=floor.casino, pit=next_pit)
        give_rights((floor.boss, next_pit, ["operate_pit"]))

        move_rating_slip(slip=slip, table=there, seat=1, actor=floor.boss, at=floor.now)

        slip.refresh_from_db()
        assert slip.pit == next_pit
        assert [segment.pit for segment in slip.segments.order_by("seq")] == [floor.pit, next_pit]

    def test_is_where_owed_points_are_paid_after_the_table_moved(self, floor: Floor, next_pit: Pit) -> None:
        owed, there, here = floor.owed_slip(), _supervisor(next_pit), _supervisor(floor.pit)
        _move_at_once(floor.table, next_pit)

        with refused(NotPermitted, f"on {floor.pit}"):
            recover_slip_loyalty(slip=owed, actor=there, at=floor.now)

        assert recover_slip_loyalty(slip=owed, actor=here, at=floor.now).points == 578

    def test_is_where_withheld_points_are_released_after_the_table_moved(self, floor: Floor, next_pit: Pit) -> None:
        withheld = floor.played_slip()
        Player.objects.update(status=Player.Status.BARRED)
        complete_rating_slip(slip=withheld, actor=floor.boss, at=floor.now)
        Player.objects.update(status=Player.Status.ACTIVE)
        _move_at_once(floor.table, next_pit)
        there, here = _supervisor(next_pit), _supervisor(floor.pit)
        give_rights((there, floor.program, ["award"]), (here, floor.program, ["award"]))
        release: Any = {"slip": withheld, "reason": "The ban was a mistake", "at": floor.now}

        with refused(NotPermitted, f"on {floor.pit}"):
            release_withheld_points(**release, actor=there)

        assert release_withheld_points(**release, actor=here).points == 578

    def test_is_where_lists_and_pages_show_it(self, floor: Floor, next_pit: Pit) -> None:
        owed = floor.owed_slip()
        _move_at_once(floor.table, next_pit)
        client = signed_in(_supervisor(floor.pit), PIT_SUPERVISOR)

        of_pit, of_next = (
            client.get(address(RatingSlip, "changelist"), {"pit__id__exact": pit.pk}).content.decode()
            for pit in (floor.pit, next_pit)
        )

        assert owed.slip_number in of_pit
        assert owed.slip_number not in of_next
        assert client.get(reverse("floor:pit", args=[floor.pit.pk])).context["map"].owed == 1
        assert client.get(reverse("floor:pit", args=[next_pit.pk])).context["map"].owed == 0
        assert client.get(reverse("floor:slip", args=[owed.pk])).context["pit_page"].pit == floor.pit
        assert [one.may_pay for one in client.get(reverse("admin:index")).context["owed"].shown] == [True]


# A table of the same name that a session finds first.
ELSEWHERE = """
    CREATE SCHEMA elsewhere CREATE TABLE ratingslips_ratingslip (table_id bigint, status text);
    SET LOCAL search_path = elsewhere, public;
"""


@pytest.mark.django_db
class TestPostgresqlRefuses:
    def test_another_pit_also_in_a_session_that_looks_elsewhere_first(
        self, floor: Floor, next_pit: Pit, slip: RatingSlip
    ) -> None:
        with refused_by_trigger(LIVE_SLIP_STAYS), connection.cursor() as cursor:
            cursor.execute(ELSEWHERE)
            GamingTable.objects.filter(pk=slip.table_id).update(pit=next_pit)

    def test_another_pit_or_game_beside_a_live_slip(self, floor: Floor, next_pit: Pit, slip: RatingSlip) -> None:
        for values in ({"pit": next_pit}, {"game": GameFactory.create(casino=floor.casino)}):
            with refused_by_trigger(LIVE_SLIP_STAYS):
                GamingTable.objects.filter(pk=floor.table.pk).update(**values)

        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
        _move_at_once(floor.table, next_pit)

    @pytest.mark.parametrize("row", [slip_row, segment_row])
    def test_play_in_another_pit_than_the_tables(self, floor: Floor, next_pit: Pit, row: Any) -> None:
        with refused_by_trigger(NOT_ITS_PIT):
            inserted(row(floor, pit=next_pit))

    def test_another_pit_for_a_slip(self, floor: Floor, next_pit: Pit, slip: RatingSlip) -> None:
        there = TableFactory.create(casino=floor.casino, pit=next_pit)

        for values in ({"pit": next_pit}, {"table": there}):
            with refused_by_trigger(NOT_ITS_PIT):
                RatingSlip.objects.filter(pk=slip.pk).update(**values)

        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
        with refused_by_trigger("a closed slip can only be settled"):
            RatingSlip.objects.filter(pk=slip.pk).update(pit=next_pit)


@pytest.mark.django_db(transaction=True)
class TestMoveOfATableAtOnce:
    @pytest.fixture(autouse=True)
    def _operates_both(self, floor: Floor, next_pit: Pit) -> None:
        give_rights((floor.supervisor, next_pit, ["operate_pit"]))

    def test_waits_for_an_opening_and_is_refused(self, floor: Floor, next_pit: Pit) -> None:
        player = floor.player()

        _, moving = in_turn(lambda: _open(floor, player), lambda: _move(floor, next_pit))

        assert isinstance(moving.outcome(), TableHasLiveSlips)

    def test_is_waited_for_by_an_opening_in_the_new_pit(self, floor: Floor, next_pit: Pit) -> None:
        player = floor.player()

        _, opening = in_turn(lambda: _move(floor, next_pit), lambda: _open(floor, player))

        assert getattr(opening.outcome(), "code", None) == "NOT_PERMITTED"

    @pytest.mark.shows(39)
    def test_would_be_stopped_by_the_trigger_alone_without_the_lock(
        self, floor: Floor, next_pit: Pit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        player = floor.player()
        without_locks(monkeypatch)

        _, moving = in_turn(lambda: _open(floor, player), lambda: _move(floor, next_pit))

        # It saw no slip; the trigger waited for the opening, and saw it.
        assert isinstance(moving.outcome(), IntegrityError)

    def test_is_waited_for_by_the_trigger_of_an_opening(
        self, floor: Floor, next_pit: Pit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        player = floor.player()
        without_locks(monkeypatch)

        _, opening = in_turn(lambda: _move(floor, next_pit), lambda: _open(floor, player))

        assert NOT_ITS_PIT in str(opening.outcome())

    @pytest.mark.shows(39)
    def test_would_leave_a_live_slip_behind_without_the_triggers(
        self, floor: Floor, next_pit: Pit, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        player = floor.player()
        without_locks(monkeypatch)

        with (
            without_triggers("ratingslips_ratingslip", "ratingslips_slip_opens_in_pit"),
            without_triggers("ratingslips_playsegment", "ratingslips_segment_in_pit"),
            held_before_commit(lambda: _move(floor, next_pit)),
        ):
            slip = Elsewhere(lambda: _open(floor, player)).result()

        assert (slip.pit, GamingTable.objects.get(pk=slip.table_id).pit) == (floor.pit, next_pit)

    def test_is_refused_until_a_closing_is_committed(self, floor: Floor, next_pit: Pit, slip: RatingSlip) -> None:
        with (
            held_before_commit(lambda: complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)),
            pytest.raises(TableHasLiveSlips),
        ):
            _move(floor, next_pit)
        _move(floor, next_pit)

        slip.refresh_from_db()
        assert (slip.pit, slip.table.pit) == (floor.pit, next_pit)


def _open(floor: Floor, player: Player) -> RatingSlip:
    return open_rating_slip(
        player=player, table=floor.table, seat=1, average_bet=Decimal(40), actor=floor.boss, at=floor.now
    )
