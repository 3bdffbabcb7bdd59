"""The console's pages of the casino, its players, its staff, their roles and sign-ins."""

from core.admin import people, sign_ins, staff

__all__ = ["people", "sign_ins", "staff"]
