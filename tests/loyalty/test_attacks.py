"""An owner of the tables changes the ledger with every guard off; verification names what was done, and where."""

from collections.abc import Callable

import pytest
from django.conf import settings
from django.db import connection, transaction

from loyalty.breaks import Break, BreakKind
from loyalty.chain import HASHED_COLUMNS
from loyalty.models import Checkpoint, LedgerEntry, SealedAccount
from loyalty.sealing import MerkleRoot, key_id_of, new_key_pair, private_key
from loyalty.services.sealed import seal_of
from loyalty.services.verification import Scope
from tests.floor import Floor
from tests.loyalty.attacking import Book, found, is_clean, rehash, sql
from tests.tampering import take_the_guards_off

ENTRIES = 5

# A byte of each column, as SQL.
CHANGES = {
    "id": "id + 1000000",
    "casino_id": "casino_id + 1",
    "account_id": "{other}",
    "seq": "seq + 100",
    "kind": "'ADJUSTMENT'",
    "points": "points + 1",
    "reason": "reason || ' '",
    "idempotency_key": "'x' || idempotency_key",
    "fingerprint": "translate(fingerprint, '0123456789', '1234567890')",
    "staff_id": "coalesce(staff_id, 0) + 1",
    "reverses_id": "id",
    "balance_before": "balance_before + 1",
    "balance_after": "balance_after + 1",
    "lifetime_points_before": "lifetime_points_before + 1",
    "lifetime_points_after": "lifetime_points_after + 1",
    "tier_before_id": "tier_before_id + 1",
    "tier_after_id": "tier_after_id + 1",
    "gaming_day": "gaming_day + 1",
    "correlation_id": "gen_random_uuid()",
    "inputs": """jsonb_set(inputs, '{{tier_progress_percent}}', '1.0')""",
    "created_at": "created_at + interval '1 microsecond'",
    "chain_version": "2",
    "previous_hash": "set_byte(previous_hash, 31, get_byte(previous_hash, 31) # 1)",
    "entry_hash": "set_byte(entry_hash, 0, get_byte(entry_hash, 0) # 1)",
}


@pytest.fixture
def book(floor: Floor) -> Book:
    """A ledger that is whole and not sealed, with every guard off."""
    book = Book.build(floor)
    assert is_clean()
    take_the_guards_off()
    return book


@pytest.fixture
def sealed_book(book: Book) -> Book:
    """The same, sealed three times: as it stands, after one more entry of the other account, and without change."""
    book.seal()
    _one_more(book)
    book.seal()
    book.seal()
    assert is_clean()
    return book


def _one_more(book: Book) -> None:
    """One more entry of the other account, by an owner who keeps the rules."""
    sql(
        "INSERT INTO loyalty_ledger SELECT (entry).* FROM (SELECT jsonb_populate_record(entry, jsonb_build_object("
        "'id', entry.id + 500, 'seq', entry.seq + 1, 'idempotency_key', 'one more')) AS entry FROM loyalty_ledger "
        "AS entry WHERE account_id = %s AND seq = 4) AS copy",
        book.other.pk,
    )
    rehash(book.other)


def _named(book: Book, broken: Break) -> tuple[BreakKind, int | None, int | None]:
    assert broken.account_id == book.account.pk
    return broken.kind, broken.seq, broken.entry_id


class TestAChangedColumn:
    def test_is_tried_for_every_column_of_the_ledger(self) -> None:
        assert set(CHANGES) == {column.attname for column in LedgerEntry._meta.concrete_fields}

    @pytest.mark.parametrize("column", CHANGES)
    def test_is_named_wherever_it_stands(self, book: Book, column: str) -> None:
        value = CHANGES[column].format(other=book.other.pk)
        for seq in range(1, ENTRIES + 1):
            with transaction.atomic():
                entry = book.entry(seq)

                sql(f"UPDATE loyalty_ledger SET {column} = {value} WHERE id = %s", entry.pk)

                broken = found()
                assert broken.kind == BreakKind.CHANGED, (seq, broken)
                assert broken.account_id == book.account.pk
                assert broken.entry_id == (entry.pk + 1_000_000 if column == "id" else entry.pk)
                assert broken.seq == (seq + 100 if column == "seq" else seq)
                assert broken.expected != broken.found or column == "chain_version"
                transaction.set_rollback(True)

    def test_is_named_also_with_a_hash_of_its_own(self, book: Book) -> None:
        for seq in range(1, ENTRIES):
            with transaction.atomic():
                entry = book.entry(seq)

                sql("UPDATE loyalty_ledger SET reason = 'Another one' WHERE id = %s", entry.pk)
                sql("UPDATE loyalty_ledger AS it SET entry_hash = loyalty_chain_hash(it) WHERE id = %s", entry.pk)

                assert _named(book, found()) == (BreakKind.CHANGED, seq, entry.pk)
                transaction.set_rollback(True)

    def test_in_the_newest_entry_with_a_hash_of_its_own_leaves_the_head(self, book: Book) -> None:
        entry = book.entry(ENTRIES)

        sql("UPDATE loyalty_ledger SET reason = 'Another one' WHERE id = %s", entry.pk)
        sql("UPDATE loyalty_ledger AS it SET entry_hash = loyalty_chain_hash(it) WHERE id = %s", entry.pk)

        assert _named(book, found()) == (BreakKind.HEAD_CHANGED, ENTRIES, entry.pk)

    def test_is_not_seen_by_a_walk_that_trusts_the_stored_hashes(
        self, book: Book, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The control: what finds it is that each hash is computed anew."""
        stored = {row.previous_hash: row.entry_hash for row in LedgerEntry.objects.all()}
        sql("UPDATE loyalty_ledger SET points = points + 1 WHERE id = %s", book.entry(3).pk)
        monkeypatch.setattr("loyalty.breaks.entry_hash", lambda *, previous_hash, columns: stored[previous_hash])

        assert is_clean()


class TestATakenEntry:
    @pytest.mark.parametrize("seq", [1, 3, 4])
    def test_in_the_middle_is_missing(self, book: Book, seq: int) -> None:
        sql("DELETE FROM loyalty_ledger WHERE id = %s", book.entry(seq).pk)

        assert _named(book, found()) == (BreakKind.MISSING, seq, None)

    def test_in_the_middle_is_missing_also_when_the_others_are_numbered_anew(self, book: Book) -> None:
        sql("DELETE FROM loyalty_ledger WHERE account_id = %s AND seq IN (2, 3)", book.account.pk)
        sql("UPDATE loyalty_ledger SET seq = seq - 2 WHERE account_id = %s AND seq > 3", book.account.pk)

        broken = found()

        assert _named(book, broken) == (BreakKind.MISSING, 2, None)
        assert broken.what.startswith("entries 2 to 3 are missing")

    @pytest.mark.parametrize("kept", [4, 1, 0])
    def test_at_the_end_is_missing(self, book: Book, kept: int) -> None:
        sql("DELETE FROM loyalty_ledger WHERE account_id = %s AND seq > %s", book.account.pk, kept)

        assert _named(book, found()) == (BreakKind.MISSING_TAIL, kept + 1, None)

    def test_at_the_end_with_the_account_set_back_is_missing_from_the_checkpoint(self, sealed_book: Book) -> None:
        sql("DELETE FROM loyalty_ledger WHERE account_id = %s AND seq > 4", sealed_book.account.pk)
        rehash(sealed_book.account)

        broken = found()

        assert _named(sealed_book, broken) == (BreakKind.MISSING_TAIL, 5, None)
        assert broken.checkpoint == 1


class TestTwoSwapped:
    @pytest.mark.parametrize(("first", "second"), [(2, 3), (1, 5), (4, 5)])
    def test_by_their_numbers(self, book: Book, first: int, second: int) -> None:
        moved = book.entry(second)

        sql(
            "UPDATE loyalty_ledger SET seq = %s - seq WHERE account_id = %s AND seq IN (%s, %s)",
            *(first + second, book.account.pk, first, second),
        )

        assert _named(book, found()) == (BreakKind.SWAPPED, first, moved.pk)

    @pytest.mark.parametrize("with_ids", [False, True])
    @pytest.mark.parametrize(("first", "second"), [(2, 3), (1, 5)])
    def test_by_their_contents(self, book: Book, first: int, second: int, with_ids: bool) -> None:
        one, two = book.entry(first), book.entry(second)
        columns = [name for name in HASHED_COLUMNS if name not in {"seq", "id"}]

        sql(
            f"UPDATE loyalty_ledger AS mine SET {', '.join(f'{name} = theirs.{name}' for name in columns)} "
            "FROM loyalty_ledger AS theirs WHERE (mine.id, theirs.id) IN ((%s, %s), (%s, %s))",
            *(one.pk, two.pk, two.pk, one.pk),
        )
        if with_ids:
            sql("UPDATE loyalty_ledger SET id = -id WHERE id IN (%s, %s)", one.pk, two.pk)
            sql("UPDATE loyalty_ledger SET id = %s + id WHERE id < 0", one.pk + two.pk)

        assert _named(book, found()) == (BreakKind.SWAPPED, first, two.pk if with_ids else one.pk)


def _copy(book: Book, *, seq: int) -> int:
    """A copy of the newest entry with another number and key; gives its id."""
    copied = LedgerEntry.objects.filter(account=book.account).latest("seq")
    sql(
        "INSERT INTO loyalty_ledger SELECT (entry).* FROM (SELECT jsonb_populate_record(entry, jsonb_build_object("
        "'id', entry.id + 700, 'seq', %s::int, 'idempotency_key', 'put in')) AS entry FROM loyalty_ledger AS entry "
        "WHERE id = %s) AS copy",
        *(seq, copied.pk),
    )
    return copied.pk + 700


class TestAnInsertedEntry:
    def test_at_the_end_by_an_ordinary_insert(self, floor: Floor) -> None:
        book = Book.build(floor)

        entry_id = _copy(book, seq=6)

        assert _named(book, found()) == (BreakKind.INSERTED, 6, entry_id)

    @pytest.mark.parametrize("is_chained", [False, True])
    @pytest.mark.parametrize("seq", [1, 3, 5])
    def test_in_the_middle(self, book: Book, seq: int, is_chained: bool) -> None:
        sql("UPDATE loyalty_ledger SET seq = seq + 1 WHERE account_id = %s AND seq >= %s", book.account.pk, seq)
        before = LedgerEntry.objects.get(account=book.account, seq=seq + 1).previous_hash
        entry_id = _copy(book, seq=seq)
        if is_chained:
            sql("UPDATE loyalty_ledger SET previous_hash = %s WHERE id = %s", before, entry_id)
            sql("UPDATE loyalty_ledger AS it SET entry_hash = loyalty_chain_hash(it) WHERE id = %s", entry_id)

        broken = found()

        assert _named(book, broken) == (BreakKind.INSERTED, seq, entry_id)


class TestAChangedHead:
    @pytest.mark.parametrize(
        "change",
        [
            "head_hash = set_byte(head_hash, 9, get_byte(head_hash, 9) # 1)",
            "head_hash = NULL",
            "entry_count = entry_count + 1",
            "entry_count = 3",
            "entry_count = 0",
        ],
    )
    def test_is_named(self, book: Book, change: str) -> None:
        sql(f"UPDATE loyalty_playerloyalty SET {change} WHERE id = %s", book.account.pk)

        assert _named(book, found()) == (BreakKind.HEAD_CHANGED, 5, book.entry(5).pk)

    def test_set_back_to_an_earlier_entry_leaves_one_too_many(self, book: Book) -> None:
        sql(
            "UPDATE loyalty_playerloyalty SET entry_count = 4, head_hash = %s WHERE id = %s",
            *(book.entry(4).entry_hash, book.account.pk),
        )

        assert _named(book, found()) == (BreakKind.INSERTED, 5, book.entry(5).pk)

    def test_of_an_account_without_entries_is_named(self, book: Book) -> None:
        empty = book.floor.player().loyalty

        sql("UPDATE loyalty_playerloyalty SET head_hash = sha256('x') WHERE id = %s", empty.pk)

        assert (found().kind, found().account_id) == (BreakKind.HEAD_CHANGED, empty.pk)

    def test_gone_with_its_account_leaves_entries_of_none(self, book: Book) -> None:
        sql("DELETE FROM loyalty_playerloyalty WHERE id = %s", book.account.pk)

        assert (found().kind, found().account_id) == (BreakKind.ACCOUNT_MISSING, book.account.pk)

    def test_gone_with_the_newest_accounts_leaves_entries_of_none_too(self, book: Book) -> None:
        sql("DELETE FROM loyalty_playerloyalty WHERE id >= %s", book.other.pk)

        assert (found().kind, found().account_id) == (BreakKind.ACCOUNT_MISSING, book.other.pk)


class TestARewrittenAccount:
    def test_has_a_whole_chain_and_is_not_what_was_sealed(self, sealed_book: Book) -> None:
        sql("UPDATE loyalty_ledger SET points = points + 1 WHERE id = %s", sealed_book.entry(2).pk)
        rehash(sealed_book.account)

        broken = found()

        assert _named(sealed_book, broken) == (BreakKind.REWRITTEN, 5, sealed_book.entry(5).pk)
        assert broken.checkpoint == 1
        assert broken.found == bytes(sealed_book.entry(5).entry_hash).hex() != broken.expected

    def test_is_named_also_when_only_it_is_looked_at_or_only_what_came_after(self, sealed_book: Book) -> None:
        sql("UPDATE loyalty_ledger SET points = points + 1 WHERE id = %s", sealed_book.entry(2).pk)
        rehash(sealed_book.account)

        assert found(Scope(account_id=sealed_book.account.pk)).kind == BreakKind.REWRITTEN
        assert is_clean(Scope(account_id=sealed_book.other.pk))
        assert found(Scope(since=1)).kind in {BreakKind.REWRITTEN, BreakKind.HEAD_CHANGED}

    def test_is_not_seen_without_a_checkpoint(self, book: Book) -> None:
        """The control: a valid chain alone does not show it."""
        sql("UPDATE loyalty_ledger SET points = points + 1 WHERE id = %s", book.entry(2).pk)
        rehash(book.account)

        assert is_clean()

    def test_is_seen_when_it_and_its_seal_are_gone(self, sealed_book: Book) -> None:
        sql("DELETE FROM loyalty_ledger WHERE account_id = %s", sealed_book.account.pk)
        sql("DELETE FROM loyalty_playerloyalty WHERE id = %s", sealed_book.account.pk)

        assert (found().kind, found().checkpoint) == (BreakKind.ACCOUNT_MISSING, 1)

        sql("DELETE FROM loyalty_sealedaccount WHERE account_id = %s", sealed_book.account.pk)

        assert (found().kind, found().checkpoint) == (BreakKind.CHECKPOINT_ALTERED, 1)


ALTERATIONS = {
    "taken_at": "taken_at + interval '1 microsecond'",
    "accounts": "accounts + 1",
    "entries": "entries + 1",
    "points_total": "points_total + 1",
    "balance_total": "balance_total - 1",
    "accounts_root": "sha256(accounts_root)",
    "changes": "changes + 1",
    "changes_root": "sha256(changes_root)",
    "previous_hash": "sha256(previous_hash)",
    "checkpoint_hash": "sha256(checkpoint_hash)",
    "signature": "set_byte(signature, 0, get_byte(signature, 0) # 1)",
}


def _sign_anew(checkpoint: Checkpoint, key_text: str) -> None:
    key = private_key(key_text)
    seal = seal_of(checkpoint)
    sql(
        "UPDATE loyalty_checkpoint SET checkpoint_hash = %s, signature = %s, key_id = %s WHERE number = %s",
        *(seal.hash, key.sign(seal.preimage()), key_id_of(key.public_key()), checkpoint.number),
    )


class TestAnAlteredCheckpoint:
    def test_is_tried_in_every_column(self) -> None:
        assert {*ALTERATIONS, "number", "key_id"} == {field.attname for field in Checkpoint._meta.concrete_fields}

    @pytest.mark.parametrize("number", [1, 2, 3])
    def test_is_named_whatever_was_altered(self, sealed_book: Book, number: int) -> None:
        for column, value in ALTERATIONS.items():
            with transaction.atomic():
                sql(f"UPDATE loyalty_checkpoint SET {column} = {value} WHERE number = %s", number)

                assert (found().kind, found().checkpoint) == (BreakKind.CHECKPOINT_ALTERED, number), column
                transaction.set_rollback(True)

    @pytest.mark.parametrize("number", [1, 2, 3])
    def test_is_named_also_with_a_hash_of_its_own(self, sealed_book: Book, number: int) -> None:
        sql("UPDATE loyalty_checkpoint SET points_total = points_total + 1 WHERE number = %s", number)
        seal = seal_of(Checkpoint.objects.get(number=number))
        sql("UPDATE loyalty_checkpoint SET checkpoint_hash = %s WHERE number = %s", seal.hash, number)

        assert (found().kind, found().checkpoint) == (BreakKind.CHECKPOINT_ALTERED, number)

    @pytest.mark.parametrize("number", [1, 2, 3])
    def test_signed_with_another_key_is_named(self, sealed_book: Book, number: int) -> None:
        sql("UPDATE loyalty_checkpoint SET points_total = points_total + 1 WHERE number = %s", number)
        _sign_anew(Checkpoint.objects.get(number=number), new_key_pair()[0])

        assert (found().kind, found().checkpoint) == (BreakKind.CHECKPOINT_FOREIGN, number)

    def test_is_named_by_the_one_after_it_where_it_was_signed_anew_with_our_key(self, sealed_book: Book) -> None:
        sql("UPDATE loyalty_checkpoint SET points_total = points_total + 1 WHERE number = 2")
        _sign_anew(Checkpoint.objects.get(number=2), settings.CHECKPOINT_SIGNING_KEY)

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


class TestARemovedCheckpoint:
    @pytest.mark.parametrize("number", [1, 2])
    def test_is_missing(self, sealed_book: Book, number: int) -> None:
        sql("DELETE FROM loyalty_checkpoint WHERE number = %s", number)

        assert (found().kind, found().checkpoint) == (BreakKind.CHECKPOINT_MISSING, number)

    def test_at_the_end_is_seen_by_the_file_outside_alone(self, sealed_book: Book) -> None:
        sql("DELETE FROM loyalty_checkpoint WHERE number = 3")

        assert is_clean()


class TestWhatIsShown:
    """The sentence of a break, and the hashes that show it, to the last letter."""

    def _at(self, number: int) -> Checkpoint:
        return Checkpoint.objects.get(number=number)

    def test_of_another_key_is_whose_it_should_be(self, sealed_book: Book) -> None:
        ours = self._at(2).key_id
        _sign_anew(self._at(2), new_key_pair()[0])

        what, theirs = "it is signed with a key that we do not know", self._at(2).key_id
        shown = Break(kind=BreakKind.CHECKPOINT_FOREIGN, what=what, checkpoint=2, expected=ours, found=theirs)
        assert found() == shown

    def test_of_an_altered_hash_is_the_hash_of_the_contents(self, sealed_book: Book) -> None:
        sql("UPDATE loyalty_checkpoint SET checkpoint_hash = sha256(checkpoint_hash) WHERE number = 2")

        assert found() == Break(
            kind=BreakKind.CHECKPOINT_ALTERED,
            what="its contents do not make its hash",
            checkpoint=2,
            expected=seal_of(self._at(2)).hash.hex(),
            found=bytes(self._at(2).checkpoint_hash).hex(),
        )

    def test_of_an_altered_signature_is_that_signature(self, sealed_book: Book) -> None:
        sql("UPDATE loyalty_checkpoint SET signature = %s WHERE number = 2", b"\7" * 64)

        what = "its signature is not that of its contents"
        shown = Break(kind=BreakKind.CHECKPOINT_ALTERED, what=what, checkpoint=2, found=(b"\7" * 64).hex())
        assert found() == shown

    def test_of_what_it_sealed_is_the_root_of_what_is_left(self, sealed_book: Book) -> None:
        sql("DELETE FROM loyalty_sealedaccount WHERE checkpoint_id = 2")

        assert found() == Break(
            kind=BreakKind.CHECKPOINT_ALTERED,
            what="0 accounts are kept as sealed by it, and they are not the 1 it signed",
            checkpoint=2,
            expected=bytes(self._at(2).changes_root).hex(),
            found=MerkleRoot().root().hex(),
        )

    @pytest.mark.parametrize(("number", "scope"), [(3, Scope()), (2, Scope(every_root=True))])
    def test_of_all_accounts_together_is_the_root_that_was_signed_with_our_key(
        self, sealed_book: Book, number: int, scope: Scope
    ) -> None:
        true = bytes(self._at(number).accounts_root)
        sql("UPDATE loyalty_checkpoint SET accounts_root = sha256(accounts_root) WHERE number = %s", number)
        _sign_anew(self._at(number), settings.CHECKPOINT_SIGNING_KEY)

        assert found(scope) == Break(
            kind=BreakKind.CHECKPOINT_ALTERED,
            what="all that was sealed up to it is 3 accounts, and not the 3 that it signed",
            checkpoint=number,
            expected=bytes(self._at(number).accounts_root).hex(),
            found=true.hex(),
        )

    def test_of_a_missing_one_is_the_hash_that_the_next_one_has_of_it(self, sealed_book: Book) -> None:
        gone = bytes(self._at(2).checkpoint_hash).hex()
        sql("DELETE FROM loyalty_checkpoint WHERE number = 2")

        what = "the next one that is there is checkpoint 3"
        assert found() == Break(kind=BreakKind.CHECKPOINT_MISSING, what=what, checkpoint=2, expected=gone)

    def test_of_a_replaced_one_is_the_hash_that_it_had_and_the_one_it_has(self, sealed_book: Book) -> None:
        before = bytes(self._at(2).checkpoint_hash).hex()
        sql("UPDATE loyalty_checkpoint SET points_total = points_total + 1 WHERE number = 2")
        _sign_anew(self._at(2), settings.CHECKPOINT_SIGNING_KEY)

        broken = found()

        assert (broken.expected, broken.found) == (before, bytes(self._at(2).checkpoint_hash).hex())

    def test_of_an_account_is_the_head_that_was_sealed_and_what_stands_there(self, sealed_book: Book) -> None:
        head = bytes(sealed_book.entry(5).entry_hash).hex()
        sql("DELETE FROM loyalty_ledger WHERE account_id = %s AND seq > 4", sealed_book.account.pk)
        rehash(sealed_book.account)

        broken = found()

        assert (broken.expected, broken.found) == (head, "none")


class TestNothing:
    def test_is_found_on_a_ledger_that_nobody_touched(self, floor: Floor) -> None:
        book = Book.build(floor)
        book.seal()

        assert all(map(is_clean, (Scope(), Scope(since=1), Scope(every_root=True), Scope(account_id=book.account.pk))))

    def test_is_found_in_an_empty_ledger(self, db: None) -> None:
        assert is_clean()

    def test_is_found_in_another_session(self, floor: Floor) -> None:
        Book.build(floor)
        with connection.cursor() as cursor:
            for setting in ("TimeZone = 'Pacific/Chatham'", "bytea_output = 'escape'", "extra_float_digits = 0"):
                cursor.execute(f"SET LOCAL {setting}")

        assert is_clean()
