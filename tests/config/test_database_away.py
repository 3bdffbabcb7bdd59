"""What a browser is answered while the database is away or read-only, and how it goes on."""

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection
from django.test import Client
from django.urls import reverse

from core.roles import PIT_BOSS
from ratingslips.models import RatingSlip, SlipRequest
from tests.config.scene import PASSWORD, Browser, browser_of
from tests.doors import Door, door
from tests.floor import Floor

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.shows(48)]


@pytest.fixture(autouse=True)
def between(settings: Any, transactional_db: None) -> Iterator[Door]:
    """A door to the database; what finds it closed does not wait."""
    settings.DATABASE_WAIT_SECONDS = 0
    with door() as between:
        yield between


def _kept(page: str) -> dict[str, str]:
    """The fields of the page's form that hold a value."""
    found = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', page)
    return {name: unescape(value) for name, value in found}


class TestPage:
    @pytest.mark.parametrize("name", ["admin:index", "admin:login"])
    def test_comes_back_by_itself(self, between: Door, name: str) -> None:
        between.close()

        answer = Browser().get(reverse(name))

        assert answer.status_code == 503
        assert answer.headers["Refresh"] == answer.headers["Retry-After"]
        assert "The database is away for a moment" in answer.text
        assert answer.headers["X-Correlation-ID"] in answer.text

    def test_of_a_standby_names_the_console_to_use(self, settings: Any) -> None:
        settings.PRIMARY_CONSOLE_URL = "https://console.example/"
        _make_read_only()

        answer = Browser().get(reverse("admin:login"))

        assert answer.status_code == 503
        assert '<a href="https://console.example/">' in answer.text

    def test_needs_no_database_for_its_styles(self, between: Door) -> None:
        between.close()

        answer: Any = Browser().get("/static/console/pages.css")

        assert b"".join(answer.streaming_content)
        answer.close()


class TestForm:
    @pytest.fixture
    def boss(self, committed_floor: Floor) -> Client:
        committed_floor.boss.groups.add(Group.objects.get(name=PIT_BOSS))
        return browser_of(committed_floor.boss)

    def test_is_kept_and_sent_again_as_the_same_request(
        self, committed_floor: Floor, boss: Client, between: Door
    ) -> None:
        slip = committed_floor.open_slip()
        url = reverse("floor:slip", args=[slip.pk])
        typed = {"do": "pause", "request_id": str(uuid4()), "expected_version": "1-OPEN", "note": 'a "<b>'}

        between.close()
        refused = boss.post(url, typed)
        between.open()
        sent = [boss.post(url, _kept(refused.text)) for _ in range(2)]

        assert (refused.status_code, "Refresh" in refused.headers) == (503, False)
        assert [answer.status_code for answer in sent] == [302, 302]
        assert SlipRequest.objects.filter(slip=slip, kind="PAUSE").count() == 1
        assert RatingSlip.objects.get().status == "PAUSED"

    def test_leaves_the_session_where_that_cannot_be_saved(self, boss: Client) -> None:
        _make_read_only()

        with pytest.raises(DatabaseError):
            boss.session.save()

    def test_holds_no_password_and_asks_for_it_again(self, committed_floor: Floor, between: Door) -> None:
        typed = {"username": committed_floor.boss.username, "password": PASSWORD, "next": "/"}

        between.close()
        answer = Browser().post(reverse("admin:login"), typed)

        assert answer.status_code == 503
        assert PASSWORD not in answer.text
        assert {name: typed[name] for name in ("username", "next")}.items() <= _kept(answer.text).items()
        assert '<input type="password" name="password"' in answer.text


def _make_read_only() -> None:
    connection.settings_dict["OPTIONS"]["options"] += " -c default_transaction_read_only=on"
    connection.close()
