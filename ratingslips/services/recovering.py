"""Pay several owed slips in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid5

from core import correlation
from core.clock import checked_event_time
from core.errors import DomainError
from core.idempotency import fingerprint
from core.locks import lock_name
from core.macs import mac_of
from core.models import User
from core.permissions import Rights, rights_by_player
from core.retries import call_id, mark_outcome_known, outcome_is_unknown, retried
from core.transactions import operation
from loyalty.services import PostingBatch, begin_batch
from ratingslips.models import PlaySegment, RatingSlip, SlipRequest
from ratingslips.permissions import RECOVER_LOYALTY
from ratingslips.services.chunks import chunk_limits
from ratingslips.services.recovery import RECOVERY_FIELDS, log_recovery, pay
from ratingslips.services.requests import RequestKind
from ratingslips.services.settlement import SlipSettlement


def recover_together(*, slips: Sequence[RatingSlip], actor: User, at: datetime) -> dict[UUID, SlipSettlement]:
    """Pay owed slips like `recover_slip_loyalty`, in order and in one commit; by key.

    A slip that is not in the result was left as it was: another transaction holds it, it is not owed any more, or its
    points cannot be posted. `recover_slip_loyalty` says why.

    :raises Busy: an account was locked for longer than `chunk_limits` says, or the connection was lost; nothing was
        done.
    :raises OutcomeUnknown: the slips may have been paid, or may still be; a later payment pays none twice.
    """
    together = _Together(slips=slips, actor=actor, at=at)
    together.pay()
    for slip in together.paid:
        log_recovery(slip, together.settlements[slip.pk], actor=actor, replayed=False)
    return together.settlements


@dataclass(kw_only=True, slots=True)
class _Together:
    """All attempts to pay; `paid` and `settlements` are those of the last one."""

    slips: Sequence[RatingSlip]
    actor: User
    at: datetime
    paid: list[RatingSlip] = field(default_factory=list)
    settlements: dict[UUID, SlipSettlement] = field(default_factory=dict)

    @retried
    def pay(self) -> None:
        with operation("ratingslips.recover", actor_id=self.actor.pk):
            if self._is_committed():
                return
            with chunk_limits():
                self._pay_all()

    def _pay_all(self) -> None:
        """Pay those of the slips that can be paid; see `recover_together`."""
        self.paid, self.settlements = [], {}
        locked = self._lock_owed()
        rights = self._rights(locked)
        segments = _segments_of(locked)
        batch = begin_batch(
            player_ids={slip.player_id for slip in locked if slip.theoretical_win},
            idempotency_keys=[str(slip.pk) for slip in locked],
            at=self.at,
        )
        requests = []
        for slip in locked:
            try:
                rights[slip.casino_id, slip.player_id].require(RECOVER_LOYALTY, slip.pit)
                requests.append(self._pay(slip, segments=segments[slip.pk], batch=batch))
            except DomainError:
                continue
        batch.save()
        RatingSlip.objects.bulk_update(self.paid, RECOVERY_FIELDS)
        SlipRequest.objects.bulk_create(requests)

    def _is_committed(self) -> bool:
        """Whether the attempt before, whose COMMIT got no answer, was committed."""
        lock_name("slip_request", str(call_id()))
        if not outcome_is_unknown():
            return False
        ids = [uuid5(call_id(), str(slip.pk)) for slip in self.paid]
        is_committed = SlipRequest.objects.filter(pk__in=ids).exists()
        if not is_committed:
            mark_outcome_known()
        return is_committed

    def _lock_owed(self) -> list[RatingSlip]:
        """Lock those of the slips that are owed still and that no other transaction holds, and return them in order."""
        order = {slip.pk: number for number, slip in enumerate(self.slips)}
        # No row is waited for, so none is joined as it was before a wait.
        slips = RatingSlip.objects.locked(skip_locked=True).owed().filter(pk__in=order)
        return sorted(slips.select_related("pit", "casino"), key=lambda slip: order[slip.pk])

    def _rights(self, slips: Sequence[RatingSlip]) -> dict[tuple[int, int | None], Rights]:
        """What the actor may do in each casino, by casino and player."""
        return {
            (casino_id, player_id): rights
            for casino_id in {slip.casino_id for slip in slips}
            for player_id, rights in rights_by_player(
                casino_id, self.actor, RECOVER_LOYALTY, players=[slip.player_id for slip in slips]
            ).items()
        }

    def _pay(self, slip: RatingSlip, *, segments: Sequence[PlaySegment], batch: PostingBatch) -> SlipRequest:
        """:raises DomainError: the points cannot be posted; nothing was changed."""
        request = SlipRequest(
            pk=uuid5(call_id(), str(slip.pk)),
            slip=slip,
            kind=RequestKind.RECOVER,
            actor=self.actor,
            contents={},
            fingerprint=fingerprint({}),
            correlation_id=correlation.current(),
            happened_at=checked_event_time(self.at, not_before=slip.closed_at),
        )
        request.mac = mac_of(request.claims())
        self.settlements[slip.pk] = pay(slip, segments=segments, request=request, batch=batch)
        self.paid.append(slip)
        return request


def _segments_of(slips: Sequence[RatingSlip]) -> dict[UUID, list[PlaySegment]]:
    """The current segments of closed slips, in order."""
    found: dict[UUID, list[PlaySegment]] = {slip.pk: [] for slip in slips}
    for segment in PlaySegment.objects.current().filter(slip__in=found).order_by("slip", "seq"):
        found[segment.slip_id].append(segment)
    return found
