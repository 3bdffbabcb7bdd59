"""The pit's floor: who may look, what a seat shows, and what a refresh costs."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from guardian.shortcuts import assign_perm

from core.roles import PIT_BOSS
from loyalty.services import pause_program
from ratingslips.models import GamingTable, Pit
from ratingslips.services import pause_rating_slip
from tests.console import html_of, inline_code_in, signed_in, statements_for
from tests.factories import PitFactory, StaffFactory, TableFactory
from tests.floor import Floor

HOME = reverse("floor:home")
STATEMENTS_MAX = 10


def address_of(pit: Pit) -> str:
    return reverse("floor:pit", args=[pit.pk])


def refresh_of(pit: Pit) -> str:
    return f"{address_of(pit)}?part=map"


class TestHome:
    def test_goes_to_the_only_pit_that_is_operated(self, floor: Floor) -> None:
        PitFactory.create(casino=floor.casino)

        answer: Any = signed_in(floor.boss, PIT_BOSS).get(HOME)

        assert answer.url == address_of(floor.pit)

    def test_offers_the_pits_that_are_operated(self, floor: Floor) -> None:
        second = PitFactory.create(casino=floor.casino)
        third = PitFactory.create(casino=floor.casino)
        assign_perm("ratingslips.operate_pit", floor.boss, second)
        floor.open_slip()

        page = signed_in(floor.boss, PIT_BOSS).get(HOME)

        assert [(pit, pit.live) for pit in page.context["pits"]] == [(floor.pit, 1), (second, 0)]
        assert third.name not in html_of(page)

    def test_goes_to_the_pit_of_the_last_visit(self, floor: Floor, boss: Client) -> None:
        second = PitFactory.create(casino=floor.casino)
        assign_perm("ratingslips.operate_pit", floor.boss, second)
        boss.get(address_of(second))

        answer: Any = boss.get(HOME)

        assert answer.url == address_of(second)

    @pytest.mark.django_db
    @pytest.mark.parametrize(
        ("staff", "heading"),
        [
            ({"casino": None}, "You belong to no casino"),
            ({"casino": None, "is_superuser": True}, "No pits yet"),
        ],
    )
    def test_says_who_sees_no_pit(self, staff: dict[str, Any], heading: str) -> None:
        page = signed_in(StaffFactory.create(**staff), PIT_BOSS).get(HOME)

        assert f"<h1>{heading}</h1>" in html_of(page)

    def test_says_what_to_do_where_there_is_no_pit(self, floor: Floor) -> None:
        elsewhere = StaffFactory.create()

        page = signed_in(elsewhere, PIT_BOSS).get(HOME)

        assert "No pits yet" in html_of(page)
        assert reverse("admin:index") in html_of(page)


class TestPitFloor:
    def test_shows_only_the_pits_of_its_casino_beside_it(self, floor: Floor) -> None:
        beside, other = PitFactory.create(casino=floor.casino, name="Salon"), PitFactory.create(name="Their pit")

        page = signed_in(floor.boss, PIT_BOSS).get(address_of(floor.pit))

        assert address_of(beside) in html_of(page)
        assert other.name not in html_of(page)

    def test_shows_who_sits_where(self, floor: Floor) -> None:
        player = floor.player(first_name="Dmitri", last_name="Petrov")
        slip = floor.open_slip(player=player, seat=4, average_bet=Decimal("1250.00"), at=floor.ago(minutes=84))

        html = html_of(signed_in(floor.boss, PIT_BOSS).get(address_of(floor.pit)))

        seat = html.partition(f'id="seat-{floor.table.pk}-4"')[2].partition("</a>")[0]
        for shown in (str(player), "Petrov D.", "1,250", "1:24", "Open", slip.slip_number):
            assert shown in seat
        assert reverse("floor:slip", args=[slip.pk]) in html

    def test_marks_what_is_paused_and_what_is_overdue(self, floor: Floor) -> None:
        floor.open_slip(seat=1, at=floor.ago(hours=9))
        floor.open_slip(seat=2, at=floor.ago(hours=5))
        away = floor.open_slip(seat=3, at=floor.ago(hours=1))
        pause_rating_slip(slip=away, actor=floor.boss, at=floor.ago(minutes=42))
        late_and_away = floor.open_slip(seat=4, at=floor.ago(hours=6))
        pause_rating_slip(slip=late_and_away, actor=floor.boss, at=floor.ago(minutes=5))
        briefly = floor.open_slip(seat=5, at=floor.ago(hours=1))
        pause_rating_slip(slip=briefly, actor=floor.boss, at=floor.ago(minutes=5))
        floor.open_slip(seat=6, at=floor.ago(minutes=1))

        page = signed_in(floor.boss, PIT_BOSS).get(address_of(floor.pit))

        shown = page.context["map"]
        states = [seated.state for seated in shown.seated_slips]
        assert states == ["Over 8 h", "Over 4 h", "Paused 0:42", "Paused, over 4 h", "Paused", "Open"]
        assert (shown.live, shown.paused, shown.overdue) == (6, 3, 4)
        for state in states:
            assert state in html_of(page)
        assert inline_code_in(page) == []

    @pytest.mark.parametrize("owed", [0, 1, 2])
    def test_counts_the_slips_that_are_owed_points(self, floor: Floor, owed: int) -> None:
        for seat in range(owed):
            floor.owed_slip(seat=seat + 1)

        page = signed_in(floor.boss, PIT_BOSS).get(address_of(floor.pit))

        assert page.context["map"].owed == owed
        assert f"<strong>{owed}</strong> owed<" in html_of(page)
        assert ("owed=1" in html_of(page)) == (owed > 0)

    @pytest.mark.parametrize("place", ["pit", "slip"])
    def test_says_that_the_programme_is_paused_and_why(self, floor: Floor, place: str) -> None:
        page = {"pit": address_of(floor.pit), "slip": reverse("floor:slip", args=[floor.open_slip().pk])}[place]
        client = signed_in(floor.boss, PIT_BOSS)
        running = html_of(client.get(page))

        pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Month-end <freeze>")

        said = "Play goes on. A slip that closes now is owed its points"
        assert said not in running
        assert said in html_of(client.get(page))
        assert "“<bdi>Month-end &lt;freeze&gt;</bdi>”" in html_of(client.get(page))

    def test_offers_empty_seats_to_who_operates_the_pit(self, floor: Floor) -> None:
        html = html_of(signed_in(floor.boss, PIT_BOSS).get(address_of(floor.pit)))

        assert [seat for seat in range(1, 8) if reverse("floor:seat", args=[floor.table.pk, seat]) in html] == [
            *range(1, 8)
        ]

    def test_offers_nothing_to_who_may_only_look(self, floor: Floor, auditor: Client) -> None:
        html = html_of(auditor.get(address_of(floor.pit)))

        assert "/seats/" not in html
        assert "You may look" in html

    def test_leaves_out_an_unused_table_unless_somebody_sits_there(self, floor: Floor) -> None:
        TableFactory.create(casino=floor.casino, pit=floor.pit, is_active=False)
        closing = TableFactory.create(casino=floor.casino, pit=floor.pit, name="ZZ-9")
        floor.open_slip(table=closing, seat=2)
        GamingTable.objects.filter(pk=closing.pk).update(is_active=False)

        page = signed_in(floor.boss, PIT_BOSS).get(address_of(floor.pit))

        assert [card.table for card in page.context["map"].cards] == [floor.table, closing]
        assert reverse("floor:seat", args=[closing.pk, 1]) not in html_of(page)

    def test_shows_players_beyond_the_seats_of_a_reduced_table(self, floor: Floor) -> None:
        slip = floor.open_slip(seat=7)
        GamingTable.objects.filter(pk=floor.table.pk).update(seats=5)

        page = signed_in(floor.boss, PIT_BOSS).get(address_of(floor.pit))

        assert reverse("floor:slip", args=[slip.pk]) in html_of(page)

    def test_says_what_to_do_where_there_are_no_tables(self, floor: Floor) -> None:
        empty = PitFactory.create(casino=floor.casino, name="Salon")

        html = html_of(signed_in(floor.boss, PIT_BOSS).get(address_of(empty)))

        assert "No tables in Salon" in html

    def test_writes_times_in_the_zone_of_the_casino(self, floor: Floor) -> None:
        everywhere = StaffFactory.create(casino=None, is_superuser=True)

        page = signed_in(everywhere).get(address_of(floor.pit))

        local = page.context["pit_page"].now.astimezone(floor.casino.zone)
        assert f"Updated <time>{local:%H:%M:%S}</time>" in html_of(page)


class TestRefresh:
    def test_takes_as_many_statements_for_a_full_pit(self, floor: Floor, boss: Client) -> None:
        floor.open_slip(table=TableFactory.create(casino=floor.casino, pit=floor.pit))
        for_one = statements_for(boss, refresh_of(floor.pit))
        for _ in range(3):
            table = TableFactory.create(casino=floor.casino, pit=floor.pit)
            for seat in range(1, 6):
                floor.open_slip(table=table, seat=seat)

        for_full = statements_for(boss, refresh_of(floor.pit))

        assert for_full == for_one
        assert len(for_full) <= STATEMENTS_MAX, for_full

    def test_is_only_what_changes(self, floor: Floor) -> None:
        answer = signed_in(floor.boss, PIT_BOSS).get(refresh_of(floor.pit))

        html = html_of(answer)
        assert "floor-map" in html
        assert "<html" not in html
        assert "csrfmiddlewaretoken" not in html

    def test_is_empty_where_the_tablet_shows_the_same(self, floor: Floor, boss: Client) -> None:
        first = boss.get(refresh_of(floor.pit))

        second = boss.get(refresh_of(floor.pit), headers={"If-None-Match": first["ETag"]})

        assert second.status_code == 304
        assert second.content == b""
        assert second["X-Floor-At"] >= first["X-Floor-At"]

    def test_is_whole_where_something_changed(self, floor: Floor, boss: Client) -> None:
        first = boss.get(refresh_of(floor.pit))
        floor.open_slip(at=floor.now - timedelta(minutes=1))

        second = boss.get(refresh_of(floor.pit), headers={"If-None-Match": first["ETag"]})

        assert second.status_code == 200
        assert second["ETag"] != first["ETag"]
