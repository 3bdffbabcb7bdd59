"""Shared parts of the floor's pages: the permission to view, the pit, and rendering in the casino's time zone."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone

from core.console.links import list_url
from core.console.scope import holds_on, staff_of
from core.console.site import keeps_typed
from core.models import Casino, User
from loyalty.models import LoyaltyProgram
from ratingslips.admin.floor.seatmap import pits_beside
from ratingslips.admin.slips.times import TIME_FIELDS
from ratingslips.models import Pit, RatingSlip
from ratingslips.permissions import OPERATE_PIT, VIEW_SLIPS

# Fields that are filled in again after a session has ended.
TYPED_FIELDS: Final = ("q", "average_bet", "buy_in", "chips_out", *TIME_FIELDS)

View = Callable[..., HttpResponse]


def floor_view(view: View) -> View:
    """A view for signed-in staff; a post without a session leads back to the form with what was typed."""
    protected: View = admin.site.admin_view(keeps_typed(*TYPED_FIELDS)(view))
    return protected


@dataclass(frozen=True, kw_only=True, slots=True)
class PitPage:
    """The pit of a page, the pits beside it, and whether the viewer may act in it."""

    pit: Pit
    pits: Sequence[Pit]
    may_act: bool
    now: datetime

    @property
    def casino(self) -> Casino:
        """The casino of the pit."""
        return self.pit.casino

    @property
    def paused_program(self) -> LoyaltyProgram | None:
        """The casino's programme if it is paused: closings then leave their points owed."""
        program: LoyaltyProgram | None = getattr(self.casino, "loyalty_program", None)
        return program if program and program.is_paused else None


def read_pit_page(request: HttpRequest, pit_id: int, *, player_id: int | None = None) -> PitPage:
    """Read the pit and the viewer's permissions in it; with `player_id`, their permissions for this player.

    :raises Http404: there is no such pit, or it is another casino's.
    :raises PermissionDenied: the viewer may not see slips.
    """
    staff = staff_of(request)
    pits = pits_beside(pit_id, staff=staff)
    pit = next((pit for pit in pits if pit.pk == pit_id), None)
    if pit is None:
        raise Http404
    require_view(staff, pit)
    may_act = holds_on(staff, OPERATE_PIT, pit, player_id=player_id)
    return PitPage(pit=pit, pits=pits, may_act=may_act, now=timezone.now())


def require_view(staff: User, pit: Pit) -> None:
    """Check that `staff` may see slips.

    :raises PermissionDenied: they may not.
    """
    if not holds_on(staff, VIEW_SLIPS, pit):
        raise PermissionDenied


def show(
    request: HttpRequest, template: str, pit_page: PitPage, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """Render a page of the floor in the casino's time."""
    owed_url = list_url(RatingSlip, owed=1, pit__id__exact=pit_page.pit.pk)
    shared = {"pit_page": pit_page, "site_header": admin.site.site_header, "owed_url": owed_url}
    with timezone.override(pit_page.casino.zone):
        return render(request, template, shared | context, status=status)


def floor_url(pit: Pit | int) -> str:
    """The address of a pit's floor."""
    return reverse("floor:pit", args=[pit if isinstance(pit, int) else pit.pk])
