"""The queries of a verification: accounts with what they store, and their entries, in the order of the chains.

`first` and `last` are ids of accounts. Up to checkpoint number `since`, what was sealed is not read again.
"""

from typing import Final

from loyalty.chain import TEXTS
from loyalty.proof.sealed import SEALED_OF

_COLUMNS: Final = ", ".join(TEXTS.values())

_FIGURES: Final = "'%%s points, %%s lifetime points, tier %%s'"
# With the figures of each account as its last entry has them, and as the account stores them. An index finds this
# entry: the ledger may have a thousand times as many.
CHAINS: Final = f"""
    SELECT account.id, account.entry_count, account.head_hash, sealed.entry_count, sealed.head_hash,
           sealed_entry.chain_version,
           format({_FIGURES}, last.balance_after, last.lifetime_points_after, last.tier),
           format({_FIGURES}, account.balance, account.lifetime_points, account.tier_id)
    FROM loyalty_playerloyalty AS account
    LEFT JOIN LATERAL ({SEALED_OF.format(account="account.id")}) AS sealed ON true
    LEFT JOIN LATERAL (
        SELECT * FROM loyalty_ledger WHERE account_id = account.id AND seq = sealed.entry_count OFFSET 0
    ) AS sealed_entry ON true
    LEFT JOIN LATERAL (
        SELECT * FROM loyalty_ledger WHERE account_id = account.id AND seq = account.entry_count OFFSET 0
    ) AS last_entry ON true
    LEFT JOIN loyalty_tier AS first_tier
           ON first_tier.program_id = account.program_id AND first_tier.threshold_points = 0
    CROSS JOIN LATERAL (
        SELECT coalesce(last_entry.balance_after, 0) AS balance_after,
               coalesce(last_entry.lifetime_points_after, 0) AS lifetime_points_after,
               coalesce(last_entry.tier_after_id, first_tier.id) AS tier
    ) AS last
    WHERE account.id BETWEEN %(first)s AND %(last)s
    ORDER BY account.id
"""  # noqa: S608  (constants)
_ENTRY: Final = f"{_COLUMNS}, entry.chain_version, entry.previous_hash, entry.entry_hash"
# `entry.seq` is the number: the selected column of this name is its text, in which 10 comes before 9.
EVERY_ENTRY: Final = f"""
    SELECT {_ENTRY} FROM loyalty_ledger AS entry WHERE entry.account_id BETWEEN %(first)s AND %(last)s
    ORDER BY entry.account_id, entry.seq
"""  # noqa: S608
NEW_ENTRIES: Final = f"""
    SELECT {_ENTRY} FROM loyalty_playerloyalty AS account
    LEFT JOIN LATERAL ({SEALED_OF.format(account="account.id")}) AS sealed ON true
    CROSS JOIN LATERAL (
        SELECT * FROM loyalty_ledger WHERE account_id = account.id AND seq > coalesce(sealed.entry_count, 0) OFFSET 0
    ) AS entry
    WHERE account.id BETWEEN %(first)s AND %(last)s
    ORDER BY account.id, entry.seq
"""  # noqa: S608
# The first accounts of so many spans with about as many entries each.
SPANS: Final = """
    SELECT min(id) FROM (
        SELECT id, (sum(entry_count + 1) OVER (ORDER BY id) - 1) * %(spans)s / sum(entry_count + 1) OVER () AS span
        FROM loyalty_playerloyalty
    ) AS account GROUP BY floor(span) ORDER BY 1
"""
