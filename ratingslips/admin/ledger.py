"""The extension of the ledger's pages by slips: columns, a filter, the search by slip number, and a section."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.console import display
from core.console.filtered_list import Column
from core.console.links import link_to
from core.console.scope import in_casino_of
from core.models import User
from loyalty.admin.extensions import Filter, LedgerExtension, extend_ledger
from loyalty.models import LedgerEntry
from ratingslips.admin.slips.authors import author_of, read_releases, reason_of, releases_of
from ratingslips.admin.slips.owed import render_unpaid
from ratingslips.models import PlaySegment, RatingSlip
from ratingslips.permissions import VIEW_SLIPS
from ratingslips.theo import Play, decisions, theoretical_win


def slip_of(entry: LedgerEntry) -> RatingSlip | None:
    """The slip whose play the entry rewards, if any."""
    return getattr(entry, "rating_slip", None)


def _shown(entry: LedgerEntry) -> SafeString | str:
    slip = slip_of(entry)
    if slip is None:
        return display.NOTHING
    link = link_to(slip, slip.slip_number)
    later = "Recovered" if slip.recovered_by_id else "Released" if slip.withheld_because else ""
    return format_html("{} {}", link, display.pill(later, state="paused")) if later else link


def _number(entry: LedgerEntry) -> str:
    slip = slip_of(entry)
    return slip.slip_number if slip else ""


def _recovered(entry: LedgerEntry) -> str:
    slip = slip_of(entry)
    return "yes" if slip and slip.recovered_by_id else ""


def _keys_of_recovered(staff: User) -> "QuerySet[Any, Any]":
    slips = in_casino_of(staff, RatingSlip.objects.order_by(), lookup="casino")
    return slips.filter(recovered_by__isnull=False).values("ledger_entry")


def _find(staff: User, term: str) -> "QuerySet[Any, Any]":
    slips = in_casino_of(staff, RatingSlip.objects.order_by(), lookup="casino")
    return slips.filter(slip_number__iexact=term, ledger_entry__isnull=False).values("ledger_entry")


def _render(request: HttpRequest, entry: LedgerEntry) -> SafeString:
    slips = RatingSlip.objects.select_related("player", "table", "opened_by", "closed_by", "recovered_by")
    slip = slips.with_money().filter(ledger_entry=entry).first()
    if slip is None:
        return SafeString("")
    segments = list(_counted(slip, entry).select_related("table", "started_by", "ended_by").order_by("seq"))
    lines = [{"segment": segment, "theo": _exact_theo(segment.play)} for segment in segments]
    theo = theoretical_win(segment.play for segment in segments)
    may_open = request.user.has_perm(VIEW_SLIPS)
    read_releases([slip])
    releases = [(release, reason_of(slip, release)) for release in releases_of(slip)]
    context = {"slip": slip, "lines": lines, "theo": theo, "may_open": may_open, "releases": releases}
    return render_to_string("ratingslips/slips/entry_slip.html", context, request=request)


def _counted(slip: RatingSlip, entry: LedgerEntry) -> "QuerySet[PlaySegment]":
    """The segments that counted when the entry was posted; a correction writes its request before its entry."""
    if not slip.is_corrected:
        return slip.segments.current()
    corrections = slip.corrections.filter(request__recorded_at__lte=entry.recorded_at).count()
    if corrections == slip.correction_count:
        return slip.segments.current()
    return slip.segments.filter(superseded_by__number=corrections + 1)


def _author(entry: LedgerEntry) -> str:
    if slip := slip_of(entry):
        read_releases([slip])
    return author_of(entry)


def _exact_theo(play: Play) -> str:
    """The theo of one segment, to four decimals: only the sum is rounded to cents."""
    exact = (
        Fraction(play.average_bet)
        * Fraction(play.house_edge_percent)
        / 100
        * decisions(played=play.played, decisions_per_hour=play.decisions_per_hour)
    )
    return f"{Decimal(exact.numerator) / Decimal(exact.denominator):,.4f}"


extend_ledger(
    LedgerExtension(
        related=("rating_slip",),
        filters=(
            Filter(
                name="recovered",
                field=lambda: forms.BooleanField(label="Recovered", required=False),
                in_words=lambda _: "recovered",
                keys=_keys_of_recovered,
            ),
        ),
        columns=(
            Column(label="Slip", shown=_shown, exported=_number),
            Column(label="Recovered", exported=_recovered),
        ),
        find=_find,
        render=_render,
        render_for_account=render_unpaid,
        author=_author,
    )
)
