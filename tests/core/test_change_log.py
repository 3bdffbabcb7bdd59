"""The change log: every change of what decides points or rights, by whatever way it was made."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone

from config.database.rights import TABLES
from core import correlation
from core.changes.tables import LOGGED, NOT_LOGGED
from core.models import Change, Player, User
from core.transactions import operation
from loyalty.models import EarningRate
from loyalty.services import pause_program
from ratingslips.models import GamingTable
from tests.console import send_form, signed_in
from tests.constraints import refused_by_trigger, run_as_replica
from tests.databases import as_owner, connect
from tests.factories import CasinoFactory, PitFactory, PlayerFactory, StaffFactory
from tests.floor import Floor, give_rights

APPLICATION: str = connection.settings_dict["USER"]
OWNER: str = (connection.settings_dict.get("OWNER") or connection.settings_dict)["USER"]
GIVEN = uuid.UUID("0b0d9a4e-7c1f-4a56-9d57-6a3c9d5c2f11")


@contextmanager
def _changes() -> Iterator[list[Change]]:
    """The changes that the block makes, oldest first, filled at its end."""
    last = Change.objects.order_by("pk").last()
    made: list[Change] = []
    yield made
    made += Change.objects.filter(pk__gt=last.pk if last else 0).order_by("pk")


def _execute(statement: str, *values: str | int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _save(player: Player) -> None:
    player.status = Player.Status.BARRED
    player.save(update_fields=["status"])


_ONE = "(SELECT %s::bigint AS id) AS one"
WAYS: dict[str, Callable[[Player], object]] = {
    "save": _save,
    "update": lambda player: Player.objects.filter(pk=player.pk).update(status="BARRED"),
    "bulk update": lambda player: Player.objects.bulk_update([Player(pk=player.pk, status="BARRED")], ["status"]),
    "sql": lambda player: _execute("update only public.core_player set status = 'BARRED' where id = %s", player.pk),
    "cte": lambda player: _execute(
        f"WITH one AS (SELECT * FROM {_ONE}) UPDATE core_player p SET status = 'BARRED' FROM one WHERE p.id = one.id",
        player.pk,
    ),
    "merge": lambda player: _execute(
        f"MERGE INTO core_player p USING {_ONE} ON p.id = one.id WHEN MATCHED THEN UPDATE SET status = 'BARRED'",
        player.pk,
    ),
}


class TestTables:
    def test_are_each_logged_or_named_with_a_reason(self) -> None:
        assert {*LOGGED, *NOT_LOGGED} == TABLES.keys()
        assert not {*LOGGED} & NOT_LOGGED.keys()

    def test_are_each_logged_by_triggers(self, db: None) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")
            triggers = {name for (name,) in cursor.fetchall()}

        assert {
            f"{table}_{what}"
            for table in LOGGED
            for what in ("log_insert", "log_update", "log_delete", "refuse_truncate")
        } <= triggers


@pytest.mark.shows(41)
class TestAuthor:
    @pytest.mark.parametrize("way", WAYS)
    def test_is_kept_however_the_change_is_made(self, floor: Floor, player: Player, way: str) -> None:
        with _changes() as made, correlation.bound(GIVEN), operation("tests.bar", actor_id=floor.boss.pk):
            WAYS[way](player)

        [change] = made
        assert (change.table_name, change.row_id, change.action) == ("core_player", player.pk, "UPDATE")
        assert (change.old, change.new) == ({"status": "ACTIVE"}, {"status": "BARRED"})
        assert (change.actor, change.correlation_id) == (floor.boss, GIVEN)
        assert (change.casino, change.concerns) == (floor.casino, [f"core_player:{player.pk}"])
        assert change.database_role == APPLICATION

    def test_is_the_actor_of_a_service(self, floor: Floor) -> None:
        with _changes() as made:
            pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Migration of the tiers")

        assert {change.table_name for change in made} == {"loyalty_loyaltyprogram", "loyalty_programpause"}
        assert {change.actor for change in made} == {floor.supervisor}
        assert {change.correlation_id for change in made} == {floor.program.pauses.get().correlation_id}

    def test_is_who_sent_a_form_of_the_console(self, floor: Floor) -> None:
        client = signed_in(StaffFactory.create(casino=floor.casino, is_superuser=True))
        form = {"casino": floor.casino.pk, "name": "High Limit"}

        with _changes() as made:
            answer = send_form(client, "/console/ratingslips/pit/add/", form)

        [change] = made
        assert (change.new or {})["name"] == "High Limit"
        assert (change.actor_id, str(change.correlation_id)) == (
            int(client.session["_auth_user_id"]),
            answer.headers["X-Correlation-ID"],
        )

    def test_is_who_is_signed_in_where_no_service_names_one(self, floor: Floor) -> None:
        password, other = "a-shift-on-the-harbour-floor", "another-night-by-the-harbour"
        floor.boss.set_password(password)
        floor.boss.save()
        form = {"old_password": password, "new_password1": other, "new_password2": other}

        with _changes() as made:
            signed_in(floor.boss).post("/console/password_change/", form)

        assert [(change.old, change.actor) for change in made] == [({"password": None}, floor.boss)]

    def test_does_not_outlast_the_request(self, floor: Floor, player: Player) -> None:
        signed_in(floor.boss).get("/console/")

        with _changes() as made:
            WAYS["update"](player)

        assert [(change.actor, change.correlation_id) for change in made] == [(None, None)]

    @pytest.mark.parametrize("name", [APPLICATION, OWNER])
    def test_is_the_role_of_a_session_past_the_console(self, committed_floor: Floor, name: str) -> None:
        committed_floor.player()

        with _changes() as made, connect(role=name) as psql:
            psql.execute("UPDATE core_player SET status = 'BARRED'")

        assert [(change.actor, change.correlation_id, change.database_role) for change in made] == [(None, None, name)]

    def test_is_not_taken_from_a_value(self, floor: Floor, player: Player) -> None:
        forged = f"\n/* actor={floor.boss.pk} correlation_id={GIVEN} */"

        with _changes() as made:
            _execute("UPDATE core_player SET status = 'BARRED' WHERE last_name <> %s", forged)

        assert [change.actor for change in made] == [None]


def _of(made: list[Change]) -> list[tuple[Any, ...]]:
    return [(change.table_name, change.action, change.old, change.new) for change in made]


def _without_key(values: dict[str, Any] | None) -> dict[str, Any]:
    return {name: value for name, value in (values or {}).items() if name != "id"}


@pytest.mark.shows(41)
class TestValues:
    def test_are_those_before_and_after(self, floor: Floor) -> None:
        boss = floor.boss
        role, right = Group.objects.create(name="Host"), Permission.objects.earliest("pk")

        with _changes() as made:
            role.permissions.add(right)
            role.permissions.clear()
            boss.groups.add(role)
            boss.groups.clear()
            boss.user_permissions.add(right)

        given = {"group_id": role.pk, "permission_id": right.pk}
        assert [(table, action, *map(_without_key, values)) for table, action, *values in _of(made)] == [
            ("auth_group_permissions", "INSERT", {}, given),
            ("auth_group_permissions", "DELETE", given, {}),
            ("core_user_groups", "INSERT", {}, {"user_id": boss.pk, "group_id": role.pk}),
            ("core_user_groups", "DELETE", {"user_id": boss.pk, "group_id": role.pk}, {}),
            ("core_user_user_permissions", "INSERT", {}, {"user_id": boss.pk, "permission_id": right.pk}),
        ]
        assert [change.casino for change in made] == [None, None, floor.casino, floor.casino, floor.casino]
        assert [change.concerns[1:] for change in made[:3]] == [
            [f"auth_group:{role.pk}"],
            [f"auth_group:{role.pk}"],
            [f"core_user:{boss.pk}", f"auth_group:{role.pk}"],
        ]

    def test_of_a_new_row_leave_out_empty_and_derived_values(self, floor: Floor) -> None:
        with _changes() as made:
            player = PlayerFactory.create(casino=floor.casino, card_number="A-1", first_name="Ana", last_name="Lopez")

        names = {"card_number": "A-1", "first_name": "Ana", "last_name": "Lopez", "status": "ACTIVE"}
        assert _of(made) == [("core_player", "INSERT", None, {"id": player.pk, "casino_id": floor.casino.pk, **names})]

    def test_hold_no_password_and_no_last_sign_in(self, floor: Floor) -> None:
        with _changes() as made:
            User.objects.filter(pk=floor.boss.pk).update(last_login=timezone.now())
            User.objects.filter(pk=floor.boss.pk).update(password="pbkdf2-a")
            User.objects.filter(pk=floor.boss.pk).update(password="pbkdf2-a", is_active=True)
            StaffFactory.create(casino=floor.casino, password="pbkdf2-b")

        assert _of(made[:1]) == [("core_user", "UPDATE", {"password": None}, {"password": None})]
        assert [change.action for change in made] == ["UPDATE", "INSERT"]
        assert "pbkdf2" not in str([(change.old, change.new) for change in made])

    def test_of_grants_name_casino_person_and_object(self, floor: Floor) -> None:
        with _changes() as made:
            give_rights((floor.boss, floor.pit, ["recover_loyalty"]), (floor.boss, floor.program, ["award"]))

        assert {change.casino for change in made} == {floor.casino}
        assert [change.concerns[1:] for change in made] == [
            [f"core_user:{floor.boss.pk}", f"ratingslips_pit:{floor.pit.pk}"],
            [f"core_user:{floor.boss.pk}", f"loyalty_loyaltyprogram:{floor.program.pk}"],
        ]

    def test_of_instants_are_in_utc(self, floor: Floor) -> None:
        at = datetime(2099, 12, 1, 6, tzinfo=UTC)
        _execute("SET LOCAL timezone = 'Asia/Tokyo'")

        with _changes() as made:
            EarningRate.objects.create(program=floor.program, points_per_unit=Decimal(12), effective_from=at)

        assert [(change.new or {})["effective_from"] for change in made] == ["2099-12-01T06:00:00+00:00"]
        assert [change.casino for change in made] == [floor.casino]

    def test_of_a_new_key_are_a_deletion_and_an_addition(self, floor: Floor) -> None:
        table = floor.table

        with _changes() as made, as_owner():
            GamingTable.objects.filter(pk=table.pk).update(id=table.pk + 1_000)

        assert [(change.action, change.row_id) for change in made] == [
            ("DELETE", table.pk),
            ("INSERT", table.pk + 1_000),
        ]

    def test_of_a_move_are_logged_under_both_casinos(self, floor: Floor, player: Player) -> None:
        there = CasinoFactory.create()

        with _changes() as made:
            Player.objects.filter(pk=player.pk).update(casino=there)

        values = {"casino_id": floor.casino.pk}, {"casino_id": there.pk}
        assert [(change.casino, change.old, change.new) for change in made] == [
            (casino, *values) for casino in (floor.casino, there)
        ]

    def test_of_a_move_name_what_the_row_concerned_before(self, floor: Floor) -> None:
        there = PitFactory.create(casino=floor.casino)

        with _changes() as made:
            GamingTable.objects.filter(pk=floor.table.pk).update(pit=there)

        [change] = made
        assert change.concerns[1:] == [
            f"ratingslips_pit:{floor.pit.pk}",
            f"ratingslips_pit:{there.pk}",
            f"ratingslips_gamesettings:{floor.table.game_id}",
        ]

    def test_are_logged_row_by_row_of_one_statement(self, floor: Floor) -> None:
        players = [floor.player() for _ in range(3)]

        with _changes() as made:
            Player.objects.filter(pk__in=[players[0].pk, players[2].pk]).update(status="INACTIVE")
            Player.objects.filter(pk=players[1].pk).update(status="ACTIVE")

        assert [change.row_id for change in made] == [players[0].pk, players[2].pk]


@pytest.mark.shows(41)
class TestGuards:
    @pytest.mark.parametrize(
        "statement",
        [
            "INSERT INTO core_change SELECT * FROM core_change WHERE false",
            "UPDATE core_change SET old = NULL WHERE false",
            "DELETE FROM core_change WHERE false",
        ],
    )
    def test_refuse_application_and_owner(self, floor: Floor, statement: str) -> None:
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            _execute(statement)
        with refused_by_trigger("of core_change is refused"):
            run_as_replica(statement)

    def test_keep_the_function_from_other_tables(self, db: None) -> None:
        with connect(role=APPLICATION) as psql:
            held = psql.execute("SELECT has_function_privilege('core_log_changes()', 'EXECUTE')").fetchone()

        assert held == (False,)

    def test_log_also_what_a_replica_changes(self, floor: Floor, player: Player) -> None:
        with _changes() as made, as_owner():
            run_as_replica("UPDATE core_player SET status = 'BARRED'")

        assert [change.row_id for change in made] == [player.pk]
