"""Savepoints, whole transactions, timeouts, and what is said when the database does not answer."""

from tests.guards.guard import Guard, Kind, edit

_COMPLETION = "ratingslips/services/completion.py"
_TRANSACTIONS = "core/transactions.py"
_OWED = "tests/ratingslips/test_owed_points.py"
_SNAPSHOT = "tests/loyalty/test_ledger_export.py::TestEntriesInOneSnapshot::test"
_OPERATION = "tests/core/test_transactions.py"
_TIMEOUTS = (f"{_OWED}::TestLocksInTheWay::test_are_no_hang_without_any_setting_of_the_test",)

TRANSACTIONS = (
    Guard(
        name="savepoint around the credit",
        kind=Kind.SAVEPOINT,
        edits=edit(
            _COMPLETION,
            "with transaction.atomic():\n            return settle(",
            "if True:\n            return settle(",
        ),
        claimed_by=(
            f"{_OWED}::TestLocksInTheWay::test_of_the_account_close_the_slip_within_the_timeout_and_leave_it_owed",
            f"{_OWED}::TestAnyErrorInTheCredit::test_leaves_the_slip_closed_and_the_credit_undone",
        ),
        goes_red_as=("InternalError", "TransactionManagementError", "InFailedSqlTransaction", "Busy"),
    ),
    Guard(
        name="any error in the credit leaves the points owed",
        kind=Kind.SAVEPOINT,
        edits=edit(_COMPLETION, "except Exception as error:", "except DomainError as error:"),
        claimed_by=(f"{_OWED}::TestAnyErrorInTheCredit::test_leaves_the_slip_closed_and_the_credit_undone",),
        goes_red_as=("Fault", "ZeroDivisionError", "IntegrityError", "OperationalError", "Busy"),
    ),
    Guard(
        name="the end of the process is no error in the credit",
        kind=Kind.SAVEPOINT,
        edits=edit(_COMPLETION, "except Exception as error:", "except BaseException as error:"),
        claimed_by=(f"{_OWED}::TestAnyErrorInTheCredit::test_does_not_include_the_end_of_the_process",),
        goes_red_as=("PartialCompletion",),
    ),
    Guard(
        name="a credit that was undone leaves no mark on the slip",
        kind=Kind.SAVEPOINT,
        edits=edit(_COMPLETION, "slip.settled_at, slip.ledger_entry_id = None, None\n", "pass\n"),
        claimed_by=(f"{_OWED}::TestAnyErrorInTheCredit::test_leaves_the_slip_closed_and_the_credit_undone",),
        goes_red_as=("IntegrityError", "DoesNotExist"),
    ),
    Guard(
        name="a replay that cannot be counted is answered all the same",
        kind=Kind.SAVEPOINT,
        edits=edit("core/replays.py", "except Exception:", "except ZeroDivisionError:"),
        claimed_by=(
            "tests/core/test_replays.py::TestCountReplay::test_leaves_the_first_result_alone_when_it_cannot_be_written",
        ),
        goes_red_as=("OperationalError", "ProgrammingError", "DatabaseError"),
    ),
    Guard(
        name="replays are counted in one statement",
        kind=Kind.TRANSACTION,
        edits=edit("core/replays.py", "SET replays = counted.replays + 1", "SET replays = 1"),
        claimed_by=("tests/core/test_replays.py::TestCountReplay::test_loses_none_when_many_come_at_once",),
    ),
    Guard(
        name="an operation owns its transaction",
        kind=Kind.TRANSACTION,
        edits=edit(_TRANSACTIONS, "transaction.atomic(durable=True)", "transaction.atomic()"),
        claimed_by=(
            f"{_OPERATION}::TestOperationOnItsOwnConnection::test_cannot_stand_inside_somebody_elses_transaction",
        ),
    ),
    Guard(
        name="an operation is one transaction",
        kind=Kind.TRANSACTION,
        edits=edit(_TRANSACTIONS, "with transaction.atomic(durable=True):", "if True:"),
        claimed_by=(
            f"{_OPERATION}::TestOperation::test_rolls_back_and_passes_on_what_nobody_foresaw",
            "tests/ratingslips/test_faults.py::TestErrorAtEveryStatement::test_of_a_reward_leaves_nothing_and_it_is_made_once",
        ),
        goes_red_as=("TransactionManagementError",),
    ),
    Guard(
        name="a building block needs its caller's transaction",
        kind=Kind.TRANSACTION,
        edits=edit(
            "core/querysets.py",
            'return self.select_for_update(no_key=True, of=("self",), skip_locked=skip_locked)',
            "return self.all()",
        ),
        claimed_by=(
            "tests/loyalty/test_posting.py::TestIncrementPlayerLoyalty::test_needs_a_transaction_of_its_caller",
        ),
    ),
    Guard(
        name="one slip that cannot be paid stops no other",
        kind=Kind.TRANSACTION,
        edits=edit("ratingslips/services/owed.py", "    except Exception:\n", "    except ZeroDivisionError:\n"),
        claimed_by=(
            (
                "tests/ratingslips/test_recover_command.py::TestRecoverSlipLoyaltyCommand::"
                "test_goes_on_after_a_slip_that_cannot_be_paid"
            ),
        ),
        goes_red_as=("RuntimeError", "Exception", "Fault", "ValueError"),
    ),
    Guard(
        name="lock timeout",
        kind=Kind.TIMEOUT,
        edits=edit("config/settings.py", "-c lock_timeout={LOCK_TIMEOUT_SECONDS}s ", ""),
        claimed_by=_TIMEOUTS,
    ),
    Guard(
        name="statement timeout",
        kind=Kind.TIMEOUT,
        edits=edit("config/settings.py", "-c statement_timeout={STATEMENT_TIMEOUT_SECONDS}s ", ""),
        claimed_by=_TIMEOUTS,
    ),
    Guard(
        name="idle-in-transaction timeout",
        kind=Kind.TIMEOUT,
        edits=edit(
            "config/settings.py",
            '        f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_TIMEOUT_SECONDS}s"\n',
            '        ""\n',
        ),
        claimed_by=_TIMEOUTS,
    ),
    Guard(
        name="timeout of a drift check",
        kind=Kind.TIMEOUT,
        edits=edit("loyalty/services/drift.py", "    allow_statements(seconds=within_seconds)\n", ""),
        claimed_by=("tests/ratingslips/test_drift.py::TestCheckDrift::test_is_busy_where_the_ledger_takes_too_long",),
    ),
    Guard(
        name="an export and the invariants are read in one snapshot",
        kind=Kind.TRANSACTION,
        edits=edit("core/snapshots.py", "REPEATABLE READ READ ONLY", "READ COMMITTED"),
        claimed_by=(f"{_SNAPSHOT}_do_not_hold_what_commits_while_they_are_read",),
    ),
    Guard(
        name="patience of an export with a slow line",
        kind=Kind.TIMEOUT,
        edits=edit(
            "loyalty/services/exports.py",
            "with one_snapshot(idle_seconds=PATIENCE_SECONDS):",
            "with one_snapshot():",
        ),
        claimed_by=(f"{_SNAPSHOT}_wait_for_a_slow_line_longer_than_the_floor",),
    ),
)
