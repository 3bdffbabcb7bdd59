"""`doctor` finds what is broken, says what to do, and changes nothing."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from config.database.checkup.findings import State
from config.database.checkup.looking import CHECKS, look
from config.localdb.roles import SUPERUSER
from core.jobs import JOBS
from core.models import JobRun
from loyalty.proof.keys import new_key_pair
from loyalty.proof.listed import accounts_file
from loyalty.proof.outside import complete
from tests.commands import run
from tests.databases import as_owner, connect, database_environment
from tests.floor import Floor
from tests.loyalty.attacking import Book
from tests.loyalty.rows import verification_row
from tests.needs import FAKETIME
from tests.processes import run_program
from tests.provider import Provider, configure, serving

DROPPED = "SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE loyalty_ledger DROP CONSTRAINT loyalty_ledger_points_not_zero"
REPLACED = (
    "CREATE OR REPLACE FUNCTION core_refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
)


@dataclass(frozen=True, kw_only=True)
class Installation:
    """A database with a sealed ledger, its settings, and a folder."""

    floor: Floor
    settings: Any
    folder: Path
    patch: pytest.MonkeyPatch
    provider: Provider

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints.jsonl"

    def backups(self, contents: str | None, *, age_hours: float = 0) -> None:
        """What the job of the backup left, so many hours ago; nothing if None."""
        file = self.folder / "backups.json"
        file.unlink(missing_ok=True)
        if contents is not None:
            file.write_text(contents)
            at = timezone.now().timestamp() - age_hours * 3_600
            os.utime(file, (at, at))

    def of_pgbackrest(self, *, code: int = 0, age_hours: float = 1, backups: int = 1, error: bool = False) -> None:
        """What pgBackRest says of one stanza."""
        stop = int(timezone.now().timestamp() - age_hours * 3_600)
        backup = {"label": "20261130-040000F", "timestamp": {"start": stop - 60, "stop": stop}, "error": error}
        status = {"code": code, "message": "no valid backups" if code else "ok"}
        self.backups(json.dumps([{"name": "ratings", "status": status, "backup": [backup] * backups}]))

    def job(self, command: str, *, hours: float) -> None:
        """A job was last done so many hours ago."""
        JobRun.objects.filter(command=command).update(succeeded_at=timezone.now() - timedelta(hours=hours))


def _owner(statement: str) -> Callable[[Installation], None]:
    def act(installed: Installation) -> None:
        with as_owner(), connection.cursor() as cursor:
            cursor.execute(statement)

    return act


def _set(**values: Any) -> Callable[[Installation], None]:
    def act(installed: Installation) -> None:
        for name, value in values.items():
            setattr(installed.settings, name, value)

    return act


def _no_reader(installed: Installation) -> None:
    installed.patch.setitem(installed.settings.DATABASES["default"], "READER", "no_such_role")


def _broken_verification(installed: Installation) -> None:
    verification_row(installed.floor, is_clean=False, first_break={"kind": "missing tail"}).save()


def _provider(**wrong: str) -> Callable[[Installation], None]:
    """Staff sign in by a provider that serves, but for what is `wrong` in the settings."""

    def act(installed: Installation) -> None:
        configure(installed.settings, installed.provider)
        _set(**wrong)(installed)

    return act


AWAY = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "DATABASE_WAIT_SECONDS": "0"}
# A command before another one, which then finds a disk of 1 MiB on $FULL, 4 % of it free.
FULL_DISK = """mount -t tmpfs -o size=1m none "$FULL" && head -c 1000000 /dev/zero >"$FULL/filled" && exec "$@" """
IN_OWN_MOUNTS = ["unshare", "--user", "--map-root-user", "--mount"]
NEWEST = (
    "DELETE FROM django_migrations WHERE app = 'ratingslips' AND name = "
    "(SELECT max(name) FROM django_migrations WHERE app = 'ratingslips')"
)

# The check, what is broken, and what is said of it.
BREAKS: list[tuple[str, Callable[[Installation], Any], str]] = [
    ("settings", _set(IS_PRODUCTION=False, ENVIRONMENT="development"), "ENVIRONMENT is development"),
    ("settings", _set(DEBUG=True), "core.E006"),
    ("settings", _set(SECRET_KEY=""), "core.E007"),
    ("settings", _set(REQUEST_KEYS=[]), "core.E008"),
    ("settings", _set(ALLOWED_HOSTS=[]), "core.E005"),
    ("settings", _set(ALLOWED_HOSTS=["*"]), "core.W005"),
    ("settings", _set(IDLE_LOCK_MINUTES=0), "core.W003"),
    ("settings", _set(SLOW_CLIENT_SECONDS=0), "core.W004"),
    ("database-settings", _owner("SET LOCAL lock_timeout = '1s'"), "lock_timeout is 1 s, not 3 s"),
    ("database-settings", _owner("GRANT UPDATE ON loyalty_ledger TO PUBLIC"), "config.W001"),
    ("database-settings", _owner("UPDATE core_casino SET confirmed_award_points = NULL"), "core.W013"),
    ("schema", _owner(NEWEST), "not applied: ratingslips.00"),
    (
        "schema",
        _owner("DELETE FROM django_migrations WHERE app = 'loyalty' AND (name LIKE '0024%' OR name LIKE '0025%')"),
        "but later ones are: loyalty.0024_codes_of_requests, loyalty.0025_checkpoints_after_a_restore →",
    ),
    (
        "schema",
        _owner("INSERT INTO django_migrations (app, name, applied) VALUES ('core', '9999_later', now())"),
        "of another release: core.9999_later",
    ),
    ("guards", _owner(DROPPED), "constraint loyalty_ledger_points_not_zero of loyalty_ledger is missing"),
    ("guards", _owner(REPLACED), "function core_refuse_change() differs"),
    (
        "guards",
        _owner("GRANT DELETE ON loyalty_tier TO PUBLIC"),
        "rights of PUBLIC on loyalty_tier is not of this release",
    ),
    ("extensions", _owner("DROP EXTENSION btree_gist CASCADE"), "not there: btree_gist"),
    ("roles", _no_reader, "there is no role no_such_role"),
    ("durability", _owner("SET LOCAL synchronous_commit = off"), "synchronous_commit is off"),
    ("replication", _set(DATABASE_STANDBYS=1), "0 standbys follow, 1 expected"),
    ("backups", lambda installed: installed.backups(None), "cannot be read: No such file"),
    ("backups", lambda installed: installed.backups("", age_hours=30), "the newest is 30 h 00 min old"),
    ("backups", lambda installed: installed.backups("rubbish"), "cannot be read"),
    ("backups", lambda installed: installed.of_pgbackrest(age_hours=30), "may be 26 h old"),
    ("backups", lambda installed: installed.of_pgbackrest(code=2), "ratings: no valid backups"),
    ("backups", lambda installed: installed.of_pgbackrest(backups=0), "there is no backup"),
    ("backups", lambda installed: installed.of_pgbackrest(error=True), "has damaged files"),
    ("jobs", _owner("DELETE FROM core_jobrun WHERE command = 'checkpoint'"), "checkpoint was never done"),
    (
        "jobs",
        lambda installed: installed.job("recover_slip_loyalty", hours=2),
        "recover_slip_loyalty was last done 2 h 00",
    ),
    ("verification", _broken_verification, "BROKEN: missing tail"),
    ("checkpoint-keys", _set(CHECKPOINT_SIGNING_KEY="no key"), "CHECKPOINT_SIGNING_KEY cannot be used"),
    (
        "checkpoint-keys",
        _set(CHECKPOINT_PUBLIC_KEYS=[new_key_pair()[1]]),
        "CHECKPOINT_PUBLIC_KEY does not have the key",
    ),
    ("checkpoint-file", _set(CHECKPOINT_FILE=""), "CHECKPOINT_FILE is not set"),
    ("checkpoint-file", lambda installed: installed.checkpoints.unlink(), "cannot be compared: No such file"),
    (
        "checkpoint-file",
        lambda installed: installed.checkpoints.write_text("rubbish\n"),
        "checkpoint 1: checkpoint altered",
    ),
    ("checkpoint-file", lambda installed: accounts_file(installed.checkpoints).unlink(), "accounts.jsonl is not there"),
    ("static-files", lambda installed: shutil.rmtree(installed.folder / "static"), "has no collected files"),
    ("identity-provider", _provider(OIDC_ISSUER="http://127.0.0.1:1"), "cannot be read: ConnectionError"),
    ("identity-provider", _provider(OIDC_OP_TOKEN_ENDPOINT="https://old.example"), "Correct OIDC_TOKEN_URL"),
    ("identity-provider", _provider(OIDC_OP_END_SESSION_ENDPOINT="https://old.example"), "Correct OIDC_SIGN_OUT_URL"),
    ("identity-provider", _provider(OIDC_RP_SIGN_ALGO="ES256"), "the provider has no key for ES256"),
]


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with serving() as provider:
        yield provider


@pytest.fixture
def installed(
    floor: Floor, settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: Provider
) -> Installation:
    """A casino where nothing is missing that a test can have."""
    installed = Installation(floor=floor, settings=settings, folder=tmp_path, patch=monkeypatch, provider=provider)
    Book.build(floor).seal()
    complete(installed.checkpoints)
    (tmp_path / "static").mkdir()
    (tmp_path / "static" / "staticfiles.json").touch()
    installed.backups("")
    _set(
        IS_PRODUCTION=True,
        ENVIRONMENT="production",
        ALLOWED_HOSTS=["ratings.example"],
        IDLE_LOCK_MINUTES=15,
        CHECKPOINT_FILE=str(installed.checkpoints),
        BACKUP_INFO_FILE=str(tmp_path / "backups.json"),
        STATIC_ROOT=str(tmp_path / "static"),
    )(installed)
    JobRun.objects.bulk_create(
        JobRun(command=job.command, succeeded_at=timezone.now(), correlation_id="0" * 32) for job in JOBS
    )
    floor.casino.confirmed_award_points = 1_000
    floor.casino.save()
    verification_row(floor).save()
    return installed


def _missing(check: str) -> str:
    found = [finding for finding in look(only=[check]) if finding.state is not State.OK]
    assert all(finding.advice for finding in found)
    return "\n".join(f"{finding.what} → {finding.advice}" for finding in found)


class TestDoctor:
    @pytest.mark.parametrize(("check", "break_it", "said"), BREAKS)
    def test_finds_what_is_broken(
        self, installed: Installation, check: str, break_it: Callable[[Installation], Any], said: str
    ) -> None:
        before = _missing(check)

        break_it(installed)

        assert said not in before
        assert said in _missing(check)

    def test_finds_a_slot_that_nobody_reads(self, installed: Installation, idle_slot: str) -> None:
        assert f"nobody reads the slot {idle_slot}" in _missing("replication")

    def test_finds_what_the_server_of_the_tests_lacks(self, db: None) -> None:
        assert "fsync is off" in _missing("durability")
        assert "the WAL is not archived" in _missing("archive")
        assert "DATABASE_OWNER_URL is set here" in _missing("roles")

    def test_is_content_with_a_backup_of_pgbackrest(self, installed: Installation) -> None:
        installed.of_pgbackrest()

        assert _missing("backups") == ""

    def test_is_content_with_a_provider(self, installed: Installation) -> None:
        _provider()(installed)

        assert _missing("identity-provider") == ""

    def test_says_ok_first_and_what_is_missing_last(self, installed: Installation) -> None:
        installed.job("checkpoint", hours=30)

        ran = run("doctor", "--only", "clock", "--only", "jobs")

        *lines, last = ran.out.splitlines()
        assert (ran.code, ran.error) == (1, "1 thing is missing. The runbook has more on each.")
        assert all(line.startswith("ok ") for line in lines)
        assert last.startswith("missing        jobs: checkpoint was last done 30 h 00 min ago")
        assert " → " in last

    def test_ends_with_0_if_nothing_is_missing(self, installed: Installation) -> None:
        ran = run("doctor", "--json", *(f"--only={name}" for name in ("schema", "jobs", "checkpoint-file", "backups")))

        assert (ran.code, json.loads(ran.out)["ok"]) == (0, True), ran

    def test_says_that_the_database_is_away(self) -> None:
        done = run_program("manage.py", "doctor", "--json", **AWAY)

        states = {finding["name"]: finding["state"] for finding in json.loads(done.stdout)["findings"]}
        assert (done.returncode, states["database"], states["static-files"]) == (1, "missing", "ok")
        needing = {check.name for check in CHECKS if check.needs_database}
        assert {name for name, state in states.items() if state == "not looked at"} == needing

    @pytest.mark.parametrize("difference", ["+9s", "-9s"])
    def test_finds_a_clock_that_is_wrong(self, difference: str, faketime: Path, db: None) -> None:
        by = [str(faketime), "-f", difference]

        done = run_program("manage.py", "doctor", "--only=clock", by=by, **database_environment())

        assert (done.returncode, "missing        clock: " in done.stdout) == (1, True), done
        assert "Let chrony" in done.stdout

    def test_finds_a_disk_that_is_full(self, own_mounts: list[str], tmp_path: Path) -> None:
        by = [*own_mounts, "sh", "-c", FULL_DISK, "sh"]
        full = {"FULL": str(tmp_path), "CHECKPOINT_FILE": str(tmp_path / "checkpoints.jsonl")}

        done = run_program("manage.py", "doctor", "--only=disk", by=by, **AWAY, **full)

        assert f"missing        disk: {tmp_path}: 4 % free, 0.0 GiB → Make room" in done.stdout, done

    @pytest.fixture
    def faketime(self) -> Path:
        return FAKETIME

    @pytest.fixture
    def own_mounts(self) -> list[str]:
        if subprocess.run([*IN_OWN_MOUNTS, "true"], capture_output=True, check=False).returncode:
            pytest.skip("this machine lets nobody mount anything")
        return IN_OWN_MOUNTS

    @pytest.fixture
    def idle_slot(self) -> Iterator[str]:
        name = "of_no_standby"
        with connect("postgres", role=SUPERUSER) as server:
            server.execute("SELECT pg_create_physical_replication_slot(%s)", [name])
            yield name
            server.execute("SELECT pg_drop_replication_slot(%s)", [name])
