"""The pits on which a member of staff has permissions; decides what pages offer, not what services allow."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from guardian.shortcuts import get_objects_for_user

from core.console.scope import in_casino_of, staff_of
from core.permissions import permissions_on
from loyalty.models import LoyaltyProgram
from loyalty.permissions import AWARD
from ratingslips.models import Pit, RatingSlip
from ratingslips.permissions import CORRECT_SLIP, OPERATE_PIT
from ratingslips.services import is_own_and_new_slip


def pits_with(request: HttpRequest, permission: str) -> "QuerySet[Pit]":
    """The pits that the member of staff sees and on which they hold `permission`, on the pit itself or globally."""
    staff = staff_of(request)
    pits: QuerySet[Pit] = get_objects_for_user(
        staff, permission, klass=in_casino_of(staff, Pit.objects.all(), lookup="casino")
    )
    return pits


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


def _held_on_pit_of(request: HttpRequest, slip: RatingSlip) -> frozenset[str]:
    """Which of the permissions to operate and to correct the staff holds for the slip; read once in a request."""
    known: dict[tuple[Any, ...], frozenset[str]] = request.__dict__.setdefault("_rights_on_slips", {})
    key = (slip.pit_id, slip.player_id)
    if key not in known:
        staff = staff_of(request)
        known[key] = permissions_on(staff, slip.pit, CORRECT_SLIP, OPERATE_PIT, player_id=slip.player_id)
    return known[key]


def may_award(request: HttpRequest) -> bool:
    """Whether the member of staff may award points in a programme that they see; read once in a request."""
    known: dict[str, bool] = request.__dict__.setdefault("_rights_on_pits", {})
    if AWARD not in known:
        staff = staff_of(request)
        programs = in_casino_of(staff, LoyaltyProgram.objects.all(), lookup="casino")
        known[AWARD] = get_objects_for_user(staff, AWARD, klass=programs).exists()
    return known[AWARD]


def holds_on_a_pit(request: HttpRequest, permission: str) -> bool:
    """Whether `pits_with` gives any pit; read from the database once in a request."""
    known: dict[str, bool] = request.__dict__.setdefault("_rights_on_pits", {})
    if permission not in known:
        known[permission] = pits_with(request, permission).exists()
    return known[permission]
