"""The console's pages of the floor and its slips."""

from ratingslips.admin import floor, slips

__all__ = ["floor", "slips"]
