"""Files as people have them, in `data/cases`: each is imported into a new casino, as a dry run and then in earnest."""

import json
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.commands import Ran, run
from tests.emptying import ModuleDb
from tests.ratingslips.test_import_order import NOT_PLANNED
from tests.refusals import everything

FILES: Final = Path(__file__).parent / "data" / "cases"


class Told(NamedTuple):
    """What the command says of a file; `words` are in the reasons of the refused lines."""

    applied: int
    already_imported: int = 0
    refused: dict[str, str] = {}
    code: int = 0
    words: tuple[str, ...] = ()


NOT_OPENED: Final = "UNKNOWN_SLIP"
CASES: Final[dict[str, Told]] = {
    "sorted-by-slip": Told(8),
    "sorted-by-time": Told(8),
    "newest-first": Told(4),
    "late-card-1-later-play late-card-2-paper": Told(2),
    "corrected-1-typo corrected-2-fixed": Told(
        0, 3, {"2": "RECORDED_OTHERWISE"}, 1, ("Recorded: average bet 250.00; this line: 25.00",)
    ),
    "all-refused-us-date": Told(
        0, 0, {"2": "INVALID_TIME", "3": "INVALID_TIME"}, 1, ("use ISO 8601, such as 2026-11-14T19:30:00-08:00",)
    ),
    "dot-thousands": Told(
        4,
        0,
        {"2": "NOT_A_NUMBER", "3": NOT_OPENED, "4": "NOT_A_NUMBER", "5": NOT_OPENED, "8": "NOT_A_NUMBER"}
        | {"9": NOT_OPENED},
        0,
        tuple(f"“{bet}” has more than two decimals" for bet in ("1.000", "2.500", "12.340000")),
    ),
    "excel-short-rows": Told(2),
    "quoted-newline": Told(2),
    "semicolon": Told(2),
    "slip-numbers": Told(
        4,
        0,
        {"3": "INVALID_SLIP_NUMBER", "6": "INVALID_SLIP_NUMBER"},
        0,
        ("“R00123” cannot be", "“A 17” cannot be a slip number: use 1 to 40 letters A to Z, digits, “-”, “_” and “/”"),
    ),
}


@pytest.fixture(scope="module")
def loaded(module_db: ModuleDb) -> Ran:
    """The casino of the cases, for all tests of this module."""
    with module_db():
        return run("load_casino", FILES / "casino", "--code", "case")


def _import(name: str, *options: str) -> Ran:
    return run("import_rating_events", FILES / f"{name}.csv", "--casino", "case", *options)


class TestFilesThatPeopleHave:
    @pytest.mark.parametrize("names", CASES)
    def test_give_their_result_by_a_dry_run_too(self, db: None, loaded: Ran, names: str) -> None:
        *before, last = names.split()
        for name in before:
            assert _import(name).code == 0
        case, rows = CASES[names], everything()

        planned = _import(last, "--json", "--dry-run")
        unchanged = everything() == rows
        ran = _import(last, "--json")

        told = json.loads(ran.out)
        assert unchanged
        assert json.loads(planned.out) | NOT_PLANNED == told | NOT_PLANNED
        assert (planned.code, ran.code) == (case.code, case.code)
        assert (told["applied"], told["already_imported"]) == (case.applied, case.already_imported)
        assert {line: reason.split(":")[0] for line, reason in told["rejects"].items()} == case.refused
        assert [words for words in case.words if words not in str(told["rejects"])] == []

    def test_are_all_imported_before_only_where_that_is_true(self, db: None, loaded: Ran) -> None:
        refused = _import("all-refused-us-date")
        _import("semicolon")

        assert "imported before" not in refused.out
        assert "Nothing changed: everything was imported before." in _import("semicolon").out

    def test_hold_a_casino_with_lines_of_separators_only(self, db: None) -> None:
        ran = run("load_casino", FILES / "casino-with-empty-rows", "--code", "rows")

        assert (ran.code, "players: 40 new" in ran.out) == (0, True)
