"""Pages and trace say when an entry was recorded where that differs from when it happened."""

from decimal import Decimal

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.console import display
from core.console.links import list_url, page_url
from core.models import Player
from core.roles import AUDITOR, PIT_SUPERVISOR
from loyalty.models import LedgerEntry
from ratingslips.admin.trace.story import story_of
from ratingslips.services import complete_rating_slip, pause_rating_slip, record_buy_in
from tests.console import html_of, signed_in
from tests.floor import Floor
from tests.loyalty.attacking import sql
from tests.loyalty.postings import award
from tests.tampering import take_the_guards_off


def _entry(floor: Floor, player: Player, *, days_ago: int) -> LedgerEntry:
    return LedgerEntry.objects.get(pk=award(floor, player, at=floor.ago(days=days_ago)).entry_id)


def _pages(client: Client, entry: LedgerEntry) -> dict[str, str]:
    addresses = {
        "ledger": list_url(LedgerEntry),
        "entry": page_url(entry),
        "account": page_url(entry.account),
        "player": page_url(entry.account.player),
        "trace": reverse("trace:story", args=[entry.correlation_id]),
    }
    return {name: client.get(address).content.decode() for name, address in addresses.items()}


@pytest.fixture
def reader(floor: Floor) -> Client:
    return signed_in(floor.supervisor, AUDITOR, PIT_SUPERVISOR)


class TestRecordedAt:
    def test_is_shown_where_the_entry_happened_earlier(self, floor: Floor, player: Player, reader: Client) -> None:
        entry = _entry(floor, player, days_ago=2)

        pages = _pages(reader, entry)

        with timezone.override(floor.casino.zone):
            instants = {display.exact_moment(entry.created_at), display.exact_moment(entry.recorded_at)}
            said = f"recorded {display.moment(entry.recorded_at)}"
        page_of_entry = pages.pop("entry")
        assert {instant for instant in instants if instant in page_of_entry} == instants
        assert {name for name, page in pages.items() if said in page} == set(pages)

    def test_is_not_shown_where_both_agree(self, floor: Floor, player: Player, reader: Client) -> None:
        pages = _pages(reader, _entry(floor, player, days_ago=0))

        assert {name for name, page in pages.items() if "recorded " in page} == set()

    def test_is_said_to_be_unknown_of_old_entries(self, floor: Floor, player: Player, reader: Client) -> None:
        entry = _entry(floor, player, days_ago=0)
        take_the_guards_off()
        sql("UPDATE loyalty_ledger SET chain_version = 1, recorded_at = NULL")

        pages = _pages(reader, entry)

        assert "not known: this entry is older" in pages.pop("entry")
        assert {name for name, page in pages.items() if "recording time not known" in page} == set(pages)


class TestLateActs:
    def test_are_marked_with_who_recorded_them(self, floor: Floor, reader: Client) -> None:
        """A slip that is closed late while it is paused has no segment that ends with the closing."""
        slip = floor.open_slip()
        record_buy_in(slip=slip, amount=Decimal(500), actor=floor.supervisor, at=floor.ago(minutes=50))
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=40))
        complete_rating_slip(slip=slip, actor=floor.supervisor, at=floor.ago(minutes=30))
        slip.refresh_from_db()

        desk, tablet = (html_of(reader.get(page)) for page in (page_url(slip), reverse("floor:slip", args=[slip.pk])))

        story = story_of(slip.correlation_id, staff=floor.supervisor)
        assert story is not None
        bought_in = next(event for event in story.events if "Buy-in" in event.words)
        assert (bought_in.recorded[:9], bought_in.by) == ("recorded ", floor.supervisor)
        with timezone.override(floor.casino.zone):
            closed_at = display.exact_moment(slip.closed_at)
        assert f"{closed_at}, recorded" in desk
        assert f"by {floor.supervisor.display_name}, recorded" in tablet.partition("Closed at")[2]
