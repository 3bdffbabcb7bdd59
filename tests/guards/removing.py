"""Taking guards away, one after the other, and judging what the tests say."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from tests.guards.copies import TIMED_OUT, Copy
from tests.guards.guard import Guard

# How pytest calls a refusal that did not come, besides a failed assertion.
_PLAIN: Final = frozenset({"AssertionError", "Failed"})
# A span that ends before it begins is no span: where its check is gone, PostgreSQL refuses to make one of it.
_OF_CONSTRAINTS: Final = _PLAIN | {"DataError"}

CONSTRAINT_TESTS: Final = (
    "tests/core/test_constraints.py::TestCoreConstraints::test_refuse_what_breaks_them",
    "tests/loyalty/test_constraints.py::TestLoyaltyConstraints::test_refuse_what_breaks_them",
    "tests/ratingslips/test_constraints.py::TestRatingSlipConstraints::test_refuse_what_breaks_them",
)


class Verdict(StrEnum):
    """What the tests said to a guard that was gone."""

    RED = "red"
    GREEN = "green: no test noticed"
    WRONG = "red for another reason"
    UNFIT = "the edit does not fit"


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What became of one test: `errors` by name, empty where it passed throughout."""

    test: str
    errors: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Removal:
    """A guard that was taken away, and the tests that went red for the right reason, with what they met."""

    guard: Guard
    verdict: Verdict
    red: tuple[Outcome, ...] = ()
    said: str = ""


def remove(guard: Guard, *, copy: Copy) -> Removal:
    """Take one guard away in `copy`, run the tests that claim it, and put it back."""
    try:
        with copy.edited(guard.edits):
            outcomes, code, said = _run(copy, guard.claimed_by, GUARD_SQL=guard.sql)
    except ValueError as error:
        return Removal(guard=guard, verdict=Verdict.UNFIT, said=str(error))
    return _judged(guard, outcomes, said=f"exit code {code}\n{said}")


def baseline(guards: Sequence[Guard], *, copy: Copy) -> str:
    """Run every claimed test with every guard in place; what was written, where one is not green."""
    node_ids = dict.fromkeys(node_id for guard in guards for node_id in guard.claimed_by)
    outcomes, code, said = _run(copy, tuple(node_ids))
    return "" if code == 0 and outcomes and not any(one.errors for one in outcomes) else said


def remove_each_constraint(*, copy: Copy) -> tuple[list[Outcome], list[Outcome]]:
    """Run the test of each violation without the constraint that it violates: those that went red, and the others."""
    outcomes, _code, _said = _run(copy, CONSTRAINT_TESTS, GUARD_EACH_CONSTRAINT="yes")
    red = [one for one in outcomes if one.errors and set(one.errors) <= _OF_CONSTRAINTS]
    return red, [one for one in outcomes if one not in red]


def _judged(guard: Guard, outcomes: Sequence[Outcome], *, said: str) -> Removal:
    expected = _PLAIN | set(guard.goes_red_as)
    failed = [one for one in outcomes if one.errors]
    red = tuple(one for one in failed if set(one.errors) <= expected)
    if red:
        return Removal(guard=guard, verdict=Verdict.RED, red=red, said=said)
    verdict = Verdict.WRONG if failed or not outcomes else Verdict.GREEN
    return Removal(guard=guard, verdict=verdict, red=tuple(failed), said=said)


def _run(copy: Copy, node_ids: Sequence[str], **environment: str) -> tuple[list[Outcome], int, str]:
    with TemporaryDirectory() as folder:
        record = Path(folder) / "outcomes"
        code, said = copy.pytest(node_ids, GUARD_RECORD=str(record), **environment)
        lines = [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []
    errors: dict[str, list[str]] = {line["test"]: [] for line in lines}
    for line in lines:
        if not line["passed"]:
            errors[line["test"]].append(line["as"])
    if code == TIMED_OUT and lines:
        errors[lines[-1]["test"]].append("TimeoutExpired")
    return [Outcome(test=test, errors=tuple(names)) for test, names in errors.items()], code, said
