"""`python -m tests.guards [NAME …] [--report]`: take guards away and see tests go red.

Exit codes: 0 every guard was noticed, 1 one was not, 2 wrong use, or the tests were not green to begin with.
"""

import argparse
import signal
import sys
from collections.abc import Sequence

from tests.guards.copies import Copy, copied
from tests.guards.guard import Guard
from tests.guards.house import GUARDS
from tests.guards.removing import Removal, Verdict, baseline, remove, remove_each_constraint
from tests.guards.report import REPORT, section, write

CONSTRAINTS = "constraints"


def main(arguments: list[str]) -> int:
    """Do what the command line asks, say what was seen, and give the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.guards", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"a part of a guard's name, or {CONSTRAINTS}")
    parser.add_argument("--report", action="store_true", help=f"write the table to {REPORT.name}; takes all guards")
    parser.add_argument("--list", action="store_true", help="only list the guards")
    options = parser.parse_args(arguments)
    guards = [guard for guard in GUARDS if not options.names or any(name in guard.name for name in options.names)]
    does_constraints = not options.names or CONSTRAINTS in options.names
    if options.report and options.names:
        parser.error("--report takes all guards")
    if not guards and not does_constraints:
        parser.error("no guard has such a name")
    if options.list:
        _say("\n".join(f"{guard.kind:15} {guard.name}" for guard in guards))
        return 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the copy's server is stopped all the same
    with copied() as copy:
        return _remove_all(guards, copy=copy, does_constraints=does_constraints, is_reported=options.report)


def _remove_all(guards: Sequence[Guard], *, copy: Copy, does_constraints: bool, is_reported: bool) -> int:
    if guards and (said := baseline(guards, copy=copy)):
        _say(f"{said}\nThe tests are not green with every guard in place: nothing was removed.")
        return 2
    removals = []
    for guard in guards:
        removals.append(removal := remove(guard, copy=copy))
        _tell(removal)
    red, others = remove_each_constraint(copy=copy) if does_constraints else ([], [])
    for outcome in others:
        _say(f"{'constraint':15} {outcome.test}: not noticed {', '.join(outcome.errors)}")
    if does_constraints:
        _say(f"{len(red)} of {len(red) + len(others)} violations were let in without their constraint.")
    if is_reported:
        write(section(removals, red))
    noticed = sum(removal.verdict == Verdict.RED for removal in removals)
    _say(f"{noticed} of {len(removals)} guards were noticed when they were gone.")
    return 0 if noticed == len(removals) and not others else 1


def _tell(removal: Removal) -> None:
    _say(f"{removal.guard.kind:15} {removal.guard.name}: {removal.verdict}")
    for outcome in removal.red:
        _say(f"{'':15}   {outcome.test.removeprefix('tests/')} ({', '.join(outcome.errors)})")
    if removal.verdict != Verdict.RED:
        _say("\n".join(f"{'':15}   | {line}" for line in removal.said.splitlines()[-12:]))


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
