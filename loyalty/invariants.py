"""The invariants of the accounts and the ledger, except those that a constraint checks."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from core.invariants import Invariant, Rows
from core.macs import is_authentic, is_since_codes
from core.reasons.text import REASON_MIN_LENGTH
from loyalty.models import Checkpoint, LedgerEntry
from loyalty.proof.restores import restore_of
from loyalty.services.drift import DRIFT


class KindRule(NamedTuple):
    """Rules for the entries of one kind; the constraint `loyalty_ledger_sign_fits_kind` checks their sign."""

    is_earned: bool
    needs_staff: bool  # and a reason code or a whole reason


# Every kind has a rule: an entry of a kind that is not listed breaks the invariants that use these rules. A reversal
# changes the lifetime points as the kind of the entry that it reverses does. An adjustment that names an entry for play
# changes them as an earning does.
KIND_RULES: Final = {
    LedgerEntry.Kind.GAMEPLAY: KindRule(is_earned=True, needs_staff=False),
    LedgerEntry.Kind.MANUAL_BONUS: KindRule(is_earned=True, needs_staff=True),
    LedgerEntry.Kind.PROMOTION: KindRule(is_earned=True, needs_staff=False),
    LedgerEntry.Kind.ADJUSTMENT: KindRule(is_earned=False, needs_staff=True),
    LedgerEntry.Kind.REVERSAL: KindRule(is_earned=False, needs_staff=True),
    LedgerEntry.Kind.REDEMPTION: KindRule(is_earned=False, needs_staff=False),
}
_RULES: Final = ", ".join(f"('{kind}', {rule.is_earned}, {rule.needs_staff})" for kind, rule in KIND_RULES.items())
_RULE: Final = f"(VALUES {_RULES}) AS rule (kind, is_earned, needs_staff)"

ACCOUNT_IS_ITS_ENTRIES: Final = "account_is_its_entries"
_ACCOUNTS: Final = (
    Invariant(
        name=ACCOUNT_IS_ITS_ENTRIES,
        sentence="every account is the sum of its entries and matches the last one",
        broken_by=f"""
            SELECT 'account ' || drift.id FROM core_casino AS casino
            CROSS JOIN LATERAL ({DRIFT.format(casino="casino.id", accounts="true")}) AS drift
            ORDER BY drift.id
        """,  # noqa: S608
        broken_among="""
            SELECT 'account ' || account.id FROM loyalty_playerloyalty AS account
            LEFT JOIN LATERAL (
                SELECT * FROM public.loyalty_ledger WHERE account_id = account.id ORDER BY seq DESC LIMIT 1
            ) AS last ON true
            WHERE (account.balance, account.lifetime_points, account.tier_id, account.entry_count)
                IS DISTINCT FROM (last.balance_after, last.lifetime_points_after, last.tier_after_id, last.seq)
            ORDER BY account.id
        """,
    ),
    Invariant(
        name="account_in_its_tier",
        sentence="every account is in the tier of its lifetime points",
        broken_by="""
            SELECT 'account ' || account.id FROM loyalty_playerloyalty AS account
            WHERE account.tier_id IS DISTINCT FROM (
                SELECT tier.id FROM loyalty_tier AS tier
                WHERE tier.program_id = account.program_id AND tier.threshold_points <= account.lifetime_points
                ORDER BY tier.threshold_points DESC LIMIT 1
            )
            ORDER BY account.id
        """,
    ),
    Invariant(
        name="sums_agree",
        sentence="the balances of a programme add up to the points of its entries",
        broken_by="""
            SELECT 'programme of ' || casino.code FROM loyalty_loyaltyprogram AS program
            JOIN core_casino AS casino ON casino.id = program.casino_id
            LEFT JOIN (
                SELECT program_id, sum(balance) AS balance FROM loyalty_playerloyalty GROUP BY program_id
            ) AS account ON account.program_id = program.id
            LEFT JOIN (
                SELECT casino_id, sum(points) AS points FROM loyalty_ledger GROUP BY casino_id
            ) AS entry ON entry.casino_id = program.casino_id
            WHERE coalesce(account.balance, 0) <> coalesce(entry.points, 0)
            ORDER BY casino.code
        """,
        needs_all=True,
    ),
)

_ENTRIES: Final = (
    Invariant(
        name="entries_follow_one_another",
        sentence="the entries of an account are numbered without gap, and each begins where the one before it ended",
        broken_by="""
            SELECT 'entry ' || id FROM (
                SELECT id, seq, balance_before, lifetime_points_before, tier_before_id,
                       lag(seq, 1, 0::bigint) OVER entries AS last_seq,
                       lag(balance_after, 1, 0::bigint) OVER entries AS balance,
                       lag(lifetime_points_after, 1, 0::bigint) OVER entries AS lifetime_points,
                       lag(tier_after_id, 1, tier_before_id) OVER entries AS tier_id
                FROM loyalty_ledger WINDOW entries AS (PARTITION BY account_id ORDER BY seq)
            ) AS entry
            WHERE seq <> last_seq + 1 OR balance_before <> balance OR lifetime_points_before <> lifetime_points
               OR tier_before_id <> tier_id
            ORDER BY id
        """,
        broken_among="""
            SELECT 'entry ' || entry.id FROM loyalty_ledger AS entry
            LEFT JOIN public.loyalty_ledger AS last
                   ON last.account_id = entry.account_id AND last.seq = entry.seq - 1
            WHERE entry.balance_before <> coalesce(last.balance_after, 0) OR last.id IS NULL AND entry.seq <> 1
               OR entry.lifetime_points_before <> coalesce(last.lifetime_points_after, 0)
               OR entry.tier_before_id <> last.tier_after_id
            ORDER BY entry.id
        """,
    ),
    Invariant(
        name="lifetime_points_are_earnings",
        sentence="lifetime points change only with what is earned, by its reversal and by adjustments of play",
        broken_by=f"""
            SELECT 'entry ' || entry.id FROM loyalty_ledger AS entry
            LEFT JOIN loyalty_ledger AS reversed ON reversed.id = entry.reverses_id
            LEFT JOIN {_RULE} ON rule.kind = coalesce(reversed.kind, entry.kind)
            WHERE entry.lifetime_points_after - entry.lifetime_points_before
                  IS DISTINCT FROM CASE rule.is_earned OR entry.adjusts_id IS NOT NULL
                                   WHEN true THEN entry.points WHEN false THEN 0 END
            ORDER BY entry.id
        """,  # noqa: S608
    ),
    Invariant(
        name="tier_of_lifetime_points",
        sentence="the tier before and after an entry is that of the lifetime points then",
        broken_by="""
            SELECT 'entry ' || entry.id FROM loyalty_ledger AS entry
            JOIN loyalty_playerloyalty AS account ON account.id = entry.account_id
            CROSS JOIN LATERAL (
                VALUES (tier_before_id, lifetime_points_before), (tier_after_id, lifetime_points_after)
            ) AS state (tier_id, lifetime_points)
            WHERE state.tier_id IS DISTINCT FROM (
                SELECT tier.id FROM loyalty_tier AS tier
                WHERE tier.program_id = account.program_id AND tier.threshold_points <= state.lifetime_points
                ORDER BY tier.threshold_points DESC LIMIT 1
            )
            GROUP BY entry.id ORDER BY entry.id
        """,
    ),
    Invariant(
        name="entry_in_its_casino",
        sentence="every entry is in the casino of its account's player and programme",
        broken_by="""
            SELECT 'entry ' || entry.id FROM loyalty_ledger AS entry
            JOIN loyalty_playerloyalty AS account ON account.id = entry.account_id
            JOIN core_player AS player ON player.id = account.player_id
            JOIN loyalty_loyaltyprogram AS program ON program.id = account.program_id
            WHERE entry.casino_id <> player.casino_id OR entry.casino_id <> program.casino_id
            ORDER BY entry.id
        """,
    ),
)

_CHAIN: Final = (
    Invariant(
        # Uses the functions of PostgreSQL's own trigger; `verify_ledger` computes the hashes without them.
        name="chain_is_whole",
        sentence="every entry's hash is the hash of its contents and of the entry before it, in no older version",
        broken_by="""
            SELECT 'entry ' || id FROM (
                SELECT id, previous_hash, chain_version, is_changed,
                       lag(entry_hash, 1, loyalty_chain_genesis(account_id)) OVER entries AS before,
                       lag(chain_version, 1, 1::smallint) OVER entries AS version_before
                FROM (
                    -- The hashes are compared before the rows are sorted, which are then small.
                    SELECT id, account_id, seq, previous_hash, entry_hash, chain_version,
                           entry_hash IS DISTINCT FROM loyalty_chain_hash(entry) AS is_changed
                    FROM loyalty_ledger AS entry OFFSET 0
                ) AS compared WINDOW entries AS (PARTITION BY account_id ORDER BY seq)
            ) AS entry
            WHERE is_changed OR previous_hash <> before OR chain_version < version_before
            ORDER BY id
        """,
        broken_among="""
            SELECT 'entry ' || entry.id FROM public.loyalty_ledger AS entry
            LEFT JOIN public.loyalty_ledger AS last
                   ON last.account_id = entry.account_id AND last.seq = entry.seq - 1
            WHERE entry.id IN (SELECT id FROM loyalty_ledger) AND (
                entry.entry_hash IS DISTINCT FROM loyalty_chain_hash(entry) OR entry.chain_version < last.chain_version
                OR entry.previous_hash <> coalesce(last.entry_hash, loyalty_chain_genesis(entry.account_id))
            )
            ORDER BY entry.id
        """,
    ),
    Invariant(
        name="head_is_the_newest_hash",
        sentence="every account keeps the hash of its newest entry",
        broken_by="""
            SELECT 'account ' || account.id FROM loyalty_playerloyalty AS account
            LEFT JOIN LATERAL (
                SELECT entry_hash FROM public.loyalty_ledger WHERE account_id = account.id ORDER BY seq DESC LIMIT 1
            ) AS newest ON true
            WHERE account.head_hash IS DISTINCT FROM newest.entry_hash
            ORDER BY account.id
        """,
    ),
)

_REQUESTS: Final = (
    Invariant(
        # The request as `core.idempotency.fingerprint` writes it: keys in order, no spaces.
        name="fingerprint_of_its_request",
        sentence="the fingerprint of every entry is that of the request stored in it",
        broken_by="""
            SELECT 'entry ' || entry.id FROM loyalty_ledger AS entry
            LEFT JOIN LATERAL (
                SELECT string_agg(to_json(key)::text || ':' || value::text, ',' ORDER BY key COLLATE "C") AS members
                FROM jsonb_each(entry.inputs -> 'request')
            ) AS request ON true
            WHERE entry.fingerprint IS DISTINCT FROM
                  encode(sha256(convert_to('{' || request.members || '}', 'UTF8')), 'hex')
            ORDER BY entry.id
        """,
    ),
    Invariant(
        name="entry_by_hand_has_its_staff",
        sentence="every award, adjustment by hand and reversal has a member of staff, and a whole reason or a code",
        broken_by=f"""
            SELECT 'entry ' || entry.id FROM loyalty_ledger AS entry LEFT JOIN {_RULE} ON rule.kind = entry.kind
            WHERE rule.kind IS NULL
               OR (rule.needs_staff AND entry.adjusts_id IS NULL AND (
                   entry.staff_id IS NULL OR length(entry.reason) < {REASON_MIN_LENGTH} AND entry.reason_code IS NULL))
            ORDER BY entry.id
        """,  # noqa: S608
    ),
    Invariant(
        name="reversed_once_and_whole",
        sentence="a reversal takes back one whole earlier entry of the same account, no reversal or adjustment of play",
        broken_by="""
            SELECT 'entry ' || entry.id FROM loyalty_ledger AS entry
            LEFT JOIN loyalty_ledger AS reversed ON reversed.id = entry.reverses_id
            WHERE entry.kind = 'REVERSAL' AND (
                reversed.id IS NULL OR reversed.account_id <> entry.account_id OR reversed.points <> -entry.points
                OR reversed.kind = 'REVERSAL' OR reversed.adjusts_id IS NOT NULL OR reversed.seq >= entry.seq
            )
            ORDER BY entry.id
        """,
    ),
)

_REASONS: Final = (
    Invariant(
        name="reason_code_of_its_casino",
        sentence="every reason code of an entry, a pause and a rebuild is one of the codes of its casino",
        broken_by="""
            SELECT given.named FROM (
                SELECT 'entry ' || id AS named, casino_id, reason_code AS code FROM loyalty_ledger
                UNION ALL
                SELECT 'rebuild ' || id, casino_id, reason_code FROM loyalty_balancerebuild
                UNION ALL
                SELECT 'pause ' || pause.id, program.casino_id, code FROM loyalty_programpause AS pause
                JOIN loyalty_loyaltyprogram AS program ON program.id = pause.program_id
                CROSS JOIN LATERAL unnest(ARRAY[pause.reason_code, pause.resume_reason_code]) AS code
            ) AS given
            LEFT JOIN core_reasoncode AS known ON known.casino_id = given.casino_id AND known.code = given.code
            WHERE given.code IS NOT NULL AND known.id IS NULL
            ORDER BY given.named
        """,
    ),
)

_PLAY: Final = (
    Invariant(
        name="adjusts_earlier_play",
        sentence="an adjustment of play names an earlier entry for play of the same account",
        broken_by="""
            SELECT 'entry ' || entry.id FROM loyalty_ledger AS entry
            JOIN loyalty_ledger AS adjusted ON adjusted.id = entry.adjusts_id
            WHERE adjusted.kind <> 'GAMEPLAY' OR adjusted.account_id <> entry.account_id OR adjusted.seq >= entry.seq
            ORDER BY entry.id
        """,
    ),
    Invariant(
        name="adjusted_play_not_below_nothing",
        sentence="adjustments of play never take more than the play and its earlier adjustments gave",
        broken_by="""
            SELECT 'entry ' || id FROM (
                SELECT entry.id, adjusted.points + sum(entry.points) OVER entries AS points
                FROM loyalty_ledger AS entry JOIN loyalty_ledger AS adjusted ON adjusted.id = entry.adjusts_id
                WINDOW entries AS (PARTITION BY entry.adjusts_id ORDER BY entry.seq)
            ) AS entry
            WHERE points < 0
            ORDER BY id
        """,
    ),
)

_COMPS: Final = (
    Invariant(
        name="redemption_is_its_comp",
        sentence="a redemption is for a comp type of its programme, and took the points that its value costs",
        broken_by="""
            SELECT 'entry ' || entry.id FROM loyalty_ledger AS entry
            JOIN loyalty_playerloyalty AS account ON account.id = entry.account_id
            JOIN loyalty_comptype AS comp ON comp.id = entry.comp_type_id
            CROSS JOIN LATERAL (
                SELECT (entry.inputs #>> '{calculation,value}')::numeric AS value,
                       (entry.inputs #>> '{calculation,point_value}')::numeric AS each,
                       (entry.inputs #>> '{request,points}') IS NOT NULL AS is_of_points
            ) AS frozen
            WHERE comp.program_id <> account.program_id OR (
                CASE WHEN is_of_points THEN value = trunc(-entry.points * each, 2)
                ELSE -entry.points = ceil(value / each) END
            ) IS NOT TRUE
            ORDER BY entry.id
        """,
    ),
    Invariant(
        name="comp_totals_are_their_entries",
        sentence="the totals of comps by month, type and person are those of their redemptions",
        broken_by="""
            SELECT concat(casino.code, ' ', comp.code, ' of ', to_char(month, 'YYYY-MM'), ' by ', by, ' ', person)
            FROM (
                SELECT entry.casino_id, entry.comp_type_id, date_trunc('month', entry.gaming_day)::date AS month,
                       who.by, who.person, count(*) - count(reversal.id) AS redemptions,
                       coalesce(-sum(entry.points) FILTER (WHERE reversal.id IS NULL), 0) AS points,
                       coalesce(sum((entry.inputs #>> '{calculation,value}')::numeric)
                                FILTER (WHERE reversal.id IS NULL), 0) AS value,
                       count(reversal.id) AS reversed
                FROM loyalty_ledger AS entry
                LEFT JOIN loyalty_ledger AS reversal ON reversal.reverses_id = entry.id
                CROSS JOIN LATERAL (
                    VALUES ('staff', coalesce(entry.staff_id, 0)), ('account', entry.account_id)
                ) AS who (by, person)
                WHERE entry.comp_type_id IS NOT NULL
                GROUP BY entry.casino_id, entry.comp_type_id, month, who.by, who.person
            ) AS counted
            FULL JOIN loyalty_comptotal AS kept USING (casino_id, comp_type_id, month, by, person)
            JOIN core_casino AS casino ON casino.id = casino_id
            JOIN loyalty_comptype AS comp ON comp.id = comp_type_id
            WHERE (counted.redemptions, counted.points, counted.value, counted.reversed)
                  IS DISTINCT FROM (kept.redemptions, kept.points, kept.value, kept.reversed)
            ORDER BY casino.code, comp.code, month, by, person
        """,
        needs_all=True,
    ),
    Invariant(
        name="prints_of_comp_slips",
        sentence="comp slips are printed of redemptions, and their prints are numbered without gap",
        broken_by="""
            SELECT 'print ' || print.id FROM (
                SELECT id, entry_id, number, row_number() OVER (PARTITION BY entry_id ORDER BY number) AS expected
                FROM loyalty_compslipprint
            ) AS print
            JOIN loyalty_ledger AS entry ON entry.id = print.entry_id
            WHERE number <> expected OR entry.kind <> 'REDEMPTION'
            ORDER BY print.id
        """,
    ),
)

_PAUSES: Final = (
    Invariant(
        name="pause_is_recorded",
        sentence="a programme is paused exactly when it has a pause without an end, by the same person, then and why",
        broken_by="""
            SELECT 'programme of ' || casino.code FROM loyalty_loyaltyprogram AS program
            JOIN core_casino AS casino ON casino.id = program.casino_id
            LEFT JOIN loyalty_programpause AS pause ON pause.program_id = program.id AND pause.resumed_at IS NULL
            WHERE (program.paused_at, program.paused_by_id, program.pause_reason)
                IS DISTINCT FROM (pause.paused_at, pause.paused_by_id, coalesce(pause.reason, ''))
            ORDER BY casino.code
        """,
    ),
)


def _forged_entries(rows: Rows | None = None) -> Iterator[str]:
    entries = LedgerEntry.objects.filter(is_since_codes("loyalty", at="recorded_at")).order_by("pk")
    if rows is not None:
        entries = entries.extra(where=[rows["loyalty_ledger"]])  # noqa: S610  (ids)
    for entry in entries.defer("reason", "inputs").iterator():
        assert entry.recorded_at is not None, "it is later than the migration"
        if not is_authentic(entry.mac, entry.claims(), recorded_at=entry.recorded_at):
            yield f"entry {entry.pk}"


_AUTHENTIC: Final = (
    Invariant(
        name="entries_are_authentic",
        sentence="the application recorded every entry, for the account and the person whom it names",
        broken_by=_forged_entries,
        broken_among=_forged_entries,
    ),
)


def _checkpoints_out_of_order() -> Iterator[str]:
    before = 0
    for checkpoint in Checkpoint.objects.order_by("number").only("number", "after_restore").iterator():
        restore = restore_of(checkpoint)
        if checkpoint.number != before + 1 and (restore is None or restore.kept != before):
            yield f"checkpoint {checkpoint.number}"
        before = checkpoint.number


_CHECKPOINTS: Final = (
    Invariant(
        name="checkpoints_are_without_gap",
        sentence="checkpoints are numbered without a gap, except where the next one says what a restore had lost",
        broken_by=_checkpoints_out_of_order,
    ),
)

INVARIANTS: Final = (
    *_ACCOUNTS,
    *_ENTRIES,
    *_CHAIN,
    *_REQUESTS,
    *_REASONS,
    *_PLAY,
    *_COMPS,
    *_PAUSES,
    *_AUTHENTIC,
    *_CHECKPOINTS,
)
