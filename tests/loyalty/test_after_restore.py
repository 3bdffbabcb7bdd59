"""A restored database says what it lacks, is sealed with that, and shows it for ever; a fork is found."""

import json
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction

from core.models import User
from core.roles import AUDITOR, OPERATOR
from loyalty.models import Checkpoint, LedgerEntry, PlayerLoyalty
from loyalty.proof.breaks import BreakKind
from loyalty.proof.checkpoints import seal_accounts
from loyalty.proof.keys import private_key
from loyalty.proof.listed import accounts_file
from loyalty.proof.restores import Restore
from tests.commands import Ran, run
from tests.console import signed_in
from tests.databases import as_owner
from tests.factories import StaffFactory
from tests.floor import Floor
from tests.loyalty.attacking import Book, found, is_clean, sql
from tests.loyalty.postings import award
from tests.loyalty.test_prove_entry import check
from tests.tampering import without_triggers

REASON = "The disk of the first machine broke"
TABLES = ("loyalty_sealedchange", "loyalty_sealedaccount", "loyalty_checkpoint", "loyalty_ledger")


@dataclass(frozen=True, kw_only=True)
class Backup:
    """What the ledger was when the backup was made."""

    checkpoints: int
    entries: int
    accounts: list[dict[str, Any]]

    @classmethod
    def make(cls) -> "Backup":
        return cls(
            checkpoints=Checkpoint.objects.count(),
            entries=LedgerEntry.objects.order_by("pk").values_list("pk", flat=True).last() or 0,
            accounts=[dict(account) for account in PlayerLoyalty.objects.values()],
        )

    def restore(self) -> None:
        """Delete what came later, as the owner: that is much quicker than a restore, and leaves the same."""
        with ExitStack() as off:
            for table in TABLES:
                off.enter_context(without_triggers(table, f"{table}_refuse_delete"))
            with as_owner(), connection.cursor() as cursor:
                for table, key in zip(TABLES, ("checkpoint_id", "checkpoint_id", "number", "id"), strict=True):
                    last = self.entries if key == "id" else self.checkpoints
                    cursor.execute(f"DELETE FROM {table} WHERE {key} > %s", [last])
                for account in self.accounts:
                    PlayerLoyalty.objects.filter(pk=account["id"]).update(**account)


@pytest.fixture
def file(tmp_path: Path, settings: Any) -> Path:
    settings.CHECKPOINT_FILE = str(tmp_path / "checkpoints.jsonl")
    return Path(settings.CHECKPOINT_FILE)


@pytest.fixture
def book(committed_floor: Floor) -> Book:
    return Book.build(committed_floor)


@pytest.fixture
def backup(book: Book, file: Path) -> Backup:
    """A backup after checkpoint 1 and one more entry; checkpoints 2 and 3 sealed three more entries after it."""
    _seal()
    award(book.floor, book.account.player, points=1)
    backup = Backup.make()
    award(book.floor, book.account.player, points=2)
    _seal()
    award(book.floor, book.account.player, points=3)
    award(book.floor, book.other.player, points=4)
    _seal()
    return backup


@pytest.fixture
def operator(book: Book) -> User:
    olga = StaffFactory.create(casino=None, username="olga")
    olga.groups.add(Group.objects.get(name=OPERATOR))
    return olga


def _seal(*options: str) -> Ran:
    return run("checkpoint", *options)


def _seal_after_restore(reason: str = REASON, by: str = "olga") -> Ran:
    return _seal("--after-restore", "--by", by, "--reason", reason)


def _lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_bytes().splitlines()]


class TestWhatARestoredDatabaseLacks:
    def test_is_named_by_account_and_number(self, book: Book, backup: Backup, file: Path) -> None:
        backup.restore()

        ran = run("verify_ledger", "--against", file)

        assert ran.code == 1
        assert "BROKEN  checkpoint 2\n  kind      checkpoint missing" in ran.out
        assert ran.out.partition("Lacking: ")[2].splitlines()[1:] == [
            "Lacking: 3 entries of 2 accounts.",
            f"  account {book.account.pk}: 2 entries, numbers 7 to 8",
            f"  account {book.other.pk}: 1 entry, number 5",
            "Lacking: 0 changes of the change log.",
        ]

    def test_says_where_other_entries_have_the_numbers(self, book: Book, backup: Backup, file: Path) -> None:
        backup.restore()
        award(book.floor, book.account.player, points=5)

        lacking = json.loads(run("verify_ledger", "--json", "--against", file).out)["lacking"]

        names = ("account_id", "first", "last", "has_others")
        expected = [(book.account.pk, 7, 8, True), (book.other.pk, 5, 5, False)]
        assert lacking["accounts"] == [dict(zip(names, one, strict=True)) for one in expected]
        assert (lacking["checkpoints"], lacking["entries"], lacking["unlisted"]) == ([2, 3], 3, [])

    def test_is_not_known_without_the_file_of_accounts(self, backup: Backup, file: Path) -> None:
        accounts_file(file).unlink()
        backup.restore()

        lacking = json.loads(run("verify_ledger", "--json", "--against", file).out)["lacking"]

        assert (lacking["entries"], lacking["unlisted"]) == (0, [2, 3])


class TestCheckpointAfterRestore:
    @pytest.mark.shows(35)
    def test_lets_checkpoints_go_on_and_stays_visible(
        self, book: Book, backup: Backup, file: Path, operator: User, tmp_path: Path
    ) -> None:
        backup.restore()
        assert _seal().code == 1

        ran = _seal_after_restore()

        lacked = "checkpoints 2 to 3, 3 entries of 2 accounts and 0 changes of the change log were lacking"
        assert (ran.code, f"by olga: {lacked}. Reason: {REASON}" in ran.out) == (0, True), ran
        award(book.floor, book.account.player, points=6)
        assert (_seal().code, [line["number"] for line in _lines(file)]) == (0, [1, 2, 3, 4, 5])
        verified, invariants = run("verify_ledger", "--full"), run("check_invariants")
        assert (verified.code, "Clean: " in verified.out, lacked in verified.out) == (0, True, True), verified
        assert "NOTE    Checkpoint 4 was taken after" in invariants.out
        assert "holds   checkpoints_are_without_gap" in invariants.out
        last = book.entry(6)
        proven = check(last.pk, json.loads(run("prove_entry", last.pk).out), file, folder=tmp_path)
        assert (proven[0], "in checkpoint 4" in proven[1]) == (0, True), proven

    def test_says_what_was_lacking_under_the_signature(self, backup: Backup, file: Path, operator: User) -> None:
        backup.restore()
        _seal_after_restore()

        *_, third, line = _lines(file)
        assert line["previous_hash"] == third["checkpoint_hash"]
        said = json.loads(line["after_restore"])
        accounts = said.pop("named")
        assert {tuple(account[1:]) for account in accounts} == {(7, 8), (5, 5)}
        counts = {"kept": 1, "last": 3, "accounts": 2, "entries": 3, "changes": 0, "unlisted": []}
        assert said == {"by": "olga", "staff_id": operator.pk, "reason": REASON, **counts}

    @pytest.mark.parametrize("is_of_all", [True, False])
    def test_is_shown_on_the_pages_of_proof(self, book: Book, backup: Backup, operator: User, is_of_all: bool) -> None:
        backup.restore()
        _seal_after_restore()
        casino = None if is_of_all else book.floor.casino
        client = signed_in(StaffFactory.create(casino=casino, is_superuser=is_of_all), AUDITOR)

        paths = ("", "loyalty/checkpoint/?after_restore=yes", "loyalty/checkpoint/4/change/")
        pages = [client.get(f"/console/{path}").content.decode() for path in paths]

        assert [REASON in page and "olga" in page for page in pages] == [True] * 3
        assert ["3 entries of 2 accounts" in page for page in pages] == [is_of_all, False, is_of_all]

    def test_may_follow_the_newest_where_nothing_is_lacking(self, book: Book, file: Path, operator: User) -> None:
        _seal()

        ran = _seal_after_restore()

        assert ran.code == 0
        assert "nothing that a checkpoint had sealed was lacking; what came after checkpoint 1 may be" in ran.out
        assert run("verify_ledger", "--full").code == 0

    @pytest.mark.parametrize(
        ("by", "reason", "said"),
        [
            ("boss", REASON, "You do not hold the permission"),
            ("olga", "Too short", "Write a reason of 10"),
            ("nobody", REASON, "There is nobody with the login"),
        ],
    )
    def test_needs_a_permission_and_a_reason(
        self, book: Book, backup: Backup, operator: User, by: str, reason: str, said: str
    ) -> None:
        StaffFactory.create(casino=book.floor.casino, username="boss")
        backup.restore()

        ran = _seal_after_restore(reason, by)

        assert (ran.code != 0, said in ran.error, Checkpoint.objects.count()) == (True, True, 1), ran

    @pytest.mark.shows(35)
    def test_does_not_hide_entries_that_its_own_checkpoints_sealed(
        self, book: Book, backup: Backup, operator: User
    ) -> None:
        backup.restore()
        Backup(checkpoints=1, entries=book.entry(4).pk, accounts=[]).restore()

        ran = _seal_after_restore()

        assert (ran.code, "differs from its own checkpoints" in ran.error) == (1, True), ran

    @pytest.mark.parametrize(
        "attack",
        [
            lambda lines: [lines[0].replace(b'"entries":9', b'"entries":8'), *lines[1:]],
            lambda lines: [lines[0], lines[1].replace(b'"number":2', b'"number":4'), lines[2]],
            lambda lines: [lines[0], lines[2]],
            lambda lines: [*lines[:2], lines[2].replace(b'"changes":2', b'"changes":1')],
            lambda lines: [*lines, b"rubbish\n"],
        ],
        ids=["other contents", "not signed", "left out", "last not signed", "rubbish"],
    )
    def test_refuses_a_file_that_is_not_one_chain(
        self, backup: Backup, file: Path, operator: User, attack: Callable[[list[bytes]], list[bytes]]
    ) -> None:
        backup.restore()
        file.write_bytes(b"".join(attack(file.read_bytes().splitlines(keepends=True))))

        ran = _seal_after_restore()

        assert (ran.code, "Nothing was sealed" in ran.error, Checkpoint.objects.count()) == (1, True, 1), ran

    @pytest.mark.parametrize(
        ("attack", "number"),
        [
            (lambda lines: [lines[0], lines[1].replace(b'"changes":1', b'"changes":2'), *lines[2:]], 2),
            (lambda lines: [lines[0], *lines[2:]], 3),
            (lambda lines: [*lines[:2], lines[3]], 2),
            (lambda lines: [lines[0], lines[3]], None),
        ],
        ids=["not signed", "first left out", "last left out", "begun again"],
    )
    def test_keeps_the_lost_ones_in_the_file(
        self,
        backup: Backup,
        file: Path,
        operator: User,
        attack: Callable[[list[bytes]], list[bytes]],
        number: int | None,
    ) -> None:
        backup.restore()
        _seal_after_restore()
        file.write_bytes(b"".join(attack(file.read_bytes().splitlines(keepends=True))))

        first = json.loads(run("verify_ledger", "--json").out)["first_break"]

        assert (first and (first["kind"], first["checkpoint"])) == (number and ("checkpoint altered", number))


class TestFork:
    def test_is_found_by_comparing_the_files(self, book: Book, backup: Backup, file: Path, tmp_path: Path) -> None:
        other = tmp_path / "other.jsonl"
        shutil.copy(file, other)
        shutil.copy(accounts_file(file), accounts_file(other))
        backup.restore()
        for name in (file, accounts_file(file)):
            name.write_bytes(
                b"".join(
                    line for line in name.read_bytes().splitlines(True) if json.loads(line).get("checkpoint", 1) < 2
                )
            )
        file.write_bytes(file.read_bytes().splitlines(keepends=True)[0])
        award(book.floor, book.account.player, points=7)
        assert _seal().code == 0

        same, fork = run("compare_checkpoints", file, file), run("compare_checkpoints", file, other)

        assert (same.code, fork.code) == (0, 1), fork
        assert fork.out.startswith("The same up to checkpoint 1.\n")
        assert "FORK at checkpoint 2:" in fork.out
        assert f"Sealed by both since then: 1 account: {book.account.pk}" in fork.out
        said = run("verify_ledger", "--against", other).out
        assert f"account {book.account.pk}: 2 entries, numbers 7 to 8; other entries have" in said

    @pytest.mark.parametrize("contents", [None, b"", b"rubbish\n"])
    def test_cannot_be_found_in_what_is_no_file_of_checkpoints(
        self, db: None, tmp_path: Path, contents: bytes | None
    ) -> None:
        file = tmp_path / "file"
        if contents is not None:
            file.write_bytes(contents)

        assert run("compare_checkpoints", file, file).code == 2


class TestTampering:
    @pytest.fixture
    def restored(self, unguarded_book: Book, settings: Any) -> Checkpoint:
        """Checkpoint 3 after a restore to checkpoint 1, with every guard off."""
        book, key = unguarded_book, private_key(settings.CHECKPOINT_SIGNING_KEY)
        book.seal()
        second = book.seal()
        sql("DELETE FROM loyalty_checkpoint WHERE number = 2")
        said = Restore(
            by="olga",
            staff_id=1,
            reason=REASON,
            kept=1,
            last=2,
            accounts=0,
            entries=0,
            named=[],
            changes=0,
            unlisted=[],
        )
        with transaction.atomic():
            third = seal_accounts(at=book.floor.now, key=key, last=second, after_restore=said.as_text())
        assert is_clean()
        return third

    @pytest.mark.parametrize(
        ("attack", "kind"),
        [
            ("UPDATE {} SET after_restore = replace(after_restore, 'olga', 'igor')", BreakKind.CHECKPOINT_ALTERED),
            ("UPDATE {} SET after_restore = NULL WHERE number = 3", BreakKind.CHECKPOINT_ALTERED),
            ("DELETE FROM {} WHERE number = 1", BreakKind.CHECKPOINT_MISSING),
        ],
    )
    @pytest.mark.shows(35)
    def test_is_found(self, restored: Checkpoint, attack: str, kind: BreakKind) -> None:
        sql(attack.format("loyalty_checkpoint"))

        assert found().kind == kind
