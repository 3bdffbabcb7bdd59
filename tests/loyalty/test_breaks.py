"""What `first_break` says of entries that no attack on a database brings in a fixed order."""

from typing import Any

import pytest

from loyalty.chain import CHAIN_VERSION, HASHED_COLUMNS, entry_hash, genesis_hash
from loyalty.proof.breaks import Break, BreakKind, Chain, first_break

ACCOUNT = 7


def _entry(seq: int, *, after: bytes, version: int = CHAIN_VERSION) -> list[Any]:
    """A row as it is read, with an id of 100 and its number, and a hash that its contents make."""
    columns = [{"id": f"{100 + seq}", "seq": f"{seq}"}.get(name) for name in HASHED_COLUMNS]
    return [*columns, version, after, entry_hash(previous_hash=after, columns=columns)]


def _found(*entries: list[Any]) -> Break | None:
    chain = Chain(
        account_id=ACCOUNT,
        entry_count=len(entries),
        head_hash=entries[-1][-1],
        from_count=0,
        from_hash=genesis_hash(ACCOUNT),
    )
    return first_break(chain, entries)


@pytest.fixture
def first() -> list[Any]:
    return _entry(1, after=genesis_hash(ACCOUNT))


class TestFirstBreak:
    def test_is_none_where_each_entry_follows_the_one_before(self, first: list[Any]) -> None:
        assert _found(first, _entry(2, after=first[-1])) is None

    def test_names_the_second_entry_of_one_number(self, first: list[Any]) -> None:
        broken = _found(first, _entry(1, after=first[-1]))

        assert broken is not None
        assert (broken.kind, broken.seq, broken.entry_id) == (BreakKind.INSERTED, 1, 101)
        assert broken.what == "there is another entry number 1"

    def test_names_an_unknown_version(self, first: list[Any]) -> None:
        broken = _found(first, _entry(2, after=first[-1], version=9))

        assert broken is not None
        assert (broken.kind, broken.seq, broken.entry_id) == (BreakKind.CHANGED, 2, 102)
        assert broken.what == "its chain version is 9, and 1 is the only one known"


def _row(seq: int, *, previous: bytes) -> list[Any]:
    names = list(HASHED_COLUMNS)
    columns = [f"{name} {seq}" for name in names]
    columns[names.index("id")], columns[names.index("seq")] = str(1000 + seq), str(seq)
    return [*columns, CHAIN_VERSION, previous, entry_hash(previous_hash=previous, columns=columns)]


def _chain_of(entries: int) -> tuple[Chain, list[list[Any]]]:
    rows: list[list[Any]] = []
    for seq in range(1, entries + 1):
        rows.append(_row(seq, previous=rows[-1][-1] if rows else genesis_hash(7)))
    head, start = rows[-1][-1], genesis_hash(7)
    return Chain(account_id=7, entry_count=entries, head_hash=head, from_count=0, from_hash=start), rows


class TestCopiedAndRelinkedEntries:
    def test_name_the_copy_and_not_the_entry(self) -> None:
        """Entry 2 is copied as number 3 with another id and other points, and those after it are renumbered."""
        chain, rows = _chain_of(4)
        names = list(HASHED_COLUMNS)
        copy = [*rows[1]]
        copy[names.index("id")], copy[names.index("points")] = "55", "9999"
        rows.insert(2, copy)
        for number, row in enumerate(rows, start=1):
            row[names.index("seq")] = str(number)

        found = first_break(chain, rows)

        assert found is not None
        assert found.entry_id == 55

    def test_name_the_entry_that_was_relinked(self) -> None:
        chain, rows = _chain_of(4)
        rows[2][-2] = rows[1][-2]

        found = first_break(chain, rows)

        assert found is not None
        assert found.entry_id == 1003
