"""The console's pages of programmes, accounts, the ledger and its proof."""

from loyalty.admin import accounts, ledger, programs, proof

__all__ = ["accounts", "ledger", "programs", "proof"]
