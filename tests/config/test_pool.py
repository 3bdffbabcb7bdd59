"""The application behind PgBouncer in transaction mode, which does not pass the time-outs of a connection on."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from django.conf import settings
from django.db import connection
from psycopg import sql

from config.localdb.account import Account
from tests.databases import connect, database_url
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
server_lifetime = 0
logfile = {folder}/log
"""


@pytest.fixture(scope="module")
def pool(django_db_setup: None) -> Iterator[str]:
    """A PgBouncer as the runbook sets it up, in front of the test database; gives the database's address there."""
    account, folder = Account.of_this_process(), Path(tempfile.mkdtemp(prefix="pool-"))
    account.make_private_folder(folder)
    port = free_port()
    database = connection.settings_dict
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
        shutil.rmtree(folder)


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
from django.db import connection
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
        done = run_program("-c", _HOLDING, DATABASE_URL=pool, LOG_LEVEL="ERROR")

        assert done.stdout.split("\n") == [*["refused"] * 3, "let in", ""], done.stderr
