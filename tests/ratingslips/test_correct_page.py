"""The page that corrects the play of a slip."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from core.roles import PIT_BOSS, PIT_SUPERVISOR
from ratingslips.admin.slips.play_form import play_rows
from ratingslips.admin.slips.play_times import NotATime, PlayClock
from ratingslips.models import RatingSlip, SlipCorrection
from ratingslips.services import change_average_bet
from tests.console import fields_in, html_of, said, signed_in
from tests.floor import Floor
from tests.ratingslips.corrections import (
    REASON,
    closed,
    correct,
    current_play,
    last_at,
    live,
    paused,
    silver_and_spent,
    spent,
    void,
)
from tests.second_factors import long_ago

NOON = datetime(2026, 11, 14, 12, tzinfo=UTC)
FIELDS = ("since", "until", "average_bet", "table", "seat", "was_since", "was_until", "DELETE")


def page_of(slip: RatingSlip, name: str = "correct") -> str:
    return reverse(f"admin:ratingslips_ratingslip_{name}", args=[slip.pk])


def clock_at(floor: Floor, **ago: float) -> str:
    return f"{floor.ago(**ago).astimezone(floor.casino.zone):%d %b %H:%M:%S}"


@pytest.fixture
def supervisor(floor: Floor) -> Client:
    return signed_in(floor.supervisor, PIT_SUPERVISOR)


def sent_by(client: Client, slip: RatingSlip, **rows: str) -> dict[str, Any]:
    """What the page sends if something is typed into `rows`: `since_2` is the beginning of the third row."""
    fields = fields_in(client.get(page_of(slip))) | {"reason": REASON}
    typed = {"play-{1}-{0}".format(*name.rsplit("_", 1)): value for name, value in rows.items()}
    return fields | typed


class TestRows:
    @pytest.mark.parametrize("make", [live, paused, closed])
    def test_are_the_play_as_recorded(
        self, floor: Floor, supervisor: Client, make: Callable[[Floor], RatingSlip]
    ) -> None:
        slip = make(floor)

        answer = supervisor.post(page_of(slip), sent_by(supervisor, slip))

        assert "is recorded so already" in html_of(answer)
        assert not SlipCorrection.objects.exists()

    @pytest.mark.parametrize("make", [live, closed])
    def test_need_time_and_bet_for_a_bet_since_then(
        self, floor: Floor, supervisor: Client, make: Callable[[Floor], RatingSlip]
    ) -> None:
        slip = make(floor)
        *_, before = current_play(slip)

        supervisor.post(
            page_of(slip), sent_by(supervisor, slip, since_2=clock_at(floor, minutes=10), average_bet_2="200")
        )

        *_, changed, last = current_play(slip)
        since = floor.ago(minutes=10).replace(microsecond=0)
        assert (changed.average_bet, changed.ended_at) == (before.average_bet, since)
        assert (last.average_bet, last.started_at, last.ended_at) == (Decimal(200), since, before.ended_at)
        assert last.place == before.place

    def test_that_are_removed_are_a_pause(self, floor: Floor, supervisor: Client) -> None:
        slip = closed(floor)
        change = {"since_2": clock_at(floor, minutes=5), "until_2": clock_at(floor, minutes=1), "average_bet_2": "10"}

        supervisor.post(page_of(slip), sent_by(supervisor, slip, DELETE_1="on", table_2=str(slip.table_id), **change))

        assert [each.average_bet for each in current_play(slip) if each.has_length] == [40, 10]

    @pytest.mark.parametrize(
        ("typed", "problem"),
        [
            ({"since_1": ""}, "Write when it begins."),
            ({"until_0": ""}, "Write when it ends."),
            ({"since_2": "1 Jan 2026 09:00", "average_bet_2": "50"}, "1 Jan 09:00 is before all other play."),
            ({"until_1": "noon"}, "Write a time such as"),
            ({"until_1": "19:30 hrs"}, "Write a time such as"),
            ({"until_1": "31 Feb 19:30"}, "There is no such day"),
            ({"until_1": "2099-12-24 19:30"}, "is in the future"),
            ({"average_bet_1": "1.250"}, "can be read in two ways"),
            ({"table_1": "0"}, "Select a valid choice"),
            ({"seat_1": "7000"}, "Write a whole number from"),
            ({"DELETE_0": "on", "DELETE_1": "on"}, "Give at least one row"),
            ({"seat_1": "8"}, "has no seat 8"),
        ],
        ids=str,
    )
    def test_that_cannot_be_are_refused_with_what_was_typed(
        self, floor: Floor, supervisor: Client, typed: dict[str, str], problem: str
    ) -> None:
        slip = closed(floor)

        answer = supervisor.post(page_of(slip), sent_by(supervisor, slip, **typed))

        page = html_of(answer)
        assert problem in page
        assert all(value in page for value in [*typed.values(), REASON])
        assert not SlipCorrection.objects.exists()

    def test_that_overlap_are_refused(self, floor: Floor, supervisor: Client) -> None:
        slip = closed(floor)

        answer = supervisor.post(page_of(slip), sent_by(supervisor, slip, until_0=clock_at(floor, minutes=1)))

        assert "begins before" in html_of(answer)
        assert not SlipCorrection.objects.exists()

    @given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(FIELDS), st.text(max_size=20)), max_size=8))
    def test_are_read_or_refused_whatever_is_sent(self, fields: list[tuple[int, str, str]]) -> None:
        sent = {f"play-{number}-{name}": value for number, name, value in fields}
        count = {"play-TOTAL_FORMS": "3", "play-INITIAL_FORMS": "1"}

        form = play_rows(sent | count, play=[], tables=[("7", "T")], zone=ZoneInfo("UTC"), now=NOON, is_live=True)

        assert form.is_valid() or form.errors or form.non_form_errors()


class TestTimes:
    @pytest.mark.parametrize(
        ("typed", "read"),
        [
            ("11:00:07", "2026-11-14T11:00:07.5+00:00"),
            ("9.30", "2026-11-14T09:30+00:00"),
            ("23:50", "2026-11-13T23:50+00:00"),
            ("14 Nov 00:10", "2026-11-14T00:10+00:00"),
            ("2026-11-12, 7 pm", "2026-11-12T19:00+00:00"),
            ("13. november 2026 22h15", "2026-11-13T22:15+00:00"),
        ],
    )
    def test_without_a_date_are_those_nearest_to_the_play(self, typed: str, read: str) -> None:
        clock = self.clock(NOON - timedelta(hours=13), NOON - timedelta(minutes=59, seconds=52.5))

        assert clock.read(typed, was=None) == datetime.fromisoformat(read)

    def test_need_a_date_where_the_play_passes_them_twice(self) -> None:
        with pytest.raises(NotATime, match="on several days"):
            self.clock(NOON - timedelta(hours=30), NOON).read("11:00", was=None)

    def test_of_the_repeated_hour_have_the_name_of_the_offset(self) -> None:
        second = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
        first = second - timedelta(hours=1)
        clock = self.night(first, second)

        assert [clock.shown(at) for at in (first, second)] == ["02:30 CEST", "02:30 CET"]
        assert [clock.read(clock.shown(was), was=was) for was in (first, second)] == [first, second]
        assert [clock.read(typed, was=None) for typed in ("25 Oct 2:30 cest", "02:30:00 CET")] == [first, second]

    @pytest.mark.parametrize("hours", [2, 6], ids=["after-the-play", "within-the-play"])
    def test_of_the_repeated_hour_need_the_name_of_the_offset(self, hours: int) -> None:
        begins = datetime(2026, 10, 24, 21, tzinfo=UTC)
        clock = self.night(begins, begins + timedelta(hours=hours))

        with pytest.raises(NotATime, match="Write which one: 02:30 CEST or 02:30 CET"):
            clock.read("02:30", was=None)

    def test_of_the_repeated_hour_are_those_of_the_play(self) -> None:
        ends = datetime(2026, 10, 25, 0, 45, tzinfo=UTC)

        read = self.night(ends - timedelta(hours=2), ends).read("02:30", was=None)

        assert read == ends - timedelta(minutes=15)

    @pytest.mark.parametrize("typed", ["11:00:07", "14 Nov 11:00:07", "2026-11-14 11:00:07", "11:00:07 am"])
    def test_of_the_same_second_stay_as_they_were(self, typed: str) -> None:
        exact = datetime.fromisoformat("2026-11-14T11:00:07.5+00:00")

        assert self.clock(NOON - timedelta(hours=2), exact).read(typed, was=exact) == exact

    @pytest.mark.parametrize(
        ("typed", "is_kept"),
        [("11:00", True), ("14 Nov 1100", True), ("11 am", True), ("2026-11-14 11:00:00", False), ("10:59", False)],
    )
    def test_of_the_same_minute_stay_as_they_were(self, typed: str, is_kept: bool) -> None:
        exact = datetime.fromisoformat("2026-11-14T11:00:07.5+00:00")

        assert (self.clock(NOON - timedelta(hours=2), exact).read(typed, was=exact) == exact) is is_kept

    def night(self, *instants: datetime) -> PlayClock:
        return PlayClock(zone=ZoneInfo("Europe/Malta"), now=NOON, instants=instants, goes_on=False)

    def clock(self, *instants: datetime) -> PlayClock:
        return PlayClock(zone=ZoneInfo("UTC"), now=NOON, instants=instants, goes_on=False)


class TestAnswer:
    def test_says_what_changed(self, floor: Floor, supervisor: Client) -> None:
        slip = closed(floor)

        answer = supervisor.post(page_of(slip), sent_by(supervisor, slip, average_bet_1="200"))

        (sentence,) = said(answer)
        assert "Theo 57.75 → 84.00." in sentence
        assert "+262 points, balance 840 points" in sentence

    def test_names_what_stays_uncollected(self, floor: Floor, supervisor: Client) -> None:
        slip = spent(578)(floor)

        answer = supervisor.post(page_of(slip), sent_by(supervisor, slip, average_bet_1="10"))

        (sentence,) = said(answer)
        assert "the balance was 0" in sentence
        assert "uncollected" in sentence

    def test_says_that_a_tier_stays_too_high(self, floor: Floor, supervisor: Client) -> None:
        slip = silver_and_spent(floor)

        answer = supervisor.post(page_of(slip), sent_by(supervisor, slip, average_bet_1="10"))

        (sentence,) = said(answer)
        assert f"The tier of {slip.player} stays Silver: without the uncollected points it would be Bronze." in sentence

    @pytest.mark.parametrize(("make", "is_asked"), [(live, False), (closed, True)])
    def test_asks_again_who_may_take_points_back(
        self, floor: Floor, supervisor: Client, make: Callable[[Floor], RatingSlip], is_asked: bool
    ) -> None:
        slip = make(floor)
        sent = sent_by(supervisor, slip, average_bet_1="10")
        long_ago(supervisor)

        answer = supervisor.post(page_of(slip), sent)

        assert ("Confirm that it is you" in html_of(answer)) is is_asked
        assert SlipCorrection.objects.exists() is not is_asked

    def test_is_the_first_one_for_a_second_tap(self, floor: Floor, supervisor: Client) -> None:
        slip = closed(floor)
        sent = sent_by(supervisor, slip, since_2=clock_at(floor, minutes=10), average_bet_2="200")
        supervisor.post(page_of(slip), sent)

        answer = supervisor.post(page_of(slip), sent)

        assert "Nothing was done twice" in said(answer)[-1]
        assert SlipCorrection.objects.count() == 1

    def test_leads_back_to_the_floor_who_came_from_there(self, floor: Floor, boss: Client) -> None:
        slip = live(floor)
        page_on_floor = reverse("floor:slip", args=[slip.pk])
        page = f"{page_of(slip)}?floor=1"
        fields = fields_in(boss.get(page)) | {"reason": REASON, "play-1-average_bet": "75"}

        answer: Any = boss.post(page, fields)

        assert (page in html_of(boss.get(page_on_floor)), answer.url) == (True, page_on_floor)

    def test_is_what_changed_meanwhile(self, floor: Floor, supervisor: Client) -> None:
        slip = live(floor)
        sent = sent_by(supervisor, slip, average_bet_1="75")
        change_average_bet(slip=slip, average_bet=Decimal(60), actor=floor.boss, at=floor.now)

        page = html_of(supervisor.post(page_of(slip), sent))

        assert "Average bet 60.00 at" in page
        assert 'value="75"' in page
        assert not SlipCorrection.objects.exists()


class TestAskingBack:
    @pytest.mark.parametrize("make", [live, closed])
    def test_is_once_about_all_that_is_unusual(
        self, floor: Floor, supervisor: Client, make: Callable[[Floor], RatingSlip]
    ) -> None:
        slip = make(floor)
        floor.table.maximum_bet = Decimal(300)
        floor.table.save()
        begins = {"since_0": f"{floor.ago(hours=20).astimezone(floor.casino.zone):%Y-%m-%d %H:%M}"}

        asked = supervisor.post(
            page_of(slip), sent_by(supervisor, slip, average_bet_0="201", average_bet_1="301", **begins)
        )
        is_corrected = SlipCorrection.objects.exists()
        supervisor.post(page_of(slip), fields_in(asked) | {"reason": REASON})

        page = html_of(asked)
        for question in ("40.00 now, 201.00 asked for", "300.00 is the maximum of", "of play count, more than 12 h"):
            assert page.count(question) == 2  # in the question and in the preview
        assert not is_corrected
        assert [each.average_bet for each in current_play(slip) if each.has_length] == [201, 301]

    def test_is_again_about_another_bet(self, floor: Floor, supervisor: Client) -> None:
        slip = closed(floor)
        asked = supervisor.post(page_of(slip), sent_by(supervisor, slip, average_bet_1="2000"))

        again = supervisor.post(page_of(slip), fields_in(asked) | {"reason": REASON, "play-1-average_bet": "20000"})

        assert "more than 5 times as much. Send it again if that is right." in html_of(again)
        assert not SlipCorrection.objects.exists()

    def test_is_not_about_bets_that_are_recorded(self, floor: Floor, supervisor: Client) -> None:
        slip = closed(floor)
        correct(floor, slip, last_at(slip, 4000))
        floor.table.maximum_bet = Decimal(300)
        floor.table.save()

        supervisor.post(page_of(slip), sent_by(supervisor, slip, average_bet_0="50"))

        assert SlipCorrection.objects.count() == 2


class TestPreview:
    def test_shows_theo_and_points_before_and_after(self, floor: Floor, supervisor: Client) -> None:
        slip = closed(floor)

        page = html_of(supervisor.post(page_of(slip, "preview"), sent_by(supervisor, slip, average_bet_1="20")))

        assert "57.75 → 36.75" in page
        assert "578 points → 368 points" in page
        assert "play-4-since" in page
        assert not SlipCorrection.objects.exists()

    def test_is_shown_where_only_the_reason_is_missing(self, floor: Floor, supervisor: Client) -> None:
        slip = closed(floor)

        page = html_of(supervisor.post(page_of(slip), sent_by(supervisor, slip, average_bet_1="20") | {"reason": ""}))

        assert ("57.75 → 36.75" in page, "Nothing was done" in page) == (True, True)

    def test_says_why_it_would_be_refused(self, floor: Floor, supervisor: Client) -> None:
        slip = closed(floor)

        page = html_of(supervisor.post(page_of(slip, "preview"), sent_by(supervisor, slip)))

        assert "It would be refused: The play of slip" in page

    def test_says_that_the_slip_was_changed_meanwhile(self, floor: Floor, supervisor: Client) -> None:
        slip = live(floor)
        sent = sent_by(supervisor, slip, average_bet_1="75")
        change_average_bet(slip=slip, average_bet=Decimal(60), actor=floor.boss, at=floor.now)

        page = html_of(supervisor.post(page_of(slip, "preview"), sent))

        assert "was changed meanwhile. Average bet 60.00 at" in page


class TestSlip:
    def test_leads_to_the_page_who_may_correct_it(self, floor: Floor, supervisor: Client) -> None:
        slip, gone = closed(floor), floor.open_slip(seat=3)
        void(floor, gone)
        boss = signed_in(floor.boss, PIT_BOSS)

        def leads(client: Client, slip: RatingSlip) -> list[bool]:
            names = ("admin:ratingslips_ratingslip_change", "floor:slip")
            return [page_of(slip) in html_of(client.get(reverse(name, args=[slip.pk]))) for name in names]

        assert leads(supervisor, slip) == [True, True]
        assert leads(supervisor, gone) == leads(boss, slip) == [False, False]

    def test_leads_there_where_a_time_is_before_its_last_event(self, floor: Floor, boss: Client) -> None:
        page = reverse("floor:slip", args=[floor.played_slip().pk])
        version = boss.get(page).context["sheet"].version
        at = f"{floor.ago(minutes=50).astimezone(floor.casino.zone):%H:%M}"

        answer = boss.post(
            page, {"do": "change_bet", "average_bet": "60", "when_clock": at, "expected_version": version}
        )

        assert "Correct the play before that" in html_of(answer)
