"""Which answers are compressed: pages in which nothing is what the request said."""

import gzip

import pytest
from django.contrib.auth.models import Group
from django.db.models import Model
from django.test import Client
from django.urls import reverse

from core.models import Player
from tests.console import address, signed_in
from tests.factories import StaffFactory
from tests.floor import Floor


class TestCompression:
    @pytest.mark.parametrize(
        ("page", "query", "is_compressed"),
        [
            ("pit", "", True),
            ("pit", "?part=map", True),
            ("seat", "", True),
            ("seat", "?q=castillo", False),
            ("seat", "?average_bet=75", False),
        ],
    )
    def test_is_of_pages_that_repeat_no_words(
        self, floor: Floor, boss: Client, page: str, query: str, is_compressed: bool
    ) -> None:
        about = {"pit": [floor.pit.pk], "seat": [floor.table.pk, 1]}[page]
        headers = {"Accept-Encoding": "gzip"}

        answer = boss.get(reverse(f"floor:{page}", args=about) + query, headers=headers)

        html = gzip.decompress(answer.content) if is_compressed else answer.content
        assert answer.has_header("Content-Encoding") == is_compressed
        assert floor.table.name in html.decode()

    def test_is_not_of_a_form_that_is_shown_again(self, floor: Floor, boss: Client) -> None:
        seat = reverse("floor:seat", args=[floor.table.pk, 1])

        answer = boss.post(seat, {"q": "castillo"}, headers={"Accept-Encoding": "gzip"})

        assert not answer.has_header("Content-Encoding")

    @pytest.mark.parametrize("model", [Group, Player])
    def test_is_of_no_words_of_an_address(self, floor: Floor, model: type[Model]) -> None:
        root = signed_in(StaffFactory.create(casino=None, is_superuser=True))

        page = root.get(address(model, "change", "chosen-words"), follow=True, headers={"Accept-Encoding": "gzip"})

        html = gzip.decompress(page.content).decode()
        assert "doesn’t exist" in html
        assert "chosen-words" not in html

    def test_keeps_a_refresh_empty_where_nothing_changed(self, floor: Floor, boss: Client) -> None:
        address, headers = f"{reverse('floor:pit', args=[floor.pit.pk])}?part=map", {"Accept-Encoding": "gzip"}
        tag = boss.get(address, headers=headers)["ETag"]

        answer = boss.get(address, headers={**headers, "If-None-Match": tag})

        assert (tag[:2], answer.status_code, answer.content) == ("W/", 304, b"")
