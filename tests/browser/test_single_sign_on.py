"""Signing in by an identity provider on another host, as a browser does it."""

from typing import Any

from playwright.sync_api import Browser, expect

from core.models import User
from tests.browser.conftest import UPRIGHT
from tests.floor import Floor
from tests.provider import configure, serving, sign_out_there


class TestProvider:
    def test_is_reached_and_left_by_redirects(
        self, browser: Browser, live_server: Any, committed_floor: Floor, settings: Any
    ) -> None:
        User.objects.filter(pk=committed_floor.boss.pk).update(provider_subject="3f2a", first_name="Dana")
        context = browser.new_context(viewport=UPRIGHT, base_url=live_server.url)
        with serving() as provider:
            configure(settings, provider)
            sign_out_there(settings, provider)
            page = context.new_page()
            page.goto("/console/login/?next=/console/")
            page.get_by_role("link", name="Sign in with single sign-on").click()
            page.wait_for_url("**/console/")

            expect(page.get_by_label("Menu of Dana")).to_be_visible()
            page.get_by_label("Menu of Dana").click()
            page.get_by_role("button", name="Sign out").click()
            page.wait_for_url("**/console/login/")

        assert provider.signed_out == ["3f2a"]
        context.close()
