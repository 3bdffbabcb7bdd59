"""What `first_break` says of entries that no attack on a database brings in a fixed order."""

from collections.abc import Callable
from dataclasses import replace
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


Rows = list[list[Any]]
OTHER = bytes(32)


def _with(
    row: list[Any],
    *,
    version: int = CHAIN_VERSION,
    previous: bytes | None = None,
    is_rehashed: bool = False,
    **texts: str,
) -> list[Any]:
    """The entry with other contents, version or previous hash; its own hash fits only if it `is_rehashed`."""
    contents = [texts.get(name, text) for name, text in zip(TEXTS, row, strict=False)]
    previous = row[-2] if previous is None else previous
    own = entry_hash(version=version, previous_hash=previous, texts=contents) if is_rehashed else row[-1]
    return [*contents, version, previous, own]


def _copied(rows: Rows) -> Rows:
    """Entry 2 is copied as number 3 with another id and other points, and those after it are renumbered."""
    copied = [*rows[:2], _with(rows[1], id="55", points="9999"), *rows[2:]]
    return [_with(row, seq=str(number)) for number, row in enumerate(copied, start=1)]


def _copied_in_front(rows: Rows) -> Rows:
    """The same as number 2, with a hash of its own."""
    copied = _with(rows[1], id="55", points="9999", is_rehashed=True)
    return [rows[0], copied, *(_with(row, seq=str(number)) for number, row in enumerate(rows[1:], start=3))]


TAIL = "the account has 4 entries, and number %s is the last one found"
HEAD = "the account stores %s entries and another hash than that of its last, number 4"
HEAD_COUNT = "the account stores %s entries and the hash of its last, which is number 4"
AFTER_ANOTHER = "it follows another hash than that of the entry before it"
NEXT = "entry 1003, which is next, follows another hash"
# How the four entries of an account are changed, and what it stores; then kind, number, id and words of the break, and
# the entries whose hashes were expected and found: 0 is what the first one follows.
CASES: list[tuple[Callable[[Rows], Rows], dict[str, Any], Any]] = [
    (lambda rows: rows, {}, None),
    (lambda rows: [], {"entry_count": 0, "head_hash": None}, None),
    (lambda rows: rows[2:], {"from_count": 2, "from_hash": 2}, None),
    (lambda rows: rows[:1] + rows[2:], {}, ("MISSING", 2, None, "the next entry is number 3, entry 1003", 2, 1)),
    (lambda rows: rows[1:], {}, ("MISSING", 1, None, "the next entry is number 2, entry 1002", 1, 0)),
    (lambda rows: rows[:3], {}, ("MISSING_TAIL", 4, None, TAIL % 3, 4, 3)),
    (lambda rows: [], {}, ("MISSING_TAIL", 1, None, TAIL % 0, 4, 0)),
    (lambda rows: rows, {"head_hash": OTHER}, ("HEAD_CHANGED", 4, 1004, HEAD % 4, 4, OTHER.hex())),
    (lambda rows: rows, {"head_hash": None}, ("HEAD_CHANGED", 4, 1004, HEAD % 4, 4, "none")),
    (lambda rows: rows, {"entry_count": 5}, ("HEAD_CHANGED", 4, 1004, HEAD_COUNT % 5, "4 entries", "5 entries")),
    (lambda rows: rows, {"entry_count": 3}, ("HEAD_CHANGED", 4, 1004, HEAD_COUNT % 3, "4 entries", "3 entries")),
    (
        lambda rows: rows[:3],
        {"entry_count": 2, "head_hash": 2},
        ("INSERTED", 3, 1003, "the account has 2 entries, and this is one more", 2, 3),
    ),
    (
        lambda rows: rows[:1],
        {"entry_count": 0, "head_hash": None},
        ("INSERTED", 1, 1001, "the account has 0 entries, and this is one more", 0, 1),
    ),
    (
        lambda rows: [rows[0], _with(rows[1], points="9"), *rows[2:]],
        {},
        ("CHANGED", 2, 1002, "its contents do not match its hash", None, 2),
    ),
    (
        lambda rows: [rows[0], _with(rows[1], points="9", is_rehashed=True), *rows[2:]],
        {},
        ("CHANGED", 2, 1002, NEXT, 2, None),
    ),
    (
        lambda rows: [_with(rows[0], previous=OTHER, is_rehashed=True), *rows[1:]],
        {},
        ("CHANGED", 1, 1001, AFTER_ANOTHER, 0, OTHER.hex()),
    ),
    (
        lambda rows: [*rows[:3], _with(rows[3], previous=OTHER, is_rehashed=True)],
        {},
        ("CHANGED", 4, 1004, AFTER_ANOTHER, 3, OTHER.hex()),
    ),
    (
        lambda rows: [*rows[:2], _with(rows[2], previous=rows[1][-2]), rows[3]],
        {},
        ("CHANGED", 3, 1003, AFTER_ANOTHER, 2, 1),
    ),
    (
        lambda rows: [*rows[:2], _with(rows[2], previous=OTHER, points="9"), rows[3]],
        {},
        ("CHANGED", 3, 1003, AFTER_ANOTHER, 2, OTHER.hex()),
    ),
    (_copied, {}, ("CHANGED", 3, 55, AFTER_ANOTHER, 2, 1)),
    (_copied_in_front, {}, ("CHANGED", 2, 55, "entry 1002, which is next, follows another hash", 1, None)),
    (lambda rows: rows[:2], {}, ("MISSING_TAIL", 3, None, TAIL % 2, 4, 2)),
    (lambda rows: rows, {"head_hash": 2}, ("HEAD_CHANGED", 4, 1004, HEAD % 4, 4, 2)),
    (lambda rows: rows, {"entry_count": 2, "head_hash": OTHER}, ("HEAD_CHANGED", 4, 1004, HEAD % 2, 4, OTHER.hex())),
    (
        lambda rows: [],
        {"entry_count": 0, "head_hash": OTHER},
        ("HEAD_CHANGED", 0, None, HEAD.replace("4", "0") % 0, 0, OTHER.hex()),
    ),
    (
        lambda rows: rows[2:],
        {"from_count": 2, "from_hash": 2, "entry_count": 1, "head_hash": 2},
        ("INSERTED", 3, 1003, "the account has 1 entry, and this is one more", 2, 3),
    ),
    (
        lambda rows: [_with(rows[0], points="9"), *rows[1:]],
        {},
        ("CHANGED", 1, 1001, "its contents do not match its hash", None, 1),
    ),
    (
        lambda rows: [*rows[:2], _with(rows[2], version=9, previous=OTHER), rows[3]],
        {},
        ("CHANGED", 3, 1003, "its chain version is 9, and 1 to 2 are known", "version 2", "version 9"),
    ),
    (
        lambda rows: [_with(rows[0], version=0), *rows[1:]],
        {},
        ("CHANGED", 1, 1001, "its chain version is 0, and 1 to 2 are known", "version 2", "version 0"),
    ),
    (
        lambda rows: [*rows[:2], _with(rows[2], version=1, previous=OTHER, is_rehashed=True), rows[3]],
        {},
        ("CHANGED", 3, 1003, AFTER_ANOTHER, 2, OTHER.hex()),
    ),
]


class TestChangedEntries:
    @pytest.mark.parametrize(("change", "stored", "expected"), CASES)
    def test_name_the_first_one(self, change: Callable[[Rows], Rows], stored: dict[str, Any], expected: Any) -> None:
        chain, rows = _chain_of(4)
        hashes = [genesis_hash(ACCOUNT), *(row[-1] for row in rows)]
        stored = {
            name: hashes[value] if "hash" in name and isinstance(value, int) else value
            for name, value in stored.items()
        }

        # Hashes that are equal are other objects, as in rows that were read.
        read = [[bytes([*value]) if isinstance(value, bytes) else value for value in row] for row in change(rows)]
        found = first_break(replace(chain, **stored), read)

        if found is None or expected is None:
            assert found is expected
            return
        kind, seq, entry_id, what, *known = expected
        assert (found.kind.name, found.account_id, found.seq, found.entry_id) == (kind, ACCOUNT, seq, entry_id)
        assert found.what == what
        for value, said in zip(known, (found.expected, found.found), strict=True):
            assert value is None or said == (hashes[value].hex() if isinstance(value, int) else value)
