"""The loyalty supervisor's journeys: an award, the same twice, another one beside it, and every way to be refused."""

import re

import pytest
from guardian.shortcuts import remove_perm
from playwright.sync_api import Locator, Page, expect

from core.models import Player
from core.roles import LOYALTY_SUPERVISOR, PIT_SUPERVISOR
from core.sessions import Session
from loyalty.models import LedgerEntry, PlayerLoyalty
from tests.browser.conftest import Tablet, both_ways
from tests.console import address
from tests.floor import Floor
from tests.loyalty.postings import adjust, award
from tests.loyalty.rows import account_of

REASON = "Comp for the long wait at the cage"
PASSWORD = "a-shift-is-over"
POINTS = re.compile("^Points")


@pytest.fixture
def player(floor: Floor) -> Player:
    """Whom the award is for."""
    return floor.player(first_name="Łukasz", last_name="Ito")


@pytest.fixture
def page(floor: Floor, tablet: Tablet) -> Page:
    """The tablet of a supervisor who may award."""
    return tablet(floor.supervisor, LOYALTY_SUPERVISOR)


def award_url(player: Player) -> str:
    return address(PlayerLoyalty, "award", account_of(player).pk)


def button(page: Page) -> Locator:
    return page.get_by_role("button", name="Award points")


def fill_in(page: Page, *, points: str = "100", reason: str = REASON, reward_id: str = "") -> None:
    """Type an award; it is not sent yet."""
    page.get_by_label(POINTS).fill(points)
    page.get_by_label("Reason", exact=True).fill(reason)
    page.get_by_label("Reward id").fill(reward_id)


def sees_what_was_typed(page: Page, *, points: str = "100", reason: str = REASON) -> None:
    """The form is shown with what was typed, so that it can be corrected and sent again."""
    expect(page.get_by_label(POINTS)).to_have_value(points)
    expect(page.get_by_label("Reason", exact=True)).to_have_value(reason)


def sign_in(page: Page, floor: Floor) -> None:
    """Sign in on the page that asks for it."""
    page.get_by_label("Username").fill(floor.supervisor.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.locator("#login-form [type=submit]").tap()


class TestAward:
    def test_follows_a_player_to_the_account_and_shows_the_entry(self, page: Page, player: Player) -> None:
        page.goto(address(Player, "change", player.pk))
        page.get_by_role("link", name="Loyalty account").tap()
        page.get_by_role("link", name="Award points").tap()
        fill_in(page, points="1,500")
        button(page).tap()

        expect(page.get_by_text("1,500 points awarded: balance 0 → 1,500, now Silver.")).to_be_visible()
        assert LedgerEntry.objects.get().reason == REASON

    def test_makes_one_entry_of_a_double_click(self, page: Page, player: Player) -> None:
        page.goto(award_url(player))
        fill_in(page)

        button(page).dblclick()

        expect(page.locator(".messagelist")).to_contain_text("balance 0 → 100")
        assert LedgerEntry.objects.count() == 1


@both_ways
class TestPointsPutRight:
    def test_reverses_an_award_and_takes_what_is_left(self, page: Page, player: Player, floor: Floor) -> None:
        adjust(floor, player, points=40)
        entry_id = award(floor, player, points=1_000).entry_id
        page.goto(address(LedgerEntry, "change", entry_id))
        page.get_by_role("link", name="Reverse").tap()
        expect(page.get_by_text("Silver → Bronze")).to_be_visible()
        page.get_by_label("Reason", exact=True).fill(REASON)
        page.get_by_role("button", name="Reverse this entry").tap()
        expect(page.get_by_text("balance 1,040 → 40, now Bronze.")).to_be_visible()

        page.get_by_role("link", name="Łukasz Ito").tap()
        page.get_by_role("link", name="Adjust points").tap()
        page.get_by_label("Take points from the balance").check()
        page.get_by_label(POINTS).last.fill("50")
        page.get_by_label("Reason", exact=True).fill(REASON)
        page.get_by_role("button", name="Adjust points").tap()

        expect(page.get_by_text("40 points taken: balance 40 → 0.")).to_be_visible()
        expect(page.get_by_text("10 points were not taken: the balance had no more.")).to_be_visible()


class TestRefusedAward:
    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ({"points": "10001"}, "1 to 10,000"),
            ({"points": "0"}, "1 to 10,000"),
            ({"reason": "A comp"}, "10 to 500 characters; this one has 6"),
        ],
        ids=["over the cap", "nothing", "a reason that says too little"],
    )
    def test_is_marked_beside_the_field_and_keeps_what_was_typed(
        self, page: Page, player: Player, typed: dict[str, str], said: str
    ) -> None:
        page.goto(award_url(player))
        fill_in(page, **typed)

        button(page).tap()

        expect(page.locator(".errorlist")).to_contain_text(said)
        sees_what_was_typed(page, **typed)
        assert not LedgerEntry.objects.exists()

    def test_says_that_the_right_is_gone_and_whom_to_ask(self, floor: Floor, page: Page, player: Player) -> None:
        page.goto(award_url(player))
        fill_in(page)
        remove_perm("loyalty.award", floor.supervisor, floor.program)

        button(page).tap()

        expect(page.locator(".errorlist")).to_contain_text("You do not hold the permission “Can award points by hand”")
        expect(page.locator(".errorlist")).to_contain_text("Ask a supervisor to grant it.")
        sees_what_was_typed(page)
        assert not LedgerEntry.objects.exists()


class TestSessionThatEnds:
    def test_keeps_what_was_typed_until_it_is_sent_again(self, floor: Floor, tablet: Tablet, player: Player) -> None:
        floor.supervisor.set_password(PASSWORD)
        floor.supervisor.save()
        page = tablet(floor.supervisor, LOYALTY_SUPERVISOR)
        page.goto(award_url(player))
        fill_in(page, reward_id="PROMO-7")
        Session.objects.all().delete()
        button(page).tap()
        expect(page.get_by_text("You were signed out before this was sent: nothing was saved.")).to_be_visible()

        sign_in(page, floor)

        sees_what_was_typed(page)
        expect(page.get_by_label("Reward id")).to_have_value("PROMO-7")
        assert not LedgerEntry.objects.exists()
        button(page).tap()
        expect(page.get_by_text("100 points awarded")).to_be_visible()
        assert LedgerEntry.objects.count() == 1

    def test_tells_also_of_a_form_that_does_not_come_back(self, floor: Floor, tablet: Tablet) -> None:
        page = tablet(floor.boss, PIT_SUPERVISOR)
        page.goto(address(Player, "add"))
        Session.objects.all().delete()

        page.locator("[name=_save]").tap()

        expect(page.get_by_text("You were signed out before this was sent: nothing was saved.")).to_be_visible()


class TestWithoutAScript:
    def test_is_awarded_and_refused_all_the_same(self, floor: Floor, tablet: Tablet, player: Player) -> None:
        page = tablet(floor.supervisor, LOYALTY_SUPERVISOR, java_script_enabled=False)
        page.goto(award_url(player))
        fill_in(page, points="many")
        button(page).tap()
        expect(page.locator(".errorlist")).to_be_visible()

        fill_in(page)
        button(page).tap()

        expect(page.get_by_text("100 points awarded: balance 0 → 100.")).to_be_visible()
        assert LedgerEntry.objects.count() == 1
