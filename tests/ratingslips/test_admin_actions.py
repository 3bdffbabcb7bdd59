"""The slips' actions: asked first, carried out one by one, and each slip answers for itself."""

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from guardian.shortcuts import assign_perm

from core.console import time_budget
from core.console.display import exact_time_in
from core.console.time_budget import BUDGET_SECONDS
from core.models import Player
from core.roles import PIT_SUPERVISOR
from loyalty.models import LedgerEntry
from loyalty.services import pause_program
from ratingslips.admin.slips import actions
from ratingslips.models import PlaySegment, RatingSlip
from ratingslips.services import (
    change_average_bet,
    complete_rating_slip,
    move_rating_slip,
    pause_rating_slip,
    recover_slip_loyalty,
)
from tests.console import address, carry_out, fields_in, html_of, inline_code_in, said, signed_in, versions_shown
from tests.factories import PitFactory, TableFactory
from tests.floor import Floor
from tests.ratingslips.corrections import closed, correct, current_play, withheld
from tests.ratingslips.rows import write_owed

LIST = "changelist"


@pytest.fixture
def supervisor(floor: Floor) -> Client:
    """The supervisor's browser."""
    return signed_in(floor.supervisor, PIT_SUPERVISOR)


def choose(client: Client, action: str, *slips: RatingSlip, **fields: Any) -> Any:
    """Choose slips on the list and press Go."""
    post: dict[str, Any] = {"action": action, "index": "0", "_selected_action": [str(slip.pk) for slip in slips]}
    return client.post(address(RatingSlip, LIST), post | versions_shown(slips) | fields)


class TestPauseAndResume:
    def test_asks_since_when(self, slip: RatingSlip, boss: Client) -> None:
        page = choose(boss, "pause", slip)
        paused = RatingSlip.objects.filter(status="PAUSED").exists()
        answer = choose(boss, "pause", slip, confirmed="yes", **{f"{slip.pk}-when_ago": "20"})

        assert not paused
        assert f'name="{slip.pk}-when_ago" value="20"' in html_of(page)
        assert said(answer)[0].startswith(f"{slip.slip_number}: paused at ")
        assert slip.requests.get(kind="PAUSE").contents["chosen_time"] == "20 min ago"

    def test_pauses_once_confirmed(self, slip: RatingSlip, boss: Client) -> None:
        answer = choose(boss, "pause", slip, confirmed="yes")

        assert RatingSlip.objects.get().status == "PAUSED"
        assert said(answer) == [f"{slip.slip_number}: paused, the seat stays taken."]

    def test_resumes_once_confirmed(self, floor: Floor, boss: Client) -> None:
        slip = pause_rating_slip(slip=floor.open_slip(), actor=floor.boss, at=floor.ago(hours=1))

        answer = choose(boss, "resume", slip, confirmed="yes")

        assert RatingSlip.objects.get().status == "OPEN"
        assert said(answer) == [f"{slip.slip_number}: resumed at {slip.place}."]

    def test_lets_one_refusal_stop_no_other(self, floor: Floor, boss: Client) -> None:
        paused = pause_rating_slip(slip=floor.open_slip(), actor=floor.boss, at=floor.ago(hours=1))
        running = floor.open_slip(seat=2)

        answer = choose(boss, "pause", paused, running, confirmed="yes")

        assert RatingSlip.objects.get(pk=running.pk).status == "PAUSED"
        assert f"Slip {paused.slip_number} is already paused." in said(answer)
        assert said(answer)[-1] == "Of 2: 1 paused, 1 refused."

    def test_is_refused_on_a_version_that_is_no_longer_there(self, floor: Floor, boss: Client) -> None:
        slip = floor.open_slip()
        shown = versions_shown([slip])
        change_average_bet(slip=slip, average_bet=Decimal(60), actor=floor.supervisor, at=floor.now)

        answer = choose(boss, "pause", slip, **shown, confirmed="yes")

        [sentence] = said(answer)
        assert "was changed by somebody else meanwhile. Nothing was done. Average bet 60.00 at " in sentence
        assert sentence.endswith(f"by {floor.supervisor}.")
        assert RatingSlip.objects.get().status == "OPEN"

    def test_is_refused_where_the_page_carried_no_version(self, slip: RatingSlip, boss: Client) -> None:
        post = {"action": "pause", "index": "0", "_selected_action": str(slip.pk), "confirmed": "yes"}

        boss.post(address(RatingSlip, LIST), post)

        assert RatingSlip.objects.get().status == "OPEN"

    def test_is_answered_as_done_when_the_list_is_repeated(self, floor: Floor, boss: Client) -> None:
        slips = [floor.open_slip(seat=seat) for seat in (1, 2)]
        page: dict[str, Any] = {"request_id": str(uuid4())} | versions_shown(slips)
        choose(boss, "pause", *slips, **page, confirmed="yes")

        again = choose(boss, "pause", *slips, **page, confirmed="yes")

        assert said(again)[-1] == "Of 2: 2 already done."
        assert said(again)[-2].endswith("by you. Nothing was done twice.")

    def test_carries_the_version_of_every_slip_and_one_id(self, slip: RatingSlip, boss: Client) -> None:
        html = boss.get(address(RatingSlip, LIST)).content.decode()

        assert f'<input type="hidden" name="version-{slip.pk}" value="1-OPEN">' in html
        assert html.count('name="request_id"') == 1

    def test_keeps_the_list_as_it_was_filtered(self, slip: RatingSlip, boss: Client) -> None:
        filtered = f"{address(RatingSlip, LIST)}?status__exact=OPEN"

        post = {"action": "pause", "index": "0", "_selected_action": str(slip.pk), "confirmed": "yes"}
        answer: Any = boss.post(filtered, post | versions_shown([slip]))

        assert answer.url == filtered


class TestChangeBet:
    def test_asks_first_with_the_bet_as_it_is(self, slip: RatingSlip, boss: Client) -> None:
        page = choose(boss, "change_bet", slip)

        [row] = page.context["rows"]
        assert row.form["average_bet"].value() == Decimal("40.00")
        assert PlaySegment.objects.count() == 1
        assert inline_code_in(page) == []

    def test_gives_each_slip_its_own_bet(self, floor: Floor, boss: Client) -> None:
        one, other = floor.open_slip(seat=1), floor.open_slip(seat=2)
        bets: dict[str, Any] = {f"{one.pk}-average_bet": "75", f"{other.pk}-average_bet": "1,250.00"}

        asked = html_of(carry_out(boss, RatingSlip, "change_bet", [one, other], **bets))
        assert f'name="{other.pk}-confirmed_bet" value="1250.00"' in asked
        assert "40.00 now, 1,250.00 asked for" in asked
        bets[f"{other.pk}-confirmed_bet"] = "1250.00"
        answer = carry_out(boss, RatingSlip, "change_bet", [one, other], **bets)

        bets_now = {slip.pk: slip.segments.latest("seq").average_bet for slip in RatingSlip.objects.all()}
        assert bets_now == {one.pk: Decimal("75.00"), other.pk: Decimal("1250.00")}
        assert said(answer)[-1] == "Of 2: 2 changed."

    def test_does_nothing_and_keeps_input_while_a_row_is_wrong(self, floor: Floor, boss: Client) -> None:
        one, other = floor.open_slip(seat=1), floor.open_slip(seat=2)
        typed = {f"{one.pk}-average_bet": "75", f"{other.pk}-average_bet": "40,50,1"}

        page: Any = carry_out(boss, RatingSlip, "change_bet", [one, other], **typed)

        shown = {row.obj.pk: row.form for row in page.context["rows"]}
        assert shown[one.pk]["average_bet"].value() == "75"
        assert shown[other.pk]["average_bet"].value() == "40,50,1"
        assert shown[other.pk].errors["average_bet"] == ["Write an amount such as 40, 1250.00 or 1,250.00."]
        assert PlaySegment.objects.count() == 2

    def test_is_refused_for_a_closed_slip(self, floor: Floor, slip: RatingSlip, boss: Client) -> None:
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        answer = carry_out(boss, RatingSlip, "change_bet", [slip], **{f"{slip.pk}-average_bet": "75"})

        assert said(answer) == [f"Slip {slip.slip_number} is closed: only “Correct play” on its page changes its play."]

    def test_is_refused_on_the_version_that_the_confirmation_page_showed(self, floor: Floor, boss: Client) -> None:
        slip = floor.open_slip()
        page = choose(boss, "change_bet", slip)
        [row] = page.context["rows"]
        pause_rating_slip(slip=slip, actor=floor.supervisor, at=floor.now)
        post: dict[str, Any] = {f"{slip.pk}-average_bet": "75", f"version-{slip.pk}": row.version}

        answer = carry_out(boss, RatingSlip, "change_bet", [slip], **post)

        assert "was changed by somebody else meanwhile" in said(answer)[0]
        assert PlaySegment.objects.count() == 1

    def test_is_made_once_when_the_confirmation_page_is_sent_twice(self, slip: RatingSlip, boss: Client) -> None:
        page_id = str(choose(boss, "change_bet", slip).context["request_id"])
        post = {f"{slip.pk}-average_bet": "75", "request_id": page_id} | versions_shown([slip])
        carry_out(boss, RatingSlip, "change_bet", [slip], **post)

        again = carry_out(boss, RatingSlip, "change_bet", [slip], **post)

        assert said(again)[-1].startswith(f"{slip.slip_number}: average bet 75.00 at ")
        assert said(again)[-1].endswith("by you. Nothing was done twice.")
        assert PlaySegment.objects.count() == 2


class TestMove:
    def test_moves_each_slip_to_its_own_place(self, floor: Floor, boss: Client) -> None:
        one, other = floor.open_slip(seat=1), floor.open_slip(seat=2)
        table = TableFactory.create(casino=floor.casino, pit=floor.pit, game=floor.table.game)
        places: dict[str, Any] = {
            f"{one.pk}-table": table.pk,
            f"{one.pk}-seat": "5",
            f"{other.pk}-table": floor.table.pk,
            f"{other.pk}-seat": "7",
        }

        carry_out(boss, RatingSlip, "move", [one, other], **places)

        now_at = {slip.pk: (slip.table_id, slip.seat) for slip in RatingSlip.objects.all()}
        assert now_at == {one.pk: (table.pk, 5), other.pk: (floor.table.pk, 7)}

    def test_says_who_holds_a_taken_seat(self, floor: Floor, boss: Client) -> None:
        one, other = floor.open_slip(seat=1), floor.open_slip(seat=2)
        place: dict[str, Any] = {f"{one.pk}-table": floor.table.pk, f"{one.pk}-seat": "2"}

        answer = carry_out(boss, RatingSlip, "move", [one], **place)

        assert other.slip_number in said(answer)[0]
        assert "Free seats: " in said(answer)[0]

    def test_offers_the_casino_s_active_tables_and_free_seats(self, floor: Floor, boss: Client) -> None:
        slip = floor.open_slip(seat=2)
        closed = TableFactory.create(casino=floor.casino, pit=floor.pit, is_active=False)
        elsewhere = TableFactory.create()

        html = choose(boss, "move", slip).content.decode()

        assert f"{floor.table.name} (free: 1, 3, 4, 5, 6, 7)" in html
        assert closed.name not in html
        assert elsewhere.name not in html


class TestComplete:
    def test_tells_what_the_slip_earned(self, played_slip: RatingSlip, boss: Client) -> None:
        answer = carry_out(boss, RatingSlip, "complete", [played_slip])

        [sentence] = said(answer)
        standing = r"(\d+) points, balance \1, Bronze, 5\d % of the way to Silver\."
        earned = re.fullmatch(rf"{played_slip.slip_number}: closed, theo 5\d\.\d\d, {standing}", sentence)
        assert earned, sentence
        assert LedgerEntry.objects.get().points == int(earned.group(1))

    def test_closes_nothing_before_it_was_confirmed(self, played_slip: RatingSlip, boss: Client) -> None:
        page = choose(boss, "complete", played_slip)

        assert page.status_code == 200
        assert RatingSlip.objects.get().status == "OPEN"
        assert inline_code_in(page) == []

    def test_takes_what_changed_hands(self, played_slip: RatingSlip, boss: Client) -> None:
        money = {f"{played_slip.pk}-buy_in": "1,000", f"{played_slip.pk}-chips_out": "250.50"}

        carry_out(boss, RatingSlip, "complete", [played_slip], **money)

        closed = RatingSlip.objects.with_money().get()
        assert (closed.buy_in, closed.chips_out) == (Decimal("1000.00"), Decimal("250.50"))

    def test_answers_a_second_click_with_the_first_result(self, played_slip: RatingSlip, boss: Client) -> None:
        open_slips = "?status__exact=OPEN"

        carry_out(boss, RatingSlip, "complete", [played_slip], query=open_slips)
        again = carry_out(boss, RatingSlip, "complete", [played_slip], query=open_slips)

        assert said(again)[-1].startswith(f"{played_slip.slip_number}: was already closed at ")
        assert " by you, theo 5" in said(again)[-1]
        assert said(again)[-1].endswith("Nothing was done twice.")
        assert LedgerEntry.objects.count() == 1

    def test_says_that_points_are_owed_and_gives_the_reference(self, floor: Floor, boss: Client) -> None:
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Tier migration tonight")
        slip = floor.played_slip()

        answer = carry_out(boss, RatingSlip, "complete", [slip])

        closed = RatingSlip.objects.get()
        [sentence] = said(answer)
        assert closed.is_owed
        assert "are owed" in sentence
        assert str(closed.correlation_id) in sentence
        assert answer["X-Correlation-ID"] == str(closed.correlation_id)

    def test_counts_owed_points_apart_from_refusals(self, floor: Floor, boss: Client) -> None:
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Tier migration tonight")
        slips = [floor.played_slip(seat=seat) for seat in (1, 2)]

        answer = carry_out(boss, RatingSlip, "complete", slips)

        assert said(answer)[-1] == "Of 2: 2 owed."

    def test_sums_up_what_became_of_many(self, floor: Floor, boss: Client) -> None:
        slips = [floor.played_slip(seat=seat) for seat in (1, 2, 3)]
        complete_rating_slip(slip=slips[0], actor=floor.boss, at=floor.now)

        answer = carry_out(boss, RatingSlip, "complete", slips)

        assert len(said(answer)) == 4
        assert said(answer)[-1] == "Of 3: 2 closed, 1 already done."

    def test_reports_one_unexpected_failure_and_goes_on(
        self, floor: Floor, boss: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        bad, good = floor.played_slip(seat=1), floor.played_slip(seat=2)

        def fail_for_one(*, slip: UUID, **arguments: Any) -> Any:
            if slip == bad.pk:
                raise RuntimeError("the machine is on fire")
            return complete_rating_slip(slip=slip, **arguments)

        monkeypatch.setattr(actions, "complete_rating_slip", fail_for_one)
        answer = carry_out(boss, RatingSlip, "complete", [bad, good])

        reference = answer["X-Correlation-ID"]
        failed = f"{bad.slip_number}: something went wrong and was reported, reference {reference}."
        assert failed in said(answer)
        assert said(answer)[-1] == "Of 2: 1 closed, 1 failed."
        assert "console.row_failed" in caplog.text
        assert RatingSlip.objects.get(pk=good.pk).status == "CLOSED"
        assert RatingSlip.objects.get(pk=bad.pk).status == "OPEN"


class TestRecover:
    def test_pays_what_is_owed_and_says_so(self, floor: Floor, owed_slip: RatingSlip, supervisor: Client) -> None:
        answer = carry_out(supervisor, RatingSlip, "recover", [owed_slip])

        paid = RatingSlip.objects.get()
        assert (paid.recovered_by, paid.is_owed) == (floor.supervisor, False)
        assert said(answer)[0].startswith(f"{owed_slip.slip_number}: paid, theo 57.75, 578 points, balance 578")

    def test_asks_first(self, owed_slip: RatingSlip, supervisor: Client) -> None:
        page = choose(supervisor, "recover", owed_slip)

        assert page.status_code == 200
        assert RatingSlip.objects.get().is_owed

    def test_is_refused_for_a_live_slip(self, slip: RatingSlip, supervisor: Client) -> None:
        answer = carry_out(supervisor, RatingSlip, "recover", [slip])

        assert said(answer) == [f"Slip {slip.slip_number} is still live: close it first."]


class TestRefusedRows:
    @pytest.mark.parametrize(
        ("action", "field", "first", "then"),
        [
            ("pause", "when_ago", "5", "10"),
            ("change_bet", "average_bet", "75", "85"),
            ("move", "seat", "5", "6"),
            ("complete", "chips_out", "10", "20"),
            ("release", "reason", "Agreed with the manager", "Agreed on the phone"),
            ("void", "reason", "Opened by mistake", "Opened at the wrong table"),
        ],
    )
    def test_come_back_with_input_and_new_id_after_conflict(
        self, floor: Floor, supervisor: Client, action: str, field: str, first: str, then: str
    ) -> None:
        assign_perm("ratingslips.operate_pit", floor.supervisor, floor.pit)
        slip = withheld(floor) if action == "release" else floor.played_slip()
        Player.objects.update(status=Player.Status.ACTIVE)
        page_id = {"request_id": str(uuid4()), f"{slip.pk}-table": str(floor.table.pk)}
        carry_out(supervisor, RatingSlip, action, [slip], **page_id, **{f"{slip.pk}-{field}": first})

        page: Any = carry_out(supervisor, RatingSlip, action, [slip], **page_id, **{f"{slip.pk}-{field}": then})

        assert "This page was already used with a different" in said(page)[-1]
        [row] = page.context["rows"]
        assert row.form.data[f"{slip.pk}-{field}"] == then
        assert str(page.context["request_id"]) != page_id["request_id"]
        assert 'name="request_id-' not in html_of(page)

    def test_can_be_sent_again_after_slip_changed(self, floor: Floor, boss: Client) -> None:
        one, other = floor.open_slip(seat=1), floor.open_slip(seat=2)
        typed = {f"{slip.pk}-average_bet": "75" for slip in (one, other)} | versions_shown([one, other])
        pause_rating_slip(slip=one, actor=floor.boss, at=floor.now)

        page: Any = carry_out(boss, RatingSlip, "change_bet", [one, other], **typed, request_id=str(uuid4()))
        answer = boss.post(address(RatingSlip, LIST), fields_in(page))

        assert "Send what is listed below again if it is still right" in html_of(page)
        assert [row.obj for row in page.context["rows"]] == [one]
        assert said(answer)[-1] == f"{one.slip_number}: average bet 75.00 from now on."
        assert PlaySegment.objects.filter(average_bet=75).count() == 2

    def test_keep_their_ids_beside_a_conflict(self, floor: Floor, boss: Client) -> None:
        used, seated, closed = (floor.open_slip(seat=seat) for seat in (1, 2, 3))
        typed: dict[str, Any] = {"request_id": str(uuid4())}
        typed |= {f"{slip.pk}-table": str(floor.table.pk) for slip in (used, seated)}
        carry_out(boss, RatingSlip, "move", [used], **typed, **{f"{used.pk}-seat": "5"})
        typed |= {f"{used.pk}-seat": "6", f"{seated.pk}-seat": str(closed.seat)}

        page = carry_out(boss, RatingSlip, "move", [used, seated], **typed)
        complete_rating_slip(slip=closed, actor=floor.boss, at=floor.now)
        sent = fields_in(page)
        answers = [boss.post(address(RatingSlip, LIST), sent) for _ in range(2)]

        assert [f"request_id-{slip.pk}" in sent for slip in (used, seated)] == [False, True]
        assert [said(answer)[-1] for answer in answers] == ["Of 2: 2 moved.", "Of 2: 2 already done."]

    def test_leave_the_page_if_nothing_was_typed(self, floor: Floor, boss: Client) -> None:
        slip = pause_rating_slip(slip=floor.open_slip(), actor=floor.boss, at=floor.ago(hours=1))

        assert choose(boss, "pause", slip, confirmed="yes").status_code == 302


class TestRepeatedForm:
    def test_names_the_seat_of_the_first_move(self, floor: Floor, boss: Client) -> None:
        slip = floor.open_slip(seat=1)
        sent = {"request_id": str(uuid4()), f"{slip.pk}-table": str(floor.table.pk), f"{slip.pk}-seat": "5"}
        carry_out(boss, RatingSlip, "move", [slip], **sent)
        elsewhere = TableFactory.create(casino=floor.casino, pit=floor.pit)
        move_rating_slip(slip=slip, table=elsewhere, seat=2, actor=floor.boss, at=floor.now)

        again = carry_out(boss, RatingSlip, "move", [slip], **sent)

        assert said(again)[-1].startswith(f"{slip.slip_number}: moved to {floor.table.name} seat 5 at ")

    def test_names_the_closing_before_a_correction(self, floor: Floor, supervisor: Client) -> None:
        slip = closed(floor)
        assert slip.closed_at is not None
        *before, last = current_play(slip)
        correct(floor, slip, [*before, replace(last, ended_at=slip.closed_at - timedelta(minutes=7))])

        answer = carry_out(supervisor, RatingSlip, "complete", [slip])

        first = exact_time_in(slip.closed_at, floor.casino)
        assert f"was already closed at {first} by " in said(answer)[0]


class TestTimeBudget:
    @pytest.fixture(autouse=True)
    def _time_for_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        ticks = iter([0.0, 1.0, BUDGET_SECONDS + 1.0])
        monkeypatch.setattr(time_budget, "monotonic", lambda: next(ticks, 0.0))

    def test_lists_what_is_left_with_input_and_same_ids(self, floor: Floor, boss: Client) -> None:
        slips = [floor.open_slip(seat=seat) for seat in (1, 2)]
        bets = {f"{slip.pk}-average_bet": "75" for slip in slips} | {"request_id": str(uuid4())}

        page: Any = carry_out(boss, RatingSlip, "change_bet", slips, **bets)

        [row] = page.context["rows"]
        assert row.form["average_bet"].value() == "75"
        assert str(page.context["request_id"]) == bets["request_id"]
        assert "Of 2: 1 changed, 1 not reached in time. These are listed below: send them to continue." in html_of(page)
        again = carry_out(boss, RatingSlip, "change_bet", slips, **bets)
        assert said(again)[-1] == "Of 2: 1 changed, 1 already done."
        assert PlaySegment.objects.filter(average_bet=75).count() == 2


@pytest.mark.slow
class TestFiveHundredSlips:
    @pytest.mark.shows(34)
    def test_answer_each_for_itself_with_the_bad_ones_among_them(
        self, floor: Floor, supervisor: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slips = write_owed(floor, floor.player(), seat=1, number=497)
        live = floor.open_slip(seat=2)
        pit = PitFactory.create(casino=floor.casino)
        (elsewhere,) = write_owed(
            floor, floor.player(), seat=1, number=1, table=TableFactory.create(casino=floor.casino, pit=pit)
        )
        (broken,) = write_owed(floor, floor.player(), seat=3, number=1)

        def fail_for_one(*, slip: UUID, **arguments: Any) -> Any:
            if slip == broken.pk:
                raise RuntimeError("the machine is on fire")
            return recover_slip_loyalty(slip=slip, **arguments)

        monkeypatch.setattr(actions, "recover_slip_loyalty", fail_for_one)
        monkeypatch.setattr(time_budget, "BUDGET_SECONDS", 600)

        answer = carry_out(supervisor, RatingSlip, "recover", [*slips, live, elsewhere, broken])

        sentences = said(answer)
        assert len(sentences) == 501
        assert sentences[-1] == "Of 500: 497 paid, 2 refused, 1 failed."
        for slip in (*slips, live, elsewhere, broken):
            assert (
                len([sentence for sentence in sentences if f"{slip.slip_number}" in sentence.replace(":", " ").split()])
                == 1
            )
        assert LedgerEntry.objects.count() == 497
        assert set(RatingSlip.objects.owed()) == {elsewhere, broken}
