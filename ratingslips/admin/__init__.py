"""The console's pages of slips, tables and the floor. Importing the modules below registers them with the admin."""

from ratingslips.admin import games, ledger, setup
from ratingslips.admin.changes import change_admin
from ratingslips.admin.slips import slip_admin

__all__ = ["change_admin", "games", "ledger", "setup", "slip_admin"]
