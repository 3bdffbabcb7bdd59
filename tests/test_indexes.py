"""The documentation is whole: every page, every command, and every column of the ledger and of imports."""

import re
from pathlib import Path
from typing import Final

import pytest
from django.core.management import get_commands

from loyalty.models import LedgerEntry
from ratingslips.imports.events import COLUMNS, OPTIONAL_COLUMNS

ROOT: Final = Path(__file__).parents[1]
APPS: Final = {"config.demo", "core", "loyalty", "ratingslips"}
COMMANDS: Final = [name for name, app in get_commands().items() if app in APPS]


class TestIndexOfPages:
    def test_links_to_every_page(self) -> None:
        index = (ROOT / "docs/README.md").read_text()
        pages = {page.relative_to(ROOT / "docs").as_posix() for page in ROOT.glob("docs/**/*.md")} - {"README.md"}

        assert sorted(page for page in pages if f"]({page})" not in index) == []

    def test_is_linked_from_the_top(self) -> None:
        assert "](docs/README.md)" in (ROOT / "README.md").read_text()


class TestTableOfCommands:
    def test_has_a_row_for_every_command(self) -> None:
        rows = [line for line in (ROOT / "README.md").read_text().splitlines() if line.startswith("| `manage.py ")]

        assert COMMANDS
        assert [name for name in COMMANDS if not any(name in row.split(" | ")[0] for row in rows)] == []


class TestRunbook:
    @pytest.mark.parametrize("command", [name for name in COMMANDS if name != "demo"])
    def test_names_every_command(self, command: str) -> None:
        assert command in (ROOT / "docs/runbook.md").read_text()

    def test_has_a_paragraph_for_every_alert_and_no_other(self) -> None:
        rules = (ROOT / "config/deploy/prometheus/rules.yml").read_text()
        headings = re.findall(r"^### (Ratings\w+)\n\n\w", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)

        assert headings == re.findall(r"alert: (\w+)", rules)


class TestPageOfTheChain:
    @pytest.mark.parametrize("column", [field.column for field in LedgerEntry._meta.concrete_fields])
    def test_names_every_column_of_the_ledger(self, column: str) -> None:
        assert f"`{column}`" in (ROOT / "docs/ledger-chain.md").read_text()


class TestPageOfFiles:
    @pytest.mark.parametrize("column", [*COLUMNS, *OPTIONAL_COLUMNS])
    def test_names_every_column_of_rating_events(self, column: str) -> None:
        assert f"`{column}`" in (ROOT / "docs/files.md").read_text()
