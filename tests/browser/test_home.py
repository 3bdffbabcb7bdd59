"""The supervisor's journeys from the home page, and a player's page as a browser shows it."""

import pytest
from playwright.sync_api import expect

from core.console.links import page_url
from core.roles import LOYALTY_SUPERVISOR, PIT_BOSS, PIT_SUPERVISOR
from loyalty.models import LedgerEntry
from loyalty.services import pause_program, resume_program
from ratingslips.models import RatingSlip
from ratingslips.services import PartialCompletion, complete_rating_slip
from tests.browser.conftest import ACROSS, Tablet
from tests.browser.every_page import regular_of
from tests.browser.test_floor import tab_to
from tests.floor import Floor

HOME = "/console/"
REASON = "Tier migration tonight"
DONE = "The tiers are migrated"
SUPERVISOR = (PIT_SUPERVISOR, LOYALTY_SUPERVISOR)


def close_while_paused(floor: Floor, *, slips: int, resumed: bool) -> None:
    """Slips that closed while the programme was paused, with names as long as they get."""
    pause_program(program=floor.program, reason=REASON, actor=floor.supervisor, at=floor.ago(minutes=50))
    for seat in range(1, slips + 1):
        slip = floor.open_slip(seat=seat, player=floor.player(last_name="Featherstonehaugh" * 5, first_name="B" * 100))
        with pytest.raises(PartialCompletion):
            complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=20))
    if resumed:
        resume_program(program=floor.program, actor=floor.supervisor)


class TestJourneys:
    def test_recover_what_a_pause_left_owed(self, floor: Floor, tablet: Tablet) -> None:
        close_while_paused(floor, slips=2, resumed=False)
        page = tablet(floor.supervisor, *SUPERVISOR, viewport=ACROSS)

        page.goto(HOME)
        expect(page.get_by_text(f"“{REASON}”")).to_be_visible()
        page.get_by_role("link", name="Resume …").tap()
        page.get_by_label("Reason", exact=True).fill(DONE)
        page.get_by_role("button", name="Resume the programme").tap()
        page.get_by_role("button", name="Pay 2 slips now").tap()

        expect(page.locator(".messagelist .success")).to_contain_text("2 slips paid")
        expect(page.get_by_text("Nothing needs attention.")).to_be_visible()
        assert not RatingSlip.objects.owed().exists()

    def test_close_during_a_paused_programme_and_recover_as_supervisor(self, floor: Floor, tablet: Tablet) -> None:
        slip = floor.played_slip()
        supervisor = tablet(floor.supervisor, *SUPERVISOR, viewport=ACROSS, color_scheme="dark")
        supervisor.goto(page_url(floor.program))
        supervisor.get_by_role("link", name="Pause", exact=True).tap()
        supervisor.get_by_label("Reason", exact=True).fill(REASON)
        supervisor.get_by_role("button", name="Pause the programme").tap()
        boss = tablet(floor.boss, PIT_BOSS)

        boss.goto(f"/console/floor/slips/{slip.pk}/")
        boss.get_by_text("Close …").tap()
        boss.get_by_role("button", name="Close and post points").tap()
        expect(boss.locator(".earned")).to_contain_text("Closed. Points owed.")
        supervisor.goto(HOME)
        supervisor.get_by_role("link", name="Resume …").tap()
        supervisor.get_by_label("Reason", exact=True).fill(DONE)
        supervisor.get_by_role("button", name="Resume the programme").tap()
        supervisor.get_by_role("button", name=f"Pay {slip.slip_number}").tap()
        expect(supervisor.locator(".messagelist .success")).to_contain_text("points paid")
        boss.reload()

        entry = LedgerEntry.objects.get()
        expect(boss.locator(".earned")).to_contain_text(f"{entry.points} points")
        slip.refresh_from_db()
        assert slip.ledger_entry == entry

    def test_recover_one_with_a_double_click(self, floor: Floor, tablet: Tablet) -> None:
        close_while_paused(floor, slips=2, resumed=True)
        slip = RatingSlip.objects.owed().order_by("closed_at", "pk").first()
        assert slip is not None
        page = tablet(floor.supervisor, *SUPERVISOR)

        page.goto(HOME)
        page.get_by_role("button", name=f"Pay {slip.slip_number}").dblclick()

        expect(page.get_by_text("1 slip is owed points")).to_be_visible()
        assert LedgerEntry.objects.count() == 1

    def test_recover_some_without_a_script(self, floor: Floor, tablet: Tablet) -> None:
        close_while_paused(floor, slips=3, resumed=True)
        page = tablet(floor.supervisor, *SUPERVISOR, java_script_enabled=False)

        page.goto(HOME)
        for box in page.get_by_role("checkbox").all()[:2]:
            box.check()
        page.get_by_role("button", name="Pay those chosen").tap()

        expect(page.locator(".messagelist .success")).to_contain_text("2 slips paid")
        assert RatingSlip.objects.owed().count() == 1

    def test_recover_by_the_keyboard_alone(self, floor: Floor, tablet: Tablet) -> None:
        close_while_paused(floor, slips=1, resumed=True)
        page = tablet(floor.supervisor, *SUPERVISOR, has_touch=False)

        page.goto(HOME)
        tab_to(page, "button[value=all]")
        page.keyboard.press("Enter")

        expect(page.locator(".messagelist .success")).to_contain_text("points paid")

    def test_follow_a_player_from_the_list_to_the_chart(self, floor: Floor, tablet: Tablet) -> None:
        player = regular_of(floor)
        page = tablet(floor.supervisor, *SUPERVISOR, viewport=ACROSS)

        page.goto("/console/core/player/")
        page.get_by_role("link", name=f"{player.last_name}, {player.first_name}").tap()
        page.get_by_text("The chart as a table").tap()

        expect(page.get_by_role("img", name="Theo against actual win by gaming day")).to_be_visible()
        expect(page.get_by_role("region", name="Theo and actual win by gaming day")).to_contain_text("−85,000.00")
