"""What `first_break` says of entries that no attack on a database brings in a fixed order."""

from typing import Any

import pytest

from loyalty.chain import CHAIN_VERSION, TEXTS, entry_hash, genesis_hash
from loyalty.proof.breaks import Break, BreakKind, Chain, first_break

ACCOUNT = 7


def _entry(seq: int, *, after: bytes, version: int = CHAIN_VERSION) -> list[Any]:
    """A row as it is read, with an id of 100 and its number, and a hash that its contents make."""
    texts = [{"id": f"{100 + seq}", "seq": f"{seq}"}.get(name) for name in TEXTS]
    known = min(version, CHAIN_VERSION)
    return [*texts, version, after, entry_hash(version=known, previous_hash=after, texts=texts)]


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
        assert broken.what == "its chain version is 9, and 1 to 2 are known"

    def test_is_none_where_version_2_follows_version_1(self) -> None:
        old = _entry(1, after=genesis_hash(ACCOUNT), version=1)

        assert _found(old, _entry(2, after=old[-1])) is None

    def test_names_an_entry_of_version_1_behind_version_2(self, first: list[Any]) -> None:
        broken = _found(first, _entry(2, after=first[-1], version=1))

        assert broken is not None
        assert (broken.kind, broken.seq, broken.entry_id) == (BreakKind.CHANGED, 2, 102)
        assert (broken.expected, broken.found) == ("version 2", "version 1")
        assert broken.what == "its chain version is 1, behind an entry of version 2"

    def test_names_an_entry_with_columns_newer_than_its_version(self) -> None:
        old = _entry(1, after=genesis_hash(ACCOUNT), version=1)
        old[list(TEXTS).index("recorded_at")] = "2026-11-30T12:00:00+00:00"

        broken = _found(old)

        assert broken is not None
        assert broken.what == "its chain version is 1, and it has columns that this version does not cover"


def _row(seq: int, *, previous: bytes) -> list[Any]:
    names = list(TEXTS)
    texts = [f"{name} {seq}" for name in names]
    texts[names.index("id")], texts[names.index("seq")] = str(1000 + seq), str(seq)
    own = entry_hash(version=CHAIN_VERSION, previous_hash=previous, texts=texts)
    return [*texts, CHAIN_VERSION, previous, own]


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
        names = list(TEXTS)
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
