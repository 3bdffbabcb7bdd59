"""The page of one player: account, live slip, entries, visits, and theo against actual win."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet, Subquery, Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from core.console.links import Link, list_url, page_url
from core.console.queries import reads
from core.console.scope import in_casino_of, staff_of
from core.keys import key_of
from core.models import Player
from core.permissions import CHANGE_PLAYER, VIEW_CHANGES, VIEW_PLAYERS
from loyalty.admin.accounts import posting_links
from loyalty.admin.columns import kind_of
from loyalty.models import LedgerEntry, PlayerLoyalty, Tier
from loyalty.permissions import VIEW_ACCOUNTS, VIEW_ENTRIES
from loyalty.tiers import next_tier, progress_percent
from ratingslips.admin.floor.seatmap import live_slips
from ratingslips.admin.players.chart import draw
from ratingslips.admin.players.visits import read_visits
from ratingslips.admin.slips.authors import author_of, read_releases
from ratingslips.admin.slips.owed import render_unpaid
from ratingslips.admin.slips.uncollected import kept_tier
from ratingslips.models import RatingSlip, SlipCorrection
from ratingslips.permissions import VIEW_SLIPS

ENTRIES_SHOWN: Final = 15
CORRECTIONS_SHOWN: Final = 15


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountSummary:
    """An account with its progress to the next tier, and a sentence if its tier is too high."""

    account: PlayerLoyalty
    percent: int
    following: Tier | None
    kept_tier: str

    @property
    def points_to_next(self) -> int:
        """Points missing to the next tier; 0 in the highest tier."""
        return self.following.threshold_points - self.account.lifetime_points if self.following else 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Entries:
    """A page of an account's entries, the newest first, each with who posted it, and its kind.

    The next page begins below `older_than` (0: no next page).
    """

    rows: Sequence[tuple[LedgerEntry, str, str]]
    older_than: int
    is_first_page: bool


@require_safe
@reads("before", "visits")
def player_page(request: HttpRequest, player_id: int) -> HttpResponse:
    """Show one player."""
    staff, now = staff_of(request), timezone.now()
    if not staff.has_perm(VIEW_PLAYERS):
        raise PermissionDenied
    slips = RatingSlip.objects.uncollected().filter(casino=OuterRef("casino"), player=OuterRef("pk")).order_by()
    uncollected = Subquery(slips.values("player").annotate(total=Sum("uncollected_points")).values("total"))
    is_corrected = Exists(_corrections_without_entry(OuterRef("pk")))
    known = Player.objects.annotate(uncollected=uncollected, is_corrected=is_corrected)
    players = in_casino_of(staff, known, lookup="casino")
    player = players.select_related("casino", "loyalty__tier", "loyalty__program").filter(pk=player_id).first()
    if player is None:
        raise Http404
    account: PlayerLoyalty | None = getattr(player, "loyalty", None)
    context: dict[str, Any] = {**admin.site.each_context(request), "title": str(player), "player": player, "now": now}
    live = None
    if staff.has_perm(VIEW_SLIPS):
        live = live_slips(now=now).filter(player=player).select_related("table", "pit").first()
        context |= {"live": live, "sees_slips": True} | _play_of(
            player, now=now, until=_day(request.GET.get("visits", ""))
        )
        if player.is_corrected:
            found = _corrections_without_entry(player.pk).select_related("slip", "request__actor")
            newest = found.order_by("-request__recorded_at")[:CORRECTIONS_SHOWN]
            context |= {"corrections": newest, "corrections_shown": CORRECTIONS_SHOWN}
    if account and staff.has_perm(VIEW_ENTRIES):
        context |= {"summary": _summary_of(account, uncollected=player.uncollected or 0)}
        context["entries"] = _entries_of(account, request.GET.get("before", ""))
        context["unpaid"] = render_unpaid(request, account)
        if staff.has_perm(VIEW_SLIPS):
            context["uncollected_url"] = list_url(RatingSlip, player__id__exact=player.pk, owed="uncollected")
        context["ledger_url"] = list_url(LedgerEntry, account__id__exact=account.pk)
    context["links"] = _links(request, player, account, is_seated=live is not None)
    with timezone.override(player.casino.zone):
        return render(request, "ratingslips/players/player.html", context)


def _day(text: str) -> date | None:
    """The day that the address names; None if it names none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _play_of(player: Player, *, now: datetime, until: date | None) -> dict[str, Any]:
    visits = read_visits(player, now=now, until=until)
    oldest_first = list(reversed(visits.rated))
    chart = draw([(day.gaming_day, day.theo, day.actual_win) for day in oldest_first if day.theo is not None])
    return {"visits": visits, "chart": chart, "slips_url": list_url(RatingSlip, player__id__exact=player.pk)}


def _corrections_without_entry(player_id: int | OuterRef) -> "QuerySet[SlipCorrection]":
    """The corrections of a player's slips that the list of entries does not show."""
    return SlipCorrection.objects.filter(entry=None, slip__player=player_id, slip__correction_count__gt=0).order_by()


def _summary_of(account: PlayerLoyalty, *, uncollected: int) -> AccountSummary:
    tiers = list(Tier.objects.filter(program=account.program_id).order_by("threshold_points"))
    lifetime = account.lifetime_points
    return AccountSummary(
        account=account,
        percent=progress_percent(lifetime, tiers),
        following=next_tier(lifetime, tiers),
        kept_tier=kept_tier(account.player, lifetime_points=lifetime, uncollected=uncollected, tiers=tiers),
    )


def _entries_of(account: PlayerLoyalty, before: str) -> Entries:
    """The page of entries below `before`, an entry's number in the account; the first page if it is no number.

    Entries posted after `account` was read are left out, so that the newest one agrees with the balance shown.
    """
    related = ("staff", "reversed_by", "comp_type", "tier_before", "tier_after")
    slips = ("rating_slip__closed_by", "rating_slip__recovered_by", "adjusts__rating_slip", "slip_correction")
    entries = account.entries.select_related(*related, *slips).order_by("-seq")
    older_than = key_of(before)
    entries = entries.filter(seq__lt=account.entry_count + 1 if older_than is None else older_than)
    found = list(entries[: ENTRIES_SHOWN + 1])
    read_releases(slip for entry in found if (slip := getattr(entry, "rating_slip", None)))
    return Entries(
        rows=[(entry, author_of(entry), kind_of(entry)) for entry in found[:ENTRIES_SHOWN]],
        older_than=found[ENTRIES_SHOWN - 1].seq if len(found) > ENTRIES_SHOWN else 0,
        is_first_page=older_than is None,
    )


def _links(request: HttpRequest, player: Player, account: PlayerLoyalty | None, *, is_seated: bool) -> list[Link]:
    staff = staff_of(request)
    links: list[Link] = []
    if account:
        links += posting_links(request, account)
    if not is_seated and player.status == Player.Status.ACTIVE and staff.has_perm(VIEW_SLIPS):
        links.append(Link(label="To the floor", url=reverse("floor:home")))
    if account and staff.has_perm(VIEW_ACCOUNTS):
        links.append(Link(label="Loyalty account", url=page_url(account)))
    if staff.has_perm(CHANGE_PLAYER):
        links.append(Link(label="Change details", url=reverse("admin:core_player_change", args=[player.pk])))
    if staff.has_perm(VIEW_CHANGES):
        links.append(Link(label="History", url=reverse("admin:core_player_history", args=[player.pk])))
    return links
