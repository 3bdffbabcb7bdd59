"""Pause and resume a programme. Play continues during a pause, and its points are owed."""

from datetime import UTC, datetime

import structlog
from django.utils import timezone

from core import correlation
from core.errors import DomainError
from core.models import User
from core.permissions import require_permission
from core.retries import outcome_is_unknown, retried
from core.transactions import operation
from loyalty.models import LoyaltyProgram, ProgramPause
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
        if not is_own:
            _set_pause(locked, at=at, by=actor, reason=reason)
            ProgramPause.objects.create(
                program=locked, paused_by=actor, paused_at=at, reason=reason, correlation_id=correlation.current()
            )
    log.info("loyalty.program_paused", program_id=program.pk, actor_id=actor.pk)


@retried
def resume_program(*, program: LoyaltyProgram, actor: User, at: datetime | None = None) -> None:
    """Allow postings of the programme again at the instant `at` (default: now); recovery pays the points owed.

    An instant before the pause counts as that of the pause.

    :raises NotPermitted: the actor may not resume this programme.
    :raises ProgramStateUnchanged: it is not paused.
    """
    with operation("loyalty.resume_program", actor_id=actor.pk):
        locked = LoyaltyProgram.objects.locked().get(pk=program.pk)
        require_permission(actor, PAUSE_PROGRAM, locked)
        if not locked.is_paused and not outcome_is_unknown():
            raise ProgramStateUnchanged(f"{locked} is not paused.")
        resumed_at = max(at or timezone.now(), locked.paused_at or datetime.min.replace(tzinfo=UTC))
        _set_pause(locked, at=None, by=None, reason="")
        locked.pauses.filter(resumed_at=None).update(
            resumed_at=resumed_at, resumed_by=actor, resume_correlation_id=correlation.current()
        )
    log.info("loyalty.program_resumed", program_id=program.pk, actor_id=actor.pk)


def _set_pause(program: LoyaltyProgram, *, at: datetime | None, by: User | None, reason: str) -> None:
    program.paused_at, program.paused_by, program.pause_reason = at, by, reason
    program.save(update_fields=["paused_at", "paused_by", "pause_reason"])
