"""The index of tests in docs/reliability.md, made from the tests' `shows` markers: `python -m tests.reliability`.

Writes the index; with `--check`, compares it instead. Exit codes: 0 the page is right, 1 it differs from the markers,
or a rule has no test, 2 the tests cannot be collected.
"""

import argparse
import io
import sys
from collections import defaultdict
from contextlib import redirect_stdout
from pathlib import Path
from typing import Final

import pytest

PAGE: Final = Path(__file__).parents[1] / "docs" / "reliability.md"
RULES: Final = range(1, 49)
MAX_TESTS_NAMED: Final = 12
_BEGIN: Final = "<!-- Made by python -m tests.reliability: -->\n"
_END: Final = "<!-- end -->\n"


class Markers:
    """A plugin of pytest: the tests that show each rule, by name without parameters."""

    def __init__(self) -> None:
        self.tests: dict[int, set[str]] = defaultdict(set)

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        test = item.nodeid.partition("[")[0].removeprefix("tests/")
        for marker in item.iter_markers("shows"):
            for rule in marker.args:
                self.tests[rule].add(test)


def main(arguments: list[str]) -> int:
    """Collect the tests, and write or compare the index."""
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare the page with the markers, and write nothing")
    options = parser.parse_args(arguments)
    markers = Markers()
    with redirect_stdout(io.StringIO()) as said:
        code = pytest.main(["--collect-only", "-qq", "--numprocesses=0"], plugins=[markers])
    if code != pytest.ExitCode.OK:
        sys.stderr.write(said.getvalue())
        return 2
    if problems := problems_of(markers.tests):
        sys.stderr.write("\n".join(problems) + "\n")
        return 1
    page = PAGE.read_text()
    made = with_index(page, index_of(markers.tests))
    if not options.check:
        PAGE.write_text(made)
    elif page != made:
        sys.stderr.write(f"{PAGE.name} differs from the markers of the tests: run python -m tests.reliability.\n")
        return 1
    return 0


def problems_of(tests: dict[int, set[str]]) -> list[str]:
    """What is wrong with the markers: a rule that no test shows, or a marker of no rule."""
    return [
        *(f"No test shows rule {rule}." for rule in RULES if rule not in tests),
        *(f"There is no rule {rule}: {', '.join(sorted(tests[rule]))}" for rule in tests if rule not in RULES),
    ]


def index_of(tests: dict[int, set[str]]) -> str:
    """The rows of a Markdown table: a rule's number and its tests, or the files of its tests where they are many."""
    shown = {rule: tests[rule] for rule in RULES}
    for rule, names in shown.items():
        if len(names) > MAX_TESTS_NAMED:
            shown[rule] = {name.partition("::")[0] for name in names}
    rows = (f"| {rule} | {', '.join(f'`{name}`' for name in sorted(names))} |\n" for rule, names in shown.items())
    return f"| No. | Shown by |\n| --- | --- |\n{''.join(rows)}"


def with_index(page: str, index: str) -> str:
    """The page with this index in the place of its own."""
    before, _, rest = page.partition(_BEGIN)
    return f"{before}{_BEGIN}{index}{_END}{rest.partition(_END)[2]}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
