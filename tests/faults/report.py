"""What a run tells: JSON for machines, a page for people."""

import json
from collections import Counter
from typing import Any

from tests.faults.harness import Run

MOST_FINDINGS_TOLD = 50


def as_data(run: Run, *, version: str, controls: dict[str, int]) -> dict[str, Any]:
    """Everything about a run that the report keeps."""
    size = run.size
    return {
        "version": version,
        "seed": size.seed,
        "operations_asked_for": size.operations,
        "steps": sum(1 for _ in run.plan.steps()),
        "players": run.plan.players,
        "workers": size.workers,
        "seconds": round(run.seconds, 1),
        "server": run.settings,
        **{name: dict(counted.most_common()) for name, counted in run.counts.items()},
        "resolved": dict(run.findings.resolved),
        "recovery": run.recovery,
        "broken_invariants": run.invariants,
        "findings": run.findings.wrong[:MOST_FINDINGS_TOLD],
        "findings_in_all": len(run.findings.wrong),
        "controls": controls,
        "result": "clean" if run.is_clean else "BROKEN",
    }


def as_page(data: dict[str, Any]) -> str:
    """The same as Markdown."""
    calls = sum(data["operations"].values())
    lines = [
        f"# Fault harness, seed {data['seed']}: {data['result']}",
        "",
        f"{data['steps']:,} steps, {calls:,} calls, {data['players']:,} players, {data['workers']} workers.",
        f"{data['seconds']:,.0f} seconds, version {data['version']}.",
        "",
        f"Server: {', '.join(f'{name} {value}' for name, value in sorted(data['server'].items()))}.",
    ]
    for title, name in (
        ("Calls by kind", "operations"),
        ("Answers", "outcomes"),
        ("Refusals", "refusals"),
        ("Owed because", "owed_because"),
        ("Faults from outside", "faults_from_outside"),
        ("Faults planned inside workers", "faults_planned_inside_workers"),
        ("Unknown answers, in the end", "resolved"),
    ):
        lines += ["", f"## {title}", "", "| what | times |", "| --- | ---: |"]
        lines += [f"| {what} | {times:,} |" for what, times in Counter(data[name]).most_common()]
    lines += ["", "## Afterwards", ""]
    lines += [
        f"- Recovery, pass {number}: paid {each['paid']}, owed after it {each['owed']}, exit code {each['exit']}."
        for number, each in enumerate(data["recovery"], start=1)
    ]
    lines += [f"- Broken invariants: {data['broken_invariants'] or 'none'}."]
    lines += [f"- Control, {name}: {found} findings." for name, found in data["controls"].items()]
    lines += [f"- Findings: {data['findings_in_all']}."]
    lines += [f"  - {finding}" for finding in data["findings"]]
    return "\n".join(lines) + "\n"


def as_json(data: dict[str, Any]) -> str:
    """The same, to be read again."""
    return json.dumps(data, indent=2, default=str) + "\n"
