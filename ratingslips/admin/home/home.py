"""The home page: what needs attention, then the figures of the gaming day."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Value
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from core.console.links import list_url
from core.console.queries import reads
from core.console.scope import in_casino_of, sees_all_casinos, staff_of
from core.errors import DomainError
from core.keys import key_of
from core.models import Casino, User
from core.permissions import LIFT_LOCK
from core.sign_in_locks import locked_staff
from core.transactions import drop_lost_connection
from core.words import counted
from loyalty.permissions import VIEW_PROGRAM
from loyalty.proof.latest import read_proof
from ratingslips.admin.floor.seatmap import live_slips
from ratingslips.admin.home.attention import (
    BARRED_SHOWN,
    MAX_CASINOS,
    OVERDUE_SHOWN,
    read_barred,
    read_drift,
    read_names,
    read_overdue,
    read_owed,
    read_paused,
)
from ratingslips.admin.home.namesakes import AFTER, read_namesakes
from ratingslips.admin.home.targets import scorecard
from ratingslips.admin.slips.rights import pits_with
from ratingslips.figures import todays_figures
from ratingslips.models import RatingSlip
from ratingslips.permissions import OPERATE_PIT, VIEW_SLIPS
from ratingslips.services import check_drift

MAX_SLIPS_COUNTED: Final = 1_000


@reads(AFTER)
def home(request: HttpRequest) -> HttpResponse:
    """Show the home page: all sections for supervisors and auditors, only the overdue slips for pit bosses."""
    staff, now = staff_of(request), timezone.now()
    context: dict[str, Any] = {**admin.site.each_context(request), "now": now, "title": "Home", "subtitle": None}
    if staff.has_perm(VIEW_SLIPS):
        is_supervised = staff.has_perm(VIEW_PROGRAM)
        context |= _supervised(request, staff, now=now) if is_supervised else _own_pits(request, staff, now=now)
    request.current_app = admin.site.name
    return TemplateResponse(request, "ratingslips/home/home.html", context)


def _supervised(request: HttpRequest, staff: User, *, now: datetime) -> dict[str, Any]:
    seen = in_casino_of(staff, Casino.objects.all(), lookup="pk").order_by("code")
    casinos = [staff.casino] if staff.casino else list(seen[:MAX_CASINOS])
    drifts = read_drift(casinos, now=now)
    owed = read_owed(staff=staff, now=now)
    paused = read_paused(staff=staff, now=now)
    figures, proof = todays_figures(casinos=casinos, at=now), read_proof(now=now)
    live = in_casino_of(staff, live_slips(now=now), lookup="casino")
    overdue, barred = _overdue(live, now=now), read_barred(staff=staff)
    read_names([*(one.slip for one in (*owed.shown, *overdue["overdue"])), *barred], casinos=casinos)
    namesakes = read_namesakes(staff=staff, casinos=casinos, after=key_of(request.GET.get(AFTER, "")) or 0)
    colleagues = in_casino_of(staff, User.objects.all(), lookup="casino")
    locked = locked_staff(among=colleagues, at=now) if staff.has_perm(LIFT_LOCK) else []
    attention = {
        **overdue,
        "locked": len(locked),
        "barred": barred[:BARRED_SHOWN],
        "namesakes": namesakes.shown,
        "owed": owed.count,
        "paused": paused,
        "drifts_found": [drift for drift in drifts if drift.is_found],
    }
    return {
        **attention,
        "all_namesakes": namesakes,
        "is_more_barred": len(barred) > BARRED_SHOWN,
        **_not_posted(staff),
        "withheld_url": list_url(RatingSlip, owed="withheld"),
        "uncollected_url": list_url(RatingSlip, owed="uncollected"),
        "is_supervised": True,
        "casinos": casinos,
        "owed": owed,
        "owed_url": list_url(RatingSlip, owed=1),
        "drifts": drifts,
        "proof": proof,
        "sees_all_casinos": sees_all_casinos(staff),
        "needs_attention": proof.needs_attention or any(attention.values()),
        "scorecards": [scorecard(of, drift) for of, drift in zip(figures, drifts, strict=True)],
    }


def _not_posted(staff: User) -> dict[str, int]:
    """How many slips have withheld and uncollected points, at most `MAX_SLIPS_COUNTED` each, in one statement."""
    slips = in_casino_of(staff, RatingSlip.objects.order_by(), lookup="casino")
    kinds = {"withheld": slips.withheld(), "uncollected": slips.uncollected()}
    withheld, uncollected = (
        found.annotate(found_as=Value(kind)).values_list("found_as", flat=True)[:MAX_SLIPS_COUNTED]
        for kind, found in kinds.items()
    )
    counts = Counter(withheld.union(uncollected, all=True))
    return {kind: counts[kind] for kind in kinds}


def _own_pits(request: HttpRequest, staff: User, *, now: datetime) -> dict[str, Any]:
    """The overdue slips in the pits that a pit boss operates."""
    pits = pits_with(request, OPERATE_PIT)
    overdue = _overdue(live_slips(now=now).filter(pit__in=pits), now=now)
    casinos = [staff.casino] if staff.casino else []
    read_names([one.slip for one in overdue["overdue"]], casinos=casinos)
    return {**overdue, "needs_attention": bool(overdue["overdue"]), "casinos": casinos}


def _overdue(slips: Any, *, now: datetime) -> dict[str, Any]:
    overdue: Sequence[Any] = read_overdue(slips, now=now)
    return {"overdue": overdue[:OVERDUE_SHOWN], "is_more_overdue": len(overdue) > OVERDUE_SHOWN}


def check_drift_now(request: HttpRequest) -> HttpResponse:
    """Compare a casino's accounts with their ledger entries, and redirect home, where the result is shown."""
    staff = staff_of(request)
    if not staff.has_perm(VIEW_PROGRAM):
        raise PermissionDenied
    if request.method == "POST":
        casinos = in_casino_of(staff, Casino.objects.all(), lookup="pk")
        key = key_of(request.POST.get("casino", ""))
        casino = casinos.filter(pk=key).first() if key is not None else None
        if casino is None:
            messages.error(request, "That casino cannot be found: nothing was checked.")
        else:
            _check(request, casino)
    return HttpResponseRedirect(reverse("admin:index") + "#figures")


def _check(request: HttpRequest, casino: Casino) -> None:
    try:
        check = check_drift(casino=casino, actor=staff_of(request), at=timezone.now())
    except DomainError as error:
        drop_lost_connection()
        messages.warning(request, f"{casino}: {error.message}")
        return
    if check.accounts:
        found = counted(check.accounts, "account is not what its", "accounts are not what their")
        messages.error(request, f"{casino}: {found} entries add up to.")
    else:
        messages.success(request, f"{casino}: every account is what its entries add up to.")
