"""What a redemption was for, on the page of its entry, and its comp slip to be printed."""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from core.console.links import page_url
from core.console.pages import viewable
from core.console.scope import holds_on, staff_of
from core.correlation import parse
from core.errors import DomainError
from core.sent_forms.sending import REQUEST_ID
from loyalty.models import LedgerEntry
from loyalty.permissions import REDEEM
from loyalty.services import print_comp_slip

PRINTS_SHOWN: Final = 20

# Django's own classes come after the mixin; mypy has to know them.
if TYPE_CHECKING:
    _Base = admin.ModelAdmin[LedgerEntry]
else:
    _Base = object


@dataclass(frozen=True, kw_only=True, slots=True)
class Comp:
    """What a redemption was for, from the inputs that its entry keeps. `points` are those that were taken."""

    label: str
    value: Decimal
    point_value: Decimal
    points: int
    outlet: str
    note: str
    is_of_points: bool

    @property
    def exact_value(self) -> Decimal:
        """What the points are worth before rounding."""
        return self.points * self.point_value


def comp_of(entry: LedgerEntry) -> Comp | None:
    """The comp of `entry`; None if it is no redemption, or one that keeps no value."""
    request, frozen = (entry.inputs.get(part) or {} for part in ("request", "calculation"))
    if entry.kind != LedgerEntry.Kind.REDEMPTION:
        return None
    try:
        return Comp(
            label=frozen["label"],
            value=Decimal(frozen["value"]),
            point_value=Decimal(frozen["point_value"]),
            points=-entry.points,
            outlet=request["outlet"],
            note=request["note"],
            is_of_points=request["points"] is not None,
        )
    except (KeyError, InvalidOperation, TypeError):
        return None


def comp_section(request: HttpRequest, entry: LedgerEntry) -> SafeString:
    """The section of an entry's page: the comp, its prints, and the form that prints it; empty without a comp."""
    comp = comp_of(entry)
    if comp is None:
        return SafeString("")
    account = entry.account
    may_print = holds_on(staff_of(request), REDEEM, account.program, player_id=account.player_id)
    prints = list(entry.comp_slip_prints.select_related("staff").order_by("number")[: PRINTS_SHOWN + 1])
    context = {
        "entry": entry,
        "comp": comp,
        "reversed_by": getattr(entry, "reversed_by", None),
        "prints": prints[:PRINTS_SHOWN],
        "is_cut": len(prints) > PRINTS_SHOWN,
        "print_url": reverse("admin:loyalty_ledgerentry_comp_slip", args=[entry.pk]) if may_print else "",
        "request_id": uuid4(),
    }
    return SafeString(render_to_string("loyalty/comps/entry.html", context, request=request))


class PrintsCompSlips(_Base):
    """Mixed into the admin of the ledger before Django's: a posted form records a print, and is answered by the slip.

    The slip has no address to open it again: each print is recorded.
    """

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(require_POST(self.comp_slip_view))
        return [path("<path:object_id>/comp-slip/", view, name="loyalty_ledgerentry_comp_slip"), *super().get_urls()]

    def comp_slip_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Record a print and answer with the slip; what is refused is said on the entry's page."""
        entry = viewable(self, request, object_id)
        comp = comp_of(entry)
        if comp is None:
            raise Http404
        request_id = parse(request.POST.get(REQUEST_ID))
        if request_id is None:
            messages.error(request, "This form could not be recognised, so nothing was printed. Send it again.")
            return HttpResponseRedirect(page_url(entry))
        try:
            printed = print_comp_slip(entry=entry, actor=staff_of(request), at=timezone.now(), request_id=request_id)
        except DomainError as error:
            messages.error(request, error.message)
            return HttpResponseRedirect(page_url(entry))
        context: dict[str, Any] = {
            **self.admin_site.each_context(request),
            "title": f"Comp slip {entry.pk}",
            "entry": entry,
            "comp": comp,
            "casino": entry.account.program.casino,
            "player": entry.account.player,
            "printed": printed,
        }
        request.current_app = self.admin_site.name
        return TemplateResponse(request, "loyalty/comps/slip.html", context)
