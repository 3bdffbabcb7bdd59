"""The file outside has a line for each checkpoint; a difference from the database is found."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from loyalty.models import Checkpoint
from loyalty.proof import outside
from loyalty.proof.appending import CheckpointFileDiffers
from loyalty.proof.breaks import Break, BreakKind
from loyalty.proof.checkpoints import sign
from loyalty.proof.keys import private_key
from loyalty.proof.listed import accounts_file
from loyalty.proof.outside import MAX_LINE_BYTES, compare_whole, line_of
from tests.commands import run
from tests.floor import Floor
from tests.loyalty.attacking import Book, is_clean, post, sql
from tests.tampering import take_the_guards_off


@pytest.fixture
def book(committed_floor: Floor) -> Book:
    return Book.build(committed_floor)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints.jsonl"


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


class TestFileOutside:
    def test_gets_a_line_that_says_all_that_is_signed(self, book: Book, file: Path) -> None:
        taken = book.take(file)

        (line,) = _lines(file)
        assert line["number"] == 1
        assert line["checkpoint_hash"] == bytes(taken.checkpoint_hash).hex()
        assert line["signature"] == bytes(taken.signature).hex()
        assert file.read_bytes() == line_of(taken) == line_of(Checkpoint.objects.get())
        assert file.stat().st_mode & 0o777 == 0o640

    @pytest.mark.parametrize("written", [0, 1, 100, -1])
    def test_is_completed_by_the_next_run_after_a_crash(self, book: Book, file: Path, written: int) -> None:
        """The crash is between the commit and the end of the line."""
        book.take(file)
        book.take()
        last = Checkpoint.objects.get(number=2)
        with file.open("ab") as lines:
            lines.write(line_of(last)[:written])

        book.take(file)

        assert [line["number"] for line in _lines(file)] == [1, 2, 3]
        assert compare_whole(file) is None

    @pytest.mark.parametrize("kept", [0, 1, 100, -1, -150])
    def test_has_its_accounts_beside_it_also_after_a_crash(self, book: Book, file: Path, kept: int) -> None:
        book.take(file)
        post(book.floor, book.other.player)
        book.take(file)
        accounts, whole = accounts_file(file), accounts_file(file).read_bytes()
        accounts.write_bytes(whole[:kept])

        book.take(file)

        assert accounts.read_bytes() == whole
        listed = [(line["checkpoint"], line["account"], line["entry_count"]) for line in _lines(accounts)]
        assert listed[-1] == (2, book.other.pk, 5)
        assert len(listed) == 4

    @pytest.mark.parametrize(
        "last", [b"rubbish\n", b"rubbish", b'{"checkpoint":9,"account":1,"entry_count":1,"head_hash":"00"}\n']
    )
    def test_is_not_continued_beside_accounts_of_something_else(self, book: Book, file: Path, last: bytes) -> None:
        book.take(file)
        with accounts_file(file).open("ab") as accounts:
            accounts.write(last)

        with pytest.raises(CheckpointFileDiffers):
            book.take(file)

        assert Checkpoint.objects.count() == 1

    def test_has_its_lines_in_the_order_of_their_numbers(self, floor: Floor, file: Path) -> None:
        book = Book.build(floor)
        for _ in range(3):
            book.seal()
        take_the_guards_off()
        sql("UPDATE loyalty_checkpoint SET number = number WHERE number = 1")

        outside.complete(file)

        assert [line["number"] for line in _lines(file)] == [1, 2, 3]

    def test_is_only_ever_appended_to(self, book: Book, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        opened: list[int] = []
        really = os.open

        def note(path: Any, flags: int, *rest: int) -> int:
            opened.append(flags)
            return really(path, flags, *rest)

        monkeypatch.setattr(os, "open", note)

        book.take(file)

        assert opened[0] & os.O_APPEND
        assert not opened[0] & os.O_TRUNC

    def test_is_on_disk_with_its_name_after_a_run(
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

        book.take(file)
        book.take(file)

        name, contents, accounts = (path.stat().st_ino for path in (file.parent, file, accounts_file(file)))
        # No account changed before the second checkpoint.
        assert synced == [contents, name, accounts, name, contents]
        assert [inode for inode in closed if inode in {name, contents, accounts}] == synced

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
            book.take(file)
        file.write_bytes(b"".join(attack(file.read_bytes().splitlines(keepends=True))))

        ran = run("verify_ledger", "--json", "--against", file)

        broken = json.loads(ran.out)["first_break"]
        assert ran.code == 1
        assert broken["checkpoint"] == number

    def test_names_a_line_that_is_there_twice(self, floor: Floor, file: Path) -> None:
        book = Book.build(floor)
        one, two = (line_of(book.seal()) for _ in range(2))
        file.write_bytes(one + one + two)

        broken = compare_whole(file)

        what = "the file has it, and the database does not"
        assert broken == Break(
            kind=BreakKind.CHECKPOINT_MISSING, what=what, checkpoint=1, expected=one.decode().strip()
        )

    @pytest.mark.parametrize(
        "rubbish", ["[]", "{}", '{"number": "1"}', '{"number": null}', pytest.param("[" * 4_000, id="too deep")]
    )
    def test_names_the_checkpoint_of_a_line_without_a_number(self, floor: Floor, file: Path, rubbish: str) -> None:
        one = line_of(Book.build(floor).seal())
        file.write_text(f"{rubbish}\n")

        assert compare_whole(file) == Break(
            kind=BreakKind.CHECKPOINT_ALTERED,
            what="the file and the database have different contents for it",
            checkpoint=1,
            expected=rubbish,
            found=one.decode().strip(),
        )

    def test_names_a_checkpoint_that_another_one_replaced(self, floor: Floor, file: Path) -> None:
        book = Book.build(floor)
        one, _, three = (line_of(book.seal()) for _ in range(3))
        file.write_bytes(one + three)

        what = "the database has it, and in the file checkpoint 3 is in its place"
        assert compare_whole(file) == Break(kind=BreakKind.CHECKPOINT_MISSING, what=what, checkpoint=2)

    def test_names_the_first_checkpoint_that_it_ends_before(self, floor: Floor, file: Path) -> None:
        book = Book.build(floor)
        one, *_ = (line_of(book.seal()) for _ in range(3))
        file.write_bytes(one)

        what = (
            "the file ends before it; if the last run of “manage.py checkpoint” was interrupted, the next run writes it"
        )
        assert compare_whole(file) == Break(kind=BreakKind.CHECKPOINT_MISSING, what=what, checkpoint=2)

    @pytest.mark.parametrize("at_its_end", [False, True])
    def test_shows_at_most_a_line_s_length_of_garbage(self, floor: Floor, file: Path, at_its_end: bool) -> None:
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

    def test_names_a_checkpoint_that_was_signed_again_with_our_key(
        self, floor: Floor, file: Path, settings: Any
    ) -> None:
        book = Book.build(floor)
        book.seal()
        outside.complete(file)
        take_the_guards_off()
        sql("UPDATE loyalty_checkpoint SET points_total = points_total + 1")
        checkpoint = Checkpoint.objects.get()
        sign(checkpoint, key=private_key(settings.CHECKPOINT_SIGNING_KEY))
        sql(
            "UPDATE loyalty_checkpoint SET checkpoint_hash = %s, signature = %s",
            *(checkpoint.checkpoint_hash, checkpoint.signature),
        )
        assert is_clean()

        broken = compare_whole(file)

        assert broken is not None
        assert (broken.kind, broken.checkpoint) == (BreakKind.CHECKPOINT_ALTERED, 1)

    def test_differing_stops_the_next_checkpoint(self, book: Book, file: Path) -> None:
        book.take(file)
        file.write_bytes(b"something else\n")

        with pytest.raises(CheckpointFileDiffers):
            book.take(file)

        assert Checkpoint.objects.count() == 1
        assert file.read_bytes() == b"something else\n"
