"""The auditor's journeys: narrow the ledger and take it along, follow a number, and what no such page may do."""

import csv
import io
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core.models import User
from core.roles import AUDITOR, PIT_BOSS
from loyalty.models import LedgerExport
from ratingslips.models import RatingSlip
from ratingslips.services import complete_rating_slip, recover_slip_loyalty
from tests.browser.conftest import ACROSS, Tablet
from tests.browser.test_home import close_while_paused
from tests.factories import StaffFactory
from tests.floor import Floor
from tests.loyalty.postings import award
from tests.loyalty.rows import account_of, write_history

LEDGER = "/console/loyalty/ledgerentry/"
TRACE = "/console/trace/"


@pytest.fixture
def auditor(floor: Floor) -> User:
    """Who reads and compares, and may export."""
    staff: User = StaffFactory.create(casino=floor.casino, first_name="Tomasz", last_name="Lind")
    return staff


def busy_ledger(floor: Floor) -> RatingSlip:
    """Two pages of entries: promotions, a new tier, a recovered slip with a long name, and paid play."""
    write_history(floor, account_of(floor.player()), entries=55)
    award(floor, floor.player(last_name="Featherstonehaugh" * 4), points=1_500)
    close_while_paused(floor, slips=2, resumed=True)
    for owed in RatingSlip.objects.owed()[:1]:
        recover_slip_loyalty(slip=owed, actor=floor.supervisor, at=floor.now)
    slip = floor.played_slip(table=floor.table, seat=5)
    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
    slip.refresh_from_db()
    return slip


class TestJourneys:
    def test_narrow_the_ledger_and_export_what_is_shown(
        self, floor: Floor, auditor: User, tablet: Tablet, tmp_path: Path
    ) -> None:
        busy_ledger(floor)
        page = tablet(auditor, AUDITOR, viewport=ACROSS)

        page.goto(LEDGER)
        page.get_by_label("Kind").select_option("Manual bonus")
        page.get_by_label("Tier changed").check()
        page.get_by_role("button", name="Show").click()
        expect(page.get_by_text("Narrowed by Manual bonus, the tier changed.")).to_be_visible()
        expect(page.locator("#result_list tbody tr")).to_have_count(1)
        with page.expect_download() as download:
            page.get_by_role("button", name="Export what is shown").click()
        file = tmp_path / "ledger.csv"
        download.value.save_as(file)

        rows = list(csv.DictReader(io.StringIO(file.read_text("utf-8-sig"))))
        export = LedgerExport.objects.get()
        assert [row["Points"] for row in rows] == ["1500"]
        assert (export.staff, export.rows, export.is_whole) == (auditor, 1, True)

    def test_page_through_the_ledger_and_back_by_keyboard(self, floor: Floor, auditor: User, tablet: Tablet) -> None:
        busy_ledger(floor)
        page = tablet(auditor, AUDITOR)
        page.goto(LEDGER)
        newest = page.locator("#result_list tbody th").first.inner_text()

        for name in ("Oldest", "Newer", "Newer", "Newer"):
            page.get_by_role("link", name=name, exact=True).focus()
            page.keyboard.press("Enter")

        expect(page.locator("#result_list tbody th").first).to_have_text(newest)

    def test_read_how_an_entry_was_counted_and_follow_it(self, floor: Floor, auditor: User, tablet: Tablet) -> None:
        slip = busy_ledger(floor)
        page = tablet(auditor, AUDITOR)

        page.goto("/console/")
        page.get_by_label("Trace").fill(f"#{slip.ledger_entry_id}")
        page.keyboard.press("Enter")
        expect(page.get_by_text("57.75 × 10 × 1 = 577.5 → 578")).to_be_visible()
        page.get_by_role("link", name="Trace", exact=True).click()

        expect(page.get_by_text("closed, theo 57.75")).to_be_visible()
        assert page.url.endswith(f"{TRACE}{slip.correlation_id}/")

    def test_see_who_closed_a_slip_and_from_where(self, floor: Floor, auditor: User, tablet: Tablet) -> None:
        slip = floor.played_slip()
        boss = tablet(floor.boss, PIT_BOSS)
        boss.goto(f"/console/floor/slips/{slip.pk}/")
        boss.get_by_text("Close …").tap()
        boss.get_by_role("button", name="Close and post points").tap()
        expect(boss.get_by_text("578").first).to_be_visible()
        page = tablet(auditor, AUDITOR)

        page.goto(f"{TRACE}?q={slip.slip_number}")
        page.get_by_role("link", name="Trace", exact=True).click()

        expect(page.get_by_text("from 127.0.0.1").first).to_be_visible()
        expect(page.get_by_text(f"/console/floor/slips/{slip.pk}/").first).to_be_visible()
