"""The two checkouts that a benchmark compares."""

import sys
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).resolve().parents[2]
DAY: Final = HERE / "config/demo/data/pit-day-2026-11-14"


def python_of(checkout: Path) -> str:
    """The Python of a checkout: that of its own environment, where it has one, since its requirements may differ."""
    own = checkout / ".venv" / "bin" / "python"
    return str(own) if own.exists() else sys.executable
