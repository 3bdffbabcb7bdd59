"""Functions that lock or write in their caller's transaction refuse to run without one."""

from collections.abc import Callable
from importlib import import_module
from pkgutil import walk_packages
from typing import Final

import pytest
from django.db.transaction import TransactionManagementError

from core.factors.proof import locked_factors
from core.leases import HeldLease
from core.locks import lock_name, lock_names, try_lock_name
from core.sent_forms.sending import record_form
from core.sign_in_locks import address_slowed_until
from core.transactions import BUILDING_BLOCKS
from loyalty.proof.changes import seal_changes
from loyalty.proof.checkpoints import seal_accounts
from loyalty.services import (
    PostingBatch,
    accrue_play,
    adjust_play,
    begin_batch,
    increment_player_loyalty,
    open_accounts,
)
from loyalty.services.accounts import lock_account, lock_accounts
from ratingslips.imports.casino_rows import bring_up_to_date
from ratingslips.imports.casino_values import load_values
from ratingslips.services.closing import try_to_settle
from ratingslips.services.corrections import void_play, write_correction
from ratingslips.services.draft_rows import save_changed, save_new
from ratingslips.services.requests import record, request_on
from ratingslips.services.segments import lock_slip
from ratingslips.services.tables import require_pit_may_change, require_table_may_change
from ratingslips.services.voiding import void_by_request
from tests.replacing import PRODUCT

BLOCKS: Final[list[Callable[..., object]]] = [
    *(lock_name, lock_names, try_lock_name, record_form, locked_factors, address_slowed_until, HeldLease.hold),
    *(open_accounts, lock_account, lock_accounts, begin_batch, PostingBatch.save),
    *(increment_player_loyalty, accrue_play, adjust_play, seal_accounts, seal_changes),
    *(record, try_to_settle, void_play, write_correction, void_by_request),
    *(require_pit_may_change, require_table_may_change),
    *(bring_up_to_date, load_values, save_changed, save_new, request_on, lock_slip),
]


class TestBuildingBlock:
    @pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.__qualname__)
    def test_refuses_to_run_outside_a_transaction(self, block: Callable[..., object]) -> None:
        with pytest.raises(TransactionManagementError, match=f"{block.__name__} needs a transaction of its caller"):
            block()

    def test_does_not_take_a_tests_transaction_for_its_callers(self, db: None) -> None:
        with pytest.raises(TransactionManagementError):
            lock_name("somebody", "waits")

    def test_is_listed_here(self) -> None:
        modules = {module.name for top in PRODUCT for module in walk_packages(import_module(top).__path__, f"{top}.")}
        for name in modules:
            import_module(name)

        decorated = {block for block in BUILDING_BLOCKS if block.__module__ in modules}

        assert {block for block in decorated if not block.__name__.startswith("_")} == set(BLOCKS)
