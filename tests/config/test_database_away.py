"""What a browser is answered while the database is away or read-only, and how it goes on."""

import re
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from html import unescape
from itertools import product
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection
from django.http import HttpRequest
from django.middleware.csrf import get_token
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.roles import PIT_BOSS, PIT_SUPERVISOR
from core.sessions import Session
from ratingslips.models import RatingSlip, SlipRequest
from tests.config.scene import PASSWORD, Browser, Scene, Staff, browser_of
from tests.console import carry_out
from tests.doors import Door, door
from tests.floor import Floor
from tests.interruptions import interrupted_at, lose_connection

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.shows(48)]

AWAY = "The database is away for a moment"


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


@pytest.fixture
def boss(committed_floor: Floor) -> Client:
    committed_floor.boss.groups.add(Group.objects.get(name=PIT_BOSS))
    return browser_of(committed_floor.boss)


class TestPage:
    @pytest.mark.parametrize("name", ["admin:index", "admin:login"])
    def test_comes_back_by_itself(self, between: Door, name: str) -> None:
        between.close()

        answer = Browser().get(reverse(name))

        assert answer.status_code == 503
        assert answer.headers["Refresh"] == answer.headers["Retry-After"]
        assert AWAY in answer.text
        assert answer.headers["X-Correlation-ID"] in answer.text

    def test_that_took_too_long_stays_away_and_uses_no_session(self, committed_floor: Floor, boss: Client) -> None:
        url = reverse("floor:pit", args=[committed_floor.pit.pk])
        Session.objects.update(last_used_at=(before := timezone.now() - timedelta(minutes=9)))

        with connection.execute_wrapper(_takes_too_long), connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = '20ms'")
            answer = boss.get(url)
            cursor.execute("RESET statement_timeout")

        assert (answer.status_code, "Refresh" in answer.headers, "by itself" in answer.text) == (503, False, False)
        assert Session.objects.get().last_used_at == before

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

    @pytest.mark.parametrize(
        ("name", "typed", "asked"),
        [
            ("admin:login", {"username": "ines", "password": PASSWORD}, {"password": "password"}),
            ("factors:second_step", {"code": "402117"}, {"code": "text"}),
            ("factors:second_step", {"code": "", "key_answer": '{"id": "of-a-key"}'}, {}),
            ("factors:add_app", {"name": "My phone", "code": "402117"}, {"code": "text"}),
            ("admin:loyalty_ledgerentry_export", {"note": "May", "asked-code": "k7rw-x2mp"}, {"asked-code": "text"}),
            ("admin:loyalty_ledgerentry_export", {"asked-password": PASSWORD}, {"asked-password": "password"}),
            ("admin:core_casino_add", {"code": "north", "name": "North"}, {}),
        ],
    )
    def test_holds_no_credential_and_asks_for_it_again(
        self, between: Door, name: str, typed: dict[str, str], asked: dict[str, str]
    ) -> None:
        between.close()
        answer = Browser().post(reverse(name), typed)

        assert answer.status_code == 503
        fields = re.findall(r'<input type="(text|password)" name="([^"]*)" id="again-', answer.text)
        assert {field: kind for kind, field in fields} == asked
        secret = {"code", "key_answer"} if name.startswith("factors:") else set(asked)
        assert not any(typed[field] in unescape(answer.text) for field in secret & typed.keys() if typed[field])
        kept = {field: value for field, value in typed.items() if field not in secret}
        assert _kept(answer.text) == kept | {"csrfmiddlewaretoken": ""}

    @pytest.mark.parametrize(
        ("origin", "is_kept"), [("http://testserver", True), ("https://evil.example", False), ("null", False)]
    )
    def test_is_kept_only_if_our_page_sent_it(self, between: Door, origin: str, is_kept: bool) -> None:
        browser = Browser(enforce_csrf_checks=True)
        token = get_token(HttpRequest())
        browser.cookies["csrftoken"] = token

        between.close()
        sent = {"username": "Words of a stranger", "csrfmiddlewaretoken": token}
        answer = browser.post(reverse("admin:login"), sent, headers={"Origin": origin})

        assert answer.status_code == 503
        assert ("Words of a stranger" in answer.text, "<form" in answer.text) == (is_kept, is_kept)

    def test_is_never_sent_to_another_host(self, boss: Client, between: Door) -> None:
        between.close()

        answer = boss.post("/", {"note": "May"}, PATH_INFO="//evil.example/x")

        assert answer.status_code == 503
        assert re.findall('<form method="post" action="([^"]*)"', answer.text) == ["/%2Fevil.example/x"]


def _takes_too_long(execute: Any, statement: str, params: Any, *details: Any) -> Any:
    if "ratingslips_ratingslip" in statement:
        statement, params = "SELECT pg_sleep(5)", None
    return execute(statement, params, *details)


@pytest.mark.slow
class TestRequest:
    def test_is_never_answered_500_when_the_database_goes_away(self, committed_floor: Floor, between: Door) -> None:
        staff = Staff(Scene.build(committed_floor, seat=1))
        requests, reached, wrong = staff.scene.requests(), set(), []

        for (name, (url, form)), statement in product(requests.items(), (1, 4)):
            browser = staff.browser_for(name)
            with interrupted_at(statement, partial(_lose, between)):
                answer = staff.answer(browser, url, form)
            if not between.path.exists():
                between.open()
                connection.close()
                reached.add(name)
                wrong += [] if _is_pause(answer, is_form=form is not None) else [(name, statement, answer.status_code)]

        assert wrong == []
        assert reached == requests.keys()

    @pytest.mark.parametrize("is_on_home_page", [True, False])
    def test_on_many_rows_says_what_was_done_before(
        self, committed_floor: Floor, between: Door, is_on_home_page: bool
    ) -> None:
        slips = [committed_floor.owed_slip(committed_floor.open_slip(seat=seat)) for seat in (1, 2)]
        committed_floor.supervisor.groups.add(Group.objects.get(name=PIT_SUPERVISOR))
        browser = browser_of(committed_floor.supervisor)

        with connection.execute_wrapper(partial(_lose_at_second_lock, between, slips, set())):
            if is_on_home_page:
                answer: Any = browser.post(
                    reverse("desk:pay"), {"pay": "chosen", "chosen": [slip.pk for slip in slips]}
                )
            else:
                answer = carry_out(browser, RatingSlip, "recover", slips)
        between.open()

        owed = RatingSlip.objects.owed().get()
        assert answer.status_code == 503
        assert [slip.slip_number in answer.text for slip in slips] == [slip != owed for slip in slips]


def _lose_at_second_lock(
    between: Door, slips: list[RatingSlip], locked: set[Any], execute: Any, statement: str, params: Any, *details: Any
) -> Any:
    """Lose the database before the second of `slips` is locked."""
    if "FOR NO KEY UPDATE" in statement:
        locked.update({slip.pk for slip in slips} & {*params})
        if len(locked) == len(slips):
            _lose(between)
    return execute(statement, params, *details)


def _is_pause(answer: Any, *, is_form: bool) -> bool:
    """Whether this is the page of the pause, or a file that ended early."""
    if answer.status_code == 503:
        return ("Refresh" in answer.headers) is not is_form and answer.headers["Retry-After"].isdecimal()
    return bool(answer.streaming)


def _lose(between: Door) -> None:
    lose_connection()
    between.path.unlink()


def _make_read_only() -> None:
    connection.settings_dict["OPTIONS"]["options"] += " -c default_transaction_read_only=on"
    connection.close()
