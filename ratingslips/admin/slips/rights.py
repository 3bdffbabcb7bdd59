"""The pits on which a member of staff has permissions; decides what pages offer, not what services allow."""

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from guardian.shortcuts import get_objects_for_user

from core.console.scope import in_casino_of, staff_of
from core.permissions import has_permission, permissions_on
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
    staff, permissions = staff_of(request), [CORRECT_SLIP]
    if not (slip.is_live or slip.is_closed):
        return False
    if is_own_and_new_slip(slip, actor=staff, at=timezone.now()):
        permissions.append(OPERATE_PIT)
    return bool(permissions_on(staff, slip.pit, *permissions, player_id=slip.player_id))


def may_reassign(request: HttpRequest, slip: RatingSlip, *, operates: bool) -> bool:
    """Whether giving the slip to another player is offered; with `operates`, the viewer operates its pit."""
    if slip.is_closed:
        return has_permission(staff_of(request), CORRECT_SLIP, slip.pit, player_id=slip.player_id)
    return slip.is_live and operates


def may_correct(request: HttpRequest, slip: RatingSlip) -> bool:
    """Whether correcting the play of the slip is offered; the service asks for the right on every pit of its play."""
    permissions = [CORRECT_SLIP, OPERATE_PIT] if slip.is_live else [CORRECT_SLIP] if slip.is_closed else []
    return bool(permissions) and bool(
        permissions_on(staff_of(request), slip.pit, *permissions, player_id=slip.player_id)
    )


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
