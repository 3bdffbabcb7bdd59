"""The pages ask when an act happened: now, some minutes ago, or at a time of day."""

import re
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from core.roles import PIT_BOSS
from ratingslips.admin.slips.times import TimeForm
from ratingslips.models import RatingSlip, SlipRequest
from ratingslips.services import change_average_bet, complete_rating_slip, pause_rating_slip, record_buy_in
from tests.console import address, carry_out, fields_in, html_of, said, signed_in, versions_shown
from tests.floor import Floor

ACTS: dict[str, dict[str, Any]] = {
    "change_bet": {"average_bet": "75"},
    "pause": {},
    "resume": {},
    "move": {"to": "{table}:5"},
    "complete": {},
}
every_act = pytest.mark.parametrize("do", ACTS)


def slip_for(floor: Floor, do: str) -> RatingSlip:
    slip = floor.open_slip(at=floor.ago(minutes=50))
    if do == "resume":
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=45))
    return slip


def post(client: Client, floor: Floor, slip: RatingSlip, do: str, **when: str) -> Any:
    page = reverse("floor:slip", args=[slip.pk])
    typed = {name: value.format(table=floor.table.pk) for name, value in ACTS[do].items()}
    sheet = client.get(page).context["sheet"]
    given = {"do": do, "expected_version": sheet.version, "request_id": str(uuid4())}
    return client.post(page, given | typed | when)


def minutes_in(form: Any) -> list[int]:
    """The minutes ago that a form offers."""
    return [int(minutes) for minutes in re.findall(r'_ago" value="([0-9]+)"', str(form["when"]))]


def minutes_late(kind: str) -> int:
    """How many minutes after it happened the newest request was recorded."""
    newest = SlipRequest.objects.filter(kind=kind).latest("recorded_at")
    return round((newest.recorded_at - newest.happened_at) / timedelta(minutes=1))


class TestFloor:
    @every_act
    def test_records_an_act_at_the_time_that_was_tapped(self, floor: Floor, boss: Client, do: str) -> None:
        slip = slip_for(floor, do)

        answer = post(boss, floor, slip, do, when_ago="20")

        at = SlipRequest.objects.latest("recorded_at").happened_at.astimezone(floor.casino.zone)
        assert minutes_late({"complete": "CLOSE"}.get(do, do.upper())) == 20
        assert f"{at:%H:%M}" in said(answer)[0]

    @every_act
    def test_records_it_now_where_nothing_was_chosen(self, floor: Floor, boss: Client, do: str) -> None:
        post(boss, floor, slip_for(floor, do), do, when_ago="", when_clock="")

        assert minutes_late({"complete": "CLOSE"}.get(do, do.upper())) == 0

    def test_reads_a_time_of_day_as_typed(self, floor: Floor, boss: Client) -> None:
        slip = slip_for(floor, "pause")
        at = floor.ago(minutes=25).astimezone(floor.casino.zone)

        post(boss, floor, slip, "pause", when_clock=f"{at:%I.%M %p}")

        assert SlipRequest.objects.get(kind="PAUSE").happened_at == at.replace(second=0, microsecond=0)

    @pytest.mark.parametrize(
        ("when", "words"),
        [
            ({"when_clock": "half past"}, "Write a time such as 19:30, 1930 or 7.30 pm."),
            ({"when_ago": "10", "when_clock": "19:30"}, "Choose one time: 10 min ago, or 19:30."),
            ({"when_ago": "7"}, "Select a valid choice"),
            ({"when_ago": "30"}, "is before the last event on record: bet changed at "),
        ],
        ids=["not-a-time", "two-times", "no-choice", "before-the-last-event"],
    )
    @pytest.mark.parametrize("do", ["change_bet", "pause", "move", "complete"])
    def test_keeps_a_refused_time_on_the_page(
        self, floor: Floor, boss: Client, slip: RatingSlip, do: str, when: dict[str, str], words: str
    ) -> None:
        change_average_bet(slip=slip, average_bet=Decimal(50), actor=floor.supervisor, at=floor.ago(minutes=5))
        before = SlipRequest.objects.count()

        html = html_of(post(boss, floor, slip, do, **when))

        assert words in html
        assert f'_clock" value="{when.get("when_clock", "")}"' in html
        if when.get("when_ago") in {"10", "30"}:
            assert f'value="{when["when_ago"]}" checked' in html
        assert SlipRequest.objects.count() == before

    @pytest.mark.parametrize(("who", "is_allowed"), [("boss", False), ("supervisor", True)])
    def test_lets_who_may_correct_slips_go_further_back(self, floor: Floor, who: str, is_allowed: bool) -> None:
        floor.casino.backdating_minutes = 10
        floor.casino.gaming_day_starts_at = floor.ago(hours=3).astimezone(floor.casino.zone).time()
        floor.casino.save()
        slip = floor.open_slip(at=floor.ago(minutes=50))
        client = signed_in(getattr(floor, who), PIT_BOSS)

        answer = post(client, floor, slip, "pause", when_ago="20")

        assert ("is too long ago: you can go back to" in html_of(answer)) is not is_allowed
        assert RatingSlip.objects.get().status == ("PAUSED" if is_allowed else "OPEN")

    @pytest.mark.parametrize(
        ("form", "limit", "who", "offered"),
        [
            ("bet_form", 60, "boss", [5, 10]),
            ("close_form", 60, "boss", [5]),
            ("bet_form", 4, "boss", []),
            ("buy_in_form", 60, "boss", [5, 10, 15, 20, 30]),
            ("buy_in_form", 15, "boss", [5, 10, 15]),
            ("buy_in_form", 15, "supervisor", [5, 10, 15, 20, 30]),
        ],
    )
    def test_offers_no_time_that_would_be_refused(
        self, floor: Floor, form: str, limit: int, who: str, offered: list[int]
    ) -> None:
        floor.casino.backdating_minutes = limit
        floor.casino.gaming_day_starts_at = floor.ago(hours=3).astimezone(floor.casino.zone).time()
        floor.casino.save()
        slip = floor.open_slip(at=floor.ago(minutes=50))
        change_average_bet(slip=slip, average_bet=Decimal(50), actor=floor.boss, at=floor.ago(minutes=12))
        record_buy_in(slip=slip, amount=Decimal(50), actor=floor.boss, at=floor.ago(minutes=7))

        page = signed_in(getattr(floor, who), PIT_BOSS).get(reverse("floor:slip", args=[slip.pk]))

        assert minutes_in(page.context[form]) == offered
        assert ("ago, or at" in f"{page.context[form]['when']}") == bool(offered)

    def test_offers_times_of_play_for_money_when_closed(self, floor: Floor) -> None:
        slip = floor.open_slip(at=floor.ago(minutes=25))
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=12))

        page = signed_in(floor.supervisor, PIT_BOSS).get(reverse("floor:slip", args=[slip.pk]))

        assert minutes_in(page.context["buy_in_form"]) == [15, 20]

    def test_opens_a_slip_for_a_player_who_sat_down_before(self, floor: Floor, boss: Client) -> None:
        seat, player = reverse("floor:seat", args=[floor.table.pk, 3]), floor.player()

        answer: Any = boss.post(seat, {"player": player.pk, "average_bet": "50", "when_ago": "10"}, follow=True)

        slip = RatingSlip.objects.get()
        assert minutes_late("OPEN") == 10
        assert f"seat 3 since {slip.opened_at.astimezone(floor.casino.zone):%H:%M}, average bet 50.00" in html_of(
            answer
        )

    def test_carries_the_time_through_a_search_without_scripts(self, floor: Floor, boss: Client) -> None:
        seat = reverse("floor:seat", args=[floor.table.pk, 3])

        searched: Any = boss.post(seat, {"search": "1", "q": "Ana", "when_ago": "15", "when_clock": "19:"})

        html = html_of(boss.get(searched.url))
        assert ('value="15" checked' in html, 'value="19:"' in html) == (True, True)


class TestConsole:
    @pytest.mark.parametrize("do", ["pause", "resume"])
    def test_pauses_and_resumes_from_the_slips_page(self, floor: Floor, boss: Client, do: str) -> None:
        slip = slip_for(floor, do)
        button = {"action": do, "_selected_action": str(slip.pk), "return_to_page": "yes"} | versions_shown([slip])

        boss.post(address(RatingSlip, "changelist"), button | {f"{slip.pk}-when_ago": "15"})

        assert minutes_late(do.upper()) == 15

    def test_asks_again_for_a_time_that_cannot_be_read(self, floor: Floor, boss: Client) -> None:
        slip = slip_for(floor, "pause")
        button = {"action": "pause", "_selected_action": str(slip.pk), "return_to_page": "yes"} | versions_shown([slip])

        answer: Any = boss.post(address(RatingSlip, "changelist"), button | {f"{slip.pk}-when_clock": "soon"})

        assert "Write a time such as 19:30" in html_of(answer)
        boss.post(address(RatingSlip, "changelist"), fields_in(answer) | {f"{slip.pk}-when_clock": ""})
        assert RatingSlip.objects.get().status == "PAUSED"

    def test_leads_to_the_correction_only_where_that_helps(self, floor: Floor, boss: Client) -> None:
        slip = floor.open_slip(at=floor.ago(minutes=50))
        change_average_bet(slip=slip, average_bet=Decimal(50), actor=floor.boss, at=floor.ago(minutes=12))
        record_buy_in(slip=slip, amount=Decimal(50), actor=floor.boss, at=floor.ago(minutes=7))
        page = reverse("admin:ratingslips_ratingslip_correct", args=[slip.pk])

        told = [
            said(carry_out(boss, RatingSlip, "complete", [slip], **{f"{slip.pk}-when_ago": minutes}))[-1]
            for minutes in ("15", "10")
        ]

        assert [page in sentence for sentence in told] == [True, False]
        shown = [html_of(post(boss, floor, slip, "complete", when_ago=minutes)) for minutes in ("15", "10")]
        assert ["Correct the play before that" in html for html in shown] == [True, False]
        assert "is before Buy-in 50.00, cash" in told[1]

    @pytest.mark.parametrize("do", ["change_bet", "move", "complete"])
    def test_carries_the_time_to_the_page_that_confirms(self, floor: Floor, boss: Client, do: str) -> None:
        slip = slip_for(floor, do)
        button = {"action": do, "_selected_action": str(slip.pk), "return_to_page": "yes"} | versions_shown([slip])

        asked: Any = boss.post(address(RatingSlip, "changelist"), button | {f"{slip.pk}-when_ago": "15"})
        typed = {"change_bet": {"average_bet": "75"}, "move": {"seat": "5"}}.get(do, {})
        boss.post(
            address(RatingSlip, "changelist"),
            fields_in(asked) | {f"{slip.pk}-{name}": value for name, value in typed.items()},
        )

        assert minutes_late({"complete": "CLOSE"}.get(do, do.upper())) == 15

    def test_closes_many_slips_each_at_its_own_time(self, floor: Floor, boss: Client) -> None:
        slips = [floor.open_slip(seat=seat, at=floor.ago(minutes=50)) for seat in (1, 2)]

        carry_out(boss, RatingSlip, "complete", slips, **{f"{slips[0].pk}-when_ago": "30"})

        closed_at = RatingSlip.objects.order_by("closed_at").values_list("closed_at", flat=True)
        assert [round((timezone.now() - at) / timedelta(minutes=1)) for at in closed_at if at] == [30, 0]

    def test_asks_about_long_play_only_what_was_long(self, floor: Floor, boss: Client) -> None:
        """Twelve hours and twenty minutes ago; the player left half an hour ago, within the limit."""
        slip = floor.open_slip(at=floor.ago(hours=12, minutes=20))

        carry_out(boss, RatingSlip, "complete", [slip])
        is_open_still = RatingSlip.objects.live().exists()
        carry_out(boss, RatingSlip, "complete", [slip], **{f"{slip.pk}-when_ago": "30"})

        assert (is_open_still, RatingSlip.objects.get().status) == (True, "CLOSED")

    def test_opens_a_slip_in_the_past(self, floor: Floor, boss: Client) -> None:
        form = {"player": floor.player().card_number, "table": floor.table.pk, "seat": 2, "average_bet": "50"}

        boss.post(address(RatingSlip, "open"), form | {"when_ago": "10"})

        assert minutes_late("OPEN") == 10


@given(ago=st.sampled_from(["", "5", "99", "x"]) | st.text(), clock=st.text() | st.from_regex(r"[0-9]{1,4} ?[ap]?m?"))
def test_any_text_is_a_time_or_refused_with_a_sentence(ago: str, clock: str) -> None:
    form = TimeForm({"when_ago": ago, "when_clock": clock})

    assert form.is_valid() or form.errors["when"]
