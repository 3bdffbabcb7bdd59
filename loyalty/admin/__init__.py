"""The console's pages of programmes, accounts, the ledger and its proof."""

from loyalty.admin import accounts, ledger, programs, proof, rules

__all__ = ["accounts", "ledger", "programs", "proof", "rules"]
