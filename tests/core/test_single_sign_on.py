"""Signing in by an identity provider: who gets in, with which roles, and what is refused."""

import re
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group
from django.db import IntegrityError
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from config.database.checks import check_names_of_single_sign_on
from core.changes.models import Change
from core.checks import check_break_glass, check_identity_provider, check_provider_asks
from core.errors import Busy
from core.managing import lock_permissions
from core.models import User
from core.origins import Client as Origin
from core.provider.services import sign_in_by_provider
from core.provider.tokens import EXCHANGES_AT_ONCE, Identity, ProviderRefused, identity_of
from core.roles import AUDITOR, OPERATOR, PIT_BOSS
from core.sessions import Session
from core.sign_in_log import SignInEvent
from tests.concurrency import Elsewhere, held, made_to_wait, replace_locks
from tests.factories import StaffFactory
from tests.provider import CLIENT, SECRET, STRANGE_KEY, Provider, configure, serving, sign_out_there
from tests.replacing import replace
from tests.second_factors import with_app
from tests.waiting import wait_until

SESSIONS = reverse("admin:sessions")
PASSWORD = "correct horse battery"
Kind = SignInEvent.Kind


@pytest.fixture
def provider(settings: Any) -> Iterator[Provider]:
    with serving() as provider:
        configure(settings, provider)
        yield provider


@pytest.fixture
def dana(db: None) -> User:
    return StaffFactory.create(username="dana", provider_subject="3f2a", password=make_password(PASSWORD))


def begin(browser: Client, **query: str) -> dict[str, str]:
    """What the console asks the provider."""
    answer = browser.get("/console/provider/", query)
    return {name: values[0] for name, values in parse_qs(urlsplit(answer["Location"]).query).items()}


def come_back(browser: Client, provider: Provider, **query: str) -> Any:
    """Go to the provider and back."""
    return browser.get(provider.authorize(begin(browser, **query)))


def recorded(answer: Any) -> list[tuple[int | None, str]]:
    """Whose events, and which, the list of sign-ins has of the request that the page names."""
    events = SignInEvent.objects.filter(correlation_id=answer["X-Correlation-ID"])
    assert answer["X-Correlation-ID"] in answer.text
    return list(events.values_list("staff", "kind"))


def signed_in(browser: Client) -> int | None:
    key = browser.session.get("_auth_user_id")
    return int(key) if key else None


@pytest.mark.django_db
class TestRoles:
    def test_are_exactly_those_of_the_claims(self, provider: Provider, dana: User) -> None:
        dana.groups.set(Group.objects.filter(name__in=[AUDITOR, OPERATOR]))

        answer = come_back(browser := Client(), provider, next="/console/")

        dana.refresh_from_db()
        assert (answer.status_code, answer["Location"], signed_in(browser)) == (302, "/console/", dana.pk)
        assert [role.name for role in dana.groups.all()] == [PIT_BOSS]
        changes = Change.objects.filter(table_name="core_user_groups", correlation_id=answer["X-Correlation-ID"])
        assert {change.actor_id for change in changes} == {dana.pk}
        assert SignInEvent.objects.get().kind == Kind.SIGNED_IN

    def test_end_though_the_sign_in_is_refused(self, provider: Provider, dana: User) -> None:
        dana.groups.set(Group.objects.filter(name=AUDITOR))
        provider.claims = {"groups": "somebody"}

        answer = come_back(browser := Client(), provider)

        assert (answer.status_code, signed_in(browser), dana.groups.count()) == (403, None, 0)
        assert SignInEvent.objects.get().kind == Kind.REFUSED

    def test_are_never_given_to_whom_the_console_keeps_out(self, provider: Provider, dana: User) -> None:
        for kept_out in ({"is_active": False}, {"is_superuser": True}, {"provider_subject": "another"}):
            User.objects.filter(pk=dana.pk).update(**kept_out)

            answer = come_back(browser := Client(), provider)

            assert (answer.status_code, signed_in(browser), dana.groups.count()) == (403, None, 0)
            User.objects.filter(pk=dana.pk).update(is_active=True, is_superuser=False, provider_subject="3f2a")

    def test_are_not_found_by_an_address(self, provider: Provider, db: None) -> None:
        StaffFactory.create(email="dana@casino.example")
        provider.claims |= {"email": "dana@casino.example", "email_verified": True}

        assert come_back(browser := Client(), provider).status_code == 403
        assert signed_in(browser) is None


_ADDRESSES = ("OIDC_ISSUER", *(f"OIDC_OP_{what}_ENDPOINT" for what in ("AUTHORIZATION", "TOKEN", "JWKS")))
_HTTPS = dict.fromkeys(_ADDRESSES, "https://id.example")
# What a token says or how it is made, when it is not for this sign-in.
NOT_VALID: dict[str, dict[str, Any]] = {
    "another issuer": {"claims": {"iss": "https://elsewhere.example"}},
    "another audience": {"claims": {"aud": "another"}},
    "others as well": {"claims": {"aud": [CLIENT, "another"]}},
    "another party": {"claims": {"azp": "another"}},
    "expired": {"claims": {"exp": int(time.time()) - 3600}},
    "no end": {"claims": {"exp": None}},
    "another nonce": {"claims": {"nonce": "another"}},
    "no nonce": {"claims": {"nonce": None}},
    "no subject": {"claims": {"sub": None}},
    "an empty subject": {"claims": {"sub": ""}},
    "half a character": {"claims": {"sub": "3f2a\ud800"}},
    "no signature": {"algorithm": "none", "key": None},
    "the secret as a key": {"algorithm": "HS256", "key": SECRET},
    "a strange key": {"key": STRANGE_KEY},
}


@pytest.mark.django_db
class TestRefusals:
    @pytest.mark.parametrize("wrong", NOT_VALID.values(), ids=NOT_VALID)
    def test_are_a_sentence_for_a_token_that_is_not_valid(
        self, provider: Provider, dana: User, wrong: dict[str, Any]
    ) -> None:
        provider.claims |= wrong.get("claims", {})
        provider.algorithm, provider.key = wrong.get("algorithm", "RS256"), wrong.get("key", provider.key)

        answer = come_back(browser := Client(), provider)

        assert (answer.status_code, signed_in(browser)) == (403, None)
        assert "is not valid for this sign-in" in answer.text
        assert recorded(answer) == [(None, Kind.REFUSED)]

    def test_come_for_a_state_of_another_browser_or_used_before(self, provider: Provider, dana: User) -> None:
        browser = Client()
        url = provider.authorize(begin(browser))

        answers = [Client().get(url), browser.get(url), browser.get(url), Client().get("/console/provider/back/")]

        assert [answer.status_code for answer in answers] == [403, 302, 403, 403]

    @pytest.mark.parametrize(
        ("query", "reason"),
        [
            ({"code": "stolen"}, "CODE_REFUSED"),
            ({"error": "access_denied"}, "NO_CODE"),
            ({"code": "stolen", "state": "another"}, "NOT_BEGUN"),
        ],
    )
    def test_are_recorded_and_logged_without_an_account(
        self, provider: Provider, dana: User, caplog: pytest.LogCaptureFixture, query: dict[str, str], reason: str
    ) -> None:
        state = begin(browser := Client())["state"]

        answer = browser.get("/console/provider/back/", {"state": state} | query)

        assert (answer.status_code, signed_in(browser)) == (403, None)
        assert recorded(answer) == [(None, Kind.REFUSED)]
        assert reason in caplog.text

    @pytest.mark.parametrize(("listens", "cause"), [(False, "ConnectionError"), (True, "ReadTimeout")])
    def test_leave_break_glass_while_nobody_answers(
        self, provider: Provider, dana: User, settings: Any, caplog: pytest.LogCaptureFixture, listens: bool, cause: str
    ) -> None:
        settings.BREAK_GLASS_USERNAMES, settings.OIDC_TIMEOUT = ["dana"], 0.1
        with socket.socket() as away:
            away.bind(("127.0.0.1", 0))
            if listens:
                away.listen()
            settings.OIDC_OP_TOKEN_ENDPOINT = f"http://127.0.0.1:{away.getsockname()[1]}/token"
            answer = come_back(browser := Client(), provider, next="/console/")

        local = "/console/login/?password&amp;next=%2Fconsole%2F"
        page = browser.get(local.replace("&amp;", "&")).text
        browser.post("/console/login/", {"username": "dana", "password": PASSWORD})

        assert (answer.status_code, answer["Retry-After"], recorded(answer)) == (503, "60", [(None, Kind.REFUSED)])
        assert (f'href="{local}"' in answer.text, '<details class="more" open>' in page) == (True, True)
        assert (cause in caplog.text, signed_in(browser)) == (True, dana.pk)

    def test_come_for_an_error_of_the_provider(self, provider: Provider, dana: User) -> None:
        provider.status = 502

        assert come_back(Client(), provider).status_code == 503


class TestDeactivationDuringASignIn:
    """The person is deactivated, and that is not committed yet, when they come back from the provider."""

    @pytest.fixture
    def dana(self, transactional_db: None) -> User:
        return StaffFactory.create(username="dana", provider_subject="3f2a")

    @staticmethod
    def _sign_in() -> User:
        identity = Identity(
            subject="3f2a", roles=frozenset({PIT_BOSS}), has_second_factor=True, signed_in_at=None, token=""
        )
        return sign_in_by_provider(identity=identity, client=Origin(address=None), at=timezone.now())

    @staticmethod
    def _deactivate() -> None:
        User.objects.filter(username="dana").update(is_active=False)

    def test_makes_the_sign_in_wait_and_refuses_it(self, dana: User) -> None:
        signing_in = made_to_wait(self._sign_in, by=self._deactivate)

        assert isinstance(signing_in.outcome(), ProviderRefused)
        assert not dana.groups.exists()

    @pytest.mark.shows(39)
    def test_would_give_roles_without_the_lock(self, dana: User, monkeypatch: pytest.MonkeyPatch) -> None:
        replace_locks(monkeypatch, lambda rows, **_: rows.order_by("pk"))

        with held(self._deactivate):
            assert Elsewhere(self._sign_in).result() == dana

        assert dana.groups.exists()


class TestDeletionOfARoleDuringASignIn:
    """The role that the provider gives is deleted, and that is not committed yet."""

    @pytest.fixture
    def dana(self, transactional_db: None) -> User:
        Group.objects.create(name="Dealer")
        return StaffFactory.create(username="dana", provider_subject="3f2a")

    @staticmethod
    def _sign_in_meanwhile() -> Any:
        identity = Identity(
            subject="3f2a", roles=frozenset({"Dealer"}), has_second_factor=True, signed_in_at=None, token=""
        )
        sign_in = partial(sign_in_by_provider, identity=identity, client=Origin(address=None), at=timezone.now())

        def delete() -> None:
            lock_permissions()
            Group.objects.filter(name="Dealer").delete()

        return made_to_wait(sign_in, by=delete).outcome()

    def test_makes_the_sign_in_wait_and_refuses_it(self, dana: User) -> None:
        assert isinstance(self._sign_in_meanwhile(), ProviderRefused)

    @pytest.mark.shows(39)
    def test_would_break_the_sign_in_without_the_lock(self, dana: User, monkeypatch: pytest.MonkeyPatch) -> None:
        replace(monkeypatch, lock_permissions, lambda: None)

        assert isinstance(self._sign_in_meanwhile(), IntegrityError)


@pytest.mark.django_db
class TestSecondFactor:
    @pytest.fixture
    def required(self, dana: User) -> User:
        assert dana.casino
        dana.casino.second_factor_roles.set(Group.objects.filter(name=PIT_BOSS))
        return dana

    def test_is_asked_for_by_the_console(self, provider: Provider, required: User) -> None:
        answer = come_back(browser := Client(), provider)

        assert (answer["Location"], signed_in(browser)) == ("/console/second-step/", None)

    def test_is_the_providers_if_the_settings_say_so(self, provider: Provider, required: User, settings: Any) -> None:
        settings.OIDC_SECOND_FACTOR = ["amr=mfa"]
        without = come_back(Client(), provider)
        provider.claims |= {"amr": ["pwd", "mfa"]}

        come_back(browser := Client(), provider)

        assert (without.status_code, signed_in(browser)) == (403, required.pk)


@pytest.mark.django_db
class TestAskingAgain:
    def test_is_answered_at_the_provider(self, provider: Provider, dana: User) -> None:
        provider.claims["groups"] = ["auditors"]
        come_back(browser := Client(), provider)
        export = "/console/loyalty/ledgerentry/export/"

        asked = browser.post(export)
        old = come_back(browser, provider, confirm="")
        provider.claims |= {"auth_time": int(time.time()) + 3600}
        to_come = come_back(browser, provider, confirm="")
        provider.claims |= {"auth_time": int(time.time())}
        confirmed = come_back(browser, provider, confirm="")

        assert "/console/provider/?confirm" in asked.text
        assert (old.status_code, recorded(old)) == (403, [(dana.pk, Kind.REFUSED)])
        assert to_come.status_code == 403
        assert (confirmed.status_code, recorded(confirmed)) == (200, [(dana.pk, Kind.CONFIRMED)])
        assert "/console/provider/?confirm" not in browser.post(export).text

    def test_is_not_left_to_who_signs_in_after_somebody(self, provider: Provider, dana: User) -> None:
        assert dana.casino
        dana.casino.second_factor_roles.set(Group.objects.filter(name=PIT_BOSS))
        StaffFactory.create(provider_subject="erin", casino=dana.casino)
        provider.claims["auth_time"] = int(time.time())
        come_back(browser := Client(), provider)  # Dana, who does not take the second step.
        provider.subject, provider.claims = "erin", {"groups": "auditors"}

        come_back(browser, provider)

        assert "/console/provider/?confirm" in browser.post("/console/loyalty/ledgerentry/export/").text

    def test_asks_the_provider_for_the_password(self, provider: Provider, dana: User) -> None:
        assert begin(Client(), confirm="")["prompt"] == "login"
        assert begin(Client())["prompt"] == "login"  # The next person at a tablet is not the one before.


@pytest.mark.django_db
class TestSession:
    @pytest.fixture
    def tablet(self, provider: Provider, dana: User, settings: Any) -> Client:
        settings.IDLE_LOCK_MINUTES, settings.SESSION_COOKIE_AGE = 10, 60 * 60
        come_back(tablet := Client(), provider)
        return tablet

    @pytest.mark.parametrize(
        ("column", "minutes", "status"), [("last_used_at", 9, 200), ("last_used_at", 10, 302), ("expire_date", 0, 302)]
    )
    def test_ends_by_both_limits(self, tablet: Client, column: str, minutes: int, status: int) -> None:
        Session.objects.update(**{column: timezone.now() - timedelta(minutes=minutes)})

        assert tablet.get(SESSIONS).status_code == status

    def test_is_not_prolonged_by_confirming_at_the_provider(self, provider: Provider, tablet: Client) -> None:
        signed_in_at = Session.objects.get().signed_in_at
        provider.claims |= {"auth_time": int(time.time())}

        assert come_back(tablet, provider, confirm="").status_code == 200

        session = Session.objects.get()
        assert session.signed_in_at == signed_in_at is not None
        assert session.expire_date == signed_in_at + timedelta(hours=1)

    def test_is_among_those_that_the_person_ends(self, provider: Provider, dana: User, tablet: Client) -> None:
        come_back(elsewhere := Client(), provider)

        page = tablet.get(SESSIONS).text
        tablet.post(SESSIONS, {"end": "others"})

        assert "End all others" in page
        assert (tablet.get(SESSIONS).status_code, elsewhere.get(SESSIONS).status_code) == (200, 302)
        assert SignInEvent.objects.latest("pk").kind == Kind.SIGNED_OUT


@pytest.mark.django_db
class TestSigningOut:
    """At the provider, which is asked for by a setting."""

    @pytest.fixture
    def there(self, provider: Provider, settings: Any) -> Provider:
        sign_out_there(settings, provider)
        return provider

    @pytest.mark.parametrize(("url", "sent"), [("/console/logout/", {}), (SESSIONS, {"end": "all"})])
    def test_leads_to_the_provider_and_back(self, there: Provider, dana: User, url: str, sent: dict[str, str]) -> None:
        come_back(browser := Client(), there)

        answer = browser.post(url, sent)

        [address] = [unescape(found) for found in re.findall(r'content="0; url=([^"]+)"', answer.text)]
        assert (answer.status_code, signed_in(browser)) == (200, None)
        assert f'href="{escape(address)}"' in answer.text
        came_back = requests.get(address, allow_redirects=False, timeout=5)
        assert (there.signed_out, came_back.headers["Location"]) == (["3f2a"], "http://testserver/console/login/")

    def test_also_after_a_second_step(self, there: Provider, dana: User) -> None:
        assert dana.casino
        dana.casino.second_factor_roles.set(Group.objects.filter(name=PIT_BOSS))
        codes = with_app(dana)
        come_back(browser := Client(), there)

        browser.post(reverse("factors:second_step"), {"code": codes[0]})

        assert signed_in(browser) == dana.pk
        assert "id_token_hint" in browser.post("/console/logout/").text

    def test_is_not_for_who_came_with_a_password(self, there: Provider, dana: User) -> None:
        browser = Client()
        browser.post(reverse("admin:login"), {"username": "dana", "password": PASSWORD})

        answer = browser.post("/console/logout/")

        assert (answer.status_code, signed_in(browser), "http-equiv" in answer.text) == (200, None, False)
        assert "single sign-on" not in answer.text

    def test_is_left_out_without_the_setting(self, provider: Provider, dana: User) -> None:
        come_back(browser := Client(), provider)
        token = provider.token("")[:20]

        assert token not in str(dict(browser.session.items()))
        assert "http-equiv" not in browser.post("/console/logout/").text


class TestSlowProvider:
    def test_keeps_few_threads(self, provider: Provider) -> None:
        asked = {"code": "any", "nonce": "any", "verifier": "any", "redirect_uri": "any"}
        provider.may_answer.clear()
        with ThreadPoolExecutor() as threads:
            waiting = [threads.submit(identity_of, **asked) for _ in range(EXCHANGES_AT_ONCE)]
            wait_until(lambda: provider.waiting == EXCHANGES_AT_ONCE)
            with pytest.raises(Busy):
                identity_of(**asked)
            provider.may_answer.set()

        assert {type(one.exception()) for one in waiting} == {ProviderRefused}
        with pytest.raises(ProviderRefused):
            identity_of(**asked)


@pytest.mark.django_db
class TestChecks:
    @pytest.mark.parametrize(
        ("changed", "found"),
        [
            ({}, []),
            ({"OIDC_RP_CLIENT_SECRET": ""}, ["core.E010"]),
            ({"IS_PRODUCTION": True}, ["core.E011"]),
            ({"IS_PRODUCTION": True, **_HTTPS}, []),
            ({"IS_PRODUCTION": True, **_HTTPS, "OIDC_OP_END_SESSION_ENDPOINT": "http://id.example"}, ["core.E011"]),
            ({"OIDC_RP_SIGN_ALGO": "HS256"}, ["core.E012"]),
            ({"OIDC_ROLES": []}, ["core.E013"]),
            ({"OIDC_SECOND_FACTOR": ["mfa"]}, ["core.E014"]),
            ({"BREAK_GLASS_USERNAMES": []}, ["core.W015"]),
            ({"OIDC_PROMPT": ""}, ["core.W018"]),
            ({"OIDC_PROMPT": "none"}, ["core.W018"]),
            ({"OIDC_PROMPT": "select_account", "OIDC_SECOND_FACTOR": ["amr=mfa"]}, []),
            ({"OIDC_SECOND_FACTOR": ["amr=mfa", "amr=pwd"]}, ["core.W019"]),
            ({"OIDC_ROLES": ["a=No role"], "BREAK_GLASS_USERNAMES": ["nobody"]}, ["core.W016", "core.W016"]),
        ],
    )
    def test_name_what_is_missing(
        self, provider: Provider, dana: User, settings: Any, changed: dict[str, Any], found: list[str]
    ) -> None:
        settings.BREAK_GLASS_USERNAMES = ["dana"]
        for name, value in changed.items():
            setattr(settings, name, value)

        messages = [
            *check_identity_provider(),
            *check_break_glass(),
            *check_provider_asks(),
            *check_names_of_single_sign_on(databases=["default"]),
        ]

        assert [message.id for message in messages] == found


@pytest.mark.django_db
class TestPassword:
    def test_is_for_break_glass_accounts_alone(
        self, provider: Provider, dana: User, settings: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        StaffFactory.create(username="glass", password=make_password(PASSWORD), casino=dana.casino)
        settings.BREAK_GLASS_USERNAMES = ["glass"]
        page = Client().get("/console/login/").text

        for username in ("dana", "glass"):
            Client().post("/console/login/", {"username": username, "password": PASSWORD})

        events = SignInEvent.objects.order_by("pk").values_list("staff__username", "kind")
        assert list(events) == [("dana", Kind.WRONG), ("glass", Kind.SIGNED_IN)]
        assert "core.break_glass_used" in caplog.text
        assert 'href="/console/provider/?next=%2F"' in page

    def test_is_all_there_is_without_a_provider(self, dana: User) -> None:
        assert Client().get("/console/provider/").status_code == 404
        assert "/console/provider/" not in Client().get("/console/login/").text
