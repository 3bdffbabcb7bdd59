"""The console's pages of the floor and its slips."""

from ratingslips.admin import floor, ledger, slips

__all__ = ["floor", "ledger", "slips"]
