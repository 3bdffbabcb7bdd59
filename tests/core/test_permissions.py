"""Permissions: global or on one object, of a person or a role, in the casinos where the account works."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from guardian.shortcuts import assign_perm, remove_perm

from core.console.scope import in_casino_of
from core.models import Casino, User
from core.permissions import NotPermitted, has_permission, require_permission, roles_beyond, staff_beyond
from core.roles import OPERATOR
from ratingslips.models import Pit
from tests.core.held import OPERATE, WAYS, give
from tests.databases import as_owner
from tests.factories import CasinoFactory, PitFactory, StaffFactory
from tests.floor import Floor


@pytest.fixture
def newcomer(floor: Floor) -> User:
    """A member of staff of the floor's casino without any permission."""
    return StaffFactory.create(casino=floor.casino)


@pytest.fixture
def shift(newcomer: User) -> Group:
    """A group that the newcomer is in."""
    group = Group.objects.create(name="Evening shift")
    newcomer.groups.add(group)
    return group


class TestHasPermission:
    def test_does_not_hold_for_who_was_granted_nothing(self, floor: Floor, newcomer: User) -> None:
        assert not has_permission(newcomer, OPERATE, floor.pit)

    def test_holds_for_a_person_globally(self, floor: Floor, newcomer: User) -> None:
        assign_perm(OPERATE, newcomer)

        assert has_permission(newcomer, OPERATE, floor.pit)

    def test_holds_for_a_group_globally(self, floor: Floor, newcomer: User, shift: Group) -> None:
        assign_perm(OPERATE, shift)

        assert has_permission(newcomer, OPERATE, floor.pit)

    def test_holds_for_a_person_on_this_object_alone(self, floor: Floor, newcomer: User) -> None:
        assign_perm(OPERATE, newcomer, floor.pit)

        assert has_permission(newcomer, OPERATE, floor.pit)
        assert not has_permission(newcomer, OPERATE, PitFactory.create(casino=floor.casino))

    def test_holds_for_a_group_on_this_object_alone(self, floor: Floor, newcomer: User, shift: Group) -> None:
        assign_perm(OPERATE, shift, floor.pit)

        assert has_permission(newcomer, OPERATE, floor.pit)
        assert not has_permission(newcomer, OPERATE, PitFactory.create(casino=floor.casino))

    def test_does_not_hold_for_a_group_without_the_person(self, floor: Floor, newcomer: User) -> None:
        assign_perm(OPERATE, Group.objects.create(name="Morning shift"), floor.pit)

        assert not has_permission(newcomer, OPERATE, floor.pit)

    def test_does_not_hold_for_another_permission_on_the_object(self, floor: Floor, newcomer: User) -> None:
        assign_perm("ratingslips.recover_loyalty", newcomer, floor.pit)

        assert not has_permission(newcomer, OPERATE, floor.pit)

    def test_does_not_hold_elsewhere_even_with_a_global_grant(self, floor: Floor) -> None:
        stranger = StaffFactory.create(casino=CasinoFactory.create())
        assign_perm(OPERATE, stranger)
        assign_perm(OPERATE, stranger, floor.pit)

        assert not has_permission(stranger, OPERATE, floor.pit)

    def test_holds_for_a_superuser_who_was_granted_nothing(self, floor: Floor) -> None:
        assert has_permission(StaffFactory.create(casino=floor.casino, is_superuser=True), OPERATE, floor.pit)

    @pytest.mark.parametrize("is_superuser", [False, True])
    def test_does_not_hold_for_who_was_deactivated(self, floor: Floor, is_superuser: bool) -> None:
        left = StaffFactory.create(casino=floor.casino, is_superuser=is_superuser)
        assign_perm(OPERATE, left, floor.pit)
        User.objects.filter(pk=left.pk).update(is_active=False)

        assert left.is_active
        assert not has_permission(left, OPERATE, floor.pit)

    def test_is_gone_when_revoked_between_page_and_post(self, floor: Floor, newcomer: User) -> None:
        assign_perm(OPERATE, newcomer, floor.pit)
        seen_on_the_page = has_permission(newcomer, OPERATE, floor.pit)

        remove_perm(OPERATE, newcomer, floor.pit)

        assert seen_on_the_page
        assert not has_permission(newcomer, OPERATE, floor.pit)

    def test_is_gone_at_once_when_the_person_leaves_the_group(self, floor: Floor, newcomer: User, shift: Group) -> None:
        assign_perm(OPERATE, shift)
        seen_on_the_page = has_permission(newcomer, OPERATE, floor.pit)

        newcomer.groups.remove(shift)

        assert seen_on_the_page
        assert not has_permission(newcomer, OPERATE, floor.pit)

    def test_takes_one_statement(self, floor: Floor) -> None:
        with CaptureQueriesContext(connection) as queries:
            has_permission(floor.boss, OPERATE, floor.pit)

        assert len(queries) == 1

    def test_keeps_permissions_of_the_same_name_in_two_apps_apart(self, floor: Floor, newcomer: User) -> None:
        award = Permission.objects.get(content_type__app_label="loyalty", codename="award")
        pit_content = Permission.objects.get(codename="operate_pit").content_type
        with as_owner():
            of_pit = Permission.objects.create(codename="award", content_type=pit_content, name="Can award a pit")
        newcomer.user_permissions.add(of_pit)

        assert not has_permission(newcomer, f"loyalty.{award.codename}", floor.program)


class TestWhereAnAccountWorks:
    """The rule of `core.permissions`, for accounts that hold the permission globally."""

    @pytest.mark.parametrize("is_operator", [False, True])
    @pytest.mark.parametrize("is_superuser", [False, True])
    def test_is_its_own_casino_if_it_has_one(self, floor: Floor, is_superuser: bool, is_operator: bool) -> None:
        account = self._account(casino=floor.casino, is_superuser=is_superuser, is_operator=is_operator)

        assert self._sees_and_acts_in(account, floor.pit) == (True, True)
        assert self._sees_and_acts_in(account, PitFactory.create()) == (False, False)

    @pytest.mark.parametrize(("is_superuser", "is_operator"), [(True, False), (False, True), (True, True)])
    def test_is_every_casino_for_a_superuser_or_operator_without_one(
        self, floor: Floor, is_superuser: bool, is_operator: bool
    ) -> None:
        account = self._account(casino=None, is_superuser=is_superuser, is_operator=is_operator)

        assert self._sees_and_acts_in(account, floor.pit) == (True, True)
        assert self._sees_and_acts_in(account, PitFactory.create()) == (True, True)

    def test_is_no_casino_for_others_without_one(self, floor: Floor) -> None:
        account = self._account(casino=None, is_superuser=False, is_operator=False)
        assign_perm(OPERATE, account, floor.pit)

        assert self._sees_and_acts_in(account, floor.pit) == (False, False)

    def _account(self, *, casino: Casino | None, is_superuser: bool, is_operator: bool) -> User:
        account: User = StaffFactory.create(casino=casino, is_superuser=is_superuser)
        assign_perm(OPERATE, account)
        if is_operator:
            account.groups.add(Group.objects.get(name=OPERATOR))
        return account

    def _sees_and_acts_in(self, account: User, pit: Pit) -> tuple[bool, bool]:
        seen = in_casino_of(account, Pit.objects.all(), lookup="casino")
        return seen.filter(pk=pit.pk).exists(), has_permission(account, OPERATE, pit)


class TestRequirePermission:
    def test_says_what_is_missing_and_where(self, floor: Floor, newcomer: User) -> None:
        with pytest.raises(NotPermitted, match=f"“Can open, change and close rating slips” on {floor.pit}"):
            require_permission(newcomer, OPERATE, floor.pit)

    def test_is_silent_where_all_is_well(self, floor: Floor) -> None:
        require_permission(floor.boss, OPERATE, floor.pit)


class TestBeyond:
    @pytest.mark.parametrize("way", WAYS)
    def test_is_who_holds_what_the_manager_does_not(self, floor: Floor, newcomer: User, way: str) -> None:
        manager = StaffFactory.create(casino=floor.casino)
        role = give(newcomer, way, floor.pit)

        assert staff_beyond(manager, [newcomer, manager]) == {newcomer.pk}
        assert (role.pk in roles_beyond(manager)) == way.startswith("role")

    @pytest.mark.parametrize("held", WAYS)
    @pytest.mark.parametrize("way", WAYS)
    def test_is_nobody_who_holds_it_in_any_way(self, floor: Floor, newcomer: User, way: str, held: str) -> None:
        manager = StaffFactory.create(casino=floor.casino)
        role = give(newcomer, way, floor.pit)
        give(manager, held, floor.pit)

        is_beyond = held.endswith("pit") and not way.endswith("pit")

        assert (staff_beyond(manager, [newcomer]) == {newcomer.pk}) == is_beyond
        assert (role.pk in roles_beyond(manager)) == (is_beyond and way == "role")

    @pytest.mark.parametrize("way", ["person on a pit", "role on a pit"])
    def test_is_who_holds_it_on_another_pit(self, floor: Floor, newcomer: User, way: str) -> None:
        manager = StaffFactory.create(casino=floor.casino)
        give(newcomer, way, PitFactory.create(casino=floor.casino))
        give(manager, way, floor.pit)

        assert staff_beyond(manager, [newcomer]) == {newcomer.pk}

    def test_is_who_holds_it_and_is_not_active(self, floor: Floor, newcomer: User) -> None:
        give(newcomer, "role", floor.pit)
        User.objects.filter(pk=newcomer.pk).update(is_active=False)

        assert staff_beyond(StaffFactory.create(casino=floor.casino), [newcomer]) == {newcomer.pk}

    def test_is_nobody_for_a_superuser_and_a_superuser_for_others(self, floor: Floor, newcomer: User) -> None:
        superusers = [StaffFactory.create(is_superuser=True) for _ in range(2)]
        give(newcomer, "role", floor.pit)

        assert staff_beyond(superusers[0], [newcomer, superusers[1]]) == roles_beyond(superusers[0]) == set()
        assert staff_beyond(newcomer, superusers) == {superuser.pk for superuser in superusers}
