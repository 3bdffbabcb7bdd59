"""What the documentation cites exists: links, files, commands and modules."""

import re
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from operator import attrgetter
from pathlib import Path
from typing import Final

import pytest
from django.core.management import get_commands, load_command_class

ROOT: Final = Path(__file__).parents[1]
DOCUMENTS: Final = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("tests/**/*.md")])

LINK: Final = re.compile(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)")
HEADING: Final = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCED: Final = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE: Final = re.compile(r"`([^`\n]+)`")
# A folder with its slash, a file with its ending, or anything in a top folder. `::test_name` may follow.
FILE: Final = re.compile(
    r"(?<!\S)((?:[\w*.-]+/)+(?:[\w*.-]+\.[a-z]+)?|(?:config|core|docs|loyalty|ratingslips|templates|tests)/[\w*./-]+)"
    r"(?:::\S+)?(?!\S)"
)
COMMAND: Final = re.compile(r"manage\.py ([a-z]\w*)([^`\n&|;]*)")
OPTION: Final = re.compile(r"--[a-z-]+")
MODULE: Final = re.compile(r"python -m ([\w.]+)")
# `name`, `Class.name` in `app/module.py`; what a migration makes is in the database.
NAMES: Final = re.compile(r"((?:`[\w.]+`(?:, | and )?)+) in `((?!\w+/migrations/)[\w/]+)\.py`")


def broken_links(document: Path, text: str) -> Iterator[str]:
    for name, heading in LINK.findall(text):
        cited = (document.parent / name).resolve() if name else document
        if not cited.exists() or (heading and heading not in anchors(cited.read_text())):
            yield f"{name}#{heading}" if heading else name


def anchors(text: str) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)}


def missing_files(document: Path, text: str) -> Iterator[str]:
    """Paths are written from the top of the repository; those of tests also from `tests/`."""
    for code in CODE.findall(FENCED.sub("", text)):
        for name in FILE.findall(code):
            if not any(any(folder.glob(name)) for folder in (ROOT, ROOT / "tests", document.parent)):
                yield name


def missing_names(text: str) -> Iterator[str]:
    """Private names count as missing: renaming one should not need a change of the documentation."""
    for names, path in NAMES.findall(text):
        module = import_module(path.replace("/", "."))
        for name in CODE.findall(names):
            if any(part.startswith("_") for part in name.split(".")):
                yield f"{path}.py: {name} is private"
            try:
                attrgetter(name)(module)
            except AttributeError:
                yield f"{path}.py: {name}"


def unknown_commands(text: str) -> Iterator[str]:
    known = get_commands()
    for name, rest in COMMAND.findall(text):
        if name not in known:
            yield name
            continue
        parser = load_command_class(known[name], name).create_parser("manage.py", name)
        options = OPTION.findall(parser.format_help())
        yield from (f"{name} {option}" for option in OPTION.findall(rest) if option not in options)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
class TestDocument:
    def test_links_to_pages_and_headings_that_exist(self, document: Path) -> None:
        assert list(broken_links(document, document.read_text())) == []

    def test_names_files_that_exist(self, document: Path) -> None:
        assert list(missing_files(document, document.read_text())) == []

    def test_names_what_is_in_its_file(self, document: Path) -> None:
        assert list(missing_names(document.read_text())) == []

    def test_names_commands_and_options_that_exist(self, document: Path) -> None:
        assert list(unknown_commands(document.read_text())) == []

    def test_names_modules_that_exist(self, document: Path) -> None:
        assert [name for name in MODULE.findall(document.read_text()) if find_spec(name) is None] == []
