"""Migrating as the owner: in processes of their own, on databases of their own."""

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.db.models.signals import pre_migrate

from config.database.owner import as_owner
from tests.databases import connect, database_environment, database_url, empty_database, migrated_database
from tests.processes import ROOT, run_program

PASSWORDLESS = {"ENVIRONMENT": "development", "DJANGO_SETTINGS_MODULE": "config.settings"}


def _manage(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return run_program("manage.py", *arguments, **PASSWORDLESS | environment)


def _current_user() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user")
        return str(cursor.fetchone()[0])


@pytest.fixture(scope="module")
def migrated(django_db_setup: None) -> Iterator[str]:
    """A database that `manage.py migrate` made, for all who leave it as it is."""
    with empty_database("migrated", copied_from=migrated_database()) as name:
        yield name


@pytest.mark.slow
class TestMigrate:
    def test_gives_tables_to_the_owner_and_rights_to_the_application(self, migrated: str) -> None:
        checked = _manage("check", "--deploy", "--database=default", **database_environment(migrated))

        with connect(migrated, role=str(connection.settings_dict["USER"])) as application:
            application.execute("SELECT FROM loyalty_ledger")
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                application.execute("TRUNCATE loyalty_ledger")
        assert "config.W001" not in checked.stderr

    def test_refuses_before_it_begins_where_a_role_is_missing(self, db: None) -> None:
        with empty_database("roles") as name:
            environment = database_environment(name) | {"DATABASE_READER_ROLE": "nobody's"}
            ran = _manage("migrate", "--verbosity=0", **environment)

            with connect(name) as owner:
                tables = owner.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()

        assert (ran.returncode, tables) == (1, (0,))
        assert "PostgreSQL has no role “nobody's”, and nothing was migrated" in ran.stderr
        assert "Traceback" not in ran.stderr

    def test_works_with_one_role_and_a_check_warns_of_it(self, db: None) -> None:
        with empty_database("roles") as name:
            owner = database_environment(name).get("DATABASE_OWNER_URL", database_url(name))
            migrated = _manage("migrate", "--verbosity=0", DATABASE_URL=owner)
            reported = _manage("report", DATABASE_URL=owner)
            checked = _manage("check", "--deploy", "--database=default", DATABASE_URL=owner)

        assert (migrated.returncode, migrated.stderr) == (0, "")
        assert reported.returncode == 0
        assert "config.W001" in checked.stderr

    def test_is_asked_for_by_a_command_that_lacks_its_rights(self, before_the_roles: dict[str, str]) -> None:
        ran = _manage("report", **before_the_roles)

        assert ran.returncode == 2
        assert "run “manage.py migrate”, which gives each role its rights" in ran.stderr

    def test_has_no_statement_timeout_but_the_usual_lock_timeout(self, db: None, one_role: bool) -> None:
        before, during = _timeouts(), _Asked()
        pre_migrate.connect(during)

        try:
            call_command("migrate", verbosity=0, interactive=False)
        finally:
            pre_migrate.disconnect(during)

        assert before == _timeouts() == ("15s", "3s")
        assert during.timeouts == {("0", "3s")}


@pytest.fixture(params=[False, True], ids=["owner set apart", "one role"])
def one_role(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether one role does everything: here, that of the owner."""
    if request.param:
        owner = connection.settings_dict["OWNER"]["USER"]
        for name, value in {"OWNER": {}, "READER": "", "USER": owner}.items():
            monkeypatch.setitem(connection.settings_dict, name, value)
    return bool(request.param)


class _Asked:
    """A receiver that asks the connection that migrates for its timeouts."""

    def __init__(self) -> None:
        self.timeouts: set[tuple[str, str]] = set()

    def __call__(self, **_: Any) -> None:
        self.timeouts.add(_timeouts())


def _timeouts() -> tuple[str, str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
        statement, lock = cursor.fetchone()
    return statement, lock


@pytest.fixture(scope="module")
def before_the_roles(migrated: str) -> Iterator[dict[str, str]]:
    """A database whose application has no right on any table, as a version without roles left it; its environment."""
    with empty_database("before", copied_from=migrated) as name:
        with connect(name) as owner:
            owner.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {connection.settings_dict['USER']}")
        yield database_environment(name)


class TestRightsThatWereNeverGiven:
    ENDS = ("manage.py migrate", "Traceback", "Quit the server")
    SAID = (
        "permission denied for table django_migrations. The database refuses this to its role: run “manage.py migrate”"
    )

    @pytest.mark.parametrize(
        "command", [("makemigrations", "--check"), ("showmigrations",), ("runserver", "--noreload", "127.0.0.1:0")]
    )
    def test_are_asked_for_in_a_sentence(self, before_the_roles: dict[str, str], command: tuple[str, ...]) -> None:
        ran = _manage(*command, **before_the_roles)

        assert ran.returncode == 1
        assert self.SAID in ran.stderr
        assert "Traceback" not in ran.stderr

    def test_are_asked_for_by_a_server_that_watches_its_files(self, before_the_roles: dict[str, str]) -> None:
        watching = {**os.environ, **PASSWORDLESS, **before_the_roles, "RUN_MAIN": "true"}
        command = [sys.executable, "-u", "manage.py", "runserver", "127.0.0.1:0"]

        with subprocess.Popen(
            command, cwd=ROOT, env=watching, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as server:
            assert server.stdout is not None
            try:
                told = next(line for line in server.stdout if any(word in line for word in self.ENDS))
            finally:
                server.kill()

        assert told.startswith(self.SAID)

    def test_are_no_excuse_for_a_migration_that_is_refused(self, before_the_roles: dict[str, str]) -> None:
        alone = before_the_roles | {"DATABASE_OWNER_URL": "", "DATABASE_READER_ROLE": ""}
        ran = _manage("migrate", **alone)

        assert ran.returncode == 1
        assert "Traceback" in ran.stderr


class TestFlush:
    @pytest.mark.parametrize(
        ("role", "refusal"),
        [("application", "permission denied"), ("owner", "is refused: its rows are kept for ever")],
    )
    def test_is_refused_to_each_role(self, migrated: str, role: str, refusal: str) -> None:
        owner = database_environment(migrated).get("DATABASE_OWNER_URL", "")
        environment = database_environment(migrated) if role == "application" else {"DATABASE_URL": owner}
        ran = _manage("flush", "--no-input", "--traceback", **environment)

        assert ran.returncode == 1
        assert refusal in ran.stderr


class TestAsOwner:
    def test_is_the_owner_for_a_while(self, db: None) -> None:
        before = _current_user()

        with as_owner():
            meanwhile = _current_user()

        assert meanwhile == connection.settings_dict["OWNER"]["USER"]
        assert _current_user() == before == connection.settings_dict["USER"]

    def test_sets_the_applications_transaction_and_locks_aside_as_they_are(self, db: None) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(7), pg_backend_pid()")
            backend = cursor.fetchone()[1]

            with as_owner(), connection.cursor() as others:
                others.execute("SELECT pg_try_advisory_xact_lock(7), pg_backend_pid() <> %s", [backend])
                seen = others.fetchone()

            cursor.execute("SELECT pg_backend_pid()")
            assert cursor.fetchone()[0] == backend
        assert seen == (False, True)

    def test_changes_nothing_where_one_role_does_everything(self, db: None, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(connection.settings_dict, "OWNER", {})
        session = connection.connection

        with as_owner():
            assert connection.connection is session


class TestSettings:
    @pytest.mark.parametrize(
        ("owner", "said"),
        [
            ("postgres://owner@db.example/another", "must name the same database"),
            ("garbage", "DATABASE_OWNER_URL must look like postgres://"),
        ],
    )
    def test_of_another_database_are_refused(self, owner: str, said: str) -> None:
        ran = _manage("check", DATABASE_URL="postgres://app@db.example/floor", DATABASE_OWNER_URL=owner)

        assert ran.returncode != 0
        assert said in ran.stderr
        assert "Traceback" not in ran.stderr

    def test_without_the_applications_name_are_refused(self) -> None:
        ran = _manage(
            "check",
            DATABASE_URL="postgres://db.example/floor",
            DATABASE_OWNER_URL="postgres://owner@db.example/floor",
        )

        assert ran.returncode != 0
        assert "DATABASE_URL must name its role" in ran.stderr
