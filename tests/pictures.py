"""Make the README's pictures, of a demo that is running: `uv run python -m tests.pictures PASSWORD-OF-THE-SUPERVISOR`.

Needs Debian's `chromium`. The pictures are the only generated files in the repository.
"""

import argparse
from pathlib import Path

from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
FOLDER = Path(__file__).resolve().parents[1] / "docs" / "pictures"
PAGES = {"slips": "ratingslips/ratingslip/?status__exact=OPEN"}


def main() -> None:
    """Sign in as the demo's supervisor and take a picture of each page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("password")
    parser.add_argument("--address", default="http://127.0.0.1:8000")
    options = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1180, "height": 820})
        page.goto(f"{options.address}/console/login/")
        page.fill("#id_username", "supervisor")
        page.fill("#id_password", options.password)
        page.click("input[type=submit], button[type=submit]")
        for name, address in PAGES.items():
            page.goto(f"{options.address}/console/{address}")
            page.screenshot(path=FOLDER / f"{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
