"""Importing what the floor recorded: each line by itself, bad ones named, and nothing ever twice."""

import csv
import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.errors import Busy, NotFound, OutcomeUnknown
from core.models import Casino, Player, ReplayCount
from core.roles import system_account
from loyalty.models import LedgerEntry, LoyaltyProgram
from loyalty.services import pause_program
from ratingslips import importing, services
from ratingslips.importing import ImportProgress, ImportRunning, Outcome, import_rating_events
from ratingslips.management.commands import import_rating_events as import_rating_events_command
from ratingslips.models import PlaySegment, RatingSlip
from ratingslips.rating_events import read_rating_events
from ratingslips.rejects_file import require_writable, write_rejects
from tests.casino_files import EVENTS_HEADER, CasinoFolder, event, write_events
from tests.commands import Ran, run
from tests.concurrency import Elsewhere

VISIT = (
    event("S1", "19:00:00", "OPEN", player_card="100000", table="BL-01", seat="1", average_bet="25.00"),
    event("S1", "19:10:00", "BET", player_card="100000", average_bet="50.00"),
    event("S1", "19:20:00", "PAUSE", player_card="100000"),
    event("S1", "19:30:00", "RESUME", player_card="100000"),
    event("S1", "19:40:00", "MOVE", player_card="100000", table="BL-02", seat="3"),
    event("S1", "20:00:00", "CLOSE", player_card="100000", buy_in="500.00", chips_out="120.00"),
)
OPEN_S1 = VISIT[0]


@pytest.fixture
def casino(db: None, tmp_path: Path) -> Casino:
    """The casino of the three files: José and Mara may play, Ben is barred."""
    folder = tmp_path / "casino"
    folder.mkdir()
    assert run("load_casino", CasinoFolder(folder=folder).write(), "--code", "harbour").code == 0
    return Casino.objects.get()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "events.csv"


def _import(file: Path, *lines: str, options: tuple[object, ...] = ()) -> Ran:
    return run("import_rating_events", write_events(file, *lines), "--casino", "harbour", *options)


def _json(file: Path, *lines: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(_import(file, *lines, options=("--json",)).out)
    return found


def _everything() -> list[Any]:
    return [
        list(model._default_manager.order_by("pk").values())
        for model in (RatingSlip, PlaySegment, LedgerEntry, Player, LoyaltyProgram)
    ]


def _pause(casino: Casino) -> None:
    pauser = system_account()
    pauser.is_superuser = True
    pauser.save()
    pause_program(program=casino.loyalty_program, reason="Month-end freeze", actor=pauser, at=timezone.now())


class TestImportRatingEvents:
    def test_takes_a_visit_from_open_to_close(self, casino: Casino, file: Path) -> None:
        ran = _import(file, *VISIT)

        slip = RatingSlip.objects.get()
        # (25 × 10 min + 50 × 10 min + 50 × 10 min + 50 × 20 min) × 70/h × 0.75 %
        assert (slip.status, slip.theoretical_win, slip.buy_in) == ("CLOSED", Decimal("19.69"), Decimal("500.00"))
        assert [segment.started_as for segment in slip.segments.all()] == ["OPENED", "BET_CHANGED", "RESUMED", "MOVED"]
        assert LedgerEntry.objects.get().points == 197
        assert ran.code == 0
        assert "6 lines: 6 applied, 0 already imported, 0 refused." in ran.out

    def test_acts_as_the_system_under_one_correlation_id(self, casino: Casino, file: Path) -> None:
        _import(file, *VISIT)

        slip = RatingSlip.objects.get()
        starts = set(slip.segments.values_list("start_correlation_id", flat=True))
        assert (slip.opened_by, slip.closed_by) == (system_account(), system_account())
        assert starts == {slip.correlation_id, LedgerEntry.objects.get().correlation_id}

    def test_does_everything_else_when_a_line_is_bad(self, casino: Casino, file: Path) -> None:
        lines = [VISIT[0], event("S1", "19:05:00", "TELEPORT"), *VISIT[1:]]

        told = _json(file, *lines)

        assert (told["applied"], told["rejected_lines"]) == (6, 1)
        assert list(told["rejects"]) == ["3"]
        assert told["points"] == 197

    def test_changes_nothing_when_run_again_and_says_so(self, casino: Casino, file: Path) -> None:
        _import(file, *VISIT)
        before = _everything()

        ran = _import(file, *VISIT)

        assert _everything() == before
        assert "6 lines: 0 applied, 6 already imported, 0 refused." in ran.out
        assert "Nothing changed: all that could be imported stands already." in ran.out

    @pytest.mark.parametrize("done", range(1, len(VISIT)))
    def test_goes_on_where_an_import_was_killed(self, casino: Casino, file: Path, done: int) -> None:
        _import(file, *VISIT[:done])

        told = _json(file, *VISIT)

        assert (told["already_imported"], told["applied"], told["points"]) == (done, 6 - done, 197)

    def test_does_not_take_another_bet_at_the_same_moment_for_the_first(self, casino: Casino, file: Path) -> None:
        _import(file, *VISIT[:2])

        told = _json(file, event("S1", "19:10:00", "BET", average_bet="60.00"))

        assert (told["applied"], told["already_imported"]) == (1, 0)
        assert [segment.average_bet for segment in PlaySegment.objects.order_by("seq")] == [25, 50, 60]

    def test_knows_changes_during_a_pause_again(self, casino: Casino, file: Path) -> None:
        paused = [
            *VISIT[:3],
            event("S1", "19:22:00", "BET", average_bet="75.00"),
            event("S1", "19:24:00", "MOVE", table="BL-01", seat="5"),
            *VISIT[3:],
        ]
        _import(file, *paused)
        before = _everything()

        told = _json(file, *paused)

        assert (told["already_imported"], told["rejected_lines"]) == (8, 0)
        assert _everything() == before

    def test_does_not_take_a_change_during_a_pause_for_a_second_pause(self, casino: Casino, file: Path) -> None:
        _import(file, *VISIT[:3], event("S1", "19:22:00", "BET", average_bet="75.00"))

        told = _json(file, event("S1", "19:22:00", "PAUSE"))

        assert told["rejects"]["2"].startswith("SLIP_NOT_OPEN:")

    def test_closes_a_slip_with_points_owed_while_the_programme_is_paused(self, casino: Casino, file: Path) -> None:
        _pause(casino)

        told = _json(file, *VISIT)
        again = _json(file, *VISIT)

        assert RatingSlip.objects.get().is_owed
        assert (told["applied"], told["owed"], told["entries"]) == (6, 1, 0)
        assert (again["applied"], again["owed"], again["already_imported"]) == (0, 0, 6)

    def test_takes_few_statements_for_lines_that_stand(self, casino: Casino, file: Path) -> None:
        _import(file, *VISIT)

        with CaptureQueriesContext(connection) as statements:
            _import(file, *VISIT)

        assert not [query for query in statements if "FOR NO KEY UPDATE" in query["sql"]]

    def test_asks_nothing_about_lines_that_are_new(self, casino: Casino, file: Path) -> None:
        events = list(read_rating_events(write_events(file, *VISIT)))
        system = system_account()
        outcomes = importing.apply_events(casino=casino, actor=system, events=events)
        next(outcomes)

        with CaptureQueriesContext(connection) as statements:
            next(outcomes)

        bet = RatingSlip.objects.get()
        with CaptureQueriesContext(connection) as alone:
            services.change_average_bet(
                slip=bet.pk, average_bet=Decimal(60), actor=system, at=datetime(2026, 11, 15, 3, 15, tzinfo=UTC)
            )
        assert len(statements) == len(alone)


ONE_MOMENT = (
    OPEN_S1,
    *(event("S1", "19:00:00", "BET", average_bet=bet) for bet in ("10.00", "20.00", "10.00")),
    *(event("S1", "19:00:00", kind) for kind in ("PAUSE", "RESUME", "PAUSE")),
    *(event("S1", "19:00:00", "MOVE", table="BL-01", seat=seat) for seat in ("4", "3", "4")),
)


@pytest.fixture(params=[(500, 1_000), (3, 1_000), (1, 1), (2, 3)], ids=str)
def chunks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of so many lines, and of at most so many where a moment goes on."""
    monkeypatch.setattr(importing, "CHUNK_LINES", request.param[0])
    monkeypatch.setattr(importing, "MAX_CHUNK_LINES", request.param[1])


def _story() -> list[tuple[str, int, int]]:
    segments = PlaySegment.objects.order_by("seq")
    return [(segment.started_as, int(segment.average_bet), segment.seat) for segment in segments]


WHOLE_STORY = [
    ("OPENED", 25, 1),
    ("BET_CHANGED", 10, 1),
    ("BET_CHANGED", 20, 1),
    ("BET_CHANGED", 10, 1),
    ("RESUMED", 10, 1),
    ("MOVED", 10, 4),
    ("MOVED", 10, 3),
    ("MOVED", 10, 4),
]


@pytest.mark.usefixtures("chunks")
class TestLinesOfOneMoment:
    def test_are_all_applied_by_a_first_import(self, casino: Casino, file: Path) -> None:
        told = _json(file, *ONE_MOMENT)

        assert (told["applied"], told["already_imported"], told["rejects"]) == (len(ONE_MOMENT), 0, {})
        assert _story() == WHOLE_STORY
        assert RatingSlip.objects.get().status == "PAUSED"

    def test_all_stand_for_a_second_import(self, casino: Casino, file: Path) -> None:
        _import(file, *ONE_MOMENT)
        before = _everything()

        told = _json(file, *ONE_MOMENT)

        assert (told["applied"], told["already_imported"], told["rejects"]) == (0, len(ONE_MOMENT), {})
        assert _everything() == before

    @pytest.mark.parametrize("done", range(1, len(ONE_MOMENT)))
    def test_go_on_where_an_import_was_killed(self, casino: Casino, file: Path, done: int) -> None:
        _import(file, *ONE_MOMENT[:done])

        told = _json(file, *ONE_MOMENT)

        assert (told["already_imported"], told["applied"]) == (done, len(ONE_MOMENT) - done)
        assert _story() == WHOLE_STORY

    @pytest.mark.parametrize("after", [False, True])
    @pytest.mark.parametrize("name", ["change_average_bet", "pause_rating_slip", "move_rating_slip"])
    @pytest.mark.parametrize("number", [1, 2, 3])
    def test_are_applied_once_each_when_one_of_them_is_busy(
        self, casino: Casino, file: Path, monkeypatch: pytest.MonkeyPatch, name: str, number: int, after: bool
    ) -> None:
        _fail_once(monkeypatch, name, OutcomeUnknown(), after=after, number=number)

        told = _json(file, *ONE_MOMENT)

        assert told["rejects"] == {}
        assert _story() == WHOLE_STORY

    def test_record_the_same_bet_as_often_as_it_was_seen(self, casino: Casino, file: Path) -> None:
        lines = [*VISIT[:2], VISIT[1], *VISIT[2:]]

        told = _json(file, *lines)
        again = _json(file, *lines)

        assert (told["applied"], told["already_imported"], told["points"]) == (7, 0, 197)
        assert (again["applied"], again["already_imported"]) == (0, 7)

    @pytest.mark.parametrize(
        ("line", "code"),
        [
            (VISIT[0], "PLAYER_STILL_PLAYED"),
            (VISIT[2], "SLIP_NOT_OPEN"),
            (VISIT[3], "SLIP_NOT_PAUSED"),
            (VISIT[4], "ALREADY_SEATED"),
            (VISIT[5], "SLIP_CLOSED"),
        ],
    )
    def test_are_refused_where_the_same_cannot_happen_twice(
        self, casino: Casino, file: Path, line: str, code: str
    ) -> None:
        at = VISIT.index(line)
        lines = [*VISIT[: at + 1], line, *VISIT[at + 1 :]]
        _import(file, *lines)
        before = _everything()

        told = _json(file, *lines)

        assert (told["already_imported"], told["applied"], list(told["rejects"])) == (6, 0, [str(at + 3)])
        assert _everything() == before

    def test_are_not_another_players(self, casino: Casino, file: Path) -> None:
        _import(file, *VISIT)

        told = _json(file, event("S1", "19:10:00", "BET", player_card="100001", average_bet="50.00"))

        assert told["rejects"]["2"].startswith("OTHER_PLAYERS_SLIP:")


@pytest.mark.parametrize("chunk_lines", [500, 3, 1])
class TestARefusedLineThatOthersOfItsMomentOvertook:
    LINES = (
        OPEN_S1,
        event("S1", "19:00:00", "PAUSE"),
        event("S1", "19:00:00", "PAUSE"),
        event("S1", "19:00:00", "RESUME"),
        event("S1", "19:00:00", "PAUSE"),
        event("S1", "19:00:00", "RESUME"),
    )

    def test_is_not_put_behind_them_by_a_second_import(
        self, casino: Casino, file: Path, monkeypatch: pytest.MonkeyPatch, chunk_lines: int
    ) -> None:
        monkeypatch.setattr(importing, "CHUNK_LINES", chunk_lines)
        first = _json(file, *self.LINES)
        before = _everything()

        told = _json(file, *self.LINES)

        assert (first["applied"], first["rejected_lines"]) == (5, 1)
        assert (told["applied"], told["already_imported"], told["rejected_lines"]) == (0, 5, 1)
        assert _everything() == before

    def test_is_told_that_it_is_too_late(
        self, casino: Casino, file: Path, monkeypatch: pytest.MonkeyPatch, chunk_lines: int
    ) -> None:
        monkeypatch.setattr(importing, "CHUNK_LINES", chunk_lines)
        pause = event("S1", "19:10:00", "PAUSE")
        _import(file, OPEN_S1, VISIT[1], pause)

        told = _json(file, OPEN_S1, VISIT[1], event("S1", "19:10:00", "BET", average_bet="30.00"), pause)

        assert list(told["rejects"]) == ["4"]
        assert told["rejects"]["4"].startswith(
            "INVALID_TIME: Events of slip S1 at 2026-11-14T19:10:00-08:00 come after"
        )


BAD_LINES = [
    (event("S1", "19:00:00", "JUMP"), "UNKNOWN_EVENT", "“JUMP” is not an event: use OPEN, BET, PAUSE"),
    (event("S1", "2026-13-45T99:00", "PAUSE"), "INVALID_TIME", "“2026-13-45T99:00” is not a time"),
    (event("S1", "2026-11-14T19:00:00", "PAUSE"), "INVALID_TIME", "has no offset"),
    (event("S1", "0001-01-01T00:00:00+14:00", "PAUSE"), "INVALID_TIME", "is before 1970"),
    (event("S1", "2999-01-01T00:00:00+00:00", "PAUSE"), "INVALID_TIME", "is in the future"),
    (event("S1", "18:59:59", "PAUSE"), "INVALID_TIME", "is before the last event on record"),
    (event("S1", "19:05:00", "RESUME"), "SLIP_NOT_PAUSED", "Slip S1 is not paused"),
    (event("", "19:05:00", "PAUSE"), "MISSING_FIELD", "needs the field slip_number"),
    (event("S1", "19:05:00", "BET"), "MISSING_FIELD", "A line of BET needs the field average_bet"),
    (event("S1", "19:05:00", "PAUSE", seat="2"), "UNEXPECTED_FIELD", "A line of PAUSE has no seat"),
    (event("S1", "19:05:00", "BET", average_bet="1e3"), "NOT_A_NUMBER", "“1e3” is not a number"),
    (event("S1", "19:05:00", "BET", average_bet="Infinity"), "NOT_A_NUMBER", "“Infinity” is not a number"),
    (event("S1", "19:05:00", "BET", average_bet="٢٥"), "NOT_A_NUMBER", "is not a number"),
    (event("S1", "19:05:00", "BET", average_bet="9" * 30), "NOT_A_NUMBER", "is not a number"),
    (event("S1", "19:05:00", "BET", average_bet="-25.00"), "INVALID_AVERAGE_BET", "must be more than 0"),
    (event("S1", "19:05:00", "BET", average_bet="25.001"), "INVALID_AVERAGE_BET", "at most two decimals"),
    (event("S1", "19:05:00", "BET", average_bet="30.00", player_card="100001"), "OTHER_PLAYERS_SLIP", "card 100001"),
    (event("S1", "19:05:00", "MOVE", table="BL-01", seat="x"), "NOT_A_NUMBER", "The seat “x” is not a number"),
    (event("S1", "19:05:00", "MOVE", table="BL-01", seat="1"), "ALREADY_SEATED", "is already at BL-01 seat 1"),
    (event("S1", "19:05:00", "MOVE", table="ZZ-99", seat="1"), "UNKNOWN_TABLE", "There is no table ZZ-99"),
    (event("S1", "19:05:00", "CLOSE", chips_out="-1"), "INVALID_AMOUNT", "The chips-out amount must be 0 to"),
    (event("S9", "19:05:00", "CLOSE"), "UNKNOWN_SLIP", "There is no slip S9"),
    (
        event("S2", "19:05:00", "OPEN", player_card="100002", table="BL-01", seat="2", average_bet="5"),
        "PLAYER_NOT_ACTIVE",
        "is barred",
    ),
    (
        event("S1", "19:05:00", "OPEN", player_card="100001", table="BL-01", seat="2", average_bet="5"),
        "SLIP_NUMBER_TAKEN",
        "Slip number S1 is already used",
    ),
    (
        event("S2", "19:05:00", "OPEN", player_card="123456", table="BL-01", seat="2", average_bet="5"),
        "UNKNOWN_PLAYER",
        "There is no player with card 123456",
    ),
    ("S1,2026-11-14T19:05:00-08:00,PAUSE", "UNREADABLE_LINE", "The line has 3 fields, and the header 9"),
    ('S1,"2026-11-14T19:05:00-08:00,PAUSE,,,,,,', "UNREADABLE_LINE", "The line is not CSV"),
    (event("S\0001", "19:05:00", "PAUSE"), "UNREADABLE_LINE", "has a control character"),
    (event("S1" * 3_000, "19:05:00", "PAUSE"), "UNREADABLE_LINE", "is longer than 4,096 bytes"),
]


class TestBadLines:
    @pytest.mark.parametrize(("line", "code", "words"), BAD_LINES, ids=lambda value: str(value)[:40])
    def test_are_refused_by_number_with_code_and_reason(
        self, casino: Casino, file: Path, line: str, code: str, words: str
    ) -> None:
        after = event("S1", "19:30:00", "BET", average_bet="30.00")

        told = _json(file, OPEN_S1, line, after)

        assert (list(told["rejects"]), told["applied"]) == (["3"], 2)
        assert told["rejects"]["3"].startswith(f"{code}: ")
        assert words in told["rejects"]["3"]

    def test_are_refused_alone_when_their_bytes_are_not_utf_8(self, casino: Casino, file: Path) -> None:
        write_events(file, OPEN_S1, event("S\u00e9", "19:05:00", "PAUSE"), VISIT[1])
        file.write_bytes(file.read_bytes().replace("é".encode(), b"\xe9"))

        ran = run("import_rating_events", file, "--casino", "harbour", "--json")

        told = json.loads(ran.out)
        assert (told["applied"], told["rejects"]) == (2, {"3": "UNREADABLE_LINE: The line is not UTF-8 (byte 2)."})

    def test_are_counted_by_lines_of_the_file_even_after_empty_ones(self, casino: Casino, file: Path) -> None:
        told = _json(file, "", OPEN_S1, "", event("S1", "19:05:00", "JUMP"))

        assert list(told["rejects"]) == ["5"]

    def test_are_a_close_that_differs_from_the_one_on_record(self, casino: Casino, file: Path) -> None:
        _import(file, *VISIT)
        before = _everything()

        told = _json(
            file,
            event("S1", "20:00:00", "CLOSE", chips_out="121.00"),
            event("S1", "20:05:00", "CLOSE", buy_in="500.00", chips_out="120.00"),
            event("S1", "20:05:00", "BET", average_bet="5"),
        )

        assert [reason.split(":")[0] for reason in told["rejects"].values()] == ["SLIP_CLOSED"] * 3
        assert _everything() == before
        assert not ReplayCount.objects.exists()

    @pytest.mark.parametrize("paused", [False, True])
    def test_are_a_close_that_the_floor_was_quicker_with(self, casino: Casino, file: Path, paused: bool) -> None:
        system = system_account()
        events = list(read_rating_events(write_events(file, OPEN_S1, VISIT[-1])))
        outcomes = importing.apply_events(casino=casino, actor=system, events=events)
        slip_id = next(outcomes).slip_id
        assert slip_id is not None
        if paused:
            _pause(casino)
        with suppress(services.PartialCompletion):
            services.complete_rating_slip(slip=slip_id, actor=system, at=timezone.now())

        late = next(outcomes)

        assert late.outcome == Outcome.REJECTED
        assert isinstance(late.error, services.SlipClosed)

    def test_go_to_a_file_that_no_spreadsheet_runs(self, casino: Casino, file: Path, tmp_path: Path) -> None:
        rejects = tmp_path / "rejects.csv"
        rejects.write_text("old")

        _import(file, OPEN_S1, event("S1", "19:05:00", "JUMP"), options=("--rejects", rejects))

        rows = list(csv.reader(rejects.read_text().splitlines()))
        assert rows[0] == ["line", "code", "reason"]
        assert rows[1][:2] == ["3", "UNKNOWN_EVENT"]
        assert [path.name for path in tmp_path.iterdir()].count("rejects.csv") == 1

    @pytest.mark.parametrize("start", ["=", "+", "-", "@"])
    def test_are_harmless_cells_in_that_file(self, tmp_path: Path, start: str) -> None:
        write_rejects(tmp_path / "rejects.csv", {7: NotFound(f"{start}HYPERLINK(1)")})

        rows = list(csv.reader((tmp_path / "rejects.csv").read_text().splitlines()))
        assert rows[1] == ["7", "NOT_FOUND", f"'{start}HYPERLINK(1)"]

    def test_end_the_import_when_there_is_no_end_to_them(
        self, casino: Casino, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(importing, "MAX_REJECTED_LINES", 3)

        ran = _import(file, OPEN_S1, *["nonsense"] * 5)

        assert ran.code == 1
        assert "3 lines were refused. Is this the casino's own file" in ran.error
        assert RatingSlip.objects.exists()


class TestARejectsFileThatCannotBeWritten:
    @pytest.mark.parametrize(
        ("name", "reason"),
        [
            ("/proc/rejects.csv", "No such file or directory"),
            ("no-such-folder/rejects.csv", "No such file or directory"),
            ("x" * 300, "File name too long"),
            ("events.csv/rejects.csv", "Not a directory"),
            ("casino", "it is not a file"),
            ("pipe", "it is not a file"),
        ],
        ids=lambda value: value[:20],
    )
    def test_is_wrong_use_before_the_first_line_is_applied(
        self, casino: Casino, file: Path, tmp_path: Path, name: str, reason: str
    ) -> None:
        os.mkfifo(tmp_path / "pipe")

        ran = _import(file, *VISIT, options=("--rejects", tmp_path / name))

        assert (ran.code, ran.out, ran.error) == (2, "", f"{tmp_path / name} cannot be written: {reason}.")
        assert not RatingSlip.objects.exists()

    def test_is_found_out_without_a_trace(self, casino: Casino, file: Path, tmp_path: Path) -> None:
        rejects = tmp_path / "rejects.csv"
        rejects.write_text("old")

        require_writable(rejects)

        assert (rejects.read_text(), list(tmp_path.glob("*rejects*"))) == ("old", [rejects])

    @pytest.mark.parametrize("options", [(), ("--json",)])
    def test_does_not_lose_the_result_when_the_disk_is_full_at_the_end(
        self, casino: Casino, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
    ) -> None:
        monkeypatch.setattr(import_rating_events_command, "write_rejects", _full_disk)
        rejects = tmp_path / "rejects.csv"

        ran = _import(file, *VISIT, "nonsense", options=("--rejects", rejects, *options))

        assert ran.code == 1
        assert ran.error.startswith(f"The refused lines could not be written to {rejects}: No space left on device. ")
        assert "7 lines: 6 applied, 0 already imported, 1 refused." in ran.error
        assert "197" in ran.out
        assert "UNREADABLE_LINE" in ran.out

    def test_does_not_hide_why_the_import_ended(
        self, casino: Casino, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(import_rating_events_command, "write_rejects", _full_disk)
        _fail_once(monkeypatch, "pause_rating_slip", KeyboardInterrupt(), after=False)

        ran = _import(file, *VISIT, options=("--rejects", tmp_path / "rejects.csv"))

        assert (ran.code, ran.error.startswith("Interrupted. 2 lines: 2 applied")) == (130, True)
        assert "rejects.csv: No space left on device." in ran.progress


def _full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class TestWrongFiles:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "events.csv is empty"),
            (b"slip_number,event\n", "lacks the column occurred_at, player_card"),
            (f"{EVENTS_HEADER},table\n".encode(), "names a column twice"),
            (EVENTS_HEADER.encode("utf-16"), "the header cannot be read"),
        ],
    )
    def test_are_refused_whole(self, casino: Casino, file: Path, content: bytes, words: str) -> None:
        file.write_bytes(content)

        ran = run("import_rating_events", file, "--casino", "harbour")

        assert (ran.code, words in ran.error) == (1, True)

    def test_are_named_when_they_are_missing(self, casino: Casino, tmp_path: Path) -> None:
        ran = run("import_rating_events", tmp_path / "none.csv", "--casino", "harbour")

        assert (ran.code, ran.error) == (1, "none.csv cannot be read: No such file or directory.")

    def test_may_have_a_byte_order_mark_other_columns_and_another_order(self, casino: Casino, file: Path) -> None:
        header = "note," + ",".join(reversed(EVENTS_HEADER.split(",")))
        line = "a note," + ",".join(reversed(OPEN_S1.split(",")))
        file.write_bytes(f"{header}\r\n{line}\r\n".encode("utf-8-sig"))

        ran = run("import_rating_events", file, "--casino", "harbour")

        assert "1 lines: 1 applied" in ran.out

    def test_are_wrong_use_when_the_casino_is_unknown(self, casino: Casino, file: Path) -> None:
        ran = run("import_rating_events", write_events(file), "--casino", "nowhere")

        assert (ran.code, ran.error) == (2, "There is no casino “nowhere”. There are: harbour.")

    def test_are_never_overwritten_by_their_own_rejects(self, casino: Casino, file: Path) -> None:
        ran = _import(file, OPEN_S1, options=("--rejects", file))

        assert (ran.code, file.read_text().startswith(EVENTS_HEADER)) == (2, True)


class TestAnImportUnderTrouble:
    @pytest.mark.parametrize("trouble", [Busy, OutcomeUnknown])
    def test_tries_a_busy_line_again(
        self, casino: Casino, file: Path, monkeypatch: pytest.MonkeyPatch, trouble: Callable[[], Exception]
    ) -> None:
        _fail_once(monkeypatch, "change_average_bet", trouble(), after=False)

        told = _json(file, *VISIT)

        assert (told["applied"], told["rejected_lines"], told["points"]) == (6, 0, 197)

    @pytest.mark.parametrize("name", ["open_rating_slip", "change_average_bet", "complete_rating_slip"])
    def test_does_not_repeat_a_line_whose_answer_was_lost(
        self, casino: Casino, file: Path, monkeypatch: pytest.MonkeyPatch, name: str
    ) -> None:
        _fail_once(monkeypatch, name, OutcomeUnknown(), after=True)

        told = _json(file, *VISIT)

        assert (told["rejected_lines"], told["points"], PlaySegment.objects.count()) == (0, 197, 4)

    def test_refuses_a_line_that_stays_busy_and_goes_on(
        self, casino: Casino, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def always_busy(**_: Any) -> None:
            raise Busy

        monkeypatch.setattr(services, "change_average_bet", always_busy)

        told = _json(file, *VISIT)

        assert list(told["rejects"]) == ["3"]
        assert told["rejects"]["3"].startswith("BUSY:")
        assert told["applied"] == 5

    def test_says_what_was_done_when_it_is_interrupted(
        self, casino: Casino, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _fail_once(monkeypatch, "pause_rating_slip", KeyboardInterrupt(), after=False)

        ran = _import(file, *VISIT)

        assert ran.code == 130
        assert ran.error.startswith("Interrupted. 2 lines: 2 applied")
        assert ran.error.endswith("import the file again to go on.")
        assert _json(file, *VISIT)["points"] == 197


@pytest.fixture
def committed_casino(transactional_db: None, tmp_path: Path) -> Casino:
    """The casino of the three files, which other connections can see."""
    folder = tmp_path / "casino"
    folder.mkdir()
    assert run("load_casino", CasinoFolder(folder=folder).write(), "--code", "harbour").code == 0
    return Casino.objects.get()


class TestTwoImportsAtOnce:
    def test_are_one_and_a_refusal(self, committed_casino: Casino, file: Path) -> None:
        first = _import_steps(committed_casino, file)
        next(first)

        second = Elsewhere(lambda: list(_import_steps(committed_casino, file))).outcome()

        assert isinstance(second, ImportRunning)
        assert len(list(first)) == 1
        assert PlaySegment.objects.count() == 2

    def test_may_follow_one_another(self, committed_casino: Casino, file: Path) -> None:
        list(_import_steps(committed_casino, file))

        second = Elsewhere(lambda: list(_import_steps(committed_casino, file))).result()

        assert len(second) == 2
        assert PlaySegment.objects.count() == 2

    def test_would_record_a_bet_twice_without_the_lock(
        self, committed_casino: Casino, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(importing, "_only_import", lambda _: nullcontext())
        first = _import_steps(committed_casino, file)
        next(first)

        Elsewhere(lambda: list(_import_steps(committed_casino, file))).result()

        assert len(list(first)) == 1
        assert PlaySegment.objects.count() == 3


def _import_steps(casino: Casino, file: Path) -> Iterator[ImportProgress]:
    """Import an open and a change of bet, line by line."""
    lines = read_rating_events(write_events(file, *VISIT[:2]))
    return import_rating_events(casino=casino, actor=system_account(), lines=lines, progress=ImportProgress())


def _fail_once(
    monkeypatch: pytest.MonkeyPatch, name: str, error: BaseException, *, after: bool, number: int = 1
) -> None:
    """Let a service fail at its call of this `number`, before it did anything or after it did all."""
    service = getattr(services, name)
    calls = count(1)

    def failing(**arguments: Any) -> Any:
        fails = next(calls) == number
        if fails and not after:
            raise error
        result = service(**arguments)
        if fails:
            raise error
        return result

    monkeypatch.setattr(services, name, failing)
