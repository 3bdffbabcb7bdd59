"""The invariants of accounts, ledger and slips, checked by the tests after every race and every fault."""

from core.invariants import examine
from ratingslips.invariants import ALL_INVARIANTS


def broken_invariants() -> dict[str, list[str]]:
    """The invariants that do not hold, each with the first rows that break it."""
    findings = [examine(invariant) for invariant in ALL_INVARIANTS]
    return {finding.invariant.name: list(finding.first) for finding in findings if not finding.holds}
