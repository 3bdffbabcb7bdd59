"""What is new since an earlier check of the invariants, with the rows that it refers to, in batches."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import connection

from core.invariants import Rows

BATCH_ROWS: Final = 500
# What was not yet committed when the last check began was recorded at most so long before, under at most so many ids.
MARGIN: Final = timedelta(hours=1)
MARGIN_IDS: Final = 1_000

NUMBERED: Final = ("loyalty_ledger", "ratingslips_playsegment", "ratingslips_moneyrow", "ratingslips_slipcorrection")
_OF_SLIP: Final = ("playsegment", "sliprequest", "moneyrow", "slipcorrection")

_LAST_IDS: Final = ", ".join(f"coalesce((SELECT max(id) FROM {table}), 0)" for table in NUMBERED)  # noqa: S608
_MARK: Final = f"SELECT transaction_timestamp(), {_LAST_IDS}"
_NEW_ENTRIES: Final = "SELECT id FROM loyalty_ledger WHERE id > %(loyalty_ledger)s ORDER BY id"
# Every change of a slip has a request; what was written without one is found where its id or its time is new.
_NEW_SLIPS: Final = """
    SELECT slip_id FROM core_user AS staff CROSS JOIN LATERAL (
        SELECT slip_id FROM ratingslips_sliprequest WHERE actor_id = staff.id AND recorded_at > %(at)s
    ) AS request
    UNION SELECT slip.id FROM core_casino AS casino CROSS JOIN LATERAL (
        SELECT id FROM ratingslips_ratingslip WHERE casino_id = casino.id AND opened_at > %(at)s
    ) AS slip
    UNION SELECT slip.id FROM core_casino AS casino CROSS JOIN LATERAL (
        SELECT id FROM ratingslips_ratingslip
        WHERE casino_id = casino.id AND closed_at > %(at)s AND status = 'CLOSED'
    ) AS slip
    UNION SELECT slip_id FROM ratingslips_playsegment WHERE id > %(ratingslips_playsegment)s
    UNION SELECT slip_id FROM ratingslips_moneyrow WHERE id > %(ratingslips_moneyrow)s
    UNION SELECT slip_id FROM ratingslips_slipcorrection WHERE id > %(ratingslips_slipcorrection)s
"""
# Slips and entries with those that the invariants read beside them, and the accounts of these entries.
_WITH_RELATED: Final = """
    WITH RECURSIVE named AS (
        SELECT id, reverses_id, adjusts_id FROM loyalty_ledger WHERE id = ANY(%(entries)s::bigint[])
    ), referred AS (
        SELECT other AS id FROM named CROSS JOIN LATERAL unnest(ARRAY[id, reverses_id, adjusts_id]) AS other
        WHERE other IS NOT NULL
    ), slip AS (
        SELECT id, continues_id, reassigned_from_id, ledger_entry_id FROM ratingslips_ratingslip WHERE id IN (
            SELECT unnest(%(slips)s::uuid[])
            UNION SELECT id FROM ratingslips_ratingslip WHERE ledger_entry_id IN (SELECT id FROM referred)
        )
        UNION
        SELECT before.id, before.continues_id, before.reassigned_from_id, before.ledger_entry_id
        FROM slip JOIN ratingslips_ratingslip AS before
          ON before.id = ANY(ARRAY[slip.continues_id, slip.reassigned_from_id])
    ), entry AS (
        SELECT id FROM referred UNION SELECT ledger_entry_id FROM slip WHERE ledger_entry_id IS NOT NULL
        UNION SELECT id FROM loyalty_ledger WHERE idempotency_key IN (SELECT id::text FROM slip)
    ), adjusted AS (
        SELECT id FROM entry UNION SELECT id FROM loyalty_ledger WHERE adjusts_id IN (SELECT id FROM entry)
    )
    SELECT ARRAY(SELECT id::text FROM slip), ARRAY(SELECT id FROM adjusted),
           ARRAY(SELECT DISTINCT account_id FROM loyalty_ledger WHERE id IN (SELECT id FROM adjusted))
"""


def mark() -> dict[str, Any]:
    """Where the caller's snapshot ends: the instant, and the last id of each table that is numbered."""
    with connection.cursor() as cursor:
        cursor.execute(_MARK)
        at, *ids = cursor.fetchone()
    return {"at": at.isoformat(), **dict(zip(NUMBERED, ids, strict=True))}


def new_rows(since: Mapping[str, Any]) -> list[Rows]:
    """The slips and entries that are newer than a `mark`, in batches, each with the rows that it refers to.

    Reads in the caller's transaction. A row that was altered, or was written under an old id and time, is not among
    them.
    """
    parameters = {table: since[table] - MARGIN_IDS for table in NUMBERED}
    with connection.cursor() as cursor:
        cursor.execute(_NEW_SLIPS, parameters | {"at": datetime.fromisoformat(since["at"]) - MARGIN})
        slips = [str(slip) for (slip,) in cursor.fetchall()]
        cursor.execute(_NEW_ENTRIES, parameters)
        entries = [entry for (entry,) in cursor.fetchall()]
        batches, read = [], set[int]()
        for part in _parts(slips):
            batches.append(_with_related(cursor, slips=part, entries=()))
            read |= {*batches[-1][1]}
        rest = [entry for entry in entries if entry not in read]
        batches += [_with_related(cursor, slips=(), entries=part) for part in _parts(rest)]
    return [_rows(*batch) for batch in batches]


def _parts(ids: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (ids[first : first + BATCH_ROWS] for first in range(0, len(ids), BATCH_ROWS))


def _with_related(
    cursor: Any, *, slips: Sequence[str], entries: Sequence[int]
) -> tuple[Sequence[str], Sequence[int], Sequence[int]]:
    cursor.execute(_WITH_RELATED, {"slips": list(slips), "entries": list(entries)})
    slips, entries, accounts = cursor.fetchone()
    return slips, entries, accounts


def _rows(slips: Sequence[str], entries: Sequence[int], accounts: Sequence[int]) -> Rows:
    of_slips, of_entries = _among(slips, "uuid"), _among(entries, "bigint")
    return {
        "ratingslips_ratingslip": f"id {of_slips}",
        **{f"ratingslips_{table}": f"slip_id {of_slips}" for table in _OF_SLIP},
        "loyalty_ledger": f"id {of_entries}",
        "loyalty_compslipprint": f"entry_id {of_entries}",
        "loyalty_playerloyalty": f"id {_among(accounts, 'bigint')}",
    }


def _among(ids: Sequence[object], kind: str) -> str:
    return f"= ANY('{{{','.join(map(str, ids))}}}'::{kind}[])"
