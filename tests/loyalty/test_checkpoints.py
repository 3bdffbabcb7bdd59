"""Checkpoints seal all accounts at one instant, without gaps or forks, in the database and in the file."""

import base64
import json
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from core.errors import DatabaseAway
from core.leases import LEASE_SECONDS, lease
from core.models import Lease
from loyalty.models import Checkpoint, LedgerEntry, PlayerLoyalty, SealedAccount
from loyalty.proof import checkpoints
from loyalty.proof.checkpoints import CheckpointUnderWay, SealedEntriesGone, seal_accounts, take_checkpoint
from loyalty.proof.keys import (
    NoCheckpointKey,
    WrongKey,
    is_signed,
    key_id_of,
    new_key_pair,
    private_key,
    public_key,
)
from loyalty.proof.outside import compare_whole, line_of
from loyalty.proof.sealing import MerkleRoot, leaf_hash
from tests.commands import run
from tests.concurrency import Elsewhere, held_before_commit, together, wait_until_blocked
from tests.floor import Floor
from tests.loyalty.attacking import Book, found, is_clean, is_clean_now, post, sql, statement_timeout
from tests.loyalty.postings import award
from tests.properties import property_settings
from tests.replacing import replace
from tests.statements import statements_of
from tests.tampering import misstate, take_the_guards_off


@pytest.fixture
def book(committed_floor: Floor) -> Book:
    return Book.build(committed_floor)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints.jsonl"


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

    def test_tells_leaf_from_node_and_account_from_account(self) -> None:
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
    def test_sign_what_their_public_half_believes(self) -> None:
        private, public = new_key_pair()

        signature = private_key(private).sign(b"contents")

        assert is_signed(b"contents", signature=signature, key=public_key(public))
        assert not is_signed(b"other contents", signature=signature, key=public_key(public))
        assert not is_signed(b"contents", signature=signature, key=public_key(new_key_pair()[1]))
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

    def test_are_not_asked_for_where_nothing_is_sealed(self, floor: Floor, settings: Any) -> None:
        Book.build(floor)
        settings.CHECKPOINT_SIGNING_KEY = ""

        assert is_clean()

    def test_are_all_shown_if_none_signed_a_checkpoint(self, floor: Floor, settings: Any) -> None:
        Book.build(floor).seal()
        settings.CHECKPOINT_PUBLIC_KEYS = [new_key_pair()[1] for _ in range(2)]

        assert found().expected == ", ".join(key_id_of(public_key(text)) for text in settings.CHECKPOINT_PUBLIC_KEYS)

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
        taken = book.take()

        assert (taken.number, taken.accounts, taken.entries, taken.changes) == (1, 3, 9, 3)
        points = sum(LedgerEntry.objects.values_list("points", flat=True))
        assert taken.points_total == taken.balance_total == points
        assert _sealed(taken) == {book.account.pk: 5, book.other.pk: 4, book.other.pk + 1: 0}
        assert is_clean_now()

    def test_keeps_only_what_changed_since_the_last(self, book: Book) -> None:
        first = book.take()
        award(book.floor, book.other.player, points=3)

        second, third = book.take(), book.take()

        assert _sealed(second) == {book.other.pk: 5}
        assert _sealed(third) == {}
        assert (second.accounts, third.accounts) == (3, 3)
        assert [bytes(one.previous_hash) for one in (second, third)] == [
            bytes(one.checkpoint_hash) for one in (first, second)
        ]
        assert third.accounts_root == second.accounts_root != first.accounts_root
        assert is_clean_now()

    def test_seals_more_accounts_than_it_writes_at_once(self, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(checkpoints, "CHUNK_ROWS", 2)

        taken = book.take()

        assert _sealed(taken) == {book.account.pk: 5, book.other.pk: 4, book.other.pk + 1: 0}
        assert is_clean_now()

    def test_writes_no_more_accounts_at_once_than_it_may(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        book = Book.build(floor)
        monkeypatch.setattr(checkpoints, "CHUNK_ROWS", 2)

        statements = statements_of(book.seal)

        assert len([one for one in statements if one.startswith('INSERT INTO "loyalty_sealedaccount"')]) == 2

    def test_of_an_empty_house_is_one_too(self, transactional_db: None) -> None:
        taken = take_checkpoint(at=timezone.now(), file=None)

        assert (taken.accounts, taken.entries, int(taken.points_total)) == (0, 0, 0)

    @pytest.mark.shows(37)
    def test_takes_what_commits_late_into_the_next_one(self, book: Book) -> None:
        floor, late, early = book.floor, book.account.player, book.other.player
        with held_before_commit(lambda: post(floor, late, idempotency_key="late")):
            post(floor, early, idempotency_key="early")
            first = book.take()
        second = book.take()

        entries = LedgerEntry.objects.in_bulk(field_name="idempotency_key")
        assert entries["late"].pk < entries["early"].pk
        assert _sealed(first) == {book.account.pk: 5, book.other.pk: 5, book.other.pk + 1: 0}
        assert _sealed(second) == {book.account.pk: 6}
        assert (first.entries, second.entries) == (10, 11)
        assert is_clean_now()

    def test_refuses_while_another_is_taken(self, book: Book) -> None:
        with lease("checkpoint", refusal=CheckpointUnderWay):
            refused = Elsewhere(book.take).outcome()

        assert isinstance(refused, CheckpointUnderWay)
        assert book.take().number == 1

    def test_never_forks_however_many_are_taken_at_once(self, book: Book, file: Path) -> None:
        answers = together([lambda: book.take(file) for _ in range(4)])

        taken = [answer for answer in answers if isinstance(answer, Checkpoint)]
        assert taken
        assert all(isinstance(answer, Checkpoint | CheckpointUnderWay) for answer in answers)
        assert [json.loads(line)["number"] for line in file.read_bytes().splitlines()] == list(range(1, len(taken) + 1))
        assert compare_whole(file) is None

    @pytest.mark.shows(39)
    def test_would_be_stopped_by_the_key_alone_without_the_lease(self, book: Book) -> None:
        with held_before_commit(transaction.atomic()(book.seal)) as first:
            second = Elsewhere(book.take)
            wait_until_blocked(second.backend, by=first.backend)

        assert first.result().number == 1
        assert isinstance(second.outcome(), IntegrityError)

    def test_lets_another_be_taken_when_it_has_ended(self, book: Book) -> None:
        book.take()

        assert Elsewhere(lambda: book.take()).result().number == 2

    def test_says_that_the_database_is_away(self, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
        def hang_up(**_: object) -> None:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

        def refuse() -> None:
            raise OperationalError from psycopg.OperationalError("the server is not there")

        with monkeypatch.context() as lost:
            replace(lost, seal_accounts, hang_up)
            lost.setattr(connection, "connect", refuse)
            with pytest.raises(DatabaseAway):
                book.take()
        connection.close()
        Lease.objects.update(renewed_at=timezone.now() - timedelta(seconds=LEASE_SECONDS))

        assert book.take().number == 1

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
        book.take()
        misstate(PlayerLoyalty.objects.filter(pk=book.account.pk), entry_count=4)

        with capture_logs() as lines, pytest.raises(SealedEntriesGone):
            book.take()

        refusal = {"operation": "loyalty.take_checkpoint", "code": "SEALED_ENTRIES_GONE", "actor_id": None}
        assert lines == [{"event": "core.operation_refused", "log_level": "warning"} | refusal]

    def test_may_take_half_an_hour_and_nothing_after_it_may(self, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
        usual = statement_timeout()
        seen: list[str] = []

        def seal(**arguments: Any) -> Checkpoint:
            seen.append(statement_timeout())
            return seal_accounts(**arguments)

        replace(monkeypatch, seal_accounts, seal)

        book.take()

        assert seen == ["30min"]
        assert statement_timeout() == usual != "30min"


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
        assert "No such file or directory. A checkpoint is written completely or not at all" in ran.error

    def test_makes_a_pair_of_keys_and_nothing_else(self, db: None) -> None:
        ran = run("checkpoint", "--new-key")

        private, public = (line.partition("=")[2] for line in ran.out.splitlines())
        assert private_key(private).public_key() == public_key(public)
        assert not Checkpoint.objects.exists()
