"""Each entry's hash covers all its columns and the hash before it; PostgreSQL and Python work it out apart."""

from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from core.models import Player
from loyalty.chain import HASHED_COLUMNS, TEXTS, entry_hash, field, genesis_hash, preimage
from loyalty.models import LedgerEntry, PlayerLoyalty
from loyalty.services import InsufficientBalance
from tests.concurrency import together
from tests.constraints import inserted
from tests.databases import as_owner
from tests.floor import Floor
from tests.loyalty.postings import award, increment
from tests.loyalty.rows import account_of, entry, write_history
from tests.properties import property_settings

BIGGEST = 2**63 - 1


def _stored(account: PlayerLoyalty) -> list[tuple[list[str | None], int, bytes, bytes]]:
    """The account's entries in order: the texts, the version, the hash before, and their own."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {', '.join(TEXTS.values())}, chain_version, previous_hash, entry_hash "
            "FROM loyalty_ledger AS entry WHERE account_id = %s ORDER BY entry.seq",
            [account.pk],
        )
        return [(list(texts), version, previous, own) for *texts, version, previous, own in cursor.fetchall()]


def _recomputed(account: PlayerLoyalty) -> list[bytes]:
    """The hashes that the account's entries should have."""
    hashes, head = [], genesis_hash(account.pk)
    for texts, version, _, _ in _stored(account):
        head = entry_hash(version=version, previous_hash=head, texts=texts)
        hashes.append(head)
    return hashes


def _computed_by_postgresql(account: PlayerLoyalty) -> list[bytes]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT loyalty_chain_hash(entry) FROM loyalty_ledger AS entry WHERE account_id = %s ORDER BY seq",
            [account.pk],
        )
        return [computed for (computed,) in cursor.fetchall()]


class TestField:
    @pytest.mark.parametrize(
        ("value", "written"),
        [
            (None, b"\xff\xff\xff\xff"),
            (b"", b"\0\0\0\0"),
            (b"0", b"\0\0\0\x010"),
            ("é".encode(), b"\0\0\0\x02\xc3\xa9"),
        ],
    )
    def test_has_its_length_before_it(self, value: bytes | None, written: bytes) -> None:
        assert field(value) == written

    def test_says_where_one_value_ends_and_the_next_begins(self) -> None:
        assert len({preimage(values) for values in ([b"ab", b"c"], [b"a", b"bc"], [b"abc", b""], [b"abc", None])}) == 4


class TestEntryHash:
    @pytest.mark.parametrize(
        ("version", "expected"),
        [
            (1, "be60533e5d632583601e324b42e1ed2feea8b4e27f4936eff21b7a531f564837"),
            (2, "fdaa58ef3f7a5cae2228425279c85b6c5cfba8ddcd1e074f5e1af3d003cde2ce"),
        ],
    )
    def test_is_that_of_the_page_in_the_documentation(self, version: int, expected: str) -> None:
        newer = {"gaming_day", "created_at", "recorded_at", "adjusts_id", "comp_type_id", "reason_code", "mac"}
        covered = [name for name in TEXTS if name not in newer]
        numbers = {name: str(number) for number, name in enumerate(covered if version == 1 else HASHED_COLUMNS)}
        texts = [numbers.get(name) for name in TEXTS]

        assert genesis_hash(7).hex() == "47ba4fa72245afd163871c76d8d8b53f76ad9eee63c61414ea9c26a81fda1a9d"
        assert entry_hash(version=version, previous_hash=genesis_hash(7), texts=texts).hex() == expected

    def test_wants_every_text_and_a_known_version(self) -> None:
        with pytest.raises(ValueError, match="20 texts; an entry has 28"):
            entry_hash(version=2, previous_hash=genesis_hash(1), texts=["1"] * 20)
        with pytest.raises(ValueError, match="no version 3"):
            entry_hash(version=3, previous_hash=genesis_hash(1), texts=["1"] * 28)


class TestHashedColumns:
    @pytest.mark.django_db
    def test_are_all_that_the_ledger_has_but_the_hashes(self) -> None:
        columns = {column.attname for column in LedgerEntry._meta.concrete_fields}

        assert columns - set(HASHED_COLUMNS) == {"chain_version", "previous_hash", "entry_hash"}
        assert set(HASHED_COLUMNS) <= columns


class TestChainOfAnAccount:
    def test_begins_with_the_account_and_links_each_entry(self, floor: Floor, player: Player) -> None:
        award(floor, player)
        increment(floor, player)
        increment(floor, player, kind="REDEMPTION", points=-50)

        stored = _stored(account_of(player))

        own = [entry for _, _, _, entry in stored]
        assert own == _recomputed(account_of(player))
        assert [before for _, _, before, _ in stored] == [genesis_hash(account_of(player).pk), *own[:-1]]
        assert account_of(player).head_hash == own[-1]

    def test_is_apart_from_every_other(self, floor: Floor) -> None:
        ada, grace = floor.player(), floor.player()
        for points, player in enumerate((ada, grace, ada, grace), start=1):
            award(floor, player, points=points)

        assert account_of(ada).head_hash == _recomputed(account_of(ada))[-1]
        assert account_of(grace).head_hash == _recomputed(account_of(grace))[-1]

    def test_is_returned_by_the_statement_that_writes_the_entry(self, floor: Floor) -> None:
        written = inserted(entry(floor))

        assert isinstance(written, LedgerEntry)
        assert written.entry_hash == LedgerEntry.objects.get().entry_hash
        assert (written.chain_version, written.recorded_at) == (2, LedgerEntry.objects.get().recorded_at)

    def test_is_what_postgresql_says_whatever_an_insert_says(self, floor: Floor) -> None:
        lies = {"previous_hash": b"\1" * 32, "entry_hash": b"\2" * 32, "chain_version": 1, "recorded_at": None}
        written: Any = inserted(entry(floor, **lies))

        assert [written.entry_hash] == _recomputed(written.account)
        assert written.chain_version == 2
        assert written.recorded_at > floor.now

    def test_links_entries_that_one_statement_writes(self, floor: Floor) -> None:
        account = account_of(floor.player())

        write_history(floor, account, entries=7)

        assert [own for _, _, _, own in _stored(account)] == _recomputed(account)

    def test_stays_as_it_was_where_a_posting_is_refused(self, floor: Floor, player: Player) -> None:
        award(floor, player)
        head = account_of(player).head_hash

        with pytest.raises(InsufficientBalance):
            increment(floor, player, kind="REDEMPTION", points=-101)

        assert account_of(player).head_hash == head

    @pytest.mark.shows(36)
    def test_does_not_depend_on_the_session(self, floor: Floor) -> None:
        account = account_of(floor.player())
        inserted(entry(floor, account=account))
        here = _recomputed(account)

        with connection.cursor() as cursor:
            for setting in (
                "TimeZone = 'Asia/Kathmandu'",
                "DateStyle = 'SQL, DMY'",
                "bytea_output = 'escape'",
                "extra_float_digits = 0",
            ):
                cursor.execute(f"SET LOCAL {setting}")

        assert _computed_by_postgresql(account) == _recomputed(account) == here

    def test_is_the_same_with_a_later_column_that_is_empty(self, floor: Floor) -> None:
        account = account_of(floor.player())
        inserted(entry(floor, account=account))
        before = _computed_by_postgresql(account)

        with as_owner(), connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("ALTER TABLE loyalty_ledger ADD COLUMN approved_by_id bigint")

        assert _computed_by_postgresql(account) == _recomputed(account) == before
        inserted(entry(floor, account=account, seq=2, balance_before=10, balance_after=20))
        assert _computed_by_postgresql(account) == _recomputed(account)


class TestChainUnderLoad:
    def test_of_one_account_is_whole_after_eight_posted_at_once(self, committed_floor: Floor) -> None:
        floor, player = committed_floor, committed_floor.player()
        calls = [partial(award, floor, player, points=points, reward_id=f"r{points}") for points in range(1, 9)]

        together(calls)

        account = account_of(player)
        assert account.entry_count == 8
        assert [own for _, _, _, own in _stored(account)] == _recomputed(account)
        assert account.head_hash == _recomputed(account)[-1]


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=60)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-BIGGEST, BIGGEST)
    | st.decimals(allow_nan=False, allow_infinity=False).map(str)
    | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=15,
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
microseconds = st.integers(-62_135_000_000_000_000, 253_402_000_000_000_000)
instants = microseconds.map(lambda number: EPOCH + timedelta(microseconds=number))
whole_rows = st.fixed_dictionaries(
    {
        "reason": texts,
        "idempotency_key": texts,
        "points": st.integers(1, BIGGEST),
        "inputs": st.dictionaries(texts, json_values, max_size=5),
        "created_at": instants,
        "gaming_day": st.dates(),
        "correlation_id": st.uuids(),
        "has_staff": st.booleans(),
        "reason_code": st.none() | texts.map(lambda text: text[:40]),
        "mac": st.none() | texts.map(lambda text: text[:72]),
    }
)


class TestBothHashes:
    @pytest.mark.shows(36)
    def test_agree_on_whatever_a_column_can_hold(self, floor: Floor) -> None:
        account = account_of(floor.player())

        @property_settings
        @given(values=whole_rows)
        def agree(values: dict[str, Any]) -> None:
            staff = floor.supervisor if values.pop("has_staff") else None
            after = dict.fromkeys(("balance_after", "lifetime_points_after"), values["points"])
            with transaction.atomic():
                inserted(entry(floor, account=account, staff=staff, **after, **values))
                ((texts, version, before, own),) = _stored(account)
                transaction.set_rollback(True)
            assert own == entry_hash(version=version, previous_hash=before, texts=texts)

        agree()

    @pytest.mark.shows(36)
    def test_know_microseconds_and_the_ends_of_time(self, floor: Floor) -> None:
        account = account_of(floor.player())
        at = datetime(2026, 3, 29, 1, 0, 0, 1, tzinfo=UTC)

        inserted(entry(floor, account=account, created_at=at, gaming_day=date(1969, 12, 31)))

        ((texts, _, _, _),) = _stored(account)
        told = dict(zip(TEXTS, texts, strict=True))
        assert told["created_at in microseconds"] == str((at - EPOCH) // timedelta(microseconds=1))
        assert told["created_at"] == "2026-03-29T01:00:00.000001+00:00"
        assert (told["gaming_day in days"], told["gaming_day"]) == ("-1", "1969-12-31")
