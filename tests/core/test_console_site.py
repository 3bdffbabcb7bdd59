"""A form that is sent when the session has ended: nothing is saved, and nothing is lost without a word."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.console.site import TYPED_MAX_LENGTH
from core.local_time import running_gaming_day
from core.models import Player
from core.roles import LOYALTY_SUPERVISOR, PIT_SUPERVISOR
from loyalty.models import LoyaltyProgram, PlayerLoyalty
from tests.console import address, said, signed_in
from tests.factories import CasinoFactory, StaffFactory
from tests.floor import Floor
from tests.loyalty.rows import account_of

EXPORT = reverse("admin:loyalty_ledgerentry_export")
SIGNED_OUT = "You were signed out before this was sent: nothing was saved."


def way_back(answer: Any) -> str:
    """Where the sign-in leads to."""
    assert answer.url.startswith(f"{reverse('admin:login')}?")
    return str(parse_qs(urlsplit(answer.url).query)["next"][0])


class TestConsoleSite:
    def test_leads_back_to_an_award_as_it_was_typed(self, floor: Floor, client: Client) -> None:
        url = address(PlayerLoyalty, "award", account_of(floor.player()).pk)

        answer = client.post(url, {"points": "100", "reason": "Long wait", "token": "t", "csrfmiddlewaretoken": "c"})

        assert said(answer) == [f"{SIGNED_OUT} What you typed comes back with the page. Sign in and send it again."]
        assert way_back(answer) == f"{url}?points=100&reason=Long+wait"
        form = signed_in(floor.supervisor, LOYALTY_SUPERVISOR).get(way_back(answer)).context["form"]
        assert (form["points"].value(), form["reason"].value()) == ("100", "Long wait")

    def test_takes_no_token_from_the_way_back(self, floor: Floor) -> None:
        url = address(PlayerLoyalty, "award", account_of(floor.player()).pk)

        page = signed_in(floor.supervisor, LOYALTY_SUPERVISOR).get(url, {"token": "forged"})

        assert page.context["form"]["token"].value() != "forged"

    def test_leads_back_to_the_reason_for_a_pause(self, floor: Floor, client: Client) -> None:
        answer = client.post(address(LoyaltyProgram, "pause", floor.program.pk), {"reason": "Month-end freeze"})

        form = signed_in(floor.supervisor, LOYALTY_SUPERVISOR).get(way_back(answer)).context["form"]
        assert form["reason"].value() == "Month-end freeze"

    def test_says_so_of_other_forms_without_values_in_addresses(self, db: None, client: Client) -> None:
        url = address(Player, "add")

        answer = client.post(url, {"first_name": "Maya", "password": "secret"})

        assert said(answer) == [f"{SIGNED_OUT} Sign in and send it again."]
        assert way_back(answer) == url

    def test_keeps_no_more_than_a_reason_can_hold(self, floor: Floor, client: Client) -> None:
        url = address(LoyaltyProgram, "pause", floor.program.pk)

        answer = client.post(url, {"reason": "x" * (TYPED_MAX_LENGTH + 1)})

        assert way_back(answer) == f"{url}?reason={'x' * TYPED_MAX_LENGTH}"

    @pytest.mark.parametrize("page", ["admin:logout", "admin:index"])
    def test_says_nothing_where_nothing_was_typed(self, db: None, client: Client, page: str) -> None:
        answer = client.post(reverse(page)) if page == "admin:logout" else client.get(reverse(page))

        assert said(answer) == []

    def test_leads_back_to_the_list_of_an_export(self, floor: Floor, client: Client) -> None:
        answer = client.post(f"{EXPORT}?kind=MANUAL")

        page: Any = signed_in(floor.supervisor, LOYALTY_SUPERVISOR).get(way_back(answer))

        assert (page.status_code, 'href="../?kind=MANUAL"' in page.text) == (405, True)

    @pytest.mark.parametrize(
        "name", ["admin:loyalty_ledgerentry_export", "admin:loyalty_comptype_month_export", "floor:undo"]
    )
    def test_leads_from_where_forms_are_sent_to_their_page(self, floor: Floor, name: str) -> None:
        url = reverse(name, args=[floor.open_slip().pk] if name == "floor:undo" else [])
        client = signed_in(floor.supervisor, LOYALTY_SUPERVISOR, PIT_SUPERVISOR)

        assert 'href="../"' in client.get(url).text
        assert client.get(f"{url.rsplit('/', 2)[0]}/").status_code == 200


class TestRunningGamingDay:
    def test_is_the_casino_s_own_or_the_earliest_of_all(self, db: None) -> None:
        west, east = (CasinoFactory.create(time_zone=zone) for zone in ("Pacific/Pago_Pago", "Pacific/Kiritimati"))
        now = timezone.now()

        of_west, of_east, of_all = (
            running_gaming_day(StaffFactory.create(casino=casino)) for casino in (west, east, None)
        )

        assert of_west == of_all == west.gaming_day_at(now)
        assert of_east == east.gaming_day_at(now) > of_west
