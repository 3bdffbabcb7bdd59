"""A hot standby of the tests' server, which can only be read."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as house_settings
from django.db import connection

from config.localdb.binaries import find_binaries, reachable_by
from config.localdb.roles import SUPERUSER
from config.localdb.server import LocalServer, Purpose
from loyalty.services import manual_reward
from tests.commands import Ran, run
from tests.config.scene import Browser
from tests.databases import connect, database_url
from tests.floor import Floor
from tests.processes import ROOT, run_program
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.shows(48)]


@pytest.fixture(scope="module")
def folder(django_db_setup: None) -> Iterator[Path]:
    """The folder of the socket of a standby, which follows the tests' server."""
    if house_settings.HAS_OWN_DATABASE:
        pytest.skip("a standby is made of the private server only")
    server = LocalServer(ROOT, purpose=Purpose.TEST)
    programs, account = reachable_by(server.account, find_binaries(), home=server.home), server.account
    folder = Path(tempfile.mkdtemp(prefix="standby-"))
    account.make_private_folder(folder)
    data, log = str(folder / "data"), folder / "log"

    def do(program: str, *arguments: str) -> None:
        done = account.run(programs.program(program), *arguments)
        assert done.returncode == 0, f"{done.stdout}\n{log.read_text() if log.exists() else ''}"

    source = ("-h", str(server.socket_folder), "-U", SUPERUSER)
    do("pg_basebackup", *source, "-D", data, "-R", "--checkpoint=fast", "--no-sync")
    options = f"-c unix_socket_directories={folder} -c listen_addresses="
    do("pg_ctl", "-D", data, "-l", str(log), "-w", "-o", options, "start")
    try:
        yield folder
    finally:
        do("pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder)


@pytest.fixture
def told_by_primary(committed_floor: Floor) -> dict[str, Ran]:
    """What each command that only reads prints about a floor with two awards."""
    floor = committed_floor
    for _ in range(2):
        manual_reward(player=floor.player(), points=100, reason="For the wait", actor=floor.supervisor, at=floor.now)
    return {name: run(name) for name in ("verify_ledger", "check_invariants", "report")}


@pytest.fixture
def on_standby(folder: Path, told_by_primary: dict[str, Ran]) -> Iterator[None]:
    """Connections lead to the standby, as the reader, once it has all that the primary has."""
    with connect("postgres", role=SUPERUSER) as primary:
        [(written,)] = primary.execute("SELECT pg_current_wal_lsn()")
    direct = connection.settings_dict
    connection.close()
    connection.settings_dict = {**direct, "HOST": str(folder), "USER": direct["READER"]}
    wait_until(lambda: _has_replayed(written))
    connection.close()
    yield
    connection.close()
    connection.settings_dict = direct


def _has_replayed(written: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn", [written])
        return bool(cursor.fetchone()[0])


@pytest.mark.usefixtures("on_standby")
class TestStandby:
    def test_tells_its_reader_what_the_primary_tells_the_application(self, told_by_primary: dict[str, Ran]) -> None:
        told = {name: run(name) for name in told_by_primary}

        assert {name: _untimed(ran) for name, ran in told.items()} == {
            name: _untimed(ran) for name, ran in told_by_primary.items()
        }
        assert told["verify_ledger"].progress.startswith("The result could not be recorded")

    @pytest.mark.parametrize("command", ["verify_ledger", "check_invariants"])
    def test_is_read_by_several_processes_in_one_snapshot(self, told_by_primary: dict[str, Ran], command: str) -> None:
        """In a process of its own, whose address is in its environment: the engine of the tests has its server's."""
        environment = {"DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": database_url()}
        ran = run_program("manage.py", command, "--processes", "2", **environment)

        told = Ran(code=ran.returncode, out=ran.stdout, error="", progress="")
        assert _untimed(told) == _untimed(told_by_primary[command])

    def test_is_not_written_by_a_command(self, settings: Any) -> None:
        settings.DATABASE_WAIT_SECONDS = 0

        ran = run("recover_slip_loyalty")

        assert ran.code == 3
        assert ran.error.startswith("The database is read-only: it is a standby")

    def test_is_no_place_for_the_console(self, settings: Any) -> None:
        settings.DATABASE_WAIT_SECONDS, settings.PRIMARY_CONSOLE_URL = 0, "https://console.example/"

        answer = Browser().get("/console/login/")

        assert answer.status_code == 503
        assert '<a href="https://console.example/">' in answer.text


def _untimed(ran: Ran) -> tuple[int, str]:
    """The exit code and the output, without when and for how long it looked."""
    return ran.code, re.sub(r"\(\d+\.\d\d s\)|as of [\d:T+-]+", "", ran.out)


class TestSeveralAddresses:
    """The last test of this module: it ends the standby, whose address comes first."""

    def test_lead_to_the_primary_before_and_after_a_promotion(self, folder: Path) -> None:
        primary, standby = connection.settings_dict["HOST"], str(folder)

        led_to = [_led_to("any", folder), _led_to("read-write", folder)]
        with psycopg.connect(host=standby, user=SUPERUSER, dbname="postgres") as server:
            server.execute("SELECT pg_promote()")
        led_to.append(_led_to("read-write", folder))

        assert led_to == [standby, primary, standby]


def _led_to(wanted: str, folder: Path) -> str:
    """The folder of the socket to which a new connection leads, if the addresses of both servers are given."""
    direct = connection.settings_dict
    options = {**direct["OPTIONS"], "target_session_attrs": wanted}
    connection.close()
    connection.settings_dict = {**direct, "HOST": f"{folder},{direct['HOST']}", "OPTIONS": options}
    try:
        connection.ensure_connection()
        return str(connection.connection.info.host)
    finally:
        connection.close()
        connection.settings_dict = direct
