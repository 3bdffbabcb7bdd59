"""Players and staff in the console: who enrols, who manages whom, and what nobody can give themselves."""

from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.urls import reverse
from guardian.shortcuts import assign_perm

from core.models import Player, User
from core.roles import OPERATOR, PIT_BOSS, PIT_SUPERVISOR
from core.sign_in_log import SignInEvent
from tests.console import address, send_form, signed_in
from tests.factories import CasinoFactory, ProgramFactory, StaffFactory
from tests.floor import Floor
from tests.guesses import fail


class TestPlayers:
    def test_are_enrolled_with_an_account(self, floor: Floor) -> None:
        client = signed_in(floor.supervisor, PIT_SUPERVISOR)
        typed = {"casino": floor.casino.pk, "card_number": "C-1", "first_name": "Ana", "last_name": "Sokolova"}

        send_form(client, address(Player, "add"), typed | {"status": "ACTIVE"})

        assert Player.objects.get(card_number="C-1").loyalty.balance == 0

    def test_cannot_be_enrolled_in_another_casino(self, floor: Floor) -> None:
        client = signed_in(floor.supervisor, PIT_SUPERVISOR)
        typed = {"card_number": "C-1", "first_name": "Ana", "last_name": "Sokolova", "status": "ACTIVE"}

        page = send_form(client, address(Player, "add"), typed | {"casino": CasinoFactory.create().pk})

        assert not Player.objects.exists()
        assert "casino" in page.context["adminform"].form.errors

    def test_have_no_card_that_differs_only_in_case(self, floor: Floor, root: Client) -> None:
        first, second = (floor.player(card_number=card) for card in ("AB-1", "AB-2"))
        names = {"first_name": "Ana", "last_name": "Sokolova", "status": "ACTIVE"}

        added = send_form(root, address(Player, "add"), names | {"casino": floor.casino.pk, "card_number": "ab-1"})
        changed = send_form(root, address(Player, "change", second.pk), names | {"card_number": "ab-1"})

        words = "Another player of this casino has this card number."
        assert all(words in page.content.decode() for page in (added, changed))
        assert set(Player.objects.values_list("card_number", flat=True)) == {first.card_number, second.card_number}

    @pytest.mark.parametrize(
        ("typed", "kept"),
        [
            (" \u200bAna\u00a0Sofía\ufeff", "Ana\u00a0Sofía"),
            ("\u3164\u2800", None),
            ("Ana\u202e", "Ana"),
            ("A\u202ena", None),
        ],
    )
    def test_have_names_that_can_be_seen(self, floor: Floor, root: Client, typed: str, kept: str | None) -> None:
        player = floor.player(first_name="Before")
        fields = {"card_number": player.card_number, "last_name": player.last_name, "status": player.status}

        send_form(root, address(Player, "change", player.pk), fields | {"first_name": typed})

        player.refresh_from_db()
        assert player.first_name == (kept or "Before")

    def test_do_not_move_to_another_casino(self, floor: Floor, root: Client) -> None:
        player, other = floor.player(), ProgramFactory.create().casino
        typed = {"card_number": player.card_number, "first_name": "Ana", "last_name": "Sokolova", "status": "BARRED"}

        send_form(root, address(Player, "change", player.pk), typed | {"casino": other.pk})

        player.refresh_from_db()
        assert (player.casino, player.status, player.first_name) == (floor.casino, "BARRED", "Ana")

    def test_are_enrolled_before_the_programme_has_its_first_tier(self, db: None) -> None:
        floor = Floor.build(ProgramFactory.create(rules__tiers=()))
        client = signed_in(floor.supervisor, PIT_SUPERVISOR)
        typed = {"casino": floor.casino.pk, "card_number": "C-1", "first_name": "Ana", "last_name": "Sokolova"}

        send_form(client, address(Player, "add"), typed | {"status": "ACTIVE"})

        page = client.get(address(Player, "change", Player.objects.get().pk))
        assert page.status_code == 200


class TestStaff:
    @pytest.fixture
    def manager(self, floor: Floor) -> tuple[User, Client]:
        """One who manages the staff of the floor's casino and is no superuser."""
        manager = StaffFactory.create(casino=floor.casino)
        manager.user_permissions.add(
            *Permission.objects.filter(codename__in=["view_user", "change_user", "add_user", "view_player"])
        )
        assign_perm("operate_pit", manager, floor.pit)  # as the boss, whom they manage
        return manager, signed_in(manager, PIT_BOSS)

    def typed(self, user: User, **changed: Any) -> dict[str, Any]:
        return {"username": user.username, "first_name": "Maya", "is_active": "on", "is_staff": "on"} | changed

    def test_are_managed_in_one_s_own_casino(self, floor: Floor, manager: tuple[User, Client]) -> None:
        send_form(manager[1], address(User, "change", floor.boss.pk), self.typed(floor.boss))

        assert User.objects.get(pk=floor.boss.pk).first_name == "Maya"

    def test_are_added_to_the_casino_of_their_superuser(self, floor: Floor) -> None:
        superuser = StaffFactory.create(casino=floor.casino, is_superuser=True)
        password = "long-and-unusual-7"
        typed = {"username": "olga", "casino": "", "is_staff": "on", "password1": password, "password2": password}

        send_form(signed_in(superuser), address(User, "add"), typed)

        assert User.objects.get(username="olga").casino == floor.casino

    def test_of_a_superuser_s_casino_do_not_leave_it(self, floor: Floor) -> None:
        superuser = StaffFactory.create(casino=floor.casino, is_superuser=True)

        send_form(signed_in(superuser), address(User, "change", superuser.pk), self.typed(superuser, casino=""))

        superuser.refresh_from_db()
        assert (superuser.first_name, superuser.casino) == ("Maya", floor.casino)

    def test_are_never_made_superusers_by_who_is_none(self, floor: Floor, manager: tuple[User, Client]) -> None:
        typed = self.typed(floor.boss, is_superuser="on", user_permissions=Permission.objects.first().pk)  # type: ignore[union-attr]

        send_form(manager[1], address(User, "change", floor.boss.pk), typed)

        changed = User.objects.get(pk=floor.boss.pk)
        assert (changed.first_name, changed.is_superuser, changed.user_permissions.count()) == ("Maya", False, 0)

    def test_are_given_no_role_that_can_do_more(self, floor: Floor, manager: tuple[User, Client]) -> None:
        roles = {role: Group.objects.get(name=role).pk for role in (PIT_BOSS, OPERATOR)}

        send_form(manager[1], address(User, "change", floor.boss.pk), self.typed(floor.boss, groups=roles[OPERATOR]))
        refused = list(floor.boss.groups.all())
        send_form(manager[1], address(User, "change", floor.boss.pk), self.typed(floor.boss, groups=roles[PIT_BOSS]))

        assert refused == []
        assert [group.name for group in floor.boss.groups.all()] == [PIT_BOSS]

    @pytest.mark.parametrize("whom", ["a superuser", "themselves"])
    def test_do_not_change(self, floor: Floor, manager: tuple[User, Client], whom: str) -> None:
        superuser = StaffFactory.create(casino=floor.casino, is_superuser=True)
        user = superuser if whom == "a superuser" else manager[0]

        changed = send_form(manager[1], address(User, "change", user.pk), self.typed(user))
        password = manager[1].post(reverse("admin:auth_user_password_change", args=[user.pk]), {})

        assert (changed.status_code, password.status_code) == (403, 403)

    def test_join_the_casino_of_who_adds_them(self, floor: Floor, manager: tuple[User, Client]) -> None:
        other = CasinoFactory.create()
        secret = "a-long-enough-passphrase-7"
        typed = {"username": "newcomer", "password1": secret, "password2": secret}

        send_form(manager[1], address(User, "add"), typed | {"is_staff": "on"})
        send_form(
            manager[1], address(User, "add"), typed | {"username": "elsewhere", "casino": other.pk, "is_staff": "on"}
        )

        assert User.objects.get(username="newcomer").casino == floor.casino
        assert not User.objects.filter(casino=other).exists()


@pytest.mark.django_db
class TestSuperuserWithACasino:
    def test_sees_no_sign_ins_of_other_casinos(self, floor: Floor) -> None:
        fail(StaffFactory.create(username="elsewhere"))
        fail(StaffFactory.create(username="everywhere", casino=None, is_superuser=True))
        floor.boss.is_superuser = True
        floor.boss.save()

        fail(floor.supervisor)

        page = signed_in(floor.boss).get(address(SignInEvent, "changelist"))

        assert page.status_code == 200
        assert "elsewhere" not in page.content.decode()
        assert "everywhere" in page.content.decode()
        assert floor.supervisor.username in page.content.decode()
