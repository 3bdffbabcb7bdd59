"""The pits on which a member of staff has permissions; decides what pages offer, not what services allow."""

from django.db.models import QuerySet
from django.http import HttpRequest
from guardian.shortcuts import get_objects_for_user

from core.console.scope import in_casino_of, staff_of
from loyalty.models import LoyaltyProgram
from loyalty.permissions import AWARD
from ratingslips.models import Pit


def pits_with(request: HttpRequest, permission: str) -> "QuerySet[Pit]":
    """The pits that the member of staff sees and on which they hold `permission`, on the pit itself or globally."""
    staff = staff_of(request)
    pits: QuerySet[Pit] = get_objects_for_user(
        staff, permission, klass=in_casino_of(staff, Pit.objects.all(), lookup="casino")
    )
    return pits


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
