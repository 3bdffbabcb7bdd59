"""Counting taps on a tablet, from the floor on."""

from playwright.sync_api import Page

from core.roles import PIT_BOSS
from ratingslips.admin.floor.pages import floor_url
from tests.browser.conftest import Tablet
from tests.floor import Floor

# Each touch of the screen counts, also of a field that is typed into; typing does not.
_COUNT = """addEventListener("pointerdown", () => {
    sessionStorage.taps = Number(sessionStorage.taps ?? 0) + 1;
}, true);"""


def at_the_floor(tablet: Tablet, floor: Floor) -> Page:
    """The boss's tablet with the map of the pit, on which taps are counted from now on."""
    page = tablet(floor.boss, PIT_BOSS)
    page.add_init_script(_COUNT)
    page.goto(floor_url(floor.pit))
    return page


def taps(page: Page) -> int:
    """How often the screen was touched since `at_the_floor`."""
    return int(page.evaluate("sessionStorage.taps"))
