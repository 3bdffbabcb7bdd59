"""The report of a drill, a page for people."""

from datetime import UTC, datetime
from typing import Final

from tests.cluster.drill import WRITERS, Result
from tests.cluster.faults import UNSENT_SECONDS

_REPORT: Final = """# A cluster that loses its primary

Made by `python -m tests.cluster` on {day}: three nodes with PostgreSQL {version} under Patroni, one etcd and
HAProxy, all on one machine of two cores, with the files of `config/deploy`, but without passwords and an archive,
and with the default settings of the product. All nodes have one certificate; replication and the application use TLS.
{writers} writers made the calls of the fault harness, each until it was answered. A killed or frozen node is its
Patroni and PostgreSQL; before “kill-unsent”, the primary sent its standbys nothing for {unsent:.0f} seconds. {commits}

| Fault | Primary before, after | Longest silence | Failed tries | Acknowledged | Stored | Lost | Twice |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |
{rows}

The silence is the longest time between two acknowledgements of any writer, until all nodes were in order again. A
failed try is a call that was answered “busy” or “unknown”, or that ended in an error; the first two were made again.
The figures after it count ledger entries since the beginning. An entry is stored if the primary has one with the id,
the points and the balance that the writer was told.

Calls by answer: {outcomes}.
Broken invariants: {invariants}.
Findings of the checker of the fault harness: {findings}.
"""
_WITH_QUORUM: Final = "A commit was acknowledged\nwhen one of two standbys had it as well."
_WITHOUT_QUORUM: Final = (
    "`--without-quorum`:\na commit waited for no standby, and whatever is lost below would not be with quorum commit."
)
_ROW: Final = (
    "| {0.fault} | {0.was_primary}, {0.is_primary} | {0.silence_seconds:.1f} s | {0.failed_tries} | {0.acknowledged} "
    "| {0.stored} | {0.lost} | {0.twice} |"
)


_MAX_NAMED: Final = 3


def as_page(result: Result) -> str:
    """The page."""
    return _REPORT.format(
        day=f"{datetime.now(UTC):%Y-%m-%d}",
        version=result.version.split()[0],
        writers=WRITERS,
        unsent=UNSENT_SECONDS,
        commits=_WITH_QUORUM if result.has_quorum else _WITHOUT_QUORUM,
        rows="\n".join(map(_ROW.format, result.rows)),
        outcomes=", ".join(f"{count} {name}" for name, count in result.outcomes.most_common()),
        invariants=result.invariants or "none",
        findings=_findings(result.findings.wrong),
    )


def _findings(wrong: list[str]) -> str:
    more = f" … ({len(wrong)} in all)" if len(wrong) > _MAX_NAMED else ""
    return ("; ".join(wrong[:_MAX_NAMED]) or "none") + more
