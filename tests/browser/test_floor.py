"""The pit boss's journeys, on a tablet, in a real browser."""

import re
from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page, Route, expect

from core.roles import PIT_BOSS
from core.sessions import Session
from ratingslips.admin.floor.pages import floor_url
from ratingslips.models import RatingSlip
from ratingslips.services import change_average_bet, pause_rating_slip
from tests.browser.conftest import ACROSS, UPRIGHT, Tablet, both_ways
from tests.browser.taps import at_the_floor, taps
from tests.factories import PitFactory, TableFactory
from tests.floor import Floor


def seat(page: Page, floor: Floor, number: int) -> Any:
    return page.locator(f"#seat-{floor.table.pk}-{number}")


def at_seat(tablet: Tablet, floor: Floor, number: int) -> Page:
    """The boss's tablet, after a tap on a seat of the pit."""
    page = at_the_floor(tablet, floor)
    seat(page, floor, number).tap()
    return page


def busy_pit(floor: Floor) -> None:
    """Nine tables with two live slips each: running, paused and overdue ones."""
    tables = [floor.table, *TableFactory.create_batch(8, casino=floor.casino, pit=floor.pit)]
    for number, table in enumerate(tables):
        floor.open_slip(table=table, seat=1, at=floor.ago(hours=number + 1))
        away = floor.open_slip(table=table, seat=6, at=floor.ago(hours=number + 1))
        pause_rating_slip(slip=away, actor=floor.boss, at=floor.ago(minutes=8 * number + 1))


class TestJourneys:
    def test_open_by_search(self, floor: Floor, tablet: Tablet) -> None:
        floor.open_slip(seat=1, average_bet=Decimal(75))
        floor.player(first_name="Łukasz", last_name="Ito", card_number="100257")
        page = at_seat(tablet, floor, 3)

        page.get_by_label("Card number or name", exact=True).press_sequentially("lukasz")
        page.get_by_role("button", name="Łukasz Ito").tap()

        expect(page.locator(".messagelist .success")).to_contain_text("average bet 75.00")
        expect(seat(page, floor, 3)).to_contain_text("Ito Ł.")

    def test_change_the_bet(self, floor: Floor, tablet: Tablet) -> None:
        floor.open_slip(seat=4)
        page = at_seat(tablet, floor, 4)

        # A tap into the field and typing replace the bet that is there.
        page.get_by_label("Average bet", exact=True).tap()
        page.keyboard.type("1,250")
        page.get_by_role("button", name="Change bet").tap()
        page.get_by_role("button", name="Yes, change to 1,250").tap()

        expect(seat(page, floor, 4)).to_contain_text("1,250")

    def test_change_the_bet_by_one_tap(self, floor: Floor, tablet: Tablet) -> None:
        floor.open_slip(seat=4)
        page = at_seat(tablet, floor, 4)

        page.get_by_role("button", name="50", exact=True).tap()

        expect(seat(page, floor, 4)).to_contain_text("50")

    @both_ways
    def test_second_buy_in_in_two_taps(self, floor: Floor, tablet: Tablet) -> None:
        """And a wrong one is struck."""
        floor.open_slip(seat=4, at=floor.now, buy_in=Decimal(2_500))
        page = at_seat(tablet, floor, 4)

        page.get_by_role("button", name="Buy-in of 500", exact=True).tap()

        expect(page.locator(".messagelist .success")).to_contain_text("Buy-in 500.00, cash, 3,000 in all.")
        assert taps(page) == 2
        expect(seat(page, floor, 4)).to_contain_text("Watch 3,000")
        seat(page, floor, 4).tap()
        page.get_by_role("link", name="Strike … Buy-in 500.00, cash").tap()
        page.locator("#strike_reason").fill("Typed for another player")
        page.get_by_role("button", name="Strike it").tap()
        expect(page.locator("s")).to_have_text("Buy-in 500.00, cash")
        expect(page.get_by_text("2,500 so far")).to_be_visible()

    @both_ways
    def test_move(self, floor: Floor, tablet: Tablet) -> None:
        floor.open_slip(seat=1)
        page = at_seat(tablet, floor, 1)

        page.get_by_text("Move …").tap()
        page.get_by_role("button", name=f"{floor.table.name} seat 6").tap()

        expect(seat(page, floor, 6)).to_contain_text("Nguyễn J.")
        expect(seat(page, floor, 1)).to_contain_text("Open a slip")

    @both_ways
    def test_pause_and_resume(self, floor: Floor, tablet: Tablet) -> None:
        floor.open_slip(seat=1, at=floor.ago(hours=1))
        page = at_seat(tablet, floor, 1)

        page.get_by_role("button", name="Pause").tap()
        expect(seat(page, floor, 1)).to_contain_text("Paused")
        seat(page, floor, 1).tap()
        page.get_by_role("button", name="Resume").tap()

        expect(seat(page, floor, 1)).to_contain_text("Open")

    def test_close_in_two_taps_and_see_the_points(self, floor: Floor, tablet: Tablet) -> None:
        floor.played_slip()
        page = at_seat(tablet, floor, 1)

        page.get_by_text("Close …").tap()
        page.get_by_role("button", name="Close and post points").tap()

        expect(page.locator(".earned")).to_contain_text("To Silver")
        entry = RatingSlip.objects.get().ledger_entry
        assert entry is not None
        expect(page.locator(".earned")).to_contain_text(f"{entry.points:,} points")

    def test_two_tablets_on_one_slip(self, floor: Floor, tablet: Tablet) -> None:
        floor.played_slip()
        mine, theirs = tablet(floor.boss, PIT_BOSS), tablet(floor.supervisor, PIT_BOSS)
        for page in (mine, theirs):
            page.goto(floor_url(floor.pit))
            seat(page, floor, 1).tap()
        theirs.get_by_text("Close …").tap()
        theirs.get_by_role("button", name="Close and post points").tap()
        expect(theirs.locator(".earned")).to_be_visible()

        mine.get_by_label("Average bet", exact=True).fill("90")
        mine.get_by_role("button", name="Change bet").tap()

        expect(mine.get_by_role("alert")).to_contain_text(f"by {floor.supervisor.username}")
        expect(mine.locator(".earned")).to_contain_text("points")

    def test_go_back_and_see_the_slip_as_it_is(self, floor: Floor, tablet: Tablet) -> None:
        slip = floor.open_slip(seat=1)
        page = at_seat(tablet, floor, 1)
        page.get_by_role("button", name="75", exact=True).tap()
        expect(page.locator(".messagelist .success")).to_be_visible()

        page.go_back()

        expect(page.locator(".history tbody tr").first).to_contain_text("Average bet 75.00")
        expect(page.locator("#id_average_bet")).to_have_value("75.00")
        assert slip.segments.count() == 2

    def test_one_tap_that_is_sent_twice_at_once(self, floor: Floor, tablet: Tablet) -> None:
        slip = floor.open_slip(seat=1)
        page = at_seat(tablet, floor, 1)
        page.get_by_label("Average bet", exact=True).fill("75")

        answers = page.evaluate(
            """() => {
                const form = document.querySelector("form:has([name=average_bet])");
                const send = () => fetch(form.action, { method: "POST", body: new FormData(form) });
                return Promise.all([send(), send()].map(async (answer) => (await answer).status));
            }"""
        )

        assert answers == [200, 200]
        assert slip.segments.count() == 2

    def test_session_ends_while_something_is_typed(self, floor: Floor, tablet: Tablet) -> None:
        slip = floor.open_slip(seat=1)
        floor.boss.set_password("a-shift-is-over")
        floor.boss.save()
        page = at_seat(tablet, floor, 1)
        page.get_by_label("Average bet", exact=True).fill("135")
        Session.objects.all().delete()
        page.get_by_role("button", name="Change bet").tap()
        expect(page.get_by_text("nothing was saved")).to_be_visible()

        page.get_by_label("Username").fill(floor.boss.username)
        page.get_by_label("Password").fill("a-shift-is-over")
        page.get_by_role("button", name="Sign in").tap()

        expect(page.get_by_label("Average bet", exact=True)).to_have_value("135")
        assert slip.segments.count() == 1

    def test_session_ends_while_the_chips_are_counted(self, floor: Floor, tablet: Tablet) -> None:
        slip = floor.played_slip()
        floor.boss.set_password("a-shift-is-over")
        floor.boss.save()
        page = at_seat(tablet, floor, 1)
        page.get_by_text("Close …").tap()
        page.get_by_label("Further buy-in").fill("2,500")
        page.get_by_label("Chips out").fill("1,875")
        Session.objects.all().delete()
        page.get_by_role("button", name="Close and post points").tap()
        expect(page.get_by_text("nothing was saved")).to_be_visible()

        page.get_by_label("Username").fill(floor.boss.username)
        page.get_by_label("Password").fill("a-shift-is-over")
        page.locator("#login-form [type=submit]").tap()

        expect(page.get_by_label("Further buy-in")).to_have_value("2,500")
        expect(page.get_by_label("Chips out")).to_have_value("1,875")
        expect(page.get_by_label("Chips out")).to_be_visible()
        slip.refresh_from_db()
        assert slip.status == "OPEN"


class TestWithoutAScript:
    def test_a_slip_is_opened_by_search_and_closed(self, floor: Floor, tablet: Tablet) -> None:
        floor.player(first_name="Łukasz", last_name="Ito")
        page = tablet(floor.boss, PIT_BOSS, java_script_enabled=False)

        page.goto(floor_url(floor.pit))
        seat(page, floor, 3).tap()
        page.get_by_label("Average bet").fill("80")
        page.get_by_label("Card number or name", exact=True).fill("lukasz")
        page.get_by_role("button", name="Search").tap()
        expect(page.get_by_label("Average bet")).to_have_value("80")
        page.get_by_role("button", name="Łukasz Ito").tap()
        seat(page, floor, 3).tap()
        page.get_by_text("Close …").tap()
        page.get_by_role("button", name="Close and post points").tap()

        expect(page.locator(".earned")).to_contain_text("points")


class TestSlowNetwork:
    def test_what_was_typed_before_the_script_came_is_searched(self, floor: Floor, tablet: Tablet) -> None:
        floor.player(first_name="Łukasz", last_name="Ito")
        page = tablet(floor.boss, PIT_BOSS)
        late: list[Route] = []
        page.route("**/floor.js", lambda route: late.append(route))

        page.goto(reverse("floor:seat", args=[floor.table.pk, 3]), wait_until="commit")
        page.get_by_label("Card number or name", exact=True).press_sequentially("lukasz")
        expect(page.get_by_text("Played last")).to_be_visible()
        [script] = late
        script.continue_()

        expect(page.get_by_role("button", name="Łukasz Ito")).to_be_visible()


class TestKeyboard:
    def test_alone_opens_a_slip(self, floor: Floor, tablet: Tablet) -> None:
        floor.player(first_name="Łukasz", last_name="Ito")
        page = tablet(floor.boss, PIT_BOSS)
        page.goto(floor_url(floor.pit))

        tab_to(page, f"#seat-{floor.table.pk}-2")
        page.keyboard.press("Enter")
        expect(page.get_by_label("Card number or name", exact=True)).to_be_focused()
        page.keyboard.type("luk")
        expect(page.get_by_text("1 player matches")).to_be_visible()
        tab_to(page, "[name=average_bet]")
        page.keyboard.type("80")
        tab_to(page, "button.player")
        page.keyboard.press("Enter")

        expect(seat(page, floor, 2)).to_contain_text("Ito Ł.")

    def test_alone_closes_a_slip(self, floor: Floor, tablet: Tablet) -> None:
        floor.played_slip()
        page = tablet(floor.boss, PIT_BOSS)
        page.goto(floor_url(floor.pit))

        tab_to(page, f"#seat-{floor.table.pk}-1")
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Change bet")).to_be_visible()
        tab_to(page, "#close summary")
        page.keyboard.press("Enter")
        tab_to(page, ".button.final")
        page.keyboard.press("Enter")

        expect(page.locator(".earned")).to_be_visible()


def tab_to(page: Page, selector: str, *, steps: int = 40) -> None:
    """Press the tab key until what `selector` means has the focus."""
    for _ in range(steps):
        page.keyboard.press("Tab")
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            return
    raise AssertionError(f"{selector} is not reached by the tab key")


class TestRefresh:
    def test_shows_what_another_tablet_did(self, floor: Floor, tablet: Tablet) -> None:
        page = tablet(floor.boss, PIT_BOSS)
        page.clock.install()
        page.goto(floor_url(floor.pit))
        expect(seat(page, floor, 2)).to_contain_text("Open a slip")
        floor.open_slip(seat=2)

        page.clock.run_for(15_000)

        expect(seat(page, floor, 2)).to_contain_text("Nguyễn J.")
        expect(page.locator("#floor-summary li").first).to_contain_text("1")

    def test_leaves_the_focus_on_a_pit(self, floor: Floor, tablet: Tablet) -> None:
        PitFactory.create(casino=floor.casino)
        page = tablet(floor.boss, PIT_BOSS)
        page.clock.install()
        page.goto(floor_url(floor.pit))
        tab = page.locator("#floor-tabs a[aria-current]")
        tab.focus()
        floor.open_slip(seat=2)

        page.clock.run_for(15_000)

        expect(tab).to_contain_text("1 live")
        expect(tab).to_be_focused()

    def test_leaves_the_focus_and_what_is_typed(self, floor: Floor, tablet: Tablet) -> None:
        slip = floor.open_slip(seat=2)
        page = tablet(floor.boss, PIT_BOSS)
        page.clock.install()
        page.goto(floor_url(floor.pit))
        page.get_by_role("searchbox").fill("half a na")
        seat(page, floor, 2).focus()
        change_average_bet(slip=slip, average_bet=Decimal(915), actor=floor.supervisor, at=floor.now)

        page.clock.run_for(15_000)

        expect(seat(page, floor, 2)).to_contain_text("915")
        expect(seat(page, floor, 2)).to_be_focused()
        expect(page.get_by_role("searchbox")).to_have_value("half a na")

    def test_says_when_the_connection_is_lost_and_when_it_returns(self, floor: Floor, tablet: Tablet) -> None:
        page = tablet(floor.boss, PIT_BOSS)
        page.clock.install()
        page.goto(floor_url(floor.pit))
        lost = page.locator("[data-lost]")

        page.context.set_offline(True)
        page.clock.run_for(15_000)
        expect(lost).to_have_text(re.compile(r"Connection lost\. Showing \d\d:\d\d:\d\d; trying again\."))
        page.context.set_offline(False)
        page.clock.run_for(15_000)

        expect(lost).to_be_hidden()

    def test_says_that_the_session_has_ended(self, floor: Floor, tablet: Tablet) -> None:
        page = tablet(floor.boss, PIT_BOSS)
        page.clock.install()
        page.goto(floor_url(floor.pit))
        Session.objects.all().delete()

        page.clock.run_for(15_000)

        expect(page.locator("[data-lost]")).to_contain_text("You were signed out.")
        expect(page.get_by_role("link", name="Sign in again")).to_be_visible()


class TestLook:
    @pytest.mark.parametrize("viewport", [UPRIGHT, ACROSS], ids=["upright", "across"])
    def test_shows_ten_live_slips_on_one_screen(self, floor: Floor, tablet: Tablet, viewport: Any) -> None:
        busy_pit(floor)
        page = tablet(floor.boss, PIT_BOSS, viewport=viewport)

        page.goto(floor_url(floor.pit))

        visible = page.evaluate(
            "[...document.querySelectorAll('.seat.taken')].map(seat => seat.getBoundingClientRect())"
            ".filter(box => box.top >= 0 && box.bottom <= innerHeight && box.right <= innerWidth).length"
        )
        assert visible >= 10
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    @pytest.mark.parametrize("scheme", ["light", "dark"])
    def test_follows_the_device_until_the_person_chooses(self, floor: Floor, tablet: Tablet, scheme: Any) -> None:
        page = tablet(floor.boss, PIT_BOSS, color_scheme=scheme)
        page.goto(floor_url(floor.pit))
        first = page.evaluate("getComputedStyle(document.body).backgroundColor")

        page.get_by_label("Menu of").tap()
        page.get_by_role("button", name="Light or dark").tap()

        expect(page.locator("html")).to_have_attribute("data-theme", "light" if scheme == "dark" else "dark")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != first
