"""Sitting down."""

import uuid
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from guardian.shortcuts import remove_perm

from core import correlation
from core.clock import InvalidTime
from core.errors import NotFound
from core.models import Player
from core.permissions import NotPermitted
from ratingslips.models import GamingTable, PlaySegment, RatingSlip
from ratingslips.services import (
    InvalidAmount,
    InvalidAverageBet,
    InvalidSlipNumber,
    NoSuchSeat,
    PlayerHasLiveSlip,
    PlayerNotActive,
    PlayerStillPlayed,
    SeatTaken,
    SlipNumberTaken,
    TableNotActive,
    complete_rating_slip,
    move_rating_slip,
    pause_rating_slip,
)
from tests.constraints import inserted
from tests.factories import PlayerFactory, TableFactory
from tests.floor import Floor
from tests.ratingslips.corrections import closed, correct, current_play
from tests.ratingslips.rows import closed_row
from tests.refusals import logged, refused


class TestOpenRatingSlip:
    def test_writes_an_open_slip_and_its_first_segment(self, floor: Floor, player: Player) -> None:
        correlation_id = uuid.uuid4()

        with correlation.bound(correlation_id):
            opened = floor.open_slip(player=player, seat=3, buy_in=Decimal("500.00"))

        slip, segment = RatingSlip.objects.with_money().get(), PlaySegment.objects.get()
        assert slip == opened
        assert (slip.status, slip.player, slip.table, slip.seat) == ("OPEN", player, floor.table, 3)
        assert (slip.opened_at, slip.opened_by, slip.buy_in) == (floor.ago(hours=2), floor.boss, Decimal(500))
        assert slip.gaming_day == floor.casino.gaming_day_at(floor.ago(hours=2))
        assert (segment.slip, segment.seq, segment.started_as, segment.ended_at) == (slip, 1, "OPENED", None)
        assert (segment.table, segment.seat, segment.average_bet) == (floor.table, 3, Decimal(40))
        assert slip.correlation_id == segment.start_correlation_id == correlation_id

    def test_says_so_in_one_line_without_a_name(self, floor: Floor) -> None:
        with logged() as lines:
            slip = floor.open_slip()

        assert [(line["event"], line["slip_id"]) for line in lines] == [("ratingslips.slip_opened", str(slip.pk))]

    def test_takes_ids_as_well(self, floor: Floor, player: Player) -> None:
        assert floor.open_slip(player=player.pk, table=floor.table.pk).player == player

    def test_numbers_slips_one_after_the_other(self, floor: Floor) -> None:
        first, second = (floor.open_slip(seat=seat).slip_number for seat in (1, 2))

        assert first[0] == "R"
        assert int(second[1:]) == int(first[1:]) + 1

    @pytest.mark.parametrize("number", ["S-0042", "s-001", "S_01", "2026/11/20-1", "R", "r1a", "x" * 40])
    def test_takes_a_number_from_paper(self, floor: Floor, number: str) -> None:
        assert floor.open_slip(slip_number=number).slip_number == number

    def test_takes_one_number_from_paper_after_another(self, floor: Floor) -> None:
        floor.open_slip(slip_number="S-0042")

        assert floor.open_slip(seat=2, slip_number="S-0043").slip_number == "S-0043"

    @pytest.mark.parametrize("number", ["", "R17", "r00123", "X" * 41, "A B", "É1", "S1\n", "S٤"])
    def test_refuses_a_number_that_cannot_be_one(self, floor: Floor, player: Player, number: str) -> None:
        with refused(InvalidSlipNumber, "cannot be a slip number: use 1 to 40 letters A to Z"):
            floor.open_slip(player=player, slip_number=number)

    def test_takes_a_number_that_another_casino_uses(self, floor: Floor) -> None:
        Floor.build().open_slip(slip_number="S-1")

        assert floor.open_slip(slip_number="S-1").slip_number == "S-1"

    def test_refuses_a_number_that_is_another_slips(self, floor: Floor, player: Player) -> None:
        floor.open_slip(slip_number="S-1")

        with refused(SlipNumberTaken, "s-1 is already used"):
            floor.open_slip(player=player, seat=2, slip_number="s-1")

    @pytest.mark.parametrize("bet", [Decimal(0), Decimal("40.001"), Decimal("1000000.01")])
    def test_refuses_a_bet_that_is_none(self, floor: Floor, player: Player, bet: Decimal) -> None:
        with refused(InvalidAverageBet):
            floor.open_slip(player=player, average_bet=bet)

    def test_refuses_a_buy_in_that_is_no_amount(self, floor: Floor, player: Player) -> None:
        with refused(InvalidAmount, "The buy-in must"):
            floor.open_slip(player=player, buy_in=Decimal(-1))

    def test_refuses_the_future(self, floor: Floor, player: Player) -> None:
        with refused(InvalidTime):
            floor.open_slip(player=player, at=floor.now + timedelta(hours=1))

    @pytest.mark.parametrize("unknown", ["player", "table"])
    def test_refuses_who_or_what_does_not_exist(self, floor: Floor, unknown: str) -> None:
        arguments: dict[str, Any] = {"player": floor.player(), unknown: 0}

        with refused(NotFound, f"no {unknown} 0"):
            floor.open_slip(**arguments)

    def test_refuses_who_does_not_operate_the_pit(self, floor: Floor, player: Player) -> None:
        remove_perm("ratingslips.operate_pit", floor.boss, floor.pit)

        with refused(NotPermitted):
            floor.open_slip(player=player)

    @pytest.mark.parametrize("status", [Player.Status.BARRED, Player.Status.INACTIVE])
    def test_refuses_a_player_who_is_not_active(self, floor: Floor, status: Player.Status) -> None:
        player = floor.player(status=status)

        with refused(PlayerNotActive, status.label.lower()):
            floor.open_slip(player=player)

    def test_refuses_a_player_of_another_casino(self, floor: Floor) -> None:
        player = PlayerFactory.create()

        with refused(TableNotActive, "another casino"):
            floor.open_slip(player=player)

    def test_refuses_a_table_that_is_not_in_use(self, floor: Floor, player: Player) -> None:
        GamingTable.objects.update(is_active=False)

        with refused(TableNotActive, "Choose another table"):
            floor.open_slip(player=player)

    @pytest.mark.parametrize("seat", [0, -1, 8])
    def test_refuses_a_seat_that_the_table_lacks(self, floor: Floor, player: Player, seat: int) -> None:
        with refused(NoSuchSeat, "its seats are 1 to 7"):
            floor.open_slip(player=player, seat=seat)


class TestSecondSlipOfAPlayer:
    @pytest.mark.parametrize("is_paused", [False, True])
    def test_is_refused_while_the_first_is_live_and_says_where(self, floor: Floor, is_paused: bool) -> None:
        slip = floor.open_slip(seat=3)
        if is_paused:
            pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(hours=1))
        state = "paused" if is_paused else "open"

        with refused(PlayerHasLiveSlip, f"slip {slip.slip_number}, {state} at {floor.table.name} seat 3"):
            floor.open_slip(player=slip.player, seat=4)

    def test_is_refused_however_old_the_players_other_slips_are(self, floor: Floor, player: Player) -> None:
        """None comes before the live one, not by its key either."""
        inserted(closed_row(floor, pk=uuid.UUID(int=1), player=player, closed_at=floor.ago(hours=2)))
        slip = floor.open_slip(player=player)

        with refused(PlayerHasLiveSlip, f"slip {slip.slip_number}"):
            floor.open_slip(player=player, seat=4)

    def test_is_refused_at_a_time_of_the_first(self, floor: Floor, slip: RatingSlip) -> None:
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(hours=1))

        with refused(PlayerStillPlayed, f"played on slip {slip.slip_number} until"):
            floor.open_slip(player=slip.player, seat=2, at=floor.ago(minutes=61))

    def test_is_welcome_from_the_moment_at_which_the_first_closed(self, floor: Floor, slip: RatingSlip) -> None:
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(hours=1))

        assert floor.open_slip(player=slip.player, at=floor.ago(hours=1)).status == "OPEN"

    def test_is_refused_at_a_time_before_the_first(self, floor: Floor) -> None:
        later = floor.open_slip(at=floor.ago(hours=1))
        complete_rating_slip(slip=later, actor=floor.boss, at=floor.ago(minutes=30))

        with refused(PlayerStillPlayed, f"played on slip {later.slip_number} until"):
            floor.open_slip(player=later.player, seat=2, at=floor.ago(hours=3))


class TestTakenSeat:
    def test_is_refused_naming_the_holder_and_free_seats(self, floor: Floor, player: Player) -> None:
        holder = floor.open_slip(seat=2)
        floor.open_slip(seat=5)

        with refused(SeatTaken, rf"seat 2 is taken by .* on slip {holder.slip_number}\. Free seats: 1, 3, 4, 6, 7\."):
            floor.open_slip(player=player, seat=2)

    def test_says_where_none_is_free(self, floor: Floor, player: Player) -> None:
        duel = TableFactory.create(casino=floor.casino, pit=floor.pit, game=floor.table.game, seats=1)
        floor.open_slip(table=duel)

        with refused(SeatTaken, "No seat is free at this table"):
            floor.open_slip(player=player, table=duel)

    def test_stays_the_players_during_a_pause(self, floor: Floor, player: Player, slip: RatingSlip) -> None:
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(hours=1))

        with refused(SeatTaken):
            floor.open_slip(player=player)

    def test_is_free_when_the_slip_closes_or_moves(self, floor: Floor) -> None:
        closed, moved = floor.open_slip(seat=1), floor.open_slip(seat=2)
        complete_rating_slip(slip=closed, actor=floor.boss, at=floor.ago(hours=1))
        move_rating_slip(slip=moved, seat=3, actor=floor.boss, at=floor.ago(hours=1))

        assert floor.open_slip(seat=1, at=floor.ago(hours=1)).seat == 1
        assert floor.open_slip(seat=2, at=floor.ago(hours=1)).seat == 2

    @pytest.mark.parametrize("leaves_by", ["close", "move"])
    def test_is_refused_for_a_time_at_which_it_was_held(self, floor: Floor, slip: RatingSlip, leaves_by: str) -> None:
        if leaves_by == "close":
            complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(hours=1))
        else:
            move_rating_slip(slip=slip, seat=2, actor=floor.boss, at=floor.ago(hours=1))
        player = floor.player()

        with refused(SeatTaken, rf"{slip.slip_number} until .*\d\d:\d\d:\d\d\. Free seats: [2-7], "):
            floor.open_slip(player=player, at=floor.ago(minutes=61))

    def test_is_held_until_its_own_player_leaves(self, floor: Floor, player: Player) -> None:
        floor.played_slip(seat=2, at=floor.ago(hours=4))  # a second segment, of somebody else
        slip = floor.open_slip()
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=10))

        with refused(SeatTaken, slip.slip_number):
            floor.open_slip(player=player, at=floor.ago(minutes=20))

    def test_is_refused_at_a_time_before_others_sat_there(self, floor: Floor, player: Player) -> None:
        slip = floor.open_slip(at=floor.ago(hours=2))
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(hours=1))

        with refused(SeatTaken, slip.slip_number):
            floor.open_slip(player=player, at=floor.ago(hours=3))

    def test_is_refused_where_another_held_it_for_no_time(self, floor: Floor, player: Player) -> None:
        floor.open_slip(at=floor.ago(hours=3))
        moment = closed(floor, floor.open_slip(seat=2))
        complete_rating_slip(slip=RatingSlip.objects.get(seat=1), actor=floor.boss, at=floor.ago(minutes=5))
        play = replace(current_play(moment)[0], seat=1, started_at=floor.ago(hours=1), ended_at=floor.ago(hours=1))
        correct(floor, moment, [play])

        with refused(SeatTaken):
            floor.open_slip(player=player, at=floor.ago(minutes=20))

    def test_is_refused_for_the_second_holder_of_one_moment(self, floor: Floor) -> None:
        then = floor.ago(hours=2)
        first = floor.open_slip(seat=1, at=then)
        move_rating_slip(slip=first, actor=floor.boss, at=then, seat=2)
        second = floor.open_slip(seat=1, at=then)
        complete_rating_slip(slip=second, actor=floor.boss, at=floor.ago(hours=1))
        third = floor.player()

        with refused(SeatTaken, f"on slip {second.slip_number}"):
            floor.open_slip(player=third, seat=1, at=floor.ago(minutes=90))

    def test_does_not_matter_at_another_table(self, floor: Floor, next_table: GamingTable) -> None:
        floor.open_slip()

        assert floor.open_slip(table=next_table).table == next_table
