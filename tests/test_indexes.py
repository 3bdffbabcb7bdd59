"""The indexes of the documentation are whole: every page, and every command."""

from pathlib import Path
from typing import Final

from django.core.management import get_commands

ROOT: Final = Path(__file__).parents[1]
APPS: Final = {"config.demo", "core", "loyalty", "ratingslips"}


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
        commands = [name for name, app in get_commands().items() if app in APPS]

        assert commands
        assert [name for name in commands if not any(row.startswith(f"| `manage.py {name}") for row in rows)] == []
