"""Keep a random sample of the mutants of a Cosmic Ray session: see docs/testing.md."""

import argparse
import random
import sqlite3
import sys
from contextlib import closing
from itertools import groupby
from pathlib import Path


def main() -> None:
    """Keep some mutants of each module and remove the others. The same seed keeps the same mutants of the same code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("session", help="the file that cosmic-ray init has made")
    parser.add_argument("--each", type=int, required=True, help="how many mutants of each module are kept")
    parser.add_argument("--seed", type=int, required=True)
    given = parser.parse_args()
    chance = random.Random(given.seed)  # noqa: S311
    kept = []
    with closing(sqlite3.connect(given.session)) as session, session:
        mutants = session.execute(
            "SELECT module_path, operator_name, start_pos_row, start_pos_col, job_id FROM mutation_specs"
            " ORDER BY module_path, operator_name, operator_args, occurrence"
        ).fetchall()
        telling = [mutant for mutant in mutants if can_tell(*mutant[:-1])]
        for _, of_module in groupby(telling, key=lambda mutant: mutant[0]):
            ids = [mutant[-1] for mutant in of_module]
            kept += chance.sample(ids, min(given.each, len(ids)))
        for table in ("mutation_specs", "work_items"):
            session.execute(f"DELETE FROM {table} WHERE job_id NOT IN ({', '.join('?' * len(kept))})", kept)
    sys.stdout.write(f"{len(kept)} of {len(mutants)} mutants are kept.\n")


def can_tell(module_path: str, operator: str, row: int, column: int) -> bool:
    """Whether a test could see the mutant: most changes of `|` are in annotations, and one of `*,` is no Python."""
    line = Path(module_path).read_text().splitlines()[row - 1]
    return "BinaryOperator_BitOr" not in operator and not line[column:].startswith("*,")


if __name__ == "__main__":
    main()
