"""Every page of the console, walked once in one browser: nothing that axe-core finds, no breach, no other host.

Each page is loaded once, and looked at in every width, in light and in dark. Who is signed in is a superuser, who sees
the most; the doors (signing in and out, errors without a page) are looked at without one.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.urls import URLPattern, URLResolver, get_resolver, resolve, reverse
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from core.models import User
from ratingslips.admin.trace import views as trace_views
from tests.browser.axe import bring_axe, violations_on
from tests.browser.conftest import ACROSS, PATIENCE_MILLISECONDS, UPRIGHT, Watch
from tests.browser.every_page import PASSWORD, BusyCasino, PageCase, every_page
from tests.browser.widths import wrong_at_widths
from tests.console import signed_in
from tests.emptying import ModuleDb
from tests.second_factors import long_ago

# The rows are there before each test and after it: what a test would change in a transaction of its own is undone.
pytestmark = pytest.mark.django_db

PAGES = every_page()
# Addresses that answer without a page of their own: they lead on, take a post, or give a file or a piece of one.
_NO_PAGE = re.compile(
    r"^admin:(index|jsi18n|view_on_site|logout|login|\w+_delete|(loyalty_ledgerentry|core_change|loyalty_comptype_month)_export)$"
    r"|^admin:loyalty_ledgerentry_comp_slip$|^desk:(pay|check_drift|namesake)$|^floor:(home|undo)$|^provider:|^factors:(codes|make_codes|second_step|enrol\w*)$"
)

_BAR_PIXELS_MAX = 64
_PAGE_BYTES_MAX = 250_000
_TARGET_PIXELS_MIN = 44
# Exempt (WCAG 2.2, 2.5.8): a link in a sentence, and what is as large as its label.
_TOO_SMALL = """least => [...document.querySelectorAll(
        "a, button, summary, select, textarea, input:not([type=hidden])")]
    .filter(target => target.checkVisibility() && !target.closest(".visually-hidden, .skip-to-content-link, p a"))
    .filter(target => !(target.matches("a") && target.parentElement.matches("p, .help, .help div")))
    .map(target => [target, (target.matches("[type=checkbox], [type=radio]") && target.closest("label")) || target])
    .map(([target, place]) => [target.outerHTML.slice(0, 140), place.getBoundingClientRect()])
    .filter(([_, box]) => box.width > 1 && (box.width < least - 0.5 || box.height < least - 0.5))
    .map(([html, box]) => `${html} ${box.width.toFixed()} x ${box.height.toFixed()}`)"""
# What can be tapped and is passed over by the key Tab.
_PASSED_OVER = """[...document.querySelectorAll("a, button, summary, select, textarea, input:not([type=hidden])")]
    .filter(target => target.checkVisibility() && !target.disabled && target.tabIndex < 0)
    .map(target => target.outerHTML.slice(0, 140))"""
# Parts not weighed yet are fetched again: the browser's own list of what it loaded leaves out what it had in memory.
_WEIGHT = """async known => {
    const parts = document.querySelectorAll("link[rel~=stylesheet], link[rel~=icon], script[src], img[src]");
    const urls = [...parts].map(part => part.href || part.src);
    const size = async url => [url, (await (await fetch(url)).blob()).size];
    const fetched = Object.fromEntries(await Promise.all(urls.filter(url => !(url in known)).map(size)));
    const page = new Blob([document.documentElement.outerHTML]).size;
    return [urls.reduce((sum, url) => sum + (known[url] ?? fetched[url]), page), fetched];
}"""
_sizes: dict[str, int] = {}
# A change of colours is shown bit by bit; what counts is where it ends.
_SETTLE = "document.getAnimations().forEach(animation => animation.finish())"


@pytest.fixture(scope="module")
def house(module_db: ModuleDb) -> Iterator[BusyCasino]:
    """One casino for all pages, which leave it as it is; the last ones of the floor add a slip."""
    with module_db():
        yield BusyCasino.build()


@pytest.fixture(scope="module")
def server(house: BusyCasino) -> Iterator[LiveServer]:
    """One server for all pages; the fixture `live_server` would empty the database after each of them."""
    server = LiveServer("localhost")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def watch(server: LiveServer) -> Watch:
    return Watch(host=urlsplit(server.url).netloc)


@contextmanager
def _tablet(
    browser: Browser, server: LiveServer, watch: Watch, user: User | None, *, asked_long_ago: bool = False
) -> Iterator[Page]:
    with browser.new_context(base_url=server.url, viewport=UPRIGHT, has_touch=True) as context:
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        bring_axe(context)
        if user is not None:
            client = signed_in(user)
            if asked_long_ago:
                long_ago(client)
            session = client.cookies["sessionid"].value
            context.add_cookies([{"name": "sessionid", "value": session, "url": server.url}])
        page = context.new_page()
        watch.over(page)
        yield page


@pytest.fixture(scope="module")
def screen(browser: Browser, house: BusyCasino, server: LiveServer, watch: Watch) -> Iterator[Page]:
    """A tablet on which the superuser is signed in, once for all pages."""
    with _tablet(browser, server, watch, house.root) as page:
        yield page


@pytest.fixture(scope="module")
def leaving(browser: Browser, house: BusyCasino, server: LiveServer, watch: Watch) -> Iterator[Page]:
    """A tablet whose user is about to sign out."""
    with _tablet(browser, server, watch, house.root) as page:
        yield page


@pytest.fixture(scope="module")
def door(browser: Browser, server: LiveServer, watch: Watch) -> Iterator[Page]:
    """A tablet on which nobody is signed in."""
    with _tablet(browser, server, watch, None) as page:
        yield page


@pytest.fixture(scope="module")
def asked(browser: Browser, house: BusyCasino, server: LiveServer, watch: Watch) -> Iterator[list[Page]]:
    """Tablets of one with a second factor and one without, who were asked long ago who they are."""
    with (
        _tablet(browser, server, watch, house.root, asked_long_ago=True) as with_factor,
        _tablet(browser, server, watch, house.newly_hired, asked_long_ago=True) as without,
    ):
        yield [with_factor, without]


def wrong_with(page: Page, watch: Watch) -> list[str]:
    """All that no page may do, of the page as it is shown, in both themes and held both ways."""
    # The page's text is there before its style sheets are: without them, every page has much wrong with it.
    page.wait_for_load_state()
    found = [f"{width} px: {wrong}" for width, wrong in wrong_at_widths(page).items()]
    for viewport, scheme in ((UPRIGHT, "light"), (ACROSS, "dark")):
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.evaluate(_SETTLE)
        found += [f"{scheme}: {violation}" for violation in violations_on(page, colours_alone=scheme == "dark")]
        found += [f"{viewport['width']} px: {target}" for target in page.evaluate(_TOO_SMALL, _TARGET_PIXELS_MIN)]
        found += [f"without a way by keyboard: {target}" for target in page.evaluate(_PASSED_OVER)]
        bar = page.evaluate("document.querySelector('header.bar').offsetHeight")
        if bar > _BAR_PIXELS_MAX:
            found.append(f"{viewport['width']} px: the bar is {bar} px high")
    weight, fetched = page.evaluate(_WEIGHT, _sizes)
    _sizes.update(fetched)
    assert weight > 5_000, "the page was not weighed"
    if weight > _PAGE_BYTES_MAX:
        found.append(f"the page weighs {weight:,} bytes")
    found += watch.complaints
    watch.complaints.clear()
    return found


class TestEveryPage:
    @pytest.mark.parametrize("case", PAGES, ids=str)
    def test_is_in_order(self, case: PageCase, house: BusyCasino, screen: Page, watch: Watch, axe_core: None) -> None:
        case.show(screen, house)

        assert wrong_with(screen, watch) == []

    def test_is_known(self, house: BusyCasino) -> None:
        walked = {resolve(urlsplit(case.address(house)).path).view_name for case in PAGES}

        unknown = [name for name in view_names() if name not in walked and not _NO_PAGE.match(name)]
        assert unknown == []


class TestPausedProgramme:
    def test_is_told_on_a_home_page_in_order(
        self, house: BusyCasino, screen: Page, watch: Watch, axe_core: None
    ) -> None:
        screen.goto(reverse("admin:loyalty_loyaltyprogram_pause", args=[house.floor.program.pk]))
        screen.get_by_label("Reason code").select_option("TIER_CHANGE")
        screen.get_by_role("button", name="Pause the programme").click()

        screen.goto(reverse("admin:index"))
        wrong = wrong_with(screen, watch)
        screen.get_by_role("button", name=re.compile("^Pay .* now$")).click()
        screen.locator(".messagelist .error").wait_for()
        wrong += wrong_with(screen, watch)

        assert wrong == []


class TestEveryDoor:
    def test_of_the_sign_in_is_in_order(self, door: Page, watch: Watch, axe_core: None) -> None:
        door.goto("/console/")

        assert wrong_with(door, watch) == []

    def test_of_a_refused_sign_in_is_in_order(self, door: Page, watch: Watch, axe_core: None) -> None:
        door.goto("/console/login/")
        door.get_by_label("Username").fill("nobody")
        door.get_by_label("Password").fill("nothing")
        door.get_by_role("button", name="Sign in").click()
        door.locator(".errornote").wait_for()

        assert wrong_with(door, watch) == []

    def test_of_the_second_step_is_in_order(self, door: Page, house: BusyCasino, watch: Watch, axe_core: None) -> None:
        door.goto("/console/login/")
        door.get_by_label("Username").fill(house.root.username)
        door.get_by_label("Password").fill(PASSWORD)
        door.get_by_role("button", name="Sign in").click()
        door.get_by_role("heading", name="Sign in: second step").wait_for()
        wrong = wrong_with(door, watch)
        door.get_by_label("Code").fill("000000")
        door.get_by_role("button", name="Sign in").click()
        door.locator(".errorlist").wait_for()

        assert wrong + wrong_with(door, watch) == []

    def test_of_the_required_factor_is_in_order(
        self, door: Page, house: BusyCasino, watch: Watch, axe_core: None
    ) -> None:
        door.goto("/console/login/")
        door.get_by_label("Username").fill(house.newly_hired.username)
        door.get_by_label("Password").fill(PASSWORD)
        door.get_by_role("button", name="Sign in").click()
        door.get_by_role("heading", name="Add a second factor").wait_for()
        wrong = wrong_with(door, watch)
        for path in ("app", "key"):
            door.goto(f"/console/second-step/add/{path}/")
            wrong += wrong_with(door, watch)

        assert wrong == []

    def test_of_what_is_asked_again_is_in_order(self, asked: list[Page], watch: Watch, axe_core: None) -> None:
        wrong = []
        for page in asked:
            page.goto("/console/second-factor/app/")
            page.get_by_role("heading", name="Confirm that it is you").wait_for()
            wrong += wrong_with(page, watch)

        assert wrong == []

    def test_of_the_sign_out_is_in_order(self, leaving: Page, watch: Watch, axe_core: None) -> None:
        leaving.goto("/console/")
        leaving.get_by_label("Menu of").click()
        leaving.get_by_role("button", name="Sign out").click()
        leaving.get_by_role("link", name="Sign in again").wait_for()

        assert wrong_with(leaving, watch) == []

    def test_of_a_failure_is_in_order(
        self, screen: Page, watch: Watch, axe_core: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_args: Any, **_kwargs: Any) -> None:
            raise RuntimeError("broken on purpose")

        monkeypatch.setattr(trace_views, "find", fail)

        answer = screen.goto("/console/trace/?q=S00001")

        assert answer is not None
        assert answer.status == 500
        assert wrong_with(screen, watch) == []


def view_names() -> list[str]:
    """The names of all addresses of the site."""

    def below(patterns: list[Any], namespace: str) -> Iterator[str]:
        for pattern in patterns:
            if isinstance(pattern, URLResolver):
                inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
                yield from below(pattern.url_patterns, inner)
            elif isinstance(pattern, URLPattern) and pattern.name:
                yield f"{namespace}{pattern.name}"

    return sorted(set(below(get_resolver().url_patterns, "")))
