"""The roles exist after every migrate and flush."""

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command

from config.roles import PERMISSIONS_OF_ROLE, set_roles
from core.models import User
from core.roles import OPERATOR, PIT_BOSS, SYSTEM_USERNAME, system_account
from tests.databases import as_owner


def _permissions_of(role: str) -> set[str]:
    permissions = Group.objects.get(name=role).permissions.values_list("content_type__app_label", "codename")
    return {f"{app_label}.{codename}" for app_label, codename in permissions}


@pytest.mark.django_db
class TestSetRoles:
    @pytest.mark.parametrize("role", PERMISSIONS_OF_ROLE)
    def test_gave_each_role_exactly_its_permissions_in_a_new_database(self, role: str) -> None:
        assert _permissions_of(role) == set(PERMISSIONS_OF_ROLE[role])

    def test_comes_again_after_a_flush(self) -> None:
        with as_owner():
            call_command("flush", interactive=False, verbosity=0)

        assert set(Group.objects.values_list("name", flat=True)) == set(PERMISSIONS_OF_ROLE)
        assert _permissions_of(PIT_BOSS) == set(PERMISSIONS_OF_ROLE[PIT_BOSS])
        assert User.objects.get().username == SYSTEM_USERNAME

    def test_changes_nothing_when_it_runs_again(self) -> None:
        before = {group.pk: group.name for group in Group.objects.all()}, User.objects.count()

        set_roles()

        assert ({group.pk: group.name for group in Group.objects.all()}, User.objects.count()) == before

    def test_takes_back_what_somebody_added_to_a_role(self) -> None:
        Group.objects.get(name=PIT_BOSS).permissions.add(Permission.objects.get(codename="award"))

        set_roles()

        assert "loyalty.award" not in _permissions_of(PIT_BOSS)

    def test_lets_no_role_but_the_operator_act_everywhere(self) -> None:
        on_pits = {"ratingslips.operate_pit", "ratingslips.recover_loyalty", "ratingslips.correct_slip"}
        on_programs = {f"loyalty.{name}" for name in ("award", "redeem", "reverse", "adjust", "pause_program")}

        assert {role for role in PERMISSIONS_OF_ROLE if _permissions_of(role) & (on_pits | on_programs)} == {OPERATOR}


@pytest.mark.django_db
class TestSystemAccount:
    def test_is_one_and_an_operator(self) -> None:
        system = system_account()

        assert system == system_account()
        assert system.casino is None
        assert list(system.groups.values_list("name", flat=True)) == [OPERATOR]

    @pytest.mark.parametrize("password", ["", "!", "system", None])
    def test_cannot_sign_in(self, password: str | None) -> None:
        system = system_account()

        assert not system.has_usable_password()
        assert not system.is_staff
        assert not system.is_superuser
        assert not system.check_password(password)
