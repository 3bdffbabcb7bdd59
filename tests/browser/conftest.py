"""Browser tests: Debian's Chromium, tablets that staff are signed in on, and what no page may do in any of them."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import connection
from playwright.sync_api import Browser, Page, Playwright, ViewportSize, expect, sync_playwright

from core.models import User
from tests.console import signed_in
from tests.emptying import Migrated
from tests.needs import CHROMIUM
from tests.second_factors import long_ago

PATIENCE_MILLISECONDS = 10_000
expect.set_options(timeout=PATIENCE_MILLISECONDS)

UPRIGHT: ViewportSize = {"width": 820, "height": 1180}
ACROSS: ViewportSize = {"width": 1180, "height": 820}
# For journeys on a tablet that is held upright, and once more on one that lies across.
both_ways = pytest.mark.parametrize("tablet", [UPRIGHT, ACROSS], ids=["820", "1180"], indirect=True)


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    return {
        "executable_path": str(CHROMIUM),
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            # A page's scripts run once: what the optimising compilers make of them would be thrown away with the page.
            "--js-flags=--no-opt --no-maglev",
        ],
    }


@pytest.fixture(scope="session")
def playwright(django_db_setup: Migrated) -> Iterator[Playwright]:
    """Playwright's loop runs in the thread of the tests, to the end of the session.

    Django would refuse to work beside it, and nothing here is asynchronous. It also keeps what was connected beside a
    loop apart from what was connected without: none may be left open, or a process that a test forks, in which no loop
    runs, would go on with its parent's.
    """
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    connection.close()
    with sync_playwright() as started:
        yield started
        connection.close()


@dataclass
class Watch:
    """What a tablet did that no page may: errors, breaches of the policy, requests to other hosts."""

    host: str
    complaints: list[str] = field(default_factory=list)

    def over(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.complaints.append(f"error: {error}"))
        page.on("console", self._hear)
        page.on("request", self._see)

    def _hear(self, message: Any) -> None:
        # An answer such as 409 is heard as well, and is meant.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.complaints.append(f"console: {message.text}")

    def _see(self, request: Any) -> None:
        if urlsplit(request.url).netloc != self.host:
            self.complaints.append(f"request: {request.url}")


Tablet = Callable[..., Page]


@pytest.fixture
def tablet(browser: Browser, live_server: Any, request: pytest.FixtureRequest) -> Iterator[Tablet]:
    """Gives a page of a tablet of its own: `tablet(user, *roles, **options)`, signed in where a user is given.

    With `asked_long_ago`, nobody was asked lately who they are. It is upright unless a test asks for `both_ways`.
    """
    viewport = getattr(request, "param", UPRIGHT)
    watch = Watch(host=urlsplit(live_server.url).netloc)
    contexts = []

    def unlock(user: User | None, *roles: str, asked_long_ago: bool = False, **options: Any) -> Page:
        defaults = {"viewport": viewport, "base_url": live_server.url, "has_touch": True}
        context = browser.new_context(**defaults | options)
        contexts.append(context)
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        if user is not None:
            client = signed_in(user, *roles)
            if asked_long_ago:
                long_ago(client)
            session = client.cookies["sessionid"].value
            context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        page = context.new_page()
        watch.over(page)
        return page

    yield unlock
    for context in contexts:
        context.close()
    assert watch.complaints == []


@pytest.fixture(scope="session")
def axe_core() -> None:
    """Asked for by tests that run axe-core: they are left out where it is not installed."""
