"""The ledger's pages: read, searched, filtered, and never changed."""

import pytest
from django.test import Client
from django.utils import timezone

from core.console import lists
from core.roles import AUDITOR
from loyalty.models import LedgerEntry
from loyalty.services import manual_reward
from ratingslips.models import RatingSlip
from ratingslips.services import complete_rating_slip
from tests.console import address, inline_code_in, shown_in, signed_in, statements_for
from tests.factories import StaffFactory
from tests.floor import Floor

LIST = "changelist"
REASON = "Comp for the long wait at the cage"


@pytest.fixture
def auditor(floor: Floor) -> Client:
    """The auditor's browser."""
    return signed_in(StaffFactory.create(casino=floor.casino), AUDITOR)


def awarded(floor: Floor, points: int = 100) -> LedgerEntry:
    player = floor.player()
    posting = manual_reward(player=player, points=points, reason=REASON, actor=floor.supervisor, at=floor.now)
    return LedgerEntry.objects.get(pk=posting.entry_id)


def from_play(floor: Floor) -> LedgerEntry:
    complete_rating_slip(slip=floor.played_slip(), actor=floor.boss, at=floor.now)
    return LedgerEntry.objects.get(kind="GAMEPLAY")


class TestLedgerList:
    def test_shows_who_got_what_from_whom(self, floor: Floor, auditor: Client) -> None:
        entry = awarded(floor, points=1500)

        [row] = shown_in(auditor.get(address(LedgerEntry, LIST)))

        card = entry.account.player.card_number
        assert row[0] == f"#{entry.pk}"
        assert row[2:6] == [f"Nguyễn, José ({card})", "Manual bonus", "+1,500", "0 → 1,500"]
        assert row[6:8] == ["Bronze → Silver", floor.supervisor.username]
        assert row[9] == str(entry.correlation_id)[:8]

    def test_names_the_system_where_no_person_posted(self, floor: Floor, auditor: Client) -> None:
        from_play(floor)

        [row] = shown_in(auditor.get(address(LedgerEntry, LIST)))

        assert row[7] == "system"

    @pytest.mark.parametrize("term", ["entry", "card", "correlation id"])
    def test_is_searched_by(self, floor: Floor, auditor: Client, term: str) -> None:
        awarded(floor)
        entry = awarded(floor)
        terms = {"entry": f"#{entry.pk}", "card": entry.account.player.card_number}

        page = auditor.get(address(LedgerEntry, LIST), {"q": terms.get(term, str(entry.correlation_id))})

        assert [row[0] for row in shown_in(page)] == [f"#{entry.pk}"]

    @pytest.mark.parametrize("term", ["99999999999999999999999", "nobody", "%", "é"])
    def test_finds_nothing_for(self, floor: Floor, auditor: Client, term: str) -> None:
        awarded(floor)

        page = auditor.get(address(LedgerEntry, LIST), {"q": term})

        assert (page.status_code, shown_in(page)) == (200, [])

    def test_is_filtered_by_kind_and_gaming_day(self, floor: Floor, auditor: Client) -> None:
        awarded(floor)
        played = from_play(floor)
        day = played.gaming_day.isoformat()

        page = auditor.get(address(LedgerEntry, LIST), {"kind__exact": "GAMEPLAY", "gaming_day": day})
        day_before = auditor.get(address(LedgerEntry, LIST), {"gaming_day": "1999-12-31"})

        assert [row[0] for row in shown_in(page)] == [f"#{played.pk}"]
        assert shown_in(day_before) == []

    def test_takes_as_many_statements_for_many_entries_as_for_one(self, floor: Floor, auditor: Client) -> None:
        awarded(floor)
        for_one = statements_for(auditor, address(LedgerEntry, LIST))
        for points in range(1, 6):
            awarded(floor, points=points)

        for_six = statements_for(auditor, address(LedgerEntry, LIST))

        assert for_six == for_one

    def test_never_counts_the_whole_ledger(self, floor: Floor, auditor: Client) -> None:
        awarded(floor)

        counts = statements_for(auditor, address(LedgerEntry, LIST)).counts

        assert counts
        assert all("LIMIT" in sql for sql in counts)

    def test_ends_at_the_most_rows_that_a_list_shows(
        self, floor: Floor, auditor: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for points in range(1, 5):
            awarded(floor, points=points)
        monkeypatch.setattr(lists, "LISTED_ROWS_MAX", 3)

        page = auditor.get(address(LedgerEntry, LIST))

        assert page.context["cl"].result_count == 3

    def test_hides_the_entries_of_another_casino(self, floor: Floor) -> None:
        awarded(floor)
        stranger = signed_in(StaffFactory.create(), AUDITOR)

        page = stranger.get(address(LedgerEntry, LIST))

        assert shown_in(page) == []


class TestLedgerEntryPage:
    def test_shows_all_that_the_points_were_made_of_and_leads_to_the_slip(self, floor: Floor, auditor: Client) -> None:
        entry = from_play(floor)

        page = auditor.get(address(LedgerEntry, "change", entry.pk))

        html = page.content.decode()
        assert address(RatingSlip, "change", RatingSlip.objects.get().pk) in html
        assert (str(entry.correlation_id) in html, entry.idempotency_key in html) == (True, True)
        for name in ("theoretical win", "points per unit", "multiplier", "exact points", "house edge percent"):
            assert f"<dt>{name}</dt>" in html
        assert inline_code_in(page) == []

    def test_shows_the_instant_to_the_second_with_its_zone(self, floor: Floor, auditor: Client) -> None:
        entry = awarded(floor)

        html = auditor.get(address(LedgerEntry, "change", entry.pk)).content.decode()

        with timezone.override(floor.casino.zone):
            assert f"{timezone.localtime(entry.created_at):%H:%M:%S %Z}" in html

    def test_does_not_open_a_guessed_address_of_another_casino(self, floor: Floor) -> None:
        entry = awarded(floor)
        stranger = signed_in(StaffFactory.create(), AUDITOR)

        answer = stranger.get(address(LedgerEntry, "change", entry.pk))

        assert (answer.status_code, REASON in answer.content.decode()) == (302, False)

    def test_shows_a_reason_as_text_and_never_as_code(self, floor: Floor, auditor: Client) -> None:
        player = floor.player()
        reason = "<script>alert('points')</script>"
        manual_reward(player=player, points=5, reason=reason, actor=floor.supervisor, at=floor.now)

        page = auditor.get(address(LedgerEntry, "change", LedgerEntry.objects.get().pk))

        assert "<script>alert" not in page.content.decode()
