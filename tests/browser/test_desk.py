"""The supervisor's journeys from the home page, and the desk's pages as a browser shows them."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from core.console.links import page_url
from core.models import Player, User
from core.roles import AUDITOR, LOYALTY_SUPERVISOR, PIT_BOSS, PIT_SUPERVISOR
from loyalty.models import LedgerEntry
from loyalty.services import manual_reward, pause_program, resume_program
from ratingslips.models import RatingSlip
from ratingslips.services import PartialCompletion, complete_rating_slip, pause_rating_slip
from tests.browser.conftest import ACROSS, UPRIGHT, Tablet
from tests.browser.test_floor import PAGE_BYTES_MAX, TARGET_PIXELS_MIN, tab_to
from tests.factories import StaffFactory
from tests.floor import Floor

HOME = "/console/"
REASON = "Tier migration tonight"
SUPERVISOR = (PIT_SUPERVISOR, LOYALTY_SUPERVISOR)


@pytest.fixture
def floor(committed_floor: Floor) -> Floor:
    return committed_floor


def close_while_paused(floor: Floor, *, slips: int, resumed: bool) -> None:
    """Slips that closed while the programme was paused, with names as long as they get."""
    pause_program(program=floor.program, reason=REASON, actor=floor.supervisor, at=floor.ago(minutes=50))
    for seat in range(1, slips + 1):
        slip = floor.open_slip(seat=seat, player=floor.player(last_name="Featherstonehaugh" * 5, first_name="B" * 100))
        with pytest.raises(PartialCompletion):
            complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=20))
    if resumed:
        resume_program(program=floor.program, actor=floor.supervisor)


def regular_of(floor: Floor) -> Player:
    """A player with visits on several gaming days, awards, and a live slip that is paused."""
    player = floor.player(last_name="W" * 100)
    for days, chips_out in ((9, 90_000), (4, 0), (2, 1_200)):
        slip = floor.open_slip(player=player, seat=6, average_bet=Decimal(500), at=floor.ago(days=days))
        money = {"buy_in": Decimal(5_000), "chips_out": Decimal(chips_out)}
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(days=days, hours=-3), **money)
    manual_reward(player=player, points=250, reason="Drink " + "spilled" * 60, actor=floor.supervisor, at=floor.now)
    live = floor.open_slip(player=player, seat=7, at=floor.ago(hours=9))
    pause_rating_slip(slip=live, actor=floor.boss, at=floor.ago(minutes=45))
    return player


def pages_of(floor: Floor) -> list[tuple[User, tuple[str, ...], str]]:
    """The desk's pages in the states that differ, each with who looks at it."""
    regular, new = regular_of(floor), floor.player()
    close_while_paused(floor, slips=3, resumed=False)
    auditor = StaffFactory.create(casino=floor.casino)
    return [
        (floor.supervisor, SUPERVISOR, HOME),
        (auditor, (AUDITOR,), HOME),
        (floor.boss, (PIT_BOSS,), HOME),
        (floor.supervisor, SUPERVISOR, page_url(regular)),
        (floor.supervisor, SUPERVISOR, page_url(new)),
    ]


def weight_of(page: Page, address: str) -> int:
    """How many bytes a page takes, with all that it loads."""
    loaded: list[int] = []
    page.on("response", lambda response: loaded.append(len(response.body())))
    page.goto(address, wait_until="networkidle")
    return sum(loaded)


class TestJourneys:
    def test_recover_what_a_pause_left_owed(self, floor: Floor, tablet: Tablet) -> None:
        close_while_paused(floor, slips=2, resumed=False)
        page = tablet(floor.supervisor, *SUPERVISOR, viewport=ACROSS)

        page.goto(HOME)
        expect(page.get_by_text(f"“{REASON}”")).to_be_visible()
        page.get_by_role("link", name="Resume …").tap()
        page.get_by_role("button", name="Resume the programme").tap()
        page.get_by_role("button", name="Pay 2 slips now").tap()

        expect(page.locator(".messagelist .success")).to_contain_text("2 slips paid")
        expect(page.get_by_text("Nothing needs attention.")).to_be_visible()
        assert not RatingSlip.objects.owed().exists()

    def test_close_while_the_programme_is_paused_and_recover_as_a_supervisor(
        self, floor: Floor, tablet: Tablet
    ) -> None:
        slip = floor.played_slip()
        supervisor = tablet(floor.supervisor, *SUPERVISOR, viewport=ACROSS, color_scheme="dark")
        supervisor.goto(page_url(floor.program))
        supervisor.get_by_role("link", name="Pause", exact=True).tap()
        supervisor.get_by_label("Reason").fill(REASON)
        supervisor.get_by_role("button", name="Pause the programme").tap()
        boss = tablet(floor.boss, PIT_BOSS)

        boss.goto(f"/console/floor/slips/{slip.pk}/")
        boss.get_by_text("Close …").tap()
        boss.get_by_role("button", name="Close and post points").tap()
        expect(boss.locator(".earned")).to_contain_text("Closed. Points owed.")
        supervisor.goto(HOME)
        supervisor.get_by_role("link", name="Resume …").tap()
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

    def test_look_for_drift(self, floor: Floor, tablet: Tablet) -> None:
        page = tablet(floor.supervisor, *SUPERVISOR)

        page.goto(HOME)
        page.get_by_role("button", name="Check drift now").tap()

        expect(page.get_by_text("Last checked 0 min ago")).to_be_visible()
        expect(page.locator(".messagelist")).to_contain_text("every account is what its entries add up to")

    def test_follow_a_player_from_the_list_to_the_chart_behind_the_chart(self, floor: Floor, tablet: Tablet) -> None:
        player = regular_of(floor)
        page = tablet(floor.supervisor, *SUPERVISOR, viewport=ACROSS)

        page.goto("/console/core/player/")
        page.get_by_role("link", name=f"{player.last_name}, {player.first_name}").tap()
        page.get_by_text("The chart as a table").tap()

        expect(page.get_by_role("img", name="Theo against actual win by gaming day")).to_be_visible()
        expect(page.get_by_role("region", name="Theo and actual win by gaming day")).to_contain_text("−85,000.00")


class TestLook:
    @pytest.mark.parametrize("viewport", [UPRIGHT, ACROSS], ids=["upright", "across"])
    def test_fits_and_gives_a_finger_room(self, floor: Floor, tablet: Tablet, viewport: Any) -> None:
        found = []
        for user, roles, address in pages_of(floor):
            page = tablet(user, *roles, viewport=viewport)
            page.goto(address)
            if not page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
                found.append(f"{address} is too wide")
            found += page.evaluate(
                """least => [...document.querySelectorAll("main :is(a, button, summary, input:not([type=hidden]))")]
                .filter(target => target.checkVisibility() && !target.closest("p:not(.desk-row)"))
                .map(target => [target.outerHTML.slice(0, 120), (target.closest("label") || target)])
                .map(([html, target]) => [html, target.getBoundingClientRect()])
                .filter(([_, box]) => box.width < least || box.height < least)
                .map(([html, box]) => `${html} ${box.width} x ${box.height}`)""",
                TARGET_PIXELS_MIN,
            )

        assert found == []

    def test_is_small(self, floor: Floor, tablet: Tablet) -> None:
        weights = []
        for user, roles, address in pages_of(floor):
            weights.append(weight_of(tablet(user, *roles), address))

        assert all(10_000 < weight < PAGE_BYTES_MAX for weight in weights), weights


class TestAccessibility:
    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_breaks_no_rule_of_wcag(
        self, floor: Floor, tablet: Tablet, axe: Callable[[Page], list[str]], scheme: Any
    ) -> None:
        found = []
        for user, roles, address in pages_of(floor):
            page = tablet(user, *roles, color_scheme=scheme)
            page.goto(address)
            found += [f"{roles} {address} {violation}" for violation in axe(page)]
        page = tablet(floor.supervisor, *SUPERVISOR, color_scheme=scheme)
        page.goto(HOME)
        page.get_by_role("button", name="Pay 3 slips now").tap()
        expect(page.locator(".messagelist .error")).to_be_visible()
        found += [f"refused {violation}" for violation in axe(page)]

        assert found == []
