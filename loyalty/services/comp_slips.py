"""Print the comp slip of a redemption; each print is recorded."""

from datetime import datetime
from uuid import UUID

import structlog

from core import correlation
from core.clock import checked_event_time
from core.errors import DomainError, NotFound
from core.locks import lock_name
from core.models import User
from core.permissions import require_permission
from core.retries import call_id, retried
from core.sent_forms.sending import FormAlreadyUsed
from core.transactions import operation
from loyalty.models import CompSlipPrint, LedgerEntry
from loyalty.permissions import REDEEM
from loyalty.services.accounts import lock_account
from loyalty.services.posting import EntryKind

log = structlog.get_logger(__name__)


class RedemptionReversed(DomainError):
    """The redemption was reversed, so its comp slip is not printed."""

    code = "REDEMPTION_REVERSED"


@retried
def print_comp_slip(
    *, entry: LedgerEntry | int, actor: User, at: datetime, request_id: UUID | None = None
) -> CompSlipPrint:
    """Record a print of the comp slip of a redemption: the first is the slip, each later one a copy.

    `request_id` is the id in the form: the same form sent again is the same print, as long as the redemption was not
    reversed. Without one, each call is a print.

    :raises InvalidTime: `at` is in the future.
    :raises NotFound: there is no such redemption.
    :raises RedemptionReversed: the redemption was reversed.
    :raises FormAlreadyUsed: the id was used by another person or for another slip.
    :raises NotPermitted: the actor does not hold `loyalty.redeem` on the player's programme.
    :raises OwnPlay: the account is the actor's own.
    :raises Busy: the account was locked for too long.
    """
    checked_event_time(at)
    request_id = request_id or call_id()
    with operation("loyalty.print_comp_slip", actor_id=actor.pk):
        lock_name("comp_slip_print", str(request_id))
        redemption = _redemption(entry if isinstance(entry, int) else entry.pk)
        # A reversal of the redemption locks the account as well.
        account = lock_account(player_id=redemption.account.player_id, at=at)
        if reversal := LedgerEntry.objects.filter(reverses=redemption).first():
            raise RedemptionReversed(f"This redemption was reversed by entry #{reversal.pk}: its slip is not printed.")
        if first := CompSlipPrint.objects.filter(pk=request_id).first():
            if (first.entry_id, first.staff_id) != (redemption.pk, actor.pk):
                raise FormAlreadyUsed("This page printed another comp slip. Open the page of the entry again.")
            return first
        require_permission(actor, REDEEM, account.program, player_id=account.player_id)
        printed = CompSlipPrint.objects.create(
            pk=request_id,
            entry=redemption,
            number=CompSlipPrint.objects.filter(entry=redemption).count() + 1,
            staff=actor,
            printed_at=at,
            correlation_id=correlation.current(),
        )
    log.info("loyalty.comp_slip_printed", entry_id=redemption.pk, number=printed.number, actor_id=actor.pk)
    return printed


def _redemption(entry_id: int) -> LedgerEntry:
    redemptions = LedgerEntry.objects.filter(kind=EntryKind.REDEMPTION).select_related("account__program")
    redemption = redemptions.filter(pk=entry_id).first()
    if redemption is None:
        raise NotFound(f"Entry {entry_id} is no redemption: it has no comp slip.")
    return redemption
