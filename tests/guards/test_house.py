"""The table of the guards cannot rot: its edits fit, its tests exist, and no lock or right is missing in it."""

import re

import pytest

from tests.core.test_production_triggers import EXPECTED
from tests.guards.guard import ROOT, Edit, Guard, Kind, exists
from tests.guards.house import GUARDS

EDITS = [edit for guard in GUARDS for edit in guard.edits]

# Where a service takes a lock or asks for a right.
_GUARDING = re.compile(
    r"^.*(\.locked\(|lock_name\(|advisory_|require_permission\(|\batomic\(\):|SavePoint).*$", re.MULTILINE
)
_NO_GUARD = re.compile(r"^\s*(from|import|def|#)\b|advisory_unlock")
_SERVICES = (
    "loyalty/services",
    "ratingslips/services",
    "ratingslips/imports/apply.py",
    "ratingslips/imports/casino.py",
)


def _sources() -> list[str]:
    files = [ROOT / path for path in _SERVICES]
    python = [file for path in files for file in (path.rglob("*.py") if path.is_dir() else [path])]
    return sorted(str(file.relative_to(ROOT)) for file in python)


def _guarding_lines() -> list[tuple[str, int, str]]:
    """Each line that guards: its file, where it begins in it, and itself."""
    return [
        (path, found.start(), found.group())
        for path in _sources()
        for found in _GUARDING.finditer((ROOT / path).read_text())
        if not _NO_GUARD.search(found.group())
    ]


def _touches(edit: Edit, path: str, start: int, line: str) -> bool:
    if edit.path != path:
        return False
    begins = (ROOT / path).read_text().index(edit.find)
    return begins < start + len(line) and start < begins + len(edit.find)


class TestGuards:
    def test_have_names_of_their_own(self) -> None:
        names = [guard.name for guard in GUARDS]

        assert [name for name in set(names) if names.count(name) > 1] == []

    @pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
    def test_still_stand_where_the_table_takes_them_away(self, guard: Guard) -> None:
        texts = {edit.path: (ROOT / edit.path).read_text() for edit in guard.edits}

        for edit in guard.edits:
            texts[edit.path] = edit.applied_to(texts[edit.path])

        assert texts or guard.sql
        for path, text in texts.items():
            compile(text, path, "exec")

    @pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.name)
    def test_are_claimed_by_tests_that_exist(self, guard: Guard) -> None:
        assert guard.claimed_by
        assert [test for test in guard.claimed_by if not exists(test)] == []

    def test_are_all_the_locks_and_rights_of_the_services(self) -> None:
        missing = [
            (path, line.strip())
            for path, start, line in _guarding_lines()
            if not any(_touches(edit, path, start, line) for edit in EDITS)
        ]

        assert missing == []

    def test_are_all_the_triggers(self) -> None:
        named = {guard.name for guard in GUARDS if guard.kind == Kind.TRIGGER}

        assert EXPECTED - named == set()


class TestExists:
    def test_knows_a_test_by_its_node_id(self) -> None:
        assert exists("tests/guards/test_house.py::TestExists::test_knows_a_test_by_its_node_id[of any parameter]")

    @pytest.mark.parametrize(
        "node_id", ["tests/gone.py::TestX::test_y", "tests/guards/test_house.py::TestExists::test_y"]
    )
    def test_knows_what_is_no_test(self, node_id: str) -> None:
        assert not exists(node_id)


class TestEdit:
    @pytest.mark.parametrize("text", ["nothing of it", "a guard and a guard"])
    def test_fits_one_place_alone(self, text: str) -> None:
        with pytest.raises(ValueError, match="places that read 'a guard'"):
            Edit(path="some.py", find="a guard", put="").applied_to(text)
