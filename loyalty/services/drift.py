"""Find drift: accounts that differ from the sum of their ledger entries."""

from typing import Final

from django.db import connection

from core.models import Casino
from core.timeouts import allow_statements

# The balance is the sum of the points; lifetime points are those of the last entry.
DRIFTING_ACCOUNTS: Final = """
    SELECT account.id
    FROM loyalty_playerloyalty AS account
    JOIN core_player AS player ON player.id = account.player_id
    LEFT JOIN (
        SELECT account_id, SUM(points) AS points, COUNT(*) AS entries, MAX(seq) AS last_seq
        FROM loyalty_ledger GROUP BY account_id
    ) AS total ON total.account_id = account.id
    LEFT JOIN loyalty_ledger AS last ON last.account_id = account.id AND last.seq = total.last_seq
    WHERE player.casino_id = %s
      AND (
        account.balance <> COALESCE(total.points, 0)
        OR account.entry_count <> COALESCE(total.entries, 0)
        OR account.lifetime_points <> COALESCE(last.lifetime_points_after, 0)
      )
    ORDER BY account.id
"""


def drifting_accounts(*, casino: Casino, within_seconds: int) -> tuple[int, ...]:
    """The ids of the accounts that differ from the sum of their entries; reads the casino's whole ledger.

    Works in the caller's transaction, and sets its statement timeout to `within_seconds`.
    """
    allow_statements(seconds=within_seconds)
    with connection.cursor() as cursor:
        cursor.execute(DRIFTING_ACCOUNTS, [casino.pk])
        return tuple(account_id for (account_id,) in cursor.fetchall())
