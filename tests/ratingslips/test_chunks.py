"""Slips that are recorded or paid in one transaction: as each would be by itself, and in few statements."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import count, islice
from typing import Any, TypeVar

import pytest
from django.contrib.postgres.fields import DateTimeRangeField
from django.db import connection, transaction
from django.db.models import Func
from django.test.utils import CaptureQueriesContext
from guardian.models import UserObjectPermission

from core.errors import Busy
from core.locks import lock_name
from core.models import Player
from core.querysets import LockingQuerySet
from loyalty.models import EarningRate, LedgerEntry, PlayerLoyalty
from loyalty.services import begin_batch, pause_program, resume_program
from loyalty.services.accounts import rules_in_force
from ratingslips.events import SlipVersion
from ratingslips.models import GamingTable, RatingSlip
from ratingslips.services import (
    Act,
    Recording,
    RequestKind,
    SlipPlay,
    chunks,
    owed,
    record_plays,
    recorder,
    recover_slip_loyalty,
    recover_together,
)
from ratingslips.services import claims as claims_module
from ratingslips.services.chunks import ChunkTooSlow
from ratingslips.services.claims import Claim, PlannedPlay, recorded_play
from ratingslips.services.owed import recover_all
from tests.concurrency import Elsewhere, backend_id, held, replace_locks
from tests.databases import connect
from tests.floor import Floor, declared
from tests.interruptions import with_late_commit
from tests.invariants import broken_invariants
from tests.refusals import everything
from tests.replacing import replace
from tests.statements import assert_at_most, statements_of

MOST_OF_A_CHUNK = 31  # however many slips it has
MOST_OF_A_RECOVERY = 20

pytestmark = pytest.mark.usefixtures("unhurried_chunks")

T = TypeVar("T")


def _visit(
    floor: Floor, number: str, player: Player, *, since: float, until: float | None = None, seat: int = 1
) -> SlipPlay:
    """A slip that opens so many hours ago, and closes if `until` says when."""
    opening = Act(
        kind=RequestKind.OPEN,
        at=floor.ago(hours=since),
        player=player.pk,
        table=floor.table.pk,
        seat=seat,
        average_bet=Decimal(40),
        buy_in=Decimal(100),
    )
    closing = [] if until is None else [Act(kind=RequestKind.CLOSE, at=floor.ago(hours=until), chips_out=Decimal(70))]
    return SlipPlay(slip_number=number, acts=[opening, *closing])


def _visits(floor: Floor, count: int, *, player: Player) -> list[SlipPlay]:
    """Visits of a player that follow each other."""
    return [
        _visit(floor, f"S{number}", player, since=2 * count - 2 * number, until=2 * count - 2 * number - 1)
        for number in range(count)
    ]


def _record(floor: Floor, plays: Sequence[SlipPlay], **given: Any) -> Sequence[Recording]:
    return record_plays(casino=floor.casino, plays=plays, actor=floor.boss, **given)


def _codes(done: Sequence[Recording]) -> list[list[str]]:
    return [[error.code for error in one.refusals.values()] for one in done]


class TestAChunk:
    def test_credits_each_slip_by_the_tier_reached_before_it(self, floor: Floor, player: Player) -> None:
        plays = _visits(floor, 6, player=player)

        done = _record(floor, plays)

        assert [one.settlement and one.settlement.points for one in done] == [210] * 4 + [210, 263]
        account = PlayerLoyalty.objects.get(player=player)
        entries = LedgerEntry.objects.filter(account=account).order_by("seq")
        assert [entry.seq for entry in entries] == [1, 2, 3, 4, 5, 6]
        assert (account.balance, account.entry_count) == (210 * 5 + 263, 6)
        assert bytes(account.head_hash or b"") == bytes(entries[5].entry_hash)
        assert broken_invariants() == {}

    def test_refuses_what_overlaps_a_slip_before_it(self, floor: Floor, player: Player) -> None:
        others = [floor.player(), floor.player()]
        plays = [
            _visit(floor, "S1", player, since=4, until=2),
            _visit(floor, "S2", player, since=3, until=1, seat=2),
            _visit(floor, "S3", others[0], since=3, until=1),
            _visit(floor, "S4", others[1], since=2, until=1),
        ]

        done = _record(floor, plays)

        assert _codes(done) == [[], ["PLAYER_STILL_PLAYED", "SLIP_NOT_OPENED"], ["SEAT_TAKEN", "SLIP_NOT_OPENED"], []]
        assert set(RatingSlip.objects.values_list("slip_number", flat=True)) == {"S1", "S4"}
        assert broken_invariants() == {}

    def test_goes_on_with_slips_that_are_there(self, floor: Floor, player: Player) -> None:
        other = floor.player()
        opened, leaving = _visit(floor, "S1", player, since=4), Act(kind=RequestKind.CLOSE, at=floor.ago(hours=2))
        first = _record(floor, [opened])[0].slip
        assert first is not None
        version = SlipVersion(seq=1, status="OPEN")
        closing = SlipPlay(slip_number="s1", acts=[leaving], expected_version=version)

        seated = [_visit(floor, "S2", other, since=2), _visit(floor, "S3", player, since=1, seat=2)]

        done = _record(floor, [closing, *seated])

        assert _codes(done) == [[], [], []]
        assert list(RatingSlip.objects.order_by("slip_number").values_list("status", flat=True)) == [
            "CLOSED",
            "OPEN",
            "OPEN",
        ]
        assert broken_invariants() == {}

    @pytest.mark.parametrize("wrong", ["blocked", "changed"])
    def test_ends_before_a_slip_that_cannot_be_recorded_yet(self, floor: Floor, player: Player, wrong: str) -> None:
        live = floor.open_slip(seat=2, slip_number="LIVE", at=floor.ago(hours=5))
        plays = [
            _visit(floor, "S1", player, since=4, until=3),
            _visit(floor, "S2", floor.player(), since=3, until=2, seat=2 if wrong == "blocked" else 1),
            _visit(floor, "S3", player, since=2, until=1),
        ]
        if wrong == "changed":
            plays[1] = SlipPlay(slip_number="LIVE", acts=plays[1].acts[1:])

        done = _record(floor, plays, still_to_come={"LIVE", "S1", "S2", "S3"})

        assert [one.slip and one.slip.slip_number for one in done] == ["S1"]
        assert set(RatingSlip.objects.exclude(pk=live.pk).values_list("slip_number", flat=True)) == {"S1"}

    def test_ends_when_its_time_is_over(self, floor: Floor, player: Player, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(recorder, "CHUNK_SECONDS", 3)
        with CaptureQueriesContext(connection) as sent:  # a clock that every statement moves on
            monkeypatch.setattr(recorder, "monotonic", lambda: len(sent))

            done = _record(floor, _visits(floor, 3, player=player))

        assert len(done) == RatingSlip.objects.count() == 1

    @pytest.mark.parametrize("last_statement", [0, 8, 16])
    def test_is_undone_when_a_statement_comes_too_late(
        self, floor: Floor, player: Player, monkeypatch: pytest.MonkeyPatch, last_statement: int
    ) -> None:
        monkeypatch.setattr(chunks, "LAST_STATEMENT_SECONDS", last_statement)
        before = everything()
        with CaptureQueriesContext(connection) as sent:  # a clock that every statement moves on
            monkeypatch.setattr(chunks, "monotonic", lambda: len(sent))

            with pytest.raises(ChunkTooSlow):
                _record(floor, _visits(floor, 3, player=player))

        assert everything() == before

    def test_owes_points_while_the_programme_is_paused(self, floor: Floor, player: Player) -> None:
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Migration of the tiers")

        done = _record(floor, _visits(floor, 2, player=player))

        assert [(one.is_owed, one.slip and one.slip.owed_because) for one in done] == [(True, "PROGRAM_PAUSED")] * 2
        assert broken_invariants() == {}

    def test_asks_for_the_right_and_refuses_own_play(self, floor: Floor, player: Player) -> None:
        declared(floor.boss, player)
        plays = [_visit(floor, "S1", player, since=4, until=3), _visit(floor, "S2", floor.player(), since=2, until=1)]

        own = _record(floor, plays)
        UserObjectPermission.objects.all().delete()
        without = _record(floor, [_visit(floor, "S3", floor.player(), since=2, until=1, seat=2)])

        assert _codes(own) == [["OWN_PLAY", "SLIP_NOT_OPENED"], []]
        assert _codes(without) == [["NOT_PERMITTED", "SLIP_NOT_OPENED"]]


class TestStatementsOfAChunk:
    @pytest.mark.parametrize("count", [2, 12])
    def test_are_few_however_many_slips_it_has(self, floor: Floor, player: Player, count: int) -> None:
        plays = _visits(floor, count, player=player)

        assert_at_most(MOST_OF_A_CHUNK, statements_of(lambda: _record(floor, plays)))

    @pytest.mark.parametrize("count", [2, 12])
    def test_are_few_however_many_slips_were_there_before(self, floor: Floor, count: int) -> None:
        GamingTable.objects.update(seats=count)
        players = [floor.player() for _ in range(count)]
        _record(floor, [_visit(floor, f"S{n}", one, since=4, seat=n) for n, one in enumerate(players, start=1)])
        acts = [
            Act(kind=RequestKind.CHANGE_BET, at=floor.ago(hours=3), average_bet=Decimal(50)),
            Act(kind=RequestKind.CLOSE, at=floor.ago(hours=2)),
        ]
        version = SlipVersion(seq=1, status="OPEN")
        plays = [SlipPlay(slip_number=f"S{n}", acts=acts, expected_version=version) for n in range(1, count + 1)]

        assert_at_most(MOST_OF_A_CHUNK, statements_of(lambda: _record(floor, plays)))

        assert RatingSlip.objects.filter(status="CLOSED", ledger_entry__isnull=False).count() == count
        assert broken_invariants() == {}


class TestAPlan:
    def test_counts_points_at_the_tiers_that_players_have_now(self, floor: Floor, player: Player) -> None:
        before = everything()

        done = _record(floor, _visits(floor, 6, player=player), plan=PlannedPlay())

        assert [one.settlement and one.settlement.points for one in done] == [210] * 6
        assert everything() == before

    def test_waits_for_nobody_and_keeps_nobody_waiting(self, committed_floor: Floor) -> None:
        floor = committed_floor
        plays = [*_visits(floor, 2, player=floor.player()), _visit(floor, "LIVE", floor.player(), since=9, seat=2)]
        _record(floor, plays[2:])
        closing = Act(kind=RequestKind.CLOSE, at=floor.ago(hours=2))
        plays[2] = SlipPlay(slip_number="LIVE", acts=[closing], expected_version=SlipVersion(seq=1, status="OPEN"))

        with held(_lock_everything):
            done = Elsewhere(lambda: _record(floor, plays, plan=PlannedPlay())).result()

        assert [one.closes and not one.refusals for one in done] == [True] * 3
        assert RatingSlip.objects.count() == 1


def _lock_everything() -> None:
    for model in (RatingSlip, Player, GamingTable, PlayerLoyalty):
        list(model._default_manager.select_for_update())


class TestAChunkInTrouble:
    def test_gives_up_a_locked_row_before_the_floor_would(self, committed_floor: Floor) -> None:
        floor = committed_floor
        plays = _visits(floor, 2, player=floor.player())
        account = PlayerLoyalty.objects.filter(player=plays[0].opened_for)

        def record_patiently() -> Sequence[Recording]:
            connection.cursor().execute("SET lock_timeout = 0; SET statement_timeout = 0")
            return _record(floor, plays)

        with held(lambda: account.locked().get()):
            outcome = Elsewhere(record_patiently).outcome()

        assert getattr(outcome, "code", None) == "BUSY"
        assert RatingSlip.objects.count() == 0

    def test_finds_what_it_committed_when_the_answer_was_lost(self, committed_floor: Floor) -> None:
        floor = committed_floor
        plays = _visits(floor, 2, player=floor.player())

        done = Elsewhere(lambda: _losing_the_answer(lambda: _record(floor, plays))).result()

        assert [one.settlement and one.settlement.points for one in done] == [210, 210]
        assert (RatingSlip.objects.count(), LedgerEntry.objects.count()) == (2, 2)

    def test_waits_for_what_it_may_have_committed(self, committed_floor: Floor) -> None:
        floor = committed_floor
        plays = _visits(floor, 2, player=floor.player())

        done = with_late_commit(1, lambda: _record(floor, plays), once=_is_waited_for_longer_than_a_chunk_waits)

        assert [one.settlement and one.settlement.points for one in done] == [210, 210]
        assert (RatingSlip.objects.count(), LedgerEntry.objects.count()) == (2, 2)

    @pytest.mark.shows(39)
    def test_would_give_up_what_it_committed_without_the_lock(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        floor = committed_floor
        plays = _visits(floor, 2, player=floor.player())
        replace(monkeypatch, lock_name, lambda *_: None)

        with pytest.raises(Busy):
            with_late_commit(1, lambda: _record(floor, plays), once=_is_waited_for_longer_than_a_chunk_waits)

        assert RatingSlip.objects.count() == 2


def _is_waited_for_longer_than_a_chunk_waits(backend: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT FROM pg_locks WHERE clock_timestamp() - waitstart > '200 ms' AND %s = ANY(pg_blocking_pids(pid))",
            [backend],
        )
        return cursor.fetchone() is not None


def _losing_the_answer(call: Callable[[], T]) -> T:
    """What a call returns whose first COMMIT gets no answer."""
    commit, backend = connection.commit, backend_id()

    def commit_and_lose() -> None:
        commit()
        lost.append(True)
        connection.commit = commit  # type: ignore[method-assign]
        with connect() as somebody:
            somebody.execute("SELECT pg_terminate_backend(%s, 10000)", [backend])
        connection.connection.execute("SELECT 1")

    lost: list[bool] = []
    connection.commit = commit_and_lose  # type: ignore[method-assign]
    returned = call()
    assert lost == [True]
    return returned


def _owed(floor: Floor, count: int, *, player: Player) -> list[RatingSlip]:
    """Slips of a player that closed while the programme was paused, in the order of their closing."""
    pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Migration of the tiers")
    _record(floor, _visits(floor, count, player=player))
    resume_program(program=floor.program, actor=floor.supervisor)
    return list(RatingSlip.objects.owed().order_by("closed_at"))


class TestPace:
    @pytest.mark.parametrize(("before", "slips", "share", "after"), [(1, 1, 0.9, 2), (9, 4, 2, 2), (9, 8, 0.1, 18)])
    def test_follows_how_long_the_last_slips_took(self, before: int, slips: int, share: float, after: int) -> None:
        pace = chunks.Pace(slips=before)

        pace.learn(slips=slips, seconds=share * chunks.CHUNK_SECONDS)

        assert pace.slips == after


class TestRecoverTogether:
    def test_pays_each_slip_as_recovery_of_one_does(self, floor: Floor, player: Player) -> None:
        slips = _owed(floor, 6, player=player)

        paid = recover_together(slips=slips, actor=floor.supervisor, at=floor.now)

        assert [paid[slip.pk].points for slip in slips] == [210] * 5 + [263]
        for slip in RatingSlip.objects.filter(pk__in=paid).select_related("ledger_entry"):
            assert slip.ledger_entry is not None
            assert slip.ledger_entry.correlation_id == slip.correlation_id != slip.recovery_correlation_id
            assert (slip.recovered_by, slip.settled_at, slip.is_owed) == (floor.supervisor, floor.now, False)
            assert slip.requests.get(kind="RECOVER").actor == floor.supervisor
        assert broken_invariants() == {}

    def test_is_undone_when_a_statement_comes_too_late(
        self, floor: Floor, player: Player, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slips = _owed(floor, 2, player=player)
        monkeypatch.setattr(chunks, "LAST_STATEMENT_SECONDS", 6)
        with CaptureQueriesContext(connection) as sent:
            monkeypatch.setattr(chunks, "monotonic", lambda: len(sent))

            with pytest.raises(ChunkTooSlow):
                recover_together(slips=slips, actor=floor.supervisor, at=floor.now)

        assert RatingSlip.objects.owed().count() == 2

    @pytest.mark.parametrize("count", [2, 12])
    def test_takes_few_statements_however_many_slips(self, floor: Floor, player: Player, count: int) -> None:
        slips = _owed(floor, count, player=player)
        given: dict[str, Any] = {"actor": floor.supervisor, "at": floor.now}

        assert_at_most(MOST_OF_A_RECOVERY, statements_of(lambda: recover_together(slips=slips, **given)))

    def test_leaves_what_it_may_not_pay_and_what_is_paid(self, floor: Floor, player: Player) -> None:
        own, other = floor.player(), floor.player()
        declared(floor.supervisor, own)
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Migration of the tiers")
        times = zip((player, own, other), (3, 2, 1), strict=True)
        _record(floor, [_visit(floor, f"S{hours}", one, since=hours, until=hours - 0.5) for one, hours in times])
        resume_program(program=floor.program, actor=floor.supervisor)
        slips = list(RatingSlip.objects.owed().order_by("closed_at"))
        recover_slip_loyalty(slip=slips[-1], actor=floor.supervisor, at=floor.now)

        paid = recover_together(slips=slips, actor=floor.supervisor, at=floor.now)

        assert [slip.pk in paid for slip in slips] == [True, False, False]
        assert broken_invariants() == {}

    def test_waits_for_what_it_may_have_committed(self, committed_floor: Floor) -> None:
        floor = committed_floor
        slips = _owed(floor, 2, player=floor.player())
        given: dict[str, Any] = {"slips": slips, "actor": floor.supervisor, "at": floor.now}

        paid = with_late_commit(1, lambda: recover_together(**given), once=_is_waited_for_longer_than_a_chunk_waits)

        assert [paid[slip.pk].points for slip in slips] == [210, 210]
        assert LedgerEntry.objects.count() == 2

    @pytest.mark.shows(39)
    def test_would_not_know_what_it_committed_without_the_lock(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        floor = committed_floor
        slips = _owed(floor, 2, player=floor.player())
        given: dict[str, Any] = {"slips": slips, "actor": floor.supervisor, "at": floor.now}
        replace(monkeypatch, lock_name, lambda *_: None)

        paid = with_late_commit(1, lambda: recover_together(**given), once=_is_waited_for_longer_than_a_chunk_waits)

        assert paid == {}
        assert LedgerEntry.objects.count() == 2

    def test_leaves_a_locked_slip_and_finds_what_it_committed(self, committed_floor: Floor) -> None:
        floor = committed_floor
        slips = _owed(floor, 3, player=floor.player())
        given: dict[str, Any] = {"slips": slips, "actor": floor.supervisor, "at": floor.now}

        with held(lambda: RatingSlip.objects.locked().get(pk=slips[1].pk)):
            paid = Elsewhere(lambda: _losing_the_answer(lambda: recover_together(**given))).result()

        assert list(paid) == [slips[0].pk, slips[2].pk]
        assert LedgerEntry.objects.count() == 2

    @pytest.mark.shows(39)
    def test_would_pay_nobody_beside_a_locked_slip_without_skip_locked(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        floor, locked = committed_floor, LockingQuerySet.locked
        slips = _owed(floor, 3, player=floor.player())
        replace_locks(monkeypatch, lambda rows, **_: locked(rows))

        with held(lambda: RatingSlip.objects.locked().get(pk=slips[1].pk)), pytest.raises(Busy):
            recover_together(slips=slips, actor=floor.supervisor, at=floor.now)

        assert LedgerEntry.objects.count() == 0


class TestRecoverAll:
    def _seconds_of_payment(
        self, floor: Floor, slips: Sequence[RatingSlip], *, between: Callable[[], object]
    ) -> list[int]:
        """The instant of each payment by a clock that each look at it moves on by a second."""
        looks, begins = count(), floor.ago(hours=0.5)
        paid = recover_all(slips, actor=floor.supervisor, clock=lambda: begins + timedelta(seconds=next(looks)))
        for _ in paid:
            between()
        settled = RatingSlip.objects.order_by("settled_at").values_list("settled_at", flat=True)
        return [(at - begins).seconds for at in settled if at is not None]

    def test_takes_more_at_once_however_slowly_its_results_are_read(
        self, floor: Floor, player: Player, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slips, time = _owed(floor, 7, player=player), count(step=0.001)
        monkeypatch.setattr(owed, "perf_counter", lambda: next(time))

        seconds = self._seconds_of_payment(floor, slips, between=lambda: list(islice(time, 10_000)))

        assert seconds == [0, 1, 1, 2, 2, 2, 2]

    def test_pays_what_fails_together_each_at_its_own_instant(
        self, floor: Floor, player: Player, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        slips = _owed(floor, 3, player=player)
        monkeypatch.setattr(owed, "recover_together", lambda **_: 1 / 0)

        assert self._seconds_of_payment(floor, slips, between=lambda: None) == [0, 2, 3]


class TestRecordedPlay:
    """What is read by SQL, as the ORM would read it."""

    @pytest.mark.parametrize("until", [None, 0.5, 1, 2, 3.5])
    @pytest.mark.parametrize("since", [6, 4, 3, 2, 1.5])
    def test_is_what_overlaps_a_claim(self, floor: Floor, player: Player, since: float, until: float | None) -> None:
        _record(floor, [_visit(floor, "S1", player, since=4, until=3), _visit(floor, "S2", player, since=2)])
        begins, ends = floor.ago(hours=since), floor.ago(hours=min(until, since)) if until else None
        claims = [
            Claim(key=key, since=begins, until=ends, act=0)
            for key in (player.pk, (floor.table.pk, 1), (floor.table.pk, 2), floor.player().pk)
        ]

        found = recorded_play(claims, plan=PlannedPlay(), own=())

        span = Func("opened_at", "closed_at", function="TSTZRANGE", output_field=DateTimeRangeField())
        slips = RatingSlip.objects.alias(span=span).filter(span__overlap=(begins, ends)).order_by("opened_at")
        expected = [] if begins == ends else list(slips.values_list("slip_number", "opened_at", "closed_at"))
        told = [[(span.slip_number, span.since, span.until) for span in found[claim]] for claim in claims]
        assert told == [expected, expected, [], []]

    def test_is_read_on_past_slips_that_are_skipped(
        self, floor: Floor, player: Player, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(claims_module, "MAX_OVERLAPS", 1)
        _record(floor, _visits(floor, 12, player=player))
        claims = [
            Claim(key=key, since=floor.ago(hours=30), until=None, act=0) for key in (player.pk, (floor.table.pk, 1))
        ]
        planned = PlannedPlay(slip_numbers={f"S{number}" for number in range(10)})

        found = recorded_play(claims, plan=planned, own={"S10"})

        first = [planned.first(claim, found[claim], slip_number="S10") for claim in claims]
        assert [span and span.slip_number for span in first] == ["S11", "S11"]


class TestRulesOfABatch:
    @pytest.mark.parametrize("days", [-1, 0, 5, 10, 15])
    def test_are_those_that_a_single_posting_reads(self, floor: Floor, player: Player, days: int) -> None:
        begins = floor.now + timedelta(days=1)
        for number in range(2):
            since = begins + timedelta(days=10 * number)
            EarningRate.objects.create(program=floor.program, points_per_unit=20 + number, effective_from=since)
        with transaction.atomic():
            batch = begin_batch(player_ids=[player.pk], idempotency_keys=[], at=floor.now)
            asked: dict[str, Any] = {"program_id": floor.program.pk, "earned_at": begins + timedelta(days=days)}

            assert batch.rules_in_force(**asked) == rules_in_force(**asked)
