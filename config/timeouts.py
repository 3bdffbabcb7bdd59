"""Time-outs that PostgreSQL enforces, in seconds: defaults of the settings, and of the roles of a private server.

Work that reads a whole ledger has its own: see `core.timeouts`.
"""

from typing import Final

LOCK_SECONDS: Final = 3
STATEMENT_SECONDS: Final = 15
IDLE_IN_TRANSACTION_SECONDS: Final = 30
