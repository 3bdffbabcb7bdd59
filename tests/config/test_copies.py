"""A copy of the database by logical replication, which its reader verifies."""

import subprocess
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.conf import settings as house_settings
from django.db import connection

from config.localdb.binaries import find_binaries
from config.localdb.roles import READER
from config.localdb.server import LocalServer, Purpose
from core.models import User
from loyalty.proof.checkpoints import take_checkpoint
from loyalty.services import pause_program, resume_program
from ratingslips.services import complete_rating_slip, pause_rating_slip, record_buy_in, strike_money_row
from tests.commands import run
from tests.config.local_servers import ask, local_server
from tests.databases import migrated_database
from tests.floor import Floor, declared
from tests.loyalty.postings import adjust, award, redeem, reverse
from tests.processes import ROOT
from tests.ratingslips.corrections import correct, last_at, void
from tests.waiting import wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow, pytest.mark.shows(11)]

PUBLICATION = ROOT / "config/deploy/postgresql/publication.sql"
_DIGEST = "(SELECT md5(string_agg(row::text, ' ' ORDER BY id)) FROM {} AS row)"
COMMANDS = ("verify_ledger", "check_invariants", "report")
# What triggers make: hashes, and when a row was recorded.
ROWS = f"SELECT {', '.join(map(_DIGEST.format, ('loyalty_ledger', 'core_change', 'ratingslips_sliprequest')))}"
TAMPER = "UPDATE loyalty_ledger SET reason = reason || '!' WHERE seq = 2"
SCHEMA = ("--schema-only", "--create", "--clean", "--if-exists", "--no-publications")
SUBSCRIBE = "CREATE SUBSCRIPTION ratings CONNECTION 'host={} dbname={} user=ratings_copy' PUBLICATION ratings{}"
# PostgreSQL 16 and newer else change into the owner of the tables, and then no trigger may be deferred.
SINCE_16 = " WITH (run_as_owner = true)"
NOT_READY = "SELECT count(*) FROM pg_subscription_rel WHERE srsubstate <> 'r'"
APPLIED = "SELECT replay_lsn >= '{}' FROM pg_stat_replication WHERE application_name = 'ratings'"


def work(floor: Floor, *, seat: int) -> None:
    """Write acts of each kind, and leave a slip live."""
    slip = floor.played_slip(seat=seat, buy_in=Decimal(300))
    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
    correct(floor, slip, last_at(slip, 60))
    void(floor, floor.open_slip(seat=seat + 1))
    live = floor.open_slip(seat=seat + 2)
    money = record_buy_in(slip=live, amount=Decimal(500), actor=floor.boss, at=floor.now)
    strike_money_row(row=money, actor=floor.supervisor, at=floor.now, reason="Counted twice")
    pause_rating_slip(slip=live, actor=floor.boss, at=floor.now)
    player = slip.player
    reverse(floor, award(floor, player, points=900, reason=f"For seat {seat}").entry_id)
    adjust(floor, player, points=200)
    redeem(floor, player, points=100)
    pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Migration of the tiers")
    resume_program(program=floor.program, actor=floor.supervisor)
    declared(floor.boss, player)
    floor.player(first_name=floor.boss.first_name, last_name=floor.boss.last_name)
    User.objects.filter(pk=floor.supervisor.pk).update(last_name=f"Of Seat {seat}")
    take_checkpoint(at=floor.now, file=None)


@pytest.fixture
def copy(committed_floor: Floor, tmp_path: Path) -> Iterator[tuple[LocalServer, str]]:
    """Another server and its database, a copy of rows from before it subscribed and of later ones."""
    if house_settings.HAS_OWN_DATABASE:
        pytest.skip("only the tests' own server is published")
    work(committed_floor, seat=1)
    primary, published = LocalServer(ROOT, purpose=Purpose.TEST), connection.settings_dict["NAME"]
    name = migrated_database()  # as production has it: the test database lacks guards
    with local_server(tmp_path) as server:
        server.ensure_running()
        _run("psql", "-v", f"reader={READER}", "-f", str(PUBLICATION), primary.database_url(published))
        ask(primary, f"CREATE ROLE ratings_copy LOGIN REPLICATION IN ROLE {READER}")
        schema = _run("pg_dump", *SCHEMA, primary.database_url(name))
        _run("psql", server.database_url(), given=schema)
        options = SINCE_16 if find_binaries().major >= 16 else ""
        ask(server, SUBSCRIBE.format(primary.socket_folder, published, options), database=name)
        try:
            wait_until(lambda: ask(server, NOT_READY, database=name) == 0, timeout_seconds=120)
            work(committed_floor, seat=4)
            written = ask(primary, "SELECT pg_current_wal_lsn()::text")
            wait_until(lambda: ask(primary, APPLIED.format(written)))
            yield server, name
        finally:
            ask(server, "DROP SUBSCRIPTION ratings", database=name)
            ask(primary, "DROP PUBLICATION ratings; DROP ROLE ratings_copy", database=published)


def _run(program: str, *arguments: str, given: str = "") -> str:
    """Run a program of PostgreSQL, which ends at its first error, and give what it wrote."""
    options = ("-qX", "-v", "ON_ERROR_STOP=1") if program == "psql" else ()
    command = [find_binaries().program(program), *options, *arguments]
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def told_by_primary(copy: object) -> dict[str, Any]:
    """What the commands and the rows say on the primary."""
    return _told()


@pytest.fixture
def on_copy(told_by_primary: object, copy: tuple[LocalServer, str]) -> Iterator[None]:
    """Connections lead to the copy, as the reader."""
    (server, name), direct = copy, connection.settings_dict
    connection.close()
    connection.settings_dict = {**direct, "HOST": str(server.socket_folder), "NAME": name, "USER": direct["READER"]}
    yield
    connection.close()
    connection.settings_dict = direct


def _told() -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(ROWS)
        rows = cursor.fetchone()
    return {"rows": rows, **{name: run(name).out for name in ("verify_ledger", "report")}}


@pytest.mark.usefixtures("on_copy")
class TestCopy:
    def test_is_verified_by_its_reader_until_it_is_tampered_with(
        self, copy: tuple[LocalServer, str], told_by_primary: dict[str, Any]
    ) -> None:
        server, name = copy
        told, codes = _told(), {name: run(name).code for name in COMMANDS}
        with pytest.raises(psycopg.errors.RestrictViolation):
            ask(server, f"SET session_replication_role = replica; {TAMPER}", database=name)
        ask(server, f"ALTER TABLE loyalty_ledger DISABLE TRIGGER USER; {TAMPER}", database=name)

        assert (told, {*codes.values()}) == (told_by_primary, {0})
        assert {run(name).code for name in ("verify_ledger", "check_invariants")} == {1}
