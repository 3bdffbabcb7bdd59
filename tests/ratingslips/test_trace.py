"""The trace: one number leads to one thing, and one correlation id to the whole story, from the database alone."""

import uuid
from dataclasses import replace
from decimal import Decimal
from ipaddress import ip_network
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core import correlation
from core.console.links import page_url
from core.models import Player
from core.origins import record_command, record_request
from core.roles import AUDITOR, PIT_BOSS
from loyalty.models import LedgerEntry
from loyalty.services import pause_program, print_comp_slip, resume_program
from ratingslips.admin.trace import story as trace_story
from ratingslips.admin.trace.story import Story, story_of
from ratingslips.models import RatingSlip
from ratingslips.services import (
    PartialCompletion,
    change_average_bet,
    complete_rating_slip,
    continue_rating_slip,
    move_rating_slip,
    pause_rating_slip,
    recover_slip_loyalty,
    resume_rating_slip,
)
from tests.console import address, inline_code_in, signed_in, statements_for
from tests.factories import StaffFactory, TableFactory
from tests.floor import Floor
from tests.loyalty.postings import award, redeem
from tests.properties import property_settings
from tests.ratingslips.corrections import REASON, closed, correct, current_play

CLOSING = uuid.UUID("c1051a00-0000-4000-8000-000000000001")
RECOVERING = uuid.UUID("4ec0be4a-0000-4000-8000-000000000002")
AWARDING = uuid.UUID("a3a4d000-0000-4000-8000-000000000003")
SEARCH = "/console/trace/"


def page_of(correlation_id: uuid.UUID) -> str:
    return reverse("trace:story", args=[correlation_id])


def _busy_slip(floor: Floor) -> RatingSlip:
    """A slip with everything that can happen to one, closed owed under `CLOSING`, recovered under `RECOVERING`."""
    other = TableFactory.create(casino=floor.casino, pit=floor.pit)
    slip = floor.open_slip()
    pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=100))
    resume_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=90))
    change_average_bet(slip=slip, average_bet=Decimal(100), actor=floor.boss, at=floor.ago(minutes=60))
    move_rating_slip(slip=slip, table=other, seat=3, actor=floor.boss, at=floor.ago(minutes=30))
    pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Migration of the tiers")
    with correlation.bound(CLOSING):
        record_request(actor=floor.boss, method="POST", path="/console/floor/slips/", client_address="192.0.2.7")
    with correlation.bound(CLOSING), pytest.raises(PartialCompletion):
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=5))
    resume_program(program=floor.program, actor=floor.supervisor)
    with correlation.bound(RECOVERING):
        record_command("recover_slip_loyalty", actor=floor.boss)
        recover_slip_loyalty(slip=slip, actor=floor.supervisor, at=floor.now)
    slip.refresh_from_db()
    return slip


def _story(floor: Floor, correlation_id: uuid.UUID) -> Story:
    staff = StaffFactory.create(casino=floor.casino)
    signed_in(staff, AUDITOR)
    told = story_of(correlation_id, staff=staff)
    assert told is not None
    return told


def _words(told: Story, slip: RatingSlip) -> list[str]:
    return [event.words.removeprefix(f"{slip}: ") for event in told.events]


class TestStory:
    def test_tells_all_that_happened_to_a_slip_in_order(self, floor: Floor) -> None:
        slip = _busy_slip(floor)

        told = _story(floor, CLOSING)

        words = _words(told, slip)
        entry = LedgerEntry.objects.get()
        assert words[:6] == [
            f"opened for {slip.player} at {floor.table.name} seat 1, average bet 40.00",
            "paused",
            f"resumed at {floor.table.name} seat 1",
            "average bet 100.00",
            f"moved to {slip.table.name} seat 3",
            f"closed, theo {slip.theoretical_win:,.2f}",
        ]
        assert words[6:] == [
            "points owed, because the programme was paused",
            f"recovered, {entry.points:,} points paid",
            f"Entry, gameplay #{entry.pk}: {entry.points:+,} points to {slip.player}, balance 0 → {entry.points:,}",
        ]
        assert [event.at for event in told.events] == sorted(event.at for event in told.events)

    def test_says_who_and_from_where(self, floor: Floor) -> None:
        slip = _busy_slip(floor)

        told = _story(floor, CLOSING)

        by_words = dict(zip(_words(told, slip), told.events, strict=True))
        closed = by_words[f"closed, theo {slip.theoretical_win:,.2f}"]
        recovered = by_words[f"recovered, {LedgerEntry.objects.get().points:,} points paid"]
        assert (closed.by, closed.correlation_id) == (floor.boss, CLOSING)
        assert closed.recorded.startswith("recorded ")
        assert closed.origin is not None
        assert (closed.origin.client_address, closed.origin.origin) == ("192.0.2.7", "/console/floor/slips/")
        assert (recovered.by, recovered.correlation_id) == (floor.supervisor, RECOVERING)
        assert recovered.origin is not None
        assert recovered.origin.origin == "recover_slip_loyalty"

    def test_is_the_same_story_from_the_request_that_recovered_it(self, floor: Floor) -> None:
        slip = _busy_slip(floor)

        assert _words(_story(floor, RECOVERING), slip) == _words(_story(floor, CLOSING), slip)

    def test_is_found_from_a_request_in_the_middle(self, floor: Floor) -> None:
        slip = _busy_slip(floor)
        paused_under = slip.segments.order_by("seq")[0].end_correlation_id
        assert paused_under

        assert _words(_story(floor, paused_under), slip)[1] == "paused"

    def test_tells_a_change_during_a_pause_without_a_second_pause(self, floor: Floor, slip: RatingSlip) -> None:
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=100))
        change_average_bet(slip=slip, average_bet=Decimal(75), actor=floor.boss, at=floor.ago(minutes=90))

        assert _words(_story(floor, slip.correlation_id), slip)[1:] == ["paused", "average bet 75.00"]

    def test_tells_what_a_correction_superseded_and_who_entered_it(self, floor: Floor) -> None:
        slip = closed(floor)
        correct(floor, slip, [*current_play(slip)[:-1], replace(current_play(slip)[-1], ended_at=floor.ago(minutes=5))])

        told = [event for event in _story(floor, slip.correlation_id).events if event.words.startswith(str(slip))]

        assert [(event.words.removeprefix(f"{slip}: ").split(" for ")[0], event.by, event.mark) for event in told] == [
            ("opened", floor.boss, ""),
            ("average bet 100.00", floor.boss, ""),
            ("closed, theo 53.38", floor.supervisor, "correction 1"),
            ("closed, theo 57.75", floor.boss, "superseded by correction 1"),
            (f"corrected (“{REASON}”): theo 57.75 → 53.38, points 578 → 534", floor.supervisor, "correction 1"),
        ]

    def test_tells_the_bet_of_a_move_that_changed_it(self, floor: Floor) -> None:
        slip = closed(floor)
        correct(floor, slip, [current_play(slip)[0], replace(current_play(slip)[1], seat=3)])

        told = _words(_story(floor, slip.correlation_id), slip)

        assert f"moved to {slip.table.name} seat 3, average bet 100.00" in told

    def test_leads_from_a_closing_to_the_continuation(self, floor: Floor) -> None:
        slip = closed(floor)
        new = continue_rating_slip(slip=slip, actor=floor.boss, at=timezone.now())

        assert f"closed, theo 57.75, continued on slip {new.slip_number}" in _words(
            _story(floor, slip.correlation_id), slip
        )

    def test_tells_an_award_with_its_reason(self, floor: Floor, player: Player) -> None:
        with correlation.bound(AWARDING):
            posting = award(floor, player, points=1_500)

        [event] = _story(floor, AWARDING).events

        assert event.words == (
            f"Award #{posting.entry_id}: +1,500 points to {player}, balance 0 → 1,500, Bronze → Silver "
            "“Birthday of a regular guest”"
        )
        assert event.by == floor.supervisor

    def test_tells_prints_of_comp_slips(self, floor: Floor, player: Player) -> None:
        award(floor, player)
        entry_id = redeem(floor, player).entry_id
        with correlation.bound(AWARDING):
            for _ in range(2):
                print_comp_slip(entry=entry_id, actor=floor.supervisor, at=floor.now)

        assert [event.words for event in _story(floor, AWARDING).events] == [
            f"Comp slip of entry #{entry_id} printed",
            f"Comp slip of entry #{entry_id} printed, copy 1",
        ]

    def test_tells_a_request_that_left_nothing_else(self, floor: Floor) -> None:
        with correlation.bound(AWARDING):
            record_request(actor=floor.boss, method="POST", path="/console/floor/", client_address="192.0.2.7")

        [event] = _story(floor, AWARDING).events

        assert (event.words, event.by) == ("Request that left nothing else", floor.boss)

    @pytest.mark.parametrize("by_boss_first", [True, False])
    def test_joins_an_act_to_a_request_of_the_same_person(self, floor: Floor, by_boss_first: bool) -> None:
        player, people = floor.player(), [floor.boss, floor.supervisor]
        slip = floor.played_slip()
        with correlation.bound(AWARDING):
            for actor in people if by_boss_first else reversed(people):
                record_request(actor=actor, method="POST", path=f"/of/{actor.pk}/", client_address="192.0.2.7")
            award(floor, player)
            complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

        told = _story(floor, AWARDING).events

        assert {event.words.split(" #")[0]: event.origin.actor for event in told if event.origin} == {
            "Award": floor.supervisor,
            "Entry, gameplay": floor.boss,
            f"{slip}: closed, theo 57.75": floor.boss,
        }

    def test_does_not_give_an_act_to_another_id(self, floor: Floor, player: Player) -> None:
        with correlation.bound(AWARDING):
            record_request(actor=floor.boss, method="POST", path="/console/", client_address="192.0.2.7")
            award(floor, player)

        told = _story(floor, AWARDING).events

        assert {(event.by, event.origin.actor if event.origin else None) for event in told} == {
            (floor.boss, floor.boss),
            (floor.supervisor, None),
        }

    def test_ends_somewhere(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        players = [floor.player() for _ in range(3)]
        with correlation.bound(AWARDING):
            for seat, player in enumerate(players, start=1):
                floor.open_slip(seat=seat, player=player)
        monkeypatch.setattr(trace_story, "SLIPS_SHOWN", 2)

        told = _story(floor, AWARDING)

        assert (len(told.events), told.is_cut) == (2, True)


class TestTracePage:
    def test_shows_the_story(self, floor: Floor, auditor: Client) -> None:
        slip = _busy_slip(floor)

        page = auditor.get(page_of(CLOSING))

        html = page.content.decode()
        for words in (
            "192.0.2.7",
            "recover_slip_loyalty",
            "the programme was paused",
            slip.slip_number,
            floor.boss.username,
        ):
            assert words in html
        assert inline_code_in(page) == []

    def test_takes_few_statements_however_much_happened(self, floor: Floor, auditor: Client) -> None:
        _busy_slip(floor)
        with correlation.bound(AWARDING):
            for seat in range(2, 8):
                floor.open_slip(seat=seat)

        busy, many = statements_for(auditor, page_of(CLOSING)), statements_for(auditor, page_of(AWARDING))

        assert max(len(busy), len(many)) <= 18, "\n".join(busy)

    def test_says_that_there_is_none(self, floor: Floor, auditor: Client) -> None:
        page = auditor.get(page_of(AWARDING))

        assert (page.status_code, "Nothing in your casino" in page.content.decode()) == (404, True)

    def test_is_linked_from_the_slip_and_the_entry(self, floor: Floor, auditor: Client) -> None:
        slip = _busy_slip(floor)

        pages = [
            auditor.get(address(RatingSlip, "change", slip.pk)),
            auditor.get(address(LedgerEntry, "change", slip.ledger_entry_id)),
        ]

        assert all(page_of(CLOSING) in page.content.decode() for page in pages)


class TestTraceBox:
    @pytest.mark.parametrize("kind", ["slip", "slip, as typed", "entry", "card", "name", "id"])
    def test_leads_to_the_one_thing_that_has_the_number(self, floor: Floor, auditor: Client, kind: str) -> None:
        slip = _busy_slip(floor)
        entry_page = address(LedgerEntry, "change", slip.ledger_entry_id)
        typed, page = {
            "slip": (slip.slip_number, address(RatingSlip, "change", slip.pk)),
            "slip, as typed": (f" {slip.slip_number.lower()} ", address(RatingSlip, "change", slip.pk)),
            "entry": (f"#{slip.ledger_entry_id}", entry_page),
            "card": (slip.player.card_number, page_url(slip.player)),
            "name": ("nguyen, jose", page_url(slip.player)),
            "id": (str(CLOSING).upper(), page_of(CLOSING)),
        }[kind]

        answer = auditor.get(SEARCH, {"q": typed})

        assert (answer.status_code, answer.headers.get("Location")) == (302, page)

    def test_leads_from_a_trusted_caller_s_id_to_its_request(
        self, floor: Floor, auditor: Client, settings: Any
    ) -> None:
        settings.CORRELATION_ID_CALLERS = [ip_network("127.0.0.1")]
        client, outside = signed_in(floor.boss, PIT_BOSS), {"X-Correlation-ID": str(CLOSING)}
        own = client.post("/console/floor/", headers=outside).headers["X-Correlation-ID"]

        answer, story = auditor.get(SEARCH, {"q": str(CLOSING)}), auditor.get(page_of(CLOSING))

        assert answer.headers["Location"] == page_of(uuid.UUID(own))
        assert page_of(uuid.UUID(own)) in story.content.decode()
        assert f"called it <code>{CLOSING}" in auditor.get(answer.headers["Location"]).content.decode()

    def test_lists_several(self, floor: Floor, auditor: Client) -> None:
        namesakes = [floor.player(last_name="O'Neil") for _ in range(2)]

        html = auditor.get(SEARCH, {"q": "oneil"}).content.decode()

        assert [page_url(player) in html for player in namesakes] == [True, True]

    def test_opens_no_ledger_entry_by_a_bare_number(self, floor: Floor, auditor: Client) -> None:
        posting = award(floor, floor.player())
        holder = floor.player(card_number=str(posting.entry_id))

        answer = auditor.get(SEARCH, {"q": str(posting.entry_id)})

        assert answer.headers["Location"] == page_url(holder)

    def test_is_on_the_console_s_pages(self, floor: Floor, auditor: Client) -> None:
        for page in (address(RatingSlip, "changelist"), address(LedgerEntry, "changelist"), SEARCH, "/console/"):
            assert f'action="{SEARCH}"' in auditor.get(page, follow=True).content.decode()

    def test_finds_nothing_of_another_casino(self, floor: Floor) -> None:
        slip = _busy_slip(floor)
        stranger = signed_in(StaffFactory.create(), AUDITOR, PIT_BOSS)

        for text in (slip.slip_number, f"#{slip.ledger_entry_id}", slip.player.card_number, str(CLOSING), str(slip.pk)):
            answer = stranger.get(SEARCH, {"q": text})
            assert (answer.status_code, "Nothing in your casino" in answer.content.decode()) == (200, True)

    def test_finds_a_slip_by_its_key(self, slip: RatingSlip, auditor: Client) -> None:
        answer = auditor.get(SEARCH, {"q": str(slip.pk)})

        assert answer.headers["Location"] == address(RatingSlip, "change", slip.pk)

    @settings(property_settings, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(text=st.one_of(st.text(max_size=120), st.integers().map(str), st.uuids().map(str)))
    def test_answers_whatever_is_typed(self, floor: Floor, auditor: Client, text: Any) -> None:
        assert auditor.get(SEARCH, {"q": text}).status_code in {200, 302}
