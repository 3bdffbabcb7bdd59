"""The pits on which a member of staff has permissions; decides what pages offer, not what services allow."""

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from core.console.scope import holds_on, rows_with, staff_of
from core.permissions import held_by
from loyalty.permissions import AWARD
from ratingslips.models import Pit, RatingSlip
from ratingslips.permissions import CORRECT_SLIP, OPERATE_PIT, RECOVER_LOYALTY
from ratingslips.services import is_own_and_new_slip


def pits_with(request: HttpRequest, permission: str) -> "QuerySet[Pit]":
    """The pits that the member of staff sees and on which they hold `permission`, on the pit itself or globally."""
    return rows_with(staff_of(request), permission, Pit.objects.all())


def may_void(request: HttpRequest, slip: RatingSlip) -> bool:
    """Whether voiding the slip is offered; the service asks for the right on every pit of its play."""
    if not (slip.is_live or slip.is_closed):
        return False
    held = _held_on_pit_of(request, slip)
    is_own_and_new = is_own_and_new_slip(slip, actor=staff_of(request), at=timezone.now())
    return CORRECT_SLIP in held or (is_own_and_new and OPERATE_PIT in held)


def may_reassign(request: HttpRequest, slip: RatingSlip, *, operates: bool) -> bool:
    """Whether giving the slip to another player is offered; with `operates`, the viewer operates its pit."""
    return CORRECT_SLIP in _held_on_pit_of(request, slip) if slip.is_closed else slip.is_live and operates


def may_correct(request: HttpRequest, slip: RatingSlip) -> bool:
    """Whether correcting the play of the slip is offered; the service asks for the right on every pit of its play."""
    enough = {CORRECT_SLIP, OPERATE_PIT} if slip.is_live else {CORRECT_SLIP} if slip.is_closed else set()
    return bool(enough) and not enough.isdisjoint(_held_on_pit_of(request, slip))


def may_operate(request: HttpRequest, slip: RatingSlip) -> bool:
    """Whether the actions of a live slip are offered."""
    return OPERATE_PIT in _held_on_pit_of(request, slip)


def may_recover(request: HttpRequest, slip: RatingSlip) -> bool:
    """Whether paying or releasing the points of the slip is offered."""
    return RECOVER_LOYALTY in _held_on_pit_of(request, slip)


def _held_on_pit_of(request: HttpRequest, slip: RatingSlip) -> set[str]:
    """The permissions that the member of staff holds for the slip; none for their own play."""
    staff = staff_of(request)
    permissions = {CORRECT_SLIP, OPERATE_PIT, RECOVER_LOYALTY}
    return {each for each in permissions if holds_on(staff, each, slip.pit, player_id=slip.player_id)}


def may_award(request: HttpRequest) -> bool:
    """Whether the member of staff may award points in a programme."""
    staff = staff_of(request)
    return staff.is_superuser or bool(held_by(staff).keys(AWARD))


def holds_on_a_pit(request: HttpRequest, permission: str) -> bool:
    """Whether `pits_with` gives any pit; read from the database once in a request."""
    known: dict[frozenset[str], bool] = request.__dict__.setdefault("_rights_on_pits", {})
    keys = frozenset(held_by(staff_of(request)).keys(permission))  # several permissions are often held on the same pits
    if keys not in known:
        known[keys] = pits_with(request, permission).exists()
    return known[keys]
