"""The page of a slip: what it shows, each action, and two taps or two tablets at once."""

import re
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from guardian.shortcuts import assign_perm

from core.errors import OutcomeUnknown
from loyalty.services import pause_program
from ratingslips.admin.slips import actions
from ratingslips.models import GamingTable, RatingSlip
from ratingslips.services import change_average_bet, complete_rating_slip, pause_rating_slip
from tests.console import BACKEND, html_of, inline_code_in, said
from tests.factories import PitFactory, TableFactory
from tests.floor import Floor


def address_of(slip: RatingSlip) -> str:
    return reverse("floor:slip", args=[slip.pk])


def seat_of(slip: RatingSlip) -> str:
    slip.refresh_from_db()
    return f"{reverse('floor:pit', args=[slip.table.pit_id])}#seat-{slip.table_id}-{slip.seat}"


def seen_by(client: Client, slip: RatingSlip) -> str:
    """The version that the page carries."""
    version: str = client.get(address_of(slip)).context["sheet"].version
    return version


def ask(
    client: Client,
    slip: RatingSlip,
    do: str,
    *,
    expected_version: str | None = None,
    request_id: UUID | None = None,
    **typed: Any,
) -> Any:
    carried = seen_by(client, slip) if expected_version is None else expected_version
    post = {"do": do, "expected_version": carried, "request_id": str(request_id or uuid4())}
    return client.post(address_of(slip), post | typed)


class TestSlipPage:
    def test_shows_the_slip_as_it_is(self, floor: Floor, boss: Client) -> None:
        slip = floor.played_slip(buy_in=Decimal(500))

        page = boss.get(address_of(slip))

        html = html_of(page)
        player = slip.player
        for shown in (
            player.last_name,
            player.card_number,
            slip.place,
            ">100<",
            ">2:00<",
            ">500<",
            "Average bet 100.00",
        ):
            assert shown in html
        assert inline_code_in(page) == []

    def test_shows_what_happened_with_who_did_it(self, floor: Floor, boss: Client) -> None:
        slip = floor.open_slip(at=floor.ago(hours=1))
        change_average_bet(slip=slip, average_bet=Decimal(75), actor=floor.boss, at=floor.ago(minutes=20))
        pause_rating_slip(slip=slip, actor=floor.supervisor, at=floor.ago(seconds=30))

        html = html_of(boss.get(address_of(slip)))

        earlier, at = (floor.ago(**ago).astimezone(floor.casino.zone) for ago in ({"minutes": 20}, {"seconds": 30}))
        recorded = f"{floor.now.astimezone(floor.casino.zone):%-d %b %H:}"
        assert f"{earlier:%H:%M:%S}</td><td>Average bet 75.00</td><td>{floor.boss.username}, <span" in html
        assert f'{floor.boss.username}, <span class="hint">recorded {recorded}' in html
        assert f"{at:%H:%M:%S}</td><td>Paused</td><td>{floor.supervisor.username}</td>" in html
        assert f"Paused since {at:%H:%M}" in html

    def test_offers_nothing_to_who_may_only_look(self, auditor: Client, slip: RatingSlip) -> None:
        html = html_of(auditor.get(address_of(slip)))

        assert 'name="do"' not in html
        assert "You may look" in html

    def test_offers_free_seats_of_this_and_the_chosen_pit(self, floor: Floor, boss: Client) -> None:
        other_pit = PitFactory.create(casino=floor.casino)
        assign_perm("ratingslips.operate_pit", floor.boss, other_pit)
        there = TableFactory.create(casino=floor.casino, pit=other_pit, seats=2)
        slip = floor.open_slip(seat=1)
        floor.open_slip(seat=2)

        here = html_of(boss.get(address_of(slip)))
        elsewhere = html_of(boss.get(address_of(slip), {"pit": other_pit.pk}))

        assert [seat for seat in range(1, 8) if f'value="{floor.table.pk}:{seat}"' in here] == [3, 4, 5, 6, 7]
        assert [seat for seat in range(1, 8) if f'value="{there.pk}:{seat}"' in elsewhere] == [1, 2]

    def test_refuses_to_guess_what_was_asked_for(self, slip: RatingSlip, boss: Client) -> None:
        answer = ask(boss, slip, "dance")

        assert answer.status_code == 400
        assert "Nothing was done" in html_of(answer)


class TestAsking:
    def test_changes_the_bet(self, slip: RatingSlip, boss: Client) -> None:
        answer = ask(boss, slip, "change_bet", average_bet="1,250", confirmed_bet="1250")

        assert answer.url == seat_of(slip)
        assert slip.segments.last().average_bet == 1250  # type: ignore[union-attr]
        assert said(answer)[-1].endswith("average bet 1,250.00 from now on.")

    def test_takes_a_quick_bet_rather_than_the_field(self, slip: RatingSlip, boss: Client) -> None:
        ask(boss, slip, "change_bet", average_bet="40.00", quick="75")

        assert slip.segments.last().average_bet == 75  # type: ignore[union-attr]

    @pytest.mark.parametrize(
        ("maximum", "bet", "question"),
        [
            (None, "30,025", "40.00 now, 30,025.00 asked for: more than 5 times as much"),
            (None, "200.01", "40.00 now, 200.01 asked for: more than 5 times as much"),
            ("150", "200", "150.00 is the maximum of"),
        ],
    )
    def test_asks_an_unusual_bet_back_once(
        self, floor: Floor, boss: Client, slip: RatingSlip, maximum: str | None, bet: str, question: str
    ) -> None:
        GamingTable.objects.update(maximum_bet=maximum)
        page = uuid4()

        asked = ask(boss, slip, "change_bet", average_bet=bet, request_id=page)
        changed = slip.segments.count()
        confirmed = asked.context["bet_form"]["confirmed_bet"].value()
        other = ask(boss, slip, "change_bet", average_bet=f"1{bet}", request_id=page, confirmed_bet=confirmed)
        done = ask(boss, slip, "change_bet", average_bet=bet, request_id=page, confirmed_bet=confirmed)

        assert (changed, str(page) in html_of(asked), f"Yes, change to {bet}" in html_of(asked)) == (1, True, True)
        assert question in html_of(asked)
        assert "Send it again if that is right" in html_of(other)
        assert said(done)[-1].endswith("from now on.")

    @pytest.mark.parametrize(("maximum", "bet"), [(None, "200"), ("200", "200"), (None, "0.01")])
    def test_asks_no_usual_bet_back(self, boss: Client, slip: RatingSlip, maximum: str | None, bet: str) -> None:
        GamingTable.objects.update(maximum_bet=maximum, minimum_bet="5" if maximum else None)

        ask(boss, slip, "change_bet", average_bet=bet)

        assert slip.segments.count() == 2

    def test_says_that_the_bet_is_as_before(self, boss: Client, slip: RatingSlip) -> None:
        answer = ask(boss, slip, "change_bet", average_bet="40")

        assert said(answer)[-1].endswith(": average bet 40.00 as before. Nothing was changed.")
        assert slip.segments.count() == 1

    def test_pauses_and_resumes(self, slip: RatingSlip, boss: Client) -> None:
        paused = ask(boss, slip, "pause")
        status_between = RatingSlip.objects.get().status
        resumed = ask(boss, slip, "resume")

        assert (paused.url, resumed.url) == (seat_of(slip), seat_of(slip))
        assert (status_between, RatingSlip.objects.get().status) == ("PAUSED", "OPEN")

    def test_moves_to_the_seat_that_was_tapped(self, floor: Floor, boss: Client) -> None:
        slip = floor.open_slip(seat=1)

        answer = ask(boss, slip, "move", to=f"{floor.table.pk}:6")

        assert RatingSlip.objects.get().seat == 6
        assert answer.url == seat_of(slip)

    @pytest.mark.parametrize("to", ["", "x", "1", "1:2:3", "1:", "9" * 19 + ":1"])
    def test_asks_for_a_free_seat_where_none_was_tapped(self, floor: Floor, boss: Client, to: str) -> None:
        slip = floor.open_slip(seat=1)

        answer = ask(boss, slip, "move", to=to)

        assert "Choose a free seat." in html_of(answer)

    def test_says_who_holds_a_seat_that_was_taken_meanwhile(self, floor: Floor, boss: Client) -> None:
        slip, other = floor.open_slip(seat=1), floor.open_slip(seat=2)

        answer = ask(boss, slip, "move", to=f"{floor.table.pk}:2")

        assert f"taken by {other.player} on slip {other.slip_number}" in html_of(answer)

    def test_keeps_what_was_typed_beside_the_error(self, slip: RatingSlip, boss: Client) -> None:
        answer = ask(boss, slip, "change_bet", average_bet="a hundred")

        html = html_of(answer)
        assert 'value="a hundred"' in html
        assert "Write an amount such as 40" in html.partition('name="average_bet"')[2][:400]

    def test_opens_the_closing_form_again_with_its_error(self, slip: RatingSlip, boss: Client) -> None:
        answer = ask(boss, slip, "complete", buy_in="500", chips_out="-3")

        html = html_of(answer)
        assert '<details class="card act" name="act" open id="close">' in html
        assert 'value="500"' in html
        assert not RatingSlip.objects.get().is_closed


class TestClosing:
    def test_needs_nothing_typed_and_shows_what_it_earned(self, played_slip: RatingSlip, boss: Client) -> None:
        answer = boss.post(address_of(played_slip), {"do": "complete", "buy_in": "", "chips_out": ""}, follow=True)

        html = html_of(answer)
        entry = RatingSlip.objects.get().ledger_entry
        assert entry is not None
        assert answer.redirect_chain == [(address_of(played_slip), 302)]
        for shown in (
            f'<strong><span class="figure">{entry.points:,}</span></strong> points',
            "Bronze",
            "To Silver",
            f"{1000 - entry.points} points",
        ):
            assert shown in html

    def test_records_what_changed_hands(self, slip: RatingSlip, boss: Client) -> None:
        ask(boss, slip, "complete", buy_in="1,000", chips_out="250.50")

        closed = RatingSlip.objects.with_money().get()
        assert (closed.buy_in, closed.chips_out) == (Decimal(1000), Decimal("250.50"))

    def test_tells_a_second_tap_what_the_first_did(self, played_slip: RatingSlip, boss: Client) -> None:
        ask(boss, played_slip, "complete", buy_in="", chips_out="")

        answer = ask(boss, played_slip, "complete", buy_in="", chips_out="")

        assert answer.url == address_of(played_slip)
        points = RatingSlip.objects.get().ledger_entry.points  # type: ignore[union-attr]
        assert " by you, theo " in said(answer)[-1]
        assert f", {points:,} points, " in said(answer)[-1]
        assert said(answer)[-1].endswith("Nothing was done twice.")

    def test_says_that_input_for_a_closed_slip_was_not_saved(self, floor: Floor, boss: Client) -> None:
        slip = floor.played_slip()
        complete_rating_slip(slip=slip, actor=floor.supervisor, at=floor.now)

        answer = ask(boss, slip, "complete", buy_in="", chips_out="80")

        assert f"by {floor.supervisor.username}" in said(answer)[-1]
        assert said(answer)[-1].endswith("What you typed now was not saved.")
        assert RatingSlip.objects.with_money().get().chips_out is None

    def test_says_that_the_points_are_owed_with_the_reference(self, floor: Floor, boss: Client) -> None:
        slip = floor.played_slip()
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Month-end freeze")

        answer = boss.post(address_of(slip), {"do": "complete", "buy_in": "", "chips_out": ""}, follow=True)

        html = html_of(answer)
        assert RatingSlip.objects.get().is_owed
        assert "Closed. Points owed." in html
        assert str(RatingSlip.objects.get().correlation_id) in html.partition("Reference ")[2]

    def test_says_plainly_that_short_play_is_worth_nothing(self, floor: Floor, boss: Client) -> None:
        slip = floor.open_slip(at=floor.ago(seconds=1), average_bet=Decimal("0.01"))

        answer = boss.post(address_of(slip), {"do": "complete", "buy_in": "", "chips_out": ""}, follow=True)

        assert "<strong>0</strong> points" in html_of(answer)


class TestStalePage:
    @pytest.mark.parametrize(
        ("do", "typed"),
        [("change_bet", {"average_bet": "90"}), ("pause", {}), ("move", {"to": "{table}:6"})],
    )
    def test_asks_again_and_says_what_changed(self, floor: Floor, boss: Client, do: str, typed: dict[str, Any]) -> None:
        slip = floor.open_slip(seat=1)
        seen = seen_by(boss, slip)
        change_average_bet(slip=slip, average_bet=Decimal(60), actor=floor.supervisor, at=floor.now)
        typed = {name: text.format(table=floor.table.pk) for name, text in typed.items()}

        answer = ask(boss, slip, do, expected_version=seen, **typed)

        html = html_of(answer)
        assert answer.status_code == 409
        assert "Nothing was done" in html
        assert "<li>Average bet 60.00 at" in html
        assert f"by {floor.supervisor.username}</li>" in html
        assert slip.segments.count() == 2
        assert RatingSlip.objects.get().status == "OPEN"

    def test_keeps_what_was_typed_and_acts_on_the_next_tap(self, floor: Floor, slip: RatingSlip, boss: Client) -> None:
        seen = seen_by(boss, slip)
        pause_rating_slip(slip=slip, actor=floor.supervisor, at=floor.now)
        answer = ask(boss, slip, "change_bet", expected_version=seen, average_bet="90")

        ask(boss, slip, "change_bet", expected_version=answer.context["sheet"].version, average_bet="90")

        assert 'value="90"' in html_of(answer)
        assert slip.segments.last().average_bet == 90  # type: ignore[union-attr]

    def test_closes_all_the_same_and_says_what_changed(self, floor: Floor, boss: Client) -> None:
        slip = floor.open_slip()
        seen = seen_by(boss, slip)
        change_average_bet(slip=slip, average_bet=Decimal(60), actor=floor.supervisor, at=floor.now)

        (message,) = said(ask(boss, slip, "complete", expected_version=seen))

        assert RatingSlip.objects.get().status == "CLOSED"
        assert "Changed after the page was shown: Average bet 60.00 at" in message
        assert message.endswith(f"by {floor.supervisor.username}.")

    def test_does_not_take_another_person_s_act_for_a_repeat(self, floor: Floor, boss: Client) -> None:
        slip = floor.open_slip()
        seen = seen_by(boss, slip)
        pause_rating_slip(slip=slip, actor=floor.supervisor, at=floor.now)

        answer = ask(boss, slip, "pause", expected_version=seen)

        assert answer.status_code == 409
        assert f"by {floor.supervisor.username}</li>" in html_of(answer)

    def test_says_who_closed_the_slip_and_for_how_much(self, floor: Floor, boss: Client) -> None:
        slip = floor.played_slip()
        seen = seen_by(boss, slip)
        complete_rating_slip(slip=slip, actor=floor.supervisor, at=floor.now)

        answer = ask(boss, slip, "pause", expected_version=seen)

        html = html_of(answer)
        assert answer.status_code == 409
        assert f"by {floor.supervisor.username}: 578 points" in html

    @pytest.mark.parametrize("seen", ["", "forged", "7-OPEN", "1-CLOSED"])
    def test_does_nothing_on_a_version_that_never_was(self, slip: RatingSlip, boss: Client, seen: str) -> None:
        answer = ask(boss, slip, "pause", expected_version=seen)

        assert answer.status_code == 409
        assert RatingSlip.objects.get().status == "OPEN"


ACTS: list[tuple[str, dict[str, Any], str]] = [
    ("change_bet", {"average_bet": "90"}, "average bet 90.00 at"),
    ("pause", {}, "paused at"),
    ("move", {"to": "{table}:6"}, "moved to"),
]


class TestSamePageSentTwice:
    @pytest.mark.parametrize(("do", "typed", "words"), ACTS)
    def test_is_told_what_the_first_did(
        self, floor: Floor, boss: Client, do: str, typed: dict[str, Any], words: str
    ) -> None:
        slip = floor.open_slip(seat=1)
        typed = {name: text.format(table=floor.table.pk) for name, text in typed.items()}
        page: dict[str, Any] = {"expected_version": seen_by(boss, slip), "request_id": uuid4()}
        ask(boss, slip, do, **page, **typed)
        segments = slip.segments.count()

        answer = ask(boss, slip, do, **page, **typed)

        assert answer.headers.get("Location") == seat_of(slip)
        assert words in said(answer)[-1]
        assert said(answer)[-1].endswith("by you. Nothing was done twice.")
        assert slip.segments.count() == segments

    def test_with_another_bet_keeps_the_input_under_another_id(self, slip: RatingSlip, boss: Client) -> None:
        page: dict[str, Any] = {"expected_version": seen_by(boss, slip), "request_id": uuid4()}
        ask(boss, slip, "change_bet", **page, average_bet="90")

        answer = ask(boss, slip, "change_bet", **page, average_bet="300")

        html = html_of(answer)
        assert answer.status_code == 409
        assert 'value="300"' in html
        assert "This page was already used with a different average bet." in html
        assert "changed while this page was open" not in html
        assert "<li>Average bet 90.00 at" in html
        assert answer.context["request_id"] != page["request_id"]
        assert slip.segments.last().average_bet == 90  # type: ignore[union-attr]

    def test_carries_its_id_and_version_in_every_form(self, slip: RatingSlip, boss: Client) -> None:
        page = boss.get(address_of(slip)).content.decode()

        forms = [form for form in re.findall(r"<form .*?</form>", page, re.DOTALL) if 'name="do"' in form]
        assert len(forms) == 5
        assert [form for form in forms if 'name="request_id"' not in form] == []
        assert [form for form in forms if 'name="expected_version"' not in form] == []

    def test_carries_one_id_for_all_its_forms(self, slip: RatingSlip, boss: Client) -> None:
        page = boss.get(address_of(slip))

        field = f'<input type="hidden" name="request_id" value="{page.context["request_id"]}">'
        assert page.content.decode().count(field) == 5

    def test_may_pause_and_close_on_one_page(self, floor: Floor, boss: Client) -> None:
        slip, page_id = floor.open_slip(), uuid4()

        ask(boss, slip, "pause", request_id=page_id)
        ask(boss, slip, "complete", request_id=page_id)

        assert RatingSlip.objects.get().is_closed


@pytest.mark.django_db(transaction=True)
class TestLostConnection:
    def test_shows_a_page_that_says_so_and_keeps_the_input(
        self, boss: Client, slip: RatingSlip, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen = seen_by(boss, slip)

        def lose_the_connection(**_: Any) -> None:
            connection.connection.close()
            raise OutcomeUnknown

        monkeypatch.setattr(actions, "change_average_bet", lose_the_connection)
        answer = ask(boss, slip, "change_bet", expected_version=seen, average_bet="135")

        assert "it is not known whether this was recorded" in html_of(answer)
        assert 'value="135"' in html_of(answer)


class TestSignedOut:
    def test_comes_back_to_the_closing_form_as_it_was_typed(self, floor: Floor, slip: RatingSlip, boss: Client) -> None:
        boss.logout()
        answer: Any = boss.post(address_of(slip), {"do": "complete", "buy_in": "500", "chips_out": "80"})
        boss.force_login(floor.boss, backend=BACKEND)

        page = boss.get(boss.get(answer.url).wsgi_request.GET["next"])

        html = html_of(page)
        assert not RatingSlip.objects.get().is_closed
        assert '<details class="card act" name="act" open id="close">' in html
        assert 'value="500"' in html
        assert 'value="80"' in html

    def test_says_that_nothing_was_saved_from_an_older_session(self, floor: Floor, slip: RatingSlip) -> None:
        client = Client(enforce_csrf_checks=True)
        client.force_login(floor.boss, backend=BACKEND)

        answer = client.post(address_of(slip), {"do": "pause", "csrfmiddlewaretoken": "x" * 64})

        assert answer.status_code == 403
        assert "Nothing was saved" in html_of(answer)
        assert RatingSlip.objects.get().status == "OPEN"
