"""How many requests are generated, from which seed, and for which roles: `python -m tests.generated` sets them."""

import os
from typing import Final

_ALL: Final = ("anon", "staff", "boss", "pits", "loyal", "audit", "oper@", "oper", "root")

COUNT: Final = int(os.environ.get("GENERATED_REQUESTS", "40"))
SEED: Final = int(os.environ.get("GENERATED_SEED", "1"))
ROLES: Final = [role for role in os.environ.get("GENERATED_ROLES", "").split(",") if role] or list(_ALL)
