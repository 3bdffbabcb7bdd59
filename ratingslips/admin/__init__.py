"""The console's pages of the floor and its slips: each import below registers the pages of one room."""

from ratingslips.admin import ledger, setup
from ratingslips.admin.slips import slip_admin

__all__ = ["ledger", "setup", "slip_admin"]
