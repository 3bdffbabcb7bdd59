"""Second factors as staff use them: adding them, signing in with them, and being asked again."""

import re

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from core.factors.codes import app_code, step_at
from core.factors.models import SecondFactor
from core.models import Casino, User
from core.roles import LOYALTY_SUPERVISOR
from loyalty.models import LedgerEntry
from tests.browser.conftest import Tablet
from tests.console import signed_in
from tests.floor import Floor
from tests.loyalty.postings import award
from tests.loyalty.rows import account_of
from tests.second_factors import code_of_app, key_typed, with_app

PASSWORD = "a-long-shift-on-the-floor"


@pytest.fixture
def person(committed_floor: Floor) -> User:
    """A supervisor with a password, who awards and exports."""
    person = committed_floor.supervisor
    person.set_password(PASSWORD)
    person.save()
    signed_in(person, LOYALTY_SUPERVISOR)
    return person


def give_password(page: Page, person: User) -> None:
    page.goto("/console/login/")
    page.get_by_label("Username").fill(person.username)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def sign_out(page: Page) -> None:
    page.get_by_label("Menu of").click()
    page.get_by_role("button", name="Sign out").click()


def with_security_key(page: Page) -> None:
    """Plug a security key into the browser, which is touched whenever it is asked for."""
    browser = page.context.new_cdp_session(page)
    browser.send("WebAuthn.enable")
    browser.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2",
                "transport": "usb",
                "hasUserVerification": True,
                "isUserVerified": True,
                "automaticPresenceSimulation": True,
            }
        },
    )


class TestApp:
    def test_is_added_and_signs_in_with_either_code(self, tablet: Tablet, person: User) -> None:
        page = tablet(None)
        give_password(page, person)
        page.get_by_label("Menu of").click()
        page.get_by_role("link", name="Second factor").click()
        page.get_by_role("link", name="Add an authenticator app").click()
        expect(page.locator(".qr svg")).to_be_visible()
        key = key_typed(page.locator("p code").inner_text())
        page.get_by_label("Name", exact=True).fill("My phone")
        page.get_by_label("Code").fill(app_code(key, step=step_at(timezone.now()) - 1))
        page.get_by_role("button", name="Add").click()
        code = page.locator(".codes code").first.inner_text()
        page.get_by_role("link", name="I have kept them").click()
        sign_out(page)

        for typed in (app_code(key, step=step_at(timezone.now())), code):
            give_password(page, person)
            expect(page.get_by_role("heading", name="Sign in: second step")).to_be_visible()
            page.get_by_label("Code").fill(typed)
            page.get_by_role("button", name="Sign in").click()
            expect(page.get_by_label("Menu of")).to_be_visible()
            sign_out(page)


class TestSecurityKey:
    def test_is_added_and_signs_in(self, tablet: Tablet, person: User) -> None:
        page = tablet(None)
        with_security_key(page)
        give_password(page, person)
        page.goto("/console/second-factor/key/")
        page.get_by_label("Name", exact=True).fill("Blue key")
        page.get_by_role("button", name="Use a security key").click()
        page.get_by_role("link", name="I have kept them").click()
        sign_out(page)

        give_password(page, person)
        page.get_by_role("button", name="Use a security key").click()

        expect(page.get_by_label("Menu of")).to_be_visible()
        page.goto("/console/second-factor/")
        expect(page.get_by_role("row", name="Blue key")).not_to_contain_text("never")

    def test_that_was_copied_is_not_accepted(self, tablet: Tablet, person: User) -> None:
        page = tablet(person)
        with_security_key(page)
        page.goto("/console/second-factor/key/")
        page.get_by_label("Name", exact=True).fill("Blue key")
        page.get_by_role("button", name="Use a security key").click()
        page.get_by_role("link", name="I have kept them").click()
        sign_out(page)
        SecondFactor.objects.update(counter=1_000)  # as the copy has counted

        give_password(page, person)
        page.get_by_role("button", name="Use a security key").click()

        expect(page.locator(".errorlist")).to_contain_text("was not accepted")

    def test_of_another_is_not_accepted(self, tablet: Tablet, person: User, committed_floor: Floor) -> None:
        page, other = tablet(person), tablet(committed_floor.boss)
        for one in (page, other):
            with_security_key(one)
            one.goto("/console/second-factor/key/")
            one.get_by_label("Name", exact=True).fill("Blue key")
            one.get_by_role("button", name="Use a security key").click()
            one.get_by_role("link", name="I have kept them").click()
            sign_out(one)

        give_password(other, person)
        other.get_by_role("button", name="Use a security key").click()

        expect(other.locator("[data-key-problem]")).to_have_text(re.compile("No security key answered"))


class TestAskedAgain:
    @pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
    def test_saves_the_export_that_was_asked_for(
        self, tablet: Tablet, person: User, committed_floor: Floor, scripts: bool
    ) -> None:
        award(committed_floor, committed_floor.player())
        with_app(person)
        page = tablet(person, asked_long_ago=True, java_script_enabled=scripts)
        page.goto("/console/loyalty/ledgerentry/")
        page.get_by_role("button", name=re.compile("^Export")).click()
        page.get_by_label("Code").fill(code_of_app())

        with page.expect_download() as download:
            page.get_by_role("button", name="Confirm").click()

        assert download.value.suggested_filename.startswith("ledger-")

    def test_makes_the_award_that_was_typed_once(self, tablet: Tablet, person: User, committed_floor: Floor) -> None:
        Casino.objects.update(confirmed_award_points=500)
        account = account_of(committed_floor.player())
        page = tablet(person, asked_long_ago=True)
        page.goto(f"/console/loyalty/playerloyalty/{account.pk}/award/")
        page.get_by_label("Points").fill("1,500")
        page.get_by_label("Reason", exact=True).fill("Comp for “the long wait”\n& the rain")
        page.get_by_role("button", name="Award points").click()
        page.get_by_label("Your password").fill("wrong")
        page.get_by_role("button", name="Confirm").click()
        page.get_by_label("Your password").fill(PASSWORD)
        page.get_by_role("button", name="Confirm").dblclick()

        expect(page.locator(".messagelist")).to_contain_text(re.compile("awarded|already made"))
        entry = LedgerEntry.objects.get(kind="MANUAL_BONUS")
        assert (entry.points, entry.reason) == (1_500, "Comp for “the long wait”\n& the rain")
