"""What PostgreSQL itself refuses about the programme, the accounts and the ledger."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model

from loyalty.models import (
    CompTotal,
    CompType,
    EarningRate,
    LedgerEntry,
    LoyaltyProgram,
    PlayerLoyalty,
    ProgramPause,
    Tier,
)
from tests.constraints import NAN, Violation, inserted, refused_by, table_of
from tests.databases import as_owner
from tests.floor import Floor
from tests.loyalty.rows import (
    account_of,
    checkpoint_row,
    entry,
    export_row,
    print_row,
    rebuild_row,
    sealed_change_row,
    sealed_row,
    verification_row,
)


def _change(row: Any, **changes: Any) -> None:
    type(row).objects.filter(pk=row.pk).update(**changes)


def _rate(floor: Floor, **changes: Any) -> EarningRate:
    fields = {"points_per_unit": Decimal(5), "effective_from": floor.now + timedelta(days=1)}
    return EarningRate(program=floor.program, **(fields | changes))


def _pause(floor: Floor, **changes: Any) -> ProgramPause:
    fields = {"paused_by": floor.supervisor, "paused_at": floor.now, "reason": "Month-end freeze"}
    return ProgramPause(program=floor.program, **(fields | changes))


def _tier(floor: Floor, **changes: Any) -> Tier:
    fields = {"name": "Diamond", "threshold_points": 50_000, "multiplier": Decimal(3)}
    return Tier(program=floor.program, **(fields | changes))


def _second_entry_with(floor: Floor, **same: Any) -> None:
    first = inserted(entry(floor, account=account_of(floor.player()), **same))
    assert isinstance(first, LedgerEntry)
    again: dict[str, Any] = {"account": first.account, "seq": 2, "balance_before": 10, "balance_after": 20}
    inserted(entry(floor, **(again | same)))


def _reverse_twice(floor: Floor) -> None:
    first = inserted(entry(floor, account=account_of(floor.player())))
    assert isinstance(first, LedgerEntry)
    reversal = {"account": first.account, "kind": "REVERSAL", "points": -10, "reverses": first}
    inserted(entry(floor, seq=2, balance_before=10, balance_after=0, **reversal))
    inserted(entry(floor, seq=3, balance_before=10, balance_after=0, **reversal))


def _second_account(floor: Floor) -> None:
    account = account_of(floor.player())
    account.pk = None
    inserted(account)


def _account(floor: Floor, **figures: Any) -> None:
    account = account_of(floor.player())
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE loyalty_playerloyalty DISABLE TRIGGER loyalty_account_is_its_last_entry")
    _change(account, **figures)


def _without_the_chain(floor: Floor, **changes: Any) -> None:
    """An entry as no INSERT can make it while the trigger that writes the hashes is there."""
    row = entry(floor, **changes)
    with as_owner(), connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE loyalty_ledger DISABLE TRIGGER loyalty_chain_entry")
    inserted(row)


def _comp_type(floor: Floor, **changes: Any) -> CompType:
    fields = {"code": "dinner", "label": "Dinner", "point_value": Decimal("0.05")}
    return CompType(program=floor.program, **(fields | changes))


def _inserted_total(floor: Floor, **changes: Any) -> Model:
    figures = {"redemptions": 1, "points": 100, "value": Decimal(5), "reversed": 0}
    fields = {"by": CompTotal.By.STAFF, "person": 0, "month": floor.now.date().replace(day=1), **figures}
    comp: Any = CompType.objects.first() or inserted(_comp_type(floor))
    with as_owner():
        return inserted(CompTotal(casino=floor.casino, comp_type=comp, **(fields | changes)))


HASHES: dict[str, Any] = {"previous_hash": b"\1" * 32, "entry_hash": b"\2" * 32}

PROGRAM = (
    Violation("loyalty_pause_one_at_a_time", lambda floor: [inserted(_pause(floor)) for _ in range(2)]),
    Violation("loyalty_pause_has_reason", lambda floor: inserted(_pause(floor, reason=""))),
    Violation("loyalty_pause_resume_is_whole", lambda floor: inserted(_pause(floor, resumed_at=floor.now))),
    Violation("loyalty_program_pause_is_whole", lambda floor: _change(floor.program, paused_at=floor.now)),
    Violation("loyalty_program_pause_is_whole", lambda floor: _change(floor.program, pause_reason="Month-end freeze")),
    Violation(
        "loyalty_loyaltyprogram_casino_id_key",
        lambda floor: inserted(LoyaltyProgram(casino=floor.casino, name="Second programme")),
    ),
    Violation(
        "loyalty_rate_one_per_instant",
        lambda floor: [inserted(_rate(floor)), inserted(_rate(floor, points_per_unit=Decimal(6)))],
    ),
    Violation("loyalty_rate_within_limits", lambda floor: inserted(_rate(floor, points_per_unit=Decimal("-0.0001")))),
    Violation("loyalty_rate_within_limits", lambda floor: inserted(_rate(floor, points_per_unit=Decimal("1000.0001")))),
    Violation("loyalty_tier_threshold_unique", lambda floor: inserted(_tier(floor, threshold_points=1_000))),
    Violation("loyalty_tier_name_unique", lambda floor: inserted(_tier(floor, name="Gold"))),
    Violation("loyalty_tier_threshold_not_negative", lambda floor: inserted(_tier(floor, threshold_points=-1))),
    Violation("loyalty_tier_multiplier_within_limits", lambda floor: inserted(_tier(floor, multiplier=Decimal(0)))),
    Violation(
        "loyalty_tier_multiplier_within_limits", lambda floor: inserted(_tier(floor, multiplier=Decimal("10.001")))
    ),
    Violation(
        "loyalty_comp_type_code_unique", lambda floor: [inserted(_comp_type(floor, label=text)) for text in ("A", "B")]
    ),
    Violation("loyalty_comp_type_has_names", lambda floor: inserted(_comp_type(floor, code=""))),
    Violation("loyalty_comp_type_has_names", lambda floor: inserted(_comp_type(floor, label=""))),
    Violation("loyalty_comp_type_value_above_zero", lambda floor: inserted(_comp_type(floor, point_value=0))),
    Violation("loyalty_comp_type_value_is_finite", lambda floor: inserted(_comp_type(floor, point_value=NAN))),
    Violation("loyalty_comp_total_unique", lambda floor: [_inserted_total(floor) for _ in range(2)]),
    Violation("loyalty_comp_total_by_known", lambda floor: _inserted_total(floor, by="nobody")),
    Violation(
        "loyalty_comp_total_month_begins", lambda floor: _inserted_total(floor, month=floor.now.date().replace(day=2))
    ),
    Violation("loyalty_comp_total_value_is_finite", lambda floor: _inserted_total(floor, value=NAN)),
    Violation("loyalty_checkpoint_totals_are_finite", lambda floor: inserted(checkpoint_row(floor, points_total=NAN))),
)

ACCOUNTS = (
    Violation("loyalty_account_balance_not_negative", lambda floor: _account(floor, balance=-1)),
    Violation("loyalty_account_lifetime_not_negative", lambda floor: _account(floor, lifetime_points=-1)),
    Violation("loyalty_playerloyalty_entry_count_check", lambda floor: _account(floor, entry_count=-1)),
    Violation("loyalty_playerloyalty_player_id_key", _second_account),
    Violation("loyalty_account_head_is_sha256", lambda floor: _account(floor, head_hash=b"\0" * 31)),
)


def _entry_violation(constraint: str, **changes: Any) -> Violation:
    return Violation(constraint, lambda floor: inserted(entry(floor, **changes)))


LEDGER = (
    Violation(
        "loyalty_ledger_seq_unique_in_account",
        lambda floor: _second_entry_with(floor, seq=1, balance_before=0, balance_after=10),
    ),
    Violation("loyalty_ledger_idempotency_key_key", lambda floor: _second_entry_with(floor, idempotency_key="once")),
    Violation("loyalty_ledger_reverses_id_key", _reverse_twice),
    _entry_violation("loyalty_ledger_seq_from_one", seq=0),
    _entry_violation("loyalty_ledger_kind_known", kind="GIFT"),
    _entry_violation("loyalty_ledger_points_not_zero", points=0, balance_after=0),
    _entry_violation(
        "loyalty_ledger_sign_fits_kind", kind="PROMOTION", seq=2, points=-10, balance_before=10, balance_after=0
    ),
    Violation(
        "loyalty_ledger_sign_fits_kind",
        lambda floor: inserted(entry(floor, kind="REDEMPTION", comp_type=inserted(_comp_type(floor)))),
    ),
    _entry_violation("loyalty_ledger_balance_adds_up", balance_after=11),
    _entry_violation("loyalty_ledger_balance_not_negative", points=-10, balance_after=-10),
    _entry_violation("loyalty_ledger_lifetime_not_negative", lifetime_points_after=-1),
    _entry_violation("loyalty_ledger_first_starts_at_zero", balance_before=5, balance_after=15),
    _entry_violation("loyalty_ledger_first_starts_at_zero", lifetime_points_before=5, lifetime_points_after=15),
    _entry_violation("loyalty_ledger_has_reason", reason=""),
    _entry_violation("loyalty_ledger_has_key", idempotency_key=""),
    _entry_violation("loyalty_ledger_fingerprint_is_sha256", fingerprint="0F" * 32),
    _entry_violation("loyalty_ledger_award_has_staff_and_limit", kind="MANUAL_BONUS"),
    Violation(
        "loyalty_ledger_award_has_staff_and_limit",
        lambda floor: inserted(
            entry(floor, kind="MANUAL_BONUS", staff=floor.supervisor, points=10_001, balance_after=10_001)
        ),
    ),
    _entry_violation("loyalty_ledger_reversal_names_entry", kind="REVERSAL"),
    Violation(
        "loyalty_ledger_chain_version_known",
        lambda floor: _without_the_chain(floor, **HASHES, chain_version=3),
    ),
    Violation(
        "loyalty_ledger_recorded_since_version_2",
        lambda floor: _without_the_chain(floor, **HASHES, chain_version=1),
    ),
    Violation(
        "loyalty_ledger_recorded_since_version_2",
        lambda floor: _without_the_chain(floor, **HASHES, chain_version=2, recorded_at=None),
    ),
    _entry_violation(
        "loyalty_ledger_redemption_has_comp_type",
        kind="REDEMPTION",
        seq=2,
        points=-10,
        balance_before=10,
        balance_after=0,
    ),
    Violation(
        "loyalty_ledger_redemption_has_comp_type",
        lambda floor: inserted(entry(floor, comp_type=inserted(_comp_type(floor)))),
    ),
    Violation(
        "loyalty_ledger_adjustment_names_entry",
        lambda floor: inserted(entry(floor, kind="PROMOTION", adjusts=inserted(entry(floor, kind="GAMEPLAY")))),
    ),
    _entry_violation("loyalty_ledger_reason_code_not_empty", reason_code=""),
    _entry_violation("loyalty_ledger_inputs_are_an_object", inputs=["a list"]),
    *(
        Violation(
            "loyalty_ledger_hashes_are_sha256",
            partial(lambda column, floor: _without_the_chain(floor, **(HASHES | {column: b"\3" * 31})), column),
        )
        for column in HASHES
    ),
    Violation(
        "loyalty_ledger_reversal_names_entry",
        lambda floor: inserted(entry(floor, kind="PROMOTION", reverses=inserted(entry(floor)))),
    ),
)

EXPORTS = (
    Violation("loyalty_export_what_known", lambda floor: inserted(export_row(floor, what="PLAYERS"))),
    Violation("loyalty_export_end_is_whole", lambda floor: inserted(export_row(floor, rows=3))),
    Violation(
        "loyalty_export_end_is_whole",
        lambda floor: inserted(export_row(floor, rows=3, is_whole=True, ended_at=floor.ago(hours=1))),
    ),
    Violation(
        "loyalty_export_rows_not_negative",
        lambda floor: inserted(export_row(floor, rows=-1, is_whole=True, ended_at=floor.now)),
    ),
)


def _seal_twice(floor: Floor) -> None:
    first = sealed_row(floor)
    inserted(first)
    inserted(sealed_row(floor, checkpoint=first.checkpoint, account=first.account))


def _seal_change_twice(floor: Floor) -> None:
    first = sealed_change_row(floor)
    inserted(first)
    inserted(sealed_change_row(floor, change_id=first.change_id))


def _print_twice(floor: Floor) -> None:
    first = print_row(floor)
    inserted(first)
    inserted(print_row(floor, entry=first.entry))


def _insert(make: Callable[..., Model], constraint: str, **changes: Any) -> Violation:
    return Violation(constraint, lambda floor: inserted(make(floor, **changes)))


PROOF = (
    _insert(checkpoint_row, "loyalty_checkpoint_number_from_one", number=0),
    *(
        _insert(checkpoint_row, "loyalty_checkpoint_hashes_are_whole", **{column: b"\1" * 31})
        for column in ("accounts_root", "changes_root", "previous_hash", "checkpoint_hash", "signature")
    ),
    _insert(checkpoint_row, "loyalty_checkpoint_restore_says_what", after_restore="{}"),
    _insert(checkpoint_row, "loyalty_checkpoint_log_is_whole", log_changes=1),
    _insert(checkpoint_row, "loyalty_checkpoint_log_is_whole", log_root=b"\1" * 32),
    _insert(checkpoint_row, "loyalty_checkpoint_log_is_whole", log_changes=-1, log_root=b"\1" * 32),
    _insert(checkpoint_row, "loyalty_checkpoint_log_is_whole", log_changes=1, log_root=b"\1" * 31),
    _insert(sealed_change_row, "loyalty_sealed_change_is_whole", change_hash=b"\1" * 33),
    Violation("loyalty_sealedchange_change_id_key", _seal_change_twice),
    Violation("loyalty_sealed_once_a_checkpoint", _seal_twice),
    _insert(sealed_row, "loyalty_sealed_is_whole", entry_count=-1),
    _insert(sealed_row, "loyalty_sealed_is_whole", head_hash=b"\1" * 33),
    _insert(verification_row, "loyalty_verification_broken_says_where", is_clean=False),
    _insert(verification_row, "loyalty_verification_broken_says_where", first_break={"kind": "changed"}),
    _insert(verification_row, "loyalty_verification_scope_is_whole", about=3),
    _insert(verification_row, "loyalty_verification_scope_is_whole", scope="SINCE"),
    _insert(verification_row, "loyalty_verification_counts_not_negative", entries=-1),
    _insert(print_row, "loyalty_comp_slip_print_number_from_one", number=0),
    Violation("loyalty_comp_slip_print_number_unique", _print_twice),
    _insert(rebuild_row, "loyalty_rebuild_says_why", reason=""),
    _insert(rebuild_row, "loyalty_rebuild_says_why", accounts=0),
)

VIOLATIONS = (*PROGRAM, *ACCOUNTS, *LEDGER, *EXPORTS, *PROOF)


class TestLoyaltyConstraints:
    @table_of(*VIOLATIONS)
    @pytest.mark.shows(2, 3, 7, 8, 9, 10)
    def test_refuse_what_breaks_them(self, floor: Floor, violation: Violation) -> None:
        with refused_by(violation.constraint):
            violation.attempt(floor)

    def test_let_whole_rows_in(self, floor: Floor) -> None:
        inserted(_rate(floor))
        inserted(_tier(floor))
        inserted(entry(floor))

        assert LedgerEntry.objects.count() == 1
        assert PlayerLoyalty.objects.count() == 1
