"""Voiding a slip: it counts nowhere, its seat is free, and its points are taken back."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from guardian.shortcuts import assign_perm, remove_perm

from core.errors import DomainError
from core.idempotency import IdempotencyConflict
from core.permissions import NotPermitted
from core.reasons.codes import InvalidReasonCode
from core.reasons.defaults import add_default_codes
from loyalty.models import LedgerEntry
from loyalty.services import InvalidReason, ProgramPaused, pause_program
from ratingslips.events import SlipVersion
from ratingslips.figures import report_on
from ratingslips.models import MoneyRow, PlaySegment, RatingSlip
from ratingslips.services import (
    OwnPlay,
    SlipChanged,
    SlipIsVoid,
    change_average_bet,
    complete_rating_slip,
    pause_rating_slip,
    recover_slip_loyalty,
    release_withheld_points,
    void_rating_slip,
)
from tests.concurrency import Elsewhere, held_before_commit, in_turn, wait_until_blocked
from tests.factories import StaffFactory
from tests.floor import Floor, declared
from tests.invariants import broken_invariants
from tests.loyalty.rows import account_of
from tests.loyalty.test_concurrency import without_locks
from tests.ratingslips.corrections import (
    REASON,
    close,
    closed,
    correct,
    current_play,
    live,
    paused,
    spent,
    void,
    withheld,
    worth_nothing,
)
from tests.ratingslips.rows import ended_row
from tests.ratingslips.test_reassigning import reassign
from tests.refusals import everything, refused
from tests.statements import assert_at_most, statements_of
from tests.tampering import without_triggers

MOST_OF_A_VOID = 18

# What a slip was; then the points of its adjustment, why there is none, what stays uncollected, the balance.
CASES: dict[str, tuple[Callable[[Floor], RatingSlip], int | None, str, int, int]] = {
    "live": (live, None, "LIVE", 0, 0),
    "paused": (paused, None, "LIVE", 0, 0),
    "owed": (Floor.owed_slip, None, "OWED", 0, 0),
    "withheld": (withheld, None, "WITHHELD", 0, 0),
    "worth 0": (worth_nothing, None, "SAME_POINTS", 0, 0),
    "credited": (closed, -578, "", 0, 0),
    "credited, partly spent": (spent(500), -78, "", 500, 0),
    "credited, all spent": (spent(578), None, "NOT_COVERED", 578, 0),
}


class TestVoid:
    @pytest.mark.parametrize("case", CASES)
    def test_takes_back_what_the_balance_covers(self, floor: Floor, case: str) -> None:
        make, adjusted, because, uncollected, balance = CASES[case]
        slip = make(floor)

        result = void(floor, slip)

        slip = RatingSlip.objects.get(pk=slip.pk)
        posted = result.posting.points if result.posting else None
        assert (posted, result.no_entry_because, result.uncollected) == (adjusted, because, uncollected)
        assert (slip.status, slip.theoretical_win, slip.uncollected_points) == ("VOID", Decimal(0), uncollected)
        assert (slip.is_owed, slip.is_withheld, slip.segments.current().exists()) == (False, False, False)
        assert account_of(slip.player).balance == balance
        assert broken_invariants() == {}

    def test_keeps_who_voided_it_why_and_what_it_was(self, floor: Floor) -> None:
        slip = closed(floor)

        void(floor, slip)

        kept = slip.corrections.get()
        assert (kept.number, kept.kind, kept.reason, kept.reason_code) == (1, "VOIDED", REASON, None)
        assert (kept.request.actor, kept.request.kind) == (floor.supervisor, "VOID")
        assert (kept.status_before, kept.theoretical_win_before, kept.points_before) == (
            "CLOSED",
            Decimal("57.75"),
            578,
        )
        assert kept.points_after == 0
        assert kept.entry is not None
        assert (kept.entry.kind, kept.entry.adjusts, kept.entry.staff) == (
            "ADJUSTMENT",
            LedgerEntry.objects.get(kind="GAMEPLAY"),
            floor.supervisor,
        )
        assert account_of(slip.player).lifetime_points == 0

    @pytest.mark.parametrize("make", [live, paused])
    def test_ends_a_live_slip_and_frees_its_seat_and_player(
        self, floor: Floor, make: Callable[[Floor], RatingSlip]
    ) -> None:
        slip = make(floor)

        void(floor, slip)
        another = floor.open_slip(player=slip.player, at=floor.ago(hours=1))

        slip.refresh_from_db()
        assert (slip.closed_at, slip.closed_by) == (floor.now, floor.supervisor)
        assert another.opened_at == floor.ago(hours=1)
        assert not PlaySegment.objects.filter(slip=slip, held_until=None).exists()
        assert broken_invariants() == {}

    def test_takes_the_slip_out_of_the_figures(self, floor: Floor) -> None:
        day = floor.casino.gaming_day_at(floor.now)
        slip = closed(floor)

        void(floor, slip)

        report = report_on(casino=floor.casino, first_day=day, last_day=day, at=floor.now)
        assert (report.completions, report.settled_at_close) == (0, 0)

    def test_of_points_nobody_covers_works_while_the_programme_is_paused(self, floor: Floor) -> None:
        slip = spent(578)(floor)
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Migration of the tiers")

        assert void(floor, slip).uncollected == 578

    def test_keeps_the_code_with_its_label_without_text(self, floor: Floor) -> None:
        add_default_codes(floor.casino.pk)
        slip = closed(floor)

        void(floor, slip, reason="", reason_code="NO_PLAY")

        kept = slip.corrections.get()
        assert (kept.reason_code, kept.reason, kept.entry and kept.entry.reason_code) == (
            "NO_PLAY",
            "Player did not play",
            "NO_PLAY",
        )

    def test_again_gives_the_first_result_and_changes_nothing(self, floor: Floor) -> None:
        slip, request_id = closed(floor), uuid4()
        first = void(floor, slip, request_id=request_id)
        remove_perm("ratingslips.correct_slip", floor.supervisor, floor.pit)
        before = everything()

        again = void(floor, slip, request_id=request_id)

        assert everything() == before
        assert (first.replayed, again.replayed, again.points, again.theoretical_win) == (False, True, 0, Decimal(0))
        with refused(IdempotencyConflict, "reason"):
            void(floor, slip, request_id=request_id, reason="Another reason altogether")

    def test_takes_few_statements(self, floor: Floor) -> None:
        slip = closed(floor)
        add_default_codes(floor.casino.pk)

        assert_at_most(MOST_OF_A_VOID, statements_of(lambda: void(floor, slip, reason_code="NO_PLAY")))


class TestRefusal:
    @pytest.mark.parametrize(
        ("change", "error"),
        [
            ({"reason": "short"}, InvalidReason),
            ({"reason_code": "NEVER_HEARD"}, InvalidReasonCode),
            ({"expected_version": SlipVersion(seq=1, status="OPEN")}, SlipChanged),
        ],
        ids=lambda case: str(case),
    )
    def test_of_what_is_given(self, floor: Floor, change: dict[str, Any], error: type[DomainError]) -> None:
        slip = closed(floor)

        with refused(error):
            void(floor, slip, **change)

    def test_of_points_to_take_back_while_the_programme_is_paused(self, floor: Floor) -> None:
        slip = closed(floor)
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Migration of the tiers")

        with refused(ProgramPaused):
            void(floor, slip)

    def test_of_ones_own_account(self, floor: Floor) -> None:
        slip = closed(floor)
        declared(floor.supervisor, slip.player)

        with refused(OwnPlay):
            void(floor, slip)

    @pytest.mark.parametrize("service", [complete_rating_slip, recover_slip_loyalty], ids=["closing", "recovery"])
    def test_of_nothing_that_was_answered_before(self, floor: Floor, service: Callable[..., Any]) -> None:
        slip = floor.played_slip() if service is complete_rating_slip else floor.owed_slip()
        again = partial(service, slip=slip.pk, actor=floor.supervisor, at=floor.now, request_id=uuid4())
        first = again()
        void(floor, slip)

        repeated = again()

        assert repeated.replayed
        assert repeated.posting.entry_id == first.posting.entry_id
        assert RatingSlip.objects.get(pk=slip.pk).is_void
        assert broken_invariants() == {}

    def test_of_everything_with_a_void_slip(self, floor: Floor) -> None:
        slip = floor.owed_slip()
        void(floor, slip)
        arguments: dict[str, Any] = {"slip": slip.pk, "actor": floor.supervisor, "at": floor.now}
        attempts: list[Callable[[], object]] = [
            lambda: void_rating_slip(**arguments, reason=REASON),
            lambda: complete_rating_slip(**arguments),
            lambda: pause_rating_slip(**arguments),
            lambda: change_average_bet(**arguments, average_bet=Decimal(5)),
            lambda: recover_slip_loyalty(**arguments),
            lambda: release_withheld_points(**arguments, reason=REASON),
        ]

        for attempt in attempts:
            with refused(SlipIsVoid):
                attempt()

    def test_without_the_right_on_the_pit(self, floor: Floor) -> None:
        slip = closed(floor)
        remove_perm("ratingslips.correct_slip", floor.supervisor, floor.pit)

        with refused(NotPermitted, "correct rating slips"):
            void(floor, slip)

    @pytest.mark.parametrize(
        ("minutes", "seat_of", "permitted"),
        [(10, "boss", True), (10.1, "boss", False), (5, "colleague", False)],
    )
    def test_of_a_boss_but_for_their_own_new_slip(
        self, floor: Floor, minutes: float, seat_of: str, permitted: bool
    ) -> None:
        colleague = StaffFactory.create(casino=floor.casino)
        assign_perm("ratingslips.operate_pit", colleague, floor.pit)
        opener = floor.boss if seat_of == "boss" else colleague
        slip = floor.open_slip(at=floor.ago(minutes=minutes), actor=opener)

        if permitted:
            assert void(floor, slip, actor=floor.boss).kind == "VOIDED"
        else:
            with refused(NotPermitted):
                void(floor, slip, actor=floor.boss)

    @pytest.mark.parametrize("is_reassigned", [False, True])
    def test_of_a_boss_who_corrected_the_beginning_of_their_slip(self, floor: Floor, is_reassigned: bool) -> None:
        slip = floor.open_slip(at=floor.ago(minutes=20))
        correct(floor, slip, [replace(current_play(slip)[0], started_at=floor.ago(minutes=1))], actor=floor.boss)
        if is_reassigned:
            slip = reassign(floor, slip, floor.player(), actor=floor.boss).slip

        with refused(NotPermitted):
            void(floor, slip, actor=floor.boss)

    def test_of_a_boss_once_their_slip_is_closed(self, floor: Floor) -> None:
        slip = closed(floor, floor.open_slip(at=floor.ago(minutes=5)))

        with refused(NotPermitted):
            void(floor, slip, actor=floor.boss)


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("invariants_hold")
class TestVoidWhileASlipCloses:
    def test_waits_and_takes_the_points_back(self, floor: Floor) -> None:
        slip = floor.played_slip()

        closing, voiding = in_turn(lambda: close(floor, slip), lambda: void(floor, slip))

        assert (closing.result().points, voiding.result().points) == (578, 0)
        assert account_of(slip.player).balance == 0

    def test_makes_the_closing_wait_and_be_refused(self, floor: Floor) -> None:
        slip = floor.played_slip()

        voiding, closing = in_turn(lambda: void(floor, slip), lambda: close(floor, slip))

        assert voiding.result().no_entry_because == "LIVE"
        assert isinstance(closing.outcome(), SlipIsVoid)
        assert not LedgerEntry.objects.exists()

    @pytest.mark.shows(39)
    def test_would_be_stopped_by_the_trigger_alone_without_the_lock(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slip = floor.played_slip()

        with held_before_commit(lambda: close(floor, slip)) as closing:
            without_locks(monkeypatch)
            voiding = Elsewhere(lambda: void(floor, slip))
            wait_until_blocked(voiding.backend, by=closing.backend)

        assert "with its correction" in str(voiding.outcome())
        assert RatingSlip.objects.get().status == "CLOSED"


def _more_play(floor: Floor, slip: RatingSlip) -> PlaySegment:
    begun, ended = floor.ago(hours=4), floor.ago(hours=3)
    return ended_row(floor, slip=slip, seq=9, seat=5, started_at=begun, ended_at=ended)


def _more_money(floor: Floor, slip: RatingSlip) -> MoneyRow:
    row = slip.money_rows.get()
    row.pk = None
    return row


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("make", "trigger"),
    [(_more_play, "ratingslips_segment_of_live_slip"), (_more_money, "ratingslips_moneyrow_fits")],
)
class TestRowWrittenPastTheServicesBesideAVoid:
    def test_waits_and_is_refused(self, floor: Floor, make: Callable[..., Any], trigger: str) -> None:
        slip = floor.open_slip(buy_in=Decimal(100))
        row = make(floor, slip)

        _, writing = in_turn(lambda: void(floor, slip), row.save)

        assert "is refused: a void slip gets no more" in str(writing.outcome())

    @pytest.mark.shows(39)
    def test_would_be_added_to_it_without_the_trigger(
        self, floor: Floor, make: Callable[..., Any], trigger: str
    ) -> None:
        slip = floor.open_slip(buy_in=Decimal(100))
        row = make(floor, slip)

        with without_triggers(row._meta.db_table, trigger):
            _, writing = in_turn(lambda: void(floor, slip), row.save)

        writing.result()
        row.refresh_from_db()
        assert row.slip.is_void
