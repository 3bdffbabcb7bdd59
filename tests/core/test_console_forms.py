"""The admin's own forms and lists, in the language of the rest of the console."""

import re
from typing import Any

from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from core.models import Casino, Player, User
from ratingslips.models import GamingTable, Pit, RatingSlip
from tests.console import address
from tests.floor import Floor


def html_of(page: Any) -> str:
    """The page as it was sent."""
    html: str = page.content.decode()
    return html


def labels_on(page: Any) -> list[str]:
    """The names that stand over the fields."""
    return [re.sub(r"<[^>]+>", "", name).strip() for name in re.findall(r"<label[^>]*>(.*?)</label>", html_of(page))]


class TestForm:
    def test_names_its_fields_without_a_colon(self, root: Client, floor: Floor) -> None:
        page = root.get(address(GamingTable, "change", floor.table.pk))

        assert labels_on(page)[1:] == [
            *("Pit", "Game", "Name", "Seats", "Minimum bet", "Maximum bet", "Active", "Casino")
        ]

    def test_asks_for_a_choice_in_words(self, root: Client, floor: Floor) -> None:
        table, staff = root.get(address(GamingTable, "add")), root.get(address(User, "add"))

        assert html_of(table).count(">Choose one</option>") == 3
        assert ">None</option>" in html_of(staff)
        assert "-----" not in html_of(table) + html_of(staff)

    def test_is_saved_with_one_button(self, root: Client, floor: Floor) -> None:
        change, add = (root.get(address(Player, "change", floor.player().pk)), root.get(address(Player, "add")))

        assert re.findall(r'type="submit" value="([^"]+)"', html_of(change)) == ["Save"]
        assert re.findall(r'type="submit" value="([^"]+)"', html_of(add)) == ["Save", "Save and add another"]

    def test_is_headed_by_the_name_of_the_row(self, root: Client, floor: Floor) -> None:
        page = html_of(root.get(address(GamingTable, "change", floor.table.pk)))

        assert f"<h1>{floor.table.name}</h1>" in page
        assert "<h2>Gaming table</h2>" in page

    def test_says_nothing_of_a_password_but_that_there_is_one(self, root: Client, floor: Floor) -> None:
        floor.boss.set_password("a-long-shift-on-the-floor")
        floor.boss.save()

        page = html_of(root.get(address(User, "change", floor.boss.pk)))

        assert "Set. Nobody can read it." in page
        assert "algorithm" not in page
        assert 'href="../password/"' in page

    def test_says_who_cannot_sign_in_for_want_of_a_password(self, root: Client, floor: Floor) -> None:
        floor.boss.set_unusable_password()
        floor.boss.save()

        page = html_of(root.get(address(User, "change", floor.boss.pk)))

        assert "None: nobody can sign in with this name." in page

    def test_of_staff_and_roles_uses_the_usual_words(self, root: Client, floor: Floor) -> None:
        role = Group.objects.create(name="Cage")
        addresses = [
            address(User, "changelist"),
            address(User, "add"),
            address(User, "change", floor.boss.pk),
            reverse("admin:auth_user_password_change", args=[floor.boss.pk]),
            address(Group, "changelist"),
            address(Group, "change", role.pk),
            address(Pit, "permissions", floor.pit.pk),
        ]

        pages = {page: html_of(root.get(page)) for page in addresses}

        words = (
            "Designates",
            "admin site",
            "uthentication",
            "Group<",
            "Groups",
            "status",
            "Object perm",
            ">True<",
            "| Can",
        )
        assert [(page, word) for page, html in pages.items() for word in words if word in html] == []


class TestPage:
    def test_writes_days_and_times_as_the_rest_of_the_console(self, root: Client, slip: RatingSlip) -> None:
        page, casino = root.get(address(RatingSlip, "change", slip.pk)), root.get(address(Casino, "changelist"))

        assert f"{slip.gaming_day:%-d %b %Y}" in html_of(page)
        assert ">06:00<" in html_of(casino)

    def test_shows_a_dash_where_there_is_nothing(self, root: Client, slip: RatingSlip) -> None:
        page = html_of(root.get(address(RatingSlip, "change", slip.pk)))

        assert re.findall(r'class="readonly">\s*-\s*<', page) == []

    def test_leads_back_to_its_list_and_no_further_than_home(self, root: Client, floor: Floor) -> None:
        page = html_of(root.get(address(GamingTable, "history", floor.table.pk)))

        trail = page.partition('class="breadcrumbs">')[2].partition("</div>")[0]
        assert re.findall(r">([^<>]+)</a>", trail) == ["Home", "Gaming tables", floor.table.name]


class TestSearch:
    def test_says_what_it_looks_for_where_the_list_says_it(self, root: Client) -> None:
        players, tables = root.get(address(Player, "changelist")), root.get(address(GamingTable, "changelist"))

        assert 'placeholder="Card number or name"' in html_of(players)
        assert 'placeholder="Search"' in html_of(tables)
