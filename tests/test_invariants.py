"""Each invariant finds what breaks it, when the owner of the tables writes it."""

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

import pytest
from django.db import connection, transaction

from core.invariants import Finding, Invariant, examine, examine_among
from loyalty.invariants import KIND_RULES
from loyalty.models import CompSlipPrint, LedgerEntry, PlayerLoyalty
from loyalty.services import print_comp_slip
from ratingslips.invariants import ALL_INVARIANTS
from ratingslips.models import RatingSlip
from ratingslips.new_rows import NUMBERED, new_rows
from ratingslips.services import complete_rating_slip, pause_rating_slip, record_buy_in, void_rating_slip
from tests.factories import PitFactory
from tests.floor import Floor
from tests.invariants import broken_invariants
from tests.loyalty.postings import award, increment, redeem
from tests.loyalty.rows import account_of
from tests.tampering import misstate, take_the_guards_off


def _day_at_work(floor: Floor) -> dict[str, object]:
    """Five entries on one account, and a closed, an open, a paused and a void slip; what tests call them."""
    slip = floor.played_slip()
    player, opened, paused = slip.player, floor.open_slip(seat=2), floor.open_slip(seat=3)
    pause_rating_slip(slip=paused, actor=floor.boss, at=floor.now)
    award(floor, player, points=900)
    print_comp_slip(entry=redeem(floor, player, points=300).entry_id, actor=floor.supervisor, at=floor.now)
    promotion = LedgerEntry.objects.get(pk=increment(floor, player, points=200).entry_id)
    increment(floor, player, kind=LedgerEntry.Kind.REVERSAL, points=-200, reverses=promotion, staff=floor.supervisor)
    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
    void = floor.open_slip(seat=4, buy_in=Decimal(100))
    void_rating_slip(slip=void, actor=floor.supervisor, at=floor.now, reason="Nobody sat there")
    record_buy_in(slip=opened, amount=Decimal(500), actor=floor.boss, at=floor.now)
    entries = LedgerEntry.objects.order_by("seq").values_list("seq", "pk")
    return {
        **{f"e{seq}": key for seq, key in entries},
        "account": account_of(player).pk,
        "other": account_of(opened.player).pk,
        "casino": floor.casino.code,
        "closed": slip.slip_number,
        "open": opened.slip_number,
        "paused": paused.slip_number,
        "month": floor.casino.gaming_day_at(floor.now).strftime("%Y-%m"),
        "supervisor": floor.supervisor.pk,
        "print": CompSlipPrint.objects.get().pk,
        "void": void.slip_number,
        "money": void.money_rows.get().pk,
        "request": void.requests.get(kind="VOID").pk,
        "opening": opened.requests.get(kind="OPEN").pk,
        "buy_in": opened.money_rows.get(kind="BUY_IN", request__kind="BUY_IN").pk,
        "other_pit": PitFactory.create(casino=floor.casino).pk,
    }


class Break(NamedTuple):
    """An invariant, a statement that breaks it, and how the row that breaks it is named."""

    invariant: str
    statement: str
    named: str


ACCOUNT = "UPDATE loyalty_playerloyalty SET {} WHERE id = {{account}}"
ENTRY = "UPDATE loyalty_ledger SET {} WHERE id = {{{}}}"
OF_CLOSED = """
    UPDATE ratingslips_ratingslip AS slip SET continues_id = closed.id, {} FROM ratingslips_ratingslip AS closed
    WHERE slip.slip_number = '{{open}}' AND closed.slip_number = '{{closed}}'
"""
SLIP = "UPDATE ratingslips_ratingslip AS slip SET {} WHERE slip_number = '{{{}}}'"
CORRECTION = "UPDATE ratingslips_slipcorrection SET {}"
SEGMENT = """
    UPDATE ratingslips_playsegment SET {} WHERE seq = {}
    AND slip_id = (SELECT id FROM ratingslips_ratingslip WHERE slip_number = '{{{}}}')
"""
REQUEST = "UPDATE ratingslips_sliprequest SET {} WHERE id = '{{opening}}'"
INPUT = "inputs = jsonb_set(inputs, '{{{{{}}}}}', '{}')"

OF_OPENING = "SELECT start_correlation_id FROM ratingslips_playsegment WHERE slip_id = slip.id AND seq = 1"
RESUMED = "UPDATE ratingslips_sliprequest SET kind = 'RESUME' WHERE kind = 'CHANGE_BET';"

CHECKPOINT = """
    INSERT INTO loyalty_checkpoint (number, taken_at, accounts, entries, points_total, balance_total, changes,
        accounts_root, changes_root, previous_hash, checkpoint_hash, key_id, signature, after_restore)
    VALUES (4, now(), 0, 0, 0, 0, 0, '', '', '', '', '', '', '{{{{"kept": 3}}}}')
"""

BREAKS = [
    Break("checkpoints_are_without_gap", CHECKPOINT.format(), "checkpoint 4"),
    Break("account_is_its_entries", ACCOUNT.format("balance = balance + 1"), "account {account}"),
    Break("account_is_its_entries", ACCOUNT.format("lifetime_points = lifetime_points - 1"), "account {account}"),
    Break("account_is_its_entries", ACCOUNT.format("entry_count = entry_count - 1"), "account {account}"),
    Break("account_is_its_entries", "DELETE FROM loyalty_ledger WHERE id = {e5}", "account {account}"),
    Break("account_is_its_entries", "DELETE FROM loyalty_ledger WHERE id = {e2}", "account {account}"),
    Break(
        "account_is_its_entries", "UPDATE loyalty_playerloyalty SET balance = 1 WHERE id = {other}", "account {other}"
    ),
    Break(
        "account_in_its_tier",
        ACCOUNT.format("tier_id = (SELECT id FROM loyalty_tier WHERE name = 'Gold')"),
        "account {account}",
    ),
    Break("sums_agree", ACCOUNT.format("balance = balance + 1"), "programme of {casino}"),
    Break("sums_agree", ENTRY.format("points = points + 1", "e3"), "programme of {casino}"),
    Break("entries_follow_one_another", "DELETE FROM loyalty_ledger WHERE id = {e3}", "entry {e4}"),
    Break("entries_follow_one_another", "DELETE FROM loyalty_ledger WHERE id = {e1}", "entry {e2}"),
    Break("entries_follow_one_another", ENTRY.format("seq = 2", "e3"), "entry {e3}"),
    Break("entries_follow_one_another", ENTRY.format("balance_before = 1, balance_after = 901", "e1"), "entry {e1}"),
    Break("entries_follow_one_another", ENTRY.format("lifetime_points_before = 1", "e1"), "entry {e1}"),
    Break("entries_follow_one_another", ENTRY.format("tier_before_id = tier_after_id", "e3"), "entry {e3}"),
    Break("lifetime_points_are_earnings", ENTRY.format("lifetime_points_after = 600", "e2"), "entry {e2}"),
    Break("lifetime_points_are_earnings", ENTRY.format("lifetime_points_after = 1100", "e4"), "entry {e4}"),
    Break("lifetime_points_are_earnings", ENTRY.format("kind = 'VOUCHER'", "e2"), "entry {e2}"),
    Break("lifetime_points_are_earnings", ENTRY.format("adjusts_id = {e5}", "e2"), "entry {e2}"),
    Break("entry_by_hand_has_its_staff", ENTRY.format("kind = 'VOUCHER'", "e2"), "entry {e2}"),
    Break("tier_of_lifetime_points", ENTRY.format("tier_after_id = tier_before_id", "e3"), "entry {e3}"),
    Break("tier_of_lifetime_points", ENTRY.format("tier_before_id = tier_before_id + 1", "e1"), "entry {e1}"),
    Break("entry_in_its_casino", ENTRY.format("casino_id = 0", "e1"), "entry {e1}"),
    Break("entry_in_its_casino", "UPDATE core_player SET casino_id = 0", "entry {e1}"),
    Break("entry_in_its_casino", "UPDATE loyalty_loyaltyprogram SET casino_id = 0", "entry {e1}"),
    Break("chain_is_whole", ENTRY.format("reason = reason || '!'", "e2"), "entry {e2}"),
    Break("chain_is_whole", ENTRY.format("created_at = created_at + interval '1 microsecond'", "e5"), "entry {e5}"),
    Break("chain_is_whole", ENTRY.format("previous_hash = entry_hash", "e1"), "entry {e1}"),
    Break("chain_is_whole", "DELETE FROM loyalty_ledger WHERE id = {e3}", "entry {e4}"),
    Break(
        "chain_is_whole",
        ENTRY.format("chain_version = 1", "e5")
        + "; UPDATE loyalty_ledger AS entry SET entry_hash = loyalty_chain_hash(entry) WHERE id = {e5}",
        "entry {e5}",
    ),
    Break("head_is_the_newest_hash", ACCOUNT.format("head_hash = NULL"), "account {account}"),
    Break("head_is_the_newest_hash", "DELETE FROM loyalty_ledger WHERE id = {e5}", "account {account}"),
    Break("fingerprint_of_its_request", ENTRY.format("fingerprint = repeat('0f', 32)", "e1"), "entry {e1}"),
    Break("fingerprint_of_its_request", ENTRY.format(INPUT.format("request,points", "901"), "e1"), "entry {e1}"),
    Break("fingerprint_of_its_request", ENTRY.format("inputs = '{{}}'", "e1"), "entry {e1}"),
    Break("entry_by_hand_has_its_staff", ENTRY.format("staff_id = NULL", "e1"), "entry {e1}"),
    Break("entry_by_hand_has_its_staff", ENTRY.format("reason = 'too short'", "e1"), "entry {e1}"),
    Break("entry_by_hand_has_its_staff", ENTRY.format("kind = 'ADJUSTMENT'", "e3"), "entry {e3}"),
    Break("entry_by_hand_has_its_staff", ENTRY.format("staff_id = NULL", "e4"), "entry {e4}"),
    Break("reversed_once_and_whole", ENTRY.format("reverses_id = NULL", "e4"), "entry {e4}"),
    Break("reversed_once_and_whole", ENTRY.format("reverses_id = {e1}", "e4"), "entry {e4}"),
    Break("reversed_once_and_whole", ENTRY.format("account_id = {other}", "e3"), "entry {e4}"),
    Break("reversed_once_and_whole", ENTRY.format("kind = 'REVERSAL', reverses_id = {e3}", "e5"), "entry {e5}"),
    Break("reversed_once_and_whole", ENTRY.format("adjusts_id = {e5}", "e3"), "entry {e4}"),
    Break(
        "reversed_once_and_whole",
        ENTRY.format("kind = 'REVERSAL', reverses_id = {e4}, points = 200", "e5"),
        "entry {e5}",
    ),
    Break(
        "reversed_once_and_whole",
        ENTRY.format("kind = 'REVERSAL', reverses_id = {e3}, points = -200", "e1"),
        "entry {e1}",
    ),
    Break("adjusts_earlier_play", ENTRY.format("adjusts_id = {e1}", "e3"), "entry {e3}"),
    Break("adjusts_earlier_play", ENTRY.format("adjusts_id = {e5}", "e3"), "entry {e3}"),
    Break("adjusts_earlier_play", ENTRY.format("adjusts_id = {e5}, seq = 9, account_id = {other}", "e3"), "entry {e3}"),
    Break("adjusted_play_not_below_nothing", ENTRY.format("adjusts_id = {e5}, points = -579", "e2"), "entry {e2}"),
    Break("reason_code_of_its_casino", ENTRY.format("reason_code = 'NOBODY_S'", "e3"), "entry {e3}"),
    Break("reversed_once_and_whole", "DELETE FROM loyalty_ledger WHERE id = {e3}", "entry {e4}"),
    Break("redemption_is_its_comp", ENTRY.format("points = -301", "e2"), "entry {e2}"),
    Break("redemption_is_its_comp", ENTRY.format(INPUT.format("calculation,value", '"15.01"'), "e2"), "entry {e2}"),
    Break("redemption_is_its_comp", ENTRY.format("inputs = inputs - 'calculation'", "e2"), "entry {e2}"),
    Break("redemption_is_its_comp", "UPDATE loyalty_comptype SET program_id = 0", "entry {e2}"),
    *(
        Break("comp_totals_are_their_entries", statement, f"{{casino}} dinner of {{month}} by {person}")
        for statement, person in (
            ("UPDATE loyalty_comptotal SET redemptions = 2", "account {account}"),
            ("UPDATE loyalty_comptotal SET points = 299", "staff {supervisor}"),
            ("UPDATE loyalty_comptotal SET value = 'NaN'", "account {account}"),
            ("UPDATE loyalty_comptotal SET reversed = 1", "account {account}"),
            ("UPDATE loyalty_comptotal SET person = {other} WHERE by = 'account'", "account {other}"),
            ("UPDATE loyalty_comptotal SET person = {other} WHERE by = 'account'", "account {account}"),
            ("DELETE FROM loyalty_comptotal WHERE by = 'staff'", "staff {supervisor}"),
            ("DELETE FROM loyalty_ledger WHERE id = {e2}", "account {account}"),
        )
    ),
    Break("prints_of_comp_slips", "UPDATE loyalty_compslipprint SET number = 2", "print {print}"),
    Break("prints_of_comp_slips", "UPDATE loyalty_compslipprint SET entry_id = {e1}", "print {print}"),
    Break(
        "continuation_follows_its_slip",
        SLIP.format("continues_id = (SELECT id FROM ratingslips_ratingslip WHERE slip_number = '{closed}')", "open"),
        "slip {casino} {open}",
    ),
    *(
        Break("continuation_follows_its_slip", OF_CLOSED.format(change), "slip {casino} {open}")
        for change in ("opened_at = closed.closed_at", "player_id = closed.player_id")
    ),
    Break("slip_and_entry_agree", ENTRY.format("idempotency_key = 'x'", "e5"), "slip {casino} {closed}"),
    Break("slip_and_entry_agree", ENTRY.format("account_id = {other}", "e5"), "slip {casino} {closed}"),
    Break("slip_and_entry_agree", ENTRY.format("correlation_id = gen_random_uuid()", "e5"), "slip {casino} {closed}"),
    Break("slip_and_entry_agree", SLIP.format("ledger_entry_id = NULL", "closed"), "slip {casino} {closed}"),
    Break("slip_and_entry_agree", ENTRY.format("kind = 'PROMOTION'", "e5"), "slip {casino} {closed}"),
    Break("slip_and_entry_agree", SLIP.format("theoretical_win = 57.76", "closed"), "slip {casino} {closed}"),
    Break("gameplay_has_its_slip", SLIP.format("ledger_entry_id = NULL", "closed"), "entry {e5}"),
    Break("gameplay_has_its_slip", SLIP.format("ledger_entry_id = {e5}", "open"), "entry {e5}"),
    Break("points_are_calculated", ENTRY.format("points = points + 1", "e5"), "entry {e5}"),
    Break("points_are_calculated", ENTRY.format(INPUT.format("calculation,multiplier", '"2"'), "e5"), "entry {e5}"),
    Break("closed_slip_is_settled_or_owed", SLIP.format("ledger_entry_id = NULL", "closed"), "slip {casino} {closed}"),
    Break("one_open_segment", SLIP.format("status = 'PAUSED'", "open"), "slip {casino} {open}"),
    Break("one_open_segment", SLIP.format("status = 'OPEN'", "paused"), "slip {casino} {paused}"),
    Break("one_open_segment", SEGMENT.format("ended_at = NULL", 2, "closed"), "slip {casino} {closed}"),
    Break("segments_follow_one_another", SEGMENT.format("seq = 3", 2, "closed"), "slip {casino} {closed} segment 3"),
    Break(
        "segments_follow_one_another",
        SEGMENT.format("ended_at = ended_at + interval '1 second'", 1, "closed"),
        "slip {casino} {closed} segment 2",
    ),
    Break(
        "segments_follow_one_another",
        SEGMENT.format("ended_at = ended_at + interval '1 second'", 2, "closed"),
        "slip {casino} {closed} segment 2",
    ),
    Break(
        "segments_follow_one_another",
        SEGMENT.format("held_until = held_until + interval '1 second'", 1, "closed"),
        "slip {casino} {closed} segment 1",
    ),
    Break(
        "segments_follow_one_another",
        SEGMENT.format("held_until = held_until + interval '1 second'", 2, "closed"),
        "slip {casino} {closed} segment 2",
    ),
    Break(
        "segments_follow_one_another",
        SLIP.format("opened_at = opened_at + interval '1 second'", "open"),
        "slip {casino} {open} segment 1",
    ),
    Break(
        "segments_follow_one_another",
        "UPDATE ratingslips_playsegment SET superseded_by_id = 0, held_until = held_until + interval '1 second'",
        "slip {casino} {closed} segment 1",
    ),
    Break("theo_is_of_its_segments", SLIP.format("theoretical_win = 57.76", "closed"), "slip {casino} {closed}"),
    Break("theo_is_of_its_segments", SEGMENT.format("average_bet = 40.01", 1, "closed"), "slip {casino} {closed}"),
    Break("slip_is_where_it_was_last", SLIP.format("seat = 7", "open"), "slip {casino} {open}"),
    Break("slip_is_where_it_was_last", SLIP.format("pit_id = {other_pit}", "closed"), "slip {casino} {closed}"),
    Break("live_slip_is_in_the_pit_of_its_table", SLIP.format("pit_id = {other_pit}", "open"), "slip {casino} {open}"),
    Break("slip_is_where_it_was_last", "DELETE FROM ratingslips_playsegment", "slip {casino} {closed}"),
    Break(
        "one_correlation_id_a_request",
        SLIP.format("correlation_id = gen_random_uuid()", "open"),
        "slip {casino} {open} segment 1",
    ),
    Break(
        "one_correlation_id_a_request",
        SEGMENT.format("end_correlation_id = gen_random_uuid()", 2, "closed"),
        "slip {casino} {closed} segment 2",
    ),
    Break("one_current_list", SEGMENT.format("superseded_by_id = NULL", 1, "void"), "slip {casino} {void}"),
    Break(
        "one_current_list",
        SEGMENT.format("superseded_by_id = NULL, started_as = 'MOVED'", 1, "void"),
        "slip {casino} {void}",
    ),
    Break("one_current_list", SEGMENT.format("started_as = 'OPENED'", 2, "closed"), "slip {casino} {closed}"),
    Break(
        "one_current_list",
        SEGMENT.format("superseded_by_id = (SELECT id FROM ratingslips_slipcorrection)", 2, "closed"),
        "slip {casino} {closed}",
    ),
    Break("entries_are_points_of_play", SLIP.format("uncollected_points = 1", "closed"), "slip {casino} {closed}"),
    Break("entries_are_points_of_play", SLIP.format("corrected_points = 577", "closed"), "slip {casino} {closed}"),
    Break(
        "entries_are_points_of_play",
        SLIP.format(
            "theoretical_win = 1, corrected_points = (SELECT points FROM loyalty_ledger WHERE id = {e5})", "closed"
        ),
        "slip {casino} {closed}",
    ),
    Break("entries_are_points_of_play", ENTRY.format("adjusts_id = {e5}", "e2"), "slip {casino} {closed}"),
    Break("correction_has_its_entry", CORRECTION.format("no_entry_because = ''"), "slip {casino} {void} correction 1"),
    Break(
        "correction_has_its_entry",
        CORRECTION.format("no_entry_because = '', entry_id = {e5}"),
        "slip {casino} {void} correction 1",
    ),
    Break("adjusted_play_was_corrected", ENTRY.format("adjusts_id = {e5}", "e2"), "entry {e2}"),
    Break("corrections_are_counted", SLIP.format("correction_count = 2", "void"), "slip {casino} {void}"),
    Break("corrections_are_counted", CORRECTION.format("number = 2"), "slip {casino} {void}"),
    Break("reason_code_of_slips", CORRECTION.format("reason_code = 'NOBODY_S'"), "slip {casino} {void} correction 1"),
    Break(
        "reason_code_of_slips",
        "UPDATE ratingslips_moneyrow SET reason_code = 'NOBODY_S'",
        "slip {casino} {void} money row {money}",
    ),
    Break(
        "reason_code_of_slips",
        "UPDATE ratingslips_sliprequest SET contents = jsonb_build_object('reason_code', 'NOBODY_S')",
        "slip {casino} {void} request {request}",
    ),
    Break("void_counts_nowhere", SLIP.format("theoretical_win = 1", "void"), "slip {casino} {void}"),
    Break("void_counts_nowhere", SLIP.format("corrected_points = 1", "void"), "slip {casino} {void}"),
    Break("void_counts_nowhere", SLIP.format("ledger_entry_id = {e5}", "void"), "slip {casino} {void}"),
    Break("void_counts_nowhere", SEGMENT.format("superseded_by_id = NULL", 1, "void"), "slip {casino} {void}"),
    *(
        Break("requests_are_authentic", REQUEST.format(change), "request {opening} of slip {casino} {open}")
        for change in (
            "mac = NULL",
            "mac = repeat('0', 72)",
            "happened_at = happened_at - interval '1 second'",
            "actor_id = (SELECT max(id) FROM core_user)",
            'contents = contents || \'{{"average_bet": "900.00"}}\'',
            "kind = 'MOVE'",
        )
    ),
    Break(
        "requests_are_authentic",
        REQUEST.format("slip_id = (SELECT id FROM ratingslips_ratingslip WHERE slip_number = '{paused}')"),
        "request {opening} of slip {casino} {paused}",
    ),
    Break(
        "slip_was_opened_by_a_request",
        "DELETE FROM ratingslips_sliprequest WHERE id = '{opening}'",
        "slip {casino} {open}",
    ),
    Break("slip_was_opened_by_a_request", SLIP.format("opened_by_id = 0", "open"), "slip {casino} {open}"),
    *(
        Break("slip_was_opened_by_a_request", REQUEST.format(change), "slip {casino} {open}")
        for change in (
            "kind = 'EARLIER'",
            "kind = 'MOVE', recorded_at = '2001-01-01'",
            "kind = 'CONTINUE'",
            "kind = 'REASSIGN'",
        )
    ),
    *(
        Break("play_is_what_was_asked_for", SEGMENT.format(change, 1, "closed"), "slip {casino} {closed} segment 1")
        for change in (
            "average_bet = 40.01",
            "started_at = started_at - interval '1 second'",
            "started_by_id = 0",
            "start_correlation_id = gen_random_uuid()",
            "ended_at = ended_at - interval '1 second'",
            "ended_by_id = 0",
        )
    ),
    *(
        Break("play_is_what_was_asked_for", SEGMENT.format(change, 2, "closed"), "slip {casino} {closed} segment 2")
        for change in (
            "average_bet = 90",
            "seat = 7",
            "ended_at = ended_at - interval '1 second'",
            "ended_as = 'PAUSED'",
        )
    ),
    Break(
        "play_is_what_was_asked_for",
        SEGMENT.format("average_bet = 100", 1, "closed"),
        "slip {casino} {closed} segment 2",
    ),
    *(
        Break(
            "play_is_what_was_asked_for",
            RESUMED + SEGMENT.format(change, 2, "closed"),
            "slip {casino} {closed} segment 2",
        )
        for change in ("average_bet = 100", "average_bet = 40, seat = 7")
    ),
    Break(
        "play_is_what_was_asked_for",
        "DELETE FROM ratingslips_playsegment WHERE ended_as = 'CLOSED'",
        "slip {casino} {closed} segment 1",
    ),
    Break(
        "request_begins_one_segment",
        'INSERT INTO ratingslips_playsegment SELECT (jsonb_populate_record(one, \'{{"id": 0, "seq": 9}}\')).*'
        " FROM ratingslips_playsegment AS one JOIN ratingslips_ratingslip AS slip ON slip.id = slip_id"
        " WHERE slip_number = '{open}'",
        "slip {casino} {open} segment 9",
    ),
    *(
        Break("play_has_values_of_a_game", SEGMENT.format(change, 1, "closed"), "slip {casino} {closed} segment 1")
        for change in ("house_edge_percent = 99.999", "decisions_per_hour = 9999.99")
    ),
    Break(
        "play_has_values_of_a_game",
        "UPDATE ratingslips_gamevalues SET game_id = 0",
        "slip {casino} {closed} segment 1",
    ),
    Break(
        "request_begins_one_segment",
        'INSERT INTO ratingslips_playsegment SELECT (jsonb_populate_record(one, \'{{"id": 0, "seq": 9}}\')).*'
        " FROM ratingslips_playsegment AS one JOIN ratingslips_ratingslip AS slip ON slip.id = slip_id"
        " WHERE slip_number = '{closed}' AND seq = 1",
        "slip {casino} {closed} segment 9",
    ),
    Break(
        "slip_was_closed_by_a_request",
        "DELETE FROM ratingslips_sliprequest WHERE kind = 'CLOSE'",
        "slip {casino} {closed}",
    ),
    *(
        Break("slip_was_closed_by_a_request", SLIP.format(change, "closed"), "slip {casino} {closed}")
        for change in (
            "closed_by_id = 0",
            "correlation_id = gen_random_uuid()",
            f"correlation_id = ({OF_OPENING})",
        )
    ),
    *(
        Break("points_were_paid_by_a_request", SLIP.format(change, "closed"), "slip {casino} {closed}")
        for change in (
            "released_at = now()",
            "recovered_by_id = closed_by_id",
            "owed_because = 'BUSY'",
            "recovered_by_id = closed_by_id, recovery_correlation_id = correlation_id",
        )
    ),
    *(
        Break(
            "points_were_paid_by_a_request",
            f"UPDATE ratingslips_sliprequest SET kind = '{kind}' WHERE kind = 'CHANGE_BET';"
            + SLIP.format(change, "closed"),
            "slip {casino} {closed}",
        )
        for kind, change in (("RELEASE", "released_at = now()"), ("RECOVER", "recovered_by_id = closed_by_id"))
    ),
    *(
        Break("correction_was_asked_for", CORRECTION.format(change), "slip {casino} {void} correction 1")
        for change in ("request_id = '{opening}'", "kind = 'CORRECTED'")
    ),
    Break(
        "correction_was_asked_for",
        CORRECTION.format("slip_id = (SELECT id FROM ratingslips_ratingslip WHERE slip_number = '{closed}')"),
        "slip {casino} {closed} correction 1",
    ),
    Break(
        "correction_was_asked_for",
        "UPDATE ratingslips_sliprequest SET kind = 'CORRECT' WHERE kind = 'VOID';"
        + CORRECTION.format("kind = 'CORRECTED', entry_id = {e2}; ")
        + ENTRY.format("adjusts_id = {e5}", "e2"),
        "slip {casino} {void} correction 1",
    ),
    *(
        Break(
            "money_was_recorded_by_a_request",
            f"UPDATE ratingslips_moneyrow AS row SET {change} WHERE id = {{buy_in}}",
            "slip {casino} {open} BUY_IN {buy_in}",
        )
        for change in (
            "amount = 600",
            "request_id = NULL",
            "request_id = NULL, means = 'NOT_RECORDED'",
            "request_id = (SELECT id FROM ratingslips_sliprequest WHERE slip_id <> row.slip_id LIMIT 1)",
            "actor_id = 0",
            "strikes_id = {money}",
        )
    ),
    Break(
        "money_was_recorded_by_a_request",
        "UPDATE ratingslips_moneyrow SET kind = 'CHIPS_OUT' WHERE id = {money}",
        "slip {casino} {void} CHIPS_OUT {money}",
    ),
    Break(
        "money_was_recorded_by_a_request",
        "UPDATE ratingslips_moneyrow SET request_id = NULL; DELETE FROM ratingslips_sliprequest WHERE kind = 'OPEN'",
        "slip {casino} {open} BUY_IN {buy_in}",
    ),
    Break(
        "money_was_recorded_by_a_request",
        "UPDATE ratingslips_moneyrow SET slip_id = slip.id FROM ratingslips_ratingslip AS slip"
        " WHERE slip_number = '{closed}'",
        "slip {casino} {closed} BUY_IN {buy_in}",
    ),
    Break(
        "money_was_recorded_by_a_request",
        "INSERT INTO ratingslips_moneyrow SELECT (jsonb_populate_record(one, '{{\"id\": 0}}')).*"
        " FROM ratingslips_moneyrow AS one WHERE id = {buy_in}",
        "slip {casino} {open} BUY_IN {buy_in}",
    ),
    *(
        Break("entries_are_authentic", ENTRY.format(change, "e1"), "entry {e1}")
        for change in (
            "mac = NULL",
            "staff_id = NULL",
            "points = 901",
            "account_id = {other}",
            "created_at = created_at - interval '1 second'",
        )
    ),
    Break(
        "pause_is_recorded",
        "UPDATE loyalty_loyaltyprogram SET paused_at = now(), paused_by_id = (SELECT min(id) FROM core_user),"
        " pause_reason = 'Behind the service'",
        "programme of {casino}",
    ),
]


# Everything is newer.
LONG_AGO = dict.fromkeys(NUMBERED, 0) | {"at": "2000-01-01T00:00:00+00:00"}


def _among_new(invariant: Invariant, **options: int) -> Finding:
    return examine_among(new_rows(LONG_AGO), invariant, **options)


def _named_by(broken: Break, names: dict[str, object], examined: Callable[..., Finding] = examine) -> tuple[str, ...]:
    """The rows that the invariant names after the statement, which is rolled back."""
    invariant = next(each for each in ALL_INVARIANTS if each.name == broken.invariant)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(broken.statement.format(**names))
        first = examined(invariant, named_rows=80).first
        transaction.set_rollback(True)
    return first


@pytest.mark.django_db
class TestInvariants:
    def test_hold_after_a_day_at_work(self, floor: Floor) -> None:
        _day_at_work(floor)

        assert broken_invariants() == {}
        assert LedgerEntry.objects.count() == 5
        assert RatingSlip.objects.count() == 4

    @pytest.mark.shows(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14, 15, 43, 44, 45)
    def test_name_the_row_that_the_owner_of_the_tables_broke(self, floor: Floor) -> None:
        names = _day_at_work(floor)
        take_the_guards_off()

        missed = [broken[:2] for broken in BREAKS if broken.named.format(**names) not in _named_by(broken, names)]

        assert missed == []

    def test_name_it_among_what_is_new(self, floor: Floor) -> None:
        names = _day_at_work(floor)
        assert [each.name for each in ALL_INVARIANTS if not (each.needs_all or _among_new(each).holds)] == []
        take_the_guards_off()

        missed = [
            broken[:2] for broken in BREAKS if broken.named.format(**names) not in _named_by(broken, names, _among_new)
        ]

        # An account that was changed without a new entry, or lacks one before its last, whose next one is named.
        assert [statement for _, statement in missed] == [
            "DELETE FROM loyalty_ledger WHERE id = {e2}",
            "UPDATE loyalty_playerloyalty SET balance = 1 WHERE id = {other}",
        ]

    def test_are_each_broken_by_a_test(self) -> None:
        assert {each.invariant for each in BREAKS} == {invariant.name for invariant in ALL_INVARIANTS}

    def test_have_a_rule_for_every_kind_of_entry(self) -> None:
        assert KIND_RULES.keys() == set(LedgerEntry.Kind)

    def test_have_a_name_each(self) -> None:
        assert len({invariant.name for invariant in ALL_INVARIANTS}) == len(ALL_INVARIANTS)

    def test_name_the_first_rows_and_count_all(self, floor: Floor) -> None:
        accounts = [account_of(floor.player()).pk for _ in range(7)]
        misstate(PlayerLoyalty.objects.all(), balance=1)

        finding = examine(ALL_INVARIANTS[0], named_rows=3)

        assert (finding.rows, finding.holds) == (7, False)
        assert finding.first == tuple(f"account {key}" for key in accounts[:3])
