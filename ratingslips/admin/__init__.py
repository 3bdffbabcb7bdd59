"""The console's pages of slips, tables and the floor. Importing the modules below registers them with the admin."""

from ratingslips.admin import games, ledger, setup
from ratingslips.admin.slips import slip_admin

__all__ = ["games", "ledger", "setup", "slip_admin"]
