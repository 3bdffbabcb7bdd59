"""The map of a pit, which refreshes itself, and the pages that lead to it."""

from hashlib import sha256
from typing import Any, Final

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from core.console.queries import PART, reads
from core.console.scope import in_casino_of, sees_all_casinos, staff_of
from core.sessions import store_of
from ratingslips.admin.floor.pages import floor_url, read_pit_page, require_view, show
from ratingslips.admin.floor.seatmap import read_seat_map, with_live_count
from ratingslips.admin.floor.undo import recent_offers
from ratingslips.admin.slips.rights import pits_with
from ratingslips.models import Pit
from ratingslips.permissions import OPERATE_PIT

LAST_PIT: Final = "floor_pit"
OFFERS_SHOWN: Final = 3


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Redirect to the pit where this member of staff worked last, or to their only one; else let them choose.

    Staff who operate no pit choose among all pits of the casino; the page says so if there is none.
    """
    pits = in_casino_of(staff_of(request), Pit.objects.all(), lookup="casino")
    own = pits_with(request, OPERATE_PIT)
    for candidates in (pits.filter(pk=request.session.get(LAST_PIT, 0)), own, pits):
        if len(found := candidates[:2]) == 1:
            return HttpResponseRedirect(floor_url(found[0]))
        if found:
            break
    offered = list(with_live_count((own or pits).select_related("casino").order_by("casino__name", "name")))
    for pit in offered[:1]:
        require_view(staff_of(request), pit)
    context = {"pits": offered, "sees_all": sees_all_casinos(staff_of(request)), "site_header": admin.site.site_header}
    return render(request, "ratingslips/floor/choose.html", context)


@reads(PART)
@require_safe
def pit_floor(request: HttpRequest, pit_id: int) -> HttpResponse:
    """Show the pit's tables with their seats; with `?part=map` only the map, for the script that refreshes it."""
    pit_page = read_pit_page(request, pit_id)
    offers = recent_offers(pit_page.pit, staff=staff_of(request), now=pit_page.now) if pit_page.may_act else []
    just_closed = [offer.slip for offer in offers if offer.is_of_closing]
    seat_map = read_seat_map(pit_page.pit, now=pit_page.now, may_act=pit_page.may_act, just_closed=just_closed)
    elsewhere = [offer for offer in offers if offer.slip not in seat_map.just_closed]
    context: dict[str, Any] = {"map": seat_map, "offers": elsewhere[:OFFERS_SHOWN]}
    if request.GET.get(PART) == "map":
        store_of(request).refreshes_itself = True
        response = _unless_unchanged(request, show(request, "ratingslips/floor/map.html", pit_page, context))
        local = timezone.localtime(pit_page.now, pit_page.casino.zone)
        response["X-Floor-At"] = f"{local:%H:%M:%S}"
        return response
    if request.session.get(LAST_PIT) != pit_id:
        request.session[LAST_PIT] = pit_id
    return show(request, "ratingslips/floor/pit.html", pit_page, context)


def _unless_unchanged(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The response, or 304 without a body if the tablet already shows it."""
    tag = f'"{sha256(response.content).hexdigest()[:32]}"'
    # A compressed answer had the tag as a weak one.
    shown = request.headers.get("If-None-Match", "").removeprefix("W/")
    answer = HttpResponseNotModified() if shown == tag else response
    answer["ETag"] = tag
    return answer


@require_safe
def landing(request: HttpRequest) -> HttpResponse:
    """Redirect after signing in: to the floor for staff who operate a pit, else to the home page."""
    if not admin.site.has_permission(request):
        return redirect_to_login(request.path, reverse("admin:login"))
    works_the_floor = pits_with(request, OPERATE_PIT).exists()
    return HttpResponseRedirect(reverse("floor:home") if works_the_floor else reverse("admin:index"))
