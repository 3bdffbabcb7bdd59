"""House edge and decisions per hour have a beginning, and a segment freezes those in force at its start."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, connection
from django.test import Client
from django.utils import timezone

from core.clock import EARLIEST_EVENT_AT
from core.effective_dates import BeginsTooEarly
from core.models import Player, User
from core.permissions import NotPermitted
from loyalty.models import EarningRate
from ratingslips.models import GameSettings, GameValues, GamingTable, PlaySegment, RatingSlip
from ratingslips.services import (
    Act,
    GameValuesTaken,
    NoGameValues,
    RequestKind,
    add_game_values,
    change_average_bet,
    move_rating_slip,
    pause_rating_slip,
    record_play,
    resume_rating_slip,
)
from tests.casino_files import CasinoFolder
from tests.commands import Ran, run
from tests.concurrency import in_turn
from tests.console import address, html_of, signed_in
from tests.constraints import refused_by_trigger
from tests.databases import connect
from tests.factories import StaffFactory, TableFactory
from tests.floor import Floor
from tests.loyalty.test_concurrency import without_locks
from tests.older import migrate_older, older_database
from tests.refusals import refused

ROWS = """
INSERT INTO core_casino (id, code, name, time_zone, gaming_day_starts_at, longest_play_hours)
    VALUES (1, 'old', 'Old', 'UTC', '06:00', 12);
INSERT INTO ratingslips_gamesettings (id, casino_id, code, name, decisions_per_hour, house_edge_percent, seats)
    VALUES (1, 1, 'bj', 'Blackjack', 70, 1, 7);
"""
FIRST, SECOND = (Decimal(70), Decimal("0.75")), (Decimal(80), Decimal("1.25"))


@pytest.fixture
def table(floor: Floor) -> GamingTable:
    """A table whose game has its first values from three hours ago on, and its second from one hour ago on."""
    values = [(floor.ago(hours=3), "70", "0.75"), (floor.ago(hours=1), "80", "1.25")]
    return TableFactory.create(casino=floor.casino, pit=floor.pit, game__values=values)


@pytest.fixture
def manager(floor: Floor) -> User:
    """A member of staff who may change games."""
    return StaffFactory.create(casino=floor.casino, is_superuser=True)


def _frozen() -> list[tuple[Decimal, Decimal]]:
    return list(PlaySegment.objects.order_by("seq").values_list("decisions_per_hour", "house_edge_percent"))


class TestSegment:
    def _change_bet(self, floor: Floor, slip: RatingSlip, at: datetime) -> None:
        change_average_bet(slip=slip, average_bet=Decimal(100), actor=floor.boss, at=at)

    def _pause_and_resume(self, floor: Floor, slip: RatingSlip, at: datetime) -> None:
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=90))
        resume_rating_slip(slip=slip, actor=floor.boss, at=at)

    def _move(self, floor: Floor, slip: RatingSlip, at: datetime) -> None:
        move_rating_slip(slip=slip, seat=2, actor=floor.boss, at=at)

    @pytest.mark.parametrize("start", [_change_bet, _pause_and_resume, _move])
    @pytest.mark.parametrize(("before", "second"), [(timedelta(), SECOND), (timedelta(microseconds=1), FIRST)])
    def test_freezes_what_is_in_force_when_it_starts(
        self,
        floor: Floor,
        table: GamingTable,
        start: Callable[..., None],
        before: timedelta,
        second: tuple[Decimal, Decimal],
    ) -> None:
        slip = floor.open_slip(table=table, at=floor.ago(hours=2))

        start(self, floor, slip, floor.ago(hours=1) - before)

        assert _frozen() == [FIRST, second]

    def test_of_recorded_play_freezes_the_same(self, floor: Floor, table: GamingTable) -> None:
        kinds = [RequestKind.OPEN, RequestKind.CHANGE_BET, RequestKind.PAUSE, RequestKind.RESUME, RequestKind.CLOSE]
        acts = [
            Act(
                kind=kind,
                at=floor.ago(minutes=120 - 25 * number),
                player=floor.player().pk if kind == RequestKind.OPEN else None,
                table=table.pk if kind == RequestKind.OPEN else None,
                seat=1 if kind == RequestKind.OPEN else None,
                average_bet=Decimal(50 + number) if kind in kinds[:2] else None,
            )
            for number, kind in enumerate(kinds)
        ]

        done = record_play(casino=floor.casino, slip_number="S1", acts=acts, actor=floor.boss)

        assert done.refusals == {}
        assert _frozen() == [FIRST, FIRST, SECOND]

    def test_does_not_begin_before_the_first_values(self, floor: Floor, table: GamingTable, player: Player) -> None:
        with refused(NoGameValues, "had no house edge"):
            floor.open_slip(table=table, player=player, at=floor.ago(hours=4))

    def test_of_recorded_play_is_refused_alone(self, floor: Floor, table: GamingTable) -> None:
        opened, moved = floor.ago(hours=5), floor.ago(hours=4)
        acts = [
            Act(
                kind=RequestKind.OPEN,
                at=opened,
                player=floor.player().pk,
                table=floor.table.pk,
                seat=1,
                average_bet=Decimal(50),
            ),
            Act(kind=RequestKind.MOVE, at=moved, table=table.pk, seat=1),
            Act(kind=RequestKind.CLOSE, at=floor.now),
        ]

        done = record_play(casino=floor.casino, slip_number="S1", acts=acts, actor=floor.boss)

        assert {number: error.code for number, error in done.refusals.items()} == {1: "NO_GAME_VALUES"}
        assert (PlaySegment.objects.get().table, RatingSlip.objects.get().closed_at) == (floor.table, floor.now)


class TestAddGameValues:
    def _add(self, floor: Floor, manager: User, begins: datetime, **changes: Any) -> GameValues:
        figures = {"decisions_per_hour": Decimal(65), "house_edge_percent": Decimal("1.1")} | changes
        game = GameSettings.objects.get(pk=floor.table.game_id)
        return add_game_values(game=game, effective_from=begins, actor=manager, at=floor.now, **figures)

    @pytest.mark.parametrize("days", [1, -365 * 100])
    def test_takes_some_for_later_or_for_before_the_first(self, floor: Floor, manager: User, days: int) -> None:
        added = self._add(floor, manager, floor.now + timedelta(days=days))

        assert added in GameValues.objects.all()

    @pytest.mark.parametrize("seconds", [-1, 59])
    def test_refuses_some_for_play_that_was_rated(self, floor: Floor, manager: User, seconds: int) -> None:
        with refused(BeginsTooEarly, "rated by “70 decisions per hour at 0.75 % from the beginning”"):
            self._add(floor, manager, floor.now + timedelta(seconds=seconds))

    def test_gives_the_same_back_and_refuses_others(self, floor: Floor, manager: User) -> None:
        tomorrow = floor.now + timedelta(days=1)
        first = self._add(floor, manager, tomorrow)

        assert self._add(floor, manager, tomorrow) == first
        with refused(GameValuesTaken, "65 decisions per hour at 1.1 %"):
            self._add(floor, manager, tomorrow, decisions_per_hour=Decimal(66))

    def test_needs_the_permission(self, floor: Floor) -> None:
        with refused(NotPermitted):
            self._add(floor, floor.supervisor, floor.now + timedelta(days=1))


@pytest.mark.django_db(transaction=True)
class TestTwoValuesAtOnce:
    def _second(self, floor: Floor) -> Any:
        """What the second of two people is answered who add other values from the same instant on."""
        managers = StaffFactory.create_batch(2, casino=floor.casino, is_superuser=True)
        begins, game = floor.now + timedelta(days=1), GameSettings.objects.get(pk=floor.table.game_id)
        add = partial(add_game_values, game=game, house_edge_percent=Decimal(1), effective_from=begins, at=floor.now)
        _, second = in_turn(
            *(partial(add, decisions_per_hour=Decimal(60 + n), actor=actor) for n, actor in enumerate(managers))
        )
        return second.outcome()

    def test_are_one_after_the_other(self, floor: Floor) -> None:
        assert isinstance(self._second(floor), GameValuesTaken)

    @pytest.mark.shows(39)
    def test_would_be_stopped_by_a_constraint_alone_without_the_lock(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        without_locks(monkeypatch)

        assert isinstance(self._second(floor), IntegrityError)


class TestPostgreSQL:
    @pytest.mark.parametrize(
        "statement",
        [
            """
            INSERT INTO ratingslips_gamevalues (game_id, decisions_per_hour, house_edge_percent, effective_from)
            SELECT game_id, 1, 1, now() FROM ratingslips_gamevalues
            """,
            "UPDATE ratingslips_gamevalues SET house_edge_percent = 1",
            "DELETE FROM ratingslips_gamevalues",
        ],
    )
    @pytest.mark.usefixtures("floor")
    def test_keeps_what_was_in_force(self, statement: str) -> None:
        with refused_by_trigger("of ratingslips_gamevalues is refused"), connection.cursor() as cursor:
            cursor.execute(statement)


class TestPages:
    def _typed(self, *, days: int) -> dict[str, str]:
        begins = timezone.localtime() + timedelta(days=days)
        when = {"effective_from_0": f"{begins:%Y-%m-%d}", "effective_from_1": "06:00"}
        return when | {"decisions_per_hour": "65", "house_edge_percent": "1,1"}

    def test_add_values_and_show_them_with_those_in_force(self, floor: Floor, root: Client) -> None:
        game = floor.table.game_id

        answers = [root.post(address(GameSettings, "values", game), self._typed(days=2)) for _ in range(2)]
        pages = [html_of(root.get(address(GameSettings, page, game))) for page in ("change", "values")]

        assert [answer.status_code for answer in answers] == [302, 302]
        for html in pages:
            assert [html.count(f">{state}</span>") for state in ("Coming", "In force")] == [1, 1]
            assert ">1.1</td>" in html
        assert '<td class="field-house_edge_percent">0.75</td>' in html_of(
            root.get(address(GameSettings, "changelist"))
        )

    def test_refuse_a_beginning_in_the_past_beside_its_field(self, floor: Floor, root: Client) -> None:
        page = root.post(address(GameSettings, "values", floor.table.game_id), self._typed(days=-1))

        assert "stays as it is" in page.context["form"].errors["effective_from"][0]
        assert GameValues.objects.count() == 1

    @pytest.mark.parametrize(("day", "time"), [("9999-12-31", "23:59"), ("0001-01-01", "00:00")])
    def test_refuse_a_beginning_that_no_page_could_show(self, floor: Floor, day: str, time: str) -> None:
        client = signed_in(StaffFactory.create(casino=floor.casino, is_superuser=True))
        typed = self._typed(days=1) | {"effective_from_0": day, "effective_from_1": time}
        rate = typed | {"program": floor.program.pk, "points_per_unit": "12"}

        pages = [
            client.post(address(GameSettings, "values", floor.table.game_id), typed),
            client.post(address(EarningRate, "add"), rate),
        ]

        assert ["at most 100 years from now" in page.context["form"].errors["effective_from"][0] for page in pages] == [
            True,
            True,
        ]


@pytest.mark.django_db
class TestLoadCasino:
    @pytest.fixture
    def files(self, tmp_path: Any) -> CasinoFolder:
        """A casino that is loaded, with its files."""
        files = CasinoFolder(folder=tmp_path)
        assert self._load(files).code == 0
        return files

    def _load(self, files: CasinoFolder, *options: str) -> Ran:
        return run("load_casino", files.write(), "--code", "harbour", *options)

    def _change(self, files: CasinoFolder, edge: str, begins: str) -> None:
        files.games = [f"{files.games[0].removesuffix(',effective_from')},effective_from"]
        files.games += [f"blackjack,Blackjack,70,{edge},7,{begins}"]

    def test_adds_values_that_have_a_beginning_once(self, files: CasinoFolder) -> None:
        self._change(files, "1.5", "2030-01-01T06:00:00-08:00")

        first, second = self._load(files), self._load(files)

        assert "values of games: 1 new, 0 changed, 0 unchanged" in first.out
        assert "nothing to change" in second.out
        assert list(GameValues.objects.order_by("effective_from").values_list("effective_from", flat=True)) == [
            EARLIEST_EVENT_AT,
            datetime(2030, 1, 1, 14, tzinfo=UTC),
        ]

    @pytest.mark.parametrize(
        ("begins", "words"),
        [
            ("2026-01-01T06:00:00-08:00", "games.csv, game blackjack: Choose a beginning at least a minute from now"),
            ("9999-12-31T23:59:00-08:00", "games.csv, game blackjack: Choose a beginning from 1900 on"),
            ("1 January", "games.csv line 2: effective_from: “1 January” is not a time"),
        ],
    )
    def test_refuses_another_beginning(self, files: CasinoFolder, begins: str, words: str) -> None:
        self._change(files, "1.5", begins)

        ran = self._load(files, "--overwrite")

        assert (ran.code, words in ran.error) == (1, True)
        assert GameValues.objects.count() == 1

    def test_leaves_those_in_force_and_says_how_to_change_them(self, files: CasinoFolder) -> None:
        self._change(files, "1.5", "")

        ran = self._load(files, "--overwrite")

        assert "left as it is: values of game blackjack: house edge percent 0.750 → 1.5" in ran.out
        assert "in the column effective_from of games.csv" in ran.out


@pytest.mark.slow
class TestMigration:
    def test_keeps_todays_values_from_the_beginning_and_goes_back(self, db: None) -> None:
        with older_database("values", "ratingslips=0015") as name, connect(name) as database:
            database.execute(ROWS)
            migrate_older(name, "ratingslips=0016").check_returncode()
            begun = "SELECT decisions_per_hour, house_edge_percent, effective_from FROM ratingslips_gamevalues"
            found = database.execute(begun).fetchall()
            database.execute(
                "INSERT INTO ratingslips_gamevalues (game_id, decisions_per_hour, house_edge_percent, effective_from)"
                " SELECT 1, 80, 2, begins FROM (VALUES (now() + interval '1 day')) AS coming (begins)"
            )
            database.commit()
            migrate_older(name, "ratingslips=0015").check_returncode()
            back = database.execute("SELECT decisions_per_hour, house_edge_percent FROM ratingslips_gamesettings")

            assert found == [(Decimal(70), Decimal(1), EARLIEST_EVENT_AT)]
            assert back.fetchall() == [(Decimal(70), Decimal(1))]
