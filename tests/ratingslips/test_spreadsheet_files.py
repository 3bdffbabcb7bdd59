"""Files as spreadsheets and old programs write them, and the refused lines that go back to a spreadsheet."""

import csv
import signal
from itertools import pairwise
from pathlib import Path

import pytest

from core.models import Casino, Player
from core.spreadsheets import harmless
from ratingslips.imports.csv_files import BadRecord
from ratingslips.imports.events import RatingEvent, read_rating_events
from ratingslips.models import GamingTable, RatingSlip
from tests.casino_files import EVENTS_HEADER, CasinoFolder
from tests.commands import run
from tests.ratingslips.imports import OPEN_S1, VISIT, VISIT_S2, import_lines, interrupt_at

OPEN = "A-1,2026-11-20T19:00:00-08:00,OPEN,100000,BL-01,1,25.50"
CLOSE = "A-1,2026-11-20T20:00:00-08:00,CLOSE"


def text(*lines: str, header: str = EVENTS_HEADER, end: str = "\r\n") -> str:
    return "".join(f"{line}{end}" for line in (header, *lines))


def told(path: Path, content: str | bytes) -> list[tuple[int, str]]:
    """What is read of a file: for each line its kind of event or its refusal."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return [
        (line.line, line.error.message if isinstance(line, BadRecord) else line.kind.value)
        for line in read_rating_events(path)
    ]


BOTH = [(2, "OPEN"), (3, "CLOSE")]
OPEN_WITH_COMMA = OPEN.replace(",", ";").replace("25.50", "25,50")


class TestFile:
    @pytest.mark.parametrize(
        ("content", "lines"),
        [
            (text(OPEN, CLOSE), BOTH),
            (text(OPEN, CLOSE, end="\r"), BOTH),
            (text(OPEN, CLOSE).replace(",", ";"), BOTH),
            (text(OPEN, CLOSE).replace(",", "\t"), BOTH),
            (text(OPEN, CLOSE, "\x1a"), BOTH),
            (text(OPEN, CLOSE) + "\x1a", BOTH),
            (text(OPEN, CLOSE).rstrip() + "\x1a", BOTH),
            (text(OPEN, "", ",,,,,,,,", ' , ,"",', CLOSE), [(2, "OPEN"), (6, "CLOSE")]),
            ("\ufeffsep=;\r\n" + text(OPEN, CLOSE).replace(",", ";"), [(3, "OPEN"), (4, "CLOSE")]),
            ('"sep=|"\n' + text(OPEN).replace(",", "|"), [(3, "OPEN")]),
            ("sep=;\r\n" + text(OPEN), [(3, "OPEN")]),
            ("sep=;,,,,,,,,\r\n" + text(OPEN), [(3, "OPEN")]),
            (text(OPEN.replace(",OPEN", ', "OPEN"'), header=EVENTS_HEADER.replace(",", ", ")), BOTH[:1]),
            (text(OPEN + ',,,,"seen\r\nby Ann"', CLOSE, header=EVENTS_HEADER + ",note"), [(2, "OPEN"), (4, "CLOSE")]),
            ("\ufeff" + text(OPEN, header=",".join(f'"{name}"' for name in EVENTS_HEADER.split(","))), BOTH[:1]),
            (text(OPEN, header=EVENTS_HEADER.replace("_", " ").title()), BOTH[:1]),
            (text(OPEN + ",,,,", header=EVENTS_HEADER + ",,"), BOTH[:1]),
            (text(OPEN.lower().replace("t19", "T19"), CLOSE.title().replace("t20", "T20")), BOTH),
            (text(OPEN.replace("100000", "\ufeff100000\u200b\u00a0")), BOTH[:1]),
            (text(OPEN.replace("100000", '"100000\r\n"'), CLOSE), [(2, "OPEN"), (4, "CLOSE")]),
            (text(OPEN.replace("25.50", '"25.50\n"'), CLOSE), [(2, "OPEN"), (4, "CLOSE")]),
        ],
        ids=repr,
    )
    def test_is_read(self, tmp_path: Path, content: str, lines: list[tuple[int, str]]) -> None:
        assert told(tmp_path / "events.csv", content) == lines

    @pytest.mark.parametrize(
        ("line", "words"),
        [
            (OPEN.replace("100000", '"1000\n00"'), "The field player_card holds a line break"),
            (OPEN.replace("100000", '"100000'), "a quotation mark is not closed"),
            (OPEN.replace("100000", '"10"0000'), "a quotation mark is in the middle of a field"),
            (OPEN.replace("100000", "10\x000000"), "has a control character"),
            (OPEN + ",,,,left over", "The line has 11 fields, and the header 10"),
            (OPEN + "\r" + CLOSE, "a line break (carriage return) is outside of quotation marks"),
            (OPEN.replace("OPEN", ""), "The field event is empty: use OPEN, BET"),
            (OPEN.replace("A-1", "ß-1"), "“ß-1” cannot be a slip number"),
        ],
    )
    def test_loses_no_line_but_the_bad_one(self, tmp_path: Path, line: str, words: str) -> None:
        good = CLOSE.replace("A-1", '"A-1"')

        lines = told(tmp_path / "events.csv", text(good, line, good, OPEN.replace("OPEN", '"OPEN"')))

        kinds = [what for _, what in lines]
        assert [kinds[0], *kinds[2:]] == ["CLOSE", "CLOSE", "OPEN"]
        assert words in kinds[1]

    def test_separated_by_semicolons_has_decimal_commas(self, tmp_path: Path) -> None:
        file = tmp_path / "events.csv"
        file.write_text(text(OPEN_WITH_COMMA, header=EVENTS_HEADER.replace(",", ";")))

        events = [line for line in read_rating_events(file) if isinstance(line, RatingEvent)]

        assert [str(line.average_bet) for line in events] == ["25.50"]

    def test_of_a_casino_is_read_alike(self, db: None, tmp_path: Path) -> None:
        files = CasinoFolder(folder=tmp_path)
        files.games = [
            "sep=;",
            "Code;NAME;decisions per hour;House Edge Percent;seats",
            "blackjack;Blackjack;70;0,75;7",
        ]
        files.players = [f"{line},".replace("ACTIVE", "active") for line in files.players] + [",,,,", ""]

        ran = run("load_casino", files.write(encoding="utf-8-sig"), "--code", "harbour")

        assert (ran.code, "players: 3 new" in ran.out) == (0, True)


class TestNumbers:
    def test_of_slips_and_cards_are_found_without_regard_to_case(self, casino: Casino, file: Path) -> None:
        Player.objects.filter(card_number="100000").update(card_number="vip-1")

        opened = import_lines(file, OPEN_S1.replace("100000", "Vip-1").replace("S1", "a/1"))
        closed = import_lines(file, *(line.replace("100000", "VIP-1").replace("S1", "A/1") for line in VISIT))

        assert ("1 applied" in opened.out, "5 applied, 1 already imported" in closed.out) == (True, True)
        assert (RatingSlip.objects.get().slip_number, RatingSlip.objects.get().status) == ("a/1", "CLOSED")


class TestRejects:
    def test_are_lines_as_they_were_that_can_be_imported(self, casino: Casino, file: Path, tmp_path: Path) -> None:
        rejects, again = tmp_path / "rejects.csv", tmp_path / "again.csv"
        bad = [
            "S1;2026-11-14T19:05:00-08:00;JUMP",
            '"=S1";"é"";2026',
            VISIT[-1].replace(",", ";").replace("CLOSE", "SHUT"),
        ]
        file.write_text("sep=;\n" + text(OPEN_S1.replace(",", ";"), *bad, header=EVENTS_HEADER.replace(",", ";")))
        run("import_rating_events", file, "--casino", "harbour", "--rejects", rejects)

        rows = rejects.read_text(encoding="utf-8-sig").splitlines()
        rejects.write_text(rejects.read_text(encoding="utf-8-sig").replace("SHUT", "CLOSE"), encoding="utf-8-sig")
        run("import_rating_events", rejects, "--casino", "harbour", "--rejects", again)

        assert rows[0] == f"refused_because;{EVENTS_HEADER}".replace(",", ";")
        assert [row.partition('";')[2] for row in rows[1:]] == [bad[0], bad[1], bad[2]]
        assert rows[1].startswith('"UNKNOWN_EVENT: “JUMP” is not an event')
        assert RatingSlip.objects.get().is_closed
        assert again.read_text(encoding="utf-8-sig").splitlines() == rows[:3]

    def test_lose_their_reason_also_behind_a_wide_separator(self, casino: Casino, file: Path, tmp_path: Path) -> None:
        wide, rejects, again = "；", tmp_path / "rejects.csv", tmp_path / "again.csv"
        header, line = (f"{one}".replace(",", wide) for one in (EVENTS_HEADER, "S1,2026-11-14T19:05:00-08:00,über"))
        file.write_text(f"sep={wide}\n{header}\n{line}\n")
        run("import_rating_events", file, "--casino", "harbour", "--rejects", rejects)

        # A spreadsheet drops our quotes when it saves the file.
        rejects.write_text(rejects.read_text(encoding="utf-8-sig").replace('"', ""), encoding="utf-8-sig")
        run("import_rating_events", rejects, "--casino", "harbour", "--rejects", again)

        assert [row.rpartition('"' + wide)[2] for row in again.read_text(encoding="utf-8-sig").splitlines()[2:]] == [
            line
        ]

    @pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
    def test_are_mended_and_imported_with_every_separator(
        self, casino: Casino, file: Path, tmp_path: Path, separator: str
    ) -> None:
        rejects = tmp_path / "rejects.csv"
        file.write_text(f"sep={separator}\n" + text(OPEN_S1, "S1,,JUMP", VISIT[-1] + "\n").replace(",", separator))
        file.write_text(file.read_text().replace("CLOSE", "SHUT"))
        run("import_rating_events", file, "--casino", "harbour", "--rejects", rejects)

        rejects.write_text(rejects.read_text().replace("SHUT", "CLOSE"))
        ran = run("import_rating_events", rejects, "--casino", "harbour")

        assert "2 lines: 1 applied, 0 already imported, 1 refused." in ran.out

    @pytest.mark.parametrize(("length", "codes"), [(4_096, ["UNKNOWN_EVENT"] * 3), (20_000, ["UNREADABLE_LINE"] * 3)])
    def test_keep_long_lines_whole_through_several_imports(
        self, casino: Casino, file: Path, tmp_path: Path, length: int, codes: list[str]
    ) -> None:
        line = f"{OPEN_S1.replace('OPEN', 'BEGIN')},=".ljust(length, "x")
        file.write_text(text(line, header=f"{EVENTS_HEADER},note"))
        sources = [file, *(tmp_path / f"rejects-{number}.csv" for number in range(3))]

        for source, rejects in pairwise(sources):
            run("import_rating_events", source, "--casino", "harbour", "--rejects", rejects)

        given_back = [source.read_text(encoding="utf-8-sig").splitlines()[1] for source in sources[1:]]
        assert [row[1:].partition(":")[0] for row in given_back] == codes
        assert {row.partition('",')[2] for row in given_back} == {line}
        sources[-1].write_text(sources[-1].read_text().replace("BEGIN", "OPEN").replace("x" * (length - 4_096), ""))
        assert run("import_rating_events", sources[-1], "--casino", "harbour").code == 0

    @pytest.mark.parametrize("name", ["=T1", "'=T1", "T;-1", "T\u060c@1"])
    def test_are_read_as_they_were(self, casino: Casino, file: Path, tmp_path: Path, name: str) -> None:
        rejects, again = tmp_path / "rejects.csv", tmp_path / "again.csv"
        GamingTable.objects.filter(name="BL-01").update(name=name)
        file.write_text(text(OPEN_S1.replace("BL-01", f'"{name}"').replace("OPEN", "BEGIN")))
        run("import_rating_events", file, "--casino", "harbour", "--rejects", rejects)
        run("import_rating_events", rejects, "--casino", "harbour", "--rejects", again)

        again.write_text(again.read_text().replace("BEGIN", "OPEN"))
        run("import_rating_events", again, "--casino", "harbour")

        [_, row] = csv.reader(rejects.read_text(encoding="utf-8-sig").splitlines())
        assert name in row[1:]
        assert harmless(row[0]) == row[0]
        assert RatingSlip.objects.get().table.name == name

    def test_are_written_when_the_import_is_ended_by_sigterm(
        self, casino: Casino, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        rejects = tmp_path / "rejects.csv"
        interrupt_at(monkeypatch, "S2", by=signal.SIGTERM)

        ran = import_lines(file, "S9,,JUMP", *VISIT_S2, *VISIT, options=("--rejects", rejects))

        assert (ran.code, ran.error.startswith("Interrupted. 7 lines: 6 applied")) == (130, True)
        assert "S9,,JUMP" in rejects.read_text()

    def test_are_refused_for_an_input_that_can_be_read_once(self, casino: Casino, tmp_path: Path) -> None:
        ran = run("import_rating_events", "/dev/null", "--casino", "harbour", "--rejects", tmp_path / "rejects.csv")

        assert (ran.code, ran.error) == (2, "/dev/null is not a file that can be read twice: save it first.")
