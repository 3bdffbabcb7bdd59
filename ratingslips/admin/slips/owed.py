"""What an account was not paid for closed slips, because it is owed or withheld: which slips, and about how much."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from core.console.links import list_url
from core.console.scope import staff_of
from loyalty.models import PlayerLoyalty
from loyalty.services import estimate_points
from ratingslips.models import RatingSlip
from ratingslips.permissions import VIEW_SLIPS
from ratingslips.querysets import RatingSlipQuerySet

SLIPS_SHOWN: Final = 20


@dataclass(frozen=True, kw_only=True, slots=True)
class UnpaidSlip:
    """A slip that is owed or withheld, and about how many points it is worth."""

    slip: RatingSlip
    points: int


def read_unpaid_slips(account: PlayerLoyalty, slips: RatingSlipQuerySet) -> tuple[Sequence[UnpaidSlip], bool]:
    """Those of `slips` that are the account's, the first closed first, and whether there are more than are shown."""
    own = slips.filter(player=account.player_id).select_related("casino").order_by("closed_at", "pk")
    found = list(own[: SLIPS_SHOWN + 1])
    plays = [(slip.theoretical_win, slip.closed_at) for slip in found if slip.theoretical_win and slip.closed_at]
    points = iter(estimate_points(account, plays) if plays else [])
    unpaid = [UnpaidSlip(slip=slip, points=next(points) if slip.theoretical_win else 0) for slip in found]
    return unpaid[:SLIPS_SHOWN], len(unpaid) > SLIPS_SHOWN


def render_unpaid(request: HttpRequest, account: PlayerLoyalty) -> SafeString:
    """A section on what the account is owed and one on what was withheld from it, each if there is any."""
    kinds: dict[str, tuple[RatingSlipQuerySet, dict[str, Any]]] = {
        "ratingslips/slips/owed_to_account.html": (RatingSlip.objects.owed(), {"owed": "1"}),
        "ratingslips/slips/withheld_from_account.html": (RatingSlip.objects.withheld(), {"owed": "withheld"}),
    }
    may_open = staff_of(request).has_perm(VIEW_SLIPS)
    sections = []
    for template, (slips, narrowing) in kinds.items():
        unpaid, is_cut = read_unpaid_slips(account, slips)
        if not unpaid:
            continue
        shown = {
            "unpaid": unpaid,
            "points": sum(one.points for one in unpaid),
            "is_cut": is_cut,
            "may_open": may_open,
            "all_url": list_url(RatingSlip, **narrowing, player__id__exact=account.player_id),
        }
        sections.append((render_to_string(template, shown),))
    return format_html_join("", "{}", sections)
