"""Play between sitting down and leaving, what it is worth, and pages that are no longer true."""

from tests.guards.guard import Guard, Kind, edit

_PLAY = "ratingslips/services/play.py"
_SEGMENTS = "ratingslips/services/segments.py"
_T_OPENING = "tests/ratingslips/test_opening.py"
_T_OPEN = f"{_T_OPENING}::TestOpenRatingSlip::test"
_T_PLAY = "tests/ratingslips/test_play.py"
_T_CHANGE = f"{_T_PLAY}::TestEveryChangeOfALiveSlip::test"
_T_MOVE = f"{_T_PLAY}::TestMoveRatingSlip::test"

PLAY = (
    Guard(
        name="a closed slip is not changed",
        kind=Kind.RULE,
        edits=edit(_SEGMENTS, "        if locked.is_closed:\n", "        if False:\n"),
        claimed_by=(f"{_T_CHANGE}_is_refused_once_it_is_closed",),
        goes_red_as=("IntegrityError",),
    ),
    Guard(
        name="what was decided on another version is not done",
        kind=Kind.STALE,
        edits=edit(
            _SEGMENTS,
            "if expected_version is not None and expected_version != SlipVersion(seq=last.seq, status=locked.status):",
            "if False:",
        ),
        claimed_by=(
            "tests/ratingslips/test_slip_versions.py::TestSeenVersion::test_refuses_one_that_was_decided_before_another",
            "tests/ratingslips/test_slip_versions.py::TestTwoTabletsOnOneSlip::test_do_not_both_act_on_what_both_saw",
            "tests/ratingslips/test_floor_slip.py::TestStalePage::test_asks_again_and_says_what_changed",
        ),
    ),
    Guard(
        name="the page sends the version that it showed",
        kind=Kind.STALE,
        edits=edit(
            "ratingslips/admin/floor/asking.py",
            '{"slip": self.slip.pk, "actor": self.actor, "at": self.at, "expected_version": self.expected_version}',
            '{"slip": self.slip.pk, "actor": self.actor, "at": self.at}',
        ),
        claimed_by=("tests/ratingslips/test_floor_slip.py::TestStalePage::test_asks_again_and_says_what_changed",),
    ),
    Guard(
        name="a second tap is told what the first did",
        kind=Kind.STALE,
        edits=edit(
            "ratingslips/admin/floor/slip_page.py", "if len(changes) == 1 and change.by", "if False and change.by"
        ),
        claimed_by=("tests/ratingslips/test_floor_slip.py::TestStalePage::test_tells_a_second_tap_what_the_first_did",),
    ),
    Guard(
        name="what somebody else did is no second tap",
        kind=Kind.STALE,
        edits=edit("ratingslips/admin/floor/slip_page.py", "change.by == decision.actor and ", ""),
        claimed_by=(
            (
                "tests/ratingslips/test_floor_slip.py::TestStalePage::"
                "test_does_not_take_what_somebody_else_did_for_a_second_tap"
            ),
        ),
    ),
    Guard(
        name="a change does not come before the last event",
        kind=Kind.RULE,
        edits=edit(
            _SEGMENTS, "require_event_time(at, not_before=last.ended_at or last.started_at)", "require_event_time(at)"
        ),
        claimed_by=(
            f"{_T_CHANGE}_is_refused_before_the_last_event_and_in_the_future",
            f"{_T_PLAY}::TestPauseAndResume::test_refuse_to_resume_before_the_pause_began",
        ),
        goes_red_as=("IntegrityError", "DataError"),
    ),
    Guard(
        name="a close does not come before the last event",
        kind=Kind.RULE,
        edits=edit(
            "ratingslips/services/completion.py",
            "require_event_time(at, not_before=last.ended_at or last.started_at)",
            "require_event_time(at)",
        ),
        claimed_by=(
            (
                "tests/ratingslips/test_completion.py::TestCompleteRatingSlip::"
                "test_refuses_a_time_before_the_last_event_and_in_the_future"
            ),
        ),
        goes_red_as=("IntegrityError", "DataError", "InvalidOperation", "ValueError"),
    ),
    Guard(
        name="a paused slip is not paused",
        kind=Kind.RULE,
        edits=edit(_PLAY, "        if live.is_paused:\n            raise", "        if False:\n            raise"),
        claimed_by=(f"{_T_PLAY}::TestPauseAndResume::test_refuse_to_pause_twice",),
        goes_red_as=("IntegrityError",),
    ),
    Guard(
        name="an open slip is not resumed",
        kind=Kind.RULE,
        edits=edit(_PLAY, "        if not live.is_paused:\n            raise", "        if False:\n            raise"),
        claimed_by=(f"{_T_PLAY}::TestPauseAndResume::test_refuse_to_resume_what_is_open",),
        goes_red_as=("IntegrityError",),
    ),
    Guard(
        name="a slip does not move to where it is",
        kind=Kind.RULE,
        edits=edit(_PLAY, "if (destination.pk, seat) == (live.slip.table_id, live.slip.seat):", "if False:"),
        claimed_by=(f"{_T_MOVE}_refuses_the_seat_it_has",),
        goes_red_as=("SeatTaken",),
    ),
    Guard(
        name="a live slip is not recovered",
        kind=Kind.RULE,
        edits=edit("ratingslips/services/recovery.py", "if not locked.is_closed:", "if False:"),
        claimed_by=("tests/ratingslips/test_recovery.py::TestRecoverSlipLoyalty::test_refuses_a_live_slip",),
    ),
    Guard(
        name="recovery leaves alone what closed a moment ago",
        kind=Kind.RULE,
        edits=edit("ratingslips/services/owed.py", "if closed_until is not None:", "if False:"),
        claimed_by=(
            (
                "tests/ratingslips/test_recover_command.py::TestRecoverSlipLoyaltyCommand::"
                "test_leaves_slips_alone_that_closed_a_moment_ago"
            ),
        ),
    ),
    Guard(
        name="a pass of recovery comes to an end",
        kind=Kind.LIMIT,
        edits=edit(
            "ratingslips/services/owed.py",
            "        not_seen = Q(closed_at__gt=last.closed_at) | Q(closed_at=last.closed_at, pk__gt=last.pk)\n",
            "        not_seen = Q(closed_at__gt=last.closed_at)\n",
        ),
        claimed_by=(
            (
                "tests/ratingslips/test_recover_command.py::TestRecoverSlipLoyaltyCommand::"
                "test_pays_slips_that_closed_at_the_same_instant"
            ),
        ),
    ),
    Guard(
        name="average bet",
        kind=Kind.LIMIT,
        edits=edit(
            "ratingslips/services/stakes.py",
            "if not _is_money(average_bet, most=MAX_AVERAGE_BET) or average_bet == 0:",
            "if False:",
        ),
        claimed_by=(
            "tests/ratingslips/test_stakes.py::TestRequireAverageBet::test_refuses_everything_else",
            f"{_T_OPEN}_refuses_a_bet_that_is_none",
            f"{_T_PLAY}::TestChangeAverageBet::test_refuses_a_bet_that_is_none",
        ),
        goes_red_as=("IntegrityError", "DataError", "InvalidOperation"),
    ),
    Guard(
        name="buy-in and chips out",
        kind=Kind.LIMIT,
        edits=edit(
            "ratingslips/services/stakes.py",
            "if amount is not None and not _is_money(amount, most=MAX_AMOUNT):",
            "if False:",
        ),
        claimed_by=(
            f"{_T_OPEN}_refuses_a_buy_in_that_is_no_amount",
            "tests/ratingslips/test_completion.py::TestCompleteRatingSlip::test_refuses_what_is_no_amount",
        ),
        goes_red_as=("IntegrityError", "DataError", "InvalidOperation"),
    ),
    Guard(
        name="money is whole cents",
        kind=Kind.LIMIT,
        edits=edit("ratingslips/services/stakes.py", "return amount == amount.quantize(_CENT)", "return True"),
        claimed_by=("tests/ratingslips/test_stakes.py::TestRequireAverageBet::test_refuses_any_part_of_a_cent",),
    ),
    Guard(
        name="no event in the future",
        kind=Kind.RULE,
        edits=edit("core/clock.py", "if at > timezone.now():", "if False:"),
        claimed_by=(
            "tests/core/test_clock.py::TestRequireEventTime::test_refuses_the_future",
            f"{_T_OPEN}_refuses_the_future",
        ),
    ),
    Guard(
        name="no event without a time zone",
        kind=Kind.RULE,
        edits=edit("core/clock.py", "if timezone.is_naive(at):", "if False:"),
        claimed_by=("tests/core/test_clock.py::TestRequireEventTime::test_refuses_a_time_without_a_zone",),
        goes_red_as=("TypeError",),
    ),
    Guard(
        name="no event before the earliest",
        kind=Kind.RULE,
        edits=edit("core/clock.py", "if at < EARLIEST_EVENT_AT:", "if False:"),
        claimed_by=("tests/core/test_clock.py::TestRequireEventTime::test_refuses_a_year_that_nobody_played_in",),
    ),
    Guard(
        name="no event before the last one",
        kind=Kind.RULE,
        edits=edit("core/clock.py", "if not_before is not None and at < not_before:", "if False:"),
        claimed_by=("tests/core/test_clock.py::TestRequireEventTime::test_refuses_what_comes_before_the_last_event",),
    ),
    Guard(
        name="a drift check a minute",
        kind=Kind.LIMIT,
        edits=edit("ratingslips/services/drift.py", "at + pause).exists():", "at + pause).exists() and False:"),
        claimed_by=(
            (
                "tests/ratingslips/test_drift.py::TestCheckDriftAtOnce::"
                "test_lets_the_second_wait_and_tells_them_that_it_was_just_checked"
            ),
        ),
    ),
)
