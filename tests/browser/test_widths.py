"""Many pits, full tables, large figures and names of every script, at each width: nothing is cut or overlaps."""

from decimal import Decimal

import pytest
from django.urls import reverse

from core.console.links import page_url
from core.models import User
from core.roles import PIT_BOSS
from loyalty.models import LedgerEntry
from ratingslips.admin.floor.pages import floor_url
from ratingslips.models import RatingSlip
from ratingslips.services import complete_rating_slip, pause_rating_slip
from tests.browser.conftest import Tablet
from tests.browser.widths import wrong_at_widths
from tests.console import address
from tests.factories import PitFactory, TableFactory
from tests.floor import Floor
from tests.loyalty.postings import redeem

NAMES = (
    ("Maximiliana-Theodora", "Featherstonehaugh-Cholmondeley"),
    ("عبد الرحمن", "الخوارزمي"),
    ("אברהם", "בן־שמעון"),
    ("诸葛", "歐陽"),
    ("W" * 100, "M" * 100),
)


@pytest.fixture
def full(floor: Floor) -> Floor:
    """A casino of 8 pits, whose first pit has 60 taken seats at tables of 20, with bets of 250,000."""
    for number in range(7):
        PitFactory.create(casino=floor.casino, name=f"Pit {number} of the Grand Harbour Salon Privé")
    tables = [floor.table, *(TableFactory.create(casino=floor.casino, pit=floor.pit, seats=20) for _ in range(3))]
    slips = []
    for number in range(60):
        first, last = NAMES[number % len(NAMES)]
        player = floor.player(first_name=first, last_name=last, card_number=f"9{number:031d}")
        slips.append(
            floor.open_slip(
                player=player,
                table=tables[1 + number // 20],
                seat=1 + number % 20,
                average_bet=Decimal("250000.25"),
                buy_in=Decimal("99999999.99"),
                at=floor.ago(days=9) if number % 3 else floor.ago(hours=1),
            )
        )
    for slip in slips[:5]:
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=40))
    for slip in slips[5:10]:
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now, chips_out=Decimal("88888888.88"))
        redeem(floor, slip.player, points=9_999)
    return floor


def pages_of(floor: Floor) -> dict[str, str]:
    live, closed = RatingSlip.objects.live().earliest("slip_number"), RatingSlip.objects.filter(status="CLOSED")
    paid = closed.exclude(ledger_entry=None).earliest("slip_number")
    long_name = RatingSlip.objects.live().filter(player__first_name="W" * 100).latest("slip_number")
    pages = {
        "floor": floor_url(floor.pit),
        "pits": reverse("floor:home"),
        "slip": reverse("floor:slip", args=[live.pk]),
        "slip-moving": reverse("floor:slip", args=[long_name.pk]) + f"?pit={floor.pit.pk}#move",
        "slip-paid": reverse("floor:slip", args=[paid.pk]),
        "wrong-player": reverse("floor:wrong_player", args=[long_name.pk]),
        "seat": reverse("floor:seat", args=[floor.table.pk, 1]),
        "seat-found": reverse("floor:seat", args=[floor.table.pk, 1]) + "?q=W",
        "home": reverse("admin:index"),
        "slips": address(RatingSlip, "changelist"),
        "slip-desk": page_url(paid),
        "player": page_url(paid.player),
        "player-long": page_url(long_name.player),
        "account": page_url(paid.player.loyalty),
        "ledger": address(LedgerEntry, "changelist"),
        "entry": page_url(LedgerEntry.objects.earliest("pk")),
        "comps": reverse("admin:loyalty_comptype_month"),
        "comps-of-players": reverse("admin:loyalty_comptype_month") + "?by=account",
        "open": reverse("admin:ratingslips_ratingslip_open"),
        "trace": reverse("trace:story", args=[paid.correlation_id]),
    }
    for model in ("core_player", "loyalty_playerloyalty", "ratingslips_gamingtable"):
        pages[model] = reverse(f"admin:{model}_changelist")
    return pages


class TestEveryWidth:
    def test_shows_everything_of_a_full_casino(self, full: Floor, tablet: Tablet) -> None:
        root = User.objects.create_superuser("root", password=None, first_name="Bartholomew", last_name="Oyelowo")
        root.casino = full.casino
        root.save()
        page = tablet(root)

        wrong = {}
        for name, where in pages_of(full).items():
            page.goto(where)
            page.wait_for_load_state()
            wrong[name] = wrong_at_widths(page)

        assert {name: found for name, found in wrong.items() if found} == {}


# How far from the left of the page a piece of the heading's text begins.
_LEFT_OF = """piece => {
    const text = document.querySelector("h1").firstChild;
    const range = document.createRange();
    const start = text.data.indexOf(piece);
    range.setStart(text, start);
    range.setEnd(text, start + 1);
    return range.getBoundingClientRect().left;
}"""


class TestNameFromRightToLeft:
    def test_is_read_before_the_card_number(self, floor: Floor, tablet: Tablet) -> None:
        player = floor.player(first_name="אברהם", last_name="בן־שמעון", card_number="9001")
        page = tablet(floor.boss, PIT_BOSS)

        page.goto(page_url(player.loyalty))

        assert page.evaluate(_LEFT_OF, "א") < page.evaluate(_LEFT_OF, "9001")
