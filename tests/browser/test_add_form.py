"""A form of the admin that adds a row: clicked twice, and sent again after going back."""

from playwright.sync_api import expect

from core.models import Player
from tests.browser.conftest import Tablet
from tests.console import address
from tests.factories import StaffFactory
from tests.floor import Floor

# Between the presses of a double click, so that both of them send the form.
PRESSED_MILLISECONDS = 20


class TestAddForm:
    def test_adds_one_row_by_double_click_and_after_going_back(self, committed_floor: Floor, tablet: Tablet) -> None:
        page = tablet(StaffFactory.create(casino=committed_floor.casino, is_superuser=True))
        save = page.get_by_role("button", name="Save", exact=True)
        page.goto(address(Player, "add"))
        page.get_by_label("Card number").fill("R-7007")
        page.get_by_label("First name").fill("Noor")
        page.get_by_label("Last name").fill("Ito")

        save.dblclick(delay=PRESSED_MILLISECONDS)
        expect(page.locator(".messagelist")).to_contain_text("was added")
        page.go_back()
        expect(page.get_by_label("First name")).to_have_value("Noor")
        save.click()

        expect(page.locator(".errorlist")).to_have_text("Another player of this casino has this card number.")
        assert Player.objects.filter(first_name="Noor").count() == 1
