"""Correcting the play of a slip: a new list of segments supersedes the old one."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import IntegrityError
from guardian.shortcuts import remove_perm

from core.idempotency import IdempotencyConflict
from core.reasons.defaults import add_default_codes
from ratingslips.events import SlipVersion
from ratingslips.history import events_since, read_events
from ratingslips.models import GamingTable, PlaySegment, RatingSlip
from ratingslips.services import PlayHasNoEnd, change_average_bet, recover_slip_loyalty, resume_rating_slip
from ratingslips.services.seats import lock_tables, read_tables
from tests import replacing
from tests.concurrency import Elsewhere, held_before_commit, in_turn, wait_until_blocked
from tests.factories import GameFactory, PitFactory, TableFactory
from tests.floor import Floor, give_rights
from tests.invariants import broken_invariants
from tests.loyalty.rows import account_of
from tests.loyalty.test_concurrency import without_locks
from tests.ratingslips.corrections import (
    REASON,
    close,
    closed,
    correct,
    current_play,
    last_at,
    paused,
    void,
    worth_nothing,
)
from tests.ratingslips.test_reassigning import reassign
from tests.refusals import everything, refused
from tests.statements import assert_at_most, statements_of

MOST_OF_A_CORRECTION = 20
# What a segment of the new list has from one of the old list that it repeats, and what it gets of its own.
KEPT = {
    *("slip", "table", "pit", "seat", "average_bet", "house_edge_percent", "decisions_per_hour"),
    *("started_at", "started_as", "ended_at", "ended_as", "held_until"),
}
OWN = {"id", "seq", "started_by", "start_correlation_id", "ended_by", "end_correlation_id", "superseded_by"}


def _segments(slip: RatingSlip) -> list[PlaySegment]:
    return list(slip.segments.current().order_by("seq"))


class TestNewList:
    def test_supersedes_the_old_one_and_numbers_go_on(self, floor: Floor) -> None:
        slip = closed(floor)

        result = correct(floor, slip, last_at(slip, 200))

        kept = slip.corrections.get()
        segments = [(each.seq, each.superseded_by, int(each.average_bet)) for each in slip.segments.order_by("seq")]
        assert segments == [(1, kept, 40), (2, kept, 100), (3, None, 40), (4, None, 200)]
        assert (result.theoretical_win_before, result.theoretical_win) == (Decimal("57.75"), Decimal("84.00"))
        assert (kept.kind, kept.last_seq_before, kept.request.actor) == ("CORRECTED", 2, floor.supervisor)
        assert broken_invariants() == {}

    def test_decides_about_every_column_of_a_segment(self, floor: Floor) -> None:
        slip = closed(floor)
        was = _segments(slip)[0]

        correct(floor, slip, last_at(slip, 200))

        assert {field.name for field in PlaySegment._meta.concrete_fields} == KEPT | OWN
        kept = _segments(slip)[0]
        assert {name: getattr(kept, name) for name in KEPT} == {name: getattr(was, name) for name in KEPT}

    def test_closes_with_the_play_without_a_change_during_the_pause(self, floor: Floor) -> None:
        slip = paused(floor)
        change_average_bet(slip=slip, average_bet=Decimal(75), actor=floor.boss, at=floor.ago(minutes=2))
        closed(floor, slip)
        *left, _ = current_play(slip)

        correct(floor, slip, left)

        assert RatingSlip.objects.get().closed_at == left[-1].ended_at

    def test_makes_the_slip_its_summary(self, floor: Floor, next_table: GamingTable) -> None:
        slip = closed(floor)
        first, last = current_play(slip)
        began, ended = floor.ago(hours=26), floor.ago(minutes=10)

        correct(
            floor, slip, [replace(first, started_at=began), replace(last, table=next_table.pk, seat=3, ended_at=ended)]
        )

        slip.refresh_from_db()
        assert (slip.opened_at, slip.closed_at, slip.table, slip.seat) == (began, ended, next_table, 3)
        assert slip.gaming_day == floor.casino.gaming_day_at(began)
        assert [(each.started_as, each.ended_as) for each in _segments(slip)] == [
            ("OPENED", "MOVED"),
            ("MOVED", "CLOSED"),
        ]
        assert broken_invariants() == {}

    def test_has_pauses_in_its_gaps_and_changes_during_them(self, floor: Floor) -> None:
        slip = closed(floor)
        first, last = current_play(slip)

        correct(floor, slip, [replace(first, ended_at=floor.ago(hours=1)), last])

        assert [(each.started_as, each.ended_as, int(each.average_bet)) for each in _segments(slip)] == [
            ("OPENED", "PAUSED", 40),
            ("BET_CHANGED", "PAUSED", 100),
            ("RESUMED", "CLOSED", 100),
        ]
        assert [event.words for event in read_events(RatingSlip.objects.get())][1:4] == [
            "Paused",
            "Average bet 100.00",
            "Resumed",
        ]
        assert broken_invariants() == {}

    def test_begins_from_play_that_changed_after_a_pause(self, floor: Floor) -> None:
        slip = closed(floor)
        first, last = current_play(slip)
        correct(floor, slip, [replace(first, ended_at=floor.ago(hours=1)), last])

        correct(floor, slip, last_at(slip, 200))
        first, last = current_play(slip)
        correct(
            floor, slip, [first, replace(last, ended_at=last.started_at), replace(last, ended_at=floor.ago(minutes=5))]
        )

        assert [int(each.average_bet) for each in current_play(slip)] == [40, 200]
        assert broken_invariants() == {}

    def test_keeps_a_last_pause_where_the_end_stays(self, floor: Floor) -> None:
        slip = closed(floor, paused(floor))

        correct(floor, slip, last_at(slip, 200))
        slip.refresh_from_db()
        stayed = slip.closed_at
        *before, last = current_play(slip)
        correct(floor, slip, [*before, replace(last, ended_at=floor.ago(minutes=9))])

        slip.refresh_from_db()
        assert (stayed, slip.closed_at) == (floor.now, floor.ago(minutes=9))
        assert broken_invariants() == {}

    @pytest.mark.parametrize(
        ("begins", "figures"),
        [
            *[(begins, ("70", "0.75")) for begins in ("as before", "within", "earlier")],
            *[(begins, ("90", "2")) for begins in ("ends earlier", "later")],
        ],
    )
    def test_keeps_frozen_figures_where_table_and_time_stay(
        self, floor: Floor, begins: str, figures: tuple[str, str]
    ) -> None:
        slip = closed(floor, floor.open_slip())
        game = GameFactory.create(casino=floor.casino, values=[(floor.ago(hours=9), "90", "2")])
        GamingTable.objects.filter(pk=floor.table.pk).update(game=game)
        (only,) = current_play(slip)
        other_table = TableFactory.create(casino=floor.casino, pit=floor.pit)
        before = replace(only, table=other_table.pk, started_at=floor.ago(hours=3))
        play = {
            "as before": [replace(only, average_bet=Decimal(5))],
            "within": [replace(before, ended_at=floor.ago(hours=1)), replace(only, started_at=floor.ago(hours=1))],
            "earlier": [replace(only, started_at=floor.ago(hours=3))],
            "ends earlier": [replace(only, started_at=floor.ago(hours=3), ended_at=only.started_at)],
            "later": [replace(only, started_at=only.ended_at or floor.now)],
        }[begins]

        correct(floor, slip, play)

        last = _segments(slip)[-1]
        assert (last.decisions_per_hour, last.house_edge_percent) == tuple(map(Decimal, figures))

    def test_keeps_all_frozen_figures_of_play_that_becomes_one(self, floor: Floor) -> None:
        values = [(floor.ago(hours=9), "70", "0.75"), (floor.ago(hours=1), "90", "2")]
        game = GameFactory.create(casino=floor.casino, values=values)
        slip = closed(
            floor, floor.played_slip(table=TableFactory.create(casino=floor.casino, pit=floor.pit, game=game))
        )
        first, last = current_play(slip)

        correct(floor, slip, [replace(last, started_at=first.started_at)])

        kept = [(each.started_at, int(each.decisions_per_hour)) for each in slip.segments.current().order_by("seq")]
        assert kept == [(first.started_at, 70), (last.started_at, 90)]
        (whole,) = current_play(slip)
        correct(floor, slip, [replace(whole, average_bet=Decimal(50))])
        assert broken_invariants() == {}

    @pytest.mark.parametrize("is_reassigned", [False, True])
    def test_is_worth_what_it_was_once_corrected_back(
        self, floor: Floor, next_table: GamingTable, is_reassigned: bool
    ) -> None:
        values = [(floor.ago(hours=9), "90", "2"), (floor.ago(hours=3), "70", "0.75")]
        table = TableFactory.create(casino=floor.casino, pit=floor.pit, game=GameFactory.create(values=values))
        slip = closed(floor, floor.open_slip(table=table))
        (only,), worth = current_play(slip), slip.points
        another = GameFactory.create(values=[(floor.ago(hours=9), "200", "5")])
        GamingTable.objects.filter(pk=table.pk).update(game=another)

        correct(floor, slip, [replace(only, started_at=floor.ago(hours=4))])
        correct(floor, slip, [replace(only, table=next_table.pk)])
        if is_reassigned:
            slip = reassign(floor, slip, floor.player()).slip

        assert correct(floor, slip, [only]).points == worth


class TestLiveSlip:
    def test_stays_live(self, floor: Floor) -> None:
        slip = floor.played_slip()

        correct(floor, slip, last_at(slip, 200), actor=floor.boss)

        slip.refresh_from_db()
        old_end = slip.segments.get(seq=2)
        assert (slip.status, slip.closed_at, slip.theoretical_win) == ("OPEN", None, None)
        assert (old_end.ended_as, old_end.ended_at, old_end.ended_by) == ("SUPERSEDED", floor.now, floor.boss)
        assert close(floor, slip).theoretical_win == Decimal("84.00")
        assert broken_invariants() == {}

    @pytest.mark.parametrize(("make", "ends", "status"), [(paused, None, "OPEN"), (Floor.played_slip, 10, "PAUSED")])
    def test_goes_on_or_is_paused_as_its_last_segment(
        self, floor: Floor, make: Callable[[Floor], RatingSlip], ends: int | None, status: str
    ) -> None:
        slip = make(floor)
        *before, last = current_play(slip)

        correct(floor, slip, [*before, replace(last, ended_at=floor.ago(minutes=ends) if ends else None)])

        slip.refresh_from_db()
        assert slip.status == status
        assert broken_invariants() == {}
        if status == "PAUSED":
            resume_rating_slip(slip=slip, actor=floor.boss, at=floor.now)
        change_average_bet(slip=slip, average_bet=Decimal(7), actor=floor.boss, at=floor.now)
        assert broken_invariants() == {}

    def test_moves_to_where_it_is_said_to_be(self, floor: Floor, next_table: GamingTable) -> None:
        slip = floor.played_slip()
        first, last = current_play(slip)

        correct(floor, slip, [first, replace(last, table=next_table.pk, seat=2)], actor=floor.boss)
        floor.open_slip(at=floor.now)  # in the seat that was left

        slip.refresh_from_db()
        assert (slip.table, slip.seat, slip.pit) == (next_table, 2, floor.pit)
        assert broken_invariants() == {}


class TestHistory:
    def test_tells_a_page_of_before_the_correction_what_was_corrected(self, floor: Floor) -> None:
        slip = floor.played_slip()
        seen = read_events(slip)[-1].version

        correct(floor, slip, last_at(slip, 200))
        corrected = read_events(RatingSlip.objects.get())
        change_average_bet(slip=slip, average_bet=Decimal(7), actor=floor.boss, at=floor.now)
        later = read_events(RatingSlip.objects.get())

        assert [event.kind for event in events_since(corrected, seen)] == ["corrected"]
        assert [event.kind for event in events_since(later, seen)] == ["corrected", "bet changed"]
        assert [event.kind for event in events_since(later, corrected[-1].version)] == ["bet changed"]

    def test_is_followed_by_the_void(self, floor: Floor) -> None:
        slip = floor.played_slip()
        correct(floor, slip, last_at(slip, 200))

        void(floor, slip)

        kinds = [(event.kind, event.superseded_by) for event in read_events(RatingSlip.objects.get())]
        assert kinds == [
            ("bet changed", 1),
            ("opened", None),
            ("bet changed", None),
            ("corrected", None),
            ("voided", None),
        ]

    def test_of_a_closed_slip_names_each_correction(self, floor: Floor) -> None:
        slip = closed(floor)
        correct(floor, slip, last_at(slip, 200))
        correct(floor, slip, last_at(slip, 50), reason="It was fifty after all")

        events = read_events(RatingSlip.objects.get())

        assert [event.words for event in events[5:]] == [
            "Corrected (“The bet was wrong since nine”)",
            "Corrected (“It was fifty after all”)",
        ]
        assert events_since(events, events[-1].version) == []
        assert events_since(events, SlipVersion(seq=4, status="CLOSED")) == events[6:]
        assert events_since(events, SlipVersion(seq=2, status="CLOSED")) == events[5:]

    def test_names_who_entered_each_event_and_what_superseded_it(self, floor: Floor) -> None:
        slip, boss, supervisor = closed(floor), floor.boss, floor.supervisor
        correct(floor, slip, last_at(slip, 200))
        first, last = current_play(slip)
        correct(floor, slip, [first, replace(last, average_bet=Decimal(100), ended_at=floor.ago(minutes=5))])

        events = read_events(RatingSlip.objects.get())

        assert [(event.words.split(" at ")[0], event.by, event.mark) for event in events] == [
            ("Closed", boss, "superseded by correction 2"),
            ("Average bet 200.00", supervisor, "correction 1, superseded by correction 2"),
            ("Opened", boss, ""),
            ("Average bet 100.00", boss, ""),
            ("Closed", supervisor, "correction 2"),
            (f"Corrected (“{REASON}”)", supervisor, "correction 1"),
            (f"Corrected (“{REASON}”)", supervisor, "correction 2"),
        ]
        assert [event.recorded_at is not None for event in events] == [True] * 7

    def test_tells_the_bet_of_a_move_that_changed_it(self, floor: Floor) -> None:
        slip = closed(floor)
        correct(floor, slip, [current_play(slip)[0], replace(last_at(slip, 500)[1], seat=3)])
        correct(floor, slip, last_at(slip, 400))

        told = [event for event in read_events(RatingSlip.objects.get()) if event.kind == "moved"]

        assert [(event.words, event.mark) for event in told] == [
            (f"Moved to {slip.table.name} seat 3, average bet 500.00", "correction 1, superseded by correction 2"),
            (f"Moved to {slip.table.name} seat 3, average bet 400.00", "correction 2"),
        ]


class TestSameRequest:
    def test_gives_the_first_result_also_after_another_correction(self, floor: Floor) -> None:
        slip, request_id = closed(floor), uuid4()
        play = last_at(slip, 200)
        first = correct(floor, slip, play, request_id=request_id)
        correct(floor, slip, last_at(slip, 50))
        remove_perm("ratingslips.correct_slip", floor.supervisor, floor.pit)
        before = everything()

        again = correct(floor, slip, play, request_id=request_id)

        assert everything() == before
        assert (again.number, again.points, again.theoretical_win) == (1, 840, Decimal("84.00"))
        assert (first.replayed, again.replayed) == (False, True)
        with refused(IdempotencyConflict, "segment 2"):
            correct(floor, slip, last_at(slip, 51), request_id=request_id)

    def test_of_a_closing_tells_what_is_current(self, floor: Floor) -> None:
        slip = closed(floor)
        correct(floor, slip, last_at(slip, 200))

        again = close(floor, slip)

        assert (again.points, again.theoretical_win, again.is_corrected, again.replayed) == (
            840,
            Decimal("84.00"),
            True,
            True,
        )


class TestStatements:
    @pytest.mark.parametrize("earlier_corrections", [0, 2])
    @pytest.mark.parametrize("make", [closed, worth_nothing])
    def test_are_few_over_any_pits_and_corrections(
        self, floor: Floor, make: Callable[[Floor], RatingSlip], earlier_corrections: int
    ) -> None:
        add_default_codes(floor.casino.pk)
        slip = make(floor)
        tables = [TableFactory.create(casino=floor.casino, pit=PitFactory.create(casino=floor.casino)) for _ in "123"]
        give_rights(*((floor.supervisor, table.pit, ["correct_slip"]) for table in tables))
        for table in tables[:earlier_corrections]:
            first, *rest = current_play(slip)
            correct(floor, slip, [replace(first, started_at=first.started_at - timedelta(hours=1)), *rest])
            correct(floor, slip, [*current_play(slip)[:-1], replace(current_play(slip)[-1], table=table.pk)])
        first, last = current_play(slip)[0], current_play(slip)[-1]
        play = [
            replace(first, started_at=floor.ago(hours=9), ended_at=floor.ago(hours=2)),
            replace(last, table=tables[-1].pk, started_at=floor.ago(hours=2), ended_at=floor.now),
        ]

        statements = statements_of(lambda: correct(floor, slip, play, reason="", reason_code="WRONG_BET"))

        assert_at_most(MOST_OF_A_CORRECTION, statements)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("invariants_hold")
class TestTwoCorrectionsAtOnce:
    def test_are_one_after_the_other(self, floor: Floor) -> None:
        slip = closed(floor)
        play = last_at(slip, 200)

        first, second = in_turn(lambda: correct(floor, slip, play), lambda: correct(floor, slip, last_at(slip, 50)))

        assert (first.result().points, second.result().points_before, second.result().points) == (840, 840, 446)
        assert account_of(slip.player).balance == 446

    @pytest.mark.shows(39)
    def test_would_be_stopped_by_postgresql_alone_without_the_lock(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slip = closed(floor)
        play = last_at(slip, 200)

        with held_before_commit(lambda: correct(floor, slip, play)) as holder:
            without_locks(monkeypatch)
            second = Elsewhere(lambda: correct(floor, slip, last_at(slip, 50)))
            wait_until_blocked(second.backend, by=holder.backend)

        assert "unique" in str(second.outcome())
        assert account_of(slip.player).balance == 840


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("invariants_hold")
class TestCorrectionToASeatThatIsBeingTaken:
    def _correction(self, floor: Floor) -> object:
        slip, other = floor.played_slip(), floor.player()
        play = [replace(stretch, seat=2) for stretch in current_play(slip)]
        _, correcting = in_turn(
            lambda: floor.open_slip(player=other, seat=2, at=floor.now), lambda: correct(floor, slip, play)
        )
        return correcting.outcome()

    def test_waits_and_is_refused(self, floor: Floor) -> None:
        assert isinstance(self._correction(floor), PlayHasNoEnd)

    @pytest.mark.shows(39)
    def test_would_be_stopped_by_a_constraint_alone_without_the_lock(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        replacing.replace(monkeypatch, lock_tables, read_tables)

        assert isinstance(self._correction(floor), IntegrityError)


@pytest.mark.django_db(transaction=True)
class TestCorrectionBesideARecovery:
    def test_makes_the_recovery_wait_and_pay_what_is_right(self, floor: Floor) -> None:
        slip = floor.owed_slip()

        correcting, recovery = in_turn(
            lambda: correct(floor, slip, last_at(slip, 200)),
            lambda: recover_slip_loyalty(slip=slip, actor=floor.supervisor, at=floor.now),
        )

        assert (correcting.result().no_entry_because, recovery.result().points) == ("OWED", 840)
        assert broken_invariants() == {}

    def test_waits_for_the_recovery_and_adjusts_what_was_paid(self, floor: Floor) -> None:
        slip = floor.owed_slip()

        recovery, correcting = in_turn(
            lambda: recover_slip_loyalty(slip=slip, actor=floor.supervisor, at=floor.now),
            lambda: correct(floor, slip, last_at(slip, 200)),
        )

        assert (recovery.result().points, correcting.result().points) == (578, 840)
        assert broken_invariants() == {}

    @pytest.mark.shows(39)
    def test_would_let_recovery_pay_for_the_old_play_unlocked(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slip = floor.owed_slip()

        with held_before_commit(lambda: correct(floor, slip, last_at(slip, 200))) as holder:
            without_locks(monkeypatch)
            recovery = Elsewhere(lambda: recover_slip_loyalty(slip=slip, actor=floor.supervisor, at=floor.now))
            wait_until_blocked(recovery.backend, by=holder.backend)

        assert recovery.result().points == 578
        assert "slip_and_entry_agree" in broken_invariants()
        assert RatingSlip.objects.get().theoretical_win == Decimal("84.00")
