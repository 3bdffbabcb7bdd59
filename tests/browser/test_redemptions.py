"""The supervisor's journey: a comp from a player's page to the printed slip, a copy, and none after its reversal."""

import pytest
from playwright.sync_api import Page, expect

from core.models import Player
from core.roles import LOYALTY_SUPERVISOR
from loyalty.models import CompSlipPrint, LedgerEntry
from tests.browser.conftest import ACROSS, UPRIGHT, Tablet
from tests.factories import CompTypeFactory
from tests.floor import Floor
from tests.loyalty.postings import award, reverse


@pytest.fixture
def player(floor: Floor) -> Player:
    """A player with 1,000 points."""
    player = floor.player(first_name="Łukasz", last_name="Ito")
    award(floor, player, points=1_000)
    CompTypeFactory.create(program=floor.program)
    return player


def _width_on(page: Page, *, millimetres: int) -> tuple[float, float]:
    """How wide the slip is on a paper of this width, and how far it reaches, in millimetres."""
    page.set_viewport_size({"width": round(millimetres / 25.4 * 96), "height": 900})
    page.emulate_media(media="print")
    box = page.locator(".comp-slip").bounding_box()
    assert box is not None
    page.emulate_media(media="screen")
    return box["width"] * 25.4 / 96, (box["x"] + box["width"]) * 25.4 / 96


class TestComp:
    @pytest.mark.parametrize(
        ("java_script", "tablet"), [(True, UPRIGHT), (False, ACROSS)], ids=["820", "1180"], indirect=["tablet"]
    )
    def test_is_redeemed_printed_and_copied(
        self, floor: Floor, tablet: Tablet, player: Player, java_script: bool
    ) -> None:
        page = tablet(floor.supervisor, LOYALTY_SUPERVISOR, java_script_enabled=java_script)
        page.goto(f"/console/players/{player.pk}/")
        page.get_by_role("link", name="Redeem points").tap()
        page.get_by_label("Dinner").check()
        page.get_by_label("Value of the comp").fill("12,50")
        page.get_by_label("Outlet").fill("Steakhouse")
        page.get_by_label("Note").fill("For the anniversary")
        page.get_by_role("button", name="Redeem points").tap()
        expect(page.get_by_text("250 points redeemed: balance 1,000 → 750.")).to_be_visible()
        page.get_by_role("button", name="Print the comp slip").tap()

        slip = page.locator(".comp-slip")
        expect(slip).to_contain_text("12.50")
        expect(slip).not_to_contain_text("COPY")
        width, right = _width_on(page, millimetres=80)
        assert 60 < width <= right <= 80
        width, right = _width_on(page, millimetres=210)
        assert 110 < width < 130

        page.get_by_role("link", name="Back to the entry").tap()
        page.get_by_role("button", name="Print a copy").tap()
        expect(slip).to_contain_text("COPY")
        assert CompSlipPrint.objects.count() == 2

        reverse(floor, LedgerEntry.objects.get(kind="REDEMPTION"))
        page.get_by_role("link", name="Back to the entry").tap()
        expect(page.get_by_text("the comp slip is not printed any more")).to_be_visible()
        expect(page.get_by_role("button", name="Print a copy")).to_have_count(0)
