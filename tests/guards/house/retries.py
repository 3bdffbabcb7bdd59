"""What is tried again, what is called busy, and what is done about a commit whose answer was lost."""

from tests.guards.guard import Guard, Kind, edit

_RETRIES = "core/retries.py"
_TRANSACTIONS = "core/transactions.py"
_PLAY = "ratingslips/services/play.py"
_KEY_AND_REQUEST = "(segment.pk, segment.start_correlation_id) == (left.pk, left.start_correlation_id)"
_ALIKE = "tests/faults/test_alike.py"
_OPERATION = "tests/core/test_transactions.py::TestOperation::test"
_ON_ITS_OWN = "tests/core/test_transactions.py::TestOperationOnItsOwnConnection::test"
_RETRIED = "tests/core/test_retries.py::TestRetried::test"
_UNKNOWN = "tests/core/test_retries.py::TestUnknownOutcome::test"

RETRIES = (
    Guard(
        name="an answer lost in the commit is no “nothing was changed”",
        kind=Kind.RETRY,
        edits=edit(_TRANSACTIONS, "OutcomeUnknown() if verdict is Verdict.UNKNOWN else Busy()", "Busy()"),
        claimed_by=(f"{_ON_ITS_OWN}_says_that_the_outcome_is_unknown_when_the_connection_is_lost_in_the_commit",),
        goes_red_as=("Busy",),
    ),
    Guard(
        name="a bug is not called busy",
        kind=Kind.RETRY,
        edits=edit(
            _TRANSACTIONS, "if verdict is Verdict.BUG:\n            raise\n", "if verdict is None:\n            raise\n"
        ),
        claimed_by=(f"{_OPERATION}_passes_every_other_database_error_on",),
        goes_red_as=("Busy",),
    ),
    Guard(
        name="a lock timeout is called busy",
        kind=Kind.RETRY,
        edits=edit(_RETRIES, '    "55P03": _CUT_SHORT,  # lock timeout\n', ""),
        claimed_by=(
            f"{_OPERATION}_says_busy_and_leaves_nothing_where_trying_again_helps",
            "tests/ratingslips/test_owed_points.py::TestLocksInTheWay::test_of_the_slip_are_busy_and_change_nothing",
        ),
        goes_red_as=("OperationalError",),
    ),
    Guard(
        name="a deadlock is tried again",
        kind=Kind.RETRY,
        edits=edit(_RETRIES, '    "40P01": _UNDONE,  # deadlock detected\n', ""),
        claimed_by=(f"{_RETRIED}_begins_anew_where_that_helps_and_counts_it_in_the_log",),
        goes_red_as=("OperationalError",),
    ),
    Guard(
        name="a connection that broke is tried again",
        kind=Kind.RETRY,
        edits=edit(_RETRIES, "return _LOST if is_broken else _BUG", "return _BUG"),
        claimed_by=(
            (
                "tests/core/test_rulings.py::TestRulingOn::"
                "test_a_connection_that_broke_is_again_in_work_and_unknown_in_the_commit"
            ),
        ),
    ),
    Guard(
        name="a deadlock in the credit begins the whole completion anew",
        kind=Kind.RETRY,
        edits=edit(
            "ratingslips/services/completion.py",
            "if isinstance(error, DatabaseError) and will_retry(error):",
            "if False:",
        ),
        claimed_by=(
            (
                "tests/ratingslips/test_owed_points.py::TestAnyErrorInTheCredit::"
                "test_leaves_nothing_owed_where_it_was_a_deadlock_and_a_second_attempt_passes"
            ),
        ),
        goes_red_as=("PartialCompletion",),
    ),
    Guard(
        name="attempts of one request",
        kind=Kind.LIMIT,
        edits=edit(_RETRIES, "attempts.number >= MAX_ATTEMPTS:", "attempts.number > MAX_ATTEMPTS:"),
        claimed_by=(f"{_RETRIED}_gives_up_after_three_attempts",),
        goes_red_as=("StopIteration",),
    ),
    Guard(
        name="no attempt inside somebody else's lost transaction",
        kind=Kind.RETRY,
        edits=edit(_RETRIES, "if ruling is _LOST and connection.in_atomic_block:", "if False:"),
        claimed_by=(
            "tests/core/test_retries.py::TestInsideSomebodyElsesTransaction::test_a_lost_connection_is_not_tried_again",
        ),
        goes_red_as=("InterfaceError", "OperationalError", "TransactionManagementError"),
    ),
    Guard(
        name="after an unknown commit, who knows is asked first",
        kind=Kind.REPLAY,
        edits=edit(_RETRIES, "if done and attempts.is_outcome_unknown:", "if False:"),
        claimed_by=(f"{_UNKNOWN}_is_answered_by_who_knows_before_anything_is_done_again",),
        goes_red_as=("OutcomeUnknown",),
    ),
    Guard(
        name="an unknown outcome stays unknown until there is an answer",
        kind=Kind.RETRY,
        edits=edit(_RETRIES, "elif attempts.is_outcome_unknown and not is_unknown:", "elif False:"),
        claimed_by=(f"{_RETRIED}_keeps_saying_unknown_until_an_attempt_could_look",),
        goes_red_as=("Busy",),
    ),
    Guard(
        name="only a row of this very request is one's own",
        kind=Kind.RETRY,
        edits=edit(
            _RETRIES,
            "return outcome_is_unknown() and correlation_id == correlation.current()",
            "return outcome_is_unknown()",
        ),
        claimed_by=(f"{_UNKNOWN}_makes_a_row_with_this_correlation_id_ones_own_and_no_other",),
    ),
    Guard(
        name="without a lost commit, a row that stands is a replay",
        kind=Kind.RETRY,
        edits=edit(
            _RETRIES,
            "return outcome_is_unknown() and correlation_id == correlation.current()",
            "return correlation_id == correlation.current()",
        ),
        claimed_by=(
            f"{_UNKNOWN}_makes_a_row_with_this_correlation_id_ones_own_and_no_other",
            f"{_UNKNOWN}_is_forgotten_with_the_call",
        ),
    ),
    Guard(
        name="what was looked for and is not there is unknown no longer",
        kind=Kind.RETRY,
        edits=edit(_RETRIES, "attempts.is_outcome_unknown = False", "pass"),
        claimed_by=(f"{_UNKNOWN}_is_known_again_where_the_look_found_nothing",),
    ),
    Guard(
        name="of one player's slips, a lost attempt's is known by its key",
        kind=Kind.RETRY,
        edits=edit("ratingslips/services/opening.py", "filter(pk=left.pk)", "filter(player=left.player_id)"),
        claimed_by=(f"{_ALIKE}::TestTheLikeOfWhatTheRequestDidBefore::test_is_done_once_more_and_no_more",),
    ),
    Guard(
        name="a key that was given out twice is not a lost attempt's",
        kind=Kind.RETRY,
        edits=edit(_PLAY, _KEY_AND_REQUEST, "segment.pk == left.pk"),
        claimed_by=(f"{_ALIKE}::TestWhatOthersDoBeforeTheNextAttempt::test_is_not_taken_for_the_bet_that_was_not",),
    ),
    Guard(
        name="of two alike, a lost attempt's is known by its key",
        kind=Kind.RETRY,
        edits=edit(_PLAY, _KEY_AND_REQUEST, "segment.start_correlation_id == left.start_correlation_id"),
        claimed_by=(f"{_ALIKE}::TestTheLikeOfWhatTheRequestDidBefore::test_is_done_once_more_and_no_more",),
    ),
    Guard(
        name="another's end of a segment is not a lost attempt's",
        kind=Kind.RETRY,
        edits=edit(_PLAY, "left.end_correlation_id in {None, segment.end_correlation_id}", "True"),
        claimed_by=(f"{_ALIKE}::TestWhatOthersDoBeforeTheNextAttempt::test_is_not_taken_for_the_pause_that_was_not",),
        goes_red_as=("Failed",),
    ),
    Guard(
        name="all attempts carry one correlation id",
        kind=Kind.TRACE,
        edits=edit(_RETRIES, "with correlation.kept_or_new():", "if True:"),
        claimed_by=(f"{_RETRIED}_binds_one_correlation_id_for_all_attempts",),
    ),
)
