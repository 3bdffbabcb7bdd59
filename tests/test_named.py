"""Tables of tests in docstrings: each test that is named there exists, so that the table does not promise too much."""

import re
from pathlib import Path

import pytest

from tests import browser
from tests.config import threats

TESTS = Path(__file__).parent
_NAMED = re.compile(r"(?P<file>[\w/]+\.py)::(?P<unit>\w+)::(?P<test>\w+)")


def missing_from(table: str, folder: Path) -> list[str]:
    """The tests that a table names, by their files in `folder`, and that are not there."""
    missing = []
    for named in _NAMED.finditer(table):
        file = folder / named["file"]
        source = file.read_text() if file.exists() else ""
        unit = source.partition(f"\nclass {named['unit']}:")[2].partition("\nclass ")[0]
        if f"    def {named['test']}(" not in unit:
            missing.append(named.group())
    return missing


class TestTable:
    @pytest.mark.parametrize(
        ("table", "folder", "rows"),
        [(browser.__doc__, TESTS / "browser", 26), (threats.__doc__, TESTS, 34)],
        ids=["journeys", "threats"],
    )
    def test_names_only_tests_that_exist(self, table: str, folder: Path, rows: int) -> None:
        assert missing_from(table, folder) == []
        assert len(_NAMED.findall(table)) == rows

    def test_is_found_out_when_it_promises_too_much(self) -> None:
        table = "| a | test_named.py::TestTable::test_of_nothing | b | test_nowhere.py::TestTable::test_is_found |"

        missing = missing_from(table, TESTS)

        assert missing == ["test_named.py::TestTable::test_of_nothing", "test_nowhere.py::TestTable::test_is_found"]
