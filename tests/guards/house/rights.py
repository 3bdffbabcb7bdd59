"""Who may: the services' question, and whose rows a page shows."""

from tests.guards.guard import Guard, Kind, edit

_PERMISSIONS = "core/permissions.py"
_T_PERMISSIONS = "tests/core/test_permissions.py::TestHasPermission::test"
_T_EXPORT = "tests/loyalty/test_ledger_export.py"
_LOCKED_TO = (
    '    with operation("loyalty.{}_program", actor_id=actor.pk):\n'
    "        locked = LoyaltyProgram.objects.locked().get(pk=program.pk)\n"
)

_ASKED = (
    Guard(
        name="to be signed in",
        kind=Kind.RIGHT,
        edits=edit("core/backends.py", " and self.user_can_authenticate(user)", ""),
        claimed_by=("tests/core/test_backends.py::TestGetUser::test_finds_nobody_who_is_deactivated",),
    ),
    Guard(
        name="to open a slip",
        kind=Kind.RIGHT,
        edits=edit("ratingslips/services/opening.py", "require_permission(actor, OPERATE_PIT, place.pit)", "pass"),
        claimed_by=(
            "tests/ratingslips/test_opening.py::TestOpenRatingSlip::test_refuses_who_does_not_operate_the_pit",
        ),
    ),
    Guard(
        name="to change a live slip",
        kind=Kind.RIGHT,
        edits=edit(
            "ratingslips/services/segments.py", "require_permission(actor, OPERATE_PIT, locked.table.pit)", "pass"
        ),
        claimed_by=(
            (
                "tests/ratingslips/test_play.py::TestEveryChangeOfALiveSlip::"
                "test_is_refused_to_who_does_not_operate_the_pit"
            ),
        ),
    ),
    Guard(
        name="to move a slip into another pit",
        kind=Kind.RIGHT,
        edits=edit(
            "ratingslips/services/play.py", "require_permission(live.actor, OPERATE_PIT, destination.pit)", "pass"
        ),
        claimed_by=("tests/ratingslips/test_play.py::TestMoveRatingSlip::test_needs_the_right_for_the_pit_it_goes_to",),
    ),
    Guard(
        name="to close a slip",
        kind=Kind.RIGHT,
        edits=edit(
            "ratingslips/services/completion.py", "require_permission(actor, OPERATE_PIT, locked.table.pit)", "pass"
        ),
        claimed_by=(
            "tests/ratingslips/test_completion.py::TestCompleteRatingSlip::test_refuses_who_does_not_operate_the_pit",
            (
                "tests/ratingslips/test_admin_rows.py::TestEveryAction::"
                "test_is_refused_when_the_right_was_taken_away_between_page_and_post"
            ),
        ),
    ),
    Guard(
        name="to hear how somebody else's slip was closed",
        kind=Kind.RIGHT,
        edits=edit(
            "ratingslips/services/completion.py",
            " and locked.closed_by_id == actor.pk):",
            "):",
        ),
        claimed_by=(
            "tests/ratingslips/test_completion.py::TestReplayedCompletion::test_answers_somebody_else_only_with_the_right",
        ),
    ),
    Guard(
        name="to recover a slip",
        kind=Kind.RIGHT,
        edits=edit(
            "ratingslips/services/recovery.py",
            "require_permission(actor, RECOVER_LOYALTY, locked.table.pit)",
            "pass",
        ),
        claimed_by=(
            "tests/ratingslips/test_recovery.py::TestRecoverSlipLoyalty::test_refuses_who_may_only_operate_the_pit",
        ),
    ),
    Guard(
        name="to hear what somebody else recovered",
        kind=Kind.RIGHT,
        edits=edit(
            "ratingslips/services/recovery.py",
            " and locked.recovered_by_id == actor.pk):",
            "):",
        ),
        claimed_by=(
            (
                "tests/ratingslips/test_recovery.py::TestRecoverSlipLoyalty::"
                "test_answers_who_recovered_it_also_without_the_right_and_nobody_else"
            ),
        ),
    ),
    Guard(
        name="to award points",
        kind=Kind.RIGHT,
        edits=edit("loyalty/services/rewards.py", "require_permission(staff, AWARD, account.program)", "pass"),
        claimed_by=(
            "tests/loyalty/test_rewards.py::TestManualReward::test_refuses_who_was_not_granted_it",
            "tests/loyalty/test_rewards.py::TestManualReward::test_refuses_who_lost_it_between_page_and_post",
        ),
    ),
    Guard(
        name="to hear what a reward id was used for",
        kind=Kind.RIGHT,
        edits=edit(
            "loyalty/services/rewards.py", "if first and first.fingerprint == fingerprint(contents):", "if first:"
        ),
        claimed_by=("tests/loyalty/test_reward_replays.py::TestConflictingReward::test_is_told_only_to_who_may_award",),
        goes_red_as=("IdempotencyConflict",),
    ),
    Guard(
        name="to pause a programme",
        kind=Kind.RIGHT,
        edits=edit(
            "loyalty/services/program.py",
            f"{_LOCKED_TO.format('pause')}        require_permission(actor, PAUSE_PROGRAM, locked)\n",
            _LOCKED_TO.format("pause"),
        ),
        claimed_by=("tests/loyalty/test_program.py::TestPauseProgram::test_refuses_who_was_not_granted_it",),
    ),
    Guard(
        name="to resume a programme",
        kind=Kind.RIGHT,
        edits=edit(
            "loyalty/services/program.py",
            f"{_LOCKED_TO.format('resume')}        require_permission(actor, PAUSE_PROGRAM, locked)\n",
            _LOCKED_TO.format("resume"),
        ),
        claimed_by=("tests/loyalty/test_program.py::TestResumeProgram::test_refuses_who_was_not_granted_it",),
    ),
    Guard(
        name="to look for drift",
        kind=Kind.RIGHT,
        edits=edit(
            "ratingslips/services/drift.py",
            "require_permission(actor, VIEW_PROGRAM, program)",
            "pass",
        ),
        claimed_by=(
            "tests/ratingslips/test_drift.py::TestCheckDrift::test_is_refused_to_who_may_not_see_the_programme",
        ),
    ),
    Guard(
        name="to export a casino's ledger",
        kind=Kind.RIGHT,
        edits=edit("loyalty/services/exports.py", " and has_permission(actor, EXPORT_LEDGER, program)", ""),
        claimed_by=(f"{_T_EXPORT}::TestBeginExport::test_asks_for_the_permission_afresh",),
    ),
    Guard(
        name="to export the ledger of all casinos",
        kind=Kind.RIGHT,
        edits=edit(
            "loyalty/services/exports.py",
            "superusers.filter(pk=actor.pk).exists()",
            "True",
        ),
        claimed_by=(f"{_T_EXPORT}::TestBeginExport::test_asks_for_the_permission_afresh",),
    ),
    Guard(
        name="to see a pit's floor",
        kind=Kind.RIGHT,
        edits=edit("ratingslips/admin/floor/pages.py", "if not has_permission(staff, VIEW_SLIPS, pit):", "if False:"),
        claimed_by=("tests/config/test_permissions_floor.py::TestFloor::test_opens_to_each_what_the_table_says",),
    ),
)

_ANSWERED = (
    Guard(
        name="not who was deactivated",
        kind=Kind.RIGHT,
        edits=edit(_PERMISSIONS, "      AND staff.is_active\n", ""),
        claimed_by=(f"{_T_PERMISSIONS}_does_not_hold_for_who_was_deactivated",),
    ),
    Guard(
        name="not in another casino",
        kind=Kind.SCOPE,
        edits=edit(_PERMISSIONS, "        staff.casino_id = %(casino)s\n", "        true\n"),
        claimed_by=(
            f"{_T_PERMISSIONS}_does_not_hold_in_another_casino_even_with_a_global_grant",
            (
                "tests/loyalty/test_rewards.py::TestManualReward::"
                "test_refuses_staff_of_another_casino_even_with_a_global_grant"
            ),
        ),
    ),
    Guard(
        name="not another permission",
        kind=Kind.RIGHT,
        edits=edit(_PERMISSIONS, "              AND permission.codename = %(codename)s\n", ""),
        claimed_by=(f"{_T_PERMISSIONS}_does_not_hold_for_another_permission_on_the_object",),
    ),
    Guard(
        name="not the permission of another app",
        kind=Kind.RIGHT,
        edits=edit(_PERMISSIONS, "content_type.app_label = %(app_label)s", "true"),
        claimed_by=(f"{_T_PERMISSIONS}_keeps_permissions_of_the_same_name_in_two_apps_apart",),
    ),
    Guard(
        name="not on another object, for a person",
        kind=Kind.RIGHT,
        edits=edit(
            _PERMISSIONS,
            "                    WHERE held.user_id = staff.id\n"
            "                      AND held.permission_id = permission.id\n"
            "                      AND held.object_pk = %(object)s\n",
            "                    WHERE held.user_id = staff.id\n"
            "                      AND held.permission_id = permission.id\n",
        ),
        claimed_by=(f"{_T_PERMISSIONS}_holds_for_a_person_on_this_object_alone",),
    ),
    Guard(
        name="not on another object, for a role",
        kind=Kind.RIGHT,
        edits=edit(
            _PERMISSIONS,
            "                    WHERE member.user_id = staff.id\n"
            "                      AND held.permission_id = permission.id\n"
            "                      AND held.object_pk = %(object)s\n",
            "                    WHERE member.user_id = staff.id\n"
            "                      AND held.permission_id = permission.id\n",
        ),
        claimed_by=(f"{_T_PERMISSIONS}_holds_for_a_group_on_this_object_alone",),
    ),
    Guard(
        name="asked from the database each time",
        kind=Kind.RIGHT,
        edits=edit(
            _PERMISSIONS,
            '    app_label, codename = permission.split(".")\n',
            "    if actor.has_perm(permission) or actor.has_perm(permission, on):\n        return True\n"
            '    app_label, codename = permission.split(".")\n',
        ),
        claimed_by=(
            f"{_T_PERMISSIONS}_is_gone_at_once_when_it_is_revoked_between_page_and_post",
            f"{_T_PERMISSIONS}_takes_one_statement",
        ),
    ),
)

RIGHTS = (*_ASKED, *_ANSWERED)
