"""The table of what must hold names only what is there: tests, invariants, constraints, triggers, programs."""

import re

import pytest
from django.apps import apps
from django.core.management import get_commands

from ratingslips.invariants import ALL_INVARIANTS
from tests.core.test_production_triggers import EXPECTED as TRIGGERS
from tests.guards.guard import ROOT, exists

LINES = 40
_ROW = re.compile(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
_SECTION = "## What must hold, and what shows it"


def _rows() -> dict[int, list[str]]:
    """The names of each line of the table."""
    page = (ROOT / "docs/reliability.md").read_text()
    section = page.partition(f"{_SECTION}\n")[2].partition("\n## ")[0]
    return {int(number): re.findall(r"`([^`]+)`", shown) for number, _, shown in _ROW.findall(section)}


def is_there(name: str) -> bool:
    """Whether something of this name shows anything."""
    if "::" in name:
        return exists(f"tests/{name}")
    if name.startswith("manage.py "):
        return name.removeprefix("manage.py ") in get_commands()
    if name.startswith("python -m "):
        return (ROOT / name.removeprefix("python -m ").replace(".", "/") / "__main__.py").is_file()
    if name.endswith(".py"):
        return (ROOT / "tests" / name).is_file()
    constraints = {constraint.name for model in apps.get_models() for constraint in model._meta.constraints}
    return name in constraints | TRIGGERS | {invariant.name for invariant in ALL_INVARIANTS}


class TestReliability:
    def test_has_a_line_for_each_thing_that_must_hold(self) -> None:
        rows = _rows()

        assert sorted(rows) == list(range(1, LINES + 1))
        assert [number for number, names in rows.items() if not names] == []

    def test_names_only_what_is_there(self) -> None:
        missing = [(number, name) for number, names in _rows().items() for name in names if not is_there(name)]

        assert missing == []

    def test_names_every_invariant(self) -> None:
        named = {name for names in _rows().values() for name in names}

        assert {invariant.name for invariant in ALL_INVARIANTS} - named == set()

    @pytest.mark.parametrize(
        "name",
        [
            "test_reliability.py::TestReliability::test_of_nothing",
            "manage.py nothing",
            "python -m tests.nothing",
            "scenarios/nothing.py",
            "nothing_at_all",
        ],
    )
    def test_finds_out_a_name_of_nothing(self, name: str) -> None:
        assert not is_there(name)
