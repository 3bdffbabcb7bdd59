"""Who is signed in is found with their casino, and what they may do is what Django says, in a statement each."""

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, Group, Permission
from pytest_django import DjangoAssertNumQueries

from core.backends import StaffBackend
from core.models import User
from core.roles import PIT_BOSS, PIT_SUPERVISOR
from tests.floor import Floor


class TestGetUser:
    def test_finds_staff_and_their_casino_in_one_statement(
        self, floor: Floor, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        with django_assert_num_queries(1):
            staff = StaffBackend().get_user(floor.boss.pk)

            assert staff == floor.boss
            assert staff.casino == floor.casino

    @pytest.mark.parametrize("change", [{"is_active": False}, None], ids=["deactivated", "not there"])
    def test_finds_nobody_who_is(self, floor: Floor, change: dict[str, bool] | None) -> None:
        key = floor.boss.pk if change else 0
        User.objects.filter(pk=key).update(**(change or {}))

        assert StaffBackend().get_user(key) is None


class TestGetAllPermissions:
    def _grant(self, user: User) -> None:
        user.groups.add(*Group.objects.filter(name__in=[PIT_BOSS, PIT_SUPERVISOR]))
        held = Permission.objects.get(codename="add_casino"), Permission.objects.get(codename="view_player")
        user.user_permissions.add(*held)

    def test_gives_what_was_given_to_staff_and_to_their_roles_in_one_statement(
        self, floor: Floor, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        self._grant(floor.boss)
        expected = ModelBackend().get_all_permissions(User.objects.get(pk=floor.boss.pk))

        with django_assert_num_queries(1):
            held = [StaffBackend().get_all_permissions(floor.boss) for _ in range(2)]

        assert held == [expected, expected]
        assert {"core.add_casino", "core.view_player", "ratingslips.view_ratingslip"} <= expected

    @pytest.mark.parametrize("change", [{"is_superuser": True}, {"is_active": False}], ids=str)
    def test_says_what_django_says_of_who_is(self, floor: Floor, change: dict[str, bool]) -> None:
        self._grant(floor.boss)
        User.objects.filter(pk=floor.boss.pk).update(**change)
        ours, djangos = (User.objects.get(pk=floor.boss.pk) for _ in range(2))

        assert StaffBackend().get_all_permissions(ours) == ModelBackend().get_all_permissions(djangos)

    def test_asks_nothing_where_nobody_is_signed_in(self) -> None:
        assert StaffBackend().get_all_permissions(AnonymousUser()) == set()

    def test_gives_nothing_on_a_single_object(self, floor: Floor) -> None:
        self._grant(floor.boss)

        assert StaffBackend().get_all_permissions(floor.boss, floor.pit) == set()
