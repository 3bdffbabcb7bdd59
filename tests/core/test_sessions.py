"""How long a session lasts, what ends it, and the page on which staff see and end their own."""

from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.admin import sessions
from core.console.devices import device_name
from core.models import User
from core.sessions import NOBODY_SIGNED_IN, Session, SessionStore
from core.sign_in_log import SignInEvent
from ratingslips.admin.floor.pages import floor_url
from tests.commands import run
from tests.console import html_of, said, signed_in
from tests.factories import StaffFactory
from tests.floor import Floor

PASSWORD = "the tide comes in at six"
NEW_PASSWORD = "the tide goes out at noon"
SESSIONS = reverse("admin:sessions")
TABLET = "Mozilla/5.0 (Linux; Android 14; SM-X210) (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36"


def browser(user: User, *, address: str) -> Client:
    """A tablet at `address` in which `user` is signed in."""
    client = signed_in(user)
    session = client.session
    assert isinstance(session, SessionStore)
    session.note_sign_in(address=address, device=TABLET, at=timezone.now())
    session.save()
    return client


def unused_for(minutes: float) -> None:
    """Let all sessions have been used last so long ago."""
    Session.objects.update(last_used_at=timezone.now() - timedelta(minutes=minutes))


def used_a_moment_ago() -> bool:
    return bool(Session.objects.filter(last_used_at__gt=timezone.now() - timedelta(seconds=30)))


@pytest.fixture
def idle_lock(settings: Any) -> None:
    settings.IDLE_LOCK_MINUTES = 10


class TestLimit:
    @pytest.mark.parametrize(("hours", "status"), [(11.9, 200), (12, 302)])
    def test_counts_from_the_sign_in(self, floor: Floor, boss: Client, hours: float, status: int) -> None:
        session = boss.session
        assert isinstance(session, SessionStore)
        session.note_sign_in(address=None, device="", at=timezone.now() - timedelta(hours=hours))
        session.save()

        boss.get(reverse("admin:index"))
        assert boss.get(floor_url(floor.pit)).status_code == status

    @pytest.mark.django_db
    def test_is_short_where_nobody_signed_in(self) -> None:
        (session := SessionStore())["on the way to"] = "a provider"
        session.save()

        assert Session.objects.get().expire_date <= timezone.now() + NOBODY_SIGNED_IN

    def test_is_a_setting(self, floor: Floor, boss: Client, settings: Any) -> None:
        settings.SESSION_COOKIE_AGE = 60 * 60
        boss.get(floor_url(floor.pit))

        assert Session.objects.get().expire_date <= timezone.now() + timedelta(hours=1)


@pytest.mark.usefixtures("idle_lock")
class TestIdleLock:
    def test_leads_to_the_sign_in_and_back(self, floor: Floor, boss: Client) -> None:
        unused_for(10)

        answer: Any = boss.get(floor_url(floor.pit))

        assert answer.url == f"{reverse('admin:login')}?next={floor_url(floor.pit)}"
        assert said(answer) == ["You were signed out: nothing was done for 10 minutes. Sign in to go on."]
        assert not Session.objects.filter(staff=floor.boss).exists()

    def test_leaves_who_does_something(self, floor: Floor, boss: Client) -> None:
        for _ in range(3):
            unused_for(9)
            assert boss.get(floor_url(floor.pit)).status_code == 200
            assert used_a_moment_ago()

    def test_takes_no_page_that_refreshes_itself_for_somebody(self, floor: Floor, boss: Client) -> None:
        unused_for(9)
        assert boss.get(floor_url(floor.pit), {"part": "map"}).status_code == 200
        assert not used_a_moment_ago()

        unused_for(10)
        assert boss.get(floor_url(floor.pit), {"part": "map"}).status_code == 302

    def test_is_off_by_default(self, floor: Floor, boss: Client, settings: Any) -> None:
        settings.IDLE_LOCK_MINUTES = 0
        unused_for(11 * 60)

        assert boss.get(floor_url(floor.pit)).status_code == 200

    def test_writes_only_now_and_then(self, floor: Floor, boss: Client) -> None:
        boss.get(floor_url(floor.pit))
        unused_for(0.9)

        boss.get(floor_url(floor.pit))

        assert not used_a_moment_ago()


class TestEnd:
    @pytest.mark.parametrize(
        ("change", "is_ended"),
        [
            ({"is_active": False}, True),
            ({"is_staff": False}, True),
            ({"password": "another"}, True),
            ({"is_active": True, "first_name": "Dana"}, False),
        ],
    )
    def test_comes_with_the_deactivation_by_any_means(
        self, floor: Floor, boss: Client, change: dict[str, Any], is_ended: bool
    ) -> None:
        signed_in(floor.boss)
        signed_in(floor.supervisor)

        User.objects.filter(pk=floor.boss.pk).update(**change)

        assert Session.objects.filter(staff=floor.boss).count() == (0 if is_ended else 2)
        assert Session.objects.filter(staff=floor.supervisor).count() == 1
        User.objects.filter(pk=floor.boss.pk).update(is_active=True, is_staff=True)
        assert boss.get(floor_url(floor.pit)).status_code == (302 if is_ended else 200)

    def test_is_ended_elsewhere_by_a_new_own_password(self, floor: Floor) -> None:
        floor.boss.set_password(PASSWORD)
        floor.boss.save()
        here, elsewhere = signed_in(floor.boss), signed_in(floor.boss)

        sent = {"old_password": PASSWORD, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
        here.post(reverse("admin:password_change"), sent)

        assert (here.get(SESSIONS).status_code, elsewhere.get(SESSIONS).status_code) == (200, 302)
        assert Session.objects.filter(staff=floor.boss).count() == 1


class TestTable:
    def test_lets_nobody_who_reads_it_take_a_session_over(self, floor: Floor, boss: Client) -> None:
        reader = Client()
        reader.cookies[settings.SESSION_COOKIE_NAME] = Session.objects.get(staff=floor.boss).pk

        assert boss.get(SESSIONS).status_code == 200
        assert reader.get(SESSIONS).status_code == 302

    def test_lets_nobody_who_writes_it_become_somebody_else(self, floor: Floor, boss: Client) -> None:
        thief = signed_in(floor.supervisor)
        stolen = Session.objects.get(staff=floor.boss).session_data

        Session.objects.filter(staff=floor.supervisor).update(session_data=stolen, staff=floor.boss)

        assert thief.get(SESSIONS).status_code == 302


class TestOwnSessions:
    def test_are_shown_with_device_and_address(self, floor: Floor) -> None:
        browser(floor.supervisor, address="192.0.2.9")
        browser(floor.boss, address="192.0.2.8")

        page = html_of(browser(floor.boss, address="192.0.2.7").get(SESSIONS))

        assert [address in page for address in ("192.0.2.7", "192.0.2.8", "192.0.2.9")] == [True, True, False]
        assert "Chrome on Android <strong>(this one)</strong>" in page

    @pytest.mark.parametrize(
        ("end", "left", "said_then"),
        [
            ("192.0.2.8", ["192.0.2.7", "192.0.2.9"], ["1 session ended."]),
            ("192.0.2.7", ["192.0.2.8", "192.0.2.9"], []),
            ("192.0.2.9", ["192.0.2.7", "192.0.2.8", "192.0.2.9"], ["That session had ended already."]),
            ("others", ["192.0.2.7", "192.0.2.9"], ["1 session ended."]),
            ("all", ["192.0.2.9"], []),
            ("", ["192.0.2.7", "192.0.2.8", "192.0.2.9"], ["That session had ended already."]),
        ],
    )
    def test_are_ended_one_by_one_or_all(self, floor: Floor, end: str, left: list[str], said_then: list[str]) -> None:
        browser(floor.supervisor, address="192.0.2.9")
        browser(floor.boss, address="192.0.2.8")
        here = browser(floor.boss, address="192.0.2.7")
        named = Session.objects.filter(client_address=end).first() if end[:1].isdigit() else None

        answer = here.post(SESSIONS, {"end": named.pk if named else end})

        with_address = Session.objects.exclude(client_address=None).order_by("client_address")
        assert list(with_address.values_list("client_address", flat=True)) == left
        assert said(answer) == said_then
        assert SignInEvent.objects.filter(kind="SIGNED_OUT", staff=floor.boss).count() == 3 - len(left)

    @pytest.mark.parametrize(("end", "left"), [("others", 1), ("all", 0)])
    def test_are_ended_although_they_are_too_many_to_show(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch, end: str, left: int
    ) -> None:
        monkeypatch.setattr(sessions, "SESSIONS_SHOWN", 1)
        for _ in range(2):
            browser(floor.boss, address="192.0.2.8")

        browser(floor.boss, address="192.0.2.7").post(SESSIONS, {"end": end})

        assert Session.objects.filter(staff=floor.boss).count() == left


class TestDeviceName:
    @pytest.mark.parametrize(
        ("user_agent", "name"),
        [
            (TABLET, "Chrome on Android"),
            (f"{TABLET} Edg/131.0.0.0", "Edge on Android"),
            ("Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0", "Firefox on Linux"),
            ("Mozilla/5.0 (iPad; CPU OS 18_1 like Mac OS X) Version/18.1 Mobile/15E148 Safari/604.1", "Safari on iPad"),
            ("curl/8.5.0", "Unknown browser"),
            ("", "Unknown browser"),
        ],
    )
    def test_is_what_people_call_it(self, user_agent: str, name: str) -> None:
        assert device_name(user_agent) == name


class TestClearsessions:
    def test_deletes_what_has_ended(self, floor: Floor, idle_lock: None) -> None:
        ended, idle, used = (browser(StaffFactory.create(casino=floor.casino), address="192.0.2.7") for _ in range(3))
        rows = [Session.objects.get(staff=client.session["_auth_user_id"]) for client in (ended, idle, used)]
        Session.objects.filter(pk=rows[0].pk).update(expire_date=timezone.now())
        Session.objects.filter(pk=rows[1].pk).update(last_used_at=timezone.now() - timedelta(minutes=11))

        ran = run("clearsessions")

        assert (ran.code, ran.out) == (0, "2 sessions deleted.\n")
        assert list(Session.objects.all()) == [rows[2]]
