"""What PostgreSQL refuses of itself, besides the constraints (which have a run of their own)."""

from tests.guards.guard import Guard, Kind, edit

_APPEND_ONLY = "tests/loyalty/test_append_only.py"
_LEDGER = f"{_APPEND_ONLY}::TestLedgerIsAppendOnly::test"
_ORIGIN = "tests/core/test_origins.py::TestRequestOrigin::test_is_for_ever"
_PAST = "tests/ratingslips/test_past_play.py"
_MIGRATED = (
    (
        "tests/core/test_production_triggers.py::TestMigratedDatabase::"
        "test_fires_every_trigger_always_and_refuses_to_be_emptied"
    ),
)
_AS_REPLICA = f"{_LEDGER}_also_for_a_session_that_calls_itself_a_replica"


def _dropped(trigger: str, *, on: str, claimed_by: tuple[str, ...]) -> Guard:
    """Without it, a row may go that others refer to: PostgreSQL says so when the test ends."""
    return Guard(
        name=trigger,
        kind=Kind.TRIGGER,
        sql=f"DROP TRIGGER {trigger} ON {on}",
        claimed_by=claimed_by,
        goes_red_as=("IntegrityError",),
    )


def _never_made(table: str, *, path: str, find: str, put: str) -> Guard:
    """The test database has this trigger switched off, so a fresh one is made without it, by the edited migration."""
    return Guard(name=f"{table}_refuse_truncate", kind=Kind.TRIGGER, edits=edit(path, find, put), claimed_by=_MIGRATED)


def _truncate_of_append_only(table: str, *, path: str) -> Guard:
    whole = f'*append_only("{table}"),'
    return _never_made(table, path=path, find=whole, put=whole.replace(",", "[:2],"))


def _truncate(table: str, *, path: str) -> Guard:
    return _never_made(table, path=path, find=f'refuse_truncate("{table}"),', put="")


_PROOF = ("loyalty_checkpoint", "loyalty_sealedaccount", "loyalty_ledgerverification", "loyalty_balancerebuild")
_OF_THE_PROOF = (
    *(
        _dropped(
            f"{table}_refuse_{verb}",
            on=table,
            claimed_by=(f"{_APPEND_ONLY}::TestProofOfTheLedger::test_is_append_only",),
        )
        for table in _PROOF
        for verb in ("update", "delete")
    ),
    *(_truncate_of_append_only(table, path="loyalty/migrations/0004_proof.py") for table in _PROOF),
)

TRIGGERS = (
    _dropped("loyalty_ledger_refuse_update", on="loyalty_ledger", claimed_by=(f"{_LEDGER}_against_a_changed_entry",)),
    _dropped("loyalty_ledger_refuse_delete", on="loyalty_ledger", claimed_by=(f"{_LEDGER}_against_a_deleted_entry",)),
    _dropped(
        "loyalty_earningrate_refuse_update",
        on="loyalty_earningrate",
        claimed_by=(f"{_LEDGER}_also_for_the_rates_that_past_play_was_paid_at",),
    ),
    _dropped(
        "loyalty_earningrate_refuse_delete",
        on="loyalty_earningrate",
        claimed_by=(f"{_LEDGER}_also_for_the_rates_that_past_play_was_paid_at",),
    ),
    _dropped("core_requestorigin_refuse_update", on="core_requestorigin", claimed_by=(_ORIGIN,)),
    _dropped("core_requestorigin_refuse_delete", on="core_requestorigin", claimed_by=(_ORIGIN,)),
    _dropped(
        "loyalty_ledgerexport_refuse_delete",
        on="loyalty_ledgerexport",
        claimed_by=(f"{_APPEND_ONLY}::TestTraceOfAnExport::test_stays",),
    ),
    _dropped(
        "loyalty_freeze_export",
        on="loyalty_ledgerexport",
        claimed_by=(
            f"{_APPEND_ONLY}::TestTraceOfAnExport::test_keeps_what_it_began_with",
            f"{_APPEND_ONLY}::TestTraceOfAnExport::test_ends_once",
        ),
    ),
    _dropped(
        "ratingslips_freeze_segment",
        on="ratingslips_playsegment",
        claimed_by=(
            f"{_PAST}::TestSegments::test_are_frozen_once_they_have_ended",
            f"{_PAST}::TestSegments::test_change_only_by_ending_while_they_are_open",
        ),
    ),
    _dropped(
        "ratingslips_freeze_slip",
        on="ratingslips_ratingslip",
        claimed_by=(
            f"{_PAST}::TestClosedSlips::test_are_frozen",
            f"{_PAST}::TestClosedSlips::test_can_be_settled_once",
        ),
    ),
    _dropped(
        "ratingslips_ratingslip_refuse_delete",
        on="ratingslips_ratingslip",
        claimed_by=(f"{_PAST}::TestSlipsAndSegments::test_cannot_be_deleted",),
    ),
    _dropped(
        "ratingslips_playsegment_refuse_delete",
        on="ratingslips_playsegment",
        claimed_by=(f"{_PAST}::TestSlipsAndSegments::test_cannot_be_deleted",),
    ),
    Guard(
        name="ratingslips_freeze_slip fires always",
        kind=Kind.TRIGGER,
        sql="ALTER TABLE ratingslips_ratingslip ENABLE TRIGGER ratingslips_freeze_slip",
        claimed_by=(f"{_PAST}::TestClosedSlips::test_are_frozen_for_a_session_that_calls_itself_a_replica_too",),
    ),
    Guard(
        name="loyalty_ledger_refuse_update fires always",
        kind=Kind.TRIGGER,
        sql="ALTER TABLE loyalty_ledger ENABLE TRIGGER loyalty_ledger_refuse_update",
        claimed_by=(_AS_REPLICA,),
    ),
    Guard(
        name="every trigger fires always",
        kind=Kind.TRIGGER,
        edits=edit("core/append_only.py", "        ALTER TABLE {table} ENABLE ALWAYS TRIGGER {name};\n", ""),
        claimed_by=_MIGRATED,
    ),
    _truncate_of_append_only("loyalty_ledger", path="loyalty/migrations/0001_initial.py"),
    _truncate_of_append_only("loyalty_earningrate", path="loyalty/migrations/0001_initial.py"),
    _truncate_of_append_only("core_requestorigin", path="core/migrations/0004_request_origin.py"),
    _truncate("loyalty_ledgerexport", path="loyalty/migrations/0002_audit.py"),
    _truncate("ratingslips_ratingslip", path="ratingslips/migrations/0001_initial.py"),
    _truncate("ratingslips_playsegment", path="ratingslips/migrations/0001_initial.py"),
    *_OF_THE_PROOF,
)
