"""The slips' pages: the list, the page of one slip, and the page that opens one."""

from decimal import Decimal
from typing import Any

import pytest
from django.test import Client

from core.console.links import page_url
from core.console.queries import LEFT_OUT
from core.models import Player
from core.roles import PIT_BOSS
from loyalty.models import LedgerEntry
from ratingslips.models import PlaySegment, RatingSlip
from ratingslips.services import complete_rating_slip
from tests.console import address, html_of, inline_code_in, said, shown_in, signed_in, statements_for, versions_shown
from tests.factories import PitFactory, PlayerFactory, StaffFactory, TableFactory
from tests.floor import Floor
from tests.ratingslips.corrections import closed, correct, last_at, void

LIST = "changelist"
PAGE = "change"


class TestSlipList:
    def test_shows_what_a_pit_boss_looks_for(self, floor: Floor, boss: Client) -> None:
        slip = floor.played_slip()
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        page = boss.get(address(RatingSlip, LIST))

        [row] = shown_in(page)
        card = slip.player.card_number
        assert row[1:7] == [slip.slip_number, "Closed", f"Nguyễn, José ({card})", slip.place, "100.00", "2:00"]
        assert row[8:] == ["57.75", "578"]

    def test_marks_points_that_are_owed_and_filters_by_them(self, floor: Floor, boss: Client) -> None:
        floor.open_slip(seat=2)
        slip = floor.owed_slip()

        page = boss.get(address(RatingSlip, LIST), {"owed": "1"})

        [row] = shown_in(page)
        assert (row[1], row[-1]) == (slip.slip_number, "Owed")

    def test_filters_by_what_was_corrected_or_voided(self, floor: Floor, boss: Client) -> None:
        floor.open_slip(seat=2)
        slip, gone = closed(floor), floor.open_slip(seat=3)
        correct(floor, slip, last_at(slip, 200))
        void(floor, gone)

        page = boss.get(address(RatingSlip, LIST), {"corrected": "1"})

        assert {row[1] for row in shown_in(page)} == {slip.slip_number, gone.slip_number}

    def test_shows_opening_times_in_the_zone_of_the_casino(self, floor: Floor, slip: RatingSlip, boss: Client) -> None:
        [row] = shown_in(boss.get(address(RatingSlip, LIST)))

        assert row[7].endswith(f"{slip.opened_at.astimezone(floor.casino.zone):%H:%M}")

    @pytest.mark.parametrize("term", ["number", "card", "name"])
    def test_is_searched_by(self, floor: Floor, boss: Client, term: str) -> None:
        floor.open_slip(seat=2)
        slip = floor.open_slip(player=floor.player(first_name="Ana", last_name="Sokolova"))
        terms = {"number": slip.slip_number, "card": slip.player.card_number, "name": "ana sokol"}

        page = boss.get(address(RatingSlip, LIST), {"q": terms[term]})

        assert [row[1] for row in shown_in(page)] == [slip.slip_number]

    def test_offers_the_players_where_a_name_has_several(self, floor: Floor, boss: Client) -> None:
        players = [floor.player(first_name=name, last_name="Sokolova") for name in ("Ana", "Lan")]
        slips = [floor.open_slip(player=player, seat=seat) for seat, player in enumerate(players, start=1)]

        page = boss.get(address(RatingSlip, LIST), {"q": "sokolova"})

        chosen = f"{address(RatingSlip, LIST)}?player__id__exact={players[1].pk}"
        assert (shown_in(page), f'href="{chosen}"' in page.content.decode()) == ([], True)
        assert [row[1] for row in shown_in(boss.get(chosen))] == [slips[1].slip_number]

    def test_keeps_the_order_of_its_index(self, floor: Floor, boss: Client) -> None:
        for seat in (1, 2):
            floor.open_slip(seat=seat, at=floor.ago(hours=seat))

        pages = [shown_in(boss.get(address(RatingSlip, LIST), {"o": column})) for column in ("", "1", "-1")]

        assert pages[0] == pages[1] == pages[2]

    @pytest.mark.parametrize("asked", ["pit", "day", "status"])
    def test_is_filtered_by(self, floor: Floor, slip: RatingSlip, boss: Client, asked: str) -> None:
        yes: dict[str, dict[str, Any]] = {
            "pit": {"pit__id__exact": floor.pit.pk},
            "day": {"gaming_day": slip.gaming_day.isoformat()},
            "status": {"status__exact": "OPEN"},
        }
        no: dict[str, dict[str, Any]] = {
            "pit": {"pit__id__exact": PitFactory.create(casino=floor.casino).pk},
            "day": {"gaming_day": "1999-12-31"},
            "status": {"status__exact": "CLOSED"},
        }

        with_it = boss.get(address(RatingSlip, LIST), yes[asked])
        without = boss.get(address(RatingSlip, LIST), no[asked])

        assert (len(shown_in(with_it)), len(shown_in(without))) == (1, 0)

    def test_answers_an_invalid_gaming_day_with_the_whole_list(self, floor: Floor, boss: Client) -> None:
        page = boss.get(address(RatingSlip, LIST), {"gaming_day": "tomorrow"})

        assert page.status_code == 200
        assert said(page) == [LEFT_OUT]

    def test_takes_as_many_statements_for_many_slips_as_for_one(self, floor: Floor, boss: Client) -> None:
        complete_rating_slip(slip=floor.played_slip(), actor=floor.boss, at=floor.now)
        for_one = statements_for(boss, address(RatingSlip, LIST))
        for seat in range(2, 8):
            floor.open_slip(seat=seat)

        for_seven = statements_for(boss, address(RatingSlip, LIST))

        assert for_seven == for_one

    def test_never_counts_the_whole_table(self, floor: Floor, boss: Client) -> None:
        floor.open_slip()

        counts = statements_for(boss, address(RatingSlip, LIST)).counts

        assert counts
        assert all("LIMIT" in sql for sql in counts)

    def test_offers_actions_only_to_who_operates_a_pit(self, floor: Floor, boss: Client) -> None:
        floor.open_slip()
        other = signed_in(StaffFactory.create(casino=floor.casino), PIT_BOSS)

        offered = [
            dict(page.context["action_form"].fields["action"].choices) if page.context["action_form"] else {}
            for page in (client.get(address(RatingSlip, LIST)) for client in (boss, other))
        ]

        assert set(offered[0]) == {"", "pause", "resume", "change_bet", "move", "complete", "void"}
        assert offered[1] == {}

    def test_offers_recovery_only_with_the_right_to_recover(self, floor: Floor) -> None:
        page = signed_in(floor.supervisor, PIT_BOSS).get(address(RatingSlip, LIST))

        assert "recover" in dict(page.context["action_form"].fields["action"].choices)


class TestSlipPage:
    def test_tells_the_whole_history_in_order(self, floor: Floor, played_slip: RatingSlip, boss: Client) -> None:
        settlement = complete_rating_slip(slip=played_slip, actor=floor.boss, at=floor.now)

        page = boss.get(address(RatingSlip, PAGE, played_slip.pk))

        html = page.content.decode()
        segments = PlaySegment.objects.filter(slip=played_slip).order_by("seq")
        assert [str(segment.average_bet) in html for segment in segments] == [True, True]
        assert html.count(", recorded ") == 3
        assert html.index("40.00") < html.rindex("100.00")
        assert str(settlement.correlation_id) in html
        assert address(LedgerEntry, PAGE, LedgerEntry.objects.get().pk) in html
        assert page_url(played_slip.player) in html

    def test_folds_play_from_before_corrections_below_what_counts(self, floor: Floor, boss: Client) -> None:
        slip, gone = closed(floor), floor.open_slip(seat=3)
        for bet in (200, 300):
            correct(floor, slip, last_at(slip, bet))
        void(floor, gone)

        page, page_of_void = (boss.get(page_url(one)) for one in (slip, gone))

        current, before, _ = (tabled.formset for tabled in page.context["inline_admin_formsets"])
        assert [form.instance.seq for form in current] == [5, 6]
        assert [(form.instance.seq, form.instance.superseded_by.number) for form in before] == [
            *((1, 1), (2, 1), (3, 2), (4, 2)),
        ]
        assert "<details><summary>" in html_of(page)
        assert [len(tabled.formset.forms) for tabled in page_of_void.context["inline_admin_formsets"]] == [1, 0]

    def test_says_in_words_why_points_are_owed(self, owed_slip: RatingSlip, boss: Client) -> None:
        page = boss.get(page_url(owed_slip)).content.decode()

        assert "the programme was paused" in page
        assert "PROGRAM_PAUSED" not in page

    def test_has_buttons_for_what_the_slip_allows(self, slip: RatingSlip, boss: Client) -> None:
        names = [action.name for action in boss.get(address(RatingSlip, PAGE, slip.pk)).context["slip_actions"]]

        assert names == ["pause", "change_bet", "move", "complete"]

    def test_has_no_buttons_for_who_does_not_operate_its_pit(self, floor: Floor, slip: RatingSlip) -> None:
        client = signed_in(StaffFactory.create(casino=floor.casino), PIT_BOSS)

        page = client.get(address(RatingSlip, PAGE, slip.pk))

        assert page.context["slip_actions"] == []

    def test_comes_back_to_itself_after_its_button(self, slip: RatingSlip, boss: Client) -> None:
        button = {"action": "pause", "_selected_action": str(slip.pk), "return_to_page": "yes"} | versions_shown([slip])

        answer = boss.post(address(RatingSlip, LIST), button)

        assert answer.url == address(RatingSlip, PAGE, slip.pk)  # type: ignore[attr-defined]
        assert RatingSlip.objects.get(pk=slip.pk).status == "PAUSED"


class TestOpenSlip:
    OPEN = "open"

    def form(self, floor: Floor, seated: Player, **changed: Any) -> dict[str, Any]:
        typed = {"player": seated.card_number, "table": floor.table.pk, "seat": "3", "average_bet": "1,250.50"}
        return typed | {"buy_in": ""} | changed

    def test_seats_a_player_by_card_number(self, floor: Floor, player: Player, boss: Client) -> None:
        answer = boss.post(address(RatingSlip, self.OPEN), self.form(floor, player))

        slip = RatingSlip.objects.with_play(now=floor.now).get()
        assert (slip.player, slip.table, slip.seat, slip.opened_by) == (player, floor.table, 3, floor.boss)
        assert slip.average_bet == Decimal("1250.50")
        assert answer.url == address(RatingSlip, PAGE, slip.pk)  # type: ignore[attr-defined]
        assert said(answer) == [f"{slip.slip_number} opened for {player} at {slip.place}, average bet 1,250.50."]

    def test_finds_a_player_by_a_name_that_only_one_bears(self, floor: Floor, boss: Client) -> None:
        floor.player()
        player = floor.player(first_name="Ana", last_name="Sokolova")

        boss.post(address(RatingSlip, self.OPEN), self.form(floor, player, player="sokolova ana"))

        assert RatingSlip.objects.get().player == player

    def test_asks_for_the_card_where_several_bear_the_name(self, floor: Floor, boss: Client) -> None:
        one, other = floor.player(), floor.player()

        page = boss.post(address(RatingSlip, self.OPEN), self.form(floor, one, player="Nguyễn"))

        [error] = page.context["form"].errors["player"]
        assert one.card_number in error
        assert other.card_number in error
        assert not RatingSlip.objects.exists()

    def test_keeps_the_input_and_marks_the_refused_field(self, floor: Floor, player: Player, boss: Client) -> None:
        holder = floor.open_slip(seat=3)

        page = boss.post(address(RatingSlip, self.OPEN), self.form(floor, player))

        form = page.context["form"]
        assert holder.slip_number in form.errors["seat"][0]
        assert form["average_bet"].value() == "1,250.50"
        assert RatingSlip.objects.count() == 1

    def test_says_where_a_player_sits_already(self, floor: Floor, boss: Client) -> None:
        seated = floor.open_slip()

        page = boss.post(address(RatingSlip, self.OPEN), self.form(floor, seated.player))

        assert seated.slip_number in page.context["form"].errors["player"][0]

    def test_begins_with_the_player_whose_page_it_was_reached_from(self, player: Player, boss: Client) -> None:
        link = f"{address(RatingSlip, self.OPEN)}?player={player.pk}"
        player_page = boss.get(address(Player, PAGE, player.pk))

        assert link in player_page.content.decode()
        assert boss.get(link).context["form"]["player"].value() == player.card_number

    def test_offers_tables_only_of_pits_that_the_boss_operates(self, floor: Floor, boss: Client) -> None:
        other_pit = TableFactory.create(casino=floor.casino)
        player = floor.player()

        page = boss.post(address(RatingSlip, self.OPEN), self.form(floor, player, table=other_pit.pk))

        assert "table" in page.context["form"].errors
        assert other_pit.name not in page.content.decode()

    def test_finds_no_player_of_another_casino(self, floor: Floor, boss: Client) -> None:
        stranger = PlayerFactory.create()

        page = boss.post(address(RatingSlip, self.OPEN), self.form(floor, stranger))

        assert "No player has" in page.context["form"].errors["player"][0]

    def test_tells_no_card_of_another_casino(self, boss: Client) -> None:
        stranger = PlayerFactory.create()

        page = boss.get(address(RatingSlip, self.OPEN), {"player": stranger.pk})

        assert page.context["form"]["player"].value() == ""

    def test_takes_the_card_s_player_in_the_table_s_casino(self, floor: Floor, root: Client) -> None:
        PlayerFactory.create(card_number="C-1")
        player = floor.player(card_number="C-1")
        PlayerFactory.create(card_number="C-1")

        root.post(address(RatingSlip, self.OPEN), self.form(floor, player))

        assert RatingSlip.objects.get().player == player

    @pytest.mark.parametrize("typed", ["", "0", "-5", "1.250", "1e3", "NaN", "40.001", "forty", "1000000.01"])
    def test_refuses_a_bet_that_is_no_amount(self, floor: Floor, boss: Client, typed: str) -> None:
        page = boss.post(address(RatingSlip, self.OPEN), self.form(floor, floor.player(), average_bet=typed))

        assert "average_bet" in page.context["form"].errors
        assert not RatingSlip.objects.exists()
        assert inline_code_in(page) == []
