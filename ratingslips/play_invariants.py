"""The invariants of play: each segment begins and ends as a request asked for, and has the values of a game."""

from typing import Final

from core.invariants import Invariant
from ratingslips.request_invariants import OPENED_BY, SINCE

# The requests that write a whole list of segments, with instants of their own.
_WRITES_LIST: Final = "request.kind IN ('CORRECT', 'REASSIGN')"
# What a correction asked for, a row for each stretch of play: its table, seat and bet, since when and until when.
_ASKED: Final = r"""
    jsonb_each_text(request.contents) AS asked CROSS JOIN LATERAL regexp_match(
        asked.value, '^table (\d+) seat (\d+), ([0-9.]+), from (\S+) to (\S+)$'
    ) AS said
"""
_IS_ASKED: Final = f"""
    SELECT FROM {_ASKED} WHERE (said[1]::bigint, said[2]::int, said[3]::numeric)
        = (segment.table_id, segment.seat, segment.average_bet)
"""
_IS_COPIED: Final = """
    SELECT FROM ratingslips_playsegment AS old WHERE old.slip_id = slip.reassigned_from_id
    AND (old.table_id, old.seat, old.average_bet, old.started_at)
        = (segment.table_id, segment.seat, segment.average_bet, segment.started_at)
"""
# The segments, each with those before and after it in its slip.
_IN_LISTS: Final = """
    SELECT *, lag(table_id) OVER list AS table_before_id, lag(seat) OVER list AS seat_before,
           lag(average_bet) OVER list AS bet_before, lag(ended_at) OVER list AS ended_before,
           lag(end_correlation_id) OVER list AS correlation_before,
           lead(started_at) OVER list AS next_started_at,
           lead(start_correlation_id) OVER list AS next_correlation_id
    FROM ratingslips_playsegment WINDOW list AS (PARTITION BY slip_id ORDER BY seq)
"""
# Whether a segment goes on with what a correction asked for, where the figures changed that were recorded before.
_GOES_ON: Final = """
    (segment.started_at, segment.start_correlation_id) = (segment.ended_before, segment.correlation_before)
    AND (segment.table_id, segment.seat, segment.average_bet)
        = (segment.table_before_id, segment.seat_before, segment.bet_before)
    AND EXISTS (
        SELECT FROM ratingslips_playsegment AS frozen
        WHERE frozen.slip_id = segment.slip_id AND frozen.seq < segment.seq AND frozen.superseded_by_id IS NOT NULL
          AND (frozen.table_id, frozen.started_at, frozen.house_edge_percent, frozen.decisions_per_hour)
              = (segment.table_id, segment.started_at, segment.house_edge_percent, segment.decisions_per_hour)
    )
"""
_PLACE_BEFORE: Final = "(segment.table_id, segment.seat) = (segment.table_before_id, segment.seat_before)"
# Whether a request of a slip begins a segment; a correction adds one without length where the bet changed in a pause.
_BEGINS: Final = f"""
    CASE request.kind
        WHEN 'CORRECT' THEN EXISTS (
            {_IS_ASKED} AND (
                segment.ended_at = segment.started_at OR said[4]::timestamptz = segment.started_at
                OR said[4]::timestamptz < segment.started_at AND {_GOES_ON}
                   AND (said[5] = 'None' OR nullif(said[5], 'None')::timestamptz > segment.started_at)
            )
        )
        WHEN 'REASSIGN' THEN EXISTS ({_IS_COPIED})
        ELSE request.happened_at = segment.started_at AND CASE request.kind
            WHEN 'OPEN' THEN (request.contents ->> 'average_bet')::numeric = segment.average_bet
            WHEN 'CHANGE_BET' THEN (request.contents ->> 'average_bet')::numeric = segment.average_bet
                AND segment.average_bet <> segment.bet_before AND {_PLACE_BEFORE}
            WHEN 'RESUME' THEN segment.average_bet = segment.bet_before AND {_PLACE_BEFORE}
            WHEN 'MOVE' THEN segment.average_bet
                = coalesce((request.contents ->> 'average_bet')::numeric, segment.bet_before)
            WHEN 'CONTINUE' THEN segment.seq = 1
        END
    END
"""
# Whether a request of a slip ends a segment; what ends when it begins was changed in a pause, or paused at the closing.
_ENDS: Final = f"""
    (
        segment.ended_at = segment.started_at
            AND request.kind IN ('CHANGE_BET', 'MOVE', 'CONTINUE', 'CORRECT', 'REASSIGN')
        OR segment.ended_at = request.happened_at AND (segment.ended_as::text, request.kind::text) IN (
            ('PAUSED', 'PAUSE'), ('BET_CHANGED', 'CHANGE_BET'), ('MOVED', 'MOVE'), ('CLOSED', 'CLOSE'),
            ('SUPERSEDED', 'VOID'), ('SUPERSEDED', 'CORRECT'), ('SUPERSEDED', 'REASSIGN')
        )
        OR request.kind = 'CORRECT'
           AND EXISTS (
               {_IS_ASKED} AND CASE segment.ended_as
                   -- The next segment goes on with it.
                   WHEN 'BET_CHANGED' THEN said[5] = 'None' OR nullif(said[5], 'None')::timestamptz >= segment.ended_at
                   ELSE nullif(said[5], 'None')::timestamptz = segment.ended_at
               END
           )
        OR request.kind = 'REASSIGN'
           AND EXISTS ({_IS_COPIED} AND old.ended_as <> 'SUPERSEDED' AND old.ended_at = segment.ended_at)
    )
"""

PLAY_INVARIANTS: Final = (
    Invariant(
        name="play_is_what_was_asked_for",
        sentence="every segment begins and ends by a request of its person, as that asked for",
        broken_by=f"""
            SELECT 'slip ' || casino.code || ' ' || slip.slip_number || ' segment ' || segment.seq
            FROM (
                {_IN_LISTS}
            ) AS segment
            JOIN ratingslips_ratingslip AS slip ON slip.id = segment.slip_id
            JOIN core_casino AS casino ON casino.id = slip.casino_id
            WHERE (segment.started_at > {SINCE} OR EXISTS ({OPENED_BY})) AND NOT EXISTS (
                    SELECT FROM ratingslips_sliprequest AS request
                    WHERE request.slip_id = slip.id AND request.correlation_id = segment.start_correlation_id
                      AND request.actor_id = segment.started_by_id AND {_BEGINS}
                )
               OR (segment.ended_at > {SINCE} OR segment.ended_at IS NOT NULL AND EXISTS ({OPENED_BY})) AND (
                    NOT EXISTS (
                        SELECT FROM ratingslips_sliprequest AS request
                        WHERE request.slip_id = slip.id AND request.correlation_id = segment.end_correlation_id
                          AND request.actor_id = segment.ended_by_id AND {_ENDS}
                    )
                    -- A bet that stays as it was ends no segment, though it was asked for.
                    OR segment.ended_as IN ('BET_CHANGED', 'MOVED') AND segment.ended_at > segment.started_at
                       AND (segment.next_started_at, segment.next_correlation_id)
                           IS DISTINCT FROM (segment.ended_at, segment.end_correlation_id)
                )
            ORDER BY casino.code, slip.slip_number, segment.seq
        """,  # noqa: S608
    ),
    Invariant(
        name="request_begins_one_segment",
        sentence="a request begins one segment, and a correction as many as it asks for",
        broken_by=f"""
            SELECT 'slip ' || casino.code || ' ' || slip.slip_number || ' segment ' || begun.last_seq
            FROM (
                SELECT segment.slip_id, start_correlation_id, count(*) AS segments, max(seq) AS last_seq
                FROM ({_IN_LISTS}) AS segment
                -- Those without length are worth nothing: a correction writes one where the bet changed in a pause.
                WHERE (ended_at IS DISTINCT FROM started_at AND ({_GOES_ON}) IS NOT TRUE) OR NOT EXISTS (
                    SELECT FROM ratingslips_sliprequest AS request WHERE request.slip_id = segment.slip_id
                    AND request.correlation_id = start_correlation_id AND {_WRITES_LIST}
                )
                GROUP BY segment.slip_id, start_correlation_id
            ) AS begun
            JOIN ratingslips_ratingslip AS slip ON slip.id = begun.slip_id
            JOIN core_casino AS casino ON casino.id = slip.casino_id
            WHERE EXISTS ({OPENED_BY}) AND begun.segments > (
                SELECT sum(CASE request.kind
                    WHEN 'CORRECT' THEN (
                        SELECT count(*) FROM {_ASKED} WHERE said[4] <> said[5]
                    )
                    WHEN 'REASSIGN' THEN (
                        SELECT count(*) FROM ratingslips_playsegment AS segment
                        WHERE segment.slip_id = slip.reassigned_from_id
                        AND (segment.ended_as = 'SUPERSEDED' OR segment.ended_at > segment.started_at)
                        AND segment.superseded_by_id IN (
                            SELECT correction.id FROM ratingslips_slipcorrection AS correction
                            JOIN ratingslips_sliprequest AS asked ON asked.id = correction.request_id
                            WHERE asked.correlation_id = request.correlation_id
                        )
                    )
                    ELSE 1
                END) FROM ratingslips_sliprequest AS request
                WHERE request.slip_id = slip.id AND request.correlation_id = begun.start_correlation_id
                  AND request.kind IN ('OPEN', 'CHANGE_BET', 'RESUME', 'MOVE', 'CONTINUE', 'CORRECT', 'REASSIGN')
            )
            ORDER BY casino.code, slip.slip_number, begun.last_seq
        """,  # noqa: S608
    ),
    Invariant(
        name="play_has_values_of_a_game",
        sentence="every segment has the house edge and the decisions per hour of a game that its table has or had",
        broken_by=f"""
            SELECT 'slip ' || casino.code || ' ' || slip.slip_number || ' segment ' || segment.seq
            FROM ratingslips_playsegment AS segment
            JOIN ratingslips_ratingslip AS slip ON slip.id = segment.slip_id
            JOIN core_casino AS casino ON casino.id = slip.casino_id
            WHERE (segment.started_at > {SINCE} OR EXISTS ({OPENED_BY} AND request.recorded_at > {SINCE}))
              AND NOT EXISTS (
                SELECT FROM ratingslips_gamevalues AS value
                WHERE (value.house_edge_percent, value.decisions_per_hour)
                      = (segment.house_edge_percent, segment.decisions_per_hour)
                  AND (
                      value.game_id = (SELECT game_id FROM ratingslips_gamingtable WHERE id = segment.table_id)
                      OR EXISTS (
                          SELECT FROM core_change WHERE table_name = 'ratingslips_gamingtable'
                          AND row_id = segment.table_id AND old -> 'game_id' = to_jsonb(value.game_id)
                      )
                  )
            )
            ORDER BY casino.code, slip.slip_number, segment.seq
        """,  # noqa: S608
    ),
)
