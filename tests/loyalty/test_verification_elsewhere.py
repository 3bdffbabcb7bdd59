"""A ledger is as whole in another database, another time zone and another process as where it was written."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction

from config.localdb.binaries import find_binaries
from loyalty.models import LedgerEntry
from loyalty.proof.checkpoints import take_checkpoint
from tests.databases import connect, database_environment, empty_database, require_server
from tests.floor import Floor
from tests.loyalty.attacking import Book, post
from tests.loyalty.rows import account_of, entry

BIGGEST = 2**63 - 1
# Both changes of the clocks, the last microsecond of a day, before there were time zones, and far ahead.
INSTANTS = (
    datetime(2026, 3, 29, 1, 0, 0, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 0, 59, 59, 999_999, tzinfo=UTC),
    datetime(1850, 1, 1, 12, 34, 56, 789_012, tzinfo=UTC),
    datetime(9999, 12, 30, tzinfo=UTC),
)
TEXTS = (
    "Ça va ? 你好 🎰",
    "a\u0000b".replace("\u0000", "\u2400"),
    "e\u0301 and é",
    "‮right to left‬",
    "\t\n\r \\ ' \" {}",
)


def _largest_and_strangest(floor: Floor) -> None:
    """An account of the largest points, and an entry for each instant and text."""
    big = account_of(floor.player())
    with transaction.atomic():
        post(floor, big.player, points=BIGGEST, reason=TEXTS[0] * 20)
        post(floor, big.player, kind=LedgerEntry.Kind.ADJUSTMENT, points=-BIGGEST, reason="All of it")
    deep: Any = None
    for _ in range(40):
        deep = {"in": [deep, 1.5e300, -0.1, 10**40, True]}
    for at in INSTANTS:
        for text in TEXTS:
            account = account_of(floor.player())
            row = entry(floor, account=account, reason=text, created_at=at, gaming_day=at.date(), inputs={text: deep})
            row.save()
            account.balance, account.entry_count, account.head_hash = 10, 1, row.entry_hash
            account.save(update_fields=["balance", "entry_count", "head_hash"])


def _verify(database: str, *, zone: str, file: Path) -> dict[str, Any]:
    """What another process says, in a session of another time zone."""
    with connect("postgres") as server:
        server.execute(f"ALTER DATABASE \"{database}\" SET timezone = '{zone}'")
    ran = subprocess.run(
        [sys.executable, "manage.py", "verify_ledger", "--full", "--json", "--against", str(file)],
        cwd=settings.BASE_DIR,
        env={
            **os.environ,
            **database_environment(database),
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "CHECKPOINT_SIGNING_KEY": settings.CHECKPOINT_SIGNING_KEY,
        },
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode in {0, 1}, ran.stderr
    told: dict[str, Any] = json.loads(ran.stdout)
    return told


def _tool(name: str, *arguments: str) -> None:
    parameters = {**connection.settings_dict, **(connection.settings_dict.get("OWNER") or {})}
    where = ["-h", parameters["HOST"], "-p", str(parameters["PORT"]), "-U", parameters["USER"]]
    subprocess.run(
        [find_binaries().program(name), *where, *arguments],
        env={**os.environ, "PGPASSWORD": parameters["PASSWORD"]},
        capture_output=True,
        check=True,
        timeout=120,
    )


@pytest.fixture
def file(committed_floor: Floor, tmp_path: Path) -> Path:
    """The file outside of a ledger with everything in it, sealed twice."""
    file = tmp_path / "checkpoints.jsonl"
    book = Book.build(committed_floor)
    take_checkpoint(at=committed_floor.ago(hours=1), file=file)
    _largest_and_strangest(committed_floor)
    post(committed_floor, book.account.player)
    take_checkpoint(at=committed_floor.now + timedelta(microseconds=1), file=file)
    return file


@pytest.mark.slow
class TestVerificationElsewhere:
    @pytest.mark.shows(36)
    def test_is_clean_after_dump_and_restore_in_another_zone(self, file: Path, tmp_path: Path) -> None:
        require_server(find_binaries().major, why="an older server does not understand what this pg_restore sends")
        dump = str(tmp_path / "house.dump")
        _tool("pg_dump", "-Fc", "-f", dump, "-d", connection.settings_dict["NAME"])

        with empty_database("restored") as restored:
            _tool("pg_restore", "--exit-on-error", "-d", restored, dump)
            here = _verify(restored, zone="Asia/Kathmandu", file=file)
            with connect(restored) as database:
                database.execute("ALTER TABLE loyalty_playerloyalty DISABLE TRIGGER loyalty_account_is_its_last_entry")
                database.execute("UPDATE loyalty_playerloyalty SET head_hash = NULL WHERE entry_count = 6")
            broken = _verify(restored, zone="America/St_Johns", file=file)

        expected = LedgerEntry.objects.count()
        assert (here["outcome"], here["entries"], here["checkpoints"]) == ("clean", expected, 2)
        assert (broken["outcome"], broken["first_break"]["kind"]) == ("broken", "head changed")
