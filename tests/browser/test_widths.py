"""Many pits, full tables, large figures and names of every script, at each width: nothing is cut or overlaps."""

from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse
from playwright.sync_api import Page

from core.console.links import page_url
from core.models import User
from loyalty.models import LedgerEntry
from ratingslips.admin.floor.pages import floor_url
from ratingslips.models import RatingSlip
from ratingslips.services import complete_rating_slip, pause_rating_slip
from tests.browser.conftest import Tablet
from tests.console import address
from tests.factories import PitFactory, TableFactory
from tests.floor import Floor

NAMES = (
    ("Maximiliana-Theodora", "Featherstonehaugh-Cholmondeley"),
    ("عبد الرحمن", "الخوارزمي"),
    ("אברהם", "בן־שמעון"),
    ("诸葛", "歐陽"),
    ("W" * 100, "M" * 100),
)
# 410 and 720 are 820 and 1440 at 200 %.
WIDTHS = (410, 720, 820, 1180, 1440)

# What leaves the page, its frame or its neighbours. A table moves sideways in its own frame.
_WRONG = """() => {
    const wrong = [];
    const say = (what, part) => wrong.push(`${what}: ${part.outerHTML.replace(/\\s+/g, " ").slice(0, 160)}`);
    if (document.documentElement.scrollWidth > innerWidth) {
        wrong.push(`the page is ${document.documentElement.scrollWidth} px wide`);
    }
    for (const tabs of document.querySelectorAll(".tabs")) {
        if (tabs.checkVisibility() && tabs.scrollWidth > tabs.clientWidth + 1) say("cut", tabs);
    }
    for (const part of document.querySelectorAll("main *, #content *, header *")) {
        const isExempt = part.closest(".visually-hidden, .table, svg, .inline-group, .skip-to-content-link");
        if (isExempt || !part.checkVisibility()) continue;
        const box = part.getBoundingClientRect();
        if (box.width < 2) continue;
        if (box.right > innerWidth + 1 || box.left < -1) say("outside the page", part);
        const frame = part.parentElement.closest(".seat, .felt, .facts > div, .card, .player, .pill, .notice");
        if (frame && box.right > frame.getBoundingClientRect().right + 1) say("outside its frame", part);
    }
    for (const row of document.querySelectorAll(".tabs, .summary, .headline, .facts, .seat-figures, .seat-top, .bar")) {
        const boxes = [...row.children].filter(child => child.checkVisibility() && !child.matches(".visually-hidden"))
            .map(child => child.getBoundingClientRect()).filter(box => box.width > 1);
        boxes.forEach((one, at) => boxes.slice(at + 1).forEach(other => {
            const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
            const down = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
            if (across > 1 && down > 1) say("overlapping", row);
        }));
    }
    return [...new Set(wrong)];
}"""


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
        "open": reverse("admin:ratingslips_ratingslip_open"),
        "trace": reverse("trace:story", args=[paid.correlation_id]),
    }
    for model in ("core_player", "loyalty_playerloyalty", "ratingslips_gamingtable"):
        pages[model] = reverse(f"admin:{model}_changelist")
    return pages


def wrong_with(page: Page, address: str) -> dict[int, Any]:
    page.goto(address)
    page.wait_for_load_state()
    found = {}
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 1000})
        if wrong := page.evaluate(_WRONG):
            found[width] = wrong
    return found


class TestEveryWidth:
    def test_shows_everything_of_a_full_casino(self, full: Floor, tablet: Tablet) -> None:
        root = User.objects.create_superuser("root", password=None, first_name="Bartholomew", last_name="Oyelowo")
        root.casino = full.casino
        root.save()
        page = tablet(root)

        wrong = {name: found for name, where in pages_of(full).items() if (found := wrong_with(page, where))}

        assert wrong == {}
