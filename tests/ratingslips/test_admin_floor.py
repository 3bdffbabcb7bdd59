"""Tables and pits in the console, and the rights that are granted on a pit."""

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from guardian.shortcuts import assign_perm

from core.models import User
from core.roles import PIT_BOSS, PIT_SUPERVISOR
from ratingslips.models import GameSettings, GameValues, GamingTable, Pit, RatingSlip
from tests.console import address, html_of, inline_code_in, send_form, signed_in, versions_shown
from tests.factories import StaffFactory, TableFactory
from tests.floor import Floor


class TestTables:
    def test_are_offered_pits_and_games_of_their_casino_alone(self, floor: Floor, supervisor: Client) -> None:
        elsewhere = TableFactory.create()

        form = supervisor.get(address(GamingTable, "add")).context["adminform"].form

        assert list(form.fields["pit"].queryset) == [floor.pit]
        assert list(form.fields["game"].queryset) == [floor.table.game]
        assert list(form.fields["casino"].queryset) == [floor.casino]
        assert elsewhere.pit not in form.fields["pit"].queryset

    def test_are_deactivated(self, floor: Floor, supervisor: Client) -> None:
        table = floor.table
        typed = {"pit": table.pit_id, "game": table.game_id, "name": table.name, "seats": 7}

        send_form(supervisor, address(GamingTable, "change", table.pk), typed)

        assert not GamingTable.objects.get(pk=table.pk).is_active


class TestGames:
    @pytest.mark.parametrize(
        ("typed", "read"),
        [("5.260", "5.260"), ("12,5", "12.500"), ("1e1", None), ("1_0", None), ("٤", None), ("1,250", None)],
    )
    def test_take_figures_as_every_form_reads_them(
        self, floor: Floor, root: Client, typed: str, read: str | None
    ) -> None:
        fields = {"casino": floor.casino.pk, "code": "baccarat", "name": "Baccarat", "decisions_per_hour": "1 000"}

        page = send_form(root, address(GameSettings, "add"), fields | {"seats": "7", "house_edge_percent": typed})

        edges = GameValues.objects.filter(game__code="baccarat").values_list("house_edge_percent", flat=True)
        assert list(map(str, edges)) == ([read] if read else [])
        assert 'type="number"' not in page.content.decode()


class TestPits:
    def test_cannot_take_the_name_of_another(self, floor: Floor, root: Client) -> None:
        other = Pit.objects.create(casino=floor.casino, name="Pit 99")

        page = send_form(root, address(Pit, "change", other.pk), {"name": floor.pit.name})

        assert "already exists" in page.content.decode()


class TestGrantsOnAPit:
    def test_make_the_actions_work(self, floor: Floor, slip: RatingSlip, root: Client) -> None:
        colleague = StaffFactory.create(casino=floor.casino)
        client = signed_in(colleague, PIT_BOSS)
        pause = {"action": "pause", "index": "0", "_selected_action": str(slip.pk), "confirmed": "yes"}
        pause |= versions_shown([slip])
        client.post(address(RatingSlip, "changelist"), pause)
        before = RatingSlip.objects.get().status

        chosen = root.post(
            address(Pit, "permissions", floor.pit.pk), {"user": colleague.pk, "submit_manage_user": "Choose"}
        )
        send_form(root, chosen.url, {"permissions": ["operate_pit"]})  # type: ignore[attr-defined]
        client.post(address(RatingSlip, "changelist"), pause)

        assert (before, RatingSlip.objects.get().status) == ("OPEN", "PAUSED")

    def test_go_to_a_role_as_well(self, floor: Floor, slip: RatingSlip, root: Client) -> None:
        client = signed_in(StaffFactory.create(casino=floor.casino), PIT_BOSS)
        role = Group.objects.get(name=PIT_BOSS)

        send_form(
            root, address(Pit, "permissions_manage_group", floor.pit.pk, role.pk), {"permissions": ["operate_pit"]}
        )
        client.post(
            address(RatingSlip, "changelist"),
            {"action": "pause", "index": "0", "_selected_action": str(slip.pk), "confirmed": "yes"}
            | versions_shown([slip]),
        )

        assert RatingSlip.objects.get().status == "PAUSED"

    def test_are_chosen_on_a_page_that_names_both_sides(self, floor: Floor, root: Client) -> None:
        role = Group.objects.get(name=PIT_BOSS)

        to_one = root.get(address(Pit, "permissions_manage_user", floor.pit.pk, floor.boss.pk)).content.decode()
        to_all = root.get(address(Pit, "permissions_manage_group", floor.pit.pk, role.pk)).content.decode()

        assert f"<dd>{floor.pit}</dd>" in to_one
        assert f"<dd>{floor.boss}</dd>" in to_one
        assert f"<dd>{floor.pit}</dd>" in to_all
        assert f"<dd>{role}</dd>" in to_all

    def test_are_no_more_than_the_page_offers(self, floor: Floor, root: Client) -> None:
        grant = address(Pit, "permissions_manage_user", floor.pit.pk, floor.boss.pk)

        page = send_form(root, grant, {"permissions": ["delete_pit"]})

        assert "permissions" in page.context["form"].errors

    def test_reach_no_staff_and_no_pit_of_another_casino(self, floor: Floor, supervisor: Client) -> None:
        elsewhere = Floor.build()

        answers = [
            supervisor.get(address(Pit, "permissions", elsewhere.pit.pk)),
            supervisor.get(address(Pit, "permissions_manage_user", elsewhere.pit.pk, floor.boss.pk)),
            supervisor.get(address(Pit, "permissions_manage_user", floor.pit.pk, elsewhere.boss.pk)),
            supervisor.get(address(Pit, "permissions_manage_user", floor.pit.pk, "x")),
        ]
        page = supervisor.get(address(Pit, "permissions", floor.pit.pk))

        assert [answer.status_code for answer in answers] == [404, 404, 404, 404]
        assert elsewhere.boss not in page.context["user_form"].fields["user"].queryset
        assert inline_code_in(page) == []

    def test_are_never_granted_to_oneself_or_one_s_role(self, floor: Floor) -> None:
        supervisor = StaffFactory.create(casino=floor.casino)
        client = signed_in(supervisor, PIT_SUPERVISOR)
        role = Group.objects.get(name=PIT_SUPERVISOR)

        answers = [
            client.post(address(Pit, f"permissions_manage_{kind}", floor.pit.pk, key), {"permissions": ["operate_pit"]})
            for kind, key in (("user", supervisor.pk), ("group", role.pk))
        ]

        assert [answer.status_code for answer in answers] == [403, 403]
        assert not supervisor.has_perm("ratingslips.operate_pit", floor.pit)

    @pytest.mark.parametrize("held", [None, "operate_pit", "recover_loyalty"])
    def test_are_granted_to_others_by_a_supervisor_who_holds_them(self, floor: Floor, held: str | None) -> None:
        other, supervisor = (StaffFactory.create(casino=floor.casino) for _ in range(2))
        if held:
            assign_perm(held, supervisor, floor.pit)
        client = signed_in(supervisor, PIT_SUPERVISOR)
        page = address(Pit, "permissions_manage_user", floor.pit.pk, other.pk)

        offered = "Can open, change and close rating slips" in html_of(client.get(page))
        send_form(client, page, {"permissions": ["operate_pit"]})

        assert (offered, other.has_perm("ratingslips.operate_pit", floor.pit)) == ((held == "operate_pit"),) * 2

    def test_are_revoked_by_a_supervisor_who_does_not_hold_them(self, floor: Floor) -> None:
        client = signed_in(StaffFactory.create(casino=floor.casino), PIT_SUPERVISOR)
        page = address(Pit, "permissions_manage_user", floor.pit.pk, floor.boss.pk)

        send_form(client, page, {"permissions": []})

        assert not User.objects.get(pk=floor.boss.pk).has_perm("ratingslips.operate_pit", floor.pit)
