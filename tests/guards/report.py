"""The table of the guards, for people: in the terminal, and in docs/reliability.md."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from tests.guards.guard import ROOT
from tests.guards.removing import Outcome, Removal, Verdict

REPORT: Final = ROOT / "docs/reliability.md"
HEADING: Final = "## Guards, each removed once"
_TITLE: Final = "# Reliability\n"


def section(removals: Sequence[Removal], constraints: Sequence[Outcome]) -> str:
    """The section of the report, as Markdown."""
    kinds = Counter(removal.guard.kind.value for removal in removals)
    counted = ", ".join(f"{number} × {kind}" for kind, number in sorted(kinds.items()))
    names = _constraints(constraints)
    lines = [
        HEADING,
        "",
        "`uv run python -m tests.guards --report` copies the working tree, takes one guard away at a time and runs the",
        "tests that claim it. At least one must go red by its own assertion, or by the error that the table names for",
        "it: an import that fails is no proof. What is written here was written by that program. The table itself is",
        "`tests/guards/house/`. That each edit still fits the source, that each test exists, and that no lock and no",
        "right of a service is missing in it, is a test (`tests/guards/test_house.py`).",
        "",
        f"{len(removals)} guards were removed: {counted}.",
        f"Besides, each of {len(names)} constraints and unique indexes was dropped in the transaction of its own test:",
        f"{len(constraints)} violations, none of which was then refused by its name.",
        "",
        "| Guard | Kind | Stood in | Test that went red | As |",
        "| --- | --- | --- | --- | --- |",
        *(_row(removal) for removal in removals),
        "",
        "Constraints and unique indexes, each dropped and seen: " + ", ".join(f"`{name}`" for name in names) + ".",
        "",
    ]
    return "\n".join(lines)


def _row(removal: Removal) -> str:
    guard = removal.guard
    if removal.verdict != Verdict.RED:
        return f"| {guard.name} | {guard.kind} | {guard.taken_away} | none | **{removal.verdict}** |"
    tests = list(dict.fromkeys(one.test.partition("[")[0].removeprefix("tests/") for one in removal.red))
    errors = sorted({error for one in removal.red for error in one.errors})
    return (
        f"| {guard.name} | {guard.kind} | `{guard.taken_away}` | "
        f"{'<br>'.join(f'`{test}`' for test in tests)} | {', '.join(errors)} |"
    )


def _constraints(outcomes: Sequence[Outcome]) -> list[str]:
    """The constraints that the tests of violations are named for; pytest tells equal names apart by a digit behind."""
    parameters = {outcome.test.partition("[")[2].removesuffix("]") for outcome in outcomes}
    return sorted({name[:-1] if {f"{name[:-1]}0", f"{name[:-1]}1"} <= parameters else name for name in parameters})


def write(text: str) -> None:
    """Put the section in the report, in the place of the one that stands there; the other sections stay."""
    report = REPORT.read_text() if REPORT.exists() else _TITLE
    before, found, after = report.partition(f"{HEADING}\n")
    following = after.find("\n## ") if found else -1
    rest = after[following + 1 :] if following >= 0 else ""
    REPORT.write_text(f"{before.rstrip()}\n\n{text}" + (f"\n{rest}" if rest else ""))
