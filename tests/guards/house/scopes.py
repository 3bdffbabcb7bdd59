"""Whose rows a page shows, and what its pages are closed to."""

from tests.guards.guard import Guard, Kind, edit

_T_ADMIN = "tests/core/test_admin.py::TestEveryModel::test"

SCOPES = (
    Guard(
        name="opening: player and table of one casino",
        kind=Kind.SCOPE,
        edits=edit("ratingslips/services/opening.py", "if place.casino_id != guest.casino_id:", "if False:"),
        claimed_by=("tests/ratingslips/test_opening.py::TestOpenRatingSlip::test_refuses_a_player_of_another_casino",),
    ),
    Guard(
        name="moving: slip and table of one casino",
        kind=Kind.SCOPE,
        edits=edit("ratingslips/services/play.py", "if destination.casino_id != live.slip.casino_id:", "if False:"),
        claimed_by=("tests/ratingslips/test_play.py::TestMoveRatingSlip::test_refuses_another_casino",),
        goes_red_as=("NotPermitted",),
    ),
    Guard(
        name="lists and guessed addresses: rows of one's own casino",
        kind=Kind.SCOPE,
        edits=edit(
            "core/console/scope.py",
            "return in_casino_of(staff_of(request), super().get_queryset(request), lookup=self.casino_lookup)",
            "return super().get_queryset(request)",
        ),
        claimed_by=(
            f"{_T_ADMIN}_shows_staff_the_rows_of_their_own_casino_alone",
            f"{_T_ADMIN}_never_opens_a_guessed_row_of_another_casino",
        ),
    ),
    Guard(
        name="nothing for staff without a casino",
        kind=Kind.SCOPE,
        edits=edit("core/console/scope.py", "        return rows.none()", "        return rows"),
        claimed_by=(f"{_T_ADMIN}_shows_nothing_to_staff_without_a_casino",),
    ),
    Guard(
        name="only an operator without a casino works everywhere",
        kind=Kind.SCOPE,
        edits=edit("core/console/scope.py", "user.casino_id is None and (", "("),
        claimed_by=("tests/core/test_admin.py::TestWholeHouse::test_is_not_seen_by_an_operator_of_one_casino",),
    ),
    Guard(
        name="choices of one's own casino in every form",
        kind=Kind.SCOPE,
        edits=edit(
            "core/console/scope.py",
            'if isinstance(related, ConsoleAdmin) and "queryset" not in kwargs:',
            "if False:",
        ),
        claimed_by=("tests/core/test_admin_people.py::TestPlayers::test_cannot_be_enrolled_in_another_casino",),
    ),
    Guard(
        name="no row moves to another casino",
        kind=Kind.SCOPE,
        edits=edit(
            "core/console/scope.py",
            'return (*fields, "casino") if obj is not None and hasattr(obj, "casino_id") else fields',
            "return fields",
        ),
        claimed_by=("tests/core/test_admin_people.py::TestPlayers::test_do_not_move_to_another_casino",),
    ),
    Guard(
        name="nothing is deleted in the console",
        kind=Kind.RIGHT,
        edits=edit(
            "core/console/scope.py",
            "    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:\n"
            "        return False\n",
            "    def has_delete_permission(self, request: HttpRequest, obj: M | None = None) -> bool:\n"
            "        return super().has_delete_permission(request, obj)\n",
        ),
        claimed_by=(f"{_T_ADMIN}_cannot_be_deleted_by_a_superuser",),
        goes_red_as=("ProtectedError",),
    ),
    Guard(
        name="what services write is not added in the console",
        kind=Kind.RIGHT,
        edits=edit(
            "core/console/scope.py",
            "    def has_add_permission(self, request: HttpRequest) -> bool:\n        return False\n",
            "    def has_add_permission(self, request: HttpRequest) -> bool:\n"
            "        return super().has_add_permission(request)\n",
        ),
        claimed_by=(f"{_T_ADMIN}_of_a_service_cannot_be_added_or_changed_by_a_superuser",),
        goes_red_as=("FieldError",),
    ),
    Guard(
        name="what services write is not changed in the console",
        kind=Kind.RIGHT,
        edits=edit(
            "core/console/scope.py",
            "    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:\n"
            "        return False\n",
            "    def has_change_permission(self, request: HttpRequest, obj: M | None = None) -> bool:\n"
            "        return super().has_change_permission(request, obj)\n",
        ),
        claimed_by=(f"{_T_ADMIN}_of_a_service_cannot_be_added_or_changed_by_a_superuser",),
        goes_red_as=("FieldError",),
    ),
    Guard(
        name="the actor is who is signed in",
        kind=Kind.RIGHT,
        edits=edit(
            "core/console/scope.py",
            "    return request.user\n",
            '    forged = request.POST.get("actor") or request.POST.get("staff")\n'
            "    return User.objects.get(pk=forged) if forged else request.user\n",
        ),
        claimed_by=(
            "tests/ratingslips/test_admin_rows.py::TestEveryAction::test_takes_no_actor_from_the_post",
            "tests/loyalty/test_admin_accounts.py::TestAward::test_takes_no_staff_from_the_post",
        ),
    ),
)
