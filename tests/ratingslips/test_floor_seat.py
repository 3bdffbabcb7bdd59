"""The page of a seat: who might sit down, and the one tap that opens the slip."""

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.models import Player
from core.roles import PIT_BOSS
from ratingslips.admin.floor.search import PLAYERS_SHOWN, find_players, usual_bet
from ratingslips.models import GamingTable, RatingSlip
from ratingslips.services import change_average_bet, complete_rating_slip, undo_opening
from tests.console import BACKEND, html_of, inline_code_in, said, signed_in
from tests.factories import PlayerFactory, TableFactory
from tests.floor import Floor


def address_of(table: GamingTable, seat: int) -> str:
    return reverse("floor:seat", args=[table.pk, seat])


def floor_of(table: GamingTable, seat: int) -> str:
    return f"{reverse('floor:pit', args=[table.pit_id])}#seat-{table.pk}-{seat}"


def sit_down(client: Client, table: GamingTable, seat: int, player: Player, **typed: str) -> Any:
    return client.post(address_of(table, seat), {"average_bet": "25", "buy_in": "", "player": player.pk} | typed)


def everybody_left(floor: Floor, *players: Player) -> None:
    """Each of `players` played for a while and left, in order."""
    for minutes, player in zip(range(50, 0, -5), players, strict=False):
        slip = floor.open_slip(player=player, at=floor.ago(minutes=minutes))
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=minutes - 4))


class TestFindPlayers:
    def test_begins_with_who_played_last(self, floor: Floor) -> None:
        first, second, seated, barred = (floor.player() for _ in range(4))
        everybody_left(floor, first, second, seated, barred)
        floor.open_slip(player=seated, at=floor.now)
        Player.objects.filter(pk=barred.pk).update(status="BARRED")

        found = find_players(floor.casino, "")

        assert [candidate.player for candidate in found.candidates] == [second, first]

    def test_puts_an_exact_card_first_and_then_who_played_last(self, floor: Floor) -> None:
        never = floor.player(card_number="5511", last_name="Aa")
        played_last = floor.player(card_number="7551", last_name="Zz")
        played = floor.player(card_number="8551", last_name="Mm")
        exact = floor.player(card_number="551", last_name="Zy")
        everybody_left(floor, played, played_last)

        found = find_players(floor.casino, " 551 ")

        assert [candidate.player for candidate in found.candidates] == [exact, never, played_last, played]

    def test_puts_who_sits_already_behind_those_who_could_sit_down(self, floor: Floor) -> None:
        seated, free = floor.player(last_name="Oa"), floor.player(last_name="Ob")
        floor.open_slip(player=seated)

        found = find_players(floor.casino, "o")

        assert [candidate.player for candidate in found.candidates] == [free, seated]

    def test_takes_a_character_that_the_database_cannot_hold_for_nothing(self, floor: Floor) -> None:
        player = floor.player(last_name="Ondrej")

        found = find_players(floor.casino, "on\0drej")

        assert [candidate.player for candidate in found.candidates] == [player]

    def test_stays_in_the_casino(self, floor: Floor) -> None:
        PlayerFactory.create(last_name="Ondrej")

        assert find_players(floor.casino, "ondrej").candidates == []

    def test_shows_so_many_and_says_that_there_are_more(self, floor: Floor) -> None:
        for number in range(PLAYERS_SHOWN + 1):
            floor.player(first_name=f"Twin {number}")

        found = find_players(floor.casino, "twin")

        assert len(found.candidates) == PLAYERS_SHOWN
        assert found.has_more

    def test_says_what_prevents_it(self, floor: Floor) -> None:
        seated, barred, free = (floor.player(last_name=name) for name in ("Oa", "Ob", "Oc"))
        slip = floor.open_slip(player=seated, seat=3)
        Player.objects.filter(pk=barred.pk).update(status="BARRED")

        found = find_players(floor.casino, "o")

        stand = {one.player: (one.may_play, one.live_slip) for one in found.candidates}
        assert stand == {seated: (False, slip), barred: (False, None), free: (True, None)}


class TestUsualBet:
    def test_is_the_median_of_the_latest_bets_by_seat(self, floor: Floor) -> None:
        for seat, bets in ((1, (10, 500)), (2, (20,)), (3, (30, 25))):
            slip = floor.open_slip(seat=seat, average_bet=Decimal(bets[0]), at=floor.ago(minutes=40))
            for bet in bets[1:]:
                change_average_bet(slip=slip, average_bet=Decimal(bet), actor=floor.boss, at=floor.ago(minutes=5))

        assert usual_bet(floor.table) == 25

    def test_is_an_amount_that_somebody_bet_where_there_are_two(self, floor: Floor) -> None:
        floor.open_slip(seat=1, average_bet=Decimal(10))
        floor.open_slip(seat=2, average_bet=Decimal(100))

        assert usual_bet(floor.table) == 10

    def test_is_none_before_any_play(self, floor: Floor) -> None:
        assert usual_bet(floor.table) is None

    def test_works_for_a_table_of_one_seat(self, floor: Floor) -> None:
        table = TableFactory.create(casino=floor.casino, pit=floor.pit, seats=1)
        floor.open_slip(table=table, seat=1, average_bet=Decimal(75))

        assert usual_bet(table) == 75


class TestSeatPage:
    def test_offers_the_usual_bet_and_the_players(self, floor: Floor, player: Player) -> None:
        everybody_left(floor, player)

        page = signed_in(floor.boss, PIT_BOSS).get(address_of(floor.table, 3))

        html = html_of(page)
        assert f"Open a slip at {floor.table.name} seat 3" in html
        assert 'name="average_bet" value="40.00"' in html
        assert f'name="player" value="{player.pk}"' in html
        assert inline_code_in(page) == []

    def test_searches_without_a_script_and_keeps_what_was_typed(self, floor: Floor, boss: Client) -> None:
        player = floor.player(first_name="Łukasz")
        typed = {"search": "1", "q": "lukasz", "average_bet": "12,5", "buy_in": "300"}

        page = boss.post(address_of(floor.table, 3), typed, follow=True)

        html = html_of(page)
        assert f'value="{player.pk}"' in html
        for kept in ('value="lukasz"', 'value="12,5"', 'value="300"'):
            assert kept in html

    def test_gives_the_script_the_players_alone(self, floor: Floor) -> None:
        player = floor.player(first_name="Łukasz")

        answer = signed_in(floor.boss, PIT_BOSS).get(address_of(floor.table, 3), {"part": "players", "q": "luk"})

        html = html_of(answer)
        assert f'value="{player.pk}"' in html
        assert "<html" not in html
        assert "csrfmiddlewaretoken" not in html

    def test_says_what_to_do_where_nobody_matches(self, floor: Floor) -> None:
        html = html_of(signed_in(floor.boss, PIT_BOSS).get(address_of(floor.table, 3), {"q": "<nobody>"}))

        assert "Nobody matches “&lt;nobody&gt;”" in html
        assert reverse("admin:core_player_changelist") in html

    def test_shows_why_players_are_barred_and_where_others_sit(self, floor: Floor) -> None:
        barred, seated = floor.player(last_name="Ob"), floor.player(last_name="Os")
        Player.objects.filter(pk=barred.pk).update(status="BARRED")
        slip = floor.open_slip(player=seated, seat=2)

        html = html_of(signed_in(floor.boss, PIT_BOSS).get(address_of(floor.table, 3), {"q": "o"}))

        assert "Barred: may not play" in html
        assert f"Sits at {slip.place}" in html
        assert f'value="{barred.pk}"' not in html
        assert f'value="{seated.pk}"' not in html

    def test_says_who_holds_a_seat_that_is_taken(self, floor: Floor) -> None:
        slip = floor.open_slip(seat=3)

        html = html_of(signed_in(floor.boss, PIT_BOSS).get(address_of(floor.table, 3)))

        assert f"{floor.table.name} seat 3 is taken" in html
        assert slip.slip_number in html
        assert address_of(floor.table, 1) in html

    @pytest.mark.parametrize("seat", [0, 8])
    def test_does_not_exist_for_a_seat_that_the_table_lacks(self, floor: Floor, seat: int) -> None:
        assert signed_in(floor.boss, PIT_BOSS).get(address_of(floor.table, seat)).status_code == 404


class TestSittingDown:
    def test_opens_the_slip_and_goes_back_to_the_seat(self, floor: Floor, player: Player) -> None:
        answer = sit_down(signed_in(floor.boss, PIT_BOSS), floor.table, 3, player, average_bet="1,250", buy_in="500")

        slip = RatingSlip.objects.with_money().get()
        assert answer.url == floor_of(floor.table, 3)
        assert (slip.player, slip.seat, slip.buy_in, slip.opened_by) == (player, 3, Decimal(500), floor.boss)
        assert slip.segments.get().average_bet == 1250
        assert said(answer) == [
            f"{slip.slip_number} opened for {player} at {slip.place}, average bet 1,250.00.",
        ]

    def test_tells_a_second_tap_what_the_first_did(self, floor: Floor) -> None:
        player, client = floor.player(), signed_in(floor.boss, PIT_BOSS)
        page = {"request_id": str(uuid4())}
        sit_down(client, floor.table, 3, player, **page)

        answer = sit_down(client, floor.table, 3, player, **page)

        assert RatingSlip.objects.count() == 1
        assert answer.url == floor_of(floor.table, 3)
        assert said(answer)[-1].endswith("by you. Nothing was done twice.")

    def test_tells_a_second_tap_that_the_slip_is_void_since(self, floor: Floor, player: Player) -> None:
        client, page = signed_in(floor.boss, PIT_BOSS), {"request_id": str(uuid4())}
        sit_down(client, floor.table, 3, player, **page)
        undo_opening(slip=RatingSlip.objects.get(), actor=floor.boss, at=timezone.now())

        answer = sit_down(client, floor.table, 3, player, **page)

        assert said(answer)[-1].endswith("by you, and is void since. Nothing was done twice.")

    def test_does_not_take_another_person_s_act_for_a_repeat(self, floor: Floor, player: Player) -> None:
        sit_down(signed_in(floor.supervisor, PIT_BOSS), floor.table, 3, player)

        answer = sit_down(signed_in(floor.boss, PIT_BOSS), floor.table, 3, player, average_bet="80")

        assert answer.status_code == 200
        assert "seat 3 is taken" in html_of(answer)
        assert "Nothing was opened." in html_of(answer)

    def test_keeps_what_was_typed_beside_the_error(self, floor: Floor) -> None:
        player = floor.player(last_name="Oz")

        answer = sit_down(
            signed_in(floor.boss, PIT_BOSS), floor.table, 3, player, q="oz", average_bet="forty", buy_in="500"
        )

        html = html_of(answer)
        assert "Write an amount such as 40" in html.partition('name="average_bet"')[2][:400]
        for kept in ('value="forty"', 'value="500"', 'value="oz"', f'value="{player.pk}"'):
            assert kept in html
        assert not RatingSlip.objects.exists()

    def test_shows_a_refusal_of_the_service_as_its_sentence(self, floor: Floor, player: Player) -> None:
        slip = floor.open_slip(player=player, seat=1)

        answer = sit_down(signed_in(floor.boss, PIT_BOSS), floor.table, 3, player)

        assert f"already has slip {slip.slip_number}, open at {slip.place}" in html_of(answer)

    @pytest.mark.parametrize("key", ["", "x", "-1", "0", "9" * 30, "1\0"])
    def test_asks_for_a_player_where_none_was_tapped(self, floor: Floor, key: str) -> None:
        answer = signed_in(floor.boss, PIT_BOSS).post(address_of(floor.table, 3), {"average_bet": "25", "player": key})

        assert "Tap the player who sits down." in html_of(answer)

    def test_brings_back_what_was_typed_after_the_session_ended(self, floor: Floor) -> None:
        player, client = floor.player(), signed_in(floor.boss, PIT_BOSS)
        client.logout()
        answer = sit_down(client, floor.table, 3, player, q="luk", average_bet="80", buy_in="500")
        client.force_login(floor.boss, backend=BACKEND)

        page = client.get(client.get(answer.url).wsgi_request.GET["next"])

        assert answer.url.startswith(reverse("admin:login"))
        assert not RatingSlip.objects.exists()
        for kept in ('value="luk"', 'value="80"', 'value="500"'):
            assert kept in html_of(page)

    def test_says_at_the_login_that_nothing_was_saved(self, floor: Floor) -> None:
        client = Client()

        page = client.post(address_of(floor.table, 3), {"average_bet": "80", "player": "1"}, follow=True)

        assert isinstance(page.wsgi_request.user, AnonymousUser)
        assert "nothing was saved" in html_of(page)
        assert "What you typed comes back" in html_of(page)


class TestBetAboveTheMaximum:
    def test_is_asked_back_once(self, floor: Floor, boss: Client) -> None:
        GamingTable.objects.update(minimum_bet=25, maximum_bet=500)
        player = floor.player()

        asked = sit_down(boss, floor.table, 3, player, average_bet="750", buy_in="75")
        opened = RatingSlip.objects.count()
        sit_down(boss, floor.table, 3, player, average_bet="750", buy_in="75", confirmed_bet="750")

        assert opened == 0
        for shown in ("25 to 500", "500.00 is the maximum of", "750.00 asked for", 'value="75"', "Yes, open for"):
            assert shown in html_of(asked)
        assert RatingSlip.objects.get().player == player

    def test_is_asked_back_at_the_desk(self, floor: Floor, boss: Client) -> None:
        GamingTable.objects.update(maximum_bet=500)
        form = {"player": floor.player().card_number, "table": floor.table.pk, "seat": 1, "average_bet": "750"}
        address = reverse("admin:ratingslips_ratingslip_open")

        asked = boss.post(address, form)
        boss.post(address, form | {"confirmed_bet": "750"})

        assert "500.00 is the maximum of" in html_of(asked)
        assert RatingSlip.objects.count() == 1
