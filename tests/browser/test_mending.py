"""What a pit boss puts right on the tablet: a slip of nobody, the wrong player, chips that are taken away."""

from decimal import Decimal

from playwright.sync_api import Page, expect

from core.reasons.defaults import add_default_codes
from core.roles import PIT_BOSS
from ratingslips.admin.floor.pages import floor_url
from ratingslips.models import RatingSlip
from tests.browser.conftest import Tablet, both_ways
from tests.floor import Floor


def at_new_slip(tablet: Tablet, floor: Floor) -> Page:
    """The boss's tablet with a slip that they opened just now, in a casino with reason codes."""
    add_default_codes(floor.casino.pk)
    floor.open_slip(at=floor.now, player=floor.player(first_name="אברהם", last_name="בן־שמעון"))
    page = tablet(floor.boss, PIT_BOSS)
    page.goto(floor_url(floor.pit))
    page.locator(f"#seat-{floor.table.pk}-1").tap()
    return page


@both_ways
class TestJourneys:
    def test_void_a_slip_of_somebody_who_did_not_play(self, floor: Floor, tablet: Tablet) -> None:
        page = at_new_slip(tablet, floor)

        page.get_by_text("Void …").tap()
        page.get_by_role("button", name="Void this slip").tap()
        expect(page.locator("#void .errorlist")).to_be_visible()
        page.locator("#void").get_by_role("radio", name="Player did not play").check()
        page.get_by_role("button", name="Void this slip").tap()

        expect(page.locator(".pill-void")).to_have_text("Void")
        assert RatingSlip.objects.get().status == "VOID"
        page.get_by_role("link", name=floor.pit.name).first.tap()
        expect(page.locator(f"#seat-{floor.table.pk}-1")).not_to_contain_text("בן")

    def test_give_the_slip_to_the_right_player(self, floor: Floor, tablet: Tablet) -> None:
        right = floor.player(first_name="José", last_name="Ito", card_number="100257")
        page = at_new_slip(tablet, floor)

        page.get_by_role("link", name="Wrong player …").tap()
        page.get_by_label("Card number or name of the right player").press_sequentially("jose")
        page.get_by_role("radio", name="Wrong player").check()
        page.get_by_role("button", name="José Ito").tap()

        expect(page.locator(".messagelist .success")).to_contain_text("José Ito")
        assert RatingSlip.objects.live().get().player == right
        assert RatingSlip.objects.get(status="VOID").reassigned_to.player == right

    def test_record_chips_that_a_player_takes_away(self, floor: Floor, tablet: Tablet) -> None:
        page = at_new_slip(tablet, floor)

        page.get_by_text("Chips taken away …").tap()
        page.get_by_role("textbox", name="Chips", exact=True).fill("1,250")
        page.get_by_role("button", name="Record chips out").tap()

        expect(page.locator(".messagelist .success")).to_contain_text("1,250")
        slip = RatingSlip.objects.with_money().get()
        assert (slip.status, slip.chips_out) == ("OPEN", Decimal(1_250))
