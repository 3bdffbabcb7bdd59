"""Who sits where, and as which slip."""

from tests.guards.guard import Guard, Kind, edit

_OPENING = "ratingslips/services/opening.py"
_SEGMENTS = "ratingslips/services/segments.py"
_SEATS = "ratingslips/services/seats.py"
_T_OPENING = "tests/ratingslips/test_opening.py"
_T_OPEN = f"{_T_OPENING}::TestOpenRatingSlip::test"
_T_PLAY = "tests/ratingslips/test_play.py"
_T_MOVE = f"{_T_PLAY}::TestMoveRatingSlip::test"

SEATS = (
    Guard(
        name="no slip for who is barred or inactive",
        kind=Kind.RULE,
        edits=edit(_OPENING, "if player.status != Player.Status.ACTIVE:", "if False:"),
        claimed_by=(f"{_T_OPEN}_refuses_a_player_who_is_not_active",),
    ),
    Guard(
        name="one live slip of a player",
        kind=Kind.UNIQUE,
        edits=edit(
            _OPENING,
            "    if last.closed_at is None:\n        raise",
            "    if last.closed_at is None:\n        return at\n        raise",
        ),
        claimed_by=(f"{_T_OPENING}::TestSecondSlipOfAPlayer::test_is_refused_while_the_first_is_live_and_says_where",),
        goes_red_as=("IntegrityError",),
    ),
    Guard(
        name="play of a player is recorded in order",
        kind=Kind.RULE,
        edits=edit(_OPENING, "if last.closed_at > at:", "if False:"),
        claimed_by=(
            f"{_T_OPENING}::TestSecondSlipOfAPlayer::test_is_refused_for_a_time_at_which_the_first_was_played",
            (
                f"{_T_OPENING}::TestSecondSlipOfAPlayer::"
                "test_is_refused_before_the_first_began_since_play_is_recorded_in_order"
            ),
        ),
        goes_red_as=("IntegrityError",),
    ),
    Guard(
        name="form of a slip number",
        kind=Kind.LIMIT,
        edits=edit(_OPENING, "if not _SLIP_NUMBER.fullmatch(slip_number) or ", "if "),
        claimed_by=(f"{_T_OPEN}_refuses_a_number_that_cannot_be_one",),
        goes_red_as=("DataError", "IntegrityError"),
    ),
    Guard(
        name="numbers of the house are given out by the house",
        kind=Kind.UNIQUE,
        edits=edit(_OPENING, " or _OWN_SLIP_NUMBER.fullmatch(slip_number):", ":"),
        claimed_by=(f"{_T_OPEN}_refuses_a_number_that_cannot_be_one",),
    ),
    Guard(
        name="a slip number is used once in a casino",
        kind=Kind.UNIQUE,
        edits=edit(
            _OPENING, "if RatingSlip.objects.filter(casino=casino_id, slip_number=slip_number).exists():", "if False:"
        ),
        claimed_by=(f"{_T_OPEN}_refuses_a_number_that_is_another_slips",),
        goes_red_as=("IntegrityError",),
    ),
    Guard(
        name="table in use",
        kind=Kind.RULE,
        edits=edit(_SEATS, "if not table.is_active:", "if False:"),
        claimed_by=(
            f"{_T_OPEN}_refuses_a_table_that_is_not_in_use",
            f"{_T_MOVE}_refuses_a_table_that_is_not_in_use_or_does_not_exist",
        ),
    ),
    Guard(
        name="seats of a table",
        kind=Kind.LIMIT,
        edits=edit(_SEATS, "if not 1 <= seat <= table.seats:", "if False:"),
        claimed_by=(
            f"{_T_OPEN}_refuses_a_seat_that_the_table_lacks",
            f"{_T_MOVE}_refuses_a_seat_that_is_none",
        ),
        goes_red_as=("IntegrityError",),
    ),
    Guard(
        name="one player in a seat",
        kind=Kind.UNIQUE,
        edits=edit(_SEATS, "holder = holders.get(seat) or _holder_since(at, last)", "holder = None"),
        claimed_by=(
            f"{_T_OPENING}::TestTakenSeat::test_is_refused_and_says_who_holds_it_and_which_are_free",
            f"{_T_OPENING}::TestTakenSeat::test_stays_the_players_during_a_pause",
            f"{_T_MOVE}_refuses_a_seat_that_is_held",
        ),
        goes_red_as=("IntegrityError",),
    ),
    Guard(
        name="play in a seat is recorded in order",
        kind=Kind.RULE,
        edits=edit(_SEATS, " or _holder_since(at, last)", ""),
        claimed_by=(
            f"{_T_OPENING}::TestTakenSeat::test_is_refused_for_a_time_at_which_it_was_held",
            (
                f"{_T_OPENING}::TestTakenSeat::"
                "test_is_refused_for_a_time_before_others_sat_there_since_play_is_recorded_in_order"
            ),
        ),
        goes_red_as=("IntegrityError",),
    ),
    Guard(
        name="seat: the table is read again after its lock",
        kind=Kind.RULE,
        edits=edit(
            _SEATS,
            "    if GamingTable.objects.locked().filter(pk=table_id).first() is None:\n"
            '        raise NotFound(f"There is no table {table_id}.")\n',
            '    before = GamingTable.objects.select_related("pit__casino", "game").filter(pk=table_id).first()\n'
            "    if GamingTable.objects.locked().filter(pk=table_id).first() is None or before is None:\n"
            '        raise NotFound(f"There is no table {table_id}.")\n'
            "    return before\n",
        ),
        claimed_by=(
            (
                "tests/ratingslips/test_waiting_for_a_change.py::TestMoveRatingSlip::"
                "test_waits_for_a_table_whose_pit_changes_and_finds_it"
            ),
        ),
    ),
    Guard(
        name="slip: its table is taken from the segments, read after the lock",
        kind=Kind.RULE,
        edits=edit(_SEGMENTS, "    slip.table = segments[-1].table\n", "    slip.table = segments[0].table\n"),
        claimed_by=(
            (
                "tests/ratingslips/test_waiting_for_a_change.py::TestCompleteRatingSlip::"
                "test_asks_for_the_right_on_the_pit_that_the_slip_is_in_by_then"
            ),
        ),
    ),
    Guard(
        name="account: its tier is read after the lock",
        kind=Kind.RULE,
        edits=edit(
            "loyalty/services/accounts.py",
            "return next(tier for tier in self.tiers if tier.pk == account.tier_id)",
            "return self.tiers[0]",
        ),
        claimed_by=(
            (
                "tests/ratingslips/test_waiting_for_a_change.py::TestManualReward::"
                "test_counts_from_the_tier_that_the_account_has_by_then"
            ),
            (
                "tests/loyalty/test_accrual.py::TestAccruePlay::"
                "test_posts_the_worked_example_at_the_tier_that_the_player_holds"
            ),
        ),
    ),
)
