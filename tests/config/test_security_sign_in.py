"""Who guesses passwords is kept out for a while, and told so; a session ends when it should."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.console.links import page_url
from core.lockouts import FAILURES_MAX
from core.models import User
from core.roles import AUDITOR, PIT_BOSS, PIT_SUPERVISOR
from core.sign_in_log import SignInEvent
from tests.console import address, html_of, said, shown_in, signed_in
from tests.factories import StaffFactory
from tests.floor import Floor
from tests.guesses import lock
from tests.log_lines import log_lines
from tests.processes import run_python

LOGIN = reverse("admin:login")
PASSWORD = "the tide comes in at six"
# Settings of production, as JSON.
_PRODUCTION = """
import django, json
django.setup()
from django.conf import settings
names = [name for name in dir(settings) if name.startswith(("SESSION_COOKIE", "CSRF_COOKIE", "SECURE_"))]
print(json.dumps({name: getattr(settings, name) for name in names}))
"""


@pytest.fixture
def staff(floor: Floor) -> User:
    """Somebody with a password."""
    user: User = StaffFactory.create(casino=floor.casino)
    user.set_password(PASSWORD)
    user.save()
    return user


def sign_in(client: Client, staff: User, password: str = PASSWORD, **sent: Any) -> Any:
    return client.post(LOGIN, {"username": staff.username, "password": password}, **sent)


def guess(client: Client, staff: User, **sent: Any) -> Any:
    """As many wrong passwords as are borne; the last answer."""
    for number in range(FAILURES_MAX):
        answer = sign_in(client, staff, f"guess {number}", **sent)
    return answer


class TestGuessing:
    def test_ends_in_a_page_that_says_how_long_to_wait(self, staff: User, client: Client) -> None:
        answer = guess(client, staff)

        assert answer.status_code == 429
        assert "Wait 15 minutes, then try again." in answer.content.decode()
        assert int(answer["Retry-After"]) <= 15 * 60

    def test_is_logged_under_its_correlation_id_without_a_name(self, staff: User, client: Client) -> None:
        with log_lines() as lines:
            answer = guess(client, staff)

        locked = [line for line in lines if line["event"] == "core.sign_in_locked"]
        assert [line["correlation_id"] for line in locked] == [answer["X-Correlation-ID"]]
        assert [line["level"] for line in locked] == ["warning"]
        assert staff.username not in str(lines)

    def test_is_listed_for_the_auditor_after_a_success_too(self, floor: Floor, staff: User, client: Client) -> None:
        sign_in(client, staff, "a guess")
        client.post(LOGIN, {"username": PASSWORD, "password": "a guess"})
        sign_in(client, staff)

        page = signed_in(StaffFactory.create(casino=floor.casino), AUDITOR).get(address(SignInEvent, "changelist"))
        assert [row[1:3] for row in shown_in(page)][1:] == [
            [staff.username, "Signed in"],
            ["a name that nobody has", "Wrong password or code"],
            [staff.username, "Wrong password or code"],
        ]

    def test_is_over_after_the_time_that_the_page_says(self, staff: User, client: Client) -> None:
        lock(staff, address="127.0.0.1", at=timezone.now() - timedelta(minutes=15))

        assert sign_in(client, staff).status_code == 302

    def test_is_ended_by_a_supervisor(self, floor: Floor, staff: User, client: Client) -> None:
        guess(client, staff)
        supervisor, page = signed_in(floor.supervisor, PIT_SUPERVISOR), address(SignInEvent, "locks")
        assert "1 member of staff is locked out" in html_of(supervisor.get(reverse("admin:index")))
        assert staff.username in html_of(supervisor.get(page))

        answer = supervisor.post(page, {"staff": staff.pk})

        assert said(answer) == [f"{staff.display_name} may try to sign in again."]
        assert sign_in(client, staff).status_code == 302

    def test_of_the_old_password_locks_the_sign_in(self, staff: User, client: Client) -> None:
        guesser = signed_in(staff)
        for number in range(FAILURES_MAX):
            sent = {"old_password": f"guess {number}", "new_password1": "x", "new_password2": "x"}
            page = guesser.post(reverse("admin:password_change"), sent)

        assert "The password or the code was wrong too often. Wait 15 minutes" in page.content.decode()
        assert sign_in(client, staff).status_code == 429

    def test_from_one_machine_locks_out_no_other_behind_our_proxy(
        self, settings: Any, staff: User, client: Client
    ) -> None:
        settings.BEHIND_PROXY = True
        guess(client, staff, headers={"X-Forwarded-For": "203.0.113.9"})

        there = sign_in(client, staff, headers={"X-Forwarded-For": "203.0.113.9"})
        here = sign_in(client, staff, headers={"X-Forwarded-For": "198.51.100.1"})

        assert (there.status_code, here.status_code) == (429, 302)

    def test_is_not_hidden_by_an_address_that_the_guesser_claims(
        self, settings: Any, staff: User, client: Client
    ) -> None:
        settings.BEHIND_PROXY = True
        for number in range(5):
            sign_in(client, staff, "a guess", headers={"X-Forwarded-For": f"192.0.2.{number}, 203.0.113.9"})

        answer = sign_in(client, staff, headers={"X-Forwarded-For": "192.0.2.99, 203.0.113.9"})

        assert answer.status_code == 429


class TestSession:
    @pytest.fixture
    def boss(self, floor: Floor) -> Client:
        """The browser of a boss who is at work."""
        client = signed_in(floor.boss, PIT_BOSS)
        assert client.get(page_url(floor.pit)).status_code == 200
        return client

    def test_ends_when_the_password_is_changed_elsewhere(self, floor: Floor, boss: Client) -> None:
        floor.boss.set_password(PASSWORD)
        floor.boss.save()

        answer: Any = boss.get(page_url(floor.pit))

        assert answer.status_code == 302
        assert answer.url.startswith(LOGIN)

    def test_ends_for_a_stolen_cookie_when_its_owner_signs_out(self, floor: Floor, boss: Client) -> None:
        stolen = Client()
        stolen.cookies[settings.SESSION_COOKIE_NAME] = boss.cookies[settings.SESSION_COOKIE_NAME].value

        boss.post(reverse("admin:logout"))

        assert stolen.get(page_url(floor.pit)).status_code == 302

    def test_gets_a_new_key_at_the_sign_in(self, staff: User, client: Client) -> None:
        client.session["planted"] = "by somebody"
        planted = client.session.session_key

        sign_in(client, staff)

        assert client.session.session_key != planted

    def test_has_no_key_that_somebody_chose(self, staff: User, client: Client) -> None:
        client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32

        sign_in(client, staff)

        assert client.session["_auth_user_id"] == str(staff.pk)
        assert client.session.session_key != "a" * 32


@pytest.fixture(scope="module")
def strict() -> dict[str, Any]:
    """What production sets for cookies and headers."""
    printed, _lines = run_python(
        "-c",
        _PRODUCTION,
        DJANGO_SETTINGS_MODULE="config.settings",
        ENVIRONMENT="production",
        SECRET_KEY="a key that no other process has ".ljust(60, "x"),
        DATABASE_URL="postgres://nobody@localhost/none",
        ALLOWED_HOSTS="testserver",
    )
    values: dict[str, Any] = json.loads(printed)
    return values


@pytest.fixture
def production(settings: Any, strict: dict[str, Any]) -> None:
    """The cookies and headers of production, in this process."""
    for name, value in strict.items():
        setattr(settings, name, value)


@pytest.mark.usefixtures("production")
class TestProduction:
    def test_sends_cookies_only_over_tls_and_to_no_script(self, staff: User) -> None:
        client = Client()
        client.get(LOGIN, secure=True)

        sign_in(client, staff, secure=True)

        cookies = {name: client.cookies[name] for name in ("sessionid", "csrftoken")}
        assert all(cookie["secure"] and cookie["samesite"] == "Lax" for cookie in cookies.values())
        assert cookies["sessionid"]["httponly"]
        assert int(cookies["sessionid"]["max-age"]) == 12 * 60 * 60

    def test_answers_with_headers_that_bind_the_browser(self, db: None) -> None:
        headers = Client().get(LOGIN, secure=True).headers

        expected = {
            "Strict-Transport-Security": "max-age=31536000",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "X-Frame-Options": "DENY",
        }
        assert {name: headers.get(name) for name in expected} == expected
        policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
        assert policy == {
            "default-src": "'self'",
            "base-uri": "'self'",
            "form-action": "'self'",
            "frame-ancestors": "'none'",
            "object-src": "'none'",
        }

    def test_leads_from_a_plain_line_to_a_closed_one(self) -> None:
        answer: Any = Client().get(LOGIN)

        assert (answer.status_code, answer.url) == (301, f"https://testserver{LOGIN}")
