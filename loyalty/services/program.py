"""Pause and resume a programme. Play continues during a pause, and its points are owed."""

from datetime import datetime

import structlog

from core.errors import DomainError
from core.models import User
from core.permissions import require_permission
from core.retries import outcome_is_unknown, retried
from core.transactions import operation
from loyalty.models import LoyaltyProgram
from loyalty.permissions import PAUSE_PROGRAM
from loyalty.services.reasons import checked_reason

log = structlog.get_logger(__name__)


class ProgramStateUnchanged(DomainError):
    """The programme is already paused, or already running."""

    code = "PROGRAM_STATE_UNCHANGED"


@retried
def pause_program(*, program: LoyaltyProgram, actor: User, at: datetime, reason: str) -> None:
    """Stop all postings of the programme; a posting that has already read the rules may still commit.

    :raises NotPermitted: the actor may not pause this programme.
    :raises InvalidReason: the reason is too short or too long.
    :raises ProgramStateUnchanged: it is paused already.
    """
    reason = checked_reason(reason)
    with operation("loyalty.pause_program", actor_id=actor.pk):
        locked = LoyaltyProgram.objects.locked().get(pk=program.pk)
        require_permission(actor, PAUSE_PROGRAM, locked)
        is_own = outcome_is_unknown() and (locked.paused_by_id, locked.paused_at) == (actor.pk, at)
        if locked.is_paused and not is_own:
            raise ProgramStateUnchanged(f"{locked} is already paused.")
        locked.paused_at, locked.paused_by, locked.pause_reason = at, actor, reason
        locked.save(update_fields=["paused_at", "paused_by", "pause_reason"])
    log.info("loyalty.program_paused", program_id=program.pk, actor_id=actor.pk)


@retried
def resume_program(*, program: LoyaltyProgram, actor: User) -> None:
    """Allow postings of the programme again; recovery pays the points that are owed.

    :raises NotPermitted: the actor may not resume this programme.
    :raises ProgramStateUnchanged: it is not paused.
    """
    with operation("loyalty.resume_program", actor_id=actor.pk):
        locked = LoyaltyProgram.objects.locked().get(pk=program.pk)
        require_permission(actor, PAUSE_PROGRAM, locked)
        if not locked.is_paused and not outcome_is_unknown():
            raise ProgramStateUnchanged(f"{locked} is not paused.")
        locked.paused_at, locked.paused_by, locked.pause_reason = None, None, ""
        locked.save(update_fields=["paused_at", "paused_by", "pause_reason"])
    log.info("loyalty.program_resumed", program_id=program.pk, actor_id=actor.pk)
