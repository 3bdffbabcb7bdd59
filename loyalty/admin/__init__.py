"""The console's pages of programmes, accounts, the ledger and its proof."""

from loyalty.admin import accounts, comps, ledger, programs, proof, rules

__all__ = ["accounts", "comps", "ledger", "programs", "proof", "rules"]
