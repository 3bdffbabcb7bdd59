"""Controls: what the checker must find wrong, or it could find nothing.

After a clean run one acknowledged entry is taken out of the ledger, as its owner can with the triggers off, and so on;
the same checker looks at the same history again. A run `--without` a guard is in `tests/faults/weakened.py`.
"""

from pathlib import Path
from typing import Final

import psycopg

from tests.faults.books import Books, read_books
from tests.faults.checker import check
from tests.faults.harness import Run
from tests.faults.history import read_history
from tests.faults.servers import FaultServer

_NEWEST: Final = "SELECT max(id) FROM loyalty_ledger WHERE kind = 'PROMOTION'"
TAMPERING: Final = {
    "an acknowledged entry deleted": [f"DELETE FROM loyalty_ledger WHERE id = ({_NEWEST})"],
    "an acknowledged entry paid to another player": [
        f"""UPDATE loyalty_ledger SET seq = seq + 100000, account_id =
            (SELECT min(id) FROM loyalty_playerloyalty WHERE id <> account_id) WHERE id = ({_NEWEST})"""
    ],
    "a point too many in one entry": [
        f"UPDATE loyalty_ledger SET points = points + 1, balance_after = balance_after + 1 WHERE id = ({_NEWEST})"
    ],
    "a balance changed": [
        "UPDATE loyalty_playerloyalty SET balance = balance + 1 WHERE id = (SELECT min(id) FROM loyalty_playerloyalty)"
    ],
    "two entries swapped in their order": [
        """CREATE TEMP TABLE pair AS SELECT account_id, min(seq) AS a, max(seq) AS b FROM loyalty_ledger
           GROUP BY account_id HAVING count(*) > 3 ORDER BY account_id LIMIT 1""",
        "UPDATE loyalty_ledger e SET seq = 100000 FROM pair p WHERE e.account_id = p.account_id AND e.seq = p.a",
        "UPDATE loyalty_ledger e SET seq = p.a FROM pair p WHERE e.account_id = p.account_id AND e.seq = p.b",
        "UPDATE loyalty_ledger e SET seq = p.b FROM pair p WHERE e.account_id = p.account_id AND e.seq = 100000",
    ],
    "a settled slip owed again": [
        """UPDATE ratingslips_ratingslip SET settled_at = NULL, ledger_entry_id = NULL
           WHERE id = (SELECT id FROM ratingslips_ratingslip
                       WHERE status = 'CLOSED' AND ledger_entry_id IS NOT NULL AND recovered_by_id IS NULL LIMIT 1)"""
    ],
    "a buy-in deleted": [
        "DELETE FROM ratingslips_moneyrow WHERE id = (SELECT max(id) FROM ratingslips_moneyrow WHERE amount > 0)"
    ],
    "a correction deleted": [
        "DELETE FROM ratingslips_slipcorrection WHERE id = (SELECT max(id) FROM ratingslips_slipcorrection)"
    ],
    "a point too many in an adjustment of play": [
        """UPDATE loyalty_ledger SET points = points + 1, balance_after = balance_after + 1
           WHERE id = (SELECT max(id) FROM loyalty_ledger WHERE adjusts_id IS NOT NULL)"""
    ],
    "a recorded segment deleted": [
        "DELETE FROM ratingslips_playsegment WHERE id = (SELECT max(id) FROM ratingslips_playsegment WHERE seq = 1)"
    ],
}
_TABLES: Final = (
    *("ratingslips_moneyrow", "ratingslips_slipcorrection"),
    *("loyalty_ledger", "loyalty_playerloyalty", "ratingslips_ratingslip", "ratingslips_playsegment"),
)


def controls_of(run: Run, *, server: FaultServer, folder: Path) -> dict[str, int]:
    """How many findings there are after each tampering; each is undone again."""
    calls = read_history(folder.glob("history-*.jsonl"))
    found = {}
    with server.connect() as connection:
        for name, statements in TAMPERING.items():
            books = _tampered_books(connection, statements)
            found[name] = len(check(plan=run.plan, calls=calls, books=books).wrong)
    return found


def _tampered_books(connection: psycopg.Connection, statements: list[str]) -> Books:
    """What the books would say; nothing of it is kept."""
    with connection.transaction(force_rollback=True):
        for table in _TABLES:
            connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        connection.execute("ALTER TABLE loyalty_ledger DROP CONSTRAINT loyalty_ledger_first_starts_at_zero")
        for statement in statements:
            connection.execute(statement)
        return read_books(connection)
