"""The database engine `config.localdb`, on a server of a temporary checkout."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db.utils import OperationalError

from config.localdb import __main__ as command
from config.localdb import base
from config.localdb.base import DatabaseWrapper
from config.localdb.binaries import find_binaries
from config.localdb.roles import APPLICATION, OWNER
from config.localdb.server import LocalServer
from tests.config.local_servers import kill, local_server, process_of

HOSTILE = {
    "PGHOST": "nowhere.invalid",
    "PGHOSTADDR": "203.0.113.1",
    "PGPORT": "1",
    "PGUSER": "nobody",
    "PGPASSWORD": "wrong",
    "PGDATABASE": "nothing",
    "PGOPTIONS": "-c default_transaction_read_only=on",
    "PGSSLMODE": "verify-full",
    "PGGSSENCMODE": "require",
    "PGCHANNELBINDING": "require",
    "PGTARGETSESSIONATTRS": "standby",
}


@pytest.fixture(autouse=True)
def _checkout(server: LocalServer, monkeypatch: pytest.MonkeyPatch, django_db_blocker: Any) -> Iterator[None]:
    """Point the engine and the command at the temporary checkout, not at the database that pytest-django guards."""
    monkeypatch.setattr(base, "CHECKOUT", server.root)
    monkeypatch.setattr(command, "CHECKOUT", server.root)
    with django_db_blocker.unblock():
        yield


@pytest.fixture
def connection() -> Iterator[DatabaseWrapper]:
    """A Django connection that is not open yet."""
    wrapper = _connection()
    yield wrapper
    wrapper.close()


class TestDatabaseWrapper:
    def test_starts_the_server_on_the_first_connection(self, server: LocalServer, connection: DatabaseWrapper) -> None:
        server.stop()

        assert _value(connection, "SELECT current_database() || ' of ' || current_user") == "loyalty of loyalty_app"
        assert server.running()

    def test_serves_the_next_connection_after_the_server_was_killed(
        self, server: LocalServer, connection: DatabaseWrapper
    ) -> None:
        _value(connection, "SELECT 1")
        kill(server)
        connection.close_if_unusable_or_obsolete()
        connection.close()

        assert _value(connection, "SELECT 2") == 2

    def test_looks_at_no_variable_of_the_environment(
        self, connection: DatabaseWrapper, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name, value in HOSTILE.items():
            monkeypatch.setenv(name, value)

        assert _value(connection, "SHOW default_transaction_read_only") == "off"
        assert _value(connection, "SELECT current_user") == "loyalty_app"

    def test_passes_the_options_of_the_settings_on(self) -> None:
        wrapper = _connection(OPTIONS={"options": "-c lock_timeout=3s"})

        assert _value(wrapper, "SHOW lock_timeout") == "3s"
        wrapper.close()

    def test_makes_and_drops_test_databases_as_the_owner(self, connection: DatabaseWrapper) -> None:
        connection.settings_dict["OPTIONS"]["assume_role"] = OWNER
        # The public methods also migrate, and rename the database in the settings of the whole process.
        creation: Any = connection.creation
        name = creation._create_test_db(verbosity=0, autoclobber=True)
        made = _connection(NAME=name)
        assert _value(made, "SELECT current_database()") == "test_loyalty"
        made.close()

        creation._destroy_test_db(name, verbosity=0)
        assert _value(connection, "SELECT count(*) FROM pg_database WHERE datname = 'test_loyalty'") == 0

    def test_reports_a_database_that_is_really_missing(self) -> None:
        with pytest.raises(OperationalError, match='database "nothing" does not exist'):
            _connection(NAME="nothing").ensure_connection()

    def test_gives_the_sentence_of_the_server_as_a_database_error(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setattr(base, "CHECKOUT", tmp_path)
        monkeypatch.setenv("PG_BIN", str(tmp_path))
        wrapper = _connection()
        with local_server(tmp_path), pytest.raises(OperationalError, match=f"PG_BIN is {tmp_path}.*correct it"):
            wrapper.ensure_connection()

    def test_refuses_a_purpose_that_it_does_not_know(self) -> None:
        with pytest.raises(ImproperlyConfigured, match="LOCAL_SERVER is 'demo'"):
            _connection(LOCAL_SERVER="demo")


class TestDatabaseClient:
    def test_starts_the_server_for_psql(
        self,
        server: LocalServer,
        connection: DatabaseWrapper,
        monkeypatch: pytest.MonkeyPatch,
        capfd: pytest.CaptureFixture[str],
    ) -> None:
        server.stop()
        monkeypatch.setenv("PATH", str(find_binaries().folder))

        connection.client.runshell(["--no-psqlrc", "-Atc", "SELECT current_database()"])

        assert capfd.readouterr().out == "loyalty\n"


class TestCommand:
    def test_starts_shows_and_stops_the_server(self, server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        server.stop()

        codes = [command.main(["--test", action]) for action in ("status", "start", "start", "status")]
        process_id = process_of(server)
        codes += [command.main(["--test", action]) for action in ("stop", "stop")]

        assert codes == [3, 0, 0, 0, 0, 0]
        assert capsys.readouterr().out.splitlines() == [
            f"Does not run. Its files: {server.home}",
            f"Started: {server.database_url(role=APPLICATION)}",
            f"Runs already: {server.database_url(role=APPLICATION)}",
            f"Runs as process {process_id}: {server.database_url(role=APPLICATION)}",
            f"Its files: {server.home}",
            "Stopped.",
            "It did not run.",
        ]

    def test_says_what_to_do_when_it_fails(
        self,
        monkeypatch: pytest.MonkeyPatch,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        monkeypatch.setattr(command, "CHECKOUT", tmp_path)
        monkeypatch.setenv("PG_BIN", str(tmp_path))

        with local_server(tmp_path):
            assert command.main(["start", "--test"]) == 1

        assert capsys.readouterr().out.startswith(f"PG_BIN is {tmp_path}")


def _connection(**settings: Any) -> DatabaseWrapper:
    """Give a connection with the settings that Django fills in for an entry of DATABASES."""
    defaults: dict[str, Any] = {
        "ENGINE": "config.localdb",
        "NAME": "loyalty",
        "LOCAL_SERVER": "test",
        "ATOMIC_REQUESTS": False,
        "AUTOCOMMIT": True,
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": False,
        "OPTIONS": {},
        "TIME_ZONE": None,
        "USER": "",
        "PASSWORD": "",
        "HOST": "",
        "PORT": "",
        "TEST": {"NAME": None, "MIGRATE": False, "CHARSET": None, "COLLATION": None, "MIRROR": None},
    }
    return DatabaseWrapper({**defaults, **settings}, "default")


def _value(connection: DatabaseWrapper, query: str) -> Any:
    """Give the first column of the first row of a query."""
    with connection.cursor() as cursor:
        cursor.execute(query)
        (value,) = cursor.fetchone()
    return value
