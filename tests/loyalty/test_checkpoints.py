"""Checkpoints seal everything that stands at one instant, none skipped and none forked, in the database and outside."""

import base64
import json
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from core.errors import Busy
from loyalty.breaks import Break, BreakKind
from loyalty.models import Checkpoint, LedgerEntry, PlayerLoyalty, SealedAccount
from loyalty.sealing import (
    MerkleRoot,
    WrongKey,
    as_line,
    is_signed,
    key_id_of,
    leaf_hash,
    new_key_pair,
    private_key,
    public_key,
)
from loyalty.services import outside
from loyalty.services.checkpoints import CheckpointUnderWay, SealedEntriesGone, seal_accounts, take_checkpoint
from loyalty.services.keys import NoCheckpointKey
from loyalty.services.outside import MAX_LINE_BYTES, CheckpointFileDiffers, compare_whole, line_of
from loyalty.services.sealed import seal_of
from tests.commands import run
from tests.concurrency import Elsewhere, held, held_before_commit, together
from tests.floor import Floor
from tests.loyalty.attacking import Book, is_clean, is_clean_now, post, sql, statement_timeout
from tests.loyalty.postings import award
from tests.properties import property_settings
from tests.tampering import take_the_guards_off


@pytest.fixture
def book(committed_floor: Floor) -> Book:
    return Book.build(committed_floor)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints.jsonl"


def _take(book: Book, file: Path | None = None) -> Checkpoint:
    return take_checkpoint(at=book.floor.now, file=file)


def _sealed(checkpoint: Checkpoint) -> dict[int, int]:
    return dict(SealedAccount.objects.filter(checkpoint=checkpoint).values_list("account_id", "entry_count"))


class TestMerkleRoot:
    @property_settings
    @given(leaves=st.lists(st.binary(min_size=32, max_size=32), max_size=40))
    def test_is_that_of_rfc_6962(self, leaves: list[bytes]) -> None:
        tree = MerkleRoot()
        for leaf in leaves:
            tree.add(leaf)

        assert tree.root() == _by_the_book(leaves)

    def test_tells_a_leaf_from_a_node_and_an_account_from_another(self) -> None:
        head = b"\1" * 32
        leaves = [leaf_hash(account_id=a, entry_count=n, head_hash=head) for a, n in ((1, 11), (11, 1), (1, 1))]

        assert len({*leaves}) == 3


def _by_the_book(leaves: list[bytes]) -> bytes:
    """The definition of RFC 6962, section 2.1, over leaves that are hashed already."""
    if len(leaves) < 2:
        return leaves[0] if leaves else sha256(b"").digest()
    half = 1 << (len(leaves) - 1).bit_length() - 1
    return sha256(b"\1" + _by_the_book(leaves[:half]) + _by_the_book(leaves[half:])).digest()


class TestKeys:
    def test_sign_what_their_public_half_believes(self, floor: Floor) -> None:
        private, public = new_key_pair()
        checkpoint = Book.build(floor).seal()
        seal = seal_of(checkpoint)

        signature = private_key(private).sign(seal.preimage())

        assert is_signed(seal, signature=signature, key=public_key(public))
        assert not is_signed(seal, signature=signature, key=public_key(new_key_pair()[1]))
        assert key_id_of(public_key(public)) == key_id_of(private_key(private).public_key())

    @pytest.mark.parametrize("text", ["", "secret", "é", "A" * 44, "QUJD", "=" * 44])
    def test_are_32_bytes_in_base64(self, text: str) -> None:
        with pytest.raises(WrongKey) as refusal:
            private_key(text)

        assert text not in str(refusal.value) or not text

    def test_are_named_where_they_are_missing(self, floor: Floor, settings: Any) -> None:
        settings.CHECKPOINT_SIGNING_KEY = ""

        with pytest.raises(NoCheckpointKey, match="--new-key"):
            take_checkpoint(at=floor.now, file=None)

    @pytest.mark.parametrize(("name", "value"), [("SIGNING_KEY", "secret"), ("PUBLIC_KEYS", ["secret"])])
    def test_are_named_where_they_are_none(self, floor: Floor, settings: Any, name: str, value: Any) -> None:
        Book.build(floor).seal()
        setattr(settings, f"CHECKPOINT_{name}", value)

        with pytest.raises(NoCheckpointKey, match=f"CHECKPOINT_{name.removesuffix('S')} cannot be used: a key is 32"):
            is_clean()

    def test_of_earlier_days_are_believed_when_they_are_named(self, floor: Floor, settings: Any) -> None:
        book = Book.build(floor)
        book.seal()
        (old, new) = (settings.CHECKPOINT_SIGNING_KEY, new_key_pair()[0])
        publics = [_public(text) for text in (old, new)]
        settings.CHECKPOINT_SIGNING_KEY = new
        book.seal()

        settings.CHECKPOINT_PUBLIC_KEYS = publics
        assert is_clean()
        settings.CHECKPOINT_PUBLIC_KEYS = publics[1:]
        assert not is_clean()


def _public(text: str) -> str:
    return base64.b64encode(private_key(text).public_key().public_bytes_raw()).decode()


class TestTakeCheckpoint:
    def test_seals_every_account_with_the_totals(self, book: Book) -> None:
        taken = _take(book)

        assert (taken.number, taken.accounts, taken.entries, taken.changes) == (1, 3, 9, 3)
        points = sum(LedgerEntry.objects.values_list("points", flat=True))
        assert taken.points_total == taken.balance_total == points
        assert _sealed(taken) == {book.account.pk: 5, book.other.pk: 4, book.other.pk + 1: 0}
        assert is_clean_now()

    def test_keeps_only_what_changed_since_the_last(self, book: Book) -> None:
        first = _take(book)
        award(book.floor, book.other.player, points=3)

        second, third = _take(book), _take(book)

        assert _sealed(second) == {book.other.pk: 5}
        assert _sealed(third) == {}
        assert (second.accounts, third.accounts) == (3, 3)
        assert [bytes(one.previous_hash) for one in (second, third)] == [
            bytes(one.checkpoint_hash) for one in (first, second)
        ]
        assert third.accounts_root == second.accounts_root != first.accounts_root
        assert is_clean_now()

    def test_seals_more_accounts_than_it_writes_at_once(self, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("loyalty.services.checkpoints._CHUNK_ROWS", 2)

        taken = _take(book)

        assert _sealed(taken) == {book.account.pk: 5, book.other.pk: 4, book.other.pk + 1: 0}
        assert is_clean_now()

    def test_of_an_empty_house_is_one_too(self, transactional_db: None) -> None:
        taken = take_checkpoint(at=timezone.now(), file=None)

        assert (taken.accounts, taken.entries, int(taken.points_total)) == (0, 0, 0)

    def test_takes_what_commits_late_into_the_next_one(self, book: Book) -> None:
        floor, late, early = book.floor, book.account.player, book.other.player
        with held_before_commit(lambda: post(floor, late, idempotency_key="late")):
            post(floor, early, idempotency_key="early")
            first = _take(book)
        second = _take(book)

        entries = LedgerEntry.objects.in_bulk(field_name="idempotency_key")
        assert entries["late"].pk < entries["early"].pk
        assert _sealed(first) == {book.account.pk: 5, book.other.pk: 5, book.other.pk + 1: 0}
        assert _sealed(second) == {book.account.pk: 6}
        assert (first.entries, second.entries) == (10, 11)
        assert is_clean_now()

    def test_refuses_while_another_is_taken(self, book: Book) -> None:
        def hold() -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_xact_lock(%s)", [0x4348_4B50])

        with held(hold), pytest.raises(CheckpointUnderWay):
            _take(book)

        assert _take(book).number == 1

    def test_never_forks_however_many_are_taken_at_once(self, book: Book, file: Path) -> None:
        answers = together([lambda: _take(book, file) for _ in range(4)])

        taken = [answer for answer in answers if isinstance(answer, Checkpoint)]
        assert taken
        assert all(isinstance(answer, Checkpoint | CheckpointUnderWay) for answer in answers)
        assert [one["number"] for one in _lines(file)] == list(range(1, len(taken) + 1))
        assert compare_whole(file) is None

    def test_lets_another_be_taken_when_it_has_ended(self, book: Book) -> None:
        _take(book)

        assert Elsewhere(lambda: _take(book)).result().number == 2

    def test_says_busy_where_the_server_is_gone(self, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
        def hang_up(**_: object) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

        def refuse() -> None:
            raise OperationalError from psycopg.OperationalError("the server is not there")

        with monkeypatch.context() as lost:
            lost.setattr("loyalty.services.checkpoints.seal_accounts", hang_up)
            lost.setattr(connection, "connect", refuse)
            with pytest.raises(Busy):
                _take(book)
        connection.close()

        assert _take(book).number == 1

    @pytest.mark.parametrize(
        "attack", ["entry_count = 4", "head_hash = sha256('x')", "entry_count = 0, head_hash = NULL"]
    )
    def test_seals_nothing_over_what_is_gone(self, floor: Floor, attack: str) -> None:
        book = Book.build(floor)
        book.seal()
        take_the_guards_off()
        sql(f"UPDATE loyalty_playerloyalty SET {attack} WHERE id = %s", book.account.pk)

        with pytest.raises(SealedEntriesGone, match=f"Account {book.account.pk} was sealed with 5 entries"):
            book.seal()

    def test_tells_the_log_what_was_refused(self, book: Book) -> None:
        _take(book)
        PlayerLoyalty.objects.filter(pk=book.account.pk).update(entry_count=4)

        with capture_logs() as lines, pytest.raises(SealedEntriesGone):
            _take(book)

        refusal = {"operation": "loyalty.take_checkpoint", "code": "SEALED_ENTRIES_GONE", "actor_id": None}
        assert lines == [{"event": "core.operation_refused", "log_level": "warning"} | refusal]

    def test_may_take_half_an_hour_and_nothing_after_it_may(self, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
        usual = statement_timeout()
        seen: list[str] = []

        def seal(**arguments: Any) -> Checkpoint:
            seen.append(statement_timeout())
            return seal_accounts(**arguments)

        monkeypatch.setattr("loyalty.services.checkpoints.seal_accounts", seal)

        _take(book)

        assert seen == ["30min"]
        assert statement_timeout() == usual != "30min"


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


class TestFileOutside:
    def test_gets_a_line_that_says_all_that_is_signed(self, book: Book, file: Path) -> None:
        taken = _take(book, file)

        (line,) = _lines(file)
        assert line["number"] == 1
        assert line["checkpoint_hash"] == bytes(taken.checkpoint_hash).hex()
        assert line["signature"] == bytes(taken.signature).hex()
        assert (
            file.read_bytes()
            == line_of(taken)
            == as_line(seal_of(taken), key_id=taken.key_id, signature=bytes(taken.signature))
        )
        assert file.stat().st_mode & 0o777 == 0o640

    @pytest.mark.parametrize("written", [0, 1, 100, -1])
    def test_is_completed_by_the_next_run_after_a_crash(self, book: Book, file: Path, written: int) -> None:
        """The crash is between the commit and the end of the line."""
        _take(book, file)
        _take(book)
        last = Checkpoint.objects.get(number=2)
        with file.open("ab") as lines:
            lines.write(line_of(last)[:written])

        _take(book, file)

        assert [line["number"] for line in _lines(file)] == [1, 2, 3]
        assert compare_whole(file) is None

    def test_is_only_ever_appended_to(self, book: Book, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        opened: list[int] = []
        really = os.open

        def note(path: Any, flags: int, *rest: int) -> int:
            opened.append(flags)
            return really(path, flags, *rest)

        monkeypatch.setattr(os, "open", note)

        _take(book, file)

        assert opened[0] & os.O_APPEND
        assert not opened[0] & os.O_TRUNC

    def test_is_on_the_disk_when_a_run_ends_and_so_is_its_name(
        self, book: Book, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        synced: list[int] = []
        closed: list[int] = []
        really_sync, really_close = os.fsync, os.close

        def note_sync(descriptor: int) -> None:
            synced.append(os.fstat(descriptor).st_ino)
            really_sync(descriptor)

        def note_close(descriptor: int) -> None:
            closed.append(os.fstat(descriptor).st_ino)
            really_close(descriptor)

        monkeypatch.setattr(os, "fsync", note_sync)
        monkeypatch.setattr(os, "close", note_close)

        _take(book, file)
        _take(book, file)

        name, contents = file.parent.stat().st_ino, file.stat().st_ino
        assert synced == [contents, name, contents]
        assert [inode for inode in closed if inode in {name, contents}] == [contents, name, contents]

    @pytest.mark.parametrize(
        ("attack", "number"),
        [
            (lambda lines: [lines[0], lines[2]], 2),
            (lambda lines: [lines[0].replace(b'"entries":9', b'"entries":8'), *lines[1:]], 1),
            (lambda lines: [lines[1], lines[0], lines[2]], 1),
            (lambda lines: [*lines, lines[2].replace(b'"number":3', b'"number":4')], 4),
            (lambda lines: [lines[0], b"rubbish\n", lines[2]], 2),
            (lambda lines: [lines[0], lines[1][:40]], 2),
            (lambda lines: lines[:2], 3),
            (lambda lines: [], 1),
        ],
        ids=["removed", "altered", "swapped", "added", "rubbish", "broken off", "no end", "empty"],
    )
    def test_is_named_where_it_differs_from_the_database(
        self, book: Book, file: Path, attack: Callable[[list[bytes]], list[bytes]], number: int
    ) -> None:
        for _ in range(3):
            _take(book, file)
        file.write_bytes(b"".join(attack(file.read_bytes().splitlines(keepends=True))))

        ran = run("verify_ledger", "--json", "--against", file)

        broken = json.loads(ran.out)["first_break"]
        assert ran.code == 1
        assert broken["checkpoint"] == number

    def test_names_a_line_that_stands_there_twice(self, floor: Floor, file: Path) -> None:
        book = Book.build(floor)
        one, two = (line_of(book.seal()) for _ in range(2))
        file.write_bytes(one + one + two)

        broken = compare_whole(file)

        what = "the file has it, and the database does not"
        assert broken == Break(
            kind=BreakKind.CHECKPOINT_MISSING, what=what, checkpoint=1, expected=one.decode().strip()
        )

    @pytest.mark.parametrize("at_its_end", [False, True])
    def test_shows_no_more_of_what_is_no_line_than_the_longest_line(
        self, floor: Floor, file: Path, at_its_end: bool
    ) -> None:
        one = line_of(Book.build(floor).seal())
        junk = b"\xff" * (MAX_LINE_BYTES + 1)
        file.write_bytes(one + junk if at_its_end else junk)

        broken = compare_whole(file)

        assert broken is not None
        assert broken.expected == "\ufffd" * MAX_LINE_BYTES
        assert (broken.kind, broken.checkpoint, broken.found) == (
            (BreakKind.CHECKPOINT_MISSING, None, "")
            if at_its_end
            else (BreakKind.CHECKPOINT_ALTERED, 1, one.decode().strip())
        )

    def test_names_what_was_removed_from_the_database(self, floor: Floor, file: Path) -> None:
        book = Book.build(floor)
        for _ in range(3):
            book.seal()
        outside.complete(file)
        take_the_guards_off()
        sql("DELETE FROM loyalty_checkpoint WHERE number = 3")

        broken = compare_whole(file)

        assert broken is not None
        assert (broken.kind, broken.checkpoint) == (BreakKind.CHECKPOINT_MISSING, 3)
        with pytest.raises(CheckpointFileDiffers, match="differ in checkpoint 3"):
            outside.complete(file)

    def test_names_a_checkpoint_that_was_signed_anew_with_our_key(
        self, floor: Floor, file: Path, settings: Any
    ) -> None:
        book = Book.build(floor)
        book.seal()
        outside.complete(file)
        take_the_guards_off()
        sql("UPDATE loyalty_checkpoint SET points_total = points_total + 1")
        checkpoint = Checkpoint.objects.get()
        signature = private_key(settings.CHECKPOINT_SIGNING_KEY).sign(seal_of(checkpoint).preimage())
        sql("UPDATE loyalty_checkpoint SET checkpoint_hash = %s, signature = %s", seal_of(checkpoint).hash, signature)
        assert is_clean()

        broken = compare_whole(file)

        assert broken is not None
        assert (broken.kind, broken.checkpoint) == (BreakKind.CHECKPOINT_ALTERED, 1)

    def test_differing_stops_the_next_checkpoint(self, book: Book, file: Path) -> None:
        _take(book, file)
        file.write_bytes(b"something else\n")

        with pytest.raises(CheckpointFileDiffers):
            _take(book, file)

        assert Checkpoint.objects.count() == 1
        assert file.read_bytes() == b"something else\n"


class TestCheckpointCommand:
    def test_says_what_was_sealed_and_where(self, book: Book, file: Path, settings: Any) -> None:
        settings.CHECKPOINT_FILE = str(file)

        ran = run("checkpoint")

        assert (ran.code, ran.error) == (0, "")
        assert ran.out.startswith("Checkpoint 1: 9 entries of 3 accounts, 3 of them changed since the last one; ")
        assert f"appended to {file}." in ran.out

    def test_prints_the_line(self, book: Book) -> None:
        ran = run("checkpoint", "--json")

        assert ran.out.encode() == line_of(Checkpoint.objects.get())

    def test_says_what_becomes_of_a_line_that_cannot_be_written(
        self, book: Book, tmp_path: Path, settings: Any
    ) -> None:
        settings.CHECKPOINT_FILE = str(tmp_path / "nowhere" / "checkpoints.jsonl")

        ran = run("checkpoint")

        assert ran.code == 1
        assert "No such file or directory. A checkpoint is whole or not there" in ran.error

    def test_makes_a_pair_of_keys_and_nothing_else(self, db: None) -> None:
        ran = run("checkpoint", "--new-key")

        private, public = (line.partition("=")[2] for line in ran.out.splitlines())
        assert private_key(private).public_key() == public_key(public)
        assert not Checkpoint.objects.exists()
