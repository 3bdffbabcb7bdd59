"""Keys, and replays that come before everything else."""

from tests.guards.guard import Guard, Kind, edit

_POSTING = "loyalty/services/posting.py"
_ACCRUAL = "loyalty/services/accrual.py"
_REWARDS = "loyalty/services/rewards.py"
_T_POSTING = "tests/loyalty/test_posting.py"
_T_REPLAYS = "tests/loyalty/test_reward_replays.py"
_RULES = "rules_in_force(program_id=account.program_id, earned_at=at)"

KEYS = (
    Guard(
        name="key of a posting, looked up before it is made",
        kind=Kind.UNIQUE,
        edits=edit(
            _POSTING,
            "    if first := entry_with_key(idempotency_key):\n        return replay_of",
            "    if first := None:\n        return replay_of",
        ),
        claimed_by=(
            f"{_T_POSTING}::TestReplayedIncrement::test_gives_the_first_result_again_whatever_came_in_between",
            f"{_T_POSTING}::TestReplayedIncrement::test_names_the_field_that_differs_and_changes_nothing",
        ),
        goes_red_as=("IntegrityError",),
    ),
    Guard(
        name="key of play, looked up before it is credited",
        kind=Kind.UNIQUE,
        edits=edit(_ACCRUAL, "if first := entry_with_key(idempotency_key):", "if first := None:"),
        claimed_by=(
            (
                "tests/loyalty/test_accrual.py::TestReplayedAccrual::"
                "test_gives_the_first_result_again_also_while_the_programme_is_paused"
            ),
        ),
        goes_red_as=("IntegrityError", "ProgramPaused"),
    ),
    Guard(
        name="key of an award, looked up before it is made",
        kind=Kind.UNIQUE,
        edits=edit(_REWARDS, "first = entry_with_key(key)", "first = None"),
        claimed_by=(
            f"{_T_REPLAYS}::TestReplayedReward::test_gives_back_the_first_entry_when_repeated_the_same_day",
            "tests/loyalty/test_concurrency.py::TestOneRequestManyTimes::test_is_one_entry_and_thirty_two_equal_answers",
        ),
        goes_red_as=("IntegrityError",),
    ),
    Guard(
        name="fingerprint: a key is never used for something else",
        kind=Kind.UNIQUE,
        edits=edit(_POSTING, "if entry.fingerprint != fingerprint(contents):", "if False:"),
        claimed_by=(
            f"{_T_POSTING}::TestReplayedIncrement::test_names_every_field_that_differs",
            f"{_T_REPLAYS}::TestConflictingReward::test_names_the_field_that_differs_and_changes_nothing",
        ),
    ),
    Guard(
        name="a slip's key is its id",
        kind=Kind.UNIQUE,
        edits=edit(
            "ratingslips/services/settlement.py",
            "idempotency_key=str(slip.pk),",
            'idempotency_key=f"{slip.pk}:{at.isoformat()}",',
        ),
        claimed_by=(
            "tests/ratingslips/test_completion.py::TestCompleteRatingSlip::test_freezes_the_theo_and_posts_the_points_in_one_go",
            "tests/test_invariants.py::TestInvariants::test_hold_after_a_day_at_work",
        ),
    ),
    Guard(
        name="the day of an award is that on which its form was opened",
        kind=Kind.UNIQUE,
        edits=edit(
            _REWARDS,
            "gaming_day = account.player.casino.gaming_day_at(requested_at)",
            "gaming_day = account.player.casino.gaming_day_at(at)",
        ),
        claimed_by=(
            f"{_T_REPLAYS}::TestRewardAcrossGamingDays::test_is_one_entry_when_the_form_is_sent_again_after_the_rollover",
        ),
    ),
    Guard(
        name="an award is known again by its gaming day",
        kind=Kind.UNIQUE,
        edits=edit(_REWARDS, "fingerprint({**contents, 'gaming_day': gaming_day})", "fingerprint(contents)"),
        claimed_by=(
            f"{_T_REPLAYS}::TestRewardAcrossGamingDays::test_is_one_entry_on_one_day_and_a_second_on_the_next",
        ),
    ),
    Guard(
        name="posting: replay before the programme's state",
        kind=Kind.REPLAY,
        edits=edit(
            _POSTING,
            "    if first := entry_with_key(idempotency_key):\n        return replay_of",
            f"    require_running({_RULES})\n"
            "    if first := entry_with_key(idempotency_key):\n        return replay_of",
        ),
        claimed_by=(
            f"{_T_POSTING}::TestReplayedIncrement::test_gives_the_first_result_again_whatever_came_in_between",
        ),
        goes_red_as=("ProgramPaused",),
    ),
    Guard(
        name="play: replay before the programme's state",
        kind=Kind.REPLAY,
        edits=edit(
            _ACCRUAL,
            "    if first := entry_with_key(idempotency_key):\n",
            f"    require_running({_RULES})\n    if first := entry_with_key(idempotency_key):\n",
        ),
        claimed_by=(
            (
                "tests/loyalty/test_accrual.py::TestReplayedAccrual::"
                "test_gives_the_first_result_again_also_while_the_programme_is_paused"
            ),
        ),
        goes_red_as=("ProgramPaused",),
    ),
    Guard(
        name="award: replay before every limit and right",
        kind=Kind.REPLAY,
        edits=edit(
            _REWARDS,
            "        if first and first.fingerprint == fingerprint(contents):\n",
            "        _require_award_allowed(staff=staff, account=account, first=None, contents=contents, at=at)\n"
            "        if first and first.fingerprint == fingerprint(contents):\n",
        ),
        claimed_by=(f"{_T_REPLAYS}::TestReplayedReward::test_comes_before_every_limit",),
        goes_red_as=("NotPermitted", "RewardRateExceeded", "PlayerNotActive", "SelfAward"),
    ),
    Guard(
        name="completion: replay before the right, for who closed it",
        kind=Kind.REPLAY,
        edits=edit("ratingslips/services/completion.py", " and locked.closed_by_id == actor.pk):", " and False):"),
        claimed_by=(
            "tests/ratingslips/test_completion.py::TestReplayedCompletion::test_answers_who_closed_it_also_without_the_right",
        ),
        goes_red_as=("NotPermitted",),
    ),
    Guard(
        name="completion: a closed slip is not closed again",
        kind=Kind.REPLAY,
        edits=edit("ratingslips/services/completion.py", "= locked.is_closed\n", "= False\n"),
        claimed_by=("tests/ratingslips/test_completion.py::TestReplayedCompletion::test_gives_the_first_result_again",),
        goes_red_as=("IntegrityError",),
    ),
    Guard(
        name="recovery: replay before the right, for who recovered it",
        kind=Kind.REPLAY,
        edits=edit(
            "ratingslips/services/recovery.py",
            " and locked.recovered_by_id == actor.pk):",
            " and False):",
        ),
        claimed_by=(
            (
                "tests/ratingslips/test_recovery.py::TestRecoverSlipLoyalty::"
                "test_answers_who_recovered_it_also_without_the_right_and_nobody_else"
            ),
        ),
        goes_red_as=("NotPermitted",),
    ),
    Guard(
        name="recovery: a settled slip is not settled again",
        kind=Kind.REPLAY,
        edits=edit("ratingslips/services/recovery.py", "= locked.settled_at is not None\n", "= False\n"),
        claimed_by=("tests/ratingslips/test_recovery.py::TestRecoverSlipLoyalty::test_gives_its_first_result_again",),
        goes_red_as=("IntegrityError",),
    ),
)
