"""What is uncollected on several slips of a player, and the tier that they keep because of it."""

import pytest
from django.test import Client
from django.urls import reverse

from core.console.links import page_url
from loyalty.models import PlayerLoyalty
from ratingslips.models import RatingSlip
from ratingslips.services import complete_rating_slip
from tests.console import html_of
from tests.floor import Floor
from tests.ratingslips.corrections import closed, correct, last_at, spend
from tests.ratingslips.test_correct_page import page_of, sent_by

SENTENCE = "stays Silver: without the uncollected points it would be Bronze."


@pytest.fixture
def slips(floor: Floor) -> list[RatingSlip]:
    """Two slips of a player who became Silver by both and spent all: each is worth 100 points less than was posted."""
    earlier = floor.open_slip(at=floor.ago(hours=5, minutes=45))
    complete_rating_slip(slip=earlier, actor=floor.boss, at=floor.ago(hours=3))
    later = closed(floor, floor.played_slip(player=earlier.player))
    spend(floor, later.player, PlayerLoyalty.objects.get(player=later.player).balance)
    correct(floor, earlier, last_at(earlier, 33))
    return [earlier, later]


class TestRestsOfSeveralSlips:
    def test_are_added_up_in_the_preview(self, slips: list[RatingSlip], supervisor: Client) -> None:
        later = slips[1]
        typed = [sent_by(supervisor, later, average_bet_1=bet) for bet in ("62", "99")]

        shown = [html_of(supervisor.post(page_of(later, "preview"), one)) for one in typed]

        assert [SENTENCE in page for page in shown] == [True, False]

    def test_are_added_up_on_every_page(self, floor: Floor, slips: list[RatingSlip], supervisor: Client) -> None:
        later, account = slips[1], PlayerLoyalty.objects.get(player=slips[1].player)
        pages = [
            reverse("floor:slip", args=[later.pk]),
            *(page_url(each) for each in (later, account, later.player)),
        ]
        before = [html_of(supervisor.get(page)) for page in pages]
        correct(floor, later, last_at(later, 62))

        after = [html_of(supervisor.get(page)) for page in pages]

        assert [SENTENCE in page for page in before + after] == [False] * 4 + [True] * 4
        rest = sum(RatingSlip.objects.values_list("uncollected_points", flat=True))
        assert f"<strong>{rest} points</strong> are uncollected in all" in after[2]
        assert f">{rest}<" in after[3].partition("<dt>Uncollected</dt>")[2].partition("</div>")[0]
