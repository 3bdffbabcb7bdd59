"""Undo on the floor: what is offered, the two taps, and the page for the wrong player."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from core.console.links import page_url
from core.models import Player
from core.reasons.defaults import add_default_codes
from ratingslips.admin.floor.undo import recent_offers
from ratingslips.admin.trace.story import story_of
from ratingslips.models import GamingTable, RatingSlip
from ratingslips.services import (
    ChosenTime,
    change_average_bet,
    complete_rating_slip,
    continue_rating_slip,
    pause_rating_slip,
    reassign_rating_slip,
    void_rating_slip,
)
from tests.console import address, html_of, said, shown_in
from tests.factories import PitFactory, TableFactory
from tests.floor import Floor, give_rights
from tests.ratingslips.corrections import silver_and_spent
from tests.second_factors import long_ago


def floor_page(floor: Floor, client: Client, **query: str) -> Any:
    return client.get(reverse("floor:pit", args=[floor.pit.pk]), query)


def tap(client: Client, slip: RatingSlip, do: str) -> Any:
    return client.post(reverse("floor:undo", args=[slip.pk]), {"do": do})


def closed(floor: Floor, **arguments: Any) -> RatingSlip:
    slip = floor.played_slip(**arguments)
    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
    slip.refresh_from_db()
    return slip


def offered(page: Any) -> list[tuple[str, str]]:
    """What the buttons of the page undo, and how, in the order of the page."""
    return re.findall(r'/([0-9a-f-]+)/undo/" name="do" value="(\w+)"', html_of(page))


class TestOffers:
    def test_have_the_last_openings_and_closings_of_free_seats(
        self, floor: Floor, boss: Client, supervisor: Client
    ) -> None:
        closed(floor)
        left = closed(floor, seat=5)
        opened = [floor.open_slip(seat=seat, at=floor.now) for seat in (1, 2, 3, 4)]

        pages = floor_page(floor, boss), floor_page(floor, boss, part="map")

        undo = [(str(slip.pk), "undo") for slip in reversed(opened[1:])]
        assert [offered(page) for page in pages] == [[*undo, (str(left.pk), "still_playing")]] * 2
        assert offered(floor_page(floor, supervisor)) == []

    @pytest.mark.parametrize("then", ["change", "void", "continue"])
    def test_are_gone_once_something_else_was_done(self, floor: Floor, boss: Client, then: str) -> None:
        by: dict[str, Any] = {"slip": closed(floor), "actor": floor.supervisor, "at": floor.now}
        match then:
            case "change":
                change_average_bet(**by | {"slip": floor.open_slip(seat=2, at=floor.now)}, average_bet=Decimal(50))
                void_rating_slip(**by, reason="Nobody sat here")
            case "void":
                void_rating_slip(**by, reason="Nobody sat here")
            case "continue":
                continue_rating_slip(**by)

        assert offered(floor_page(floor, boss)) == []

    def test_of_a_slip_are_for_who_may(self, floor: Floor, boss: Client, supervisor: Client) -> None:
        slips = closed(floor), floor.open_slip(seat=2, at=floor.now)
        closing, opening = [[(str(slip.pk), do)] for slip, do in zip(slips, ("still_playing", "undo"), strict=True)]
        addresses = [reverse("floor:slip", args=[slip.pk]) for slip in slips]

        assert [offered(boss.get(page)) for page in addresses] == [closing, opening]
        assert [offered(supervisor.get(page)) for page in addresses] == [closing, []]

    def test_are_gone_after_ten_minutes(self, floor: Floor) -> None:
        floor.open_slip(at=floor.now)
        closed(floor, seat=2)
        offers = [
            recent_offers(floor.pit, staff=floor.boss, now=floor.now + timedelta(minutes=minutes))
            for minutes in (9, 11)
        ]

        assert [len(found) for found in offers] == [2, 0]

    @pytest.mark.parametrize("is_chosen", [True, False])
    def test_have_no_closing_that_was_imported_later(self, floor: Floor, boss: Client, is_chosen: bool) -> None:
        slip = floor.open_slip()
        chosen = ChosenTime(text="20 min ago", earliest=floor.ago(hours=1)) if is_chosen else None
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=20), chosen_time=chosen)

        assert bool(offered(floor_page(floor, boss))) == is_chosen
        assert offered(boss.get(reverse("floor:slip", args=[slip.pk]))) == [(str(slip.pk), "still_playing")]


class TestTap:
    def test_undoes_an_opening_and_frees_the_seat(self, floor: Floor, boss: Client) -> None:
        slip = floor.open_slip(at=floor.now, buy_in=Decimal(500))

        answer = tap(boss, slip, "undo")

        slip.refresh_from_db()
        assert (slip.status, answer.url) == (
            "VOID",
            f"{reverse('floor:pit', args=[floor.pit.pk])}#seat-{floor.table.pk}-1",
        )
        assert "Its buy-in of 500.00 is void with it: a free seat offers it again." in said(answer)[-1]

    def test_goes_on_with_a_player_who_is_still_playing(self, floor: Floor, boss: Client) -> None:
        slip = closed(floor)

        answer = tap(boss, slip, "still_playing")

        new = RatingSlip.objects.get(continues=slip)
        assert f"goes on with slip {new.slip_number} since" in said(answer)[-1]
        old_page, new_page = (html_of(boss.get(reverse("floor:slip", args=[each.pk]))) for each in (slip, new))
        assert f">slip {new.slip_number}</a>, which continues this slip." in old_page
        assert f"average bet 100.00, continues slip {slip.slip_number}" in new_page

    @pytest.mark.parametrize("do", ["undo", "still_playing"])
    def test_twice_does_it_once(self, floor: Floor, boss: Client, do: str) -> None:
        slip = floor.open_slip(at=floor.now) if do == "undo" else closed(floor)

        answers = [tap(boss, slip, do) for _ in range(2)]

        assert answers[0].url == answers[1].url
        assert "Nothing was done twice." in said(answers[1])[-1]
        assert RatingSlip.objects.count() == (1 if do == "undo" else 2)

    def test_tapped_again_says_that_the_slip_is_void(self, floor: Floor, boss: Client) -> None:
        slip = closed(floor)
        tap(boss, slip, "still_playing")
        tap(boss, RatingSlip.objects.get(continues=slip), "undo")

        answer = tap(boss, slip, "still_playing")

        assert "is void: open a new slip. Nothing was done twice." in said(answer)[-1]

    def test_of_a_player_without_their_seat_shows_free_ones(self, floor: Floor, boss: Client) -> None:
        slip = closed(floor)
        floor.open_slip(seat=1, at=floor.now)

        answer = tap(boss, slip, "still_playing")

        page = html_of(boss.get(answer.url))
        query = answer.url.partition("?")[2]
        assert "seat 1 is taken" in said(answer)[-1]
        assert escape(f"{reverse('floor:seat', args=[floor.table.pk, 2])}?{query}") in page
        free = boss.get(f"{reverse('floor:seat', args=[floor.table.pk, 2])}?{query}")
        assert [candidate.player for candidate in free.context["found"].candidates] == [slip.player]
        closed_at = timezone.localtime(slip.closed_at, floor.casino.zone)
        assert free.context["form"].initial == {"average_bet": "100.00", "when": ["", f"{closed_at:%H:%M}"]}

    @pytest.mark.parametrize(
        ("changes", "seat", "table", "free"),
        [({"is_active": False}, 5, "other", 2), ({"seats": 1}, 1, "other", 2), ({"seats": 4}, 4, "own", 3)],
    )
    def test_of_a_player_at_a_changed_table_shows_free_seats(
        self, floor: Floor, boss: Client, changes: dict[str, Any], seat: int, table: str, free: int
    ) -> None:
        tables = {"own": floor.table, "other": TableFactory.create(casino=floor.casino, pit=floor.pit)}
        slip = closed(floor, seat=5)
        for taken in (1, 4):
            floor.open_slip(seat=taken, at=floor.now)
        GamingTable.objects.filter(pk=floor.table.pk).update(**changes)

        answer = tap(boss, slip, "still_playing")

        page, _, query = answer.url.partition("?")
        assert page == reverse("floor:seat", args=[floor.table.pk, seat])
        offered_seat = reverse("floor:seat", args=[tables[table].pk, free])
        assert escape(f"{offered_seat}?{query}") in html_of(boss.get(answer.url))

    @pytest.mark.parametrize("operates", [True, False])
    def test_at_a_moved_table_needs_the_right_for_its_pit(self, floor: Floor, boss: Client, operates: bool) -> None:
        slip, pit = closed(floor), PitFactory.create(casino=floor.casino)
        give_rights((floor.boss, pit, ["operate_pit"] if operates else []))
        GamingTable.objects.filter(pk=floor.table.pk).update(pit=pit)

        answer = tap(boss, slip, "still_playing")

        page = html_of(boss.get(answer.url))
        at_seat = f"Open a slip at {floor.table.name} seat 1"
        assert (at_seat in page, slip.slip_number in page) == (operates, not operates)
        assert f'name="player" value="{slip.player_id}"' in page or not operates

    def test_that_is_refused_for_another_reason_leads_to_the_slip(self, floor: Floor, boss: Client) -> None:
        slip = closed(floor)
        floor.open_slip(player=slip.player, seat=2, at=floor.now)

        answer = tap(boss, slip, "still_playing")

        assert answer.url == reverse("floor:slip", args=[slip.pk])
        assert "already has slip" in said(answer)[-1]

    def test_without_a_known_act_does_nothing(self, floor: Floor, boss: Client, slip: RatingSlip) -> None:
        assert said(tap(boss, slip, "dance"))[-1].startswith("Nothing was done")


class TestSeatAgain:
    def test_is_offered_again_while_the_player_may_sit(self, floor: Floor, boss: Client, supervisor: Client) -> None:
        slip = floor.open_slip(at=floor.now)
        tap(boss, slip, "undo")
        seat = reverse("floor:seat", args=[floor.table.pk, 3])

        seen = [boss.get(seat).context["undone"], supervisor.get(seat).context["undone"]]
        Player.objects.update(status=Player.Status.BARRED)

        assert [undone is not None for undone in seen] == [True, False]
        assert boss.get(seat).context["undone"] is None

    def test_opens_the_undone_slip_with_its_bet_and_buy_in(self, floor: Floor, boss: Client) -> None:
        slip = floor.open_slip(at=floor.now, buy_in=Decimal(500), means="CHIPS", average_bet=Decimal(75))
        tap(boss, slip, "undo")
        seat = reverse("floor:seat", args=[floor.table.pk, 3])
        shown = html_of(boss.get(seat))
        post = {"average_bet": "25", "buy_in": "", "again": str(slip.pk), "request_id": str(uuid4())}

        answers = [boss.post(seat, post) for _ in range(2)]

        new = RatingSlip.objects.live().get()
        row = new.money_rows.get()
        assert "bet 75, buy-in 500 by chips" in shown
        assert (new.player, new.seat, new.segments.get().average_bet) == (slip.player, 3, Decimal(75))
        assert (row.amount, row.means) == (Decimal(500), "CHIPS")
        assert "Nothing was done twice." in said(answers[1])[-1]
        assert boss.get(reverse("floor:seat", args=[floor.table.pk, 4])).context["undone"] is None


class TestLinkedSlips:
    def test_are_named_in_list_trace_and_player_page(self, floor: Floor, supervisor: Client) -> None:
        old = closed(floor)
        by: dict[str, Any] = {"actor": floor.boss, "at": floor.now}
        void = continue_rating_slip(slip=old, **by)
        live = reassign_rating_slip(slip=void, player=floor.player(), reason="Two cards mixed up", **by).slip

        rows = {row[1]: row[2] for row in shown_in(supervisor.get(address(RatingSlip, "changelist")))}
        story = story_of(live.correlation_id, staff=floor.supervisor)

        assert rows[old.slip_number].endswith(f"continued by {void.slip_number}")
        assert rows[void.slip_number].endswith(f"continues {old.slip_number}, play is on {live.slip_number}")
        assert rows[live.slip_number].endswith(f"play of {void.slip_number}")
        assert story is not None
        told = " ".join(event.words for event in story.events)
        assert f"average bet 100.00, continues slip {old.slip_number}" in told
        assert f", its play is on slip {live.slip_number}" in told
        assert f"average bet 100.00, with the play of slip {void.slip_number}" in told
        assert "which continued this slip and is void" in html_of(supervisor.get(page_url(old)))
        page = html_of(supervisor.get(page_url(live.player)))
        assert f'with the play of <a href="{page_url(void)}">slip {void.slip_number}</a>' in page


REASON = {"reason_code": "WRONG_PLAYER", "reason": ""}


def page_of(slip: RatingSlip) -> str:
    return reverse("floor:wrong_player", args=[slip.pk])


def give(client: Client, slip: RatingSlip, **typed: Any) -> Any:
    page = client.get(page_of(slip))
    carried = {"request_id": str(page.context["request_id"]), "expected_version": page.context["version"]}
    return client.post(page_of(slip), carried | REASON | typed)


@pytest.fixture
def coded(floor: Floor) -> Floor:
    """The floor with the reason codes of its casino."""
    add_default_codes(floor.casino.pk)
    return floor


class TestWrongPlayer:
    @pytest.mark.parametrize("is_closed", [True, False])
    def test_gives_the_slip_to_the_player_who_is_tapped(
        self, coded: Floor, boss: Client, supervisor: Client, is_closed: bool
    ) -> None:
        slip, right = (closed(coded) if is_closed else coded.open_slip()), coded.player()

        answer = give(supervisor if is_closed else boss, slip, player=right.pk)

        new = RatingSlip.objects.get(player=right)
        assert (new.reassigned_from, answer.url) == (slip, reverse("floor:slip", args=[new.pk]))
        taken = ", 578 points taken back" if is_closed else ""
        assert said(answer)[-1].startswith(f"{slip.slip_number} of {slip.player} is void{taken}. Its play is slip")
        assert f"which {coded.boss} opened for the wrong player" in html_of(boss.get(answer.url))
        assert new.slip_number in html_of(supervisor.get(page_url(slip)))
        assert slip.slip_number in html_of(supervisor.get(page_url(new)))

    def test_of_a_continuation_says_which_slip_to_give_away_first(self, floor: Floor, boss: Client) -> None:
        old = closed(floor)
        new = continue_rating_slip(slip=old, actor=floor.boss, at=floor.now)

        pages = [html_of(boss.get(page_of(slip))) for slip in (new, floor.open_slip(seat=3))]

        assert [f">slip {old.slip_number}</a>. If both" in page for page in pages] == [True, False]

    def test_says_that_a_tier_stays_too_high(self, coded: Floor, supervisor: Client) -> None:
        slip = silver_and_spent(coded)

        answer = give(supervisor, slip, player=coded.player().pk)

        kept = f"The tier of {slip.player} stays Silver: without the uncollected points it would be Bronze."
        assert said(answer)[-1].endswith(kept)

    def test_sent_twice_gives_it_once(self, coded: Floor, boss: Client) -> None:
        slip, right = coded.open_slip(), coded.player()
        page = str(uuid4())

        answers = [give(boss, slip, player=right.pk, request_id=page, expected_version="1-OPEN") for _ in range(2)]

        assert answers[0].url == answers[1].url
        assert "Nothing was done twice." in said(answers[1])[-1]

    def test_refuses_a_slip_that_changed_and_says_how(self, coded: Floor, boss: Client) -> None:
        slip = coded.open_slip()
        pause_rating_slip(slip=slip, actor=coded.supervisor, at=coded.now)

        answer = give(boss, slip, player=coded.player().pk, expected_version="1-OPEN")

        assert "Paused at" in html_of(answer)
        assert 'value="1-PAUSED"' in html_of(answer)
        assert RatingSlip.objects.count() == 1

    def test_asks_for_a_player_and_a_reason(self, coded: Floor, boss: Client) -> None:
        slip = coded.open_slip()
        answers = [give(boss, slip), give(boss, slip, player=coded.player().pk, reason_code="")]

        assert [html_of(answer).count('role="alert"') for answer in answers] == [1, 0]
        assert "Choose one of these codes." in html_of(answers[1])
        assert "Give it to" in html_of(answers[1])
        assert RatingSlip.objects.count() == 1

    def test_searches_without_a_script_and_keeps_what_was_typed(self, coded: Floor, boss: Client) -> None:
        slip, right = coded.open_slip(), coded.player(last_name="Ondrej")

        answer = boss.post(page_of(slip), {"search": "1", "q": "ondrej", "reason": "Mixed up the cards"})

        assert right.card_number in html_of(answer)
        assert "Mixed up the cards" in html_of(answer)

    @pytest.mark.parametrize("is_closed", [True, False])
    def test_asks_only_who_takes_back_points_who_they_are(
        self, coded: Floor, supervisor: Client, is_closed: bool
    ) -> None:
        slip, right = (closed(coded) if is_closed else coded.open_slip()), coded.player()
        long_ago(supervisor)

        answers = [give(supervisor, slip, player=right.pk) for _ in range(2)]

        assert [b'name="asked-again"' in answer.content for answer in answers] == [is_closed] * 2
        assert RatingSlip.objects.count() == (1 if is_closed else 2)

    @pytest.mark.parametrize("is_closed", [True, False])
    def test_offers_barred_players_for_closed_play_only(
        self, coded: Floor, supervisor: Client, is_closed: bool
    ) -> None:
        slip = closed(coded) if is_closed else coded.open_slip()
        barred = coded.player(last_name="Ondrej", status=Player.Status.BARRED)

        for query in ({"q": "ondrej"}, {"q": "ondrej", "part": "players"}):
            page = html_of(supervisor.get(page_of(slip), query))
            assert (f'name="player" value="{barred.pk}"' in page) == is_closed

    def test_is_offered_to_who_may(self, floor: Floor, boss: Client, supervisor: Client, auditor: Client) -> None:
        slips = {"live": floor.open_slip(seat=2), "closed": closed(floor)}
        offered = {
            (who, state)
            for who, client in {"boss": boss, "supervisor": supervisor, "auditor": auditor}.items()
            for state, slip in slips.items()
            for page in (reverse("floor:slip", args=[slip.pk]), page_url(slip))
            if page_of(slip) in html_of(client.get(page))
        }

        assert offered == {("boss", "live"), ("supervisor", "live"), ("supervisor", "closed")}
