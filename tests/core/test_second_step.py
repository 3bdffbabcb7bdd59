"""Signing in by two steps, and the second factor that a role requires."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from core.factors.codes import app_code, step_at
from core.factors.services import make_recovery_codes
from core.models import User
from core.roles import PIT_BOSS
from tests.console import fields_in, html_of
from tests.factories import StaffFactory
from tests.floor import Floor
from tests.second_factors import code_of_app, key_typed, require_of, with_app

PASSWORD = "a-long-shift-on-the-floor"
LOGIN, SECOND = "/console/login/", "/console/second-step/"


@pytest.fixture
def person(floor: Floor) -> User:
    """A pit boss with a password."""
    boss = floor.boss
    boss.set_password(PASSWORD)
    boss.save()
    return boss


def give_password(client: Client, person: User, **fields: str) -> Any:
    return client.post(LOGIN, {"username": person.username, "password": PASSWORD} | fields)


def led_to(answer: Any) -> str:
    """The address that an answer redirects to."""
    url: str = answer.url
    return url


def is_signed_in(client: Client) -> bool:
    return client.get("/console/").status_code == 200


class TestSignIn:
    def test_is_one_step_without_a_second_factor(self, person: User) -> None:
        client = Client()

        assert led_to(give_password(client, person)) == "/"
        assert is_signed_in(client)

    def test_is_two_steps_with_one(self, person: User) -> None:
        with_app(person)
        client = Client()

        first = give_password(client, person, next="/console/trace/")
        halfway = is_signed_in(client)
        second = client.post(SECOND, {"code": code_of_app()})

        assert (led_to(first), halfway, led_to(second)) == (SECOND, False, "/console/trace/")
        assert is_signed_in(client)

    def test_accepts_a_recovery_code(self, person: User) -> None:
        code = with_app(person)[0]
        client = Client()
        give_password(client, person)

        client.post(SECOND, {"code": f"{code[:5]}-{code[5:]}"})

        assert is_signed_in(client)

    @pytest.mark.parametrize("url", ["//elsewhere.example/", "https://elsewhere.example/", "javascript:alert(1)"])
    def test_leads_to_no_other_host(self, person: User, url: str) -> None:
        with_app(person)
        client = Client()
        give_password(client, person, next=url)

        assert led_to(client.post(SECOND, {"code": code_of_app()})) == "/"

    @pytest.mark.parametrize("code", ["", "000000", "0000-000000", "x" * 41, "\x00"])
    def test_says_that_a_code_is_not_right(self, person: User, code: str) -> None:
        with_app(person)
        client = Client()
        give_password(client, person)

        page = client.post(SECOND, {"code": code})

        assert page.status_code == 200
        assert 'class="errorlist"' in html_of(page)
        assert not is_signed_in(client)

    def test_is_locked_by_wrong_codes_as_by_wrong_passwords(self, person: User) -> None:
        with_app(person)
        client = Client()
        for _ in range(5):
            give_password(client, person)
            client.post(SECOND, {"code": "000000"})

        assert "wrong too often" in html_of(client.post(SECOND, {"code": code_of_app()}))
        assert give_password(Client(), person).status_code == 429


class TestCandidate:
    @pytest.mark.parametrize("where", ["", "add/", "add/app/", "add/key/"])
    def test_is_nobody_without_the_password(self, db: None, where: str) -> None:
        assert led_to(Client().get(f"{SECOND}{where}")) == LOGIN
        assert Client().post(f"{SECOND}{where}").status_code in {302, 405}

    @pytest.mark.parametrize("where", ["add/", "add/app/", "add/key/"])
    def test_adds_no_factor_beside_the_one_to_prove(self, person: User, where: str) -> None:
        with_app(person)
        client = Client()
        give_password(client, person)

        assert led_to(client.get(f"{SECOND}{where}")) == SECOND

    def test_is_not_taken_on_by_who_knew_the_session_before(self, person: User) -> None:
        with_app(person)
        knows, given = Client(), Client()
        give_password(knows, person)
        given.cookies["sessionid"] = knows.cookies["sessionid"].value

        give_password(given, person)

        assert led_to(knows.get(SECOND)) == LOGIN
        assert given.get(SECOND).status_code == 200

    def test_is_forgotten_after_ten_minutes(self, person: User) -> None:
        with_app(person)
        client = Client()
        give_password(client, person)
        session = client.session
        session["second_step"] = session["second_step"] | {"at": session["second_step"]["at"] - 10 * 60}
        session.save()

        assert led_to(client.post(SECOND, {"code": code_of_app()})) == LOGIN
        assert not is_signed_in(client)

    @pytest.mark.parametrize("change", [{"is_active": False}, {"is_staff": False}, {"password": "changed"}])
    def test_is_nobody_after_a_change_of_the_account(self, person: User, change: dict[str, Any]) -> None:
        with_app(person)
        client = Client()
        give_password(client, person)
        User.objects.filter(pk=person.pk).update(**change)

        assert led_to(client.post(SECOND, {"code": code_of_app()})) == LOGIN


class TestRequiredFactor:
    def test_is_added_before_anything_else(self, floor: Floor, person: User) -> None:
        person.groups.add(*_boss_role(floor))
        client = Client()

        assert led_to(give_password(client, person)) == SECOND
        assert led_to(client.get(SECOND)) == f"{SECOND}add/"
        assert "requires a second factor" in html_of(client.get(f"{SECOND}add/"))
        assert not is_signed_in(client)
        form = _filled(client)
        answer, again = client.post(f"{SECOND}add/app/", form), client.post(f"{SECOND}add/app/", form)
        codes = client.get(led_to(answer))

        assert is_signed_in(client)
        assert led_to(again) == led_to(answer)
        assert len(re.findall(r"<code>[0-9a-z]{5}-[0-9a-z]{5}</code>", html_of(codes))) == 10
        assert led_to(client.get(led_to(answer))) == "/console/second-factor/"

    def test_shows_no_codes_that_ended_meanwhile(self, floor: Floor, person: User) -> None:
        person.groups.add(*_boss_role(floor))
        client = Client()
        give_password(client, person)
        answer = client.post(f"{SECOND}add/app/", _filled(client))
        make_recovery_codes(person=person)

        assert led_to(client.get(led_to(answer))) == "/console/second-factor/"

    def test_is_not_added_from_a_page_of_somebody_else(self, floor: Floor, person: User) -> None:
        role = _boss_role(floor)
        other = StaffFactory.create(casino=floor.casino)
        other.set_password(PASSWORD)
        other.save()
        person.groups.add(*role)
        other.groups.add(*role)
        client = Client()
        give_password(client, person)
        drawn = fields_in(client.get(f"{SECOND}add/app/"))
        give_password(client, other)

        page = client.post(f"{SECOND}add/app/", drawn | {"name": "My phone", "code": "123456"})

        assert "open for too long" in html_of(page)
        assert not other.second_factors.exists()


def _boss_role(floor: Floor) -> Any:
    require_of(floor.casino, PIT_BOSS)
    return floor.casino.second_factor_roles.all()


def _filled(client: Client) -> dict[str, Any]:
    """The form that adds an app, with the code that the app shows whose key was typed."""
    page = client.get(f"{SECOND}add/app/")
    key = re.search(r"Key to type: <code>([A-Z2-7 ]+)</code>", html_of(page))
    assert key
    return fields_in(page) | {"name": "My phone", "code": app_code(key_typed(key[1]), step=step_at(timezone.now()))}
