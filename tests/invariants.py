"""What must always hold, each as one query for the rows that break it; asked after every race and every fault."""

from django.db import connection

_BROKEN_BY: dict[str, str] = {
    "an account is what its entries come to": """
        SELECT account.id FROM loyalty_playerloyalty account
        LEFT JOIN (
            SELECT account_id, count(*) AS entries, sum(points) AS points, max(seq) AS last_seq
            FROM loyalty_ledger GROUP BY account_id
        ) total ON total.account_id = account.id
        LEFT JOIN loyalty_ledger last ON last.account_id = account.id AND last.seq = total.last_seq
        WHERE account.balance <> coalesce(total.points, 0)
           OR account.balance <> coalesce(last.balance_after, 0)
           OR account.lifetime_points <> coalesce(last.lifetime_points_after, 0)
           OR account.entry_count <> coalesce(total.entries, 0)
           OR account.tier_id <> coalesce(last.tier_after_id, account.tier_id)
    """,
    "entries follow one another without gap or repeat": """
        SELECT id FROM (
            SELECT id, seq, balance_before, lifetime_points_before, tier_before_id,
                   row_number() OVER entries AS number,
                   lag(balance_after, 1, 0::bigint) OVER entries AS balance,
                   lag(lifetime_points_after, 1, 0::bigint) OVER entries AS lifetime_points,
                   lag(tier_after_id, 1, tier_before_id) OVER entries AS tier_id
            FROM loyalty_ledger WINDOW entries AS (PARTITION BY account_id ORDER BY seq)
        ) entry
        WHERE seq <> number OR balance_before <> balance OR lifetime_points_before <> lifetime_points
           OR tier_before_id <> tier_id
    """,
    "the tier after an entry is that of its lifetime points": """
        SELECT entry.id FROM loyalty_ledger entry JOIN loyalty_playerloyalty account ON account.id = entry.account_id
        WHERE entry.tier_after_id <> (
            SELECT tier.id FROM loyalty_tier tier
            WHERE tier.program_id = account.program_id AND tier.threshold_points <= entry.lifetime_points_after
            ORDER BY tier.threshold_points DESC LIMIT 1
        )
    """,
    "a slip and its entry agree": """
        SELECT slip.id::text FROM ratingslips_ratingslip slip
        JOIN loyalty_ledger entry ON entry.id = slip.ledger_entry_id OR entry.idempotency_key = slip.id::text
        JOIN loyalty_playerloyalty account ON account.id = entry.account_id
        WHERE slip.ledger_entry_id IS DISTINCT FROM entry.id OR entry.idempotency_key <> slip.id::text
           OR account.player_id <> slip.player_id OR entry.correlation_id <> slip.correlation_id
           OR entry.kind <> 'GAMEPLAY'
    """,
    "an entry is in the casino of its account's player": """
        SELECT entry.id FROM loyalty_ledger entry
        JOIN loyalty_playerloyalty account ON account.id = entry.account_id
        JOIN core_player player ON player.id = account.player_id
        JOIN loyalty_loyaltyprogram program ON program.id = account.program_id
        WHERE entry.casino_id <> player.casino_id OR entry.casino_id <> program.casino_id
    """,
    "a manual entry has its staff, its reason and its limit": """
        SELECT id FROM loyalty_ledger WHERE kind = 'MANUAL_BONUS'
        AND (staff_id IS NULL OR length(reason) < 10 OR points NOT BETWEEN 1 AND 10000)
    """,
    "a slip has one open segment while it is open, and none otherwise": """
        SELECT slip.id::text FROM ratingslips_ratingslip slip
        LEFT JOIN ratingslips_playsegment segment ON segment.slip_id = slip.id AND segment.ended_at IS NULL
        GROUP BY slip.id HAVING count(segment.id) <> (slip.status = 'OPEN')::int
    """,
    "the last segment of a live slip is where the slip is": """
        SELECT slip.id::text FROM ratingslips_ratingslip slip
        JOIN ratingslips_playsegment segment ON segment.slip_id = slip.id
        WHERE segment.seq = (SELECT max(seq) FROM ratingslips_playsegment WHERE slip_id = slip.id)
          AND (segment.table_id, segment.seat) <> (slip.table_id, slip.seat)
    """,
}


def broken_invariants() -> dict[str, list[object]]:
    """The invariants that do not hold, each with the ids of the rows that break it."""
    broken = {}
    with connection.cursor() as cursor:
        for invariant, query in _BROKEN_BY.items():
            cursor.execute(query)
            if rows := [row[0] for row in cursor.fetchall()]:
                broken[invariant] = rows
    return broken
