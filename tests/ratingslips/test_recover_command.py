"""The command that pays owed slips: all, some, several commands at once, and --watch until it is stopped."""

import json
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection
from structlog.testing import capture_logs

from core.models import CommandOperation, RequestOrigin
from core.stopping import StopSignal
from loyalty.models import LedgerEntry, PlayerLoyalty
from loyalty.services import pause_program, resume_program
from ratingslips.management.commands import recover_slip_loyalty as command
from ratingslips.models import RatingSlip
from ratingslips.services import (
    PartialCompletion,
    complete_rating_slip,
    owed,
    recover_slip_loyalty,
    recover_together,
)
from tests.commands import FullDisk, Ran, run
from tests.concurrency import held, made_to_wait
from tests.databases import database_url
from tests.floor import Floor
from tests.waiting import wait_until

# 1 h 30 min at 40.00, then 20 min at 100.00: theo 49.00.
POINTS = 490


def owed_slips(floor: Floor, count: int) -> list[RatingSlip]:
    """Slips that closed ten minutes ago and more while the programme was paused, the longest owed first."""
    slips = [floor.played_slip(seat=seat) for seat in range(1, count + 1)]
    return [floor.owed_slip(slip, at=floor.ago(minutes=10, seconds=-number)) for number, slip in enumerate(slips)]


@contextmanager
def _paused_program(floor: Floor) -> Iterator[None]:
    pause_program(program=floor.program, reason="Tier migration", actor=floor.supervisor, at=floor.now)
    yield
    resume_program(program=floor.program, actor=floor.supervisor)


def _recover(*arguments: object) -> Ran:
    return run("recover_slip_loyalty", *arguments)


def _json(*arguments: object) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(_recover("--json", *arguments).out)
    return told


class TestRecoverSlipLoyaltyCommand:
    def test_pays_all_that_is_owed_and_says_what_it_paid(self, floor: Floor) -> None:
        slips = owed_slips(floor, 2)

        ran = _recover()

        code = floor.casino.code
        assert ran.code == 0
        assert ran.out.splitlines() == [
            f"{code} {slips[0].slip_number}: {POINTS} points paid, balance {POINTS}",
            f"{code} {slips[1].slip_number}: {POINTS} points paid, balance {POINTS}",
            "2 slips: 2 paid.",
        ]
        assert not RatingSlip.objects.owed().exists()

    def test_keeps_each_slips_correlation_id_and_names_the_system(self, floor: Floor) -> None:
        (slip,) = owed_slips(floor, 1)

        _recover()

        paid = RatingSlip.objects.get(pk=slip.pk)
        assert paid.ledger_entry is not None
        assert paid.ledger_entry.correlation_id == paid.correlation_id
        assert paid.recovered_by is not None
        assert paid.recovered_by.username == "system"

    def test_says_that_nothing_is_owed(self, floor: Floor) -> None:
        ran = _recover()

        assert (ran.code, ran.out) == (0, "Nothing is owed.\n")

    def test_leaves_slips_alone_that_closed_a_moment_ago(self, floor: Floor) -> None:
        owed_slips(floor, 1)

        younger = _json("--older-than", 15)
        older = _json("--older-than", 0)

        assert (younger["slips"], older["paid"]) == ([], 1)

    @pytest.mark.parametrize(
        ("count", "options", "words"),
        [
            (1, ["--older-than", 15], "1 slip is owed for less than 15 minutes; --older-than 0 pays it too."),
            (2, ["--older-than", 15], "2 slips are owed for less than 15 minutes; --older-than 0 pays them too."),
            (2, ["--correlation-id", uuid.uuid4()], "2 slips of other requests are owed points."),
            (3, ["--limit", 1], "1 slip: 1 paid. 2 more slips are owed points; run it again."),
            (3, ["--limit", 1, "--dry-run"], "1 slip: 1 owed. 2 more slips are owed points; run it again."),
        ],
    )
    def test_names_what_its_options_leave_out(self, floor: Floor, count: int, options: list[Any], words: str) -> None:
        owed_slips(floor, count)

        ran = _recover(*options)

        assert (ran.code, ran.out.splitlines()[-1]) == (0, words)

    def test_pays_one_slip_by_its_number_however_young(self, floor: Floor) -> None:
        first, second = owed_slips(floor, 2)

        told = _json("--slip", second.slip_number, "--older-than", 15)

        assert [slip["slip"] for slip in told["slips"]] == [str(second.pk)]
        assert list(RatingSlip.objects.owed()) == [first]

    def test_gives_the_first_result_of_a_slip_that_was_paid(self, floor: Floor) -> None:
        (slip,) = owed_slips(floor, 1)
        _recover()

        again = _recover("--slip", slip.pk)

        assert again.code == 0
        assert f"{slip.slip_number}: settled already, {POINTS} points, balance {POINTS}" in again.out
        assert LedgerEntry.objects.count() == 1

    @pytest.mark.parametrize("whose", ["ours", "a trusted caller's"])
    def test_pays_only_what_one_request_left_owed(self, floor: Floor, whose: str) -> None:
        first, second = owed_slips(floor, 2)
        second = RatingSlip.objects.get(pk=second.pk)
        outside = uuid.uuid4()
        RequestOrigin.objects.create(
            correlation_id=second.correlation_id, outside_correlation_id=outside, method="COMMAND", origin="/"
        )

        told = _json("--correlation-id", second.correlation_id if whose == "ours" else outside)

        assert [slip["slip"] for slip in told["slips"]] == [str(second.pk)]
        assert list(RatingSlip.objects.owed()) == [first]

    def test_only_lists_on_a_dry_run(self, floor: Floor) -> None:
        slips = owed_slips(floor, 2)

        ran = _recover("--dry-run")
        told = _json("--dry-run")

        assert (ran.code, ran.out.splitlines()[-1]) == (0, "2 slips: 2 owed.")
        assert "for theo 49.00, because the programme was paused (PROGRAM_PAUSED)" in ran.out
        assert [slip["slip"] for slip in told["slips"]] == [str(slip.pk) for slip in slips]
        assert RatingSlip.objects.owed().count() == 2

    def test_stops_at_the_limit(self, floor: Floor) -> None:
        slips = owed_slips(floor, 3)

        told = _json("--limit", 2)

        assert told["paid"] == 2
        assert list(RatingSlip.objects.owed()) == [slips[2]]

    def test_tells_what_cannot_be_paid_and_ends_with_1(self, floor: Floor) -> None:
        (slip,) = owed_slips(floor, 1)
        pause_program(program=floor.program, reason="Month-end freeze", actor=floor.supervisor, at=floor.now)

        ran = _recover()

        assert (ran.code, ran.error) == (1, "1 slip could not be paid.")
        assert f"{slip.slip_number}: PROGRAM_PAUSED: Harbour Rewards is paused" in ran.out

    @pytest.mark.shows(30)
    def test_goes_on_after_a_slip_that_cannot_be_paid(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        slips = owed_slips(floor, 5)
        monkeypatch.setattr(owed, "BATCH_SLIPS", 2)
        _break(monkeypatch, slips[0], slips[3])

        with capture_logs() as lines:
            ran = _recover()

        assert (ran.code, ran.error) == (1, "2 slips could not be paid.")
        assert ran.out.splitlines()[-1] == "5 slips: 2 failed, 3 paid."
        assert list(RatingSlip.objects.owed().order_by("closed_at")) == [slips[0], slips[3]]
        failures = [line for line in lines if line["event"] == "ratingslips.recovery_failed"]
        assert [(line["slip_id"], line["code"]) for line in failures] == [
            (str(slips[0].pk), "UNEXPECTED_ERROR"),
            (str(slips[3].pk), "UNEXPECTED_ERROR"),
        ]

    def test_survives_an_unexpected_error_outside_any_command(
        self, floor: Floor, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (slip,) = owed_slips(floor, 1)
        _break(monkeypatch, slip)

        recovery = owed.recover(slip, actor=floor.supervisor, at=floor.now, skip_locked=False)

        assert recovery.outcome == owed.RecoveryOutcome.FAILED

    def test_pays_slips_that_closed_at_the_same_instant(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(owed, "BATCH_SLIPS", 2)
        slips = [floor.played_slip(seat=seat) for seat in range(1, 6)]
        with _paused_program(floor):
            for slip in slips:
                with pytest.raises(PartialCompletion):
                    complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=10))

        assert _json()["paid"] == 5

    def test_completes_a_slip_that_is_worth_nothing(self, floor: Floor) -> None:
        slip = floor.open_slip(at=floor.ago(minutes=10), average_bet=Decimal("0.01"))
        with _paused_program(floor):
            complete_rating_slip(slip=slip, actor=floor.boss, at=floor.ago(minutes=10))

        assert _json()["slips"] == []

    def test_says_what_was_done_when_it_is_interrupted(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        slips = owed_slips(floor, 2)
        _break(monkeypatch, slips[1], error=KeyboardInterrupt())

        ran = _recover()

        assert (ran.code, ran.error) == (130, "Interrupted. 1 slip: 1 paid. Run it again to continue.")


def _break(monkeypatch: pytest.MonkeyPatch, *broken: RatingSlip, error: BaseException | None = None) -> None:
    """Let the recovery of some slips fail as nobody expected."""
    recover = recover_slip_loyalty

    def fail_for_some(*, slip: RatingSlip, **arguments: Any) -> Any:
        if slip in broken:
            raise error or RuntimeError("unexpected")
        return recover(slip=slip, **arguments)

    def fail_for_chunks_of_some(*, slips: Sequence[RatingSlip], **arguments: Any) -> Any:
        if set(slips) & set(broken):
            raise RuntimeError("unexpected")
        return recover_together(slips=slips, **arguments)

    monkeypatch.setattr(owed, "recover_slip_loyalty", fail_for_some)
    monkeypatch.setattr(owed, "recover_together", fail_for_chunks_of_some)


class TestWrongUse:
    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--slip", "S999"], "There is no slip S999."),
            (["--slip", str(uuid.UUID(int=7))], "There is no slip 00000000-0000-0000-0000-000000000007."),
            (["--slip", "S1", "--casino", "nowhere"], "There is no casino “nowhere”."),
            (["--casino", "harbour"], "--casino is the casino of --slip"),
            (["--slip", "S1", "--watch", "5"], "--watch pays all owed slips"),
            (["--slip", "S1", "--correlation-id", str(uuid.UUID(int=7))], "not allowed with argument"),
            (["--correlation-id", "7"], "“7” is not a correlation id"),
            (["--older-than", "-1"], "is not a whole number from 0"),
            (["--limit", "0"], "the least is 1"),
            (["--watch", "0"], "the least is 1"),
        ],
    )
    def test_ends_with_2_and_a_sentence(self, floor: Floor, arguments: list[str], words: str) -> None:
        ran = _recover(*arguments)

        assert (ran.code, words in ran.error) == (2, True)

    def test_asks_which_casino_where_two_have_the_number(self, floor: Floor) -> None:
        other = Floor.build()
        for each in (floor, other):
            each.open_slip(slip_number="S1")

        ran = _recover("--slip", "S1")
        told = _json("--slip", "S1", "--casino", other.casino.code, "--dry-run")

        assert (ran.code, "Several casinos have a slip S1" in ran.error) == (2, True)
        assert [slip["casino"] for slip in told["slips"]] == [other.casino.code]

    def test_is_no_name_for_a_slip_that_is_still_live(self, slip: RatingSlip) -> None:
        ran = _recover("--slip", slip.slip_number)

        assert (ran.code, "SLIP_NOT_CLOSED" in ran.out) == (1, True)


@contextmanager
def recovering_process(*arguments: object) -> Iterator["subprocess.Popen[str]"]:
    """The command in a process of its own, on the test database."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": database_url()}
    with subprocess.Popen(
        [sys.executable, "manage.py", "recover_slip_loyalty", *map(str, arguments)],
        cwd=settings.BASE_DIR,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def somebody_waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")
        return cursor.fetchone() is not None


@pytest.mark.django_db(transaction=True)
class TestTwoRunsAtOnce:
    @pytest.mark.shows(30)
    def test_share_the_work_and_pay_each_slip_once(self, floor: Floor) -> None:
        slips = owed_slips(floor, 7)

        with recovering_process("--json") as first, recovering_process("--json") as second:
            told = [json.loads(process.communicate(timeout=60)[0]) for process in (first, second)]

        assert [process.returncode for process in (first, second)] == [0, 0]
        assert sum(each["paid"] for each in told) == len(slips)
        assert LedgerEntry.objects.count() == len(slips)
        assert not RatingSlip.objects.owed().exists()

    def test_leave_a_slip_to_the_run_that_holds_it(self, floor: Floor) -> None:
        slips = owed_slips(floor, 3)

        with held(lambda: RatingSlip.objects.locked().get(pk=slips[0].pk)):
            told = _json()

        assert [slip["outcome"] for slip in told["slips"]] == ["left_to_another_run", "paid", "paid"]
        assert list(RatingSlip.objects.owed()) == [slips[0]]

    @pytest.mark.shows(39)
    def test_would_wait_for_each_other_without_skip_locked(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        slips = owed_slips(floor, 1)
        recover = recover_slip_loyalty

        def recover_waiting(*, skip_locked: bool, **arguments: Any) -> Any:
            return recover(**arguments, skip_locked=False)

        monkeypatch.setattr(owed, "recover_slip_loyalty", recover_waiting)

        waiting = made_to_wait(_json, by=lambda: RatingSlip.objects.locked().get(pk=slips[0].pk))

        assert waiting.result()["paid"] == 1


class TestFullDisk:
    @pytest.mark.parametrize("arguments", [(), ("--watch", "1")])
    def test_stops_no_payment_and_is_told(
        self, committed_floor: Floor, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
    ) -> None:
        owed_slips(committed_floor, 2)
        monkeypatch.setattr(StopSignal, "wait", _stop_when_paid)

        with pytest.raises(CommandError) as error:
            call_command("recover_slip_loyalty", *arguments, stdout=FullDisk(), stderr=FullDisk())

        assert (error.value.returncode, str(error.value)) == (1, "Some of the result may be lost.")
        assert not RatingSlip.objects.owed().exists()


@pytest.mark.django_db(transaction=True)
class TestWatch:
    def test_pays_new_owed_points_until_it_is_stopped(self, floor: Floor) -> None:
        with recovering_process("--watch", 1, "--older-than", 0) as process:
            owed_slips(floor, 1)
            wait_until(LedgerEntry.objects.exists, timeout_seconds=60)
            process.send_signal(signal.SIGTERM)
            out, err = process.communicate(timeout=60)

        assert process.returncode == 0
        assert f"{POINTS} points paid" in out
        assert err.splitlines()[-1] == "Stopped."

    def test_stops_at_once_while_it_waits(self, floor: Floor) -> None:
        owed_slips(floor, 1)

        with recovering_process("--watch", 600) as process:
            out = process.stdout
            assert out is not None
            wait_until(lambda: out.readline() == "1 slip: 1 paid.\n", timeout_seconds=60)
            wait_until(CommandOperation.objects.exists, timeout_seconds=20)  # each pass keeps its counts
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=60)

        assert process.returncode == 0

    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_ends_after_the_slip_in_hand(self, floor: Floor, number: signal.Signals) -> None:
        first, second = owed_slips(floor, 2)

        with ExitStack() as held_account:
            held_account.enter_context(held(lambda: PlayerLoyalty.objects.locked().get(player=first.player_id)))
            with recovering_process("--watch", 600) as process:
                wait_until(somebody_waits_for_a_lock, timeout_seconds=60)
                process.send_signal(number)
                held_account.close()
                out, _ = process.communicate(timeout=60)

        assert process.returncode == 0
        assert "1 slip: 1 paid." in out
        assert list(RatingSlip.objects.owed()) == [second]

    def test_outlives_a_database_that_is_away_for_a_while(self, floor: Floor, monkeypatch: pytest.MonkeyPatch) -> None:
        owed_slips(floor, 1)
        passes = iter([True])
        look = owed.owed_slips

        def look_in_vain_once(**arguments: Any) -> Iterator[RatingSlip]:
            if next(passes, False):
                raise OperationalError("the server is starting up")
            return look(**arguments)

        monkeypatch.setattr(command, "owed_slips", look_in_vain_once)
        monkeypatch.setattr(StopSignal, "wait", _stop_when_paid)

        ran = _recover("--watch", 1)

        assert (ran.code, "1 slip: 1 paid." in ran.out) == (0, True)


def _stop_when_paid(stop: Any, *, seconds: float) -> None:
    stop.is_set = not RatingSlip.objects.owed().exists()
