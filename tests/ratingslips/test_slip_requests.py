"""Each request that changes a slip leaves one row; the same request again is answered with its first result."""

import inspect
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection
from django.utils import timezone
from guardian.shortcuts import remove_perm

from core import correlation, retries
from core.idempotency import IdempotencyConflict, fingerprint
from core.models import Player, User
from loyalty.models import LedgerEntry
from loyalty.services import pause_program, resume_program
from ratingslips.events import SlipVersion
from ratingslips.models import PlaySegment, RatingSlip, SlipRequest
from ratingslips.services import (
    ChosenTime,
    PartialCompletion,
    change_average_bet,
    complete_rating_slip,
    move_rating_slip,
    open_rating_slip,
    pause_rating_slip,
    record_buy_in,
    record_chips_out,
    recover_slip_loyalty,
    requests,
    resume_rating_slip,
)
from tests.concurrency import in_turn
from tests.constraints import refused_by_trigger, run_as_replica
from tests.factories import StaffFactory, TableFactory
from tests.floor import Floor
from tests.refusals import everything, refused

Act = Callable[..., Any]

ACTS: dict[str, tuple[Act, dict[str, Any]]] = {
    "CHANGE_BET": (change_average_bet, {"average_bet": Decimal("75.00")}),
    "PAUSE": (pause_rating_slip, {}),
    "MOVE": (move_rating_slip, {"seat": 5, "average_bet": Decimal("60.00")}),
    "CLOSE": (
        complete_rating_slip,
        {"chips_out": Decimal("120.00"), "further_buy_in": Decimal("500.00"), "means": "MARKER"},
    ),
    "BUY_IN": (record_buy_in, {"amount": Decimal("500.00"), "means": "CHIPS"}),
    "CHIPS_OUT": (record_chips_out, {"amount": Decimal("0.00"), "means": "CASH"}),
}
OF_MONEY = {"BUY_IN", "CHIPS_OUT"}
# Arguments of a service that no form field gives.
NOT_OF_A_FORM = {"slip", "actor", "at", "request_id", "expected_version", "expected_rows", "long_play_confirmed"}
every_act = pytest.mark.parametrize("kind", ACTS)


def act(floor: Floor, kind: str, slip: RatingSlip, **changes: Any) -> Any:
    service, typed = ACTS[kind]
    return service(**({"slip": slip.pk, "actor": floor.boss, "at": floor.now} | typed | changes))


class TestRecordedRequest:
    @every_act
    def test_says_who_asked_for_what_and_when(self, floor: Floor, kind: str) -> None:
        slip, request_id = floor.open_slip(), uuid4()

        with correlation.bound() as correlation_id:
            before = timezone.now()
            act(floor, kind, slip, request_id=request_id, at=floor.ago(minutes=5))

        row = SlipRequest.objects.get(pk=request_id)
        typed = {name: str(value) if isinstance(value, Decimal) else value for name, value in ACTS[kind][1].items()}
        assert (row.slip, row.kind, row.actor, row.correlation_id) == (slip, kind, floor.boss, correlation_id)
        assert typed.items() <= row.contents.items()
        assert row.fingerprint == fingerprint(row.contents)
        assert row.happened_at == floor.ago(minutes=5)
        assert before <= row.recorded_at <= timezone.now()

    @every_act
    def test_holds_every_argument_that_a_form_gives(self, floor: Floor, slip: RatingSlip, kind: str) -> None:
        act(floor, kind, slip, chosen_time=ChosenTime(text="5 min ago", earliest=floor.ago(hours=1)))

        arguments = inspect.signature(ACTS[kind][0]).parameters.keys() - NOT_OF_A_FORM
        assert slip.requests.get(kind=kind).contents.keys() == arguments

    def test_of_an_opening_holds_what_the_form_held(self, floor: Floor, player: Player) -> None:
        slip = floor.open_slip(player=player, seat=3, buy_in=Decimal(500))

        row = slip.requests.get()
        assert (row.kind, row.happened_at) == ("OPEN", slip.opened_at)
        assert row.contents == {
            "player": player.pk,
            "table": floor.table.pk,
            "seat": 3,
            "average_bet": "40.00",
            "buy_in": "500.00",
            "slip_number": None,
        }

    def test_of_a_recovery_names_who_recovered(self, floor: Floor, owed_slip: RatingSlip) -> None:
        recover_slip_loyalty(slip=owed_slip, actor=floor.supervisor, at=floor.now)

        assert owed_slip.requests.get(kind="RECOVER").actor == floor.supervisor

    def test_happened_when_the_change_counts(self, floor: Floor) -> None:
        """The clock of the second tablet is behind the first one's: its change counts at the last event."""
        slip = floor.open_slip(at=floor.ago(minutes=1))
        change_average_bet(slip=slip, average_bet=Decimal(50), actor=floor.boss, at=floor.now)

        pause_rating_slip(slip=slip, actor=floor.supervisor, at=floor.ago(seconds=1))

        assert slip.requests.get(kind="PAUSE").happened_at == floor.now

    @every_act
    def test_is_one_a_call_where_the_form_carried_no_id(self, floor: Floor, slip: RatingSlip, kind: str) -> None:
        act(floor, kind, slip)

        assert slip.requests.filter(kind=kind).count() == 1

    def test_is_not_left_by_a_refusal(self, floor: Floor) -> None:
        slip, request_id = floor.open_slip(), uuid4()

        with pytest.raises(Exception, match="not paused"):
            resume_rating_slip(slip=slip, actor=floor.boss, at=floor.now, request_id=request_id)
        pause_rating_slip(slip=slip, actor=floor.boss, at=floor.now, request_id=request_id)

        assert SlipRequest.objects.get(pk=request_id).kind == "PAUSE"

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE ratingslips_sliprequest SET kind = 'MOVE'",
            "DELETE FROM ratingslips_sliprequest",
        ],
    )
    def test_is_never_changed_or_removed(self, floor: Floor, statement: str) -> None:
        floor.open_slip()

        with refused_by_trigger("ratingslips_sliprequest is refused"):
            run_as_replica(statement)


class TestSameRequest:
    @every_act
    def test_changes_nothing_and_gives_the_first_result(self, floor: Floor, kind: str) -> None:
        slip, request_id = floor.open_slip(), uuid4()
        first = act(floor, kind, slip, request_id=request_id)
        before = everything()

        again = act(floor, kind, slip, request_id=request_id, at=floor.now)

        assert everything() == before
        if kind == "CLOSE":
            assert (first.points, first.replayed) == (again.points, not again.replayed)
        else:
            assert again == (first if kind in OF_MONEY else slip)

    @every_act
    @pytest.mark.shows(18)
    def test_is_answered_before_right_version_and_state_are_asked(self, floor: Floor, kind: str) -> None:
        slip, request_id = floor.open_slip(), uuid4()
        seen: dict[str, Any] = {"expected_version": SlipVersion(seq=1, status="OPEN")}
        seen = {"expected_rows": 0} if kind in OF_MONEY else {} if kind == "CLOSE" else seen
        act(floor, kind, slip, request_id=request_id, **seen)
        remove_perm("ratingslips.operate_pit", floor.boss, floor.pit)
        floor.boss.is_active = False
        floor.boss.save()
        before = everything()

        act(floor, kind, slip, request_id=request_id, **seen)

        assert everything() == before

    def test_of_an_opening_gives_the_slip_after_the_player_left(self, floor: Floor) -> None:
        what: dict[str, Any] = {"player": floor.player(), "request_id": uuid4()}
        slip = floor.open_slip(**what)
        complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(hours=1))

        assert floor.open_slip(**what) == slip
        assert RatingSlip.objects.count() == 1

    def test_of_a_recovery_gives_the_first_result(self, floor: Floor) -> None:
        slip, request_id = floor.owed_slip(), uuid4()
        what: dict[str, Any] = {"slip": slip, "actor": floor.supervisor, "at": floor.now, "request_id": request_id}
        recover_slip_loyalty(**what)
        remove_perm("ratingslips.recover_loyalty", floor.supervisor, floor.pit)

        again = recover_slip_loyalty(**what)

        assert (again.points, again.replayed) == (578, True)
        assert LedgerEntry.objects.count() == 1

    def test_of_a_closing_that_left_points_owed_says_so_again(self, floor: Floor) -> None:
        slip, request_id = floor.played_slip(), uuid4()
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Month-end freeze")
        for _ in range(2):
            with pytest.raises(PartialCompletion):
                complete_rating_slip(slip=slip, actor=floor.boss, at=floor.now, request_id=request_id)
        resume_program(program=floor.program, actor=floor.supervisor)

        assert slip.requests.filter(kind="CLOSE").count() == 1

    def test_of_an_amount_written_another_way_is_the_same(self, floor: Floor) -> None:
        slip, request_id = floor.open_slip(), uuid4()
        act(floor, "CHANGE_BET", slip, request_id=request_id, average_bet=Decimal(75))

        act(floor, "CHANGE_BET", slip, request_id=request_id, average_bet=Decimal("75.00"))

        assert slip.segments.count() == 2


OTHERS: list[tuple[str, str, dict[str, Any]]] = [
    ("CHANGE_BET", "average bet", {"average_bet": Decimal("75.01")}),
    ("MOVE", "seat", {"seat": 6}),
    ("MOVE", "average bet", {"average_bet": None}),
    ("CLOSE", "further buy-in", {"further_buy_in": None}),
    ("BUY_IN", "amount", {"amount": Decimal("500.01")}),
    ("CHIPS_OUT", "means", {"means": "MARKER"}),
    ("CLOSE", "chips out", {"chips_out": Decimal("120.01")}),
]


class TestSameIdWithOtherContents:
    @pytest.mark.parametrize(("kind", "field", "change"), OTHERS)
    @pytest.mark.shows(17)
    def test_is_a_conflict_that_names_the_field(
        self, floor: Floor, kind: str, field: str, change: dict[str, Any]
    ) -> None:
        slip, request_id = floor.open_slip(), uuid4()
        act(floor, kind, slip, request_id=request_id)
        before = everything()

        with refused(IdempotencyConflict, f"a different {field}\\."):
            act(floor, kind, slip, request_id=request_id, **change)

        assert everything() == before

    @every_act
    def test_is_a_conflict_for_another_person_slip_or_act(self, floor: Floor, kind: str) -> None:
        slip, other, request_id = floor.open_slip(), floor.open_slip(seat=2), uuid4()
        act(floor, kind, slip, request_id=request_id)
        before = everything()
        cases: list[tuple[str, Callable[[], object]]] = [
            ("person", lambda: act(floor, kind, slip, request_id=request_id, actor=floor.supervisor)),
            ("slip", lambda: act(floor, kind, other, request_id=request_id)),
            ("kind", lambda: resume_rating_slip(slip=slip, actor=floor.boss, at=floor.now, request_id=request_id)),
        ]

        for field, call in cases:
            with refused(IdempotencyConflict, field):
                call()

        assert everything() == before

    @pytest.mark.parametrize("field", ["player", "table", "seat", "average_bet", "buy_in", "slip_number"])
    def test_is_a_conflict_for_another_opening(self, floor: Floor, field: str) -> None:
        what: dict[str, Any] = {"player": floor.player(), "request_id": uuid4()}
        floor.open_slip(**what)
        others: dict[str, Any] = {
            "player": floor.player(),
            "table": TableFactory.create(casino=floor.casino, pit=floor.pit),
            "seat": 2,
            "average_bet": Decimal(41),
            "buy_in": Decimal(1),
            "slip_number": "S-1",
        }

        with refused(IdempotencyConflict, field.replace("_", "[- ]")):
            floor.open_slip(**(what | {field: others[field]}))

        assert RatingSlip.objects.count() == 1


def _two_at_once(floor: Floor, slip: RatingSlip, request_id: UUID, *, actors: tuple[User, User]) -> list[Any]:
    def pause(actor: User) -> RatingSlip:
        return pause_rating_slip(slip=slip.pk, actor=actor, at=floor.now, request_id=request_id)

    first, second = in_turn(lambda: pause(actors[0]), lambda: pause(actors[1]))
    return [first.outcome(), second.outcome()]


@pytest.mark.django_db(transaction=True)
class TestTwoAtOnce:
    @pytest.mark.shows(5)
    def test_of_one_request_are_one_change_and_two_equal_answers(self, floor: Floor, slip: RatingSlip) -> None:
        answers = _two_at_once(floor, slip, uuid4(), actors=(floor.boss, floor.boss))

        assert answers == [slip, slip]
        assert PlaySegment.objects.get().ended_as == "PAUSED"

    def test_of_two_people_are_one_change_and_a_conflict(self, floor: Floor) -> None:
        slip, other = floor.open_slip(), StaffFactory.create(casino=floor.casino)

        first, second = _two_at_once(floor, slip, uuid4(), actors=(floor.boss, other))

        assert first == slip
        assert isinstance(second, IdempotencyConflict)

    @pytest.mark.shows(39)
    def test_of_two_slips_would_break_without_the_lock(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        slips, request_id = [floor.open_slip(seat=1), floor.open_slip(seat=2)], uuid4()
        monkeypatch.setattr(requests, "lock_name", lambda *_: None)
        monkeypatch.setattr(retries, "is_key_taken", lambda _: False)

        def pause(slip: RatingSlip) -> RatingSlip:
            return pause_rating_slip(slip=slip.pk, actor=floor.boss, at=floor.now, request_id=request_id)

        _, second = in_turn(lambda: pause(slips[0]), lambda: pause(slips[1]))

        assert isinstance(second.outcome(), IntegrityError)

    @pytest.mark.parametrize(("is_guarded", "outcome"), [(True, IdempotencyConflict), (False, IntegrityError)])
    def test_of_two_closings_are_told_apart_by_another_attempt(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch, is_guarded: bool, outcome: type[Exception]
    ) -> None:
        slips, request_id = [floor.open_slip(seat=1), floor.open_slip(seat=2)], uuid4()
        if not is_guarded:
            monkeypatch.setattr(retries, "is_key_taken", lambda _: False)

        def close(slip: RatingSlip) -> object:
            return complete_rating_slip(slip=slip.pk, actor=floor.boss, at=floor.now, request_id=request_id)

        first, second = in_turn(lambda: close(slips[0]), lambda: close(slips[1]))

        assert not isinstance(first.outcome(), Exception)
        assert isinstance(second.outcome(), outcome)
        assert [slip.is_live for slip in RatingSlip.objects.order_by("seat")] == [False, True]

    def test_of_one_opening_are_one_slip(self, floor: Floor) -> None:
        what: dict[str, Any] = {"player": floor.player(), "table": floor.table, "seat": 4, "average_bet": Decimal(40)}
        call = {**what, "actor": floor.boss, "at": floor.now, "request_id": uuid4()}

        first, second = in_turn(lambda: open_rating_slip(**call), lambda: open_rating_slip(**call))

        assert first.outcome() == second.outcome() == RatingSlip.objects.get()


@pytest.mark.django_db
def test_recorded_at_is_the_clock_of_postgresql(floor: Floor) -> None:
    """Two rows of one transaction are recorded at two instants."""
    slip = floor.open_slip()
    pause_rating_slip(slip=slip, actor=floor.boss, at=floor.now)

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(DISTINCT recorded_at), count(*) FROM ratingslips_sliprequest")
        distinct, rows = cursor.fetchone()

    assert distinct == rows == 2
