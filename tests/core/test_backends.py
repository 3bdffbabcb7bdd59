"""Who is signed in is found with the casino that they work in, in one statement."""

import pytest
from pytest_django import DjangoAssertNumQueries

from core.backends import StaffBackend
from core.models import User
from tests.floor import Floor


class TestStaffBackend:
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
