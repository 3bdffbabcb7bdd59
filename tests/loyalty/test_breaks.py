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
