"""How a worker asks for a step: one call of a service, as an interface would make it, and what the answer says."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any, Final
from uuid import UUID

from django.db import DatabaseError, connection
from django.utils import timezone

from core import correlation
from core.errors import Busy, DatabaseAway, DomainError, OutcomeUnknown
from core.models import User
from core.retries import retried
from core.transactions import operation
from loyalty.models import CompType, LedgerEntry
from loyalty.services import (
    LoyaltyPosting,
    adjust_points,
    increment_player_loyalty,
    manual_reward,
    pause_program,
    redeem_points,
    resume_program,
    reverse_entry,
)
from ratingslips.events import SlipVersion
from ratingslips.models import PlaySegment
from ratingslips.services import (
    PartialCompletion,
    SlipSettlement,
    change_average_bet,
    complete_rating_slip,
    move_rating_slip,
    open_rating_slip,
    pause_rating_slip,
    recover_slip_loyalty,
    resume_rating_slip,
)
from ratingslips.services.owed import owed_slips, recover
from tests.faults import history
from tests.faults.plan import BY_KEY, BY_REQUEST, Kind, Step, is_plain, key_of, reason_of
from tests.faults.put_right import put_right
from tests.faults.world import NothingToDo, World

SLIPS_OF_A_PASS: Final = 10


class Fault(Exception):
    """Raised by the harness in the middle of a step."""


def ask(step: Step, *, world: World) -> Callable[[], dict[str, Any]]:
    """The call that a step is, ready to be made.

    :raises NothingToDo: its slip, or the entry that it reverses, does not exist.
    """
    if step.kind in BY_KEY:
        return _posting(step, world=world)
    if step.kind == Kind.RECOVER_PASS:
        manager = world.manager()
        return lambda: _recover_pass(manager)
    if step.kind in {Kind.PAUSE_PROGRAM, Kind.RESUME_PROGRAM}:
        return _switch_program(step, world=world)
    if step.kind == Kind.OPEN:
        return _open(step, world=world)
    if step.kind in BY_REQUEST | {Kind.CONTINUE}:
        return put_right(step, world=world)
    return _on_slip(step, world=world)


def outcome_of(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Make the call as one request, and put what it answers into a record."""
    try:
        with correlation.bound():
            return {"outcome": history.OK, "facts": call()}
    except PartialCompletion as partial:
        return {"outcome": history.OWED, "code": partial.because}
    except OutcomeUnknown as unknown:
        return {"outcome": history.UNKNOWN, "code": unknown.code}
    except (Busy, DatabaseAway) as busy:
        return {"outcome": history.BUSY, "code": busy.code}
    except DomainError as refusal:
        return {"outcome": history.REFUSED, "code": refusal.code}
    except Fault:
        return {"outcome": history.FAILED}
    except Exception as error:  # noqa: BLE001 - whatever it is, the checker makes a finding of it
        return {"outcome": history.ERROR, "code": f"{type(error).__name__}: {error}"}


def _posted(posting: LoyaltyPosting) -> dict[str, Any]:
    return {
        "entry": posting.entry_id,
        "points": posting.points,
        "balance_before": posting.balance_before,
        "balance_after": posting.balance_after,
        "lifetime_points": posting.lifetime_points,
        "replayed": posting.replayed,
    }


def _settled(settlement: SlipSettlement) -> dict[str, Any]:
    if settlement.posting is None:
        return {"entry": None, "points": 0, "replayed": settlement.replayed}
    return {**_posted(settlement.posting), "replayed": settlement.replayed}


def _posting(step: Step, *, world: World) -> Callable[[], dict[str, Any]]:
    player = world.player_id(step.player)
    if step.kind == Kind.AWARD:
        giver = world.giver(step.number)
        return lambda: _posted(
            manual_reward(
                player=player,
                points=step.amount,
                reason=reason_of(step.number),
                actor=giver,
                at=timezone.now(),
                reward_id=str(step.number),
            )
        )
    if step.kind == Kind.REDEEM:
        what: dict[str, Any] = {
            "comp_type": CompType.objects.get(program__accounts__player=player),
            "points": -step.amount,
            "outlet": reason_of(step.number),
            "actor": world.manager(),
            "request_id": UUID(int=step.number),
        }
        return lambda: _posted(redeem_points(**what, player=player, at=timezone.now()))
    by_hand: dict[str, Any] = {"reason": reason_of(step.number), "at": timezone.now()}
    if step.kind == Kind.ADJUST:
        by_hand |= {"player": player, "points": step.amount, "adjustment_id": str(step.number)}
        by_hand["actor"] = world.giver(step.number)
        return lambda: _posted(adjust_points(**by_hand).posting)
    if step.kind == Kind.REVERSE:
        award = LedgerEntry.objects.filter(idempotency_key=f"reward:{step.target}").first()
        if award is None:
            raise NothingToDo
        by_hand |= {"entry": award, "actor": world.manager()}
        return lambda: _posted(reverse_entry(**by_hand))
    return lambda: _posted(post_by_hand(step, player=player))


# The kind of entry that each step posts.
ENTRY_KINDS: Final = {
    Kind.COMPLETE: LedgerEntry.Kind.GAMEPLAY,
    Kind.AWARD: LedgerEntry.Kind.MANUAL_BONUS,
    Kind.PROMOTE: LedgerEntry.Kind.PROMOTION,
    Kind.REDEEM: LedgerEntry.Kind.REDEMPTION,
    Kind.ADJUST: LedgerEntry.Kind.ADJUSTMENT,
    Kind.REVERSE: LedgerEntry.Kind.REVERSAL,
}


@retried
def post_by_hand(step: Step, *, player: int) -> LoyaltyPosting:
    """What has no service of its own yet posts by the building block, in an operation like any other."""
    with operation("faults.post", actor_id=None):
        return increment_player_loyalty(
            player=player,
            kind=ENTRY_KINDS[step.kind],
            points=step.amount,
            reason=reason_of(step.number),
            idempotency_key=key_of(step),
            staff=None,
            at=timezone.now(),
            correlation_id=correlation.current(),
        )


def _open(step: Step, *, world: World) -> Callable[[], dict[str, Any]]:
    table, seat = world.place_of(step.player, moved=False)
    what: dict[str, Any] = {
        "player": world.player_id(step.player),
        "table": table,
        "seat": seat,
        "average_bet": Decimal(step.amount),
        "actor": world.manager(),
        "at": datetime.fromisoformat(step.at),
        "slip_number": step.target,
    }
    return lambda: {"slip": str(open_rating_slip(**what).pk)}


def _on_slip(step: Step, *, world: World) -> Callable[[], dict[str, Any]]:
    slip = world.slip_id(step.target, player=step.player)
    who: dict[str, Any] = {"slip": slip, "actor": world.manager()}
    if step.kind == Kind.RECOVER:
        return lambda: _settled(recover_slip_loyalty(**who, at=timezone.now()))
    what: dict[str, Any] = {**who, "at": datetime.fromisoformat(step.at)}
    if step.kind == Kind.BET:
        what["expected_version"] = _seen(slip, at=what["at"])
    if step.kind == Kind.MOVE:
        table, seat = world.place_of(step.player, moved=True)
        what |= {"table": table, "seat": seat}

    def change() -> dict[str, Any]:
        match step.kind:
            case Kind.COMPLETE:
                return _settled(complete_rating_slip(**what))
            case Kind.BET:
                change_average_bet(**what, average_bet=Decimal(step.amount))
            case Kind.PAUSE:
                pause_rating_slip(**what)
            case Kind.RESUME:
                resume_rating_slip(**what)
            case Kind.MOVE:
                move_rating_slip(**what)
        return {}

    return change


def _seen(slip: UUID, *, at: datetime) -> SlipVersion:
    """The slip as somebody sees it who is about to change its bet, as the floor's page keeps it with the form.

    :raises NothingToDo: the bet of that time is recorded already, as a look before the retry shows.
    """
    segments = list(PlaySegment.objects.filter(slip=slip).select_related("slip").order_by("seq"))
    if any(segment.started_at == at for segment in segments):
        raise NothingToDo
    return SlipVersion(seq=segments[-1].seq, status=segments[-1].slip.status)


def _recover_pass(manager: User) -> dict[str, Any]:
    """Pay a few of those that are owed, as the command does; what it cannot even read, it leaves to the next pass."""
    paid = {}
    try:
        for slip in islice(owed_slips(closed_until=None), SLIPS_OF_A_PASS):
            recovery = recover(slip, actor=manager, at=timezone.now(), skip_locked=True)
            paid[slip.slip_number] = str(recovery.outcome)
    except DatabaseError as error:
        connection.close()
        raise Busy from error
    return {"slips": paid}


def _switch_program(step: Step, *, world: World) -> Callable[[], dict[str, Any]]:
    program, manager = world.program(plain=is_plain(step.player)), world.manager()

    def switch() -> dict[str, Any]:
        if step.kind == Kind.PAUSE_PROGRAM:
            pause_program(program=program, actor=manager, at=timezone.now(), reason=reason_of(step.number))
        else:
            resume_program(program=program, actor=manager)
        return {}

    return switch
