"""What an import refuses: lines, by number and with a reason; a whole file; a file that it could not write to."""

import errno
import json
import os
from pathlib import Path

import pytest

from core.models import Casino, ReplayCount
from ratingslips.imports import progress
from ratingslips.imports.rejects_file import require_writable
from ratingslips.management.commands import import_rating_events as import_rating_events_command
from ratingslips.models import RatingSlip
from tests.casino_files import EVENTS_HEADER, event, write_events
from tests.commands import run
from tests.ratingslips.imports import OPEN_S1, VISIT, VISIT_S2, import_json, import_lines, interrupt_at
from tests.refusals import everything

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
    (event("S1", "19:05:00", "BET", average_bet="25.001"), "NOT_A_NUMBER", "“25.001” has more than two decimals"),
    (event("S1", "19:05:00", "BET", average_bet="1.000"), "NOT_A_NUMBER", "“1.000” has more than two decimals"),
    (event("S1", "19:05:00", "CLOSE", chips_out="1_0"), "NOT_A_NUMBER", "The chips-out amount “1_0”"),
    (event("S1", "19:05:00", "BET", average_bet="30.00", player_card="100001"), "OTHER_PLAYERS_SLIP", "card 100001"),
    (
        event("S1", "19:05:00", "CLOSE", player_card="9"),
        "OTHER_PLAYERS_SLIP",
        "Its OPEN in this file: card 100000;",
    ),
    (event("S" * 41, "19:05:00", "PAUSE"), "INVALID_SLIP_NUMBER", f"“{'S' * 40}…” cannot be a slip number"),
    (event("S1", "9" * 500, "PAUSE"), "INVALID_TIME", f"“{'9' * 40}…” is not a time"),
    (event("S1", "19:05:00", "J" * 500), "UNKNOWN_EVENT", f"“{'J' * 40}…” is not an event"),
    (event("S1", "19:05:00", "BUY_IN", buy_in="1", means="J" * 500), "UNKNOWN_MEANS", f"“{'J' * 40}…” is nothing"),
    (event("S1", "19:05:00", "MOVE", table="T" * 500, seat="1"), "UNKNOWN_TABLE", f"no table {'T' * 40}… in"),
    (event("S1", "19:05:00", "BET", average_bet="30", player_card="9" * 500), "OTHER_PLAYERS_SLIP", f"{'9' * 40}…."),
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
        "RECORDED_OTHERWISE",
        "Slip S1 has another OPEN. Line 2: time 2026-11-14T19:00:00-08:00, card 100000,",
    ),
    (
        event("S2", "19:05:00", "OPEN", player_card="123456", table="BL-01", seat="2", average_bet="5"),
        "UNKNOWN_PLAYER",
        "There is no player with card 123456",
    ),
    (event("S1", "19:05:00", "PAUSE") + ",x", "UNREADABLE_LINE", "The line has 11 fields, and the header 10"),
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

        told = import_json(file, OPEN_S1, line, after)

        assert (list(told["rejects"]), told["applied"]) == (["3"], 2)
        assert told["rejects"]["3"].startswith(f"{code}: ")
        assert words in told["rejects"]["3"]

    def test_are_refused_alone_when_their_bytes_are_not_utf_8(self, casino: Casino, file: Path) -> None:
        write_events(file, OPEN_S1, event("S\u00e9", "19:05:00", "PAUSE"), VISIT[1])
        file.write_bytes(file.read_bytes().replace("é".encode(), b"\xe9"))

        ran = run("import_rating_events", file, "--casino", "harbour", "--json")

        told = json.loads(ran.out)
        assert (told["applied"], list(told["rejects"])) == (2, ["3"])
        assert (
            "The line is not UTF-8 (byte 2): it is in an old code page, such as Windows-1252." in told["rejects"]["3"]
        )

    def test_are_counted_by_file_lines_even_after_empty_ones(self, casino: Casino, file: Path) -> None:
        told = import_json(file, "", OPEN_S1, "", event("S1", "19:05:00", "JUMP"))

        assert list(told["rejects"]) == ["5"]

    def test_are_a_close_that_differs_from_the_one_on_record(self, casino: Casino, file: Path) -> None:
        import_lines(file, *VISIT)
        before = everything()

        told = import_json(
            file,
            event("S1", "20:00:00", "CLOSE", chips_out="121.00"),
            event("S1", "20:05:00", "CLOSE", buy_in="500.00", chips_out="120.00"),
            event("S1", "20:05:00", "BET", average_bet="5"),
        )

        codes = [reason.split(":")[0] for reason in told["rejects"].values()]
        assert codes == ["RECORDED_OTHERWISE", "RECORDED_OTHERWISE", "SLIP_CLOSED"]
        assert everything() == before
        assert not ReplayCount.objects.exists()

    @pytest.mark.parametrize("recorded", [4, 6], ids=["live", "closed"])
    def test_name_the_correction_once_later_lines_are_recorded(self, casino: Casino, file: Path, recorded: int) -> None:
        import_lines(file, *VISIT[:recorded])

        told = import_json(file, event("S1", "19:05:00", "BET", average_bet="75.00"))

        assert "“Correct play” on" in told["rejects"]["2"]

    def test_end_the_import_when_there_is_no_end_to_them(
        self, casino: Casino, file: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(progress, "MAX_REJECTED_LINES", 3)

        ran = import_lines(file, OPEN_S1, *["nonsense"] * 5)

        assert ran.code == 1
        assert "3 lines were refused. Is this the casino's own file" in ran.error
        assert not RatingSlip.objects.exists()


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

        ran = import_lines(file, *VISIT, options=("--rejects", tmp_path / name))

        assert (ran.code, ran.out, ran.error) == (2, "", f"{tmp_path / name} cannot be written: {reason}.")
        assert not RatingSlip.objects.exists()

    def test_is_found_out_without_a_trace(self, casino: Casino, file: Path, tmp_path: Path) -> None:
        rejects = tmp_path / "rejects.csv"
        rejects.write_text("old")

        require_writable(rejects)

        assert (rejects.read_text(), list(tmp_path.glob("*rejects*"))) == ("old", [rejects])

    @pytest.mark.parametrize("options", [(), ("--json",)])
    def test_keeps_the_result_when_the_disk_is_full(
        self, casino: Casino, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
    ) -> None:
        monkeypatch.setattr(import_rating_events_command, "write_rejects", _full_disk)
        rejects = tmp_path / "rejects.csv"

        ran = import_lines(file, *VISIT, "nonsense", options=("--rejects", rejects, *options))

        assert ran.code == 1
        assert ran.error.startswith(f"The refused lines could not be written to {rejects}: No space left on device. ")
        assert "7 lines: 6 applied, 0 already imported, 1 refused." in ran.error
        assert "197" in ran.out
        assert "UNKNOWN_EVENT" in ran.out

    def test_does_not_hide_why_the_import_ended(
        self, casino: Casino, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(import_rating_events_command, "write_rejects", _full_disk)
        interrupt_at(monkeypatch, "S2")

        ran = import_lines(file, *VISIT, *VISIT_S2, options=("--rejects", tmp_path / "rejects.csv"))

        assert (ran.code, ran.error.startswith("Interrupted. 6 lines: 6 applied")) == (130, True)
        assert "rejects.csv: No space left on device." in ran.progress


def _full_disk(*_: object, **__: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class TestWrongFiles:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "events.csv is empty"),
            (b"slip_number,event\n", "lacks the columns occurred_at, player_card"),
            (f"{EVENTS_HEADER},table\n".encode(), "names a column twice"),
            *((EVENTS_HEADER.encode(name), "is UTF-16 text") for name in ("utf-16", "utf-16-le", "utf-16-be")),
            (EVENTS_HEADER.encode("utf-32"), "is UTF-32 text, not a CSV file"),
            (b"PK\x03\x04\x14\x00", "is a workbook (.xlsx, .ods) or a zip archive, not a CSV file"),
            (b"\xef\xbb\xbf\r\n;;;\r\n\x1a", "events.csv is empty"),
        ],
    )
    def test_are_refused_whole(self, casino: Casino, file: Path, content: bytes, words: str) -> None:
        file.write_bytes(content)

        ran = run("import_rating_events", file, "--casino", "harbour")

        assert (ran.code, words in ran.error) == (1, True)

    def test_are_named_when_they_are_missing(self, casino: Casino, tmp_path: Path) -> None:
        ran = run("import_rating_events", tmp_path / "none.csv", "--casino", "harbour")

        assert (ran.code, ran.error) == (1, "none.csv cannot be read: No such file or directory.")

    def test_may_have_a_byte_order_mark_and_other_columns(self, casino: Casino, file: Path) -> None:
        header = "note," + ",".join(reversed(EVENTS_HEADER.split(",")))
        line = "a note," + ",".join(reversed(OPEN_S1.split(",")))
        file.write_bytes(f"{header}\r\n{line}\r\n".encode("utf-8-sig"))

        ran = run("import_rating_events", file, "--casino", "harbour")

        assert "1 line: 1 applied" in ran.out

    def test_are_wrong_use_when_the_casino_is_unknown(self, casino: Casino, file: Path) -> None:
        ran = run("import_rating_events", write_events(file), "--casino", "nowhere")

        assert (ran.code, ran.error) == (2, "There is no casino “nowhere”. There are: harbour.")

    def test_are_never_overwritten_by_their_own_rejects(self, casino: Casino, file: Path) -> None:
        ran = import_lines(file, OPEN_S1, options=("--rejects", file))

        assert (ran.code, file.read_text().startswith(EVENTS_HEADER)) == (2, True)
