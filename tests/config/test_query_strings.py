"""Pages read from their address only what they offer, say what they leave out, and never fail for it."""

import re
from collections.abc import Sequence
from html import unescape
from typing import Any, Final
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from core.console.filtered_list import FilteredListAdmin
from core.console.queries import LEFT_OUT, SEARCH_CUT
from core.console.readable import NO_SUCH_PAGE
from core.models import Player
from core.player_search import MAX_WORDS, cut_search
from tests.config.matrix.house import TwoCasinos
from tests.console import BACKEND, address, registered, said, statements_for

# The ledger and the change log have forms as filters, which say what is wrong with a value, and no numbers of pages.
LISTS: Final = [model for model, pages in registered().items() if not isinstance(pages, FilteredListAdmin)]
NOT_OFFERED: Final = (
    *(
        "password__startswith=p",
        "points_total__gte=9",
        "card_number__regex=(",
        "id__in=1,x",
        "pk=1_0",
        "casino=abc",
        "status=%00",
        "zz=1",
    ),
    *("e=1", "all=", "_popup=1", "_to_field=id", "_facets=True", "date_joined__year=99999", "logentry__id=1", "=1"),
)
WRONG_VALUES: Final = ("abc", "1_0", "\0", "99999-01-01", "9999-12-31", "0001-01-01", "", "-1", "9" * 5_000, "½", "1)")
_LINK = re.compile(r'href="(\?[^"]*)"')


@pytest.fixture
def root(db: None, house: TwoCasinos) -> Client:
    """The browser of a superuser."""
    client = Client()
    client.force_login(house.staff["root"], backend=BACKEND)
    return client


def _links(page: Any) -> set[str]:
    """The links of a list to itself, such as those of its filters."""
    return {unescape(link) for link in _LINK.findall(page.text)}


@pytest.mark.parametrize("model", LISTS, ids=lambda model: model.__name__)
class TestList:
    def test_leaves_out_what_it_does_not_offer(self, root: Client, model: type[Model]) -> None:
        wrong = []
        for query in NOT_OFFERED:
            page = root.get(f"{address(model, 'changelist')}?{query}")
            if page.status_code != 200 or said(page) != [LEFT_OUT] or LEFT_OUT not in page.text:
                wrong.append((query, page.status_code))

        assert wrong == []

    def test_leaves_out_values_that_a_filter_does_not_offer(self, root: Client, model: type[Model]) -> None:
        url, wrong = address(model, "changelist"), []
        names = {name for link in _links(root.get(url)) for name in parse_qs(link[1:])} - {"q", "p", "o"}
        for query in (f"{name}={quote(value)}" for name in names for value in WRONG_VALUES):
            page = root.get(f"{url}?{query}")
            if page.status_code != 200 or said(page) != [LEFT_OUT]:
                wrong.append((query, page.status_code))

        assert wrong == []

    def test_offers_filters_that_it_has(self, root: Client, model: type[Model]) -> None:
        url = address(model, "changelist")

        pages = [root.get(url + link) for link in _links(root.get(url))]

        assert [(page.status_code, said(page)) for page in pages] == [(200, [])] * len(pages)

    @pytest.mark.parametrize("number", ["0", "-1", "99", "9" * 30])
    def test_shows_its_first_page_in_place_of_none(
        self, root: Client, model: type[Model], number: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(type(admin.site.get_model_admin(model)), "list_per_page", 1)
        has_pages = model._base_manager.count() > 1

        page = root.get(f"{address(model, 'changelist')}?p={number}")

        assert (page.status_code, said(page)) == (200, [NO_SUCH_PAGE] * has_pages)


class TestMissingPage:
    def test_counts_the_rows_of_the_list_once(self, root: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(type(admin.site.get_model_admin(Player)), "list_per_page", 1)

        statements = statements_for(root, f"{address(Player, 'changelist')}?p=99")

        assert sum("COUNT(*)" in one and "core_player" in one for one in statements) == 1


class TestOtherPage:
    @pytest.mark.parametrize("name", ["admin:index", "trace:search", "admin:core_player_add", "admin:password_change"])
    def test_leaves_out_what_it_does_not_read(self, root: Client, name: str) -> None:
        page = root.get(f"{reverse(name)}?zz=1")

        assert said(page) == [LEFT_OUT]
        assert LEFT_OUT in page.text

    @pytest.mark.parametrize("name", ["floor:pit", "desk:player", "admin:core_player_history", "ledger"])
    def test_of_a_row_leaves_out_what_it_does_not_read(self, root: Client, house: TwoCasinos, name: str) -> None:
        keys: dict[str, Sequence[object]] = {"floor:pit": [house.own.floor.pit.pk], "ledger": []}
        target = "admin:loyalty_ledgerentry_changelist" if name == "ledger" else name
        url = reverse(target, args=keys.get(name, [house.own.closed.player_id]))

        page = root.get(f"{url}?zz=1&before=1")

        assert said(page) == [LEFT_OUT]

    @pytest.mark.parametrize("place", ["//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:1"])
    def test_after_signing_in_is_on_this_site(self, root: Client, place: str) -> None:
        page = root.get(f"{reverse('admin:login')}?next={quote(place)}")

        assert urlsplit(page.headers["Location"])[:2] == ("", "")


class TestSearch:
    @pytest.mark.parametrize(
        "text", ["a " * 1_500, "x" * 101, "a.b" * 9, "王" * 9, "y" * 41], ids=["words", "long", "dots", "signs", "word"]
    )
    def test_is_cut_and_says_so(self, text: str) -> None:
        beginning, is_cut = cut_search(text)

        assert is_cut
        assert len(beginning) <= 100
        assert len(beginning.split()) <= MAX_WORDS

    def test_of_a_full_name_is_not_cut(self) -> None:
        assert cut_search("José María de la Cruz y Fernández") == ("José María de la Cruz y Fernández", False)

    @pytest.mark.parametrize(
        "name", ["core_casino", "core_player", "ratingslips_ratingslip", "ratingslips_gamingtable"]
    )
    def test_of_1500_words_costs_no_more_than_a_few(self, root: Client, name: str) -> None:
        url = f"{reverse(f'admin:{name}_changelist')}?q="

        assert len(max(statements_for(root, f"{url}{'+'.join(['harbour'] * 1_500)}"), key=len)) < 8_000
        assert said(root.get(f"{url}{'+'.join(['harbour'] * 1_500)}"))[0] == SEARCH_CUT
