"""The bar on every page, and where one lands who signs in."""

import re
from html import unescape
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from core.console.links import page_url
from core.models import User
from core.roles import AUDITOR, LOYALTY_SUPERVISOR, PIT_BOSS, PIT_SUPERVISOR
from loyalty.models import LedgerEntry
from ratingslips.admin.floor.pages import floor_url
from ratingslips.models import RatingSlip
from tests.console import address, signed_in
from tests.factories import PitFactory, StaffFactory
from tests.floor import Floor

PASSWORD = "a-long-shift-on-the-floor"


def places_on(page: Any) -> list[str]:
    """What the bar of a page offers to go to, in order."""
    bar = page.content.decode().partition('aria-label="Pages">')[2].partition("</nav>")[0]
    return [unescape(name) for name in re.findall(r">([^<>]+)</a>", bar)]


class TestBar:
    @pytest.mark.parametrize("name", ["floor", "seat", "home", "slips", "ledger", "player", "trace", "missing"])
    def test_offers_the_same_places_on_every_page(self, floor: Floor, name: str) -> None:
        client = signed_in(floor.supervisor, PIT_SUPERVISOR, LOYALTY_SUPERVISOR)
        pages = {
            "floor": floor_url(floor.pit),
            "seat": reverse("floor:seat", args=[floor.table.pk, 1]),
            "home": reverse("admin:index"),
            "slips": address(RatingSlip, "changelist"),
            "ledger": address(LedgerEntry, "changelist"),
            "player": page_url(floor.player()),
            "trace": reverse("trace:search"),
            "missing": "/console/nothing/",
        }

        page = client.get(pages[name])

        assert places_on(page) == ["Home", "Floor", "Slips", "Players", "Accounts", "Ledger"]
        assert 'id="trace-box"' in page.content.decode()

    def test_says_in_whose_name_one_works(self, floor: Floor, boss: Client) -> None:
        User.objects.filter(pk=floor.boss.pk).update(first_name="Dana", last_name="Whitfield")

        bar = boss.get(floor_url(floor.pit)).content.decode().partition("</header>")[0]

        assert '<span class="who-mark" data-initials="DW"></span><span class="who-name">Dana Whitfield</span>' in bar

    def test_leaves_the_pits_to_the_floor(self, floor: Floor, boss: Client) -> None:
        alone = boss.get(floor_url(floor.pit)).content.decode()
        PitFactory.create(casino=floor.casino)
        several = boss.get(floor_url(floor.pit)).content.decode()

        assert "floor-tabs" not in alone
        assert several.index("</header>") < several.index('id="floor-tabs"') < several.index('id="floor-summary"')


class TestSignIn:
    @pytest.mark.parametrize(
        ("role", "place"), [(PIT_BOSS, "/console/floor/"), (AUDITOR, "/console/")], ids=["boss", "auditor"]
    )
    def test_leads_to_where_one_works(self, floor: Floor, role: str, place: str) -> None:
        client, form = _at_the_door(floor, role, "/console/login/")

        landed = client.post("/console/login/", form, follow=True)

        assert [address for address, _ in landed.redirect_chain[:2]] == ["/", place]

    def test_leads_to_what_was_asked_for(self, floor: Floor) -> None:
        client, form = _at_the_door(floor, AUDITOR, "/console/login/?next=/console/core/player/")

        landed = client.post("/console/login/", form, follow=True)

        assert [address for address, _ in landed.redirect_chain] == ["/console/core/player/"]

    def test_leads_to_where_one_works_without_the_form_as_well(self, floor: Floor) -> None:
        client, form = _at_the_door(floor, PIT_BOSS, "/console/login/")
        del form["next"]

        answer: Any = client.post("/console/login/", form)

        assert (answer.status_code, answer.url) == (302, "/")


def _at_the_door(floor: Floor, role: str, door: str) -> tuple[Client, dict[str, str]]:
    """A tablet on which nobody is signed in, and what somebody in `role` sends from its form."""
    user = floor.boss if role == PIT_BOSS else StaffFactory.create(casino=floor.casino)
    user.set_password(PASSWORD)
    user.save()
    user.groups.add(Group.objects.get(name=role))
    client = Client()
    asked_for = re.findall(r'name="next" value="([^"]*)"', client.get(door).content.decode())
    return client, {"username": user.username, "password": PASSWORD, "next": unescape(asked_for[0])}
