"""The invariants of requests: slips, corrections and money were asked for, and the application recorded by whom.

Of what happened before requests had a code (`core.macs`) they ask less.
"""

from collections.abc import Iterator
from typing import Final

from core.idempotency import fingerprint
from core.invariants import Invariant, Rows
from core.macs import MIGRATION, is_authentic, is_since_codes
from ratingslips.models import SlipRequest

OPENED_BY: Final = """
    SELECT FROM ratingslips_sliprequest AS request WHERE request.slip_id = slip.id AND (
        request.kind = 'OPEN'
        OR request.kind = 'CONTINUE' AND slip.continues_id IS NOT NULL
        OR request.kind = 'REASSIGN' AND slip.reassigned_from_id IS NOT NULL
    )
"""
SINCE: Final = f"""
    (SELECT coalesce(min(applied), '-infinity') FROM django_migrations
     WHERE app = 'ratingslips' AND right(name, {len(MIGRATION)}) = '{MIGRATION}')
"""  # noqa: S608  (a constant)
# Whether a request of a slip asks for a money row of this kind and amount.
_IS_MONEY_ASKED: Final = """
    CASE request.kind
        WHEN 'OPEN' THEN row.kind = 'BUY_IN' AND row.amount = (request.contents ->> 'buy_in')::numeric
        WHEN 'STRIKE' THEN row.strikes_id = (request.contents ->> 'row')::bigint
        WHEN 'CONTINUE' THEN (row.kind, row.means) = ('BUY_IN', 'CHIPS') AND row.amount = (
            SELECT sum(amount) FROM ratingslips_moneyrow
            WHERE slip_id = slip.continues_id AND kind = 'CHIPS_OUT' AND id < row.id
        )
        WHEN 'REASSIGN' THEN (
            SELECT count(*) FROM ratingslips_moneyrow AS old
            WHERE old.slip_id = slip.reassigned_from_id AND old.strikes_id IS NULL
              AND NOT EXISTS (SELECT FROM ratingslips_moneyrow WHERE strikes_id = old.id)
              AND (old.kind, old.means, old.amount, old.happened_at)
                  = (row.kind, row.means, row.amount, row.happened_at)
        ) >= (
            SELECT count(*) FROM ratingslips_moneyrow AS new WHERE new.request_id = request.id
              AND (new.kind, new.means, new.amount, new.happened_at)
                  = (row.kind, row.means, row.amount, row.happened_at)
        )
        WHEN 'CLOSE' THEN row.amount = CASE row.kind
            WHEN 'CHIPS_OUT' THEN (request.contents ->> 'chips_out')::numeric
            ELSE coalesce(
                (request.contents ->> 'further_buy_in')::numeric,
                (request.contents ->> 'buy_in')::numeric - (
                    SELECT coalesce(sum(amount), 0) FROM ratingslips_moneyrow
                    WHERE slip_id = slip.id AND kind = 'BUY_IN' AND id < row.id
                )
            )
        END
        ELSE (request.kind, (request.contents ->> 'amount')::numeric, request.contents ->> 'means')
            = (row.kind, row.amount, row.means)
    END
"""


def _forged_requests(rows: Rows | None = None) -> Iterator[str]:
    requests = SlipRequest.objects.filter(is_since_codes("ratingslips", at="recorded_at"))
    if rows is not None:
        requests = requests.extra(where=[rows["ratingslips_sliprequest"]])  # noqa: S610  (ids)
    for request in requests.order_by("recorded_at", "pk").iterator():
        is_of_contents = fingerprint(request.contents) == request.fingerprint
        if not (is_of_contents and is_authentic(request.mac, request.claims(), recorded_at=request.recorded_at)):
            yield f"request {request.pk} of slip {request.slip.casino.code} {request.slip.slip_number}"


REQUEST_INVARIANTS: Final = (
    Invariant(
        name="requests_are_authentic",
        sentence="the application recorded every request that changed a slip",
        broken_by=_forged_requests,
        broken_among=_forged_requests,
    ),
    Invariant(
        name="slip_was_opened_by_a_request",
        sentence="every slip was opened by a request of its person, or was there before requests had codes",
        broken_by=f"""
            SELECT 'slip ' || casino.code || ' ' || slip.slip_number FROM ratingslips_ratingslip AS slip
            JOIN core_casino AS casino ON casino.id = slip.casino_id
            WHERE NOT EXISTS ({OPENED_BY} AND request.actor_id = slip.opened_by_id) AND NOT EXISTS (
                SELECT FROM ratingslips_sliprequest
                WHERE slip_id = slip.id AND kind = 'EARLIER' AND recorded_at < {SINCE}
            )
            ORDER BY casino.code, slip.slip_number
        """,  # noqa: S608  (constants)
    ),
    Invariant(
        name="slip_was_closed_by_a_request",
        sentence="every closed slip was closed by a request of its person, with the slip's correlation id",
        broken_by=f"""
            SELECT 'slip ' || casino.code || ' ' || slip.slip_number FROM ratingslips_ratingslip AS slip
            JOIN core_casino AS casino ON casino.id = slip.casino_id
            WHERE slip.status = 'CLOSED' AND (slip.closed_at > {SINCE} OR EXISTS ({OPENED_BY})) AND NOT EXISTS (
                SELECT FROM ratingslips_sliprequest AS request
                WHERE request.slip_id = slip.id AND request.kind IN ('CLOSE', 'REASSIGN')
                  AND request.actor_id = slip.closed_by_id AND request.correlation_id = slip.correlation_id
            )
            ORDER BY casino.code, slip.slip_number
        """,  # noqa: S608
    ),
    Invariant(
        name="points_were_paid_by_a_request",
        sentence="points that were owed or withheld were paid or released by a request of the slip",
        broken_by=f"""
            SELECT 'slip ' || casino.code || ' ' || slip.slip_number FROM ratingslips_ratingslip AS slip
            JOIN core_casino AS casino ON casino.id = slip.casino_id
            WHERE slip.released_at IS NOT NULL AND NOT EXISTS (
                SELECT FROM ratingslips_sliprequest AS request
                WHERE request.slip_id = slip.id AND request.kind = 'RELEASE' AND request.happened_at = slip.released_at
            ) AND (slip.released_at <> slip.settled_at OR slip.ledger_entry_id IS NULL)  -- else a migration wrote it
            -- A slip says for ever why it was owed, also if its points turned out to be 0.
            OR (slip.recovered_by_id IS NOT NULL OR slip.owed_because <> '' AND slip.settled_at IS NOT NULL)
               AND (slip.settled_at > {SINCE} OR EXISTS ({OPENED_BY} AND request.recorded_at > {SINCE}))
            AND NOT EXISTS (
                SELECT FROM ratingslips_sliprequest AS request
                WHERE request.slip_id = slip.id AND request.kind = 'RECOVER'
                  AND (request.actor_id, request.correlation_id) = (slip.recovered_by_id, slip.recovery_correlation_id)
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
                      {OPENED_BY} AND request.recorded_at > {SINCE}
                  ))
               OR request.slip_id <> row.slip_id
               OR request.kind <> 'STRIKE' AND row.strikes_id IS NOT NULL
               OR ({_IS_MONEY_ASKED}) IS NOT TRUE AND row.request_id IS NOT NULL
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
