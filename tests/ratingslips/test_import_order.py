"""Slips come in any order, in one file or several: only real overlap and contradictions are refused."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

from core.models import Casino
from loyalty.models import LedgerEntry
from ratingslips.models import RatingSlip
from ratingslips.services import judging
from tests.casino_files import event
from tests.invariants import broken_invariants
from tests.ratingslips.imports import OPEN_S1, VISIT, VISIT_S2, import_json, import_lines, pause_programme
from tests.refusals import everything

JOSE, MARA, BARRED = "100000", "100001", "100002"


def visit(slip: str, card: str, *times: str, seat: str = "1", bet: str = "25.00") -> list[str]:
    """A visit at BL-01 with a pause in it for each further pair of times."""
    begins, *pauses = times
    ends = pauses.pop() if len(pauses) % 2 else ""
    kinds = ("PAUSE", "RESUME") * (len(pauses) // 2)
    opening = event(slip, f"{begins}:00", "OPEN", player_card=card, table="BL-01", seat=seat, average_bet=bet)
    closing = [event(slip, f"{ends}:00", "CLOSE")] if ends else []
    return [
        opening,
        *(event(slip, f"{at}:00", kind) for at, kind in zip(pauses, kinds, strict=True)),
        *closing,
    ]


def move(slip: str, at: str, seat: str) -> str:
    return event(slip, f"{at}:00", "MOVE", table="BL-01", seat=seat)


FOUR_SLIPS = [
    *visit("O-1", JOSE, "20:00", "21:00"),
    *visit("O-2", MARA, "18:00", "19:00"),
    *visit("O-3", JOSE, "15:00", "16:00", seat="2"),
    *visit("O-4", MARA, "21:00", "22:00"),
]
IN_ANY_ORDER = {
    "by slip": FOUR_SLIPS,
    "newest first": sorted(FOUR_SLIPS, key=lambda line: line.split(",")[1], reverse=True),
    "oldest first": sorted(FOUR_SLIPS, key=lambda line: line.split(",")[1]),
    "openings last": sorted(FOUR_SLIPS),
}


class Case(NamedTuple):
    """Files that are imported one after the other, and the codes of the lines that the last one has refused."""

    files: list[list[str]]
    refused: dict[str, str] = {}


CASES = {
    "late paper card": Case([visit("A", JOSE, "22:00", "23:00"), visit("B", JOSE, "18:00", "19:00", seat="2")]),
    "late card at the seat": Case([visit("A", JOSE, "22:00", "23:00"), visit("B", MARA, "18:00", "22:00")]),
    "player at two places": Case(
        [visit("A", JOSE, "19:00", "21:00"), visit("B", JOSE, "20:00", "22:00", seat="2")],
        {"2": "PLAYER_STILL_PLAYED", "3": "SLIP_NOT_OPENED"},
    ),
    "player who still plays": Case(
        [visit("A", JOSE, "19:00"), visit("B", JOSE, "20:00", "22:00", seat="2")],
        {"2": "PLAYER_HAS_LIVE_SLIP", "3": "SLIP_NOT_OPENED"},
    ),
    "seat held in a pause": Case(
        [visit("A", JOSE, "19:00", "19:30", "20:30", "21:00"), visit("B", MARA, "19:45", "20:15")],
        {"2": "SEAT_TAKEN", "3": "SLIP_NOT_OPENED"},
    ),
    "seat held by a pause without end": Case(
        [[*visit("A", JOSE, "19:00"), event("A", "19:30:00", "PAUSE")], visit("B", MARA, "20:00", "21:00")],
        {"2": "SEAT_TAKEN", "3": "SLIP_NOT_OPENED"},
    ),
    "seat that was left by a move": Case(
        [[*visit("A", JOSE, "19:00", "21:00"), move("A", "20:00", "2")], visit("B", MARA, "20:00", "21:00")]
    ),
    "move to a seat that was taken": Case(
        [visit("A", JOSE, "19:30", "20:30", seat="2"), [*visit("B", MARA, "19:00", "21:00"), move("B", "20:00", "2")]],
        {"4": "SEAT_TAKEN"},
    ),
    "chain of moves": Case(
        [
            [
                *visit("A", JOSE, "19:00", "22:00"),
                move("A", "19:30", "2"),
                move("A", "20:30", "3"),
                move("A", "21:30", "2"),
            ],
            [*visit("B", MARA, "19:30", "21:30"), move("B", "20:30", "2")],
        ],
    ),
    "two who swap seats": Case(
        [
            [
                *visit("A", JOSE, "19:00", "21:00"),
                *visit("B", MARA, "19:00", "21:00", seat="2"),
                *(move(slip, "20:00", seat) for slip, seat in (("A", "2"), ("B", "1"))),
            ]
        ]
    ),
    "two who sat before the file and swap seats": Case(
        [
            [*visit("A", JOSE, "19:00"), *visit("B", MARA, "19:00", seat="2")],
            [move("A", "20:00", "2"), move("B", "20:00", "1")],
        ],
        {"2": "SEAT_TAKEN", "3": "SEAT_TAKEN"},  # a limit: each waits for the other
    ),
    "chain of moves at one instant": Case(
        [
            [*visit("A", JOSE, "19:00"), *visit("B", MARA, "19:00", seat="2")],
            [move("A", "20:00", "2"), move("B", "20:00", "3")],
        ]
    ),
    "hour that comes twice": Case(
        [
            [
                line.replace("11-14", "11-01").replace("01:30:00-08:00", "01:30:00-07:00")
                for line in (*visit("A", JOSE, "01:30", "01:10"), *visit("B", JOSE, "01:10", "01:45"))
            ]
        ]
    ),
    "late opening by itself": Case(
        [visit("A", JOSE, "22:00", "23:00"), visit("B", JOSE, "18:00", seat="2")], {"2": "PLAY_HAS_NO_END"}
    ),
    "late opening at the seat by itself": Case(
        [visit("A", JOSE, "22:00", "23:00"), visit("B", MARA, "18:00")], {"2": "PLAY_HAS_NO_END"}
    ),
    "slip over two files": Case(
        [visit("A", JOSE, "19:00"), [move("A", "20:00", "3"), event("A", "21:00:00", "CLOSE")]]
    ),
    "seat that is left later in the file": Case(
        [
            visit("A", JOSE, "19:00"),
            [*visit("B", MARA, "20:00", "21:00"), move("A", "20:00", "2"), event("A", "23:00:00", "CLOSE")],
        ],
    ),
    "resume before its pause at one instant": Case(
        [[*visit("A", JOSE, "19:00", "21:00"), event("A", "20:00:00", "RESUME"), event("A", "20:00:00", "PAUSE")]]
    ),
    "barred player": Case([visit("A", BARRED, "19:00", "21:00")], {"2": "PLAYER_NOT_ACTIVE", "3": "SLIP_NOT_OPENED"}),
    "no length": Case([visit("A", JOSE, "19:00", "21:00"), visit("B", JOSE, "20:00", "20:00", seat="2")]),
}


class TestOrder:
    @pytest.mark.parametrize("lines", IN_ANY_ORDER.values(), ids=IN_ANY_ORDER)
    def test_does_not_matter_within_a_file(self, casino: Casino, file: Path, lines: list[str]) -> None:
        told = import_json(file, *lines)

        assert (told["applied"], told["rejects"], told["points"]) == (8, {}, 524)
        reasons = LedgerEntry.objects.order_by("pk").values_list("reason", flat=True)
        assert [reason[-3:] for reason in reasons] == ["O-3", "O-2", "O-1", "O-4"]

    @pytest.mark.parametrize("case", CASES.values(), ids=CASES)
    def test_is_judged_by_real_overlap_alone(self, casino: Casino, file: Path, case: Case) -> None:
        for lines in case.files:
            told = import_json(file, *lines)

        assert {line: reason.split(":")[0] for line, reason in told["rejects"].items()} == case.refused
        assert broken_invariants() == {}

    def test_lets_a_late_opening_in_with_its_end(self, casino: Casino, file: Path) -> None:
        import_lines(file, *visit("A", JOSE, "22:00", "23:00"))

        refused = import_json(file, *visit("B", JOSE, "18:00"))
        told = import_json(file, *visit("B", JOSE, "18:00", "19:00"))

        assert "has no end yet, and later play is recorded: José Nguyễn (100000) played on slip A" in str(refused)
        assert "Import the lines of slip B together with its CLOSE." in str(refused)
        assert told["applied"] == 2

    @pytest.mark.parametrize(("rounds", "code", "applied"), [(4, "SEAT_TAKEN", 2), (3, "TOO_MANY_OVERLAPS", 0)])
    def test_is_judged_for_a_slip_a_limited_number_of_times(
        self, casino: Casino, file: Path, monkeypatch: pytest.MonkeyPatch, rounds: int, code: str, applied: int
    ) -> None:
        monkeypatch.setattr(judging, "MAX_ROUNDS", rounds)
        import_lines(file, *visit("A", MARA, "19:00", "21:00", seat="2"))

        told = import_json(
            file, *visit("B", JOSE, "19:00", "21:00"), *(move("B", f"19:{at}", "2") for at in (10, 20, 30))
        )

        assert {reason.split(":")[0] for reason in told["rejects"].values()} == {code}
        assert told["applied"] == applied

    def test_holds_for_a_line_before_the_opening(self, casino: Casino, file: Path) -> None:
        told = import_json(file, event("S1", "18:00:00", "PAUSE"), *VISIT)

        assert (list(told["rejects"]), told["applied"], told["points"]) == (["2"], 6, 197)


class TestCorrectedSheet:
    @pytest.mark.parametrize(
        ("line", "changed", "words"),
        [
            (0, {"average_bet": "30.00"}, "Slip S1 has another OPEN. Recorded: average bet 25.00; this line: 30.00."),
            (0, {"buy_in": "10.00"}, "Recorded: buy-in none; this line: 10.00."),
            (0, {"seat": "2", "table": "BL-02"}, "Recorded: table BL-01, seat 1; this line: table BL-02, seat 2."),
            (1, {"average_bet": "5.00"}, "Slip S1 has another BET. Recorded: average bet 50.00; this line: 5.00."),
            (5, {"chips_out": ""}, "Slip S1 has another CLOSE. Recorded: chips out 120.00; this line: none."),
            (
                4,
                {"time": "19:41:00"},
                "Recorded: time 2026-11-14T19:40:00-08:00; this line: 2026-11-14T19:41:00-08:00.",
            ),
            (
                1,
                {"time": "19:15:00"},
                "Recorded: time 2026-11-14T19:10:00-08:00; this line: 2026-11-14T19:15:00-08:00.",
            ),
        ],
    )
    def test_is_refused_where_it_contradicts_with_both_values(
        self, casino: Casino, file: Path, line: int, changed: dict[str, str], words: str
    ) -> None:
        import_lines(file, *VISIT)
        before = everything()
        slip, at, kind, *values = VISIT[line].split(",")
        names = ("player_card", "table", "seat", "average_bet", "buy_in", "chips_out", "means")
        fields = dict(zip(names, values, strict=True)) | changed
        lines = [*VISIT[:line], event(slip, fields.pop("time", at), kind, **fields), *VISIT[line + 1 :]]

        ran = import_lines(file, *lines)

        assert ran.code == 1
        assert f"line {line + 2}: RECORDED_OTHERWISE: " in ran.out
        assert words in ran.out
        assert "5 already imported, 1 refused.\nNothing changed.\n" in ran.out
        assert everything() == before

    def test_closes_no_slip_whose_opening_it_contradicts(self, casino: Casino, file: Path) -> None:
        import_lines(file, OPEN_S1)

        told = import_json(file, OPEN_S1.replace("25.00", "250.00"), *VISIT[1:])

        assert {reason.split(":")[0] for reason in told["rejects"].values()} == {
            "RECORDED_OTHERWISE",
            "SLIP_NOT_OPENED",
        }
        assert RatingSlip.objects.get().status == "OPEN"


NOT_PLANNED = {"tiers": {}, "dry_run": True}


class TestDryRun:
    @pytest.mark.parametrize("lines", [[*VISIT, *VISIT_S2], *(case.files[-1] for case in CASES.values())], ids=str)
    def test_tells_everything_and_writes_nothing(self, casino: Casino, file: Path, lines: list[str]) -> None:
        before = everything()

        planned = json.loads(import_lines(file, *lines, options=("--json", "--dry-run")).out)

        assert everything() == before
        assert planned | NOT_PLANNED == import_json(file, *lines) | NOT_PLANNED

    def test_counts_the_theo_of_points_that_would_be_owed(self, casino: Casino, file: Path) -> None:
        pause_programme(casino)

        ran = import_lines(file, *VISIT, options=("--dry-run",))

        assert "6 applied (1 closed with points owed)" in ran.out
        assert "The file's slips: 1, theo 19.69, 0 ledger entries, 0 points." in ran.out

    def test_knows_the_slips_before_in_the_file(self, casino: Casino, file: Path) -> None:
        import_lines(file, *visit("A", JOSE, "19:00"))

        ran = import_lines(
            file,
            *[
                event("A", "20:00:00", "CLOSE"),
                *visit("B", MARA, "20:00", "21:00"),
                *visit("C", JOSE, "20:30", "21:30"),
            ],
            options=("--dry-run",),
        )

        assert "line 5: SEAT_TAKEN" in ran.out
        assert "5 lines: 3 applied, 0 already imported, 2 refused.\nThis was a dry run: nothing was changed." in ran.out
