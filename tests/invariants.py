"""The invariants of `check_invariants`, checked by the tests after every race and every fault."""

from core.invariants import examine
from ratingslips.invariants import ALL_INVARIANTS

# The test database lacks the triggers that refuse TRUNCATE; tests/core/test_production_triggers.py checks production's.
_NOT_OF_TESTS = {
    f"{rows}_guarded" for rows in ("ledger", "slips", "origins", "changes", "sign_ins", "forms", "cards", "console_log")
}


def broken_invariants() -> dict[str, list[str]]:
    """The invariants that do not hold, each with the first rows that break it."""
    findings = [examine(invariant) for invariant in ALL_INVARIANTS if invariant.name not in _NOT_OF_TESTS]
    return {finding.invariant.name: list(finding.first) for finding in findings if not finding.holds}
