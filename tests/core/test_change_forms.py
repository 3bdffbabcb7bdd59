"""A change form that was opened before somebody else's change is refused, and what was typed is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from guardian.shortcuts import assign_perm, get_user_perms

from core.console.change_forms import VersionedForms
from core.managing import lock_permissions
from core.models import Casino, Player, User
from core.roles import PIT_BOSS
from loyalty.models import LoyaltyProgram
from loyalty.services import pause_program
from ratingslips.models import GameSettings, GamingTable, Pit
from tests.concurrency import Elsewhere, held, held_before_commit, is_waited_for, made_to_wait, replace_locks
from tests.console import address, fields_in, html_of, signed_in
from tests.factories import StaffFactory
from tests.floor import Floor
from tests.replacing import replace
from tests.waiting import wait_until

OLD, NEW = "the tide comes in at dawn", "the tide goes out at noon"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A row with two forms open: what two people type, what the page says to the second, and what must hold."""

    row: Callable[[Floor], Any]
    mine: dict[str, Any]
    theirs: dict[str, Any]
    told: str
    held: Callable[[Any], Any]
    page: str = "change"

    def url(self, floor: Floor) -> str:
        row = self.row(floor)
        return address(type(row), self.page, row.pk, *([] if self.page == "change" else [floor.boss.pk]))

    def change(self, client: Client, floor: Floor) -> None:
        """The other person's change."""
        if "pause" in self.theirs:
            pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason=self.theirs["pause"])
            return
        page = client.get(self.url(floor))
        assert client.post(self.url(floor), fields_in(page) | self.theirs).status_code == 302

    def holds(self, floor: Floor) -> Any:
        return self.held(self.row(floor))


def _only(model: type[Model]) -> Callable[[Floor], Any]:
    return lambda _: model._default_manager.get()


def _boss(floor: Floor) -> Any:
    return User.objects.get(pk=floor.boss.pk)


CASES = {
    "a barred player": Case(
        row=_only(Player),
        mine={"first_name": "Typed"},
        theirs={"status": "BARRED", "last_name": "Renamed"},
        told="Status: Active → Barred.",
        held=lambda player: (player.first_name, player.status) == ("Typed", "BARRED"),
    ),
    "a deactivated member of staff": Case(
        row=_boss,
        mine={"first_name": "Typed"},
        theirs={"is_active": []},
        told="Active: yes → no.",
        held=lambda user: (user.first_name, user.is_active) == ("Typed", False),
    ),
    "a role taken from a member of staff": Case(
        row=_boss,
        mine={"first_name": "Typed"},
        theirs={"groups": []},
        told=f"Roles: removed {PIT_BOSS}.",
        held=lambda user: user.first_name == "Typed" and not user.groups.exists(),
    ),
    "a paused programme": Case(
        row=_only(LoyaltyProgram),
        mine={"name": "Typed"},
        theirs={"pause": "Month-end freeze"},
        told="→ Month-end freeze.",
        held=lambda program: (program.name, program.is_paused) == ("Typed", True),
    ),
    "a table": Case(
        row=_only(GamingTable),
        mine={"seats": "5"},
        theirs={"name": "BJ-99", "is_active": []},
        told="→ BJ-99.",
        held=lambda table: (table.seats, table.name, table.is_active) == (5, "BJ-99", False),
    ),
    "a game": Case(
        row=_only(GameSettings),
        mine={"seats": "5"},
        theirs={"name": "Baccarat"},
        told="→ Baccarat.",
        held=lambda game: (game.seats, game.name) == (5, "Baccarat"),
    ),
    "a casino": Case(
        row=_only(Casino),
        mine={"name": "Typed"},
        theirs={"code": "theirs"},
        told="→ theirs.",
        held=lambda casino: (casino.name, casino.code) == ("Typed", "theirs"),
    ),
    "a role": Case(
        row=lambda _: Group.objects.latest("pk"),
        mine={"name": "Typed"},
        theirs={"permissions": []},
        told="Permissions: removed Can view player.",
        held=lambda role: role.name == "Typed" and not role.permissions.exists(),
    ),
    "a revoked right": Case(
        row=_only(Pit),
        page="permissions_manage_user",
        mine={"permissions": ["operate_pit", "recover_loyalty"]},
        theirs={"permissions": []},
        told="Permissions: removed Can open, change and close rating slips.",
        held=lambda pit: list(get_user_perms(User.objects.get(groups__name=PIT_BOSS), pit)) == ["recover_loyalty"],
    ),
}


def prepare(floor: Floor) -> tuple[Client, Client]:
    """Give the floor a player, a role of its own and a boss with a role; two people sign in."""
    floor.player()
    assign_perm("operate_pit", floor.boss, floor.pit)
    Group.objects.create(name="Cage").permissions.add(Permission.objects.get(codename="view_player"))
    floor.boss.groups.add(Group.objects.get(name=PIT_BOSS))
    mine, theirs = (StaffFactory.create(is_superuser=True, casino=None) for _ in range(2))
    return signed_in(mine), signed_in(theirs)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
class TestFormOpenedBeforeAnotherChange:
    def test_is_refused_and_saved_when_sent_again(self, floor: Floor, case: Case) -> None:
        mine, theirs = prepare(floor)
        url = case.url(floor)
        opened = mine.get(url)
        case.change(theirs, floor)

        refused = mine.post(url, fields_in(opened) | case.mine)
        told, held_then = html_of(refused), case.holds(floor)
        saved = mine.post(url, fields_in(refused))

        assert (refused.status_code, held_then, saved.status_code) == (200, False, 302)
        assert case.told in told
        assert "Sort name" not in told
        assert case.holds(floor)


def _post_at_once(floor: Floor, case: Case) -> int:
    """Send my form, which was opened before, while the other change is not yet committed: its status."""
    mine, theirs = prepare(floor)
    url = case.url(floor)
    sent = fields_in(mine.get(url)) | case.mine
    with held_before_commit(lambda: case.change(theirs, floor)) as holder:
        answer = Elsewhere(lambda: mine.post(url, sent))
        wait_until(lambda: answer.has_ended or is_waited_for(holder.backend))
    return int(answer.result().status_code)


REVOKED = "a revoked right"


@pytest.mark.parametrize("name", ["a barred player", "a deactivated member of staff", "a paused programme", REVOKED])
class TestTwoChangesAtOnce:
    def test_are_not_both_saved(self, committed_floor: Floor, name: str) -> None:
        assert _post_at_once(committed_floor, CASES[name]) == 200

    @pytest.mark.shows(39)
    def test_would_undo_the_first_without_lock_and_columns(
        self, committed_floor: Floor, name: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replace_locks(monkeypatch, lambda rows, *, skip_locked=False: rows.order_by("pk"))
        monkeypatch.setattr(VersionedForms, "save_model", admin.ModelAdmin.save_model)
        replace(monkeypatch, lock_permissions, lambda: None)

        status = _post_at_once(committed_floor, CASES[name])

        # Grants are rows of their own: the form was accepted unseen, and undid nothing.
        assert (status, CASES[name].holds(committed_floor)) == (302, name == REVOKED)


class TestFormWithoutVersion:
    @pytest.mark.parametrize("version", ["", "forged", "of another row"])
    def test_is_refused(self, floor: Floor, root: Client, version: str) -> None:
        player, other = floor.player(), floor.player()
        url = address(Player, "change", player.pk)
        sent = fields_in(root.get(url)) | {"first_name": "Typed"}
        others = fields_in(root.get(address(Player, "change", other.pk)))["form_version"]

        page = root.post(url, sent | {"form_version": others if version == "of another row" else version})

        assert "could not be recognised" in html_of(page)
        assert not Player.objects.filter(first_name="Typed").exists()

    def test_is_refused_while_the_row_is_locked(self, committed_floor: Floor) -> None:
        player, client = committed_floor.player(), signed_in(StaffFactory.create(is_superuser=True, casino=None))
        url = address(Player, "change", player.pk)
        sent = fields_in(client.get(url)) | {"first_name": "Typed"}

        with held(lambda: list(Player.objects.locked())):
            busy = client.post(url, sent)
        saved = client.post(url, fields_in(busy))

        assert "Somebody else is working on this" in html_of(busy)
        assert (saved.status_code, Player.objects.get().first_name) == (302, "Typed")


class TestWhoChanged:
    def test_is_named_with_the_time(self, floor: Floor) -> None:
        mine, theirs = prepare(floor)
        case = CASES["a barred player"]
        opened = mine.get(case.url(floor))
        case.change(theirs, floor)

        page = mine.post(case.url(floor), fields_in(opened))

        assert f"{User.objects.latest('pk').display_name} did, " in html_of(page)


class TestPassword:
    @pytest.mark.parametrize("whose", ["another's", "their own"])
    def test_is_saved_without_undoing_a_deactivation(self, committed_floor: Floor, whose: str) -> None:
        staff = StaffFactory.create(is_superuser=True, casino=None)
        staff.set_password(OLD)
        staff.save()
        other = staff if whose == "their own" else StaffFactory.create()
        client = signed_in(staff)
        if whose == "their own":
            url, sent = (
                reverse("admin:password_change"),
                {"old_password": OLD, "new_password1": NEW, "new_password2": NEW},
            )
        else:
            url, sent = (
                reverse("admin:auth_user_password_change", args=[other.pk]),
                {"password1": NEW, "password2": NEW},
            )

        answer = made_to_wait(
            lambda: client.post(url, sent), by=lambda: User.objects.filter(pk=other.pk).update(is_active=False)
        )

        assert answer.result().status_code == 302
        changed = User.objects.get(pk=other.pk)
        assert (changed.is_active, changed.check_password(NEW)) == (False, True)
