"""Seal the change log with the checkpoints, and verify its chains; docs/ledger-chain.md describes the hashes."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache, partial
from hashlib import sha256
from typing import Final, NamedTuple
from uuid import UUID

from django.db import connection, transaction

from core.errors import DomainError
from core.invariants import Finding, Invariant, examine
from core.macs import is_authentic
from core.models import RequestOrigin, User
from core.origins import COMMAND
from core.roles import SYSTEM_USERNAME
from core.snapshots import streamed
from core.transactions import transaction_required
from loyalty.chain import preimage
from loyalty.models import SealedChange
from loyalty.proof.breaks import Break, BreakKind
from loyalty.proof.sealing import MerkleRoot, change_leaf_hash

CHUNK_ROWS: Final = 1_000

# The names and texts of all columns but the hashes. No setting of the session changes a text but the time zone.
_CHANGES: Final = """
    SELECT change.id, change.table_name, change.row_id, change.previous_hash, change.change_hash, columns.texts,
           sealed.checkpoint_id, sealed.change_hash, before.change_hash
    FROM core_change AS change LEFT JOIN loyalty_sealedchange AS sealed ON sealed.change_id = change.id
    LEFT JOIN LATERAL (
        SELECT change_hash FROM core_change
        WHERE table_name = change.table_name AND row_id = change.row_id AND id < change.id ORDER BY id DESC LIMIT 1
    ) AS before ON true
    CROSS JOIN LATERAL (
        SELECT array_agg(text ORDER BY name COLLATE "C", nth) AS texts
        FROM jsonb_each_text(to_jsonb(change) - '{previous_hash,change_hash}'::text[]) AS hashed (name, value)
        CROSS JOIN LATERAL unnest(ARRAY[name, value]) WITH ORDINALITY AS each (text, nth)
        WHERE value IS NOT NULL
    ) AS columns
"""
# Those that were not sealed by checkpoint number `since`, or by one before it. What was written before one that it
# sealed and committed after it is sealed by a later one.
_SINCE: Final = """
    SELECT id FROM core_change
    WHERE id > (SELECT coalesce(max(change_id), 0) FROM loyalty_sealedchange WHERE checkpoint_id <= %(since)s)
    UNION SELECT change_id FROM loyalty_sealedchange WHERE checkpoint_id > %(since)s
"""
_BY_ROW: Final = (
    f'{_CHANGES} WHERE change.id IN ({_SINCE}) ORDER BY change.table_name COLLATE "C", change.row_id, change.id'
)
_UNSEALED: Final = f"{_CHANGES} WHERE sealed.change_id IS NULL ORDER BY change.id"
_SEALED: Final = """
    SELECT change_id, change_hash FROM loyalty_sealedchange WHERE checkpoint_id = %(number)s ORDER BY change_id
"""
_GONE: Final = """
    SELECT change_id, checkpoint_id, change_hash FROM loyalty_sealedchange
    WHERE checkpoint_id > %(since)s AND NOT EXISTS (SELECT FROM core_change WHERE id = change_id)
    ORDER BY change_id LIMIT 1
"""
_FIRST_CHAINED: Final = "SELECT min(id) FROM core_change WHERE change_hash IS NOT NULL"

_OF_CHECKPOINT: Final = """
    SELECT change.id, table_name, row_id, recorded_at, actor_id, correlation_id
    FROM loyalty_sealedchange AS sealed JOIN core_change AS change ON change.id = sealed.change_id
    WHERE sealed.checkpoint_id = %(number)s AND change.change_hash IS NOT NULL
    ORDER BY change.id
"""
# An origin has the clock of the application, and is written before or shortly after the change. A command acts for the
# person whom it names, for the system account or for nobody.
_CLOCKS_DIFFER: Final = timedelta(minutes=1)
_LONGEST_REQUEST: Final = timedelta(minutes=5)
_LONGEST_COMMAND: Final = timedelta(days=1)


class ChangesAltered(DomainError):
    """A change of the change log does not match its hash; sealing it would make it look checked."""

    code = "CHANGES_ALTERED"


class _Change(NamedTuple):
    """A change as it is stored, with the checkpoint that sealed it, if one did."""

    id: int
    table_name: str
    row_id: int
    previous_hash: bytes | None
    change_hash: bytes | None
    texts: Sequence[str]
    checkpoint: int | None
    sealed_hash: bytes | None
    hash_before: bytes | None

    @property
    def computed(self) -> bytes:
        """The hash of its contents."""
        texts = (text.encode() for text in self.texts)
        return sha256(preimage([b"core-change", b"1", self.previous_hash, *texts])).digest()

    @property
    def genesis(self) -> bytes:
        """The previous hash of the first change of its row."""
        row = (self.table_name.encode(), b"%d" % self.row_id)
        return sha256(preimage([b"core-change-genesis", b"1", *row])).digest()


@transaction_required
def seal_changes(number: int) -> MerkleRoot:
    """Keep with checkpoint `number` the hash of each change that no earlier one sealed. Returns their root.

    :raises ChangesAltered: a change does not match its hash.
    """
    root = MerkleRoot()
    fresh: list[SealedChange] = []
    with _streamed(_UNSEALED) as changes:
        for change in changes:
            hash_ = change.computed
            if change.change_hash not in {None, hash_}:
                raise ChangesAltered(
                    f"Change {change.id} of the change log does not match its hash. Nothing was sealed. "
                    "Run verify_ledger, and see the runbook."
                )
            root.add(change_leaf_hash(change_id=change.id, change_hash=hash_))
            fresh.append(SealedChange(checkpoint_id=number, change_id=change.id, change_hash=hash_))
            if len(fresh) == CHUNK_ROWS:
                SealedChange.objects.bulk_create(fresh)
                fresh.clear()
    SealedChange.objects.bulk_create(fresh)
    return root


def changes_without_request(number: int) -> Finding:
    """The changes that checkpoint `number` sealed and that came with no request or command of their author.

    They were made by migrations, in psql or a shell, or past the console.
    """
    return examine(
        Invariant(
            name="changes_have_their_request",
            sentence="every change of the change log came with a request or command of its author",
            broken_by=partial(_without_request, number),
        )
    )


def _without_request(number: int) -> Iterator[str]:
    origins_of = lru_cache(maxsize=CHUNK_ROWS)(_recorded_origins)
    commands = {None, *User.objects.filter(username=SYSTEM_USERNAME).values_list("pk", flat=True)}
    with transaction.atomic(), streamed(_OF_CHECKPOINT, {"number": number}, chunk_rows=CHUNK_ROWS) as changes:
        for change_id, table, row_id, recorded_at, actor_id, correlation_id in changes:
            if not any(
                recorded_at - (_LONGEST_COMMAND if origin.method == COMMAND else _LONGEST_REQUEST)
                < origin.at
                < recorded_at + _CLOCKS_DIFFER
                for origin in origins_of(correlation_id)
                if origin.actor_id == actor_id or (origin.method == COMMAND and actor_id in commands)
            ):
                yield f"change {change_id} of {table} {row_id}"


def _recorded_origins(correlation_id: UUID | None) -> Sequence[RequestOrigin]:
    """What the application recorded under an id."""
    origins = RequestOrigin.objects.filter(correlation_id=correlation_id) if correlation_id else ()
    return [origin for origin in origins if is_authentic(origin.mac, origin.claims(), recorded_at=origin.at)]


def root_of_changes(number: int) -> MerkleRoot:
    """The root over the changes that are kept with checkpoint `number`."""
    root = MerkleRoot()
    with streamed(_SEALED, {"number": number}, chunk_rows=CHUNK_ROWS) as rows:
        for change_id, change_hash in rows:
            root.add(change_leaf_hash(change_id=change_id, change_hash=change_hash))
    return root


def broken_change(*, since: int) -> Break | None:
    """The first change, by table, row and id, that was altered, deleted or inserted past the triggers.

    Reads those that checkpoint number `since` had not sealed; all of them if it is 0.
    """
    with connection.cursor() as cursor:
        cursor.execute(_GONE, {"since": since})
        if gone := cursor.fetchone():
            change_id, checkpoint, sealed = gone
            what = f"checkpoint {checkpoint} sealed it, and it is gone"
            return Break(
                kind=BreakKind.CHANGE_MISSING,
                what=what,
                change_id=change_id,
                checkpoint=checkpoint,
                expected=sealed.hex(),
            )
        cursor.execute(_FIRST_CHAINED)
        (first_chained,) = cursor.fetchone()
    with _streamed(_BY_ROW, since=since) as changes:
        wrong = (_wrong(change, first_chained=first_chained) for change in changes)
        return next(filter(None, wrong), None)


def _wrong(change: _Change, *, first_chained: int | None) -> Break | None:
    """What is wrong with a change."""
    computed, head = change.computed, change.hash_before or change.genesis
    kind, what, expected, found = BreakKind.CHANGE_ALTERED, "", computed, change.change_hash
    if change.sealed_hash not in {None, computed}:
        what, expected, found = "checkpoint {} sealed it with other contents", change.sealed_hash or b"", computed
    elif change.change_hash is None:
        what = "it has no hash, and earlier ones have" if first_chained and change.id > first_chained else ""
    elif change.change_hash != computed:
        what = "its contents do not match its hash"
    elif change.previous_hash != head:
        kind, what = BreakKind.CHANGE_MISSING, "it does not follow the change before it of the same row"
        expected, found = head, change.previous_hash
    if not what:
        return None
    return Break(
        kind=kind,
        what=what.format(change.checkpoint),
        change_id=change.id,
        checkpoint=change.checkpoint,
        expected=expected.hex(),
        found=found.hex() if found else "none",
    )


@contextmanager
def _streamed(query: str, **parameters: int) -> Iterator[Iterator[_Change]]:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL TIME ZONE 'UTC'")
    with streamed(query, parameters, chunk_rows=CHUNK_ROWS) as rows:
        yield (_Change(*row) for row in rows)
