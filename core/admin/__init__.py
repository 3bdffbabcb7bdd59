"""The console's pages of the casino, its players, its staff, their roles and sign-ins."""

from core.admin import cards, people, roles, sign_ins, staff

__all__ = ["cards", "people", "roles", "sign_ins", "staff"]
