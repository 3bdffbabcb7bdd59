"""What holds for every action on slips: rights, forged posts, limits, and the actor."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client
from guardian.shortcuts import assign_perm, remove_perm

from core.console import row_actions
from core.roles import AUDITOR, PIT_BOSS
from loyalty.models import LedgerEntry
from ratingslips.admin.slips import actions
from ratingslips.models import PlaySegment, RatingSlip
from tests.console import address, carry_out, fields_in, said, signed_in, versions_shown
from tests.factories import StaffFactory, TableFactory
from tests.floor import Floor
from tests.refusals import logged

LIST = "changelist"
ACTIONS = ("pause", "resume", "change_bet", "move", "complete", "recover")


def choose(client: Client, action: str, *slips: RatingSlip, **fields: Any) -> Any:
    """Choose slips on the list and press Go."""
    post: dict[str, Any] = {"action": action, "index": "0", "_selected_action": [str(slip.pk) for slip in slips]}
    return client.post(address(RatingSlip, LIST), post | versions_shown(slips) | fields)


def _take_the_pit_away(floor: Floor) -> None:
    remove_perm("ratingslips.operate_pit", floor.boss, floor.pit)


class TestEveryAction:
    @pytest.mark.parametrize("keeps_another_pit", [True, False])
    @pytest.mark.shows(33)
    def test_is_refused_if_the_right_went_between_page_and_post(
        self, floor: Floor, played_slip: RatingSlip, boss: Client, keeps_another_pit: bool
    ) -> None:
        choose(boss, "complete", played_slip)
        _take_the_pit_away(floor)
        if keeps_another_pit:
            assign_perm("ratingslips.operate_pit", floor.boss, TableFactory.create(casino=floor.casino).pit)

        with logged() as lines:
            answer = carry_out(boss, RatingSlip, "complete", [played_slip])

        assert said(answer)[0].startswith(f"{played_slip.slip_number}: You do not hold the permission")
        assert [(line["event"], line["code"]) for line in lines] == [("core.operation_refused", "NOT_PERMITTED")]
        assert RatingSlip.objects.get().status == "OPEN"

    def test_gives_the_first_result_after_the_right_is_gone(self, floor: Floor, boss: Client) -> None:
        slip = floor.played_slip()
        first = said(carry_out(boss, RatingSlip, "complete", [slip]))
        _take_the_pit_away(floor)

        again = said(carry_out(boss, RatingSlip, "complete", [slip]))[len(first) :]

        [sentence] = again
        assert first[0].partition(": closed, ")[2].rstrip(".") in sentence
        assert sentence.startswith(f"{slip.slip_number}: was already closed at ")
        assert LedgerEntry.objects.count() == 1

    def test_takes_no_actor_from_the_post(self, floor: Floor, slip: RatingSlip, boss: Client) -> None:
        carry_out(boss, RatingSlip, "complete", [slip], actor=floor.supervisor.pk, staff=floor.supervisor.pk)

        assert RatingSlip.objects.get().closed_by == floor.boss

    def test_does_not_know_a_slip_of_another_casino(self, slip: RatingSlip) -> None:
        other = Floor.build()
        mine = other.open_slip()

        answer = carry_out(signed_in(other.boss, PIT_BOSS), RatingSlip, "complete", [slip, mine])

        assert said(answer)[0] == "1 of the chosen rating slips cannot be found in your casino."
        assert RatingSlip.objects.get(pk=slip.pk).status == "OPEN"
        assert RatingSlip.objects.get(pk=mine.pk).status == "CLOSED"

    @pytest.mark.parametrize("confirmed", [{"confirmed": "yes"}, {"index": "0"}])
    def test_says_once_how_many_it_does_not_know(self, floor: Floor, boss: Client, confirmed: dict[str, str]) -> None:
        slip = floor.open_slip()
        chosen = ["not-a-key", "' OR 1=1", str(uuid4()), str(slip.pk)]
        post: dict[str, Any] = {"action": "pause", "_selected_action": chosen} | versions_shown([slip])

        answer = boss.post(address(RatingSlip, LIST), post | confirmed)

        told = [sentence for sentence in said(answer) if "cannot be found" in sentence]
        assert told == ["3 of the chosen rating slips cannot be found in your casino."]
        assert RatingSlip.objects.get().status == ("PAUSED" if "confirmed" in confirmed else "OPEN")

    def test_says_so_where_it_knows_none(self, floor: Floor, boss: Client) -> None:
        chosen = ["not-a-key", "' OR 1=1", "not-a-key"]

        answer = boss.post(
            address(RatingSlip, LIST), {"action": "complete", "_selected_action": chosen, "confirmed": "yes"}
        )

        assert said(answer) == ["2 of the chosen rating slips cannot be found in your casino."]

    def test_takes_no_more_slips_than_its_limit(
        self, floor: Floor, boss: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slips = [floor.open_slip(seat=seat) for seat in (1, 2, 3)]
        monkeypatch.setattr(actions, "PAUSE", replace(actions.PAUSE, max_rows=2))

        answer = choose(boss, "pause", *slips, confirmed="yes")

        assert said(answer) == ["At most 2 can be chosen at once for “Pause”. Nothing was done."]
        assert not RatingSlip.objects.filter(status="PAUSED").exists()

    def test_has_a_limit_that_a_post_can_carry(self, slip: RatingSlip, boss: Client) -> None:
        limits = [getattr(actions, name).max_rows for name in ("PAUSE", "RESUME", "CHANGE_BET", "COMPLETE", "RECOVER")]

        sent = fields_in(choose(boss, "complete", slip))
        fields_of_a_row = 2 + len([name for name in sent if str(slip.pk) in name])  # The chosen row, and its own id.

        assert limits == [row_actions.MAX_ROWS] * 5
        assert row_actions.MAX_ROWS * fields_of_a_row < settings.DATA_UPLOAD_MAX_NUMBER_FIELDS

    def test_reaches_the_whole_list_when_all_are_selected(self, floor: Floor, boss: Client) -> None:
        slips = [floor.open_slip(seat=seat) for seat in (1, 2, 3)]

        choose(boss, "pause", slips[0], select_across="1", confirmed="yes")

        assert RatingSlip.objects.filter(status="PAUSED").count() == 3

    @pytest.mark.parametrize("action", ACTIONS)
    def test_is_refused_and_logged_for_each_forged_slip(self, floor: Floor, action: str) -> None:
        slips = [floor.open_slip(seat=1), floor.open_slip(seat=2)]
        auditor = StaffFactory.create(casino=floor.casino)
        client = signed_in(auditor, AUDITOR)
        given = {f"{slip.pk}-average_bet": "75" for slip in slips}
        given |= {f"{slip.pk}-table": str(floor.table.pk) for slip in slips}
        given |= {f"{slip.pk}-seat": f"{5 + slip.seat}" for slip in slips}

        with logged() as lines:
            answer = carry_out(client, RatingSlip, action, slips, **given)

        refusals = {told.partition(" “")[0] for told in said(answer)[:2]}
        assert refusals == {f"{slip.slip_number}: You do not hold the permission" for slip in slips}
        assert said(answer)[2] == "Of 2: 2 refused."
        assert [(line["event"], line["code"], line["actor_id"]) for line in lines] == [
            ("core.operation_refused", "NOT_PERMITTED", auditor.pk)
        ] * 2
        assert {slip.status for slip in RatingSlip.objects.all()} == {"OPEN"}
        assert PlaySegment.objects.count() == 2

    def test_is_not_offered_on_a_list_that_a_post_shows(self, floor: Floor) -> None:
        floor.open_slip()
        client = signed_in(StaffFactory.create(casino=floor.casino), PIT_BOSS)

        page = client.post(address(RatingSlip, LIST), {"action": "pause"})

        assert page.context["action_form"] is None
