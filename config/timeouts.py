"""Time-outs that PostgreSQL enforces, in seconds, and those of connections to it: defaults of the settings.

Work that reads a whole ledger has its own: see `core.timeouts`.
"""

from typing import Final

LOCK_SECONDS: Final = 3
STATEMENT_SECONDS: Final = 15
IDLE_IN_TRANSACTION_SECONDS: Final = 30
DATABASE_WAIT_SECONDS: Final = 10

# What libpq needs to notice that a machine is gone, for each host that DATABASE_URL names. Keepalives find it within 25
# seconds while a statement runs; `tcp_user_timeout`, in milliseconds, while something is sent.
OF_CONNECTION: Final = {
    "connect_timeout": 3,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
