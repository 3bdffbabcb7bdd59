"""How a worker asks to put a slip right: its money, its play, its player."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from django.utils import timezone

from ratingslips.events import SlipVersion
from ratingslips.models import MoneyRow, RatingSlip
from ratingslips.services import (
    continue_rating_slip,
    correct_rating_slip,
    play_of,
    reassign_rating_slip,
    record_buy_in,
    record_chips_out,
    strike_money_row,
    undo_opening,
    void_rating_slip,
)
from tests.faults.plan import Kind, Step, guest_of, reason_of
from tests.faults.world import NothingToDo, World

_SERVICES: Final[dict[Kind, Callable[..., object]]] = {
    Kind.BUY_IN: record_buy_in,
    Kind.CHIPS_OUT: record_chips_out,
    Kind.STRIKE: strike_money_row,
    Kind.CORRECT: correct_rating_slip,
    Kind.VOID: void_rating_slip,
    Kind.UNDO: undo_opening,
    Kind.CONTINUE: continue_rating_slip,
    Kind.REASSIGN: reassign_rating_slip,
}


def put_right(step: Step, *, world: World) -> Callable[[], dict[str, Any]]:
    """The call that a step is, ready to be made.

    :raises NothingToDo: its slip, or the money row that it strikes, does not exist.
    """
    what: dict[str, Any] = {"actor": world.manager(), "at": timezone.now(), "request_id": UUID(int=step.number)}
    if step.kind == Kind.STRIKE:
        what["row"] = MoneyRow.objects.filter(request=UUID(int=int(step.target))).first()
        if what["row"] is None:
            raise NothingToDo
    else:
        what["slip"] = world.slip_id(step.target.rstrip("+~"), player=step.player)
    if step.kind in {Kind.STRIKE, Kind.CORRECT, Kind.VOID, Kind.REASSIGN}:
        what["reason"] = reason_of(step.number)
    match step.kind:
        case Kind.BUY_IN | Kind.CHIPS_OUT:
            what |= {"amount": Decimal(step.amount), "at": datetime.fromisoformat(step.at)}
        case Kind.CORRECT:
            what |= _with_first_bet(what["slip"], bet=Decimal(step.amount))
        case Kind.REASSIGN:
            what["player"] = world.player_id(guest_of(step.player))

    def call() -> dict[str, Any]:
        _SERVICES[step.kind](**what)
        return {}

    return call


def _with_first_bet(slip: UUID, *, bet: Decimal) -> dict[str, Any]:
    """The play of a slip as a form shows it, with another bet at its beginning."""
    row = RatingSlip.objects.get(pk=slip)
    segments = list(row.segments.shown().order_by("seq"))
    first, *others = play_of(segments)
    version = SlipVersion(seq=segments[-1].seq, status=row.status)
    return {"segments": [replace(first, average_bet=bet), *others], "expected_version": version}
