"""Redeem points for a comp, once for each request."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

import structlog

from core import correlation
from core.amounts import is_money
from core.clock import checked_event_time
from core.errors import DomainError, NotFound
from core.idempotency import IdempotencyConflict, Request
from core.locks import lock_name
from core.models import Player, User
from core.permissions import require_permission
from core.reasons.codes import GivenReason, given_reason
from core.reasons.models import Operation
from core.reasons.text import checked_remark
from core.replays import count_replay
from core.retries import call_id, retried
from core.text import is_plain, isolated, trimmed, visible_length
from core.transactions import operation
from core.words import counted
from loyalty.models import CompType, PlayerLoyalty
from loyalty.permissions import REDEEM
from loyalty.points import points_for_value, value_of_points
from loyalty.services.accounts import lock_account
from loyalty.services.by_hand import is_whole, require_active
from loyalty.services.posting import Calculation, EntryKind, LoyaltyPosting, increment_player_loyalty

log = structlog.get_logger(__name__)

LEAST_COMP_VALUE: Final = Decimal("0.01")
MOST_COMP_VALUE: Final = Decimal("1000000.00")
MOST_COMP_POINTS: Final = 10_000_000_000
OUTLET_MAX_LENGTH: Final = 60
NOTE_MAX_LENGTH: Final = 300


class InvalidRedemption(DomainError):
    """The points, the value, the outlet or the note of a redemption is not allowed."""

    code = "INVALID_REDEMPTION"


class CompTypeNotActive(DomainError):
    """No points are redeemed for this type of comp any more."""

    code = "COMP_TYPE_NOT_ACTIVE"


class CompTypeChanged(DomainError):
    """The value of a point has changed since the page was shown; nothing was redeemed."""

    code = "COMP_TYPE_CHANGED"


@retried
def redeem_points(
    *,
    player: Player | int,
    comp_type: CompType | int,
    outlet: str,
    actor: User,
    at: datetime,
    points: int | None = None,
    value: Decimal | None = None,
    note: str = "",
    reason_code: str | None = None,
    request_id: UUID | None = None,
    expected_point_value: Decimal | None = None,
) -> LoyaltyPosting:
    """Take points for a comp: as many as its `value` costs, or `points`, whose value is rounded down to 0.01.

    The entry keeps the type, the value of a point and the value of the comp as they are now. `outlet` is where the comp
    is used; `note` is the text beside `reason_code`, if one is given. `request_id` is the id in the form, and known for
    ever: two redemptions that are alike, with two ids, are two. Without one, each call is a redemption.
    `expected_point_value` is what a point was worth when the page was shown. A repeated request gets the first result,
    before permission, status, comp type and balance are checked.

    :raises InvalidRedemption: not exactly one of `points` and `value`; one of these, the outlet or the note is not
        allowed; or the points are worth less than 0.01.
    :raises InvalidReason: the note holds characters that cannot be shown, or is too short for the reason code.
    :raises InvalidReasonCode: the casino has no such code for redemptions.
    :raises InvalidTime: `at` is in the future.
    :raises NotFound: there is no such player, or no such comp type in the player's programme.
    :raises NotPermitted: the actor does not hold `loyalty.redeem` on the player's programme.
    :raises IdempotencyConflict: the request id was used for another redemption.
    :raises OwnPlay: the account is the actor's own.
    :raises PlayerNotActive: the player is barred or inactive.
    :raises CompTypeNotActive: the type is not active.
    :raises CompTypeChanged: a point is not worth `expected_point_value` in it.
    :raises InsufficientBalance: the balance is too low; says how many points are missing.
    :raises ProgramPaused: the programme is paused.
    :raises Busy: the account was locked for too long.
    """
    checked_event_time(at)
    _require_points_or_value(points=points, value=value)
    outlet, note = _checked_outlet(outlet), _checked_note(note)
    request_id = request_id or call_id()
    with operation("loyalty.redeem_points", actor_id=actor.pk):
        lock_name("redemption", str(request_id))
        account = lock_account(player_id=player if isinstance(player, int) else player.pk, at=at)
        comp = _comp_type(comp_type if isinstance(comp_type, int) else comp_type.pk, account=account)
        contents: Request = {
            "kind": str(EntryKind.REDEMPTION),
            "player": account.player_id,
            "staff": actor.pk,
            "comp_type": comp.pk,
            "points": points,
            "value": None if value is None else f"{value:.2f}",
            "outlet": outlet,
            "note": note,
            **({"reason_code": reason_code} if reason_code else {}),
        }
        posting = _post(
            account=account,
            comp=comp,
            contents=contents,
            reason=_reason(note, code=reason_code, account=account),
            cost=lambda: _cost(comp, points=points, value=value, expected_point_value=expected_point_value),
            actor=actor,
            at=at,
            request_id=request_id,
        )
    if posting.replayed:
        count_replay(casino=account.player.casino, operation="loyalty.redeem_points", at=at)
    event = "loyalty.redemption_replayed" if posting.replayed else "loyalty.points_redeemed"
    log.info(event, entry_id=posting.entry_id, points=-posting.points, comp_type_id=comp.pk, actor_id=actor.pk)
    return posting


def _post(
    *,
    account: PlayerLoyalty,
    comp: CompType,
    contents: Request,
    reason: GivenReason,
    cost: Callable[[], tuple[int, Calculation]],
    actor: User,
    at: datetime,
    request_id: UUID,
) -> LoyaltyPosting:
    """Post the redemption in the caller's transaction, which has locked the request id and the account.

    :raises IdempotencyConflict: the request id was used for another redemption.
    """
    note = f": {contents['note']}" if contents["note"] else ""
    try:
        return increment_player_loyalty(
            player=account.player_id,
            locked_account=account,
            kind=EntryKind.REDEMPTION,
            comp_type=comp,
            points=lambda *_: cost(),
            reason=f"{comp.label}, {contents['outlet']}{note}",
            reason_code=reason.code,
            idempotency_key=f"redemption:{request_id}",
            contents=contents,
            staff=actor,
            at=at,
            correlation_id=correlation.current(),
            check=lambda: _require_redemption_allowed(actor=actor, account=account, comp=comp, reason=reason),
        )
    except IdempotencyConflict as conflict:
        # Only staff who may redeem here get this error: it shows that the redemption exists.
        require_permission(actor, REDEEM, account.program)
        advice = "look at the entries of the account, and open the form again if another one is wanted"
        raise IdempotencyConflict(key="This form", fields=conflict.fields, advice=advice) from conflict


def _require_points_or_value(*, points: int | None, value: Decimal | None) -> None:
    if (points is None) == (value is None):
        raise InvalidRedemption("Give the value of the comp, or the number of points, and not both.")
    if points is not None and (not is_whole(points) or not 1 <= points <= MOST_COMP_POINTS):
        raise InvalidRedemption(f"A redemption is 1 to {MOST_COMP_POINTS:,} whole points.")
    if value is not None and not (is_money(value, most=MOST_COMP_VALUE) and value >= LEAST_COMP_VALUE):
        raise InvalidRedemption(f"The value is {LEAST_COMP_VALUE} to {MOST_COMP_VALUE:,}, with at most two decimals.")


def _checked_outlet(outlet: str) -> str:
    outlet = trimmed(outlet)
    if not visible_length(outlet) or len(outlet) > OUTLET_MAX_LENGTH:
        raise InvalidRedemption(f"Write the outlet in 1 to {OUTLET_MAX_LENGTH} characters.")
    if not is_plain(outlet):
        raise InvalidRedemption("The outlet holds characters that cannot be shown. Type it again as plain text.")
    return outlet


def _checked_note(note: str) -> str:
    note = checked_remark(note)
    if len(note) > NOTE_MAX_LENGTH:
        raise InvalidRedemption(f"A note has at most {NOTE_MAX_LENGTH} characters; this one has {len(note)}.")
    return note


def _comp_type(key: int, *, account: PlayerLoyalty) -> CompType:
    """The comp type as it is now, read after the account was locked."""
    comp = CompType.objects.filter(pk=key, program=account.program_id).first()
    if comp is None:
        raise NotFound(f"There is no comp type {key} in {account.program}.")
    return comp


def _reason(note: str, *, code: str | None, account: PlayerLoyalty) -> GivenReason:
    """The reason of the redemption; without a code, the note may be empty."""
    if not code:
        return GivenReason(code=None, text=note)
    return given_reason(casino_id=account.program.casino_id, operation=Operation.REDEEM, code=code, text=note)


def _require_redemption_allowed(*, actor: User, account: PlayerLoyalty, comp: CompType, reason: GivenReason) -> None:
    require_permission(actor, REDEEM, account.program, player_id=account.player_id)
    reason.require_allowed()
    require_active(account.player_id, otherwise="nothing was redeemed")
    if not comp.is_active:
        raise CompTypeNotActive(
            f"No points are redeemed for “{isolated(comp.label)}” any more. Choose another type of comp."
        )


def _cost(
    comp: CompType, *, points: int | None, value: Decimal | None, expected_point_value: Decimal | None
) -> tuple[int, Calculation]:
    """The points that the comp takes, as a negative number, and what they were calculated from."""
    if expected_point_value not in (None, comp.point_value):
        raise CompTypeChanged(
            f"For “{isolated(comp.label)}” a point is worth {comp.point_value.normalize():f} now. Nothing was "
            "redeemed: choose a type again, and send the form if it is still right."
        )
    if value is None:
        assert points is not None
        value = value_of_points(points, point_value=comp.point_value)
    else:
        points = points_for_value(value, point_value=comp.point_value)
    if value < LEAST_COMP_VALUE:
        raise InvalidRedemption(f"{counted(points, 'point is', 'points are')} worth less than {LEAST_COMP_VALUE}.")
    if value > MOST_COMP_VALUE:
        raise InvalidRedemption(f"{counted(points, 'point is', 'points are')} worth more than {MOST_COMP_VALUE:,}.")
    return -points, {"code": comp.code, "label": comp.label, "point_value": comp.point_value, "value": value}
