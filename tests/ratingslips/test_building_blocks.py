"""Functions that lock or write in their caller's transaction refuse to run without one."""

from collections.abc import Callable
from typing import Final

import pytest
from django.db.transaction import TransactionManagementError

from core.locks import lock_name, try_lock_name
from core.sent_forms.sending import record_form
from loyalty.proof.checkpoints import seal_accounts
from loyalty.services import accrue_play, adjust_play, increment_player_loyalty, open_accounts
from loyalty.services.accounts import lock_account
from ratingslips.imports.casino_rows import bring_up_to_date
from ratingslips.imports.casino_values import load_values
from ratingslips.services.completion import try_to_settle
from ratingslips.services.corrections import void_play, write_correction
from ratingslips.services.requests import record

BLOCKS: Final[list[Callable[..., object]]] = [
    *(lock_name, try_lock_name, record_form),
    *(open_accounts, lock_account, increment_player_loyalty, accrue_play, adjust_play, seal_accounts),
    *(record, try_to_settle, void_play, write_correction, bring_up_to_date, load_values),
]


class TestBuildingBlock:
    @pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.__name__)
    def test_refuses_to_run_outside_a_transaction(self, block: Callable[..., object]) -> None:
        with pytest.raises(TransactionManagementError, match=f"{block.__name__} needs a transaction of its caller"):
            block()
