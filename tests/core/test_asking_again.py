"""Who is signed in is asked once more before acts that matter, at most once in ten minutes."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse
from guardian.shortcuts import get_user_perms

from core.models import Player, User
from core.roles import LOYALTY_SUPERVISOR
from core.sign_in_log import SignInEvent
from loyalty.models import LedgerEntry, LedgerExport, PlayerLoyalty
from ratingslips.models import Pit
from tests.console import address, close_stream, fields_in, html_of, inline_code_in, send_form, signed_in
from tests.factories import CompTypeFactory
from tests.floor import Floor
from tests.loyalty.postings import award
from tests.loyalty.rows import account_of
from tests.second_factors import code_of_app, long_ago, with_app

PASSWORD = "a-long-shift-on-the-floor"
EXPORT = reverse("admin:loyalty_ledgerentry_export")


@pytest.fixture
def supervisor(floor: Floor) -> Client:
    """The browser of a supervisor with a password, who was asked long ago."""
    floor.supervisor.set_password(PASSWORD)
    floor.supervisor.save()
    award(floor, floor.player())
    return long_ago(signed_in(floor.supervisor, LOYALTY_SUPERVISOR))


def asks(answer: Any) -> bool:
    """Whether the answer is the page that asks; a file that is sent instead is not read."""
    if answer.streaming:
        close_stream(answer)
        return False
    return b'name="asked-again"' in answer.content


def kept_by(answer: Any) -> dict[str, Any]:
    """The fields of the page that asks, as the browser sends them."""
    page = answer.content.decode().partition('id="content-main"')[2]
    return fields_in(type("Page", (), {"content": page.replace(" action=", " data-action=").encode()}))


class TestPageThatAsks:
    @pytest.mark.parametrize("factor", ["password", "app", "recovery code"])
    def test_lets_through_who_gives_the_right_answer(self, floor: Floor, supervisor: Client, factor: str) -> None:
        codes = with_app(floor.supervisor) if factor != "password" else []
        page = supervisor.post(EXPORT)
        answer = {"password": PASSWORD, "app": code_of_app(), "recovery code": codes and codes[0]}[factor]
        field = "asked-password" if factor == "password" else "asked-code"

        export = supervisor.post(EXPORT, kept_by(page) | {field: answer})

        assert (asks(page), asks(export)) == (True, False)
        assert LedgerExport.objects.count() == 1
        assert not asks(supervisor.post(EXPORT))

    @pytest.mark.parametrize("answer", ["", "wrong", "\x00", "x" * 5_000])
    def test_keeps_out_who_does_not(self, floor: Floor, supervisor: Client, answer: str) -> None:
        if answer == "wrong":
            with_app(floor.supervisor)
        page = supervisor.post(EXPORT)

        again = supervisor.post(EXPORT, kept_by(page) | {"asked-password": answer, "asked-code": answer})

        assert asks(again)
        assert 'class="errorlist"' in html_of(again)
        assert not LedgerExport.objects.exists()
        assert asks(supervisor.post(EXPORT))

    def test_asks_for_the_factor_of_who_has_one(self, floor: Floor, supervisor: Client) -> None:
        with_app(floor.supervisor)

        again = supervisor.post(EXPORT, {"asked-again": "POST", "asked-password": PASSWORD})

        assert asks(again)

    def test_counts_wrong_answers_as_tries_to_sign_in(self, floor: Floor, supervisor: Client) -> None:
        for _ in range(5):
            supervisor.post(EXPORT, {"asked-again": "POST", "asked-password": "wrong"})

        page = supervisor.post(EXPORT, {"asked-again": "POST", "asked-password": PASSWORD})

        assert "wrong too often" in html_of(page)
        assert SignInEvent.objects.filter(staff=floor.supervisor, kind="WRONG").count() == 5

    def test_holds_no_password_and_no_code_of_its_own(self, root: Client, floor: Floor) -> None:
        url = reverse("admin:auth_user_password_change", args=[floor.boss.pk])

        page = long_ago(root).post(url, {"password1": "the tide comes in", "password2": "the tide comes in"})

        assert asks(page)
        assert b"tide" not in page.content
        assert inline_code_in(page) == []

    @pytest.mark.parametrize(("name", "is_kept"), [("factors:add_app", False), ("admin:core_casino_add", True)])
    def test_holds_the_code_of_a_casino_and_of_no_app(self, root: Client, name: str, is_kept: bool) -> None:
        page = long_ago(root).post(reverse(name), {"name": "North", "code": "402117", "key_answer": "of-a-key"})

        assert asks(page)
        assert ("402117" in html_of(page), "of-a-key" in html_of(page)) == (is_kept, False)

    def test_opens_a_password_form_only_to_who_was_asked(self, root: Client, floor: Floor) -> None:
        root_user = User.objects.get(username="root")
        root_user.set_password(PASSWORD)
        root_user.save()
        root = long_ago(signed_in(root_user))
        url = reverse("admin:auth_user_password_change", args=[floor.boss.pk])
        page = root.get(url)

        answer = root.post(url, kept_by(page) | {"asked-password": PASSWORD})

        again = root.post(url, kept_by(page) | {"asked-password": PASSWORD})

        assert asks(page)
        assert [(one.status_code, one.headers["Location"]) for one in (answer, again)] == [(302, url)] * 2
        assert not asks(root.get(url))


class TestTenMinutes:
    def test_begin_with_the_sign_in(self, floor: Floor) -> None:
        assert not asks(signed_in(floor.supervisor, LOYALTY_SUPERVISOR).post(EXPORT))

    def test_are_not_prolonged_by_pages(self, supervisor: Client) -> None:
        supervisor.get("/console/loyalty/ledgerentry/")
        supervisor.get("/console/floor/")

        assert asks(supervisor.post(EXPORT))

    def test_are_of_one_session(self, floor: Floor, supervisor: Client) -> None:
        signed_in(floor.supervisor)

        assert asks(supervisor.post(EXPORT))

    def test_end_with_the_session(self, floor: Floor) -> None:
        client = signed_in(floor.supervisor)
        client.post(reverse("admin:logout"))

        assert "asked_at" not in client.session

    @pytest.mark.parametrize("at", [10**12, -1, 0])
    def test_are_not_begun_by_another_clock(self, supervisor: Client, at: int) -> None:
        session = supervisor.session
        session["asked_at"] = at
        session.save()

        assert asks(supervisor.post(EXPORT))


class TestAward:
    def test_above_the_limit_is_made_once_as_it_was_typed(self, floor: Floor, supervisor: Client) -> None:
        with_app(floor.supervisor)
        url, form = self._form(floor, supervisor, limit=100)
        typed = {"points": "1,500", "reason": 'Comp for the "><script>wait</script>\r\n& rain', "reward_id": ""}
        page = supervisor.post(url, form | typed)
        answer = kept_by(page) | {"asked-code": code_of_app()}

        first, second = supervisor.post(url, answer), supervisor.post(url, answer)

        assert asks(page)
        assert (first.status_code, second.status_code) == (302, 302)
        entry = LedgerEntry.objects.get(points=1_500)
        assert entry.reason == 'Comp for the "><script>wait</script>\n& rain'

    @pytest.mark.parametrize(
        ("limit", "points", "is_asked"),
        [(100, "100", False), (100, "101", True), (None, "9000", False), (0, "1", True)],
    )
    def test_asks_above_the_limit_of_the_casino(
        self, floor: Floor, supervisor: Client, limit: int | None, points: str, is_asked: bool
    ) -> None:
        url, form = self._form(floor, supervisor, limit=limit)

        page = supervisor.post(url, form | {"points": points, "reason": "Comp for the long wait"})

        assert asks(page) is is_asked

    @pytest.mark.parametrize(
        ("limit", "typed", "is_asked"),
        [
            (100, {"points": "100"}, False),
            (100, {"points": "101"}, True),
            (100, {"value": "5"}, False),
            (100, {"value": "5.01"}, True),
            (None, {"points": "101"}, False),
        ],
    )
    def test_has_the_limit_of_a_redemption(
        self, floor: Floor, supervisor: Client, limit: int | None, typed: dict[str, str], is_asked: bool
    ) -> None:
        comp = CompTypeFactory.create(program=floor.program)
        url, form = self._form(floor, supervisor, limit=limit, what="redeem")

        award(floor, Player.objects.latest("pk"), points=1_000)
        sent = {"comp_type": f"{comp.pk}:{comp.point_value}", "outlet": "Grill", "reason": "Anniversary", **typed}

        page = supervisor.post(url, form | sent)

        assert (asks(page), LedgerEntry.objects.filter(kind="REDEMPTION").exists()) == (is_asked, not is_asked)

    def _form(
        self, floor: Floor, client: Client, *, limit: int | None, what: str = "award"
    ) -> tuple[str, dict[str, Any]]:
        floor.casino.confirmed_award_points = limit
        floor.casino.save()
        url = address(PlayerLoyalty, what, account_of(floor.player()).pk)
        return url, fields_in(client.get(url))


class TestGrants:
    @pytest.fixture
    def root(self, root: Client) -> Iterator[Client]:
        user = User.objects.get(username="root")
        user.set_password(PASSWORD)
        user.save()
        return long_ago(signed_in(user))  # type: ignore[return-value]

    def test_on_a_pit_are_given_as_they_were_ticked(self, floor: Floor, root: Client) -> None:
        url = f"{address(Pit, 'permissions', floor.pit.pk)}user-manage/{floor.boss.pk}/"
        page = send_form(root, url, {"permissions": ["operate_pit", "recover_loyalty"]})

        root.post(url, kept_by(page) | {"asked-password": PASSWORD})

        assert asks(page)
        assert set(get_user_perms(floor.boss, floor.pit)) == {"operate_pit", "recover_loyalty"}

    def test_are_taken_back_with_a_role(self, root: Client) -> None:
        role = Group.objects.create(name="Weekend crew").pk
        url = address(Group, "delete", role)
        page = root.post(url, {"post": "yes"})

        root.post(url, kept_by(page) | {"asked-password": PASSWORD})

        assert asks(page)
        assert not Group.objects.filter(pk=role).exists()
