"""Give the play of a slip to another player: the wrong one was seated."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

import structlog

from core.clock import checked_event_time
from core.errors import DomainError, NotFound
from core.idempotency import Request, fingerprint
from core.models import Player, User
from core.permissions import require_permission, rights_in
from core.reasons.codes import GivenReason, given_reason, reason_contents
from core.reasons.models import Operation
from core.reasons.text import checked_remark
from core.retries import retried
from core.transactions import operation
from loyalty.models import PlayerLoyalty
from ratingslips.events import SlipVersion
from ratingslips.models import MoneyRow, PlaySegment, RatingSlip, SlipRequest
from ratingslips.permissions import CORRECT_SLIP, OPERATE_PIT
from ratingslips.services.closing import try_to_settle
from ratingslips.services.corrections import CorrectedSlip, first_result, void_play
from ratingslips.services.opening import next_number, require_active
from ratingslips.services.overlaps import require_no_overlap
from ratingslips.services.requests import RequestKind, is_own_commit, lock_request, record
from ratingslips.services.segments import lock_slip, read_segments, require_not_void, require_version, slip_key

log = structlog.get_logger(__name__)


class SamePlayer(DomainError):
    """The play is this player's already."""

    code = "SAME_PLAYER"


@dataclass(frozen=True, kw_only=True, slots=True)
class Reassignment:
    """The result of `reassign_rating_slip`: the new slip, and what voiding the old one did."""

    slip: RatingSlip
    voided: CorrectedSlip
    replayed: bool


@retried
def reassign_rating_slip(
    *,
    slip: RatingSlip | UUID | str,
    player: Player | int,
    actor: User,
    at: datetime,
    reason: str = "",
    reason_code: str | None = None,
    request_id: UUID | None = None,
    expected_version: SlipVersion | None = None,
) -> Reassignment:
    """Void a slip, and give the same play and money to `player` on a new slip, in one commit.

    A live slip stays live. The points of a closed one are taken back from the wrong player as far as the balance covers
    them, and posted for the right one: they are owed if that fails, and withheld if the player is not active. The new
    slip of a continuation continues that of the slip before, if that was reassigned to the same player first; else they
    are two visits, since the link of a slip never changes. The same request sent again returns the first result.

    :raises NotFound: there is no such slip, or no such player in its casino.
    :raises NotPermitted: the actor does not hold `ratingslips.correct_slip` on every pit of the slip; of a live slip,
        `ratingslips.operate_pit` on all of them is enough.
    :raises OwnPlay: one of the player accounts is the actor's own.
    :raises SamePlayer: it is the player's slip already.
    :raises SlipIsVoid: the slip is void.
    :raises SlipChanged: the slip is no longer at `expected_version`.
    :raises PlayerNotActive: the slip is live, and the right player is barred or inactive.
    :raises PlayerHasLiveSlip, PlayerStillPlayed, PlayHasNoEnd: the right player's play overlaps.
    :raises InvalidReason, InvalidReasonCode: see `given_reason`.
    :raises InvalidTime: `at` is in the future or before the slip's last event.
    :raises ProgramPaused: the programme is paused, and there are points to take back; nothing was changed.
    :raises IdempotencyConflict: see `lock_request`.
    :raises Busy: a row was locked for too long; nothing was changed.
    """
    player_id = player if isinstance(player, int) else player.pk
    contents: Request = {"player": player_id, **reason_contents(checked_remark(reason), reason_code)}
    with operation("ratingslips.reassign", actor_id=actor.pk):
        slip_id = slip_key(slip)
        request = lock_request(
            RequestKind.REASSIGN, request_id=request_id, actor=actor, slip_id=slip_id, contents=contents
        )
        if request.is_recorded:
            new = RatingSlip.objects.get(reassigned_from=slip_id)
            result = Reassignment(slip=new, voided=first_result(request), replayed=not is_own_commit(request))
        else:
            old = lock_slip(slip_id)
            assert old is not None
            players = _locked_players(old, player_id)
            segments = read_segments(old)
            _require_may_reassign(old, segments=segments, actor=actor, player=players[player_id])
            require_version(old, last=segments[-1], expected=expected_version)
            given = given_reason(casino_id=old.casino_id, operation=Operation.REASSIGN, code=reason_code, text=reason)
            given.require_allowed()
            last_at = old.closed_at or segments[-1].ended_at or segments[-1].started_at
            request.happened_at = checked_event_time(at, not_before=last_at)
            result = _reassign(old, segments=segments, player=players[player_id], request=request, reason=given)
    log.info(
        "ratingslips.reassignment_replayed" if result.replayed else "ratingslips.slip_reassigned",
        slip_id=str(slip_id),
        actor_id=actor.pk,
        reassigned_to=str(result.slip.pk),
        uncollected_points=result.voided.uncollected,
    )
    return result


def _locked_players(old: RatingSlip, player_id: int) -> dict[int, Player]:
    """Lock both players in key order.

    :raises NotFound: there is no such player in the casino of the slip.
    """
    both = Player.objects.locked().filter(pk__in=(old.player_id, player_id), casino=old.casino_id)
    players = {player.pk: player for player in both}
    if player_id not in players:
        raise NotFound(f"There is no player {player_id} in this casino.")
    return players


def _require_may_reassign(old: RatingSlip, *, segments: Sequence[PlaySegment], actor: User, player: Player) -> None:
    """Refuse what `reassign_rating_slip` says, before the overlaps."""
    right = OPERATE_PIT if old.is_live else CORRECT_SLIP
    for player_id in (old.player_id, player.pk):
        rights = rights_in(old.casino_id, actor, right, player_id=player_id)
        for pit in {segment.pit_id: segment.pit for segment in segments}.values():
            if right not in rights.on(pit.pk):
                require_permission(actor, right, pit, player_id=player_id)
    require_not_void(old)
    if player.pk == old.player_id:
        raise SamePlayer(f"Slip {old.slip_number} is the slip of {player} already.")
    if old.is_live:
        require_active(player, otherwise="a live slip is not given to them")


def _reassign(
    old: RatingSlip, *, segments: Sequence[PlaySegment], player: Player, request: SlipRequest, reason: GivenReason
) -> Reassignment:
    new = _slip_of(player, old=old, request=request)
    money = old.money_rows.not_struck().order_by("pk")
    if old.is_closed:
        # Both, in key order: the void and the credit lock one each.
        list(PlayerLoyalty.objects.locked().filter(player_id__in=(old.player_id, player.pk)))
    record(request, slip=old)
    voided = void_play(old, segments=segments, request=request, reason=reason)
    require_no_overlap(new, ())
    play = [_copied(segment, slip=new, seq=seq, request=request) for seq, segment in enumerate(segments, start=1)]
    if new.is_closed:
        try_to_settle(new, segments=play, at=request.happened_at)
    new.save(force_insert=True)
    PlaySegment.objects.bulk_create(play)
    arrival = copy(request)
    arrival.pk = uuid5(request.pk, "new slip")
    arrival.contents = {"reassigned_from": str(old.pk)}  # those of no form, so that none is this request sent again
    arrival.fingerprint = fingerprint(arrival.contents)
    record(arrival, slip=new)
    MoneyRow.objects.bulk_create(_taken_along(row, slip=new, request=arrival) for row in money)
    return Reassignment(slip=new, voided=voided, replayed=False)


def _slip_of(player: Player, *, old: RatingSlip, request: SlipRequest) -> RatingSlip:
    """The slip of the right player, with the play of the old one; it is not saved yet."""
    return RatingSlip(
        casino=old.casino,
        slip_number=next_number(),
        player=player,
        table=old.table,
        pit=old.pit,
        seat=old.seat,
        status=old.status,
        opened_at=old.opened_at,
        opened_by=request.actor,
        closed_at=old.closed_at,
        closed_by=request.actor if old.is_closed else None,
        gaming_day=old.gaming_day,
        theoretical_win=old.theoretical_win,
        continues=_continued_for(player, old=old),
        reassigned_from=old,
        correlation_id=request.correlation_id,
    )


def _continued_for(player: Player, *, old: RatingSlip) -> RatingSlip | None:
    """The slip of `player` with the play that `old` continues, if that was reassigned to them too; else None."""
    if old.continues_id is None:
        return None
    return RatingSlip.objects.not_void().filter(reassigned_from=old.continues_id, player=player).first()


def _copied(segment: PlaySegment, *, slip: RatingSlip, seq: int, request: SlipRequest) -> PlaySegment:
    """The segment as number `seq` of the new slip, recorded by `request`; it is not saved yet."""
    own = copy(segment)
    own.pk, own.slip, own.seq = None, slip, seq
    own.started_by, own.start_correlation_id = request.actor, request.correlation_id
    if own.ended_at is not None:
        own.ended_by, own.end_correlation_id = request.actor, request.correlation_id
    return own


def _taken_along(row: MoneyRow, *, slip: RatingSlip, request: SlipRequest) -> MoneyRow:
    """The row as one of the new slip, at its old instant; it is not saved yet."""
    own = copy(row)
    own.pk, own.slip, own.player_id, own.actor, own.request = None, slip, slip.player_id, request.actor, request
    return own
