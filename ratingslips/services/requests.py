"""Recognise a request that was sent before, so that the service can return its first result."""

from decimal import Decimal
from uuid import UUID

import structlog

from core import correlation
from core.idempotency import IdempotencyConflict, Request, differing_fields, fingerprint
from core.kept_queries import KeptQuery
from core.locks import lock_name
from core.macs import mac_of
from core.models import User
from core.retries import call_id, is_replay, mark_outcome_known
from core.transactions import transaction_required
from ratingslips.models import RatingSlip, SlipRequest

log = structlog.get_logger(__name__)

RequestKind = SlipRequest.Kind

_recorded = KeptQuery(lambda request_id: SlipRequest.objects.filter(pk=request_id))


def lock_request(
    kind: RequestKind, *, request_id: UUID | None, actor: User, contents: Request, slip_id: UUID | None = None
) -> SlipRequest:
    """Lock the request's id until the caller's transaction ends, and look the request up.

    Returns the recorded row if the request was carried out before, else a new one for `record`. `request_id` is the id
    in the form; without one, all attempts of the running service call use the id of the call. `contents` are the values
    of the form, without times that the server read from its clock.

    :raises IdempotencyConflict: the id was used by another person, for another action or slip, or with other contents;
        names what differs.
    """
    request_id = request_id or call_id()
    lock_name("slip_request", str(request_id))
    first = next(iter(_recorded(request_id)), None)
    return _first_or_new(first, kind=kind, request_id=request_id, actor=actor, contents=contents, slip_id=slip_id)


@transaction_required
def request_on(
    slip: RatingSlip, kind: RequestKind, *, request_id: UUID, actor: User, contents: Request, is_recorded: bool
) -> SlipRequest:
    """What `lock_request` gives, for a request on a locked slip; the caller knows whether it `is_recorded`.

    The lock on the slip is enough: a request that is sent for two slips at once fails where the second is recorded,
    and is then recognised when the service runs again.

    :raises IdempotencyConflict: see `lock_request`.
    """
    first = SlipRequest.objects.get(pk=request_id) if is_recorded else None
    return _first_or_new(first, kind=kind, request_id=request_id, actor=actor, contents=contents, slip_id=slip.pk)


def _first_or_new(
    first: SlipRequest | None,
    *,
    kind: RequestKind,
    request_id: UUID,
    actor: User,
    contents: Request,
    slip_id: UUID | None,
) -> SlipRequest:
    if first is None:
        mark_outcome_known()
        return SlipRequest(
            pk=request_id,
            kind=kind,
            actor=actor,
            contents=contents,
            fingerprint=fingerprint(contents),
            correlation_id=correlation.current(),
        )
    differing = [
        name
        for name, was, now in (
            ("kind", first.kind, kind),
            ("slip", first.slip_id, slip_id or first.slip_id),  # an opening has no slip yet
            ("actor", first.actor_id, actor.pk),
        )
        if was != now
    ]
    if not differing and first.fingerprint != fingerprint(contents):
        differing.extend(differing_fields(first.contents, contents))
    if differing:
        advice = "look at the slip as it is now, and send it again if it is still right"
        raise IdempotencyConflict(key="This page", fields=tuple(differing), advice=advice)
    return first


def is_own_commit(request: SlipRequest) -> bool:
    """Whether an attempt of the running call, whose COMMIT got no answer, recorded the request."""
    return request.is_recorded and not is_replay(request.correlation_id)


def repeated(request: SlipRequest) -> RatingSlip:
    """Log that a recorded request was sent again, and give its slip."""
    log.info("ratingslips.request_repeated", kind=request.kind, slip_id=str(request.slip_id), actor_id=request.actor_id)
    request.slip.result_of = request
    return request.slip


@transaction_required
def record(request: SlipRequest, *, slip: RatingSlip) -> None:
    """Save a new request with the slip that it changed; `happened_at` is set by the caller."""
    request.slip, slip.result_of = slip, request
    request.mac = mac_of(request.claims())
    request.save(force_insert=True)


def amount_text(amount: Decimal | None) -> str | None:
    """An amount as text with two decimals, for `contents`; None stays None."""
    return None if amount is None else f"{amount:.2f}"
