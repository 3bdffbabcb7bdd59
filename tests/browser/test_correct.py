"""A supervisor corrects the play of a slip, and sees while typing what that would change."""

from decimal import Decimal

from django.urls import reverse
from playwright.sync_api import Route, expect

from core.roles import PIT_SUPERVISOR
from tests.browser.conftest import Tablet, both_ways
from tests.floor import Floor
from tests.ratingslips.corrections import REASON, closed, current_play


@both_ways
class TestCorrection:
    def test_shows_what_is_typed_now_and_records_it(self, floor: Floor, tablet: Tablet) -> None:
        slip = closed(floor)
        page = tablet(floor.supervisor, PIT_SUPERVISOR)
        page.goto(reverse("admin:ratingslips_ratingslip_correct", args=[slip.pk]))
        held: list[Route] = []
        page.route("**/preview/", lambda route: held.append(route))
        bet, preview = page.get_by_label("Average bet, row 2"), page.locator("#preview")

        with page.expect_request("**/preview/"):
            bet.fill("200")
        bet.fill("20")
        held[0].continue_()
        with page.expect_request("**/preview/"):
            expect(preview).to_have_attribute("aria-busy", "true")
        expect(preview).not_to_contain_text("84.00")
        held[1].continue_()
        expect(preview).to_contain_text("57.75 → 36.75")
        expect(preview).to_contain_text("578 points → 368 points")
        page.unroute("**/preview/")
        page.get_by_label("From, row 3").fill("half past")
        expect(preview).to_contain_text("Some rows cannot be read yet.")
        page.get_by_label("From, row 3").fill("")
        page.get_by_label("Reason", exact=True).fill(REASON)
        page.get_by_role("button", name="Correct the play").tap()

        expect(page.locator(".messagelist")).to_contain_text("Theo 57.75 → 36.75.")
        assert current_play(slip)[-1].average_bet == Decimal(20)
