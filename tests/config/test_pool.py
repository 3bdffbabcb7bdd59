"""The application behind PgBouncer in transaction mode, which does not pass the time-outs of a connection on."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.db import connection, transaction
from psycopg import sql

from config.localdb.account import Account
from loyalty.models import LedgerEntry
from loyalty.services import manual_reward
from ratingslips.models import RatingSlip
from ratingslips.services import complete_rating_slip
from tests.casino_files import EVENTS_HEADER, CasinoFolder, event
from tests.commands import run
from tests.concurrency import Elsewhere, wait_until_blocked
from tests.databases import connect, database_url
from tests.doors import Door
from tests.floor import Floor
from tests.needs import PGBOUNCER
from tests.processes import free_port, run_program, wait_until_served

pytestmark = pytest.mark.django_db

_CONFIGURATION = """
[databases]
* = {address}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
ignore_startup_parameters = options
server_login_retry = 1
query_wait_timeout = 10
server_lifetime = 0
logfile = {folder}/log
"""


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """The folder of the pool."""
    folder = Path(tempfile.mkdtemp(prefix="pool-"))
    Account.of_this_process().make_private_folder(folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def between(django_db_setup: None, folder: Path) -> Door:
    """The door through which the pool reaches the server."""
    return Door(folder, server=Path(connection.settings_dict["HOST"]))


@pytest.fixture(scope="module")
def pool(folder: Path, between: Door) -> Iterator[str]:
    """A PgBouncer as the runbook sets it up, in front of the test database; gives the database's address there."""
    account, port = Account.of_this_process(), free_port()
    database = {**connection.settings_dict, "HOST": str(between.path)}
    names = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password"}
    address = " ".join(f"{name}={database[key]}" for key, name in names.items() if database[key])
    (folder / "ini").write_text(_CONFIGURATION.format(address=address, port=port, folder=folder))
    process = subprocess.Popen([PGBOUNCER, "-q", folder / "ini"], user=account.user_id, group=account.group_id)
    try:
        wait_until_served(port)
        yield database_url(HOST="127.0.0.1", PORT=str(port))
    finally:
        process.terminate()
        process.wait(20)


def _set_timeouts_of_role(seconds: dict[str, int]) -> None:
    """Set the time-outs with which the application's sessions in this test database begin."""
    role, database = connection.settings_dict["USER"], connection.settings_dict["NAME"]
    statement = sql.SQL("ALTER ROLE {} IN DATABASE {} SET {} = {}")
    with connect(role=role) as session:
        for name, value in seconds.items():
            session.execute(statement.format(*map(sql.Identifier, (role, database, name)), f"{value}s"))


WANTED = settings.DATABASE_TIMEOUTS_SECONDS


class TestCheckOfTimeouts:
    @pytest.mark.parametrize("lacking", WANTED)
    def test_fails_behind_a_pool_for_a_role_without_them(self, pool: str, lacking: str) -> None:
        _set_timeouts_of_role({**WANTED, lacking: 0})

        checked = run_program("manage.py", "check", "--deploy", "--database=default", DATABASE_URL=pool)

        assert checked.returncode == 1
        assert "(config.E001)" in checked.stderr
        assert f"not those of the settings: {lacking} is 0 s, not {WANTED[lacking]} s." in checked.stderr

    def test_passes_behind_a_pool_for_a_role_that_has_them(self, pool: str) -> None:
        _set_timeouts_of_role(WANTED)

        checked = run_program("manage.py", "check", "--deploy", "--database=default", DATABASE_URL=pool)

        assert checked.returncode == 0, checked.stderr

    def test_passes_without_a_pool_for_any_role(self) -> None:
        _set_timeouts_of_role(dict.fromkeys(WANTED, 0))

        checked = run_program("manage.py", "check", "--deploy", "--database=default", DATABASE_URL=database_url())

        assert checked.returncode == 0, checked.stderr


_HOLDING: Final = """
import django
django.setup()
from django.db import connection, transaction
from core import correlation
from core.leases import LeaseHeld, lease

with correlation.bound(), lease("work", refusal=LeaseHeld) as held:
    for _ in range(3):
        held.renew()
        connection.close()
        try:
            with lease("work", refusal=LeaseHeld):
                print("let in")
        except LeaseHeld:
            print("refused")
with correlation.bound(), lease("work", refusal=LeaseHeld):
    print("let in")
"""


@pytest.mark.django_db(transaction=True)
class TestLease:
    def test_is_held_behind_a_pool_until_the_work_ends(self, pool: str) -> None:
        done = run_program("-c", _HOLDING, DATABASE_URL=pool, LOG_LEVEL="ERROR", PREPARED_STATEMENTS="false")

        assert done.stdout.split("\n") == [*["refused"] * 3, "let in", ""], done.stderr


@pytest.fixture
def through_pool(pool: str, committed_floor: Floor, settings: Any) -> Iterator[Floor]:
    """A floor whose operations go through the pool, which keeps no prepared statements."""
    settings.PREPARED_STATEMENTS = False
    direct, address = connection.settings_dict, urlsplit(pool)
    options = {name: value for name, value in direct["OPTIONS"].items() if name != "prepare_threshold"}
    connection.close()
    connection.settings_dict = {**direct, "HOST": address.hostname, "PORT": str(address.port), "OPTIONS": options}
    yield committed_floor
    connection.close()
    connection.settings_dict = direct


@pytest.mark.django_db(transaction=True)
class TestWorkBehindAPool:
    def test_is_done_by_operations_and_commands(self, through_pool: Floor, tmp_path: Path) -> None:
        floor, slip, file = through_pool, through_pool.played_slip(), tmp_path / "events.csv"
        lines = [
            event("A1", "19:00:00", "OPEN", player_card="100000", table="BL-01", seat="1", average_bet="25"),
            event("A1", "20:00:00", "CLOSE"),
        ]
        file.write_text("\n".join([EVENTS_HEADER, *lines, ""]))

        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
        manual_reward(player=slip.player, points=100, reason="For the wait", actor=floor.supervisor, at=floor.now)
        ran = [
            run("load_casino", CasinoFolder(folder=tmp_path).write(), "--code", "pool"),
            run("import_rating_events", file, "--casino", "pool"),
            run("checkpoint"),
            run("verify_ledger"),
        ]

        assert [(done.code, done.error) for done in ran] == [(0, "")] * 4
        assert "2 lines: 2 applied" in ran[1].out
        assert LedgerEntry.objects.count() == 3

    @pytest.mark.shows(48)
    def test_waits_for_a_server_that_is_away(self, through_pool: Floor, between: Door) -> None:
        floor, slip = through_pool, through_pool.played_slip()

        between.close()
        with between.opening_soon(seconds=0.5):
            completed = complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        assert not completed.replayed

    def test_holds_a_lock_until_its_transaction_ends(self, through_pool: Floor) -> None:
        floor, slip = through_pool, through_pool.played_slip()

        with transaction.atomic():
            RatingSlip.objects.locked().get(pk=slip.pk)
            completing = Elsewhere(lambda: complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now))
            wait_until_blocked(completing.backend)

        assert not completing.result().replayed
