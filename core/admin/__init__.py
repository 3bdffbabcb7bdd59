"""The console's pages of the casino, its players, its staff, their roles and sign-ins."""

from core.admin import people, roles, sign_ins, staff

__all__ = ["people", "roles", "sign_ins", "staff"]
