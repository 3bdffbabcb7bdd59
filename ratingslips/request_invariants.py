"""The invariants of requests: what was played, corrected and paid was asked for, and the application recorded by whom.

Of what was recorded before requests had a code (`core.macs`) they ask less.
"""

from collections.abc import Iterator
from typing import Final

from core.idempotency import fingerprint
from core.invariants import Invariant
from core.macs import MIGRATION, is_authentic, is_since_codes
from ratingslips.models import SlipRequest

_OPENED_BY: Final = """
    SELECT FROM ratingslips_sliprequest AS request WHERE request.slip_id = slip.id AND (
        request.kind = 'OPEN'
        OR request.kind = 'CONTINUE' AND slip.continues_id IS NOT NULL
        OR request.kind = 'REASSIGN' AND slip.reassigned_from_id IS NOT NULL
    )
"""
_SINCE: Final = f"""
    (SELECT applied FROM django_migrations WHERE app = 'ratingslips' AND right(name, {len(MIGRATION)}) = '{MIGRATION}')
"""  # noqa: S608  (a constant)
# The requests that write a whole list of segments, with instants of their own.
_WRITES_LIST: Final = "request.kind IN ('CORRECT', 'REASSIGN')"


def _forged_requests() -> Iterator[str]:
    requests = SlipRequest.objects.filter(is_since_codes("ratingslips", at="recorded_at"))
    for request in requests.order_by("recorded_at", "pk").iterator():
        is_of_contents = fingerprint(request.contents) == request.fingerprint
        if not (is_of_contents and is_authentic(request.mac, request.claims())):
            yield f"request {request.pk} of slip {request.slip.casino.code} {request.slip.slip_number}"


REQUEST_INVARIANTS: Final = (
    Invariant(
        name="requests_are_authentic",
        sentence="the application recorded every request that changed a slip",
        broken_by=_forged_requests,
    ),
    Invariant(
        name="slip_was_opened_by_a_request",
        sentence="every slip was opened by a request of its person, or was there before requests had codes",
        broken_by=f"""
            SELECT 'slip ' || casino.code || ' ' || slip.slip_number FROM ratingslips_ratingslip AS slip
            JOIN core_casino AS casino ON casino.id = slip.casino_id
            WHERE NOT EXISTS ({_OPENED_BY} AND request.actor_id = slip.opened_by_id) AND NOT EXISTS (
                SELECT FROM ratingslips_sliprequest
                WHERE slip_id = slip.id AND kind = 'EARLIER' AND recorded_at < {_SINCE}
            )
            ORDER BY casino.code, slip.slip_number
        """,  # noqa: S608  (constants)
    ),
    Invariant(
        name="play_is_what_was_asked_for",
        sentence="every segment begins and ends by a request of its person, and has the bet that was asked for",
        broken_by=f"""
            SELECT 'slip ' || casino.code || ' ' || slip.slip_number || ' segment ' || segment.seq
            FROM ratingslips_playsegment AS segment
            JOIN ratingslips_ratingslip AS slip ON slip.id = segment.slip_id
            JOIN core_casino AS casino ON casino.id = slip.casino_id
            WHERE EXISTS ({_OPENED_BY}) AND (
                NOT EXISTS (
                    SELECT FROM ratingslips_sliprequest AS request
                    WHERE request.slip_id = slip.id AND request.correlation_id = segment.start_correlation_id
                      AND request.actor_id = segment.started_by_id
                      AND CASE request.kind
                          WHEN 'CORRECT' THEN EXISTS (
                              SELECT FROM jsonb_each_text(request.contents) AS asked WHERE asked.value ^@ format(
                                  'table %s seat %s, %s, from ', segment.table_id, segment.seat, segment.average_bet
                              )
                          )
                          WHEN 'REASSIGN' THEN EXISTS (
                              SELECT FROM ratingslips_playsegment AS old WHERE old.slip_id = slip.reassigned_from_id
                              AND (old.table_id, old.seat, old.average_bet, old.started_at)
                                  = (segment.table_id, segment.seat, segment.average_bet, segment.started_at)
                          )
                          ELSE request.happened_at = segment.started_at AND (
                              request.kind IN ('RESUME', 'MOVE', 'CONTINUE')
                              OR request.kind IN ('OPEN', 'CHANGE_BET')
                                 AND (request.contents ->> 'average_bet')::numeric = segment.average_bet
                          )
                      END
                )
                OR segment.ended_at IS NOT NULL AND NOT EXISTS (
                    SELECT FROM ratingslips_sliprequest AS request
                    WHERE request.slip_id = slip.id AND request.correlation_id = segment.end_correlation_id
                      AND request.actor_id = segment.ended_by_id
                      AND ({_WRITES_LIST} OR request.happened_at = segment.ended_at AND (
                          request.kind IN ('CHANGE_BET', 'PAUSE', 'MOVE', 'CLOSE', 'VOID')
                          -- Of a slip that was paused when it closed, the first segment has no length.
                          OR request.kind = 'CONTINUE' AND segment.ended_at = segment.started_at
                      ))
                )
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
                FROM ratingslips_playsegment AS segment
                -- A correction writes one without length where the bet changed in a pause.
                WHERE ended_at IS DISTINCT FROM started_at OR NOT EXISTS (
                    SELECT FROM ratingslips_sliprequest AS request WHERE request.slip_id = segment.slip_id
                    AND request.correlation_id = start_correlation_id AND {_WRITES_LIST}
                )
                GROUP BY segment.slip_id, start_correlation_id
            ) AS begun
            JOIN ratingslips_ratingslip AS slip ON slip.id = begun.slip_id
            JOIN core_casino AS casino ON casino.id = slip.casino_id
            WHERE EXISTS ({_OPENED_BY}) AND begun.segments > (
                SELECT sum(CASE request.kind
                    WHEN 'CORRECT' THEN (
                        SELECT count(*) FROM jsonb_object_keys(request.contents) AS name WHERE name ^@ 'segment_'
                    )
                    WHEN 'REASSIGN' THEN (
                        SELECT count(*) FROM ratingslips_playsegment AS segment
                        WHERE segment.slip_id = slip.reassigned_from_id AND segment.superseded_by_id IN (
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
        sentence="every segment has the house edge and the decisions per hour of a game of its casino",
        broken_by=f"""
            SELECT 'slip ' || casino.code || ' ' || slip.slip_number || ' segment ' || segment.seq
            FROM ratingslips_playsegment AS segment
            JOIN ratingslips_ratingslip AS slip ON slip.id = segment.slip_id
            JOIN core_casino AS casino ON casino.id = slip.casino_id
            WHERE EXISTS ({_OPENED_BY} AND request.recorded_at > {_SINCE}) AND NOT EXISTS (
                SELECT FROM ratingslips_gamevalues AS value JOIN ratingslips_gamesettings AS game ON game.id = game_id
                WHERE game.casino_id = slip.casino_id
                  AND (value.house_edge_percent, value.decisions_per_hour)
                      = (segment.house_edge_percent, segment.decisions_per_hour)
            )
            ORDER BY casino.code, slip.slip_number, segment.seq
        """,  # noqa: S608
    ),
    Invariant(
        name="slip_was_closed_by_a_request",
        sentence="every closed slip was closed by a request of its person, with the slip's correlation id",
        broken_by=f"""
            SELECT 'slip ' || casino.code || ' ' || slip.slip_number FROM ratingslips_ratingslip AS slip
            JOIN core_casino AS casino ON casino.id = slip.casino_id
            WHERE slip.status = 'CLOSED' AND EXISTS ({_OPENED_BY}) AND NOT EXISTS (
                SELECT FROM ratingslips_sliprequest AS request
                WHERE request.slip_id = slip.id AND request.kind IN ('CLOSE', 'REASSIGN')
                  AND request.actor_id = slip.closed_by_id AND request.correlation_id = slip.correlation_id
            )
            ORDER BY casino.code, slip.slip_number
        """,  # noqa: S608
    ),
    Invariant(
        name="correction_was_asked_for",
        sentence="every correction, with its entry, belongs to a request that corrects, voids or gives away its slip",
        broken_by="""
            SELECT 'slip ' || casino.code || ' ' || slip.slip_number || ' correction ' || correction.number
            FROM ratingslips_slipcorrection AS correction
            JOIN ratingslips_ratingslip AS slip ON slip.id = correction.slip_id
            JOIN core_casino AS casino ON casino.id = slip.casino_id
            JOIN ratingslips_sliprequest AS request ON request.id = correction.request_id
            LEFT JOIN loyalty_ledger AS entry ON entry.id = correction.entry_id
            WHERE request.slip_id <> correction.slip_id
               OR (correction.kind, request.kind) NOT IN (
                   ('CORRECTED', 'CORRECT'), ('VOIDED', 'VOID'), ('VOIDED', 'REASSIGN')
               )
               OR entry.adjusts_id IS NOT NULL
                  AND (entry.correlation_id, entry.staff_id) <> (request.correlation_id, request.actor_id)
            ORDER BY casino.code, slip.slip_number, correction.number
        """,
    ),
    Invariant(
        name="money_was_recorded_by_a_request",
        sentence="every buy-in, chips out and strike was recorded by a request of its slip, and is what that asked for",
        broken_by=f"""
            SELECT 'slip ' || casino.code || ' ' || slip.slip_number || ' ' || row.kind || ' ' || row.id
            FROM ratingslips_moneyrow AS row JOIN ratingslips_ratingslip AS slip ON slip.id = row.slip_id
            JOIN core_casino AS casino ON casino.id = slip.casino_id
            LEFT JOIN ratingslips_sliprequest AS request ON request.id = row.request_id
            WHERE row.request_id IS NULL AND (row.means <> 'NOT_RECORDED' OR EXISTS (
                      {_OPENED_BY} AND request.recorded_at > {_SINCE}
                  ))
               OR request.slip_id <> row.slip_id
               OR request.kind NOT IN ('OPEN', 'BUY_IN', 'CHIPS_OUT', 'STRIKE', 'CLOSE', 'CONTINUE', 'REASSIGN')
               OR (request.kind = 'STRIKE') <> (row.strikes_id IS NOT NULL)
               OR request.kind = 'STRIKE' AND (request.contents ->> 'row')::bigint <> row.strikes_id
               OR request.kind IN ('BUY_IN', 'CHIPS_OUT')
                  AND (request.kind, (request.contents ->> 'amount')::numeric, request.contents ->> 'means')
                      <> (row.kind, row.amount, row.means)
               OR request.kind = 'OPEN' AND (request.contents ->> 'buy_in')::numeric IS DISTINCT FROM row.amount
               OR request.kind <> 'REASSIGN' AND request.actor_id <> row.actor_id
               OR request.kind <> 'REASSIGN' AND EXISTS (
                   SELECT FROM ratingslips_moneyrow AS other WHERE other.request_id = request.id
                   AND other.kind = row.kind
                   AND other.id < row.id
               )
            ORDER BY casino.code, slip.slip_number, row.id
        """,  # noqa: S608
    ),
)
