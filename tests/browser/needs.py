"""What the browser tests need beside Python: Debian's headless Chromium, and axe-core, which `.ci/run` installs."""

import os
from pathlib import Path

CHROMIUM = Path("/usr/lib/chromium/chromium-headless-shell")
AXE = Path(__file__).resolve().parents[2] / ".local" / "npm" / "node_modules" / "axe-core" / "axe.min.js"


def missing() -> list[str]:
    """What is not there, and what is left out without it."""
    found = []
    if not CHROMIUM.exists():
        found.append("browser tests are left out: apt-get install chromium-headless-shell")
    elif not AXE.exists():
        found.append("accessibility tests are left out: npm install --no-save --prefix .local/npm axe-core@4")
    return found


def must_be_complete() -> bool:
    """Whether leaving anything out is an error: in CI."""
    return bool(os.environ.get("CI"))
