"""Locks, their strength and their order."""

from tests.guards.guard import Guard, Kind, edit

_REWARDS = "tests/loyalty/test_concurrency.py"
_SLIPS = "tests/ratingslips/test_concurrency.py"
_ORDER = "tests/ratingslips/test_lock_order.py::TestLockOrder::test_is_kept_by"

LOCKS = (
    Guard(
        name="account, before points are counted",
        kind=Kind.LOCK,
        edits=edit(
            "loyalty/services/accounts.py",
            'PlayerLoyalty.objects.locked().select_related("player__casino", "program")',
            'PlayerLoyalty.objects.select_related("player__casino", "program")',
        ),
        claimed_by=(
            f"{_REWARDS}::TestAccountLock::test_makes_the_second_posting_wait_and_count_from_the_first",
            f"{_REWARDS}::TestParallelRewards::test_of_one_hundred_points_by_ten_hands_come_to_a_thousand",
        ),
        goes_red_as=("IntegrityError",),
    ),
    Guard(
        name="slip, before it is closed, changed or paid",
        kind=Kind.LOCK,
        edits=edit(
            "ratingslips/services/segments.py",
            "slips = RatingSlip.objects.locked(skip_locked=skip_locked)",
            "slips = RatingSlip.objects.all()",
        ),
        claimed_by=(
            f"{_SLIPS}::TestDuplicateCompletion::test_waits_for_the_first_and_is_its_replay",
            f"{_SLIPS}::TestRecoveryAtOnce::test_by_two_pays_once",
            f"{_SLIPS}::TestRecoveryAtOnce::test_with_the_bosss_own_retry_pays_once",
            "tests/ratingslips/test_slip_versions.py::TestTwoTabletsOnOneSlip::test_do_not_both_act_on_what_both_saw",
        ),
        goes_red_as=("IntegrityError",),
    ),
    Guard(
        name="slip in hand is left to who has it",
        kind=Kind.LOCK,
        edits=edit(
            "ratingslips/services/segments.py",
            "RatingSlip.objects.locked(skip_locked=skip_locked)",
            "RatingSlip.objects.locked()",
        ),
        claimed_by=(
            "tests/ratingslips/test_recovery.py::TestRecoverSlipLoyalty::test_leaves_a_slip_in_hand_to_who_has_it",
            "tests/ratingslips/test_recover_command.py::TestTwoRunsAtOnce::test_leave_a_slip_to_the_one_that_has_it_in_hand",
        ),
        goes_red_as=("Busy",),
    ),
    Guard(
        name="member of staff, before their awards of a minute are counted",
        kind=Kind.LOCK,
        edits=edit(
            "loyalty/services/rewards.py",
            "staff = User.objects.locked().get(pk=actor.pk)",
            "staff = User.objects.get(pk=actor.pk)",
        ),
        claimed_by=(
            f"{_REWARDS}::TestRateLimit::test_makes_the_eleventh_wait_for_the_tenth_of_the_same_person",
            f"{_REWARDS}::TestRateLimit::test_lets_exactly_ten_pass_however_many_hands_there_are",
        ),
    ),
    Guard(
        name="reward id",
        kind=Kind.LOCK,
        edits=edit("loyalty/services/rewards.py", 'lock_name("reward", reward_id)', "pass"),
        claimed_by=(
            (
                f"{_REWARDS}::TestOneRequestManyTimes::"
                "test_is_a_conflict_where_two_people_use_one_reference_for_two_players_at_once"
            ),
        ),
    ),
    Guard(
        name="slip number",
        kind=Kind.LOCK,
        edits=edit("ratingslips/services/opening.py", 'lock_name("slip_number", f"{casino_id}:{slip_number}")', "pass"),
        claimed_by=(f"{_SLIPS}::TestOneSlipNumber::test_goes_to_the_first_of_two_tables",),
    ),
    Guard(
        name="player, before a slip is opened",
        kind=Kind.LOCK,
        edits=edit("ratingslips/services/opening.py", "Player.objects.locked().filter(", "Player.objects.filter("),
        claimed_by=(
            "tests/ratingslips/test_one_player_at_two_tables.py::TestOnePlayerAtTwoTables::test_sits_down_at_the_first",
        ),
    ),
    Guard(
        name="table, before a seat is given",
        kind=Kind.LOCK,
        edits=edit(
            "ratingslips/services/seats.py", "GamingTable.objects.locked().filter(", "GamingTable.objects.filter("
        ),
        claimed_by=(
            f"{_SLIPS}::TestOneSeat::test_goes_to_the_first_of_two_who_open_at_once",
            f"{_SLIPS}::TestOneSeat::test_goes_to_the_first_of_one_who_opens_and_one_who_moves",
            f"{_SLIPS}::TestOneSeat::test_goes_to_the_first_of_two_who_move",
        ),
    ),
    Guard(
        name="programme, before it is paused",
        kind=Kind.LOCK,
        edits=edit(
            "loyalty/services/program.py",
            'with operation("loyalty.pause_program", actor_id=actor.pk):\n'
            "        locked = LoyaltyProgram.objects.locked().get(",
            'with operation("loyalty.pause_program", actor_id=actor.pk):\n        locked = LoyaltyProgram.objects.get(',
        ),
        claimed_by=("tests/loyalty/test_locks_of_a_casino.py::TestProgramLock::test_lets_the_first_of_two_pause_it",),
    ),
    Guard(
        name="programme, before it is resumed",
        kind=Kind.LOCK,
        edits=edit(
            "loyalty/services/program.py",
            'with operation("loyalty.resume_program", actor_id=actor.pk):\n'
            "        locked = LoyaltyProgram.objects.locked().get(",
            'with operation("loyalty.resume_program", actor_id=actor.pk):\n'
            "        locked = LoyaltyProgram.objects.get(",
        ),
        claimed_by=("tests/loyalty/test_locks_of_a_casino.py::TestProgramLock::test_lets_the_first_of_two_resume_it",),
    ),
    Guard(
        name="drift check, one at a time in a casino",
        kind=Kind.LOCK,
        edits=edit("ratingslips/services/drift.py", 'lock_name("drift_check", str(casino.pk))', "pass"),
        claimed_by=(
            (
                "tests/ratingslips/test_drift.py::TestCheckDriftAtOnce::"
                "test_lets_the_second_wait_and_tells_them_that_it_was_just_checked"
            ),
        ),
    ),
    Guard(
        name="import, one at a time in a casino",
        kind=Kind.LOCK,
        edits=edit(
            "ratingslips/imports/apply.py",
            "SELECT pg_try_advisory_lock(%s, %s)",
            "SELECT true FROM (VALUES (%s, %s)) AS held",
        ),
        claimed_by=(
            "tests/ratingslips/test_import_rating_events.py::TestTwoImportsAtOnce::test_are_one_and_a_refusal",
        ),
    ),
    Guard(
        name="load, one at a time",
        kind=Kind.LOCK,
        edits=edit("ratingslips/imports/casino.py", "SELECT pg_advisory_xact_lock(%s)", "SELECT %s"),
        claimed_by=("tests/ratingslips/test_load_at_once.py::TestTwoLoadsAtOnce::test_come_one_after_the_other",),
        goes_red_as=("IntegrityError",),
    ),
    Guard(
        name="rows that a load compares with its files",
        kind=Kind.LOCK,
        edits=edit("ratingslips/imports/casino.py", "among = standing.locked().filter(", "among = standing.filter("),
        claimed_by=(
            "tests/ratingslips/test_load_at_once.py::TestLoadBesideThePages::test_waits_for_a_row_that_is_being_changed",
        ),
    ),
    Guard(
        name="demo, one at a time in a database",
        kind=Kind.LOCK,
        edits=edit("config/demo/evening.py", "if not cursor.fetchone()[0]:", "if not cursor.fetchone():"),
        claimed_by=("tests/config/test_only_demo.py::TestOnlyDemo::test_is_refused_while_another_is_being_set_up",),
    ),
    Guard(
        name="starting the private server, one at a time",
        kind=Kind.LOCK,
        edits=edit("config/localdb/server.py", "fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)", "pass"),
        claimed_by=("tests/config/test_localdb.py::TestStartersAtOnce::test_share_one_server",),
        goes_red_as=("LocalServerError", "CalledProcessError", "OperationalError"),
    ),
    Guard(
        name="FOR NO KEY UPDATE: rows that refer to a locked one come in",
        kind=Kind.LOCK,
        edits=edit("core/querysets.py", "no_key=True, ", ""),
        claimed_by=(
            f"{_REWARDS}::TestAccountLock::test_does_not_hold_up_rows_that_refer_to_the_account",
            f"{_REWARDS}::TestAccountLock::test_lets_an_entry_of_the_account_itself_in",
        ),
        goes_red_as=("OperationalError", "Busy"),
    ),
    Guard(
        name="OF: what a locked row was joined with stays free",
        kind=Kind.LOCK,
        edits=edit("core/querysets.py", 'of=("self",), ', ""),
        claimed_by=(
            "tests/loyalty/test_locks_of_a_casino.py::TestAccountsOfACasino::test_do_not_wait_for_one_another",
        ),
        goes_red_as=("Busy",),
    ),
    Guard(
        name="rows of a kind, in key order",
        kind=Kind.ORDER,
        edits=edit("core/querysets.py", 'skip_locked=skip_locked).order_by("pk")', "skip_locked=skip_locked)"),
        claimed_by=(f"{_ORDER}_rows_of_a_kind",),
    ),
    Guard(
        name="reward: member of staff, then account",
        kind=Kind.ORDER,
        edits=edit(
            "loyalty/services/rewards.py",
            "staff = User.objects.locked().get(pk=actor.pk)\n"
            "        account = lock_account(player_id=player_id, at=at)\n",
            "account = lock_account(player_id=player_id, at=at)\n"
            "        staff = User.objects.locked().get(pk=actor.pk)\n",
        ),
        claimed_by=(f"{_ORDER}_a_reward",),
    ),
    Guard(
        name="reward: reward id, then member of staff",
        kind=Kind.ORDER,
        edits=edit(
            "loyalty/services/rewards.py",
            "        if reward_id:\n"
            '            lock_name("reward", reward_id)\n'
            "        staff = User.objects.locked().get(pk=actor.pk)\n",
            "        staff = User.objects.locked().get(pk=actor.pk)\n"
            "        if reward_id:\n"
            '            lock_name("reward", reward_id)\n',
        ),
        claimed_by=(f"{_ORDER}_a_reward",),
    ),
    Guard(
        name="opening: player, then table",
        kind=Kind.ORDER,
        edits=edit(
            "ratingslips/services/opening.py",
            "guest = _lock_player(player)\n"
            "        place = lock_table(table_id=table if isinstance(table, int) else table.pk)\n",
            "place = lock_table(table_id=table if isinstance(table, int) else table.pk)\n"
            "        guest = _lock_player(player)\n",
        ),
        claimed_by=(f"{_ORDER}_opening",),
    ),
)
