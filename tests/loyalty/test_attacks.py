"""The owner of the tables tampers with the ledger with every guard off; verification names the first bad entry."""

import pytest
from django.db import connection, transaction

from loyalty.chain import HASHED_COLUMNS, entry_hash
from loyalty.models import LedgerEntry
from loyalty.proof.breaks import Break, BreakKind
from loyalty.proof.verification import Scope
from tests.floor import Floor
from tests.loyalty.attacking import Book, found, is_clean, rehash, seal_three_times, sql
from tests.loyalty.postings import award
from tests.replacing import replace

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
    "adjusts_id": "coalesce(adjusts_id, 0) + 1",
    "comp_type_id": "coalesce(comp_type_id, 0) + 1",
    "reason_code": "coalesce(reason_code, '') || ' '",
    "mac": "coalesce(overlay(mac placing '!' from 1), 'x')",
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
    "recorded_at": "coalesce(recorded_at, created_at) + interval '1 microsecond'",
    "chain_version": "3 - chain_version",
    "previous_hash": "set_byte(previous_hash, 31, get_byte(previous_hash, 31) # 1)",
    "entry_hash": "set_byte(entry_hash, 0, get_byte(entry_hash, 0) # 1)",
}
# These move the entry to another place: what differs first is its number.
MOVES = ("account_id", "seq")


@pytest.fixture
def book(unguarded_book: Book) -> Book:
    return unguarded_book


@pytest.fixture
def sealed_book(book: Book) -> Book:
    """The same, sealed three times."""
    return seal_three_times(book)


def _named(book: Book, broken: Break) -> tuple[BreakKind, int | None, int | None]:
    assert broken.account_id == book.account.pk
    return broken.kind, broken.seq, broken.entry_id


class TestAChangedColumn:
    def test_is_tried_for_every_column_of_the_ledger(self) -> None:
        assert set(CHANGES) == {column.attname for column in LedgerEntry._meta.concrete_fields}

    @pytest.mark.parametrize("column", [column for column in CHANGES if column not in MOVES])
    @pytest.mark.shows(35)
    def test_is_named_in_every_entry(self, book: Book, column: str) -> None:
        value = CHANGES[column].format(other=book.other.pk)
        for seq in range(1, ENTRIES + 1):
            with transaction.atomic():
                entry = book.entry(seq)

                sql(f"UPDATE loyalty_ledger SET {column} = {value} WHERE id = %s", entry.pk)

                broken = found()
                entry_id = entry.pk + 1_000_000 if column == "id" else entry.pk
                assert _named(book, broken) == (BreakKind.CHANGED, seq, entry_id)
                assert broken.expected != broken.found
                transaction.set_rollback(True)

    @pytest.mark.parametrize("column", MOVES)
    def test_that_moves_the_entry_leaves_its_number_missing(self, book: Book, column: str) -> None:
        value = CHANGES[column].format(other=book.other.pk)
        for seq in range(1, ENTRIES + 1):
            with transaction.atomic():
                sql(f"UPDATE loyalty_ledger SET {column} = {value} WHERE id = %s", book.entry(seq).pk)

                kind = BreakKind.MISSING_TAIL if (column, seq) == ("account_id", ENTRIES) else BreakKind.MISSING
                assert _named(book, found()) == (kind, seq, None)
                transaction.set_rollback(True)

    @pytest.mark.parametrize("change", ["reason = 'Another one'", "previous_hash = sha256(previous_hash)"])
    def test_is_named_also_with_a_hash_of_its_own(self, book: Book, change: str) -> None:
        for seq in range(1, ENTRIES):
            with transaction.atomic():
                entry = book.entry(seq)

                sql(f"UPDATE loyalty_ledger SET {change} WHERE id = %s", entry.pk)
                sql("UPDATE loyalty_ledger AS it SET entry_hash = loyalty_chain_hash(it) WHERE id = %s", entry.pk)

                assert _named(book, found()) == (BreakKind.CHANGED, seq, entry.pk)
                transaction.set_rollback(True)

    def test_is_named_where_new_entries_have_the_old_version(self, sealed_book: Book) -> None:
        sql(
            "UPDATE loyalty_ledger SET chain_version = 1, recorded_at = NULL WHERE account_id = %s AND seq = %s",
            *(sealed_book.account.pk, ENTRIES),
        )
        rehash(sealed_book.account)

        assert _named(sealed_book, found()) == (BreakKind.CHANGED, ENTRIES, sealed_book.entry(ENTRIES).pk)

    def test_is_named_where_the_old_version_follows_what_was_sealed(self, book: Book) -> None:
        book.seal()
        entry_id = _copy(book, seq=ENTRIES + 1)
        sql("UPDATE loyalty_ledger SET chain_version = 1, recorded_at = NULL WHERE id = %s", entry_id)
        rehash(book.account)

        assert _named(book, found(Scope(since=1))) == (BreakKind.CHANGED, ENTRIES + 1, entry_id)

    def test_in_the_newest_entry_with_its_hash_leaves_the_head(self, book: Book) -> None:
        entry = book.entry(ENTRIES)

        sql("UPDATE loyalty_ledger SET reason = 'Another one' WHERE id = %s", entry.pk)
        sql("UPDATE loyalty_ledger AS it SET entry_hash = loyalty_chain_hash(it) WHERE id = %s", entry.pk)

        assert _named(book, found()) == (BreakKind.HEAD_CHANGED, ENTRIES, entry.pk)

    def test_is_not_seen_if_stored_hashes_are_trusted(self, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
        """The control: what finds it is that each hash is computed again."""
        stored = {row.previous_hash: row.entry_hash for row in LedgerEntry.objects.all()}
        sql("UPDATE loyalty_ledger SET points = points + 1 WHERE id = %s", book.entry(3).pk)
        replace(monkeypatch, entry_hash, lambda *, version, previous_hash, texts: stored[previous_hash])

        assert is_clean()


class TestATakenEntry:
    @pytest.mark.parametrize("seq", [1, 3, 4])
    @pytest.mark.shows(35)
    def test_in_the_middle_is_missing(self, book: Book, seq: int) -> None:
        sql("DELETE FROM loyalty_ledger WHERE id = %s", book.entry(seq).pk)

        assert _named(book, found()) == (BreakKind.MISSING, seq, None)

    def test_in_the_middle_is_found_even_after_renumbering(self, book: Book) -> None:
        moved = book.entry(4)
        sql("DELETE FROM loyalty_ledger WHERE account_id = %s AND seq IN (2, 3)", book.account.pk)
        sql("UPDATE loyalty_ledger SET seq = seq - 2 WHERE account_id = %s AND seq > 3", book.account.pk)

        assert _named(book, found()) == (BreakKind.CHANGED, 2, moved.pk)

    def test_in_the_middle_is_missing_even_from_a_recomputed_chain(self, book: Book) -> None:
        sql("DELETE FROM loyalty_ledger WHERE id = %s", book.entry(3).pk)
        rehash(book.account)

        assert _named(book, found()) == (BreakKind.MISSING, 3, None)

    @pytest.mark.parametrize("kept", [4, 1, 0])
    @pytest.mark.shows(35)
    def test_at_the_end_is_missing(self, book: Book, kept: int) -> None:
        sql("DELETE FROM loyalty_ledger WHERE account_id = %s AND seq > %s", book.account.pk, kept)

        assert _named(book, found()) == (BreakKind.MISSING_TAIL, kept + 1, None)

    def test_at_the_end_with_its_account_differs_from_the_checkpoint(self, sealed_book: Book) -> None:
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

        assert _named(book, found()) == (BreakKind.CHANGED, first, moved.pk)

    @pytest.mark.parametrize("with_ids", [False, True])
    @pytest.mark.parametrize(("first", "second"), [(2, 3), (1, 5)])
    @pytest.mark.shows(35)
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

        assert _named(book, found()) == (BreakKind.CHANGED, first, two.pk if with_ids else one.pk)


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
    @pytest.mark.shows(35)
    def test_in_the_middle(self, book: Book, seq: int, is_chained: bool) -> None:
        sql("UPDATE loyalty_ledger SET seq = seq + 1 WHERE account_id = %s AND seq >= %s", book.account.pk, seq)
        before = LedgerEntry.objects.get(account=book.account, seq=seq + 1).previous_hash
        entry_id = _copy(book, seq=seq)
        if is_chained:
            sql("UPDATE loyalty_ledger SET previous_hash = %s WHERE id = %s", before, entry_id)
            sql("UPDATE loyalty_ledger AS it SET entry_hash = loyalty_chain_hash(it) WHERE id = %s", entry_id)

        assert _named(book, found()) == (BreakKind.CHANGED, seq, entry_id)


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
    @pytest.mark.shows(35)
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

    def test_of_an_account_without_entries_takes_none_from_the_next(self, floor: Floor) -> None:
        _, regular = floor.player(), floor.player()
        award(floor, regular)

        assert is_clean()

    def test_gone_with_its_account_leaves_entries_of_none(self, book: Book) -> None:
        sql("DELETE FROM loyalty_playerloyalty WHERE id = %s", book.account.pk)

        assert (found().kind, found().account_id) == (BreakKind.ACCOUNT_MISSING, book.account.pk)

    def test_gone_with_the_newest_accounts_leaves_entries_of_none_too(self, book: Book) -> None:
        sql("DELETE FROM loyalty_playerloyalty WHERE id >= %s", book.other.pk)

        assert (found().kind, found().account_id) == (BreakKind.ACCOUNT_MISSING, book.other.pk)


class TestARewrittenAccount:
    @pytest.mark.shows(35)
    def test_has_a_whole_chain_and_is_not_what_was_sealed(self, sealed_book: Book) -> None:
        sql("UPDATE loyalty_ledger SET points = points + 1 WHERE id = %s", sealed_book.entry(2).pk)
        rehash(sealed_book.account)

        broken = found()

        assert _named(sealed_book, broken) == (BreakKind.REWRITTEN, 5, sealed_book.entry(5).pk)
        assert broken.checkpoint == 1
        assert broken.found == bytes(sealed_book.entry(5).entry_hash).hex() != broken.expected

    def test_is_named_also_in_a_narrower_scope(self, sealed_book: Book) -> None:
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


class TestNothing:
    @pytest.mark.shows(36)
    def test_is_found_on_a_ledger_that_nobody_touched(self, floor: Floor) -> None:
        book = Book.build(floor)
        book.seal()

        assert all(map(is_clean, (Scope(), Scope(since=1), Scope(every_root=True), Scope(account_id=book.account.pk))))

    @pytest.mark.shows(36)
    def test_is_found_in_another_session(self, floor: Floor) -> None:
        Book.build(floor)
        with connection.cursor() as cursor:
            for setting in ("TimeZone = 'Pacific/Chatham'", "bytea_output = 'escape'", "extra_float_digits = 0"):
                cursor.execute(f"SET LOCAL {setting}")

        assert is_clean()
