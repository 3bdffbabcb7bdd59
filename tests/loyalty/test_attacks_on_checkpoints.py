"""The owner of the tables tampers with checkpoints with every guard off; verification names the first bad one."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest
from django.conf import settings
from django.db import transaction

from loyalty.models import Checkpoint, SealedAccount
from loyalty.proof.breaks import Break, BreakKind
from loyalty.proof.checkpoints import sign
from loyalty.proof.keys import new_key_pair, private_key
from loyalty.proof.sealing import MerkleRoot
from loyalty.proof.verification import Scope
from tests.loyalty.attacking import Book, found, is_clean, rehash, seal_three_times, sql


@pytest.fixture
def sealed_book(unguarded_book: Book) -> Book:
    """A ledger that is whole and sealed three times, with every guard off."""
    return seal_three_times(unguarded_book)


ALTERATIONS = {
    "taken_at": "taken_at + interval '1 microsecond'",
    "accounts": "accounts + 1",
    "entries": "entries + 1",
    "points_total": "points_total + 1",
    "balance_total": "balance_total - 1",
    "accounts_root": "sha256(accounts_root)",
    "changes": "changes + 1",
    "changes_root": "sha256(changes_root)",
    "log_changes": "log_changes + 1",
    "log_root": "sha256(log_root)",
    "after_restore": "'{}'",
    "previous_hash": "sha256(previous_hash)",
    "checkpoint_hash": "sha256(checkpoint_hash)",
    "signature": "set_byte(signature, 0, get_byte(signature, 0) # 1)",
}


def _at(number: int) -> Checkpoint:
    return Checkpoint.objects.get(number=number)


def _sign_anew(checkpoint: Checkpoint, key_text: str) -> None:
    sign(checkpoint, key=private_key(key_text))
    sql(
        "UPDATE loyalty_checkpoint SET checkpoint_hash = %s, signature = %s, key_id = %s WHERE number = %s",
        *(checkpoint.checkpoint_hash, checkpoint.signature, checkpoint.key_id, checkpoint.number),
    )


def _hash_of(checkpoint: Checkpoint) -> bytes:
    """The hash that its contents make."""
    return sha256(checkpoint.signed_bytes()).digest()


class TestAnAlteredCheckpoint:
    def test_is_tried_in_every_column(self) -> None:
        assert {*ALTERATIONS, "number", "key_id"} == {field.attname for field in Checkpoint._meta.concrete_fields}

    @pytest.mark.parametrize("number", [1, 2, 3])
    @pytest.mark.shows(35)
    def test_is_named_whatever_was_altered(self, sealed_book: Book, number: int) -> None:
        for column, value in ALTERATIONS.items():
            with transaction.atomic():
                sql(f"UPDATE loyalty_checkpoint SET {column} = {value} WHERE number = %s", number)

                assert (found().kind, found().checkpoint) == (BreakKind.CHECKPOINT_ALTERED, number), column
                transaction.set_rollback(True)

    @pytest.mark.parametrize("number", [1, 2, 3])
    def test_is_named_also_with_a_hash_of_its_own(self, sealed_book: Book, number: int) -> None:
        sql("UPDATE loyalty_checkpoint SET points_total = points_total + 1 WHERE number = %s", number)
        sql("UPDATE loyalty_checkpoint SET checkpoint_hash = %s WHERE number = %s", _hash_of(_at(number)), number)

        assert (found().kind, found().checkpoint) == (BreakKind.CHECKPOINT_ALTERED, number)

    @pytest.mark.parametrize("number", [1, 2, 3])
    def test_signed_with_another_key_is_named(self, sealed_book: Book, number: int) -> None:
        sql("UPDATE loyalty_checkpoint SET points_total = points_total + 1 WHERE number = %s", number)
        _sign_anew(_at(number), new_key_pair()[0])

        assert (found().kind, found().checkpoint) == (BreakKind.CHECKPOINT_FOREIGN, number)

    def test_signed_again_with_our_key_is_named_by_the_next(self, sealed_book: Book) -> None:
        sql("UPDATE loyalty_checkpoint SET points_total = points_total + 1 WHERE number = 2")
        _sign_anew(_at(2), settings.CHECKPOINT_SIGNING_KEY)

        assert (found().kind, found().checkpoint) == (BreakKind.CHECKPOINT_ALTERED, 2)
        assert found().what == "checkpoint 3 was chained to another one"

    @pytest.mark.parametrize(
        "attack",
        [
            lambda rows: rows.update(entry_count=3),
            lambda rows: rows.update(head_hash=b"\7" * 32),
            lambda rows: rows.delete(),
        ],
    )
    def test_in_what_it_sealed_is_named(self, sealed_book: Book, attack: Callable[[object], object]) -> None:
        attack(SealedAccount.objects.filter(checkpoint=1, account=sealed_book.account))

        kinds = {found().kind, found(Scope(since=3)).kind}
        assert BreakKind.CHECKPOINT_ALTERED in kinds
        assert found().checkpoint == 1
        # Also where only the newest checkpoint's root over all accounts is recomputed.
        assert (found(Scope()).kind, found(Scope()).checkpoint) == (BreakKind.CHECKPOINT_ALTERED, 1)

    def test_in_an_older_root_is_seen_if_all_are_checked(self, sealed_book: Book) -> None:
        sql("UPDATE loyalty_checkpoint SET accounts_root = sha256(accounts_root) WHERE number = 2")
        _sign_anew(_at(2), settings.CHECKPOINT_SIGNING_KEY)
        sql("UPDATE loyalty_checkpoint SET previous_hash = %s WHERE number = 3", _at(2).checkpoint_hash)
        _sign_anew(_at(3), settings.CHECKPOINT_SIGNING_KEY)

        assert is_clean(Scope())
        assert (found().kind, found().checkpoint) == (BreakKind.CHECKPOINT_ALTERED, 2)


class TestARemovedCheckpoint:
    @pytest.mark.parametrize("number", [1, 2])
    @pytest.mark.shows(35)
    def test_is_missing(self, sealed_book: Book, number: int) -> None:
        sql("DELETE FROM loyalty_checkpoint WHERE number = %s", number)

        assert (found().kind, found().checkpoint) == (BreakKind.CHECKPOINT_MISSING, number)

    def test_at_the_end_is_seen_by_the_file_outside_alone(self, sealed_book: Book) -> None:
        sql("DELETE FROM loyalty_checkpoint WHERE number = 3")

        assert is_clean()


class TestWhatIsShown:
    """The sentence of a break, and the hashes that show it, to the last letter."""

    def test_of_another_key_is_whose_it_should_be(self, sealed_book: Book) -> None:
        ours = _at(2).key_id
        _sign_anew(_at(2), new_key_pair()[0])

        what, theirs = "it is signed with an unknown key", _at(2).key_id
        shown = Break(kind=BreakKind.CHECKPOINT_FOREIGN, what=what, checkpoint=2, expected=ours, found=theirs)
        assert found() == shown

    def test_of_an_altered_hash_is_the_hash_of_the_contents(self, sealed_book: Book) -> None:
        sql("UPDATE loyalty_checkpoint SET checkpoint_hash = sha256(checkpoint_hash) WHERE number = 2")

        assert found() == Break(
            kind=BreakKind.CHECKPOINT_ALTERED,
            what="its contents do not match its hash",
            checkpoint=2,
            expected=_hash_of(_at(2)).hex(),
            found=bytes(_at(2).checkpoint_hash).hex(),
        )

    def test_of_an_altered_signature_is_that_signature(self, sealed_book: Book) -> None:
        sql("UPDATE loyalty_checkpoint SET signature = %s WHERE number = 2", b"\7" * 64)

        what = "its signature does not match its contents"
        shown = Break(kind=BreakKind.CHECKPOINT_ALTERED, what=what, checkpoint=2, found=(b"\7" * 64).hex())
        assert found() == shown

    def test_of_what_it_sealed_is_the_remaining_root(self, sealed_book: Book) -> None:
        sql("DELETE FROM loyalty_sealedaccount WHERE checkpoint_id = 2")

        assert found() == Break(
            kind=BreakKind.CHECKPOINT_ALTERED,
            what="0 accounts are kept as sealed by it, and they are not the 1 it signed",
            checkpoint=2,
            expected=bytes(_at(2).changes_root).hex(),
            found=MerkleRoot().root().hex(),
        )

    @pytest.mark.parametrize(("number", "scope"), [(3, Scope()), (2, Scope(every_root=True))])
    def test_of_all_accounts_is_the_root_that_was_signed(self, sealed_book: Book, number: int, scope: Scope) -> None:
        true = bytes(_at(number).accounts_root)
        sql("UPDATE loyalty_checkpoint SET accounts_root = sha256(accounts_root) WHERE number = %s", number)
        _sign_anew(_at(number), settings.CHECKPOINT_SIGNING_KEY)

        assert found(scope) == Break(
            kind=BreakKind.CHECKPOINT_ALTERED,
            what="all that was sealed up to it is 3 accounts, and not the 3 that it signed",
            checkpoint=number,
            expected=bytes(_at(number).accounts_root).hex(),
            found=true.hex(),
        )

    def test_of_a_missing_one_is_the_hash_in_the_next(self, sealed_book: Book) -> None:
        gone = bytes(_at(2).checkpoint_hash).hex()
        sql("DELETE FROM loyalty_checkpoint WHERE number = 2")

        what = "the next one that is there is checkpoint 3"
        assert found() == Break(kind=BreakKind.CHECKPOINT_MISSING, what=what, checkpoint=2, expected=gone)

    def test_of_a_replaced_one_is_the_former_and_present_hash(self, sealed_book: Book) -> None:
        before = bytes(_at(2).checkpoint_hash).hex()
        sql("UPDATE loyalty_checkpoint SET points_total = points_total + 1 WHERE number = 2")
        _sign_anew(_at(2), settings.CHECKPOINT_SIGNING_KEY)

        broken = found()

        assert (broken.expected, broken.found) == (before, bytes(_at(2).checkpoint_hash).hex())

    def test_of_a_shortened_account_is_the_sealed_head(self, sealed_book: Book) -> None:
        shown = _shown(sealed_book, BreakKind.MISSING_TAIL, "entry number 5 is gone")
        sql("DELETE FROM loyalty_ledger WHERE account_id = %s AND seq > 4", sealed_book.account.pk)
        rehash(sealed_book.account)

        assert found() == shown

    def test_of_a_missing_account_is_the_sealed_head(self, sealed_book: Book) -> None:
        shown = _shown(sealed_book, BreakKind.ACCOUNT_MISSING, "it is gone")
        sql("DELETE FROM loyalty_ledger WHERE account_id = %s", sealed_book.account.pk)
        sql("DELETE FROM loyalty_playerloyalty WHERE id = %s", sealed_book.account.pk)

        assert found() == shown

    def test_of_a_rewritten_account_is_the_sealed_and_present_head(self, sealed_book: Book) -> None:
        shown = _shown(sealed_book, BreakKind.REWRITTEN, "entry number 5 has another hash now")
        sql("UPDATE loyalty_ledger SET points = points + 1 WHERE id = %s", sealed_book.entry(2).pk)
        rehash(sealed_book.account)

        last = sealed_book.entry(5)
        assert found() == replace(shown, entry_id=last.pk, found=bytes(last.entry_hash).hex())


def _shown(book: Book, kind: BreakKind, what: str) -> Break:
    """What is shown of an account that is not what the first checkpoint sealed, and has no entry in that place."""
    return Break(
        kind=kind,
        what=f"checkpoint 1 sealed it with 5 entries, and {what}",
        account_id=book.account.pk,
        seq=5,
        checkpoint=1,
        expected=bytes(book.entry(5).entry_hash).hex(),
        found="none",
    )
