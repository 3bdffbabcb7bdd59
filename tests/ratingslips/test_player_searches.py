"""Every page that searches for players finds the same ones."""

from collections.abc import Callable
from typing import Any, Final

import pytest
from django.test import Client
from django.urls import reverse

from core.models import Player
from core.roles import AUDITOR, LOYALTY_SUPERVISOR, PIT_SUPERVISOR
from loyalty.models import LedgerEntry, PlayerLoyalty
from ratingslips.models import RatingSlip
from ratingslips.services import complete_rating_slip
from tests.console import address, signed_in
from tests.floor import Floor

Search = Callable[[Client, Floor, str], Any]


def _list(model: Any) -> Search:
    return lambda client, _, text: client.get(address(model, "changelist"), {"q": text})


def _seat(client: Client, floor: Floor, text: str) -> Any:
    return client.get(reverse("floor:seat", args=[floor.table.pk, 2]), {"q": text, "part": "players"})


def _open_form(client: Client, floor: Floor, text: str) -> Any:
    """Open a slip for the one player found; the page of the slip names them."""
    form = {"player": text, "table": floor.table.pk, "seat": 2, "average_bet": "40"}
    return client.post(reverse("admin:ratingslips_ratingslip_open"), form, follow=True)


SEARCHES: Final[dict[str, Search]] = {
    "players": _list(Player),
    "accounts": _list(PlayerLoyalty),
    "slips": _list(RatingSlip),
    "ledger": _list(LedgerEntry),
    "seat": _seat,
    "open form": _open_form,
}


@pytest.mark.django_db
class TestPlayerSearches:
    @pytest.mark.parametrize("where", SEARCHES)
    @pytest.mark.parametrize("text", ["nguyen", "Lan Nguyễn", "nguyen lan", "8123", "lan 8123", "nobody", "4711 lan"])
    def test_find_the_same_players_on_every_page(self, floor: Floor, where: str, text: str) -> None:
        player = floor.player(card_number="8123-7", first_name="Lan", last_name="Nguyễn")
        slip = floor.played_slip(player=player)
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
        client = signed_in(floor.supervisor, PIT_SUPERVISOR, LOYALTY_SUPERVISOR, AUDITOR)

        shown = SEARCHES[where](client, floor, text).content.decode()

        assert ("8123-7" in shown) == (text not in {"nobody", "4711 lan"})
