"""A pit boss who was late records when it happened, in few taps."""

from datetime import timedelta

from playwright.sync_api import expect

from ratingslips.models import RatingSlip
from tests.browser.conftest import Tablet, both_ways
from tests.browser.taps import at_the_floor, taps
from tests.floor import Floor


def minutes_before_now(floor: Floor, slip: RatingSlip) -> tuple[int, int | None]:
    """How long before the test the slip was opened and closed."""
    instants = (slip.opened_at, slip.closed_at)
    opened, closed = ((floor.now - at) / timedelta(minutes=1) if at else None for at in instants)
    assert opened is not None
    return round(opened), round(closed) if closed is not None else None


@both_ways
class TestLate:
    def test_closes_a_slip_whose_player_left_twenty_minutes_ago(self, floor: Floor, tablet: Tablet) -> None:
        floor.open_slip(seat=1)
        page = at_the_floor(tablet, floor)

        page.locator(f"#seat-{floor.table.pk}-1").tap()
        page.get_by_text("Close …").tap()
        page.locator("#close").get_by_role("radio", name="20 min ago").tap()
        page.get_by_role("button", name="Close and post points").tap()

        expect(page.locator(".messagelist .success")).to_contain_text("closed at ")
        assert (taps(page), minutes_before_now(floor, RatingSlip.objects.get())) == (4, (120, 20))

    def test_records_the_bet_that_was_a_hundred_since_half_past(self, floor: Floor, tablet: Tablet) -> None:
        slip = floor.open_slip(seat=1)
        at = floor.ago(minutes=25).astimezone(floor.casino.zone)
        page = at_the_floor(tablet, floor)

        page.locator(f"#seat-{floor.table.pk}-1").tap()
        page.locator(".play").get_by_label("ago, or at").tap()
        page.keyboard.type(f"{at:%H%M}")
        page.get_by_role("button", name="100", exact=True).tap()

        expect(page.locator(".messagelist .success")).to_contain_text(f"average bet 100.00 from {at:%H:%M} on.")
        assert slip.segments.latest("seq").started_at == at.replace(second=0, microsecond=0)
        assert taps(page) == 3

    def test_opens_a_slip_for_a_player_who_sat_down_before(self, floor: Floor, tablet: Tablet) -> None:
        floor.open_slip(seat=1)
        floor.player(first_name="Ana", last_name="Lopez", card_number="100257")
        page = at_the_floor(tablet, floor)

        page.locator(f"#seat-{floor.table.pk}-3").tap()
        page.get_by_label("Card number or name", exact=True).press_sequentially("100257")  # it has the focus
        page.get_by_role("radio", name="10 min ago").tap()
        page.get_by_role("button", name="Ana Lopez").tap()

        expect(page.locator(".messagelist .success")).to_contain_text("seat 3 since ")
        assert (taps(page), minutes_before_now(floor, RatingSlip.objects.get(seat=3))) == (3, (10, None))
