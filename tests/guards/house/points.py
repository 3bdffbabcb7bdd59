"""The rules of points: limits, forms of awards, reversals, programmes."""

from tests.guards.guard import Guard, Kind, edit

_POSTING = "loyalty/services/posting.py"
_REWARDS = "loyalty/services/rewards.py"
_T_POSTING = "tests/loyalty/test_posting.py"
_T_REPLAYS = "tests/loyalty/test_reward_replays.py"
_T_REWARDS = "tests/loyalty/test_rewards.py::TestManualReward::test"

POINTS = (
    Guard(
        name="awards of a minute",
        kind=Kind.LIMIT,
        edits=edit(_REWARDS, "if recent[:AWARDS_PER_WINDOW].count() >= AWARDS_PER_WINDOW:", "if False:"),
        claimed_by=(
            f"{_T_REPLAYS}::TestRewardRate::test_lets_ten_a_minute_pass_and_refuses_the_eleventh",
            (
                "tests/loyalty/test_reward_rate_across_processes.py::TestRateLimit::"
                "test_lets_ten_awards_through_from_four_processes_together"
            ),
        ),
    ),
    Guard(
        name="no award to oneself",
        kind=Kind.RULE,
        edits=edit(_REWARDS, "if staff.player_id == account.player_id:", "if False:"),
        claimed_by=(f"{_T_REWARDS}_refuses_an_award_to_oneself",),
    ),
    Guard(
        name="no award to who is barred or inactive",
        kind=Kind.RULE,
        edits=edit(_REWARDS, "if player.status != Player.Status.ACTIVE:", "if False:"),
        claimed_by=(f"{_T_REWARDS}_refuses_a_player_who_is_not_active",),
    ),
    Guard(
        name="the player is read after the lock",
        kind=Kind.RULE,
        edits=edit(_REWARDS, "player = Player.objects.get(pk=account.player_id)", "player = account.player"),
        claimed_by=(
            (
                "tests/ratingslips/test_waiting_for_a_change.py::TestManualReward::"
                "test_refuses_a_player_who_was_barred_while_it_waited"
            ),
        ),
    ),
    Guard(
        name="points of one award",
        kind=Kind.LIMIT,
        edits=edit(
            _REWARDS, "if not is_whole or not MIN_AWARD_POINTS <= points <= MAX_AWARD_POINTS:", "if not is_whole:"
        ),
        claimed_by=(f"{_T_REWARDS}_refuses_points_beyond_them",),
        goes_red_as=("IntegrityError",),
    ),
    Guard(
        name="points of an award are whole",
        kind=Kind.LIMIT,
        edits=edit(_REWARDS, "if not is_whole or not MIN_AWARD", "if not MIN_AWARD"),
        claimed_by=(f"{_T_REWARDS}_refuses_points_beyond_them",),
        goes_red_as=("IntegrityError",),
    ),
    Guard(
        name="a posting has whole points other than 0",
        kind=Kind.LIMIT,
        edits=edit(_POSTING, "if not isinstance(points, int) or isinstance(points, bool) or points == 0:", "if False:"),
        claimed_by=(f"{_T_POSTING}::TestIncrementPlayerLoyalty::test_takes_whole_points_alone",),
        goes_red_as=("IntegrityError", "DataError", "TypeError"),
    ),
    Guard(
        name="length of a key",
        kind=Kind.LIMIT,
        edits=edit(_POSTING, "if not 1 <= len(idempotency_key) <= IDEMPOTENCY_KEY_MAX_LENGTH:", "if False:"),
        claimed_by=(f"{_T_POSTING}::TestIncrementPlayerLoyalty::test_takes_no_key_that_the_ledger_cannot_hold",),
        goes_red_as=("IntegrityError", "DataError"),
    ),
    Guard(
        name="form of a reward id",
        kind=Kind.LIMIT,
        edits=edit(_REWARDS, "if reward_id is not None and not _REWARD_ID.fullmatch(reward_id):", "if False:"),
        claimed_by=(f"{_T_REWARDS}_refuses_a_reward_id_that_cannot_be_one",),
        goes_red_as=("DataError",),
    ),
    Guard(
        name="length of a reason",
        kind=Kind.LIMIT,
        edits=edit(
            "loyalty/services/reasons.py",
            "if not REASON_MIN_LENGTH <= len(text) <= REASON_MAX_LENGTH:",
            "if False:",
        ),
        claimed_by=(
            f"{_T_REWARDS}_refuses_a_reason_that_says_too_little_or_is_no_text",
            "tests/loyalty/test_program.py::TestPauseProgram::test_refuses_a_reason_that_says_too_little",
        ),
        goes_red_as=("DataError",),
    ),
    Guard(
        name="a reason is text",
        kind=Kind.INPUT,
        edits=edit(
            "loyalty/services/reasons.py",
            'if any(not (character.isprintable() or character in "\\n\\t") for character in text):',
            "if False:",
        ),
        claimed_by=(f"{_T_REWARDS}_refuses_a_reason_that_says_too_little_or_is_no_text",),
        goes_red_as=("ValueError", "DataError"),
    ),
    Guard(
        name="age of an award form",
        kind=Kind.STALE,
        edits=edit(
            _REWARDS,
            "if not timedelta(0) <= at - requested_at <= timedelta(seconds=REQUEST_MAX_AGE_SECONDS):",
            "if False:",
        ),
        claimed_by=(
            f"{_T_REWARDS}_refuses_a_form_that_was_open_for_more_than_a_day",
            f"{_T_REWARDS}_refuses_a_form_that_was_opened_after_it_was_sent",
        ),
    ),
    Guard(
        name="token of an award form: whose it is",
        kind=Kind.STALE,
        edits=edit(
            "loyalty/admin/forms.py",
            '(note.get("account"), note.get("staff")) != (account.pk, staff.pk)',
            '"account" not in note',
        ),
        claimed_by=("tests/loyalty/test_admin_accounts.py::TestAward::test_does_nothing_with_a_token_that_is",),
    ),
    Guard(
        name="token of an award form: its signature",
        kind=Kind.STALE,
        edits=edit(
            "loyalty/admin/forms.py", "        note = {}\n", "        note = signing.loads(token[: -len('x')])\n"
        ),
        claimed_by=("tests/loyalty/test_admin_accounts.py::TestAward::test_does_nothing_with_a_token_that_is",),
        goes_red_as=("BadSignature",),
    ),
    Guard(
        name="token of an award form: its age",
        kind=Kind.STALE,
        edits=edit(
            "loyalty/admin/forms.py", "if now - requested_at > timedelta(seconds=REQUEST_MAX_AGE_SECONDS):", "if False:"
        ),
        claimed_by=("tests/loyalty/test_admin_accounts.py::TestAward::test_does_nothing_with_a_token_that_is",),
    ),
    Guard(
        name="double submit: the form's token gives the time of the request",
        kind=Kind.STALE,
        edits=edit("loyalty/admin/accounts.py", "requested_at=form.requested_at,", "requested_at=None,"),
        claimed_by=(
            (
                "tests/loyalty/test_admin_accounts.py::TestAward::"
                "test_makes_one_entry_of_a_form_that_is_sent_again_after_the_gaming_day_rolled_over"
            ),
        ),
    ),
    Guard(
        name="no posting while the programme is paused",
        kind=Kind.RULE,
        edits=edit(_POSTING, "if rules.program.is_paused:", "if False:"),
        claimed_by=(
            f"{_T_POSTING}::TestIncrementPlayerLoyalty::test_refuses_while_the_programme_is_paused",
            f"{_T_REWARDS}_refuses_while_the_programme_is_paused_and_says_why",
            (
                "tests/loyalty/test_accrual.py::TestAccruePlay::"
                "test_refuses_while_the_programme_is_paused_also_what_is_worth_nothing"
            ),
        ),
    ),
    Guard(
        name="no balance below 0",
        kind=Kind.RULE,
        edits=edit(_POSTING, "if balance_after < 0:", "if False:"),
        claimed_by=(
            f"{_T_POSTING}::TestIncrementPlayerLoyalty::test_refuses_to_take_more_than_there_is",
            f"{_T_POSTING}::TestReversal::test_cannot_take_back_what_is_spent",
        ),
        goes_red_as=("IntegrityError",),
    ),
    Guard(
        name="a reversal names what it takes back, and nothing else does",
        kind=Kind.RULE,
        edits=edit(_POSTING, "if (kind == Kind.REVERSAL) != (reverses is not None):", "if False:"),
        claimed_by=(f"{_T_POSTING}::TestReversal::test_is_one_whole_entry_with_the_opposite_sign",),
        goes_red_as=("IntegrityError",),
    ),
    Guard(
        name="a reversal is of the same account",
        kind=Kind.RULE,
        edits=edit(_POSTING, "reverses.account_id != account.pk or ", ""),
        claimed_by=(f"{_T_POSTING}::TestReversal::test_is_of_the_same_account",),
    ),
    Guard(
        name="a reversal takes back the whole entry",
        kind=Kind.RULE,
        edits=edit(_POSTING, "reverses.points != -points or ", ""),
        claimed_by=(f"{_T_POSTING}::TestReversal::test_is_one_whole_entry_with_the_opposite_sign",),
        goes_red_as=("IntegrityError",),
    ),
    Guard(
        name="a reversal is never reversed",
        kind=Kind.RULE,
        edits=edit(_POSTING, " or reverses.kind == Kind.REVERSAL", ""),
        claimed_by=(f"{_T_POSTING}::TestReversal::test_is_never_reversed_itself",),
    ),
    Guard(
        name="an entry is reversed once",
        kind=Kind.RULE,
        edits=edit(_POSTING, "if reverses and LedgerEntry.objects.filter(reverses=reverses).exists():", "if False:"),
        claimed_by=(f"{_T_POSTING}::TestReversal::test_is_made_once",),
        goes_red_as=("IntegrityError",),
    ),
    Guard(
        name="no rate is guessed",
        kind=Kind.RULE,
        edits=edit(
            "loyalty/services/accounts.py",
            'filter(program=OuterRef("program"), effective_from__lte=earned_at)',
            'filter(program=OuterRef("program"))',
        ),
        claimed_by=(
            "tests/loyalty/test_accrual.py::TestEarningRate::test_is_not_guessed_where_there_was_none",
            "tests/loyalty/test_accrual.py::TestEarningRate::test_is_the_one_in_force_when_the_play_ended",
        ),
    ),
    Guard(
        name="the first tier begins at 0",
        kind=Kind.RULE,
        edits=edit("loyalty/services/accounts.py", "if not tiers or tiers[0].threshold_points != 0:", "if not tiers:"),
        claimed_by=(
            "tests/loyalty/test_accounts.py::TestOpenAccounts::test_refuses_a_programme_without_a_tier_that_begins_at_0",
        ),
        goes_red_as=("StopIteration",),
    ),
    Guard(
        name="an account is opened once",
        kind=Kind.UNIQUE,
        edits=edit("loyalty/services/accounts.py", "        ignore_conflicts=True,\n", ""),
        claimed_by=(
            "tests/loyalty/test_concurrency.py::TestFirstPoints::test_wait_for_an_account_that_is_being_opened",
            "tests/loyalty/test_accounts.py::TestOpenAccounts::test_opens_those_that_are_missing_and_leaves_the_rest",
        ),
        goes_red_as=("IntegrityError",),
    ),
)
