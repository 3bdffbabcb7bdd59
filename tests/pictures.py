"""Make the README's pictures, of the demo that runs in this checkout: `uv run python -m tests.pictures`.

Needs Debian's `chromium-headless-shell`. The pictures are the only generated files in the repository.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

import django
from playwright.sync_api import Browser, Page, sync_playwright

from tests.needs import CHROMIUM

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
BYTES_MAX = 250_000


def _floor(page: Page) -> None:
    page.goto("/console/floor/")
    page.get_by_role("link", name="High Limit").first.click()


def _slip(page: Page) -> None:
    _floor(page)
    page.locator(".seat.taken:not(.is-paused, .is-overdue)").first.click()
    page.get_by_text("Close …").click()


def _home(page: Page) -> None:
    page.goto("/console/")


def _player(page: Page) -> None:
    page.goto("/console/loyalty/playerloyalty/?q=100000")
    page.locator("#result_list tbody a").first.click()


def _audit(page: Page) -> None:
    page.goto("/console/loyalty/ledgerentry/")


def _corrected(page: Page) -> None:
    page.goto("/console/ratingslips/ratingslip/?owed=uncollected")
    page.locator("#result_list tbody a").first.click()


def _trace(page: Page) -> None:
    _corrected(page)
    page.get_by_role("link", name="Trace", exact=True).click()


# Of each: who sees it, and the way there.
PICTURES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "floor": ("pitboss", _floor),
    "slip": ("pitboss", _slip),
    "home": ("supervisor", _home),
    "player": ("supervisor", _player),
    "audit": ("auditor", _audit),
    "trace": ("auditor", _trace),
    "corrected": ("auditor", _corrected),
}


def main() -> None:
    """Sign in as each of the demo's staff and take their pictures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--address", default="http://127.0.0.1:8000", help="where the demo is served")
    options = parser.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    from config.demo.staff import LOGINS  # Imported here because it needs the models.

    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        for login in LOGINS:
            page = _signed_in(browser, options.address, login.username, login.password)
            for name, (username, go) in PICTURES.items():
                if username == login.username:
                    go(page)
                    _take(page, name)
        browser.close()


def _signed_in(browser: Browser, address: str, username: str, password: str) -> Page:
    page = browser.new_page(base_url=address, viewport={"width": 1180, "height": 820})
    page.goto("/console/login/")
    page.get_by_label("Username").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_label("Menu of").wait_for()
    return page


def _take(page: Page, name: str) -> None:
    page.wait_for_load_state("networkidle")
    picture = page.screenshot(path=FOLDER / f"{name}.png")
    assert len(picture) < BYTES_MAX, f"{name}: {len(picture):,} bytes"


if __name__ == "__main__":
    main()
