"""Who is signed in is found with their casino, and what they may do is what Django says, in a statement each."""

import pytest
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, Group, Permission
from guardian.core import ObjectPermissionChecker
from guardian.shortcuts import assign_perm
from pytest_django import DjangoAssertNumQueries

from core.backends import StaffBackend
from core.models import User
from core.roles import PIT_BOSS, PIT_SUPERVISOR
from tests.factories import PitFactory
from tests.floor import Floor


class TestGetUser:
    def test_finds_staff_and_their_casino_in_one_statement(
        self, floor: Floor, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        with django_assert_num_queries(1):
            staff = StaffBackend().get_user(floor.boss.pk)

            assert staff == floor.boss
            assert staff.casino == floor.casino

    def test_finds_nobody_who_is_deactivated(self, floor: Floor) -> None:
        User.objects.filter(pk=floor.boss.pk).update(is_active=False)

        assert StaffBackend().get_user(floor.boss.pk) is None

    def test_finds_nobody_who_is_not_there(self, db: None) -> None:
        assert StaffBackend().get_user(0) is None


@pytest.fixture
def boss(floor: Floor) -> User:
    """A boss who holds permissions by two roles, and two of their own, one of which the roles have as well."""
    floor.boss.groups.add(*Group.objects.filter(name__in=[PIT_BOSS, PIT_SUPERVISOR]))
    floor.boss.user_permissions.add(*Permission.objects.filter(codename__in=["add_casino", "view_player"]))
    return floor.boss


class TestGetAllPermissions:
    def test_gives_rights_of_staff_and_roles_in_one_statement(
        self, boss: User, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        expected = ModelBackend().get_all_permissions(User.objects.get(pk=boss.pk))

        with django_assert_num_queries(1):
            held = [StaffBackend().get_all_permissions(boss) for _ in range(2)]

        assert held == [expected, expected]
        assert {"core.add_casino", "core.view_player", "ratingslips.view_ratingslip"} <= expected

    def test_gives_everything_to_a_superuser(self, boss: User) -> None:
        boss.is_superuser = True

        assert len(StaffBackend().get_all_permissions(boss)) == Permission.objects.count()

    def test_gives_nothing_to_who_is_deactivated_and_asks_nothing(
        self, boss: User, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        boss.is_active = False

        with django_assert_num_queries(0):
            assert StaffBackend().get_all_permissions(boss) == set()

    def test_gives_rights_on_a_row_as_guardian_does(
        self, floor: Floor, boss: User, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        assign_perm("ratingslips.recover_loyalty", Group.objects.get(name=PIT_BOSS), floor.pit)
        known, rows = StaffBackend(), (floor.pit, floor.table, PitFactory.create())
        expected = [
            {f"{row._meta.app_label}.{codename}" for codename in ObjectPermissionChecker(boss).get_perms(row)}
            for row in rows
        ]

        with django_assert_num_queries(1):
            held = [known.get_all_permissions(boss, row) for row in rows]

        assert held == expected == [{"ratingslips.operate_pit", "ratingslips.recover_loyalty"}, set(), set()]

    def test_asks_nothing_where_nobody_is_signed_in(self) -> None:
        assert StaffBackend().get_all_permissions(AnonymousUser()) == set()
