"""Send generated requests as each role: `python -m tests.generated --requests 5000 --seed 1 --roles boss,root`.

It runs tests/config/test_generated_requests.py. Exit codes: 0 nothing was answered 500, 1 something was.
"""

import argparse
import os
import sys

import pytest


def main() -> int:
    """Parse, run, tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.generated", description=__doc__)
    parser.add_argument("--requests", type=int, default=5_000, help="for each role")
    parser.add_argument("--seed", type=int, default=1, help="the same requests for the same seed")
    parser.add_argument("--roles", default="", help="columns of the permission matrix, with commas; all by default")
    options = parser.parse_args()
    os.environ |= {
        "GENERATED_REQUESTS": str(options.requests),
        "GENERATED_SEED": str(options.seed),
        "GENERATED_ROLES": options.roles,
    }
    return int(pytest.main(["-q", "-n0", "--tb=short", "--show-capture=no", "tests/config/test_generated_requests.py"]))


if __name__ == "__main__":
    sys.exit(main())
