"""`verify_ledger`: its output, its record and its exit codes."""

import json
import os
import signal
import tracemalloc
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from django.db.models import F
from structlog.testing import capture_logs

from core.models import Player
from core.snapshots import one_snapshot
from loyalty.models import Checkpoint, LedgerEntry, LedgerVerification, PlayerLoyalty
from loyalty.proof import verification
from loyalty.proof.checkpoints import take_checkpoint
from loyalty.proof.verification import Scope, record_verification, verify_ledger
from tests.commands import Ran, run
from tests.concurrency import held_before_commit
from tests.databases import as_owner
from tests.floor import Floor
from tests.loyalty.attacking import Book, sql
from tests.loyalty.postings import award
from tests.loyalty.rows import account_of, write_history
from tests.replacing import replace
from tests.tampering import misstate


def _verify(*arguments: object) -> Ran:
    return run("verify_ledger", *arguments)


def _data(*arguments: object) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(_verify("--json", *arguments).out)
    return data


@pytest.fixture
def book(committed_floor: Floor) -> Book:
    return Book.build(committed_floor)


def _break(book: Book, entry: LedgerEntry | None = None) -> None:
    with transaction.atomic(), as_owner():
        sql("ALTER TABLE loyalty_ledger DISABLE TRIGGER loyalty_ledger_refuse_update")
        sql("UPDATE loyalty_ledger SET reason = 'Another reason' WHERE id = %s", (entry or book.entry(2)).pk)
        sql("ALTER TABLE loyalty_ledger ENABLE ALWAYS TRIGGER loyalty_ledger_refuse_update")


def _remove_checkpoint(number: int) -> None:
    tables = ("loyalty_sealedaccount", "loyalty_checkpoint")
    with transaction.atomic(), as_owner():
        for table in tables:
            sql(f"ALTER TABLE {table} DISABLE TRIGGER {table}_refuse_delete")
        sql("DELETE FROM loyalty_sealedaccount WHERE checkpoint_id = %s", number)
        sql("DELETE FROM loyalty_checkpoint WHERE number = %s", number)
        sql("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            sql(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {table}_refuse_delete")


class TestAccountThatWasChanged:
    @pytest.mark.parametrize("scope", [(), ("--since", "1"), ("--account",)], ids=["full", "since", "account"])
    @pytest.mark.parametrize("column", ["balance", "lifetime_points"])
    def test_without_an_entry_is_named(self, book: Book, column: str, scope: tuple[str, ...]) -> None:
        take_checkpoint(at=book.floor.now, file=None)
        misstate(PlayerLoyalty.objects.filter(pk=book.other.pk), **{column: F(column) + 100})

        ran = _verify(*scope, *([book.other.pk] if scope == ("--account",) else []))

        assert ran.code == 1
        assert f"account {book.other.pk}: balance changed" in ran.error
        balance, lifetime = (200, 100) if column == "balance" else (100, 200)
        assert f"found     {balance} points, {lifetime} lifetime points, tier {book.other.tier_id}" in ran.out

    def test_before_its_first_entry_is_named(self, book: Book) -> None:
        empty = PlayerLoyalty.objects.get(entry_count=0)
        misstate(PlayerLoyalty.objects.filter(pk=empty.pk), balance=7)

        assert f"account {empty.pk}: balance changed" in _verify().error

    @pytest.mark.parametrize("shift", [0, 100], ids=["alone", "with another that makes up for it"])
    def test_is_not_signed_by_a_checkpoint(self, book: Book, shift: int) -> None:
        misstate(PlayerLoyalty.objects.filter(pk=book.account.pk), balance=F("balance") + 100)
        misstate(PlayerLoyalty.objects.filter(pk=book.other.pk), balance=F("balance") - shift)
        named = f"{book.account.pk}, {book.other.pk}" if shift else str(book.account.pk)

        ran = run("checkpoint")

        assert ran.code == 1
        assert f"These accounts differ from their entries: {named}. Nothing was sealed." in ran.error
        assert not Checkpoint.objects.exists()


class TestCheckpointThatIsGone:
    @pytest.fixture
    def file(self, tmp_path: Path, settings: Any) -> Path:
        file = tmp_path / "checkpoints.jsonl"
        settings.CHECKPOINT_FILE = str(file)
        return file

    @pytest.fixture
    def sealed(self, book: Book, file: Path) -> Book:
        for points in (5, 6):
            award(book.floor, book.account.player, points=points)
            take_checkpoint(at=book.floor.now, file=file)
        return book

    @pytest.mark.parametrize("scope", ["", "--account"], ids=["full", "account"])
    def test_is_missed_by_the_file_of_the_settings(self, sealed: Book, scope: str) -> None:
        _remove_checkpoint(2)

        ran = _verify(*([scope, sealed.other.pk] if scope else []))

        assert (ran.code, "checkpoint 2: checkpoint missing" in ran.error) == (1, True)

    def test_is_missed_after_an_earlier_verification(self, sealed: Book, settings: Any) -> None:
        settings.CHECKPOINT_FILE = ""
        before = _verify()
        _remove_checkpoint(2)

        runs = _verify(), _verify("--account", sealed.other.pk)

        assert [before.code, *(ran.code for ran in runs)] == [0, 1, 1]
        assert {"checkpoint 2: checkpoint missing" in ran.error for ran in runs} == {True}
        assert {"read 2 checkpoints, and 1 are there" in ran.out for ran in runs} == {True}

    def test_is_missed_after_an_earlier_run_of_what_was_new(self, sealed: Book, settings: Any) -> None:
        settings.CHECKPOINT_FILE = ""
        _verify()
        award(sealed.floor, sealed.account.player, points=7)
        take_checkpoint(at=sealed.floor.now, file=None)
        before = _verify("--since", "last")
        _remove_checkpoint(3)

        runs = _verify("--since", "last"), _verify("--full")

        assert [before.code, *(ran.code for ran in runs)] == [0, 1, 1]
        assert {"checkpoint 3: checkpoint missing" in ran.error for ran in runs} == {True}

    def test_cannot_be_looked_for_without_the_file(self, sealed: Book, file: Path) -> None:
        file.unlink()

        ran = _verify()

        assert (ran.code, ran.error) == (2, f"{file} cannot be read: No such file or directory.")

    def test_is_not_looked_for_before_the_first_is_taken(self, book: Book, file: Path) -> None:
        assert _verify().code == 0


class TestVerifyLedger:
    def test_finds_nothing_in_an_empty_ledger(self, db: None) -> None:
        assert not LedgerEntry.objects.exists()

        assert verify_ledger(scope=Scope(every_root=True)).first_break is None

    def test_ends_with_0_and_says_how_much_it_read(self, book: Book) -> None:
        ran = _verify()

        assert (ran.code, ran.error) == (0, "")
        assert ran.out == "Clean: 9 entries of 3 accounts, 0 checkpoints.\n"
        assert ran.progress == ""

    def test_keeps_its_result(self, book: Book) -> None:
        _verify()

        kept = LedgerVerification.objects.get()
        assert (kept.scope, kept.about, kept.accounts, kept.entries, kept.checkpoints) == ("FULL", None, 3, 9, 0)
        assert kept.is_clean
        assert kept.started_at <= kept.ended_at

    def test_ends_with_1_and_names_the_first_break(self, book: Book) -> None:
        _break(book)
        entry = book.entry(2)

        ran = _verify()

        assert ran.code == 1
        assert ran.error.startswith(f"The ledger is broken: entry {entry.pk}, number 2 of account {entry.account_id}: ")
        lines = ran.out.splitlines()
        assert lines[0] == f"BROKEN  entry {entry.pk}, number 2 of account {entry.account_id}"
        assert lines[1].split() == ["kind", "changed"]
        assert lines[4].split() == ["found", bytes(entry.entry_hash).hex()]
        kept = LedgerVerification.objects.get()
        assert not kept.is_clean
        assert kept.first_break
        assert kept.first_break["entry_id"] == entry.pk

    def test_tells_programs_the_same(self, book: Book) -> None:
        clean = _data()
        _break(book)

        broken = _data()

        assert clean["outcome"] == "clean"
        assert clean["first_break"] is None
        assert (broken["outcome"], broken["scope"], broken["about"]) == ("broken", "FULL", None)
        assert (broken["first_break"]["kind"], broken["first_break"]["seq"]) == ("changed", 2)

    def test_of_one_account_by_number_or_card_sees_only_that(self, book: Book) -> None:
        take_checkpoint(at=book.floor.now, file=None)
        _break(book)

        by_card = _verify("--account", book.account.player.card_number)
        by_number = _verify("--account", book.account.pk)
        other = _verify("--account", book.other.player.card_number)

        assert (by_card.code, by_number.code, other.code) == (1, 1, 0)
        assert other.out == "Clean: 4 entries of 1 account, 0 checkpoints.\n"
        assert list(LedgerVerification.objects.values_list("scope", "about").order_by("id"))[2] == (
            "ACCOUNT",
            book.other.pk,
        )

    def test_of_a_card_of_two_players_names_both_accounts(self, book: Book) -> None:
        Player.objects.filter(pk=book.account.player.pk).update(card_number="Ab-70")
        Player.objects.filter(pk=Floor.build().player().pk).update(card_number="AB-70")
        namesake = account_of(Player.objects.get(card_number="AB-70"))

        ran = _verify("--account", "ab-70")

        assert ran.code == 2
        assert f"account {book.account.pk} (" in ran.error
        assert f"account {namesake.pk} (" in ran.error

    def test_of_a_number_is_that_account_rather_than_a_card(self, book: Book) -> None:
        Player.objects.filter(pk=book.account.player.pk).update(card_number=str(book.other.pk))

        ran = _verify("--account", book.other.pk)

        assert ran.out == "Clean: 4 entries of 1 account, 0 checkpoints.\n"

    def test_since_a_checkpoint_reads_what_came_after(self, book: Book) -> None:
        take_checkpoint(at=book.floor.now, file=None)
        award(book.floor, book.account.player, points=7)

        data = _data("--since", 1)

        assert (data["scope"], data["about"], data["entries"], data["checkpoints"]) == ("SINCE", 1, 1, 1)
        kept = LedgerVerification.objects.get()
        assert (kept.scope, kept.about) == ("SINCE", 1)

    def test_since_a_day_begins_with_the_last_checkpoint_before_it(self, book: Book) -> None:
        take_checkpoint(at=book.floor.ago(days=3), file=None)
        take_checkpoint(at=book.floor.now, file=None)

        data = _data("--since", (book.floor.now - timedelta(days=1)).date())

        assert data["about"] == 1

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--account", "nobody"], "There is no account nobody"),
            (["--account", "9" * 40], "There is no account 999"),
            (["--since", "7"], "There is no checkpoint 7"),
            (["--since", "2026-01-01"], "No checkpoint was taken before 2026-01-01"),
            (["--since", "yesterday"], "“yesterday” is neither a day"),
            (["--against", "/nowhere/checkpoints"], "/nowhere/checkpoints cannot be read: No such file"),
            (["--full", "--since", "1"], "not allowed with"),
        ],
    )
    def test_ends_with_2_where_it_cannot_run(self, committed_floor: Floor, arguments: list[str], words: str) -> None:
        ran = _verify(*arguments)

        assert ran.code == 2
        assert words in ran.error
        assert not LedgerVerification.objects.exists()

    def test_ends_with_2_without_a_key_to_believe_checkpoints_by(self, book: Book, settings: Any) -> None:
        take_checkpoint(at=book.floor.now, file=None)
        settings.CHECKPOINT_SIGNING_KEY = ""

        ran = _verify()

        assert (ran.code, "CHECKPOINT_SIGNING_KEY is not set" in ran.error) == (2, True)

    def test_says_so_where_its_result_cannot_be_kept(self, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(**_: object) -> None:
            raise DatabaseError("permission denied for table loyalty_ledgerverification")

        replace(monkeypatch, record_verification, refuse)

        ran = _verify()

        assert ran.code == 0
        assert ran.progress.startswith("The result could not be recorded for the home page: permission denied")

    def test_sees_one_instant_while_others_post(self, book: Book) -> None:
        with held_before_commit(lambda: award(book.floor, book.account.player, points=9)):
            during = _data()

        after = _data()
        assert (during["outcome"], during["entries"]) == ("clean", 9)
        assert (after["outcome"], after["entries"]) == ("clean", 10)

    def test_tells_how_far_it_is_after_each_chunk(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        Book.build(floor)
        monkeypatch.setattr(verification, "CHUNK_ROWS", 4)
        told: list[int] = []

        verify_ledger(scope=Scope(), progress=told.append)

        assert told == [4, 8]

    def test_tells_the_log_what_it_found(self, book: Book) -> None:
        with capture_logs() as lines:
            _verify()
            _break(book)
            _verify("--account", book.account.pk)

        clean, broken = LedgerVerification.objects.order_by("id").values_list("pk", flat=True)
        what = {"kind": "changed", "entry_id": book.entry(2).pk}
        assert lines == [
            {"event": "loyalty.ledger_verified", "log_level": "info"} | _seen(clean, "FULL", 9),
            {"event": "loyalty.ledger_broken", "log_level": "error"} | _seen(broken, "ACCOUNT", 2) | what,
        ]

    def test_shows_how_far_it_is_on_a_terminal_alone(self, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(verification, "CHUNK_ROWS", 3)
        terminal, pipe = StringIO(), StringIO()
        monkeypatch.setattr(terminal, "isatty", lambda: True)

        call_command("verify_ledger", stdout=StringIO(), stderr=terminal)
        call_command("verify_ledger", stdout=StringIO(), stderr=pipe)

        assert "100%  9 entries" in terminal.getvalue()
        assert terminal.getvalue().endswith("\r\033[K")
        assert pipe.getvalue() == ""


def _seen(verification_id: int, scope: str, entries: int) -> dict[str, Any]:
    """What the log says of every verification."""
    return {"verification_id": verification_id, "scope": scope, "entries": entries}


class TestSeveralProcesses:
    @pytest.mark.shows(35)
    def test_name_the_first_of_several_breaks_as_one_does(self, book: Book) -> None:
        first_breaks = []
        for entry in (None, LedgerEntry.objects.filter(account=book.other).latest("seq"), book.entry(2)):
            if entry:
                _break(book, entry)
            one, two = _with(1), _with(2)
            assert one == two
            first_breaks.append(two.first_break and two.first_break.account_id)

        assert first_breaks == [None, book.other.pk, book.account.pk]

    def test_say_nothing_of_the_ledger_where_one_is_killed(self, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
        command, read = os.getpid(), verification.stream_entries

        def killed(**arguments: Any) -> Any:
            if os.getpid() != command:
                os.kill(os.getpid(), signal.SIGKILL)
            return read(**arguments)

        monkeypatch.setattr(verification, "stream_entries", killed)

        ran = _verify("--processes", "2")

        assert (ran.code, ran.out) == (2, "")
        assert ran.error.startswith("A worker process ended before its work was done.")
        assert not LedgerVerification.objects.exists()


def _with(processes: int) -> verification.Verified:
    with one_snapshot():
        return verify_ledger(scope=Scope(), processes=processes)


class TestIncrement:
    def test_begins_where_the_last_clean_run_without_a_gap_ended(self, book: Book) -> None:
        def since_last() -> tuple[str, int | None, int]:
            data = _data("--since", "last")
            return data["scope"], data["about"], data["entries"]

        take_checkpoint(at=book.floor.now, file=None)
        first = since_last()
        award(book.floor, book.account.player, points=7)
        take_checkpoint(at=book.floor.now, file=None)
        _verify("--since", "2")
        second, third = since_last(), since_last()
        _break(book)
        _verify()

        assert (first, second, third) == (("FULL", None, 9), ("SINCE", 1, 1), ("SINCE", 2, 0))
        assert since_last() == third

    def test_reads_what_is_new_however_long_the_ledger_is(self, committed_floor: Floor) -> None:
        floor, accounts = committed_floor, [account_of(committed_floor.player()) for _ in range(42)]
        for account in accounts[:20]:
            write_history(floor, account, entries=50)
        take_checkpoint(at=floor.now, file=None)
        write_history(floor, accounts[20], entries=5)
        short, whole = _rows_of_ledger(Scope(since=1)), _rows_of_ledger(Scope())
        for account in accounts[21:41]:
            write_history(floor, account, entries=50)
        take_checkpoint(at=floor.now, file=None)
        write_history(floor, accounts[41], entries=5)

        # Of an account without new entries, it reads the last one alone, in each of three comparisons.
        assert _rows_of_ledger(Scope(since=2)) <= short + 3 * 21
        assert short <= 5 + 3 * 21 < 1_000 < whole


def _rows_of_ledger(scope: Scope) -> int:
    """The number of the ledger's rows that a verification reads."""
    read = "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'loyalty_ledger'"
    with as_owner():
        sql("ANALYZE loyalty_ledger, loyalty_playerloyalty, loyalty_sealedaccount")
    with one_snapshot(), connection.cursor() as cursor:
        cursor.execute(read)
        (before,) = cursor.fetchone()
        assert verify_ledger(scope=scope).first_break is None
        cursor.execute(read)
        return int(cursor.fetchone()[0] - before)


@pytest.mark.slow
class TestMemory:
    def test_stays_flat_however_long_the_ledger_is(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(verification, "CHUNK_ROWS", 200)
        write_history(floor, account_of(floor.player()), entries=800)
        short = _peak()
        write_history(floor, account_of(floor.player()), entries=3_000)

        long = _peak()

        assert long < short * 1.2


def _peak() -> int:
    """The most memory that a verification took, in bytes."""
    tracemalloc.start()
    verify_ledger(scope=Scope())
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return used
