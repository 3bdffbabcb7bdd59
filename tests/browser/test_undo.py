"""Undo on the tablet: one tap after an opening, and one after a closing."""

from decimal import Decimal

from playwright.sync_api import expect

from ratingslips.models import RatingSlip
from ratingslips.services import complete_rating_slip
from tests.browser.conftest import Tablet, both_ways
from tests.browser.taps import at_the_floor, taps
from tests.floor import Floor


@both_ways
class TestJourneys:
    def test_wrong_seat_takes_one_tap_and_the_right_one_two(self, floor: Floor, tablet: Tablet) -> None:
        floor.open_slip(
            at=floor.now, buy_in=Decimal(500), player=floor.player(first_name="يوسف", last_name="العبدالله")
        )
        page = at_the_floor(tablet, floor)

        page.get_by_role("button", name="Undo").tap()
        expect(page.locator(".messagelist .success")).to_contain_text("Its buy-in of 500.00 is void")
        assert (taps(page), RatingSlip.objects.get().status) == (1, "VOID")
        page.locator(f"#seat-{floor.table.pk}-3").tap()
        page.get_by_role("button", name="Seat this player here").tap()

        expect(page.get_by_role("button", name="Undo")).to_be_visible()
        assert (taps(page), RatingSlip.objects.live().get().seat) == (3, 3)

    def test_closed_by_mistake_takes_one_tap_after_another_act(self, floor: Floor, tablet: Tablet) -> None:
        page = at_the_floor(tablet, floor)
        slip = floor.played_slip()
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
        floor.open_slip(seat=2, at=floor.now)
        page.evaluate("window.dispatchEvent(new Event('online'))")

        page.get_by_role("button", name="Still playing").tap()

        expect(page.locator(".messagelist .success")).to_contain_text("goes on with slip")
        assert (taps(page), RatingSlip.objects.live().get(seat=1).continues) == (1, slip)
