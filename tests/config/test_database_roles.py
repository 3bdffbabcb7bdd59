"""Each role of the database may do what its work needs, and PostgreSQL refuses it everything else."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.db import ProgrammingError, connection, transaction

from config.database.checks import check_application_owns_nothing
from config.database.grants import Right, Roles, set_rights, wrong_rights
from config.database.rights import SEQUENCES, TABLES
from tests.databases import REFUSED_TO_ROLE, as_owner, connect
from tests.floor import Floor

PRIVILEGES = ("SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER")
NO_ENTRY = "INSERT INTO loyalty_ledger SELECT * FROM loyalty_ledger WHERE false"

APPLICATION_MAY = (
    "SELECT count(*) FROM loyalty_ledger",
    NO_ENTRY,
    "SELECT FROM loyalty_playerloyalty WHERE false FOR NO KEY UPDATE",
    "UPDATE loyalty_playerloyalty SET balance = 0 WHERE false",
    "SELECT FROM ratingslips_ratingslip WHERE false FOR NO KEY UPDATE",
    "UPDATE ratingslips_ratingslip SET status = 'OPEN' WHERE false",
    "UPDATE ratingslips_playsegment SET ended_at = now() WHERE false",
    "DELETE FROM core_session",
    "SELECT nextval('ratingslips_slip_number')",
    "SELECT * FROM django_migrations",
)
APPLICATION_MAY_NOT = (
    "UPDATE loyalty_ledger SET points = 1 WHERE false",
    "UPDATE loyalty_ledger SET reason = reason WHERE false",
    "DELETE FROM loyalty_ledger WHERE false",
    "TRUNCATE loyalty_ledger",
    "SELECT FROM loyalty_ledger WHERE false FOR UPDATE",
    "SELECT FROM loyalty_ledger WHERE false FOR KEY SHARE",
    "DO $$ BEGIN LOCK TABLE loyalty_ledger IN SHARE MODE; END $$",
    "INSERT INTO loyalty_ledger SELECT * FROM loyalty_ledger ON CONFLICT (id) DO UPDATE SET seq = 9",
    "MERGE INTO loyalty_ledger USING core_user ON false WHEN MATCHED THEN DELETE",
    "ALTER TABLE loyalty_ledger DISABLE TRIGGER ALL",
    "ALTER TABLE loyalty_ledger DROP CONSTRAINT loyalty_ledger_balance_adds_up",
    "DROP TRIGGER loyalty_ledger_refuse_update ON loyalty_ledger",
    "CREATE TRIGGER another BEFORE INSERT ON loyalty_ledger FOR EACH STATEMENT EXECUTE FUNCTION core_refuse_change()",
    "CREATE OR REPLACE FUNCTION core_refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
    "DROP TABLE loyalty_ledger",
    "SET session_replication_role = replica",
    "UPDATE loyalty_earningrate SET points_per_unit = 1 WHERE false",
    "DELETE FROM loyalty_tier WHERE false",
    "DELETE FROM loyalty_playerloyalty WHERE false",
    "UPDATE loyalty_playerloyalty SET player_id = 1 WHERE false",
    "DELETE FROM loyalty_ledgerexport WHERE false",
    "UPDATE loyalty_ledgerexport SET filters = '{}' WHERE false",
    "UPDATE core_requestorigin SET origin = 'elsewhere' WHERE false",
    "INSERT INTO core_change SELECT * FROM core_change WHERE false",
    "UPDATE core_change SET new = NULL WHERE false",
    "UPDATE core_signinevent SET kind = 'WRONG' WHERE false",
    "DELETE FROM core_signinevent WHERE false",
    "DELETE FROM core_player WHERE false",
    "DELETE FROM core_user WHERE false",
    "DELETE FROM ratingslips_ratingslip WHERE false",
    "UPDATE ratingslips_ratingslip SET player_id = 1 WHERE false",
    "UPDATE ratingslips_ratingslip SET opened_by_id = 1 WHERE false",
    "DELETE FROM ratingslips_playsegment WHERE false",
    "UPDATE ratingslips_playsegment SET average_bet = 1 WHERE false",
    "DELETE FROM django_admin_log WHERE false",
    "UPDATE core_session SET session_key = 'another' WHERE false",
    "UPDATE auth_group SET id = 1 WHERE false",
    "UPDATE guardian_userobjectpermission SET user_id = 1 WHERE false",
    "UPDATE guardian_groupobjectpermission SET group_id = 1 WHERE false",
    "INSERT INTO auth_permission (name, content_type_id, codename) VALUES ('a', 1, 'a')",
    "UPDATE django_migrations SET name = 'another' WHERE false",
    "SELECT setval('ratingslips_slip_number', 1)",
    "TRUNCATE core_session",
    "CREATE TABLE another (id int)",
    "CREATE TEMPORARY TABLE loyalty_ledger (id int)",
    "CREATE FUNCTION another() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA another",
    "CREATE DATABASE another",
    "CREATE ROLE another",
    "COPY loyalty_ledger TO PROGRAM 'cat'",
)
READER_MAY = (
    "SELECT count(*) FROM loyalty_ledger",
    "SELECT count(*) FROM ratingslips_ratingslip",
    "SELECT count(*) FROM core_requestorigin",
    "SELECT id, username, is_superuser, is_active, last_login FROM core_user",
    "SELECT staff_id, kind, client_address, at FROM core_signinevent",
)
READER_MAY_NOT = (
    NO_ENTRY,
    "UPDATE loyalty_ledger SET points = 1 WHERE false",
    "DELETE FROM loyalty_ledger WHERE false",
    "TRUNCATE loyalty_ledger",
    "UPDATE loyalty_playerloyalty SET balance = 0 WHERE false",
    "SELECT FROM loyalty_playerloyalty WHERE false FOR SHARE",
    "SELECT password FROM core_user",
    "SELECT * FROM core_user",
    "SELECT session_key FROM core_session",
    "SELECT nextval('ratingslips_slip_number')",
    "CREATE TABLE another (id int)",
    "CREATE TEMPORARY TABLE another (id int)",
    "SET session_replication_role = replica",
)


def _of_application() -> str:
    return str(connection.settings_dict["USER"])


@pytest.fixture
def application(db: None) -> Iterator[psycopg.Connection]:
    """A session of the application, past Django."""
    with connect(role=_of_application()) as session:
        yield session


@pytest.fixture
def reader(db: None) -> Iterator[psycopg.Connection]:
    """A session of the reader."""
    with connect(role=connection.settings_dict["READER"]) as session:
        yield session


@pytest.fixture
def owner(db: None) -> Iterator[psycopg.Connection]:
    """A session of the owner."""
    with connect() as session:
        yield session


def _refused(session: psycopg.Connection, statement: str) -> None:
    with pytest.raises(psycopg.Error) as refusal:
        session.execute(statement)
    assert refusal.value.sqlstate == REFUSED_TO_ROLE


class TestApplication:
    @pytest.mark.parametrize("statement", APPLICATION_MAY)
    def test_may(self, application: psycopg.Connection, statement: str) -> None:
        with application.transaction(force_rollback=True):
            application.execute(statement)

    @pytest.mark.parametrize("statement", APPLICATION_MAY_NOT)
    @pytest.mark.shows(11)
    def test_may_not(self, application: psycopg.Connection, statement: str) -> None:
        _refused(application, statement)

    def test_is_who_every_test_is(self, floor: Floor) -> None:
        with pytest.raises(ProgrammingError) as refusal, transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE loyalty_ledger SET points = 1")

        cause: Any = refusal.value.__cause__
        assert cause.sqlstate == REFUSED_TO_ROLE


class TestReader:
    @pytest.mark.parametrize("statement", READER_MAY)
    def test_may(self, reader: psycopg.Connection, statement: str) -> None:
        reader.execute(statement)

    @pytest.mark.parametrize("statement", READER_MAY_NOT)
    def test_may_not(self, reader: psycopg.Connection, statement: str) -> None:
        _refused(reader, statement)


class TestOwner:
    def test_may_change_the_schema(self, owner: psycopg.Connection) -> None:
        with owner.transaction(force_rollback=True):
            owner.execute("CREATE TABLE another (id int)")
            owner.execute("ALTER TABLE core_casino ADD COLUMN another int")

    @pytest.mark.parametrize(
        "statement", ["UPDATE loyalty_ledger SET points = 1", "DELETE FROM loyalty_ledger WHERE false"]
    )
    @pytest.mark.shows(11)
    def test_meets_the_triggers_all_the_same(self, owner: psycopg.Connection, statement: str) -> None:
        with pytest.raises(psycopg.errors.RestrictViolation, match="of loyalty_ledger is refused"):
            owner.execute(statement)

    def test_is_no_superuser(self, owner: psycopg.Connection) -> None:
        row = owner.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()

        assert row == (False,)


def _models() -> set[str]:
    return {model._meta.db_table for model in apps.get_models(include_auto_created=True)} | {"django_migrations"}


class TestRights:
    def test_are_decided_for_every_table(self) -> None:
        assert _models() == set(TABLES), "decide in config/database/rights.py what the application may do with it"

    def test_name_columns_that_there_are(self, db: None) -> None:
        with connection.cursor() as cursor:
            for table in _models():
                rights = TABLES[table]
                columns = {column.name for column in connection.introspection.get_table_description(cursor, table)}
                assert rights.changeable | (rights.hidden or set()) <= columns, table
                assert bool(rights.changeable) == ("UPDATE" in rights.application), table

    def test_to_add_alone_come_with_triggers_that_refuse_changes(self, db: None) -> None:
        add_alone = {table for table in _models() if TABLES[table].application == {"SELECT", "INSERT"}}
        with connection.cursor() as cursor:
            cursor.execute("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")
            triggers = {name for (name,) in cursor.fetchall()}

        unguarded = {
            f"{table}_refuse_{event}" for table in add_alone for event in ("update", "delete", "truncate")
        } - triggers
        assert unguarded == set()

    def test_are_those_of_the_database(self, db: None) -> None:
        """Rights in effect: granted to the role, to PUBLIC, or to a role that it inherits from."""
        with connection.cursor() as cursor:
            cursor.execute(
                """
                SELECT relname, privilege FROM pg_class CROSS JOIN unnest(%s::text[]) AS privilege
                WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND (
                    has_table_privilege(oid, privilege)
                    OR privilege IN ('SELECT', 'INSERT', 'UPDATE') AND has_any_column_privilege(oid, privilege)
                )
                """,
                [list(PRIVILEGES)],
            )
            held = set(cursor.fetchall())

        assert held == {(table, right) for table in _models() for right in TABLES[table].application}


def _holds(role: str, table: str, privilege: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_table_privilege(%s, %s, %s)", [role, table, privilege])
        return bool(cursor.fetchone()[0])


class TestSetRights:
    @pytest.mark.parametrize(
        "too_much",
        [
            "GRANT UPDATE ON loyalty_ledger TO {application}",
            "GRANT UPDATE (points) ON loyalty_ledger TO {application}",
            "GRANT INSERT ON loyalty_ledger TO {application} WITH GRANT OPTION",
            "GRANT UPDATE ON ratingslips_ratingslip TO {application}",
            "GRANT DELETE ON core_player TO PUBLIC",
            "GRANT SELECT ON core_user TO {reader}",
            "GRANT SELECT (session_key) ON core_session TO {reader}",
            "GRANT UPDATE ON SEQUENCE ratingslips_slip_number TO {application}",
            "GRANT CREATE ON SCHEMA public TO {application}",
            "GRANT CREATE ON SCHEMA public TO PUBLIC",
            "GRANT TEMPORARY ON DATABASE {database} TO PUBLIC",
            "CREATE TABLE another (id int); GRANT SELECT ON another TO {application}",
        ],
    )
    def test_takes_what_is_too_much(self, db: None, too_much: str) -> None:
        names = {"application": _of_application(), "reader": connection.settings_dict["READER"]}
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(too_much.format(database=connection.settings_dict["NAME"], **names))
            assert wrong_rights()

            set_rights()

            assert wrong_rights() == set()

    @pytest.mark.parametrize(
        "too_little",
        [
            "REVOKE INSERT ON loyalty_ledger FROM {application}",
            "REVOKE UPDATE (status) ON ratingslips_ratingslip FROM {application}",
            "REVOKE SELECT ON loyalty_ledger FROM {reader}",
            "REVOKE USAGE ON SEQUENCE ratingslips_slip_number FROM {application}",
            "REVOKE USAGE ON SCHEMA public FROM PUBLIC, {application}",
            "ALTER TABLE core_user ADD COLUMN another int",
        ],
    )
    def test_gives_what_lacks(self, db: None, too_little: str) -> None:
        names = {"application": _of_application(), "reader": connection.settings_dict["READER"]}
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(too_little.format(**names))
            assert wrong_rights()

            set_rights()

            assert wrong_rights() == set()

    def test_changes_nothing_when_it_runs_again(self, db: None) -> None:
        with as_owner():
            set_rights()

        assert wrong_rights() == set()

    def test_keeps_a_table_that_nobody_decided_on_from_both(self, db: None) -> None:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("CREATE TABLE another (id int)")

            set_rights()

            assert not _holds(_of_application(), "another", "SELECT")
            assert not _holds(connection.settings_dict["READER"], "another", "SELECT")

    def test_is_refused_to_the_application(self, db: None) -> None:
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            set_rights()

        assert wrong_rights() == set()

    def test_leaves_everything_to_the_only_role(self, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(connection.settings_dict, "OWNER", {})
        monkeypatch.setitem(connection.settings_dict, "READER", "")

        set_rights()

        assert Roles.of("default") == ("", "")
        assert wrong_rights() == set()

    def test_knows_the_sequences_that_the_application_draws_from(self, db: None) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                """
                SELECT relname FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace
                AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype IN ('a', 'i'))
                """
            )
            of_no_column = {name for (name,) in cursor.fetchall()}

        # A batch takes the keys of its entries before it writes them.
        assert of_no_column | {"loyalty_ledger_id_seq"} == SEQUENCES


class TestWrongRights:
    def test_names_what_is_too_much_and_what_lacks(self, db: None) -> None:
        application, reader = _of_application(), connection.settings_dict["READER"]
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(f"GRANT UPDATE (points), TRUNCATE ON loyalty_ledger TO {application}")
            cursor.execute(f"REVOKE SELECT (points) ON loyalty_ledger FROM {application}")  # covered by the table's
            cursor.execute(f"REVOKE USAGE ON SCHEMA public FROM {reader}, PUBLIC")

        assert wrong_rights() == {
            Right(application, "UPDATE", "loyalty_ledger", "points"),
            Right(application, "TRUNCATE", "loyalty_ledger"),
            Right(reader, "USAGE", "schema public"),
        }

    def test_names_a_right_that_came_by_another_role(self, db: None) -> None:
        application = _of_application()
        with as_owner(), connection.cursor() as cursor:
            cursor.execute("GRANT DELETE ON core_player TO PUBLIC")

        assert Right(application, "DELETE", "core_player") in wrong_rights()


class TestCheckApplicationOwnsNothing:
    def test_is_content_with_the_application(self, db: None) -> None:
        assert check_application_owns_nothing(databases=["default"]) == []

    def test_asks_nothing_where_no_database_is_named(self) -> None:
        assert check_application_owns_nothing(databases=None) == []

    def test_warns_of_the_owner(self, db: None) -> None:
        with as_owner():
            messages = check_application_owns_nothing(databases=["default"])

        assert [message.id for message in messages] == ["config.W001"]

    @pytest.mark.parametrize(
        "grant",
        [
            "UPDATE (points) ON loyalty_ledger",
            "TRUNCATE ON loyalty_ledger",
            "INSERT ON core_change",
            "DELETE ON core_change",
            "CREATE ON SCHEMA public",
        ],
    )
    def test_warns_of_a_right_too_many(self, db: None, grant: str) -> None:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(f"GRANT {grant} TO {_of_application()}")

        messages = check_application_owns_nothing(databases=["default"])

        assert [message.id for message in messages] == ["config.W001"]
