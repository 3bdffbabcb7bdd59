"""What comes from outside: posts, files, headers; and what goes out to spreadsheets and logs."""

from tests.guards.guard import Guard, Kind, edit

_CONFIRMATION = "core/console/confirmation.py"
_T_ROWS = "tests/ratingslips/test_admin_rows.py::TestEveryAction::test"
_T_IMPORT = "tests/ratingslips/test_import_rating_events.py"
_T_ONE_MOMENT = "tests/ratingslips/test_import_one_moment.py"
_T_REFUSALS = "tests/ratingslips/test_import_refusals.py"
_T_CORRELATION = "tests/core/test_middleware.py::TestCorrelationMiddleware::test"

INPUT = (
    Guard(
        name="an action that moves value asks first",
        kind=Kind.STALE,
        edits=edit(
            _CONFIRMATION,
            "is_confirmed = CONFIRMED in request.POST or not action.is_confirmed_first",
            "is_confirmed = True",
        ),
        claimed_by=(
            "tests/ratingslips/test_admin_actions.py::TestRecover::test_asks_first",
            "tests/ratingslips/test_admin_actions.py::TestComplete::test_closes_nothing_before_it_was_confirmed",
        ),
        goes_red_as=("AttributeError", "KeyError"),
    ),
    Guard(
        name="rows of one action",
        kind=Kind.LIMIT,
        edits=edit(_CONFIRMATION, "if len(chosen) > action.max_rows:", "if False:"),
        claimed_by=(f"{_T_ROWS}_takes_no_more_slips_than_its_limit",),
    ),
    Guard(
        name="chosen rows are looked up among one's own",
        kind=Kind.SCOPE,
        edits=edit(
            _CONFIRMATION,
            "rows = model_admin.get_queryset(request).filter(",
            (
                "from django.utils.timezone import now\n\n"
                "    rows = queryset.model._default_manager.with_play(now=now()).filter("
            ),
        ),
        claimed_by=(f"{_T_ROWS}_does_not_know_a_slip_of_another_casino",),
    ),
    Guard(
        name="a row that is refused stops no other",
        kind=Kind.TRANSACTION,
        edits=edit(
            _CONFIRMATION,
            "    except DomainError as error:\n        return Outcome(",
            "    except ZeroDivisionError as error:\n        return Outcome(",
        ),
        claimed_by=(
            "tests/ratingslips/test_admin_actions.py::TestPauseAndResume::test_lets_one_refusal_stop_no_other",
        ),
        goes_red_as=("SlipNotOpen",),
    ),
    Guard(
        name="a row that fails stops no other",
        kind=Kind.TRANSACTION,
        edits=edit(_CONFIRMATION, "    except Exception:\n", "    except ZeroDivisionError:\n"),
        claimed_by=(
            "tests/ratingslips/test_admin_actions.py::TestComplete::test_reports_one_unexpected_failure_and_goes_on",
        ),
        goes_red_as=("RuntimeError",),
    ),
    Guard(
        name="a posted action reaches the service, which refuses and logs it",
        kind=Kind.RIGHT,
        edits=edit(_CONFIRMATION, 'if request.method == "POST" and ACTION_CHECKBOX_NAME in request.POST:', "if False:"),
        claimed_by=(f"{_T_ROWS}_is_refused_slip_by_slip_and_logged_where_an_auditor_forged_the_post",),
    ),
    Guard(
        name="no formula in the export",
        kind=Kind.INPUT,
        edits=edit(
            "core/spreadsheets.py", "if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS):", "if False:"
        ),
        claimed_by=(
            "tests/core/test_spreadsheets.py::TestHarmless::test_takes_the_formula_out_of_text",
            "tests/loyalty/test_ledger_export.py::TestExportOfTheLedger::test_names_the_slip_and_keeps_names_whole",
        ),
    ),
    Guard(
        name="no formula among the refused lines",
        kind=Kind.INPUT,
        edits=edit(
            "core/spreadsheets.py", "if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS):", "if False:"
        ),
        claimed_by=(f"{_T_REFUSALS}::TestBadLines::test_are_harmless_cells_in_that_file",),
    ),
    Guard(
        name="entries of one export",
        kind=Kind.LIMIT,
        edits=edit(
            "loyalty/services/exports.py",
            "if entries.order_by()[MAX_EXPORT_ROWS : MAX_EXPORT_ROWS + 1].exists():",
            "if False:",
        ),
        claimed_by=(
            "tests/loyalty/test_ledger_export.py::TestBeginExport::test_refuses_more_than_one_export_may_hold",
        ),
    ),
    Guard(
        name="refused lines of one import",
        kind=Kind.LIMIT,
        edits=edit("ratingslips/imports/apply.py", "if len(progress.rejects) >= MAX_REJECTED_LINES:", "if False:"),
        claimed_by=(f"{_T_REFUSALS}::TestBadLines::test_end_the_import_when_there_is_no_end_to_them",),
    ),
    Guard(
        name="bytes of one line",
        kind=Kind.LIMIT,
        edits=edit("ratingslips/imports/csv_files.py", "    if len(raw) > MAX_LINE_BYTES:\n", "    if False:\n"),
        claimed_by=(f"{_T_REFUSALS}::TestBadLines::test_are_refused_by_number_with_code_and_reason",),
    ),
    Guard(
        name="no control character in a line",
        kind=Kind.INPUT,
        edits=edit("ratingslips/imports/csv_files.py", "if _CONTROL_CHARACTER.search(text):", "if False:"),
        claimed_by=(f"{_T_REFUSALS}::TestBadLines::test_are_refused_by_number_with_code_and_reason",),
        goes_red_as=("ValueError", "DataError", "JSONDecodeError"),
    ),
    Guard(
        name="a line names the slip's own player",
        kind=Kind.SCOPE,
        edits=edit(
            "ratingslips/imports/apply.py", "if event.player_card not in {None, slip.player_card}:", "if False:"
        ),
        claimed_by=(f"{_T_REFUSALS}::TestBadLines::test_are_refused_by_number_with_code_and_reason",),
    ),
    Guard(
        name="a line does not come after what followed it",
        kind=Kind.RULE,
        edits=edit(
            "ratingslips/imports/apply.py", "if standing == Standing.OVERTAKEN and slip.closed_at is None:", "if False:"
        ),
        claimed_by=(
            f"{_T_ONE_MOMENT}::TestARefusedLineThatOthersOfItsMomentOvertook::test_is_not_put_behind_them_by_a_second_import",
        ),
    ),
    Guard(
        name="a line that stands is not done again",
        kind=Kind.REPLAY,
        edits=edit("ratingslips/imports/apply.py", "if standing == Standing.STANDS:", "if False:"),
        claimed_by=(f"{_T_IMPORT}::TestImportRatingEvents::test_changes_nothing_when_run_again_and_says_so",),
    ),
    Guard(
        name="a busy line is looked for before it is tried again",
        kind=Kind.REPLAY,
        edits=edit("ratingslips/imports/apply.py", "            standing = books.look_again(event)\n", ""),
        claimed_by=(f"{_T_IMPORT}::TestAnImportUnderTrouble::test_does_not_repeat_a_line_whose_answer_was_lost",),
    ),
    Guard(
        name="attempts of one line",
        kind=Kind.LIMIT,
        edits=edit("ratingslips/imports/apply.py", "for _ in range(MAX_ATTEMPTS):", "for _ in range(1):"),
        claimed_by=(f"{_T_IMPORT}::TestAnImportUnderTrouble::test_tries_a_busy_line_again",),
    ),
    Guard(
        name="a correlation id is a UUID or a new one",
        kind=Kind.INPUT,
        edits=edit(
            "core/correlation.py",
            "    except ValueError:\n        return None\n",
            "    except ZeroDivisionError:\n        return None\n",
        ),
        claimed_by=(f"{_T_CORRELATION}_makes_a_new_one_of_anything_else",),
        goes_red_as=("ValueError",),
    ),
    Guard(
        name="no request inherits a correlation id",
        kind=Kind.TRACE,
        edits=edit("core/middleware.py", "@receiver([request_started, request_finished])\n", ""),
        claimed_by=(
            f"{_T_CORRELATION}_leaves_nothing_bound_once_the_answer_is_closed",
            f"{_T_CORRELATION}_forgets_at_the_next_request_what_an_answer_that_was_never_closed_left_bound",
        ),
    ),
    Guard(
        name="a recovered entry keeps the slip's correlation id",
        kind=Kind.TRACE,
        edits=edit(
            "ratingslips/services/settlement.py",
            "            correlation_id=slip.correlation_id,\n            play=",
            "            correlation_id=__import__('core.correlation').correlation.current(),\n            play=",
        ),
        claimed_by=(
            (
                "tests/ratingslips/test_recovery.py::TestRecoverSlipLoyalty::"
                "test_keeps_the_correlation_id_of_the_request_that_closed_the_slip"
            ),
        ),
    ),
    Guard(
        name="a refusal is logged with its code",
        kind=Kind.TRACE,
        edits=edit(
            "core/transactions.py",
            '        log.warning("core.operation_refused", operation=name, code=error.code, actor_id=actor_id)\n',
            "",
        ),
        claimed_by=(
            (
                "tests/core/test_transactions.py::TestOperation::"
                "test_passes_a_refusal_on_unchanged_and_logs_its_code_alone"
            ),
        ),
    ),
    Guard(
        name="a request that may change something leaves its origin",
        kind=Kind.TRACE,
        edits=edit("core/middleware.py", "if method not in _SAFE_METHODS and ", "if False and "),
        claimed_by=("tests/core/test_origins.py::TestOriginMiddleware::test_keeps_who_sent_what_from_where",),
        goes_red_as=("ValueError",),
    ),
    Guard(
        name="only our own proxy is believed",
        kind=Kind.INPUT,
        edits=edit("core/origins.py", "if settings.BEHIND_PROXY:", "if True:"),
        claimed_by=(
            (
                "tests/core/test_origins.py::TestOriginMiddleware::"
                "test_believes_the_last_hop_of_our_own_proxy_and_no_other"
            ),
        ),
    ),
)
