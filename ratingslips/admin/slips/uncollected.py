"""The points that could not be collected from a player, and the tier that the player keeps because of them."""

from collections.abc import Sequence

from django.db.models import Sum
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from core.console.links import list_url
from core.console.scope import staff_of
from core.models import Player
from loyalty.models import PlayerLoyalty, Tier
from loyalty.tiers import tier_at
from ratingslips.models import RatingSlip
from ratingslips.permissions import VIEW_SLIPS


def uncollected_points(player: Player) -> int:
    """The sum of what is uncollected on all slips of a player."""
    slips = RatingSlip.objects.uncollected().filter(casino=player.casino_id, player=player).order_by()
    return int(slips.aggregate(total=Sum("uncollected_points"))["total"] or 0)


def kept_tier(player: Player, *, lifetime_points: int, uncollected: int, tiers: Sequence[Tier] | None = None) -> str:
    """A sentence if the player has a tier that they would not have if all had been collected; else empty text.

    `tiers` are those of the programme in order; they are read if they are not given.
    """
    if not uncollected:
        return ""
    if tiers is None:
        tiers = list(Tier.objects.filter(program__casino=player.casino_id).order_by("threshold_points"))
    kept, earned = (tier_at(max(points, 0), tiers) for points in (lifetime_points, lifetime_points - uncollected))
    if kept == earned:
        return ""
    return f"The tier of {player} stays {kept}: without the uncollected points it would be {earned}."


def kept_tier_of(player: Player) -> str:
    """The sentence for a player as the account is now, with what is uncollected on all slips."""
    account = PlayerLoyalty.objects.get(player=player)
    return kept_tier(player, lifetime_points=account.lifetime_points, uncollected=uncollected_points(player))


def render_uncollected(request: HttpRequest, account: PlayerLoyalty) -> SafeString:
    """A section on what is uncollected on all slips of the account's player; empty if nothing is."""
    uncollected = uncollected_points(account.player)
    if not uncollected:
        return SafeString("")
    may_open = staff_of(request).has_perm(VIEW_SLIPS)
    shown = {
        "uncollected": uncollected,
        "kept_tier": kept_tier(account.player, lifetime_points=account.lifetime_points, uncollected=uncollected),
        "url": list_url(RatingSlip, player__id__exact=account.player_id, owed="uncollected") if may_open else "",
    }
    return SafeString(render_to_string("ratingslips/slips/uncollected.html", shown))
