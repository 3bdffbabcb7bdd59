"""The invariants of the slips, and the list of those of slips, accounts and ledger."""

from typing import Final

from core.invariants import Invariant
from core.reasons.defaults import UNDONE
from loyalty import invariants as loyalty
from ratingslips.play_invariants import PLAY_INVARIANTS
from ratingslips.request_invariants import REQUEST_INVARIANTS

# The names by which people find a slip and a segment.
_SLIP: Final = "'slip ' || casino.code || ' ' || slip.slip_number"
_SEGMENT: Final = f"{_SLIP} || ' segment ' || segment.seq"
_OF_CASINO: Final = "JOIN core_casino AS casino ON casino.id = slip.casino_id"

_POINTS: Final = (
    Invariant(
        name="slip_and_entry_agree",
        sentence=(
            "a credited slip and its entry name each other and have the same player and correlation id, and the entry "
            "has a theo that the slip has or had"
        ),
        broken_by=f"""
            SELECT {_SLIP} FROM ratingslips_ratingslip AS slip {_OF_CASINO}
            JOIN loyalty_ledger AS entry ON entry.id = slip.ledger_entry_id OR entry.idempotency_key = slip.id::text
            JOIN loyalty_playerloyalty AS account ON account.id = entry.account_id
            WHERE slip.ledger_entry_id IS DISTINCT FROM entry.id OR entry.idempotency_key <> slip.id::text
               OR account.player_id <> slip.player_id OR entry.correlation_id <> slip.correlation_id
               OR entry.kind <> 'GAMEPLAY'
               OR (entry.inputs -> 'calculation' ->> 'theoretical_win')::numeric <> ALL (
                    SELECT theoretical_win_before FROM ratingslips_slipcorrection
                    WHERE slip_id = slip.id AND theoretical_win_before IS NOT NULL AND slip.corrected_points IS NOT NULL
                    UNION SELECT slip.theoretical_win
               )
            ORDER BY casino.code, slip.slip_number
        """,  # noqa: S608
    ),
    Invariant(
        name="gameplay_has_its_slip",
        sentence="every gameplay entry belongs to one slip",
        broken_by="""
            SELECT 'entry ' || entry.id FROM loyalty_ledger AS entry
            WHERE entry.kind = 'GAMEPLAY' AND (
                SELECT count(*) FROM ratingslips_ratingslip AS slip WHERE slip.ledger_entry_id = entry.id
            ) <> 1
            ORDER BY entry.id
        """,
    ),
    Invariant(
        name="points_are_calculated",
        sentence="the points of a gameplay entry are theo × rate × multiplier, rounded half up",
        broken_by="""
            SELECT 'entry ' || id FROM loyalty_ledger
            WHERE kind = 'GAMEPLAY' AND points IS DISTINCT FROM round(
                (inputs -> 'calculation' ->> 'theoretical_win')::numeric
                * (inputs -> 'calculation' ->> 'points_per_unit')::numeric
                * (inputs -> 'calculation' ->> 'multiplier')::numeric
            )
            ORDER BY id
        """,
    ),
    Invariant(
        # The tier of a slip without an entry is not stored; the lowest multiplier gives the fewest points possible.
        name="closed_slip_is_settled_or_owed",
        sentence="every closed slip is credited, owed, worth 0 points, or withheld",
        broken_by=f"""
            SELECT {_SLIP} FROM ratingslips_ratingslip AS slip {_OF_CASINO}
            WHERE slip.settled_at IS NOT NULL AND slip.ledger_entry_id IS NULL AND slip.withheld_because = ''
              AND slip.theoretical_win * (
                SELECT rate.points_per_unit FROM loyalty_earningrate AS rate
                JOIN loyalty_loyaltyprogram AS program ON program.id = rate.program_id
                WHERE program.casino_id = slip.casino_id AND rate.effective_from <= slip.closed_at
                ORDER BY rate.effective_from DESC LIMIT 1
            ) * (
                SELECT min(tier.multiplier) FROM loyalty_tier AS tier
                JOIN loyalty_loyaltyprogram AS program ON program.id = tier.program_id
                WHERE program.casino_id = slip.casino_id
            ) >= 0.5
            ORDER BY casino.code, slip.slip_number
        """,  # noqa: S608
    ),
)

_PLAY: Final = (
    Invariant(
        name="continuation_follows_its_slip",
        sentence="a slip that continues another one is of the same player, and does not begin before that one ended",
        broken_by=f"""
            SELECT {_SLIP} FROM ratingslips_ratingslip AS slip {_OF_CASINO}
            JOIN ratingslips_ratingslip AS continued ON continued.id = slip.continues_id
            WHERE continued.player_id <> slip.player_id
               OR continued.status <> 'VOID' AND slip.status <> 'VOID'
                  AND (slip.opened_at >= continued.closed_at) IS NOT TRUE
            ORDER BY casino.code, slip.slip_number
        """,  # noqa: S608
    ),
    Invariant(
        name="one_open_segment",
        sentence="a slip has one open segment while it is open, and none while it is paused or after it has closed",
        broken_by=f"""
            SELECT {_SLIP} FROM ratingslips_ratingslip AS slip {_OF_CASINO}
            LEFT JOIN (
                SELECT slip_id, count(*) AS segments FROM ratingslips_playsegment
                WHERE ended_at IS NULL GROUP BY slip_id
            ) AS unended ON unended.slip_id = slip.id
            WHERE coalesce(unended.segments, 0) <> (slip.status = 'OPEN')::int
            ORDER BY casino.code, slip.slip_number
        """,  # noqa: S608
    ),
    Invariant(
        name="segments_follow_one_another",
        sentence=(
            "the segments of a slip are numbered without gap, never overlap, lie within its visit, and each holds its "
            "seat until the next one begins or the slip closes"
        ),
        broken_by=f"""
            SELECT {_SEGMENT} FROM (
                SELECT slip_id, seq, started_at, ended_at, held_until,
                       lead(started_at) OVER segments AS next_started_at,
                       lag(seq, 1, 0) OVER (PARTITION BY slip_id ORDER BY seq) AS last_seq,
                       lag(coalesce(ended_at, 'infinity')) OVER segments AS last_ended_at,
                       superseded_by_id IS NULL AS is_current
                FROM ratingslips_playsegment WINDOW segments AS (PARTITION BY slip_id, superseded_by_id ORDER BY seq)
            ) AS segment JOIN ratingslips_ratingslip AS slip ON slip.id = segment.slip_id {_OF_CASINO}
            WHERE segment.seq <> segment.last_seq + 1
               OR segment.started_at < segment.last_ended_at
               OR segment.held_until <> segment.next_started_at
               OR segment.is_current AND (
                    segment.started_at < slip.opened_at OR segment.ended_at > slip.closed_at
                    OR segment.held_until IS DISTINCT FROM coalesce(segment.next_started_at, slip.closed_at)
               )
            ORDER BY casino.code, slip.slip_number, segment.seq
        """,  # noqa: S608
    ),
    Invariant(
        # Divides once, at the end: dividing each segment would round a theo half way between two cents too early.
        name="theo_is_of_its_segments",
        sentence="the theo of a closed slip is the sum of its segments, rounded half up to 0.01",
        broken_by=f"""
            SELECT {_SLIP} FROM ratingslips_ratingslip AS slip {_OF_CASINO}
            LEFT JOIN (
                SELECT slip_id, sum(average_bet * house_edge_percent * decisions_per_hour
                                    * extract(epoch FROM ended_at - started_at)) AS shares
                FROM ratingslips_playsegment WHERE superseded_by_id IS NULL GROUP BY slip_id
            ) AS played ON played.slip_id = slip.id
            WHERE slip.status = 'CLOSED'
              AND slip.theoretical_win IS DISTINCT FROM round(played.shares / (100 * 3600), 2)
            ORDER BY casino.code, slip.slip_number
        """,  # noqa: S608
    ),
    Invariant(
        name="slip_is_where_it_was_last",
        sentence="every slip has segments, and has the table, seat and pit of the last one",
        broken_by=f"""
            SELECT {_SLIP} FROM ratingslips_ratingslip AS slip {_OF_CASINO}
            LEFT JOIN LATERAL (
                SELECT table_id, seat, pit_id FROM ratingslips_playsegment
                WHERE slip_id = slip.id ORDER BY seq DESC LIMIT 1
            ) AS last ON true
            WHERE (last.table_id, last.seat, last.pit_id)
               IS DISTINCT FROM (slip.table_id, slip.seat::smallint, slip.pit_id)
            ORDER BY casino.code, slip.slip_number
        """,  # noqa: S608
    ),
    Invariant(
        name="live_slip_is_in_the_pit_of_its_table",
        sentence="a live slip is in the pit that its table is in",
        broken_by=f"""
            SELECT {_SLIP} FROM ratingslips_ratingslip AS slip {_OF_CASINO}
            JOIN ratingslips_gamingtable AS seated_at ON seated_at.id = slip.table_id
            WHERE slip.status IN ('OPEN', 'PAUSED') AND slip.pit_id <> seated_at.pit_id
            ORDER BY casino.code, slip.slip_number
        """,  # noqa: S608
    ),
    Invariant(
        name="one_correlation_id_a_request",
        sentence=(
            "a slip carries the correlation id of the request that opened it, and once closed, that closed it; what a "
            "correction wrote has that of the correction"
        ),
        broken_by=f"""
            SELECT {_SEGMENT} FROM ratingslips_playsegment AS segment
            JOIN ratingslips_ratingslip AS slip ON slip.id = segment.slip_id {_OF_CASINO}
            WHERE (segment.seq = 1 AND slip.status IN ('OPEN', 'PAUSED')
                   AND segment.start_correlation_id <> slip.correlation_id)
               OR (segment.ended_as = 'CLOSED' AND segment.end_correlation_id <> slip.correlation_id
                   AND NOT EXISTS (
                       SELECT FROM ratingslips_slipcorrection AS correction
                       JOIN ratingslips_sliprequest AS request ON request.id = correction.request_id
                       WHERE correction.slip_id = slip.id AND request.correlation_id = segment.end_correlation_id
                   ))
            ORDER BY casino.code, slip.slip_number, segment.seq
        """,  # noqa: S608
    ),
)

_CORRECTIONS: Final = (
    Invariant(
        name="one_current_list",
        sentence="a slip that is not void has one current list of segments, the newest; a void slip has none",
        broken_by=f"""
            SELECT {_SLIP} FROM ratingslips_ratingslip AS slip {_OF_CASINO}
            JOIN (
                SELECT slip_id, count(*) FILTER (WHERE superseded_by_id IS NULL) AS current,
                       count(*) FILTER (WHERE superseded_by_id IS NULL AND started_as = 'OPENED') AS lists,
                       min(seq) FILTER (WHERE superseded_by_id IS NULL) AS first,
                       max(seq) FILTER (WHERE superseded_by_id IS NOT NULL) AS last_superseded
                FROM ratingslips_playsegment GROUP BY slip_id
            ) AS play ON play.slip_id = slip.id
            WHERE play.lists <> (slip.status <> 'VOID')::int OR slip.status = 'VOID' AND play.current > 0
               OR play.first < play.last_superseded
            ORDER BY casino.code, slip.slip_number
        """,  # noqa: S608
    ),
    Invariant(
        name="entries_are_points_of_play",
        sentence="the entries of a slip add up to the points of its current play and what could not be collected",
        broken_by=f"""
            SELECT {_SLIP} FROM ratingslips_ratingslip AS slip {_OF_CASINO}
            LEFT JOIN loyalty_ledger AS entry ON entry.id = slip.ledger_entry_id
            LEFT JOIN LATERAL (
                SELECT sum(points) AS points FROM loyalty_ledger WHERE adjusts_id = entry.id
            ) AS adjusted ON true
            WHERE coalesce(entry.points, 0) + coalesce(adjusted.points, 0)
                  <> coalesce(slip.corrected_points, entry.points, 0) + slip.uncollected_points
               OR slip.corrected_points <> coalesce(round(
                    slip.theoretical_win * (entry.inputs -> 'calculation' ->> 'points_per_unit')::numeric
                    * (entry.inputs -> 'calculation' ->> 'multiplier')::numeric
               ), 0)
            ORDER BY casino.code, slip.slip_number
        """,  # noqa: S608
    ),
    Invariant(
        name="correction_has_its_entry",
        sentence="every correction has its ledger entry, which is of its slip, or says why there is none",
        broken_by=f"""
            SELECT {_SLIP} || ' correction ' || correction.number FROM ratingslips_slipcorrection AS correction
            JOIN ratingslips_ratingslip AS slip ON slip.id = correction.slip_id {_OF_CASINO}
            LEFT JOIN loyalty_ledger AS entry ON entry.id = correction.entry_id
            WHERE (entry.id IS NULL) = (correction.no_entry_because = '')
               OR entry.id IS NOT NULL AND slip.ledger_entry_id IS DISTINCT FROM coalesce(entry.adjusts_id, entry.id)
            ORDER BY casino.code, slip.slip_number, correction.number
        """,  # noqa: S608
    ),
    Invariant(
        name="adjusted_play_was_corrected",
        sentence="every adjustment of play is that of a correction",
        broken_by="""
            SELECT 'entry ' || entry.id FROM loyalty_ledger AS entry
            LEFT JOIN ratingslips_slipcorrection AS correction ON correction.entry_id = entry.id
            WHERE entry.adjusts_id IS NOT NULL AND correction.id IS NULL
            ORDER BY entry.id
        """,
    ),
    Invariant(
        name="corrections_are_counted",
        sentence="the corrections of a slip are numbered without gap, and the slip says how many there are",
        broken_by=f"""
            SELECT {_SLIP} FROM ratingslips_ratingslip AS slip {_OF_CASINO}
            LEFT JOIN (
                SELECT slip_id, count(*) AS kept, max(number) AS last FROM ratingslips_slipcorrection GROUP BY slip_id
            ) AS corrections ON corrections.slip_id = slip.id
            WHERE (slip.correction_count, slip.correction_count)
                  <> (coalesce(corrections.kept, 0), coalesce(corrections.last, 0))
            ORDER BY casino.code, slip.slip_number
        """,  # noqa: S608
    ),
    Invariant(
        name="reason_code_of_slips",
        sentence="every reason code of a request, a correction and a struck row of a slip is one of its casino's",
        broken_by=f"""
            SELECT {_SLIP} || given.named FROM (
                SELECT ' request ' || id AS named, slip_id, contents ->> 'reason_code' AS code
                FROM ratingslips_sliprequest
                UNION ALL
                SELECT ' correction ' || number, slip_id, reason_code FROM ratingslips_slipcorrection
                UNION ALL
                SELECT ' money row ' || id, slip_id, reason_code FROM ratingslips_moneyrow
            ) AS given
            JOIN ratingslips_ratingslip AS slip ON slip.id = given.slip_id {_OF_CASINO}
            LEFT JOIN core_reasoncode AS known ON known.casino_id = slip.casino_id AND known.code = given.code
            WHERE given.code IS NOT NULL AND given.code <> '{UNDONE}' AND known.id IS NULL
            ORDER BY casino.code, slip.slip_number, given.named
        """,  # noqa: S608
    ),
    Invariant(
        name="void_counts_nowhere",
        sentence="a void slip is worth nothing: it has no theo, no points and no current segment",
        broken_by=f"""
            SELECT {_SLIP} FROM ratingslips_ratingslip AS slip {_OF_CASINO}
            WHERE slip.status = 'VOID' AND (
                slip.theoretical_win <> 0 OR slip.corrected_points <> 0
                OR slip.ledger_entry_id IS NOT NULL AND slip.corrected_points IS NULL
                OR EXISTS (
                    SELECT FROM ratingslips_playsegment WHERE slip_id = slip.id AND superseded_by_id IS NULL
                )
            )
            ORDER BY casino.code, slip.slip_number
        """,  # noqa: S608
    ),
)

ALL_INVARIANTS: Final = (*loyalty.INVARIANTS, *_POINTS, *_PLAY, *_CORRECTIONS, *REQUEST_INVARIANTS, *PLAY_INVARIANTS)
