"""The console's pages of the programme, the accounts and the ledger."""

from loyalty.admin import accounts, ledger, programs

__all__ = ["accounts", "ledger", "programs"]
