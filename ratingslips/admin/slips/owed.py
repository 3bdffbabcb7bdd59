"""What an account is still owed for closed slips: which slips, about how many points, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from core.console.links import list_url
from core.console.scope import staff_of
from loyalty.models import PlayerLoyalty
from loyalty.services import estimate_points
from ratingslips.models import RatingSlip
from ratingslips.permissions import VIEW_SLIPS

OWED_SHOWN: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class OwedSlip:
    """An owed slip, and about how many points it will be paid."""

    slip: RatingSlip
    points: int


def read_owed_slips(account: PlayerLoyalty) -> tuple[Sequence[OwedSlip], bool]:
    """The owed slips of the account's player, the longest owed first, and whether there are more than are shown."""
    owed = RatingSlip.objects.owed().filter(player=account.player_id).order_by("closed_at", "pk")
    slips = list(owed.select_related("casino")[: OWED_SHOWN + 1])
    if not slips:
        return [], False
    plays = [(slip.theoretical_win, slip.closed_at) for slip in slips if slip.theoretical_win and slip.closed_at]
    points = iter(estimate_points(account, plays))
    found = [OwedSlip(slip=slip, points=next(points) if slip.theoretical_win else 0) for slip in slips]
    return found[:OWED_SHOWN], len(found) > OWED_SHOWN


def render_owed(request: HttpRequest, account: PlayerLoyalty) -> SafeString:
    """A section that says what the account is owed; empty if it is owed nothing."""
    owed, is_cut = read_owed_slips(account)
    if not owed:
        return SafeString()
    shown = {
        "owed": owed,
        "points": sum(one.points for one in owed),
        "is_cut": is_cut,
        "may_open": staff_of(request).has_perm(VIEW_SLIPS),
        "owed_url": list_url(RatingSlip, owed=1, player__id__exact=account.player_id),
    }
    return render_to_string("ratingslips/slips/owed_to_account.html", shown)
