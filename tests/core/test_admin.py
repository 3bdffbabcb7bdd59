"""The console as a whole: who sees what, what is closed to everybody, and what no page may hold."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from core.console.scope import ConsoleAdmin
from core.models import Casino, Player, User
from core.roles import AUDITOR, LOYALTY_SUPERVISOR, OPERATOR, PERMISSIONS_OF_ROLE, PIT_BOSS, PIT_SUPERVISOR
from loyalty.models import EarningRate, LedgerEntry, LoyaltyProgram, PlayerLoyalty, Tier
from loyalty.services import manual_reward
from ratingslips.models import GameSettings, GamingTable, Pit, PlaySegment, RatingSlip
from ratingslips.services import complete_rating_slip
from tests.console import address, inline_code_in, said, shown_in, signed_in
from tests.factories import CasinoFactory, PlayerFactory, ProgramFactory, StaffFactory, TableFactory
from tests.floor import Floor

MODELS = (
    Casino,
    Player,
    User,
    LoyaltyProgram,
    EarningRate,
    Tier,
    PlayerLoyalty,
    LedgerEntry,
    Pit,
    GameSettings,
    GamingTable,
    RatingSlip,
)
SERVICE_OWNED = (RatingSlip, PlayerLoyalty, LedgerEntry, Tier)


@pytest.fixture
def busy_floor(floor: Floor) -> Floor:
    """A casino with a row of every model."""
    slip = floor.played_slip()
    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
    manual_reward(player=slip.player, points=50, reason="Comp for the long wait", actor=floor.supervisor, at=floor.now)
    floor.open_slip(seat=2)
    return floor


@pytest.fixture
def root(db: None) -> Client:
    """A superuser's browser."""
    return signed_in(StaffFactory.create(casino=None, is_superuser=True, username="root"))


def every_role_of(user: User) -> Client:
    """The browser of one who may open every page that any role may, and manage staff."""
    user.user_permissions.add(*Permission.objects.filter(codename__in=["view_user", "change_user", "add_user"]))
    return signed_in(user, *(role for role in PERMISSIONS_OF_ROLE if role != OPERATOR))


def row_of(model: type[Model], floor: Floor) -> Model:
    """The newest row of a model that belongs to the floor's casino."""
    page = admin.site.get_model_admin(model)
    assert isinstance(page, ConsoleAdmin)
    row = model._default_manager.filter(**{page.casino_lookup: floor.casino.pk}).last()
    assert row is not None
    return row


class TestEveryModel:
    def test_has_pages(self) -> None:
        registered = set(admin.site._registry)

        assert {*MODELS, Group} <= registered
        assert PlaySegment in {inline.model for inline in admin.site.get_model_admin(RatingSlip).inlines}

    @pytest.mark.parametrize("model", MODELS)
    def test_cannot_be_deleted_by_a_superuser(self, busy_floor: Floor, root: Client, model: type[Model]) -> None:
        row = row_of(model, busy_floor)

        answer = root.post(address(model, "delete", row.pk), {"post": "yes"})
        root.post(
            address(model, "changelist"), {"action": "delete_selected", "_selected_action": row.pk, "post": "yes"}
        )

        assert answer.status_code == 403
        assert model._default_manager.filter(pk=row.pk).exists()

    @pytest.mark.parametrize("model", SERVICE_OWNED)
    def test_of_a_service_cannot_be_added_or_changed_by_a_superuser(
        self, busy_floor: Floor, root: Client, model: type[Model]
    ) -> None:
        row = row_of(model, busy_floor)

        added = root.post(address(model, "add"), {})
        changed = root.post(address(model, "change", row.pk), {})
        looked_at = root.get(address(model, "change", row.pk))

        assert (added.status_code, changed.status_code, looked_at.status_code) == (403, 403, 200)
        assert b'name="_save"' not in looked_at.content

    @pytest.mark.parametrize("model", MODELS)
    def test_shows_staff_the_rows_of_their_own_casino_alone(self, busy_floor: Floor, model: type[Model]) -> None:
        mine = Floor.build()
        page = every_role_of(mine.boss).get(address(model, "changelist"))

        html = page.content.decode()
        own = page.context["cl"].queryset
        lookup = admin.site.get_model_admin(model).casino_lookup  # type: ignore[attr-defined]
        assert page.status_code == 200
        assert not own.exclude(**{lookup: mine.casino.pk}).exists()
        assert busy_floor.pit.name not in html

    @pytest.mark.parametrize("model", MODELS)
    def test_never_opens_a_guessed_row_of_another_casino(self, busy_floor: Floor, model: type[Model]) -> None:
        row = row_of(model, busy_floor)
        stranger = every_role_of(Floor.build().boss)

        answer = stranger.get(address(model, "change", row.pk))

        assert answer.status_code == 302
        assert "doesn’t exist" in said(answer)[0]

    @pytest.mark.parametrize("model", MODELS)
    def test_shows_nothing_to_staff_without_a_casino(self, busy_floor: Floor, model: type[Model]) -> None:
        nobody = every_role_of(StaffFactory.create(casino=None))

        page = nobody.get(address(model, "changelist"))

        assert page.context["cl"].result_count == 0

    @pytest.mark.parametrize("model", MODELS)
    def test_has_pages_that_a_strict_policy_lets_through(
        self, busy_floor: Floor, root: Client, model: type[Model]
    ) -> None:
        row = row_of(model, busy_floor)
        pages = [address(model, "changelist"), address(model, "change", row.pk)]
        if admin.site.get_model_admin(model).has_add_permission(_request_of("root")):
            pages.append(address(model, "add"))

        answers = [root.get(page) for page in pages]

        assert [answer.status_code for answer in answers] == [200] * len(pages)
        assert [inline_code_in(answer) for answer in answers] == [[]] * len(pages)
        assert all("default-src 'self'" in answer["Content-Security-Policy"] for answer in answers)


def _request_of(username: str) -> Any:
    class Request:
        user = User.objects.get(username=username)

    return Request()


class TestWholeHouse:
    def test_is_seen_by_a_superuser(self, busy_floor: Floor, root: Client) -> None:
        Floor.build()

        page = root.get(address(Casino, "changelist"))

        assert len(shown_in(page)) == Casino.objects.count() >= 2

    def test_is_seen_by_an_operator_who_belongs_to_no_casino(self, busy_floor: Floor) -> None:
        operator = signed_in(StaffFactory.create(casino=None), OPERATOR)

        page = operator.get(address(RatingSlip, "changelist"))

        assert page.context["cl"].result_count == RatingSlip.objects.count() == 2

    def test_is_not_seen_by_an_operator_of_one_casino(self, busy_floor: Floor) -> None:
        operator = signed_in(StaffFactory.create(), OPERATOR)

        page = operator.get(address(RatingSlip, "changelist"))

        assert page.context["cl"].result_count == 0

    @pytest.mark.parametrize("page", ["index", "login", "password_change"])
    def test_has_no_inline_code_on_its(self, root: Client, page: str) -> None:
        client = Client() if page == "login" else root

        answer = client.get(reverse(f"admin:{page}"))

        assert (answer.status_code, inline_code_in(answer)) == (200, [])


class TestRoles:
    PAGES = (
        (PIT_BOSS, (RatingSlip, Player, PlayerLoyalty, LedgerEntry, GamingTable, Pit)),
        (PIT_SUPERVISOR, (RatingSlip, Player, PlayerLoyalty, LedgerEntry, LoyaltyProgram, Tier)),
        (LOYALTY_SUPERVISOR, (PlayerLoyalty, LedgerEntry, LoyaltyProgram, EarningRate, Tier)),
        (AUDITOR, (RatingSlip, LedgerEntry, PlayerLoyalty, User)),
    )

    @pytest.mark.parametrize(("role", "models"), PAGES)
    def test_open_the_pages_of_their_work(self, busy_floor: Floor, role: str, models: tuple[type[Model], ...]) -> None:
        client = signed_in(StaffFactory.create(casino=busy_floor.casino), role)
        pages = [address(model, "changelist") for model in models]
        pages += [address(model, "change", row_of(model, busy_floor).pk) for model in models]

        answers = [client.get(page).status_code for page in pages]

        assert answers == [200] * len(pages)


class TestPlayers:
    def test_are_enrolled_with_an_account(self, floor: Floor) -> None:
        client = signed_in(floor.supervisor, PIT_SUPERVISOR)
        typed = {"casino": floor.casino.pk, "card_number": "C-1", "first_name": "Ana", "last_name": "Sokolova"}

        client.post(address(Player, "add"), typed | {"status": "ACTIVE"})

        assert Player.objects.get(card_number="C-1").loyalty.balance == 0

    def test_cannot_be_enrolled_in_another_casino(self, floor: Floor) -> None:
        client = signed_in(floor.supervisor, PIT_SUPERVISOR)
        typed = {"card_number": "C-1", "first_name": "Ana", "last_name": "Sokolova", "status": "ACTIVE"}

        page = client.post(address(Player, "add"), typed | {"casino": CasinoFactory.create().pk})

        assert "casino" in page.context["adminform"].form.errors
        assert not Player.objects.exists()

    def test_do_not_move_to_another_casino(self, floor: Floor, root: Client) -> None:
        player, other = floor.player(), ProgramFactory.create().casino
        typed = {"card_number": player.card_number, "first_name": "Ana", "last_name": "Sokolova", "status": "BARRED"}

        root.post(address(Player, "change", player.pk), typed | {"casino": other.pk})

        player.refresh_from_db()
        assert (player.casino, player.status, player.first_name) == (floor.casino, "BARRED", "Ana")

    def test_are_refused_in_a_sentence_where_the_programme_has_no_first_tier(self, floor: Floor) -> None:
        Tier.objects.filter(program=floor.program).delete()
        client = signed_in(floor.supervisor, PIT_SUPERVISOR)
        typed = {"casino": floor.casino.pk, "card_number": "C-1", "first_name": "Ana", "last_name": "Sokolova"}

        answer = client.post(address(Player, "add"), typed | {"status": "ACTIVE"})

        assert "no tier that begins at 0 points" in said(answer)[0]
        assert not Player.objects.exists()


class TestStaff:
    @pytest.fixture
    def manager(self, floor: Floor) -> tuple[User, Client]:
        """One who manages the staff of the floor's casino and is no superuser."""
        manager = StaffFactory.create(casino=floor.casino)
        manager.user_permissions.add(
            *Permission.objects.filter(codename__in=["view_user", "change_user", "add_user", "view_player"])
        )
        return manager, signed_in(manager, PIT_BOSS)

    def typed(self, user: User, **changed: Any) -> dict[str, Any]:
        return {"username": user.username, "first_name": "Maya", "is_active": "on", "is_staff": "on"} | changed

    def test_are_managed_in_one_s_own_casino(self, floor: Floor, manager: tuple[User, Client]) -> None:
        manager[1].post(address(User, "change", floor.boss.pk), self.typed(floor.boss))

        assert User.objects.get(pk=floor.boss.pk).first_name == "Maya"

    def test_are_never_made_superusers_by_who_is_none(self, floor: Floor, manager: tuple[User, Client]) -> None:
        typed = self.typed(floor.boss, is_superuser="on", user_permissions=Permission.objects.first().pk)  # type: ignore[union-attr]

        manager[1].post(address(User, "change", floor.boss.pk), typed)

        changed = User.objects.get(pk=floor.boss.pk)
        assert (changed.first_name, changed.is_superuser, changed.user_permissions.count()) == ("Maya", False, 0)

    def test_are_given_no_role_that_can_do_more(self, floor: Floor, manager: tuple[User, Client]) -> None:
        roles = {role: Group.objects.get(name=role).pk for role in (PIT_BOSS, OPERATOR)}

        manager[1].post(address(User, "change", floor.boss.pk), self.typed(floor.boss, groups=roles[OPERATOR]))
        refused = list(floor.boss.groups.all())
        manager[1].post(address(User, "change", floor.boss.pk), self.typed(floor.boss, groups=roles[PIT_BOSS]))

        assert refused == []
        assert [group.name for group in floor.boss.groups.all()] == [PIT_BOSS]

    @pytest.mark.parametrize("whom", ["a superuser", "themselves", "one with a higher role"])
    def test_do_not_change(self, floor: Floor, manager: tuple[User, Client], whom: str) -> None:
        higher = StaffFactory.create(casino=floor.casino)
        higher.groups.add(Group.objects.get(name=OPERATOR))
        others = {
            "a superuser": StaffFactory.create(casino=floor.casino, is_superuser=True),
            "themselves": manager[0],
            "one with a higher role": higher,
        }
        user = others[whom]

        changed = manager[1].post(address(User, "change", user.pk), self.typed(user))
        password = manager[1].post(reverse("admin:auth_user_password_change", args=[user.pk]), {})

        assert (changed.status_code, password.status_code) == (403, 403)

    def test_join_the_casino_of_who_adds_them(self, floor: Floor, manager: tuple[User, Client]) -> None:
        other = CasinoFactory.create()
        secret = "a-long-enough-passphrase-7"
        typed = {"username": "newcomer", "usable_password": "true", "password1": secret, "password2": secret}

        manager[1].post(address(User, "add"), typed | {"is_staff": "on"})
        manager[1].post(address(User, "add"), typed | {"username": "elsewhere", "casino": other.pk, "is_staff": "on"})

        assert User.objects.get(username="newcomer").casino == floor.casino
        assert not User.objects.filter(casino=other).exists()

    def test_offers_only_players_of_the_casino_as_their_own(self, floor: Floor, manager: tuple[User, Client]) -> None:
        mine, stranger = floor.player(), PlayerFactory.create()
        choose = {"app_label": "core", "model_name": "user", "field_name": "player", "term": ""}

        found = manager[1].get(reverse("admin:autocomplete"), choose).json()["results"]

        assert [result["id"] for result in found] == [str(mine.pk)]
        assert str(stranger.pk) not in {result["id"] for result in found}


class TestTables:
    def test_are_offered_pits_and_games_of_their_casino_alone(self, floor: Floor) -> None:
        elsewhere = TableFactory.create()
        client = signed_in(floor.supervisor, PIT_SUPERVISOR)

        form = client.get(address(GamingTable, "add")).context["adminform"].form

        assert list(form.fields["pit"].queryset) == [floor.pit]
        assert list(form.fields["game"].queryset) == [floor.table.game]
        assert list(form.fields["casino"].queryset) == [floor.casino]
        assert elsewhere.pit not in form.fields["pit"].queryset

    def test_are_deactivated(self, floor: Floor) -> None:
        client = signed_in(floor.supervisor, PIT_SUPERVISOR)
        table = floor.table
        typed = {"pit": table.pit_id, "game": table.game_id, "name": table.name, "seats": 7}

        client.post(address(GamingTable, "change", table.pk), typed)

        assert not GamingTable.objects.get(pk=table.pk).is_active


class TestGrantsOnAPit:
    def test_make_the_actions_work(self, floor: Floor, root: Client) -> None:
        slip = floor.open_slip()
        guest = StaffFactory.create(casino=floor.casino)
        client = signed_in(guest, PIT_BOSS)
        pause = {"action": "pause", "index": "0", "_selected_action": str(slip.pk)}
        client.post(address(RatingSlip, "changelist"), pause)
        before = RatingSlip.objects.get().status

        chosen = root.post(
            address(Pit, "permissions", floor.pit.pk), {"user": guest.pk, "submit_manage_user": "Choose"}
        )
        root.post(chosen.url, {"permissions": ["operate_pit"]})  # type: ignore[attr-defined]
        client.post(address(RatingSlip, "changelist"), pause)

        assert (before, RatingSlip.objects.get().status) == ("OPEN", "PAUSED")

    def test_go_to_a_role_as_well(self, floor: Floor, root: Client) -> None:
        slip = floor.open_slip()
        client = signed_in(StaffFactory.create(casino=floor.casino), PIT_BOSS)
        role = Group.objects.get(name=PIT_BOSS)

        root.post(address(Pit, "permissions_manage_group", floor.pit.pk, role.pk), {"permissions": ["operate_pit"]})
        client.post(
            address(RatingSlip, "changelist"), {"action": "pause", "index": "0", "_selected_action": str(slip.pk)}
        )

        assert RatingSlip.objects.get().status == "PAUSED"

    def test_are_no_more_than_the_page_offers(self, floor: Floor, root: Client) -> None:
        grant = address(Pit, "permissions_manage_user", floor.pit.pk, floor.boss.pk)

        page = root.post(grant, {"permissions": ["delete_pit"]})

        assert "permissions" in page.context["form"].errors

    def test_reach_no_staff_and_no_pit_of_another_casino(self, floor: Floor) -> None:
        elsewhere = Floor.build()
        client = signed_in(floor.supervisor, PIT_SUPERVISOR)

        answers = [
            client.get(address(Pit, "permissions", elsewhere.pit.pk)),
            client.get(address(Pit, "permissions_manage_user", elsewhere.pit.pk, floor.boss.pk)),
            client.get(address(Pit, "permissions_manage_user", floor.pit.pk, elsewhere.boss.pk)),
            client.get(address(Pit, "permissions_manage_user", floor.pit.pk, "x")),
        ]
        page = client.get(address(Pit, "permissions", floor.pit.pk))

        assert [answer.status_code for answer in answers] == [404, 404, 404, 404]
        assert elsewhere.boss not in page.context["user_form"].fields["user"].queryset
        assert inline_code_in(page) == []

    def test_are_closed_to_a_pit_boss(self, floor: Floor) -> None:
        client = signed_in(floor.boss, PIT_BOSS)

        answer = client.post(
            address(Pit, "permissions_manage_user", floor.pit.pk, floor.boss.pk), {"permissions": ["recover_loyalty"]}
        )

        assert answer.status_code == 403
        assert not floor.boss.has_perm("ratingslips.recover_loyalty", floor.pit)


class TestErrorPages:
    @pytest.mark.parametrize(("page", "status"), [("/nowhere/", 404), ("/console/auth/group/", 403)])
    def test_lead_back_and_hold_no_inline_code(self, floor: Floor, page: str, status: int) -> None:
        answer = signed_in(floor.boss, PIT_BOSS).get(page)

        assert answer.status_code == status
        assert reverse("admin:index") in answer.content.decode()
        assert inline_code_in(answer) == []

    def test_answer_a_failure_in_plain_words(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        client = signed_in(floor.boss, PIT_BOSS)
        client.raise_request_exception = False
        monkeypatch.setattr(ConsoleAdmin, "list_links", lambda *_: 1 / 0)

        answer = client.get(address(Player, "changelist"))

        assert (answer.status_code, "Nothing was lost" in answer.content.decode()) == (500, True)
