"""A database that `manage.py migrate` made is what this release makes, until somebody tampers with it."""

from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings
from django.db import connection

from config.database.definitions import DEFINITIONS
from config.localdb.roles import SUPERUSER
from tests.databases import connect, empty_database, migrate, migrated_database
from tests.older import ALL, migrate_older, older_database

LEDGER = "ALTER TABLE loyalty_ledger"
REFUSE = "CREATE TRIGGER loyalty_ledger_refuse_update {} ON loyalty_ledger FOR EACH STATEMENT {}"
ALWAYS = f"{LEDGER} ENABLE ALWAYS TRIGGER loyalty_ledger_refuse_update"
REFUSAL = "EXECUTE FUNCTION core_refuse_change('it is append-only')"
WITHOUT = "DROP TRIGGER loyalty_ledger_refuse_update ON loyalty_ledger"
NOTHING = "LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"

ELSEWHERE = """
    CREATE SCHEMA elsewhere; GRANT USAGE ON SCHEMA elsewhere TO PUBLIC;
    CREATE FUNCTION elsewhere.more(varchar, varchar) RETURNS boolean LANGUAGE sql RETURN false
"""

# Statements of the owner of the tables or of a superuser, and what is named then.
TAMPERINGS = {
    f"CREATE OR REPLACE FUNCTION core_refuse_change() RETURNS trigger {NOTHING}": (
        "function core_refuse_change() differs"
    ),
    "ALTER FUNCTION core_log_changes() SECURITY INVOKER": "function core_log_changes() differs",
    "ALTER FUNCTION core_log_changes() RESET search_path": "function core_log_changes() differs",
    "ALTER FUNCTION core_log_changes() OWNER TO {application}": "function core_log_changes() differs",
    "GRANT EXECUTE ON FUNCTION core_log_changes() TO PUBLIC": "function core_log_changes() differs",
    WITHOUT: "trigger loyalty_ledger_refuse_update of loyalty_ledger is missing",
    f"{LEDGER} DISABLE TRIGGER loyalty_chain_entry": "trigger loyalty_chain_entry of loyalty_ledger differs",
    f"{LEDGER} ENABLE TRIGGER loyalty_chain_entry": "trigger loyalty_chain_entry of loyalty_ledger differs",
    **{
        f"{WITHOUT}; {REFUSE.format(*changed)}; {ALWAYS}": (
            "trigger loyalty_ledger_refuse_update of loyalty_ledger differs"
        )
        for changed in (
            ("BEFORE UPDATE", f"WHEN (pg_trigger_depth() > 0) {REFUSAL}"),
            ("AFTER UPDATE", REFUSAL),
            ("BEFORE UPDATE OF points", REFUSAL),
            ("BEFORE INSERT", REFUSAL),
        )
    },
    f"CREATE FUNCTION more() RETURNS trigger {NOTHING}; "
    "CREATE TRIGGER more BEFORE INSERT ON loyalty_ledger FOR EACH ROW EXECUTE FUNCTION more()": (
        "function more() is not of this release, trigger more of loyalty_ledger is not of this release"
    ),
    f"{LEDGER} DISABLE TRIGGER ALL; UPDATE pg_trigger SET tgenabled = 'A' WHERE NOT tgisinternal": (
        "constraint loyalty_ledger_casino_id_fk of loyalty_ledger differs"
    ),
    f"{LEDGER} DROP CONSTRAINT loyalty_ledger_points_not_zero": (
        "constraint loyalty_ledger_points_not_zero of loyalty_ledger is missing"
    ),
    **{
        f"{LEDGER} DROP CONSTRAINT loyalty_ledger_points_not_zero, "
        f"ADD CONSTRAINT loyalty_ledger_points_not_zero CHECK {weaker}": (
            "constraint loyalty_ledger_points_not_zero of loyalty_ledger differs"
        )
        for weaker in ("(points <> 0) NOT VALID", "(points <> 0 OR kind = 'PROMOTION')")
    },
    f"{LEDGER} DROP CONSTRAINT loyalty_ledger_idempotency_key_key": (
        "constraint loyalty_ledger_idempotency_key_key of loyalty_ledger is missing"
    ),
    f"{LEDGER} ALTER idempotency_key DROP NOT NULL": "columns of loyalty_ledger differs",
    f"{LEDGER} ALTER points SET DEFAULT 9": "columns of loyalty_ledger differs",
    f"{LEDGER} ADD COLUMN more int": "columns of loyalty_ledger differs",
    f"{LEDGER} OWNER TO {{application}}": "table loyalty_ledger differs",
    f"{LEDGER} ENABLE ROW LEVEL SECURITY": "table loyalty_ledger differs",
    "CREATE TABLE more () INHERITS (loyalty_ledger)": "table loyalty_ledger differs",
    "CREATE VIEW more AS SELECT 1 AS one": "table more is not of this release",
    "CREATE POLICY more ON core_change": "policy more of core_change is not of this release",
    "CREATE RULE more AS ON INSERT TO core_change DO INSTEAD NOTHING": (
        "rule more of core_change is not of this release"
    ),
    "DROP INDEX ratingslips_slip_one_live_per_seat": "index ratingslips_slip_one_live_per_seat is missing",
    "CREATE INDEX more ON core_user (upper(email))": "index more is not of this release",
    f"CREATE FUNCTION more() RETURNS event_trigger {NOTHING.replace('RETURN NULL;', '')}; "
    "CREATE EVENT TRIGGER more ON ddl_command_end EXECUTE FUNCTION more()": "event trigger more is not of this release",
    "GRANT UPDATE ON core_change TO {application}": "rights of the application on core_change differs",
    "GRANT UPDATE (points) ON loyalty_ledger TO {application}": "rights of the application on loyalty_ledger differs",
    "GRANT INSERT ON loyalty_ledger TO {application} WITH GRANT OPTION": (
        "rights of the application on loyalty_ledger differs"
    ),
    "REVOKE INSERT ON core_signinevent FROM {application}": "rights of the application on core_signinevent differs",
    "GRANT DELETE ON core_player TO PUBLIC": "rights of PUBLIC on core_player is not of this release",
    "GRANT INSERT ON loyalty_ledger TO {reader}": "rights of {reader} on loyalty_ledger is not of this release",
    "GRANT CREATE ON SCHEMA public TO {application}": (
        "rights of the application on schema public is not of this release"
    ),
    "GRANT TEMPORARY ON DATABASE {database} TO PUBLIC": "rights of PUBLIC on the database is not of this release",
    "ALTER ROLE {application} BYPASSRLS": "powers of the application differs",
    "ALTER ROLE {application} IN DATABASE {database} SET session_replication_role = replica": (
        "setting session_replication_role of role {application} is not of this release"
    ),
    "ALTER DATABASE {database} SET search_path = elsewhere, public": "setting search_path is not of this release",
    "SET LOCAL session_replication_role = replica": "setting session_replication_role differs",
    "GRANT SET ON PARAMETER session_replication_role TO {application}": (
        "rights of the application on session_replication_role is not of this release"
    ),
    # What the tests' server lets the application do.
    "REVOKE SET ON PARAMETER session_replication_role FROM {owner}": (
        "membership of the application in {owner} is not of this release"
    ),
    "GRANT pg_write_all_data TO {application}": (
        "membership of the application in pg_write_all_data is not of this release"
    ),
    "ALTER SCHEMA public OWNER TO {application}": "powers of the application differs",
    "ALTER DATABASE {database} OWNER TO {application}": (
        "membership of the application in pg_database_owner is not of this release"
    ),
    "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT UPDATE ON TABLES TO {application}": (
        "rights of the application on new objects of kind r is not of this release"
    ),
    "ALTER SEQUENCE loyalty_ledger_id_seq INCREMENT BY -1 MINVALUE 1": "sequence loyalty_ledger_id_seq differs",
    f"{ELSEWHERE}; CREATE OPERATOR public.<> (FUNCTION = elsewhere.more, LEFTARG = varchar, RIGHTARG = varchar)": (
        "operator <>(character varying,character varying) is not of this release"
    ),
    "CREATE CAST (varchar AS bigint) WITH INOUT AS IMPLICIT": (
        "cast of character varying to bigint is not of this release"
    ),
    "CREATE FUNCTION length(varchar) RETURNS int LANGUAGE sql RETURN 0; "
    "ALTER FUNCTION length(varchar) OWNER TO {owner}; ALTER EXTENSION pg_trgm ADD FUNCTION length(varchar)": (
        "function length(character varying) is not of this release"
    ),
    "CREATE FUNCTION core_refuse_change(text) RETURNS int LANGUAGE sql RETURN 0": (
        "function core_refuse_change(text) is not of this release"
    ),
}

# What a release does not decide.
HARMLESS = (
    "ALTER ROLE {application} IN DATABASE {database} SET work_mem = '8MB'",
    "CREATE INDEX more ON core_user (email)",
    "GRANT SELECT ON loyalty_ledger TO pg_monitor",
    "CREATE SCHEMA elsewhere CREATE TABLE more (id int)",
    "GRANT pg_monitor TO {application}",
    "ALTER DEFAULT PRIVILEGES FOR ROLE {owner} GRANT SELECT ON TABLES TO {reader}",
)


@pytest.fixture(scope="module")
def migrated(django_db_setup: None) -> Iterator[psycopg.Connection]:
    """A superuser's session of a fresh database on the tests' server."""
    if settings.HAS_OWN_DATABASE:
        pytest.skip("only the tests' own server lets its superuser in")
    with empty_database("plain", copied_from=migrated_database()) as name:
        migrate(name).check_returncode()  # the rights on the database itself are not copied
        with connect(name, role=SUPERUSER) as session:
            yield session
        with connect("postgres", role=SUPERUSER) as server:  # the owner, who drops the database, may not end it
            server.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s", [name])


def _names() -> dict[str, str]:
    settings = connection.settings_dict
    return {"application": settings["USER"], "reader": settings["READER"], "owner": settings["OWNER"]["USER"]}


def _broken(session: psycopg.Connection, statement: str = "SELECT 1", *, by: str = "application") -> list[str]:
    """What the application, or another role, finds after a statement of the superuser's, which is undone."""
    names = _names()
    with session.transaction(force_rollback=True):
        session.execute(statement.format(database=session.info.dbname, **names))
        session.execute(f"SET LOCAL SESSION AUTHORIZATION {names[by]}")
        return [what for (what,) in session.execute(str(DEFINITIONS.broken_by))]


@pytest.mark.django_db
@pytest.mark.slow
class TestDefinitions:
    def test_are_those_that_migrate_makes(self, migrated: psycopg.Connection) -> None:
        assert _broken(migrated) == [], "run python -m tests.definitions"

    def test_are_those_of_a_database_that_earlier_versions_made(self, django_db_setup: None) -> None:
        """By the migrations that the squashed ones replace."""
        if settings.HAS_OWN_DATABASE:
            pytest.skip("only the tests' own server lets its superuser in")
        with older_database("definitions", "core=0018") as name:
            migrate_older(name, ALL).check_returncode()

            with connect(name, role=SUPERUSER) as session:
                assert _broken(session) == []

    def test_are_those_of_a_database_without_cores_newest_migration(self, django_db_setup: None) -> None:
        """In a new database, all migrations of core come before `ratingslips` 0038, which fixes names in functions."""
        if settings.HAS_OWN_DATABASE:
            pytest.skip("only the tests' own server lets its superuser in")
        with empty_database("newest", copied_from=migrated_database()) as name:
            migrate_older(name, "core=0045", ALL).check_returncode()

            with connect(name, role=SUPERUSER) as session:
                assert _broken(session) == []

    @pytest.mark.parametrize("statement", HARMLESS)
    def test_leave_to_the_casino_what_guards_nothing(self, migrated: psycopg.Connection, statement: str) -> None:
        assert _broken(migrated, statement) == []

    def test_hold_where_one_role_owns_everything(self, migrated: psycopg.Connection) -> None:
        one_role = "REASSIGN OWNED BY {owner} TO {application}; GRANT TEMPORARY ON DATABASE {database} TO PUBLIC"

        assert _broken(migrated, one_role) == []

    @pytest.mark.parametrize("statement", TAMPERINGS)
    @pytest.mark.shows(11, 41)
    def test_name_what_was_tampered_with(self, migrated: psycopg.Connection, statement: str) -> None:
        assert {*TAMPERINGS[statement].format(**_names()).split(", ")} <= {*_broken(migrated, statement)}

    def test_name_to_the_reader_what_only_the_application_sees(self, migrated: psycopg.Connection) -> None:
        """A table that the application finds before the ledger, in a schema of its own name."""
        shadow = "CREATE SCHEMA {application} CREATE TABLE loyalty_ledger (id int)"

        assert f"table {_names()['application']}.loyalty_ledger is not of this release" in _broken(
            migrated, shadow, by="reader"
        )


@pytest.mark.django_db
@pytest.mark.slow
class TestMigratedDatabase:
    @pytest.mark.shows(11)
    def test_fires_every_trigger_always_and_refuses_to_be_emptied(self, migrated: psycopg.Connection) -> None:
        triggers = migrated.execute(
            "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal"
        ).fetchall()

        assert {enabled for _, _, enabled in triggers} <= {"A", b"A"}
        for table in {table for table, name, _ in triggers if name.endswith("_refuse_truncate")}:
            with pytest.raises(psycopg.errors.RestrictViolation, match=r"TRUNCATE of \w+ is refused"):
                migrated.execute(f"TRUNCATE {table} CASCADE")

    def test_has_functions_that_name_their_schema(self, migrated: psycopg.Connection) -> None:
        """A body without quotes has its names resolved already."""
        found = migrated.execute("""
            SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosqlbody IS NULL
            AND NOT coalesce(proconfig @> '{"search_path=pg_catalog, public, pg_temp"}', false)
            AND oid NOT IN (SELECT objid FROM pg_depend WHERE classid = 'pg_proc'::regclass AND deptype = 'e')
        """).fetchall()

        assert found == []
