"""The console's pages of the casino, its players, its staff, their roles, sign-ins and sessions."""

from core.admin import cards, people, roles, sessions, sign_ins, staff

__all__ = ["cards", "people", "roles", "sessions", "sign_ins", "staff"]
