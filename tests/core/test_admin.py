"""The console as a whole: who sees what, what is closed to everybody, and what no page may hold."""

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from config.roles import PERMISSIONS_OF_ROLE
from core.console.scope import ConsoleAdmin
from core.models import Casino, Player, ReplayCount, User
from core.roles import OPERATOR, PIT_BOSS
from loyalty.models import EarningRate, LedgerEntry, LedgerExport, LoyaltyProgram, PlayerLoyalty, Tier
from loyalty.services import manual_reward
from ratingslips.models import GameSettings, GamingTable, Pit, PlaySegment, RatingSlip
from ratingslips.services import complete_rating_slip
from tests.console import address, inline_code_in, registered, signed_in
from tests.emptying import ModuleDb
from tests.floor import Floor
from tests.loyalty.rows import export_row

MODELS = (
    Casino,
    Player,
    User,
    ReplayCount,
    LoyaltyProgram,
    EarningRate,
    Tier,
    PlayerLoyalty,
    LedgerEntry,
    LedgerExport,
    Pit,
    GameSettings,
    GamingTable,
    RatingSlip,
)


@pytest.fixture(scope="module")
def house(module_db: ModuleDb) -> Floor:
    """A casino with a row of every model."""
    with module_db():
        floor = Floor.build()
        slip = floor.played_slip()
        for _ in range(2):  # the second is a replay, which is counted
            complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
        reason = "Comp for the long wait"
        manual_reward(player=slip.player, points=50, reason=reason, actor=floor.supervisor, at=floor.now)
        floor.open_slip(seat=2)
        export_row(floor).save()
        # No other pit's name begins as this one's.
        floor.pit.name = "The pit of the casino"
        floor.pit.save()
    return floor


@pytest.fixture
def busy_floor(db: None, house: Floor) -> Floor:
    """That casino, of which a test undoes what it changes."""
    return house


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


def _rows_of(page: Any) -> Any:
    """The rows of a list: Django's own, or the ledger's, which is paged in another way."""
    changelist = page.context.get("cl")
    return changelist.queryset if changelist else page.context["page"].rows


class TestEveryModel:
    def test_has_pages(self) -> None:
        assert {*MODELS, Group} <= registered().keys()
        assert PlaySegment in {inline.model for inline in admin.site.get_model_admin(RatingSlip).inlines}

    @pytest.mark.parametrize("model", MODELS)
    def test_shows_staff_the_rows_of_their_own_casino_alone(self, busy_floor: Floor, model: type[Model]) -> None:
        mine = Floor.build()
        page = every_role_of(mine.boss).get(address(model, "changelist"))

        html = page.content.decode()
        shown = {row.pk for row in _rows_of(page)}
        lookup = admin.site.get_model_admin(model).casino_lookup  # type: ignore[attr-defined]
        own = model._default_manager.filter(**{lookup: mine.casino.pk}).values_list("pk", flat=True)
        assert page.status_code == 200
        assert shown == set(own)
        assert busy_floor.pit.name not in html

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


class TestOwnPage:
    @pytest.mark.parametrize("page", ["index", "login", "password_change"])
    def test_has_no_inline_code(self, root: Client, page: str) -> None:
        client = Client() if page == "login" else root

        answer = client.get(reverse(f"admin:{page}"))

        assert (answer.status_code, inline_code_in(answer)) == (200, [])


class TestErrorPages:
    @pytest.mark.parametrize(("page", "status"), [("/nowhere/", 404), ("/console/auth/group/", 403)])
    def test_lead_back_and_hold_no_inline_code(self, floor: Floor, page: str, status: int) -> None:
        answer = signed_in(floor.boss, PIT_BOSS).get(page)

        assert answer.status_code == status
        assert reverse("admin:index") in answer.content.decode()
        assert inline_code_in(answer) == []

    def test_answer_a_failure_in_plain_words(self, boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        boss.raise_request_exception = False
        monkeypatch.setattr(ConsoleAdmin, "list_links", lambda *_: 1 / 0)

        answer = boss.get(address(Player, "changelist"))

        assert (answer.status_code, "Nothing was lost" in answer.content.decode()) == (500, True)
