"""Who manages whom: nobody gets, by managing others, a permission that they do not hold."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import Group, Permission
from django.db import OperationalError, transaction
from django.test import Client
from django.urls import reverse
from guardian.shortcuts import assign_perm
from structlog.testing import capture_logs

from core.factors.models import SecondFactor
from core.factors.services import reset_second_factors
from core.managing import lock_permissions
from core.models import User
from core.permissions import NotPermitted
from core.roles import OPERATOR, system_account
from ratingslips.models import Pit
from tests.concurrency import (
    Elsewhere,
    backend_id,
    deadlocks,
    held_before_commit,
    is_waited_for,
    wait_until_blocked,
)
from tests.console import address, send_form, signed_in
from tests.core.held import OPERATE, WAYS, give
from tests.factories import CasinoFactory, StaffFactory
from tests.floor import Floor
from tests.loyalty.test_concurrency import without_locks
from tests.replacing import replace
from tests.second_factors import with_app
from tests.waiting import wait_until

PASSWORD = "the tide goes out at noon"
ROLE = "Cage"


def manager_of(floor: Floor, *permissions: str) -> User:
    """One who manages the staff of the floor's casino and is no superuser."""
    manager: User = StaffFactory.create(casino=floor.casino)
    names = ["view_user", "change_user", "add_user", *permissions]
    manager.user_permissions.add(*Permission.objects.filter(codename__in=names))
    return manager


def set_password(client: Client, person: User) -> int:
    passwords = {"password1": PASSWORD, "password2": PASSWORD}
    url = reverse("admin:auth_user_password_change", args=[person.pk])
    return client.post(url, passwords).status_code


def send(client: Client, person: User, **typed: Any) -> None:
    """Send the form of a member of staff with the roles that they have, unless told otherwise."""
    roles = [role.pk for role in person.groups.all()]
    fields = {"username": person.username, "is_active": "on", "is_staff": "on", "groups": roles}
    send_form(client, address(User, "change", person.pk), fields | typed)


def put_into_role(client: Client, person: User) -> None:
    send(client, person, groups=[*person.groups.values_list("pk", flat=True), Group.objects.get(name=ROLE).pk])


def activate(client: Client, person: User) -> None:
    User.objects.filter(pk=person.pk).update(is_active=False)
    send(client, person)


ACTS: dict[str, tuple[Callable[[Client, User], Any], Callable[[User], bool]]] = {
    "password": (set_password, lambda user: user.check_password(PASSWORD)),
    "change": (lambda client, user: send(client, user, first_name="Maya"), lambda user: user.first_name == "Maya"),
    "role": (put_into_role, lambda user: user.groups.filter(name=ROLE).exists()),
    "activate": (activate, lambda user: user.is_active),
}


def is_done(act: str, manager: User, person: User) -> bool:
    """Whether `act` of the manager on the person succeeds."""
    Group.objects.get_or_create(name=ROLE)
    perform, has_effect = ACTS[act]
    perform(signed_in(manager), person)
    return has_effect(User.objects.get(pk=person.pk))


@pytest.mark.parametrize("act", ACTS)
class TestEveryAct:
    @pytest.mark.parametrize("way", WAYS)
    def test_is_refused_on_who_holds_more(self, floor: Floor, act: str, way: str) -> None:
        person, manager = StaffFactory.create(casino=floor.casino), manager_of(floor)
        give(person, way, floor.pit)

        assert not is_done(act, manager, person)

    @pytest.mark.parametrize("way", WAYS)
    def test_is_done_on_who_holds_the_same(self, floor: Floor, act: str, way: str) -> None:
        person, manager = StaffFactory.create(casino=floor.casino), manager_of(floor)
        give(person, way, floor.pit)
        give(manager, way, floor.pit)

        assert is_done(act, manager, person)

    @pytest.mark.parametrize("whom", ["oneself", "a superuser", "of another casino", "of no casino", "the system"])
    def test_is_refused_on(self, floor: Floor, act: str, whom: str) -> None:
        manager = manager_of(floor)
        if whom == "the system":
            manager.casino = None
            manager.save()
            manager.groups.add(Group.objects.get(name=OPERATOR))
        people = {
            "oneself": lambda: manager,
            "a superuser": lambda: StaffFactory.create(casino=floor.casino, is_superuser=True),
            "of another casino": lambda: StaffFactory.create(casino=CasinoFactory.create()),
            "of no casino": lambda: StaffFactory.create(casino=None),
            "the system": system_account,
        }

        assert not is_done(act, manager, people[whom]())

    def test_is_done_by_a_superuser_and_logged(
        self, floor: Floor, act: str, django_capture_on_commit_callbacks: Any
    ) -> None:
        person = StaffFactory.create(casino=floor.casino)
        superuser = StaffFactory.create(casino=None, is_superuser=True)
        give(person, "role", floor.pit)

        with capture_logs() as lines, django_capture_on_commit_callbacks(execute=True):
            done = is_done(act, superuser, person)

        [line] = [line for line in lines if line["event"] == "core.permissions_managed"]
        assert done
        assert (line["user_id"], line["actor_id"], line["as_superuser"]) == (person.pk, superuser.pk, True)


class TestDeactivating:
    @pytest.mark.parametrize("way", WAYS)
    def test_is_done_on_who_holds_more_and_changes_nothing_else(self, floor: Floor, way: str) -> None:
        person, client = StaffFactory.create(casino=floor.casino), signed_in(manager_of(floor))
        give(person, way, floor.pit)
        roles = list(person.groups.all())

        send(client, person, is_active=[], first_name="Maya", is_staff=[], groups=[])

        person.refresh_from_db()
        assert not person.is_active
        assert (person.first_name, person.is_staff, list(person.groups.all())) == ("", True, roles)
        assert client.get(reverse("admin:auth_user_password_change", args=[person.pk])).status_code == 403

    @pytest.mark.parametrize("whom", ["oneself", "a superuser", "of another casino"])
    def test_is_refused_on(self, floor: Floor, whom: str) -> None:
        manager = manager_of(floor)
        person = {
            "oneself": manager,
            "a superuser": StaffFactory.create(casino=floor.casino, is_superuser=True),
            "of another casino": StaffFactory.create(casino=CasinoFactory.create()),
        }[whom]

        send(signed_in(manager), person, is_active=[])

        assert User.objects.get(pk=person.pk).is_active


class TestRolesGiven:
    @pytest.mark.parametrize("way", ["role", "role on a pit"])
    @pytest.mark.parametrize("is_held", [False, True])
    def test_hold_nothing_that_the_manager_does_not_hold(self, floor: Floor, way: str, is_held: bool) -> None:
        person, manager = StaffFactory.create(casino=floor.casino), manager_of(floor)
        Group.objects.create(name=ROLE)
        assign_perm(OPERATE, Group.objects.get(name=ROLE), floor.pit if way.endswith("pit") else None)
        if is_held:
            assign_perm(OPERATE, manager)

        assert is_done("role", manager, person) == is_held


class TestRolesChanged:
    """By one who may change roles, and holds `change_group` and `view_player`."""

    @pytest.fixture
    def manager(self, floor: Floor) -> User:
        return manager_of(floor, "view_group", "change_group", "add_group", "delete_group", "view_player")

    def hold(self, role: Group, manager: User, *codenames: str) -> set[str]:
        """What the role holds after the manager has set its permissions."""
        keys = [one.pk for one in Permission.objects.filter(codename__in=codenames)]
        send_form(signed_in(manager), address(Group, "change", role.pk), {"name": role.name, "permissions": keys})
        return set(role.permissions.values_list("codename", flat=True))

    def test_hold_what_the_manager_holds(self, floor: Floor, manager: User) -> None:
        role = Group.objects.create(name=ROLE)
        floor.boss.groups.add(role)
        give(manager, "person on a pit", floor.pit)

        assert self.hold(role, manager, "view_player") == {"view_player"}
        assert self.hold(role, manager, "view_player", "operate_pit") == {"view_player"}

    @pytest.mark.parametrize("why", ["they are in it", "its member is elsewhere", "its member holds more", *WAYS[1::2]])
    def test_are_left_alone_by_a_manager_where(self, floor: Floor, manager: User, why: str) -> None:
        role = Group.objects.create(name=ROLE)
        members = {
            "they are in it": lambda: manager,
            "its member is elsewhere": lambda: StaffFactory.create(casino=CasinoFactory.create()),
            "its member holds more": lambda: floor.supervisor,
        }
        if why in members:
            members[why]().groups.add(role)
        else:
            assign_perm(OPERATE, role, floor.pit if why.endswith("pit") else None)
        held = set(role.permissions.values_list("codename", flat=True))

        changed = self.hold(role, manager, "view_player")
        deleted = signed_in(manager).post(address(Group, "delete", role.pk), {"post": "yes"})

        assert changed == held
        assert deleted.status_code == 403

    @pytest.mark.parametrize(("works_here", "member_is_here"), [(True, False), (True, True), (False, False)])
    def test_are_changed_by_a_superuser_of_its_members_casino(
        self, floor: Floor, works_here: bool, member_is_here: bool
    ) -> None:
        root = StaffFactory.create(casino=floor.casino if works_here else None, is_superuser=True)
        role = Group.objects.create(name=ROLE)
        role.user_set.add(StaffFactory.create(casino=floor.casino if member_is_here else CasinoFactory.create()))

        changed = self.hold(role, root, "view_player")
        deleted = signed_in(root).post(address(Group, "delete", role.pk), {"post": "yes"})

        is_allowed = not works_here or member_is_here
        assert (changed, deleted.status_code) == (({"view_player"}, 302) if is_allowed else (set(), 403))

    def test_are_not_deleted_from_the_list(self, floor: Floor, manager: User) -> None:
        role = Group.objects.create(name=ROLE)
        post = {"action": "delete_selected", "_selected_action": [role.pk], "post": "yes"}

        signed_in(manager).post(address(Group, "changelist"), post)

        assert Group.objects.filter(pk=role.pk).exists()

    def test_are_added_with_what_the_manager_holds(self, floor: Floor, manager: User) -> None:
        keys = {name: Permission.objects.get(codename=name).pk for name in ("view_player", "operate_pit")}
        client = signed_in(manager)

        for name, key in keys.items():
            send_form(client, address(Group, "add"), {"name": name, "permissions": [key]})

        assert [role.name for role in Group.objects.filter(name__in=keys)] == ["view_player"]


def _reset(client: Client, person: User) -> bool:
    with suppress(NotPermitted):
        reset_second_factors(person=person, actor=User.objects.get(pk=client.session[SESSION_KEY]))
    return not SecondFactor.objects.filter(user=person).exists()


def _change(client: Client, person: User) -> bool:
    send(client, person, first_name="Maya")
    return bool(User.objects.filter(pk=person.pk, first_name="Maya").exists())


def _delete_role(client: Client, person: User) -> bool:
    return client.post(address(Group, "delete", person.groups.get().pk), {"post": "yes"}).status_code == 302


DURING_A_GRANT: dict[str, Callable[[Client, User], bool]] = {
    "password": lambda client, person: set_password(client, person) == 302,
    "second factors": _reset,
    "change": _change,
    "role deleted": _delete_role,
}


def _done_during_a_grant(floor: Floor, act: Callable[[Client, User], bool]) -> tuple[bool, bool]:
    """Do `act` before a grant is committed: whether it is done, and whether the grant is seen."""
    client = signed_in(manager_of(floor, "view_group", "delete_group"))
    root, person = (
        signed_in(StaffFactory.create(casino=None, is_superuser=True)),
        StaffFactory.create(casino=floor.casino),
    )
    person.groups.add(Group.objects.create(name=ROLE))
    with_app(person)
    page = address(Pit, "permissions_manage_user", floor.pit.pk, person.pk)
    with held_before_commit(lambda: send_form(root, page, {"permissions": ["operate_pit"]})) as grant:
        answer = Elsewhere(lambda: act(client, person))
        wait_until(lambda: answer.has_ended or is_waited_for(grant.backend))
    return answer.result(), User.objects.get(pk=person.pk).has_perm(OPERATE, floor.pit)


@pytest.mark.parametrize("act", DURING_A_GRANT.values(), ids=DURING_A_GRANT)
class TestActDuringAGrant:
    def test_is_refused(self, committed_floor: Floor, act: Callable[[Client, User], bool]) -> None:
        assert _done_during_a_grant(committed_floor, act) == (False, True)

    @pytest.mark.shows(39)
    def test_would_be_done_without_the_lock(
        self, committed_floor: Floor, act: Callable[[Client, User], bool], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replace(monkeypatch, lock_permissions, lambda: None)

        assert _done_during_a_grant(committed_floor, act) == (True, True)


RIGHTS_OF_ROLES = ["view_group", "add_group", "change_group", "delete_group"]


def _role(name: str) -> Any:
    return Group.objects.filter(name=name)


# What needs a right that is taken away, and whether it is done.
DURING_A_REVOCATION: dict[str, tuple[Callable[[Client], Any], Callable[[], bool]]] = {
    "role added": (
        lambda client: send_form(client, address(Group, "add"), {"name": "New"}),
        lambda: _role("New").exists(),
    ),
    "role renamed": (
        lambda client: send_form(client, address(Group, "change", _role(ROLE).get().pk), {"name": "New"}),
        lambda: _role("New").exists(),
    ),
    "role deleted": (
        lambda client: client.post(address(Group, "delete", _role(ROLE).get().pk), {"post": "yes"}),
        lambda: not _role(ROLE).exists(),
    ),
    "staff added": (
        lambda client: send_form(
            client, address(User, "add"), {"username": "new", "password1": PASSWORD, "password2": PASSWORD}
        ),
        lambda: User.objects.filter(username="new").exists(),
    ),
}


def _is_done_during_a_revocation(floor: Floor, act: str) -> bool:
    """Do `act` by a manager who loses the right to it before that is committed: whether it is done."""
    manager = manager_of(floor, *RIGHTS_OF_ROLES)
    client = signed_in(manager)
    Group.objects.create(name=ROLE)
    perform, is_done = DURING_A_REVOCATION[act]

    def take_away() -> None:
        with transaction.atomic():
            lock_permissions()
            manager.user_permissions.clear()

    with held_before_commit(take_away) as revocation:
        answer = Elsewhere(lambda: perform(client))
        wait_until(lambda: answer.has_ended or is_waited_for(revocation.backend))
    answer.outcome()
    return is_done()


@pytest.mark.parametrize("act", DURING_A_REVOCATION)
class TestActDuringARevocation:
    def test_is_refused(self, committed_floor: Floor, act: str) -> None:
        assert not _is_done_during_a_revocation(committed_floor, act)

    @pytest.mark.shows(39)
    def test_would_be_done_without_the_lock(
        self, committed_floor: Floor, act: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replace(monkeypatch, lock_permissions, lambda: None)

        assert _is_done_during_a_revocation(committed_floor, act)


class TestPasswordBesideAChangeForm:
    """A change form has locked the person's row, and is about to lock the permissions of all."""

    def _answer(self, floor: Floor) -> Any:
        client, person = signed_in(manager_of(floor)), StaffFactory.create(casino=floor.casino)
        with suppress(OperationalError), transaction.atomic():
            User.objects.select_for_update(no_key=True).get(pk=person.pk)
            setting = Elsewhere(lambda: set_password(client, person))
            wait_until_blocked(setting.backend, by=backend_id())
            lock_permissions()
        return setting.outcome()

    def test_waits_with_nothing_locked(self, committed_floor: Floor) -> None:
        assert self._answer(committed_floor) == 302

    @pytest.mark.shows(39)
    def test_would_deadlock_without_the_lock_of_the_row(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        without_locks(monkeypatch)
        before = deadlocks()

        self._answer(committed_floor)

        wait_until(lambda: deadlocks() == before + 1)
