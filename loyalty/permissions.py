"""The names of the permissions on loyalty's models, as Django writes them: "app.codename"."""

from typing import Final

VIEW_PROGRAM: Final = "loyalty.view_loyaltyprogram"
VIEW_EARNING_RATES: Final = "loyalty.view_earningrate"
ADD_EARNING_RATE: Final = "loyalty.add_earningrate"
VIEW_TIERS: Final = "loyalty.view_tier"
VIEW_ACCOUNTS: Final = "loyalty.view_playerloyalty"
VIEW_ENTRIES: Final = "loyalty.view_ledgerentry"
VIEW_EXPORTS: Final = "loyalty.view_ledgerexport"
VIEW_VERIFICATIONS: Final = "loyalty.view_ledgerverification"
VIEW_CHECKPOINTS: Final = "loyalty.view_checkpoint"
VIEW_REBUILDS: Final = "loyalty.view_balancerebuild"
AWARD: Final = "loyalty.award"
PAUSE_PROGRAM: Final = "loyalty.pause_program"
EXPORT_LEDGER: Final = "loyalty.export_ledger"
REBUILD_BALANCES: Final = "loyalty.rebuild_balances"
