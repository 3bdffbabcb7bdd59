"""The ledger's pages: read, searched, filtered, and never changed."""

import uuid
from datetime import date, timedelta
from itertools import chain
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import keyset
from core.keyset import page_of
from core.models import Player, RequestOrigin
from core.player_search import PLAYERS_WITH_ROWS_MAX
from loyalty.admin import audit
from loyalty.models import LedgerEntry, PlayerLoyalty
from loyalty.services import manual_reward
from ratingslips.models import RatingSlip
from ratingslips.services import complete_rating_slip
from tests.console import address, inline_code_in, shown_in, statements_for
from tests.floor import Floor
from tests.loyalty.postings import increment
from tests.loyalty.rows import account_of, entry, write_history
from tests.properties import property_settings
from tests.replacing import replace

LIST = "changelist"
REASON = "Comp for the long wait at the cage"
MOST_STATEMENTS = 15  # each kind of row that a page prefetches is one
MOST_STATEMENTS_OF_AN_ENTRY = 9
MOST_PAGES = 10
ASKED = (
    *(
        "q",
        "kind",
        "staff",
        "reason_code",
        "first_day",
        "last_day",
        "least_points",
        "most_points",
        "tier_change",
        "recovered",
    ),
    *("account", "before", "after", "e", "o", "p", "all", "_popup", "pk__in", "account__id__exact"),
)


def awarded(floor: Floor, points: int = 100, player: Player | None = None) -> LedgerEntry:
    player = player or floor.player()
    posting = manual_reward(player=player, points=points, reason=REASON, actor=floor.supervisor, at=floor.now)
    return LedgerEntry.objects.get(pk=posting.entry_id)


def from_play(floor: Floor) -> LedgerEntry:
    complete_rating_slip(slip=floor.played_slip(), actor=floor.boss, at=floor.now)
    return LedgerEntry.objects.get(kind="GAMEPLAY")


def listed(client: Client, **asked: Any) -> list[str]:
    """The numbers of the entries that the list shows, as it shows them."""
    page = client.get(address(LedgerEntry, LIST), asked)
    assert page.status_code == 200
    return [row[0] for row in shown_in(page)]


class TestLedgerList:
    def test_shows_who_got_what_from_whom(self, floor: Floor, auditor: Client) -> None:
        entry = awarded(floor, points=1500)

        page = auditor.get(address(LedgerEntry, LIST))

        [row] = shown_in(page)
        card = entry.account.player.card_number
        assert row[0] == f"#{entry.pk}"
        assert row[2:6] == [f"Nguyễn, José {card}", "Manual bonus", "+1,500", "0 → 1,500"]
        assert row[6:9] == ["Bronze → Silver ▲", floor.supervisor.username, REASON]
        assert inline_code_in(page) == []

    def test_names_the_system_where_no_person_posted(self, floor: Floor, auditor: Client) -> None:
        from_play(floor)

        [row] = shown_in(auditor.get(address(LedgerEntry, LIST)))

        assert row[7] == "system"

    @pytest.mark.parametrize(
        "term", ["#", "card", "correlation id", "a trusted caller's id", "name", "part of the name"]
    )
    def test_is_searched_by(self, floor: Floor, auditor: Client, term: str) -> None:
        awarded(floor, player=floor.player(card_number="C-1"))
        entry = awarded(floor, player=floor.player(first_name="Zoë", last_name="Brontë"))
        outside = RequestOrigin.objects.create(
            correlation_id=entry.correlation_id, outside_correlation_id=uuid.uuid4(), method="COMMAND", origin="/"
        )
        terms = {
            "a trusted caller's id": str(outside.outside_correlation_id),
            "#": f"#{entry.pk}",
            "card": entry.account.player.card_number,
            "correlation id": str(entry.correlation_id).upper(),
            "name": "zoe bronte",
            "part of the name": "ront",
        }

        assert f"#{entry.pk}" in listed(auditor, q=terms[term])
        assert len(listed(auditor, q=terms[term])) == 1

    @pytest.mark.parametrize("term", ["99999999999999999999999", "#99999999999999999999999", "#x", "nobody", "%", "¿"])
    def test_finds_nothing_for(self, floor: Floor, auditor: Client, term: str) -> None:
        awarded(floor)

        assert listed(auditor, q=term) == []

    def test_is_filtered_by_kind_and_gaming_day(self, floor: Floor, auditor: Client) -> None:
        awarded(floor)
        played = from_play(floor)
        day = played.gaming_day

        assert listed(auditor, kind="GAMEPLAY", first_day=day, last_day=day) == [f"#{played.pk}"]
        assert listed(auditor, last_day=day - timedelta(days=1)) == []
        assert listed(auditor, first_day=day + timedelta(days=1)) == []

    def test_is_filtered_by_who_posted(self, floor: Floor, auditor: Client) -> None:
        by_hand = awarded(floor)
        played = from_play(floor)

        assert listed(auditor, staff=floor.supervisor.pk) == [f"#{by_hand.pk}"]
        assert listed(auditor, staff="system") == [f"#{played.pk}"]
        assert listed(auditor, staff=floor.boss.pk) == []

    def test_is_filtered_by_points_and_by_change_of_tier(self, floor: Floor, auditor: Client) -> None:
        small, big = awarded(floor, points=10), awarded(floor, points=1_500)
        player = big.account.player
        taken = increment(floor, player, kind=LedgerEntry.Kind.REDEMPTION, points=-1_200)

        assert listed(auditor, least_points="1,000") == [f"#{big.pk}"]
        assert listed(auditor, most_points="−1,000") == [f"#{taken.entry_id}"]
        assert listed(auditor, least_points=0, most_points=10) == [f"#{small.pk}"]
        assert listed(auditor, tier_change="on") == [f"#{big.pk}"]

    def test_is_filtered_by_account_as_the_account_links_to_it(self, floor: Floor, auditor: Client) -> None:
        entry = awarded(floor)
        awarded(floor)

        assert listed(auditor, account=entry.account_id) == [f"#{entry.pk}"]
        assert listed(auditor, account__id__exact=entry.account_id) == [f"#{entry.pk}"]

    @pytest.mark.parametrize(
        ("asked", "words"),
        [
            ({"first_day": "2026-02-30"}, "Write a day as 2026-11-14."),
            ({"first_day": "2026-11-14", "last_day": "2026-11-13"}, "This day is before the first one."),
            ({"least_points": "5", "most_points": "4"}, "This is less than the first number."),
            ({"least_points": "many"}, "Write a whole number, such as 7 or 1,500."),
            ({"kind": "GIFT"}, "Select a valid choice."),
            ({"staff": "0"}, "Select a valid choice."),
            ({"account": "9" * 30}, "The address names no account."),
            ({"q": "\0"}, "Null characters are not allowed."),
        ],
    )
    def test_says_beside_the_field_what_cannot_be_asked(
        self, floor: Floor, auditor: Client, asked: dict[str, str], words: str
    ) -> None:
        awarded(floor)

        page = auditor.get(address(LedgerEntry, LIST), asked)

        assert page.status_code == 200
        assert words in page.content.decode()
        assert shown_in(page) == []

    def test_says_that_a_name_has_many_players_and_exports_none(self, floor: Floor, auditor: Client) -> None:
        for _ in range(PLAYERS_WITH_ROWS_MAX):
            floor.player(last_name="Sokolova")
        few = auditor.get(address(LedgerEntry, LIST), {"q": "sokolova"}).content.decode()
        floor.player(last_name="Sokolova")

        many = auditor.get(address(LedgerEntry, LIST), {"q": "sokolova"}).content.decode()
        exported = auditor.post(f"{address(LedgerEntry, 'export')}?q=sokolova", follow=True).content.decode()

        told = f"{PLAYERS_WITH_ROWS_MAX} of them were looked up."
        assert (told in few, told in many) == (False, True)
        assert "An export would leave out the entries of the others." in exported

    def test_says_what_to_do_where_there_is_nothing(self, floor: Floor, auditor: Client) -> None:
        empty = auditor.get(address(LedgerEntry, LIST)).content.decode()
        awarded(floor)
        narrowed = auditor.get(address(LedgerEntry, LIST), {"kind": "REVERSAL"}).content.decode()

        assert "No points have been posted yet." in empty
        assert "No entry matches." in narrowed

    @pytest.mark.parametrize("asked", [{}, {"first_day": "2020-01-01"}], ids=["by entry", "by gaming day"])
    def test_is_paged_both_ways_without_losing_or_repeating_an_entry(
        self, floor: Floor, auditor: Client, monkeypatch: pytest.MonkeyPatch, asked: dict[str, str]
    ) -> None:
        monkeypatch.setattr(keyset, "PAGE_ROWS", 3)
        _across_days(floor, entries=8)
        ordering = ("-gaming_day", "-id") if asked else ("-id",)
        expected = [f"#{pk}" for pk in LedgerEntry.objects.order_by(*ordering).values_list("pk", flat=True)]

        down = _walk(auditor, asked, "older")
        up = _walk(auditor, {**asked, **_cursor(auditor, asked, "oldest")}, "newer")

        assert list(chain(*down)) == expected
        assert list(chain(*reversed(up))) == expected
        assert [len(page) for page in down] == [3, 3, 2]

    @pytest.mark.parametrize(
        "asked",
        [
            {"least_points": "100", "most_points": "100"},
            {"least_points": "100", "most_points": "100", "first_day": "2020-01-01"},
            {"kind": "PROMOTION", "tier_change": "on"},
            {"kind": "PROMOTION", "account": "{account}"},
            {"kind": "PROMOTION", "q": "{card}"},
        ],
        ids=["by entry", "by gaming day", "by tier change", "of an account", "found"],
    )
    def test_goes_on_with_older_entries_where_few_match(
        self, floor: Floor, auditor: Client, monkeypatch: pytest.MonkeyPatch, asked: dict[str, str]
    ) -> None:
        for name in ("CASINO", "ACCOUNT"):
            monkeypatch.setattr(audit, f"LOOKED_AT_OF_{name}", 3)
        monkeypatch.setattr(audit, "LOOKED_AT_BY_KEYS", 3)
        account = account_of(floor.player())
        rare = [_rare_and_frequent(floor, account, seq=seq) for seq in (1, 7, 13)][::-1]
        asked = {
            name: value.format(account=account.pk, card=account.player.card_number) for name, value in asked.items()
        }

        down = _walk(auditor, asked, "older")
        up = _walk(auditor, {**asked, **_cursor(auditor, asked, "oldest")}, "newer")
        first = auditor.get(address(LedgerEntry, LIST), asked).content.decode()

        assert list(chain(*down)) == list(chain(*reversed(up))) == rare
        assert len(down) > 3
        assert "3 entries were looked at for this page" in first

    @pytest.mark.parametrize("cursor", ["", "x", "-1", "1.2", "9" * 40, "2026-02-30.1", "٣"])
    def test_begins_at_the_top_where_the_address_holds_no_cursor(
        self, floor: Floor, auditor: Client, cursor: str
    ) -> None:
        entry = awarded(floor)

        assert listed(auditor, before=cursor) == listed(auditor, after=cursor) == [f"#{entry.pk}"]

    def test_takes_as_many_statements_for_many_entries_as_for_one(self, floor: Floor, auditor: Client) -> None:
        awarded(floor)
        for_one = statements_for(auditor, address(LedgerEntry, LIST))
        for points in range(1, 6):
            awarded(floor, points=points)

        for_six = statements_for(auditor, address(LedgerEntry, LIST))

        assert for_six == for_one

    @pytest.mark.parametrize(
        "query",
        ["", "?q=700", "?q=%23{pk}", "?kind=GAMEPLAY&tier_change=on&recovered=on", "?before={pk}", "?after=0"],
    )
    def test_takes_few_statements_and_never_counts_or_skips(self, floor: Floor, auditor: Client, query: str) -> None:
        entry = awarded(floor)
        from_play(floor)

        statements = statements_for(auditor, address(LedgerEntry, LIST) + query.format(pk=entry.pk))

        assert len(statements) <= MOST_STATEMENTS, "\n".join(statements)
        assert statements.counts == []
        assert not [sql for sql in statements if "OFFSET" in sql]

    def test_asks_for_less_where_a_page_would_take_too_long(
        self, floor: Floor, auditor: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replace(monkeypatch, page_of, _timed_out)

        page = auditor.get(address(LedgerEntry, LIST), {"least_points": 7})

        assert (page.status_code, "This search takes too long." in page.content.decode()) == (200, True)

    @settings(property_settings, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        asked=st.dictionaries(
            st.sampled_from(ASKED),
            st.one_of(st.text(max_size=60), st.integers().map(str), st.dates().map(str), st.uuids().map(str)),
        )
    )
    def test_answers_whatever_the_address_says(self, floor: Floor, auditor: Client, asked: dict[str, Any]) -> None:
        page = auditor.get(address(LedgerEntry, LIST), asked)

        assert page.status_code == 200


def _timed_out(*_: Any, **__: Any) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SAVEPOINT slow")
        try:
            cursor.execute("SELECT set_config('statement_timeout', '5ms', true), pg_sleep(1)")
            cursor.execute("SELECT pg_sleep(1)")
        finally:
            cursor.execute("ROLLBACK TO SAVEPOINT slow")


def _across_days(floor: Floor, *, entries: int) -> None:
    """Entries whose gaming days do not rise with their numbers, as an import of last week's slips leaves them."""
    for number in range(entries):
        day = date(2026, 11, 1) + timedelta(days=(number * 5) % 3)
        entry(floor, account=account_of(floor.player()), gaming_day=day).save()


def _rare_and_frequent(floor: Floor, account: PlayerLoyalty, *, seq: int) -> str:
    """A promotion of 100 points, then five adjustments, all with a change of tier; gives the number of the first."""
    tier = floor.program.tiers.order_by("-threshold_points").first()
    changed = {"account": account, "tier_after": tier}
    rare = entry(floor, kind="PROMOTION", seq=seq, points=100, balance_after=100, lifetime_points_after=100, **changed)
    rare.save()
    for further in range(1, 6):
        entry(floor, seq=seq + further, **changed).save()
    return f"#{rare.pk}"


def _walk(client: Client, asked: dict[str, str], way: str) -> list[list[str]]:
    """The pages from `asked` on, one after the other."""
    pages: list[list[str]] = []
    query: str | None = "?" + "&".join(f"{name}={value}" for name, value in asked.items())
    while query is not None and len(pages) < MOST_PAGES:
        page = client.get(address(LedgerEntry, LIST) + query)
        pages.append([row[0] for row in shown_in(page)])
        query = page.context["links"].get(way)
    return pages


def _cursor(client: Client, asked: dict[str, str], way: str) -> dict[str, str]:
    link = client.get(address(LedgerEntry, LIST), asked).context["links"][way]
    return dict([link.removeprefix("?").split("&")[-1].split("=")])


class TestLedgerEntryPage:
    def test_writes_the_calculation_out_and_leads_to_the_slip(self, floor: Floor, auditor: Client) -> None:
        player = floor.player()
        awarded(floor, points=1_000, player=player)
        complete_rating_slip(slip=floor.played_slip(player=player), actor=floor.boss, at=floor.now)
        entry = LedgerEntry.objects.get(kind="GAMEPLAY")

        page = auditor.get(address(LedgerEntry, "change", entry.pk))

        html = page.content.decode()
        assert "57.75 × 10 × 1.25 = 721.875 → <strong>722</strong>" in html
        assert address(RatingSlip, "change", RatingSlip.objects.get().pk) in html
        assert (str(entry.correlation_id) in html, entry.idempotency_key in html) == (True, True)
        assert ("31.5000" in html, "26.2500" in html, "57.75" in html) == (True, True, True)
        for name in ("theoretical win", "points per unit", "multiplier", "exact points", "house edge percent"):
            assert f"<dt>{name}</dt>" in html
        assert inline_code_in(page) == []

    def test_says_that_an_award_was_given_as_a_number(self, floor: Floor, auditor: Client) -> None:
        entry = awarded(floor)

        html = auditor.get(address(LedgerEntry, "change", entry.pk)).content.decode()

        assert "Entered as a number of points:" in html
        assert "The play it was for" not in html

    def test_shows_a_reversal_from_both_sides(self, floor: Floor, auditor: Client) -> None:
        first = awarded(floor)
        posting = increment(
            floor, first.account.player, kind=LedgerEntry.Kind.REVERSAL, points=-first.points, reverses=first
        )

        html = auditor.get(address(LedgerEntry, "change", first.pk)).content.decode()
        html_of_reversal = auditor.get(address(LedgerEntry, "change", posting.entry_id)).content.decode()

        assert f'<dt>Reversed by</dt><dd><a href="{address(LedgerEntry, "change", posting.entry_id)}">' in html
        assert f'<dt>Reverses</dt><dd><a href="{address(LedgerEntry, "change", first.pk)}">' in html_of_reversal

    def test_shows_the_instant_to_the_second_with_its_zone(self, floor: Floor, auditor: Client) -> None:
        entry = awarded(floor)

        html = auditor.get(address(LedgerEntry, "change", entry.pk)).content.decode()

        with timezone.override(floor.casino.zone):
            assert f"{timezone.localtime(entry.created_at):%H:%M:%S %Z}" in html

    def test_takes_as_many_statements_for_any_length_of_history(self, floor: Floor, auditor: Client) -> None:
        player = floor.player()
        write_history(floor, account_of(player), entries=60)
        complete_rating_slip(slip=floor.played_slip(player=player), actor=floor.boss, at=floor.now)
        entry = LedgerEntry.objects.get(kind="GAMEPLAY")

        statements = statements_for(auditor, address(LedgerEntry, "change", entry.pk))

        assert len(statements) <= MOST_STATEMENTS_OF_AN_ENTRY, "\n".join(statements)
