"""The player's page: account, live slip, entries, visits and what they were worth."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core.console.links import list_url, page_url
from core.models import Change, Player
from core.roles import AUDITOR, PIT_BOSS
from loyalty.models import PlayerLoyalty
from loyalty.services import manual_reward
from ratingslips.admin.players import visits as visits_module
from ratingslips.admin.players.player import ENTRIES_SHOWN
from ratingslips.admin.players.visits import read_visits
from ratingslips.models import RatingSlip
from ratingslips.services import (
    change_average_bet,
    complete_rating_slip,
    continue_rating_slip,
    pause_rating_slip,
    recover_slip_loyalty,
    resume_rating_slip,
)
from tests.buffers import buffers_read
from tests.console import address, html_of, inline_code_in, signed_in, statements_for
from tests.factories import StaffFactory
from tests.floor import Floor
from tests.loyalty.rows import account_of, write_history
from tests.ratingslips.corrections import REASON, closed, correct, last_at, void
from tests.ratingslips.test_home import owe
from tests.statements import assert_at_most
from tests.tampering import misstate

MOST_STATEMENTS = 12


def played(
    floor: Floor, player: Player, *, begin: datetime, hours: float = 1, bet: str = "40.00", **money: Any
) -> RatingSlip:
    """A closed slip of a player."""
    slip = floor.open_slip(player=player, average_bet=Decimal(bet), at=begin)
    complete_rating_slip(slip=slip, actor=floor.boss, at=begin + timedelta(hours=hours), **money)
    return RatingSlip.objects.get(pk=slip.pk)


class TestPlayerPage:
    def test_is_where_a_players_name_leads(self, player: Player, supervisor: Client) -> None:
        listed = supervisor.get(address(Player, "changelist")).content.decode()

        assert page_url(player) == reverse("desk:player", args=[player.pk]) == f"/console/players/{player.pk}/"
        assert f'href="{page_url(player)}"' in listed

    def test_is_linked_from_the_account_list_s_name_not_card(self, floor: Floor, supervisor: Client) -> None:
        account = account_of(floor.player())

        listed = supervisor.get(address(PlayerLoyalty, "changelist")).content.decode()

        assert f'href="{page_url(account.player)}"><bdi>Nguyễn, José</bdi></a>' in listed
        assert f'href="{page_url(account)}">{account.player.card_number}</a>' in listed

    def test_is_where_a_name_leads_that_an_action_asks_about(self, slip: RatingSlip, supervisor: Client) -> None:
        asked = supervisor.post(
            address(RatingSlip, "changelist"), {"action": "complete", "_selected_action": [str(slip.pk)]}
        )

        assert f'href="{page_url(slip.player)}"' in asked.content.decode()

    def test_leads_the_auditor_to_the_changes_of_the_player(self, floor: Floor, auditor: Client) -> None:
        player = floor.player()
        page = auditor.get(page_url(player))

        history = next(link.url for link in page.context["links"] if link.label == "History")

        assert list_url(Change, of=f"core_player:{player.pk}") in unescape(html_of(auditor.get(history)))

    def test_shows_balance_tier_and_what_is_missing_to_the_next(self, floor: Floor, supervisor: Client) -> None:
        player = floor.player()
        manual_reward(player=player, points=1_500, reason="Long wait for a seat", actor=floor.supervisor, at=floor.now)
        write_history(floor, account_of(floor.player()), entries=1)
        silver = floor.program.tiers.get(name="Silver")
        misstate(PlayerLoyalty.objects.filter(player=player), balance=1_500, lifetime_points=3_000, tier=silver)

        html = supervisor.get(page_url(player)).content.decode()

        assert '<span class="figure">1,500</span>' in html
        assert '<progress max="100" value="50"' in html
        assert "Progress from Silver to Gold" in html
        assert "2,000 points to go" in html

    def test_says_that_the_highest_tier_is_reached(self, floor: Floor, supervisor: Client) -> None:
        player, highest = floor.player(), floor.program.tiers.get(name="Platinum")
        many = {"balance": 1_234_567, "lifetime_points": 1_234_567, "tier": highest}
        misstate(PlayerLoyalty.objects.filter(player=player), **many)

        html = supervisor.get(page_url(player)).content.decode()

        assert "The highest tier is reached." in html
        assert "1,234,567" in html

    def test_shows_the_live_slip_with_place_and_bet(self, floor: Floor, supervisor: Client) -> None:
        slip = floor.open_slip(average_bet=Decimal("1250.00"))

        page = supervisor.get(page_url(slip.player))

        html = page.content.decode()
        assert page.context["live"].pk == slip.pk
        assert slip.place in html
        assert "1,250.00" in html
        assert reverse("floor:slip", args=[slip.pk]) in html

    def test_says_what_is_not_there_yet(self, floor: Floor, supervisor: Client) -> None:
        page = supervisor.get(page_url(floor.player()))

        html = page.content.decode()
        for words in (
            "Not at a table just now.",
            "No visit yet.",
            "No points have been posted yet.",
            "there is no ADT",
        ):
            assert words in html
        assert inline_code_in(page) == []

    def test_shows_every_entry_with_why_who_and_before_and_after(self, floor: Floor, supervisor: Client) -> None:
        player = floor.player()
        floor.supervisor.first_name, floor.supervisor.last_name = "Ruth", "Okonkwo"
        floor.supervisor.save()
        slip = played(floor, player, begin=floor.ago(hours=2))
        manual_reward(
            player=player, points=1_500, reason="Long wait <for> a seat", actor=floor.supervisor, at=floor.now
        )

        html = supervisor.get(page_url(player)).content.decode()

        entries = html.partition('id="entries"')[2]
        assert entries.index("Long wait &lt;for&gt; a seat") < entries.index(f"Play on slip {slip.slip_number}")
        assert "Ruth Okonkwo" in entries
        assert f"system, slip closed by {floor.boss.username}" in entries
        assert '<span class="figure">210</span> → <span class="figure">1,710</span>' in entries
        assert "Bronze → Silver" in entries

    def test_shows_corrections_that_have_no_entry(self, floor: Floor, supervisor: Client) -> None:
        slip = floor.played_slip()
        void(floor, slip)
        other = closed(floor, floor.played_slip(seat=2))
        correct(floor, other, last_at(other, 200))

        page, others = (html_of(supervisor.get(page_url(each.player))) for each in (slip, other))

        shown = page.partition('id="corrections"')[2]
        assert [words in shown for words in (slip.slip_number, "Voided", "The slip was live", REASON)] == [True] * 4
        assert 'id="corrections"' not in others

    def test_says_who_recovered_an_entry(self, floor: Floor, supervisor: Client) -> None:
        [slip] = owe(floor)
        supervisor.post(reverse("desk:pay"), {"slip": slip.pk})

        html = supervisor.get(page_url(slip.player)).content.decode()

        assert f"system, recovered by {floor.supervisor.username}" in html

    def test_goes_on_with_older_entries_below_the_last(self, floor: Floor, player: Player, supervisor: Client) -> None:
        write_history(floor, account_of(player), entries=ENTRIES_SHOWN + 2)

        first = supervisor.get(page_url(player))
        older = supervisor.get(page_url(player), {"before": first.context["entries"].older_than})

        assert [entry.seq for entry, *_ in first.context["entries"].rows] == list(range(ENTRIES_SHOWN + 2, 2, -1))
        assert [entry.seq for entry, *_ in older.context["entries"].rows] == [2, 1]
        assert "?before=3#entries" in first.content.decode()
        assert "Older entries" not in older.content.decode()
        assert "Newest entries" in older.content.decode()

    @pytest.mark.parametrize("before", ["", "x", "-1", "²", "9" * 40, "9" * 5_000, "1.5", "\0"])
    def test_begins_at_the_newest_where_the_address_makes_no_sense(
        self, floor: Floor, player: Player, supervisor: Client, before: str
    ) -> None:
        write_history(floor, account_of(player), entries=1)

        page = supervisor.get(page_url(player), {"before": before})

        assert [entry.seq for entry, *_ in page.context["entries"].rows] == [1]

    def test_says_where_the_entries_end(self, floor: Floor, supervisor: Client) -> None:
        page = supervisor.get(page_url(floor.player()), {"before": "1"})

        assert "There are no older entries." in page.content.decode()

    @pytest.mark.parametrize(
        ("role", "labels"),
        [
            (PIT_BOSS, ["To the floor", "Loyalty account"]),
            (AUDITOR, ["To the floor", "Loyalty account", "History"]),
        ],
    )
    def test_offers_what_the_role_may_do(self, floor: Floor, role: str, labels: list[str]) -> None:
        user = floor.boss if role == PIT_BOSS else StaffFactory.create(casino=floor.casino)
        client = signed_in(user, role)

        page = client.get(page_url(floor.player()))

        assert [link.label for link in page.context["links"]] == labels

    def test_offers_a_supervisor_to_award_and_to_change(self, floor: Floor, supervisor: Client) -> None:
        page = supervisor.get(page_url(floor.player()))

        labels = [link.label for link in page.context["links"]]
        assert labels == [
            "Award points",
            "Redeem points",
            "Adjust points",
            "To the floor",
            "Loyalty account",
            "Change details",
            "History",
        ]
        assert all(supervisor.get(link.url, follow=True).status_code == 200 for link in page.context["links"])

    @pytest.mark.parametrize("status", ["BARRED", "INACTIVE"])
    def test_leads_nobody_to_the_floor_who_may_not_play(self, floor: Floor, supervisor: Client, status: str) -> None:
        page = supervisor.get(page_url(floor.player(status=status)))

        assert "To the floor" not in [link.label for link in page.context["links"]]

    def test_keeps_names_of_a_hundred_signs(self, floor: Floor, supervisor: Client) -> None:
        player = floor.player(last_name="L" * 100, first_name="<i>" + "F" * 97)

        html = supervisor.get(page_url(player)).content.decode()

        assert f"{'L' * 100}, &lt;i&gt;{'F' * 97}" in html
        assert "<i>F" not in html

    def test_draws_the_chart_with_title_description_and_table(self, floor: Floor, supervisor: Client) -> None:
        player = floor.player()
        played(floor, player, begin=floor.ago(hours=3), buy_in=Decimal(5_000), chips_out=Decimal(1_200))

        page = supervisor.get(page_url(player))

        html = page.content.decode()
        assert 'role="img" aria-labelledby="chart-title chart-desc"' in html
        assert "actual win 3,800.00 in all" in html
        assert "<summary>The chart as a table</summary>" in html
        assert inline_code_in(page) == []

    @pytest.mark.parametrize(
        ("asked", "days", "link"),
        [("", 14, "Older visits"), ("?visits=1999-01-01", 0, "Newest visits"), ("?visits=0", 14, "Older visits")],
    )
    def test_has_pages_of_visits(self, floor: Floor, supervisor: Client, asked: str, days: int, link: str) -> None:
        player = floor.player()
        for ago in range(16, 1, -1):
            played(floor, player, begin=floor.ago(days=ago), hours=1)

        page = supervisor.get(page_url(player) + asked)

        assert len(page.context["visits"].days) == days
        assert f"{link}</a>" in html_of(page)
        assert "÷ 15." in html_of(page)

    def test_takes_few_statements_however_long_the_history(self, floor: Floor, supervisor: Client) -> None:
        new = floor.open_slip(seat=2).player
        few = statements_for(supervisor, page_url(new))
        regular = floor.player()
        write_history(floor, account_of(regular), entries=120)
        for days in range(9, 1, -1):
            played(floor, regular, begin=floor.ago(days=days))

        many = statements_for(supervisor, page_url(regular))

        assert_at_most(MOST_STATEMENTS, few)
        assert_at_most(MOST_STATEMENTS, many)
        assert many.counts == [sql for sql in many if "newest" in sql]


class TestReadVisits:
    def test_adds_up_a_gaming_day(self, floor: Floor, player: Player) -> None:
        slip = floor.open_slip(player=player, average_bet=Decimal("40.00"), at=floor.ago(minutes=100))
        change_average_bet(slip=slip, average_bet=Decimal("100.00"), actor=floor.boss, at=floor.ago(minutes=70))
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=60))
        resume_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=20))
        complete_rating_slip(
            slip=slip, actor=floor.boss, at=floor.now, buy_in=Decimal(500), chips_out=Decimal("620.50")
        )

        visits = read_visits(player, now=floor.now)

        [day] = visits.days
        closed = RatingSlip.objects.get(pk=slip.pk)
        assert closed.ledger_entry is not None
        assert (day.gaming_day, day.slips, day.closed, day.counted) == (closed.gaming_day, 1, 1, 1)
        assert (day.played, day.average_bet) == (timedelta(minutes=60), Decimal("70.00"))
        assert (day.theo, day.points) == (closed.theoretical_win, closed.ledger_entry.points)
        assert day.actual_win == Decimal("-120.50")

    def test_counts_actual_win_only_where_both_sides_were_written_down(self, floor: Floor, player: Player) -> None:
        at = floor.casino.gaming_day_span(floor.casino.gaming_day_at(floor.ago(days=2)))[0]
        played(floor, player, begin=at, buy_in=Decimal(100))
        played(floor, player, begin=at + timedelta(hours=2), buy_in=Decimal(100), chips_out=Decimal(0))

        [day] = read_visits(player, now=floor.now).days

        assert (day.closed, day.counted, day.actual_win) == (2, 1, Decimal(100))

    def test_leaves_a_live_slip_out_of_theo_and_adt(self, floor: Floor, player: Player) -> None:
        played(floor, player, begin=floor.ago(days=3), hours=2)
        floor.open_slip(player=player, at=floor.ago(minutes=30))

        visits = read_visits(player, now=floor.now)

        live, past = visits.days
        assert (live.closed, live.theo, live.played) == (0, None, timedelta(minutes=30))
        assert visits.average_daily_theo == past.theo == Decimal("42.00")

    def test_divides_theo_by_gaming_days_and_not_by_slips(self, floor: Floor, player: Player) -> None:
        first = floor.casino.gaming_day_span(floor.casino.gaming_day_at(floor.ago(days=3)))[0]
        played(floor, player, begin=first, hours=1)
        played(floor, player, begin=first + timedelta(hours=3), hours=1)
        played(floor, player, begin=first + timedelta(days=1, hours=2), hours=3)

        visits = read_visits(player, now=floor.now)

        assert visits.theo == Decimal("105.00")
        assert visits.average_daily_theo == Decimal("52.50")

    def test_counts_a_slip_and_its_continuations_as_one_visit(self, floor: Floor, player: Player) -> None:
        day = floor.casino.gaming_day_at(floor.now)
        slip = floor.open_slip(player=player, at=floor.casino.gaming_day_span(day)[0] - timedelta(hours=1))
        closing: dict[str, Any] = {"actor": floor.boss, "at": floor.now, "long_play_confirmed": True}
        for _ in range(2):
            complete_rating_slip(slip=slip, **closing)
            slip = continue_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        visits = read_visits(player, now=floor.now)

        [visit] = visits.days
        assert slip.gaming_day == day
        assert (visit.visits, visit.slips, visit.closed) == (1, 3, 2)
        assert visit.gaming_day == day - timedelta(days=1)
        assert visits.average_daily_theo == visits.theo

    @pytest.mark.parametrize(
        ("begin", "day"),
        [
            (datetime(2026, 3, 8, 9, 30, tzinfo=UTC), date(2026, 3, 7)),  # 01:30 PST, clocks go forward at 02:00
            (datetime(2026, 11, 1, 8, 30, tzinfo=UTC), date(2026, 10, 31)),  # 01:30 PDT, clocks go back at 02:00
        ],
    )
    def test_counts_real_hours_when_the_clocks_change(self, floor: Floor, begin: datetime, day: date) -> None:
        player = floor.player()
        played(floor, player, begin=begin, hours=2)

        [visit] = read_visits(player, now=floor.now).days

        assert (visit.gaming_day, visit.played, visit.theo) == (day, timedelta(hours=2), Decimal("42.00"))

    def test_is_bounded_by_gaming_days(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(visits_module, "MAX_DAYS", 2)
        player = floor.player()
        for days in (7, 5, 3):
            played(floor, player, begin=floor.ago(days=days))

        visits = read_visits(player, now=floor.now)

        assert (len(visits.days), visits.has_older) == (2, True)
        assert visits.days[0].gaming_day > visits.days[1].gaming_day

    def test_has_pages_of_few_slips_and_adt_of_all_days(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(visits_module, "SLIPS_SHOWN", 2)
        player = floor.player()
        first = floor.casino.gaming_day_span(floor.casino.gaming_day_at(floor.ago(days=9)))[0]
        begins = [first, *(first + timedelta(days=2, hours=2 * number) for number in range(3))]
        for begin in (*begins, first + timedelta(days=4)):
            played(floor, player, begin=begin, buy_in=Decimal(50), chips_out=Decimal(0))

        pages = [newest := read_visits(player, now=floor.now)]
        while pages[-1].older:
            pages.append(read_visits(player, now=floor.now, until=pages[-1].older))

        assert [[day.slips for day in page.days] for page in pages] == [[1], [3], [1]]
        assert [page.actual_win for page in pages] == [Decimal(50), Decimal(150), Decimal(50)]
        assert [page.is_first_page for page in pages] == [True, False, False]
        assert {(page.theo, page.average_daily_theo, page.has_older) for page in pages} == {
            (5 * newest.theo_shown, (5 * newest.theo_shown / 3).quantize(Decimal("0.01")), False)
        }

    def test_never_shows_a_day_with_a_part_of_its_slips(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(visits_module, "MAX_SLIPS", 2)
        player = floor.player()
        at = floor.casino.gaming_day_span(floor.casino.gaming_day_at(floor.ago(days=5)))[0]
        for begin in (at, at + timedelta(hours=2), at + timedelta(days=2)):
            played(floor, player, begin=begin)

        visits = read_visits(player, now=floor.now)

        assert [day.slips for day in visits.days] == [1]
        assert visits.has_older

    def test_reads_little_more_of_who_has_many_slips(self, floor: Floor) -> None:
        player, read = floor.player(), []
        for number in range(28):
            played(floor, player, begin=floor.ago(hours=24 * 8 - 5 * number))
            if number in {13, 27}:
                read.append(sum(buffers for buffers, _ in buffers_read(lambda: read_visits(player, now=floor.now))))

        assert read[1] - read[0] < 2 * 14

    def test_knows_nothing_of_other_players(self, floor: Floor) -> None:
        played(floor, floor.player(), begin=floor.ago(hours=2))

        assert read_visits(floor.player(), now=floor.now).days == []


class TestPointsOwed:
    @pytest.mark.parametrize("page", ["player", "account", "award"])
    def test_are_shown_where_somebody_might_award_them(self, floor: Floor, supervisor: Client, page: str) -> None:
        slip = floor.owed_slip()
        account = account_of(slip.player)
        url = {
            "player": page_url(slip.player),
            "account": page_url(account),
            "award": address(PlayerLoyalty, "award", account.pk),
        }[page]

        html = html_of(supervisor.get(url))

        assert "1 slip is owed about <strong>578 points</strong>" in html
        assert "do not award them by hand" in html
        assert f'<a href="{page_url(slip)}">{slip.slip_number}</a>' in html
        assert "<td>the programme was paused</td>" in html
        assert "or with an award" not in html

    def test_are_not_shown_once_they_are_paid(self, floor: Floor, supervisor: Client) -> None:
        slip = floor.owed_slip()
        recover_slip_loyalty(slip=slip, actor=floor.supervisor, at=floor.now)

        assert "Points owed" not in html_of(supervisor.get(page_url(slip.player)))
