"""Pause and resume a programme. Play continues during a pause, and its points are owed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from uuid import UUID, uuid4

import structlog
from django.utils import timezone

from core import correlation
from core.errors import DomainError
from core.models import SentForm, User
from core.permissions import require_permission
from core.reasons.codes import GivenReason, given_reason, reason_contents
from core.reasons.models import Operation
from core.retries import outcome_is_unknown, retried
from core.sent_forms.sending import is_recorded, lock_form, record_form
from core.transactions import operation
from loyalty.models import LoyaltyProgram, ProgramPause
from loyalty.permissions import PAUSE_PROGRAM

log = structlog.get_logger(__name__)


class ProgramStateUnchanged(DomainError):
    """The programme is already paused, or already running."""

    code = "PROGRAM_STATE_UNCHANGED"


def pause_program(
    *,
    program: LoyaltyProgram,
    actor: User,
    at: datetime,
    reason: str,
    reason_code: str | None = None,
    request_id: UUID | None = None,
) -> bool:
    """Stop all postings of the programme; a posting that has already read the rules may still commit.

    `reason_code` is one of the casino's codes, beside which `reason` may be short or empty. `request_id` is the id in
    the form (default: a new one): a form that was sent before changes nothing, and False is returned.

    :raises FormAlreadyUsed: the form was sent before by somebody else, or with another reason.
    :raises NotPermitted: the actor may not pause this programme.
    :raises InvalidReason: the reason is too short or too long.
    :raises InvalidReasonCode: the casino has no such code, or it is not for pauses.
    :raises ProgramStateUnchanged: it is paused already.
    """
    return _pause(
        program=program,
        actor=actor,
        at=at,
        reason=reason,
        reason_code=reason_code,
        request_id=request_id or uuid4(),
    )


@retried
def _pause(
    *, program: LoyaltyProgram, actor: User, at: datetime, reason: str, reason_code: str | None, request_id: UUID
) -> bool:
    contents = reason_contents(reason, reason_code)
    with operation("loyalty.pause_program", actor_id=actor.pk):
        sent = _lock_form(request_id, "pause", program=program, actor=actor, contents=contents)
        if is_recorded(sent):
            return outcome_is_unknown()
        locked = LoyaltyProgram.objects.locked().get(pk=program.pk)
        require_permission(actor, PAUSE_PROGRAM, locked)
        if locked.is_paused:
            raise ProgramStateUnchanged(f"{locked} is already paused.")
        given = given_reason(
            casino_id=locked.casino_id, operation=Operation.PAUSE_PROGRAM, code=reason_code, text=reason
        )
        given.require_allowed()
        _set_pause(locked, at=at, by=actor, reason=given.text)
        ProgramPause.objects.create(
            program=locked,
            paused_by=actor,
            paused_at=at,
            reason=given.text,
            reason_code=given.code,
            correlation_id=correlation.current(),
        )
        record_form(sent)
    log.info("loyalty.program_paused", program_id=program.pk, actor_id=actor.pk)
    return True


def resume_program(
    *,
    program: LoyaltyProgram,
    actor: User,
    at: datetime | None = None,
    reason: str = "",
    reason_code: str | None = None,
    request_id: UUID | None = None,
) -> bool:
    """Allow postings of the programme again at the instant `at` (default: now); recovery pays the points owed.

    An instant before the pause counts as that of the pause. A `reason` is optional; `reason_code` is one of the
    casino's codes. `request_id` is the id in the form: a form that was sent before changes nothing, and False is
    returned.

    :raises FormAlreadyUsed: the form was sent before by somebody else, or with another reason.
    :raises InvalidReason: a reason is given, and it is too short or too long.
    :raises InvalidReasonCode: the casino has no such code, or it is not for resuming.
    :raises NotPermitted: the actor may not resume this programme.
    :raises ProgramStateUnchanged: it is not paused.
    """
    return _resume(
        program=program, actor=actor, at=at, reason=reason, reason_code=reason_code, request_id=request_id or uuid4()
    )


@retried
def _resume(
    *, program: LoyaltyProgram, actor: User, at: datetime | None, reason: str, reason_code: str | None, request_id: UUID
) -> bool:
    has_reason = bool(reason or reason_code)
    contents = reason_contents(reason, reason_code) if has_reason else {"reason": ""}
    with operation("loyalty.resume_program", actor_id=actor.pk):
        sent = _lock_form(request_id, "resume", program=program, actor=actor, contents=contents)
        if is_recorded(sent):
            return outcome_is_unknown()
        locked = LoyaltyProgram.objects.locked().get(pk=program.pk)
        require_permission(actor, PAUSE_PROGRAM, locked)
        if not locked.is_paused:
            raise ProgramStateUnchanged(f"{locked} is not paused.")
        given = GivenReason(code=None, text="")
        if has_reason:
            given = given_reason(
                casino_id=locked.casino_id, operation=Operation.RESUME_PROGRAM, code=reason_code, text=reason
            )
            given.require_allowed()
        resumed_at = max(at or timezone.now(), locked.paused_at or datetime.min.replace(tzinfo=UTC))
        _set_pause(locked, at=None, by=None, reason="")
        locked.pauses.filter(resumed_at=None).update(
            resumed_at=resumed_at,
            resumed_by=actor,
            resume_correlation_id=correlation.current(),
            resume_reason=given.text,
            resume_reason_code=given.code,
        )
        record_form(sent)
    log.info("loyalty.program_resumed", program_id=program.pk, actor_id=actor.pk)
    return True


def _set_pause(program: LoyaltyProgram, *, at: datetime | None, by: User | None, reason: str) -> None:
    program.paused_at, program.paused_by, program.pause_reason = at, by, reason
    program.save(update_fields=["paused_at", "paused_by", "pause_reason"])


def _lock_form(
    request_id: UUID, verb: str, *, program: LoyaltyProgram, actor: User, contents: Mapping[str, str]
) -> SentForm:
    return lock_form(
        request_id, actor=actor, address=f"loyalty.{verb}_program", contents={"program": program.pk, **contents}
    )
