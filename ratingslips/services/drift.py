"""Check a casino for drift when a person asks for it, at most once a minute, and store what was found."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from core.errors import DomainError, NotFound
from core.locks import lock_name
from core.models import Casino, User
from core.permissions import require_permission
from core.retries import retried
from core.roles import system_account
from core.timeouts import DRIFT_CHECK_SECONDS
from core.transactions import operation
from loyalty.models import LoyaltyProgram
from loyalty.permissions import VIEW_PROGRAM
from loyalty.services.drift import drifting_accounts
from ratingslips.models import DriftCheck

log = structlog.get_logger(__name__)

MIN_SECONDS_BETWEEN_CHECKS: Final = 60
MAX_ACCOUNTS_KEPT: Final = 20


class DriftJustChecked(DomainError):
    """The last check is less than a minute old."""

    code = "DRIFT_JUST_CHECKED"


@retried
def check_drift(*, casino: Casino, actor: User, at: datetime) -> DriftCheck:
    """Compare every account of the casino with its ledger entries, and store the result for the home page.

    It reads the whole ledger, so no page runs it when it is shown. If two people ask at once, the second request waits
    for the first and is then refused.

    :raises NotFound: the casino has no programme.
    :raises NotPermitted: the actor may not see this programme.
    :raises DriftJustChecked: the last check is less than `MIN_SECONDS_BETWEEN_CHECKS` old.
    :raises Busy: the ledger could not be read within `DRIFT_CHECK_SECONDS`; `manage.py report` has a longer limit.
    """
    with operation("ratingslips.check_drift", actor_id=actor.pk):
        program = LoyaltyProgram.objects.filter(casino=casino).first()
        if program is None:
            raise NotFound(f"{casino} has no loyalty programme, so there is nothing to check.")
        require_permission(actor, VIEW_PROGRAM, program)
        lock_name("drift_check", str(casino.pk))
        pause = timedelta(seconds=MIN_SECONDS_BETWEEN_CHECKS)
        # On both sides of now: the clock may have been set back since.
        if DriftCheck.objects.filter(casino=casino, checked_at__gt=at - pause, checked_at__lt=at + pause).exists():
            raise DriftJustChecked("This was checked less than a minute ago: the result on this page is up to date.")
        drifting = drifting_accounts(casino=casino, within_seconds=DRIFT_CHECK_SECONDS)
        check = _store(casino.pk, drifting, actor=actor, at=at)
    log.info("ratingslips.drift_checked", casino_id=casino.pk, actor_id=actor.pk, accounts=check.accounts)
    return check


def record_drift(found: Mapping[int, Sequence[int]], *, at: datetime) -> None:
    """Store what a job found in each casino, which is given by its key: the accounts that drift."""
    with operation("ratingslips.record_drift", actor_id=None):
        system = system_account()
        for casino_id, drifting in found.items():
            _store(casino_id, drifting, actor=system, at=at)


def _store(casino_id: int, drifting: Sequence[int], *, actor: User, at: datetime) -> DriftCheck:
    check, _ = DriftCheck.objects.update_or_create(
        casino_id=casino_id,
        defaults={
            "checked_at": at,
            "checked_by": actor,
            "accounts": len(drifting),
            "first_accounts": list(drifting[:MAX_ACCOUNTS_KEPT]),
        },
    )
    return check
