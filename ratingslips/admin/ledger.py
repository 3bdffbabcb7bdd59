"""The extension of the ledger's pages by slips: columns, a filter, the search by slip number, and a section."""

from collections.abc import Sequence
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
from loyalty.models import LedgerEntry, PlayerLoyalty
from ratingslips.admin.slips.authors import author_of, read_releases, reason_of, releases_of
from ratingslips.admin.slips.corrections import corrections_section, read_corrections
from ratingslips.admin.slips.owed import render_unpaid
from ratingslips.admin.slips.uncollected import render_uncollected
from ratingslips.models import PlaySegment, RatingSlip, SlipCorrection
from ratingslips.permissions import VIEW_SLIPS
from ratingslips.theo import Play, decisions, theoretical_win


def slip_of(entry: LedgerEntry) -> RatingSlip | None:
    """The slip whose play the entry rewards, if any."""
    return getattr(entry, "rating_slip", None)


def _adjusted_slip(entry: LedgerEntry) -> RatingSlip | None:
    """The slip whose points the entry adjusts, if any."""
    return slip_of(entry.adjusts) if entry.adjusts else None


def _shown(entry: LedgerEntry) -> SafeString | str:
    slip = _adjusted_slip(entry) or slip_of(entry)
    if slip is None:
        return display.NOTHING
    link = link_to(slip, slip.slip_number)
    if entry.adjusts_play:
        return link
    later = "Recovered" if slip.recovered_by_id else "Released" if slip.withheld_because else ""
    return format_html("{} {}", link, display.pill(later, state="paused")) if later else link


def _number(entry: LedgerEntry) -> str:
    slip = _adjusted_slip(entry) or slip_of(entry)
    return slip.slip_number if slip else ""


def _recovered(entry: LedgerEntry) -> str:
    slip = slip_of(entry)
    return "yes" if slip and slip.recovered_by_id else ""


def _keys_of_recovered(staff: User) -> "QuerySet[Any, Any]":
    slips = in_casino_of(staff, RatingSlip.objects.order_by(), lookup="casino")
    return slips.filter(recovered_by__isnull=False).values("ledger_entry")


def _find(staff: User, term: str) -> "QuerySet[Any, Any]":
    slips = in_casino_of(staff, RatingSlip.objects.order_by(), lookup="casino")
    corrections = in_casino_of(staff, SlipCorrection.objects.order_by(), lookup="slip__casino")
    return (
        slips.filter(slip_number__iexact=term, ledger_entry__isnull=False)
        .values("ledger_entry")
        .union(corrections.filter(slip__slip_number__iexact=term, entry__isnull=False).values("entry"))
    )


def _render(request: HttpRequest, entry: LedgerEntry) -> SafeString:
    slips = RatingSlip.objects.select_related("player", "table", "opened_by", "closed_by", "recovered_by")
    slip = slips.with_money().filter(ledger_entry=entry.adjusts_id or entry.pk).first()
    if slip is None:
        return SafeString("")
    corrections = read_corrections(slip)
    counted = _counted(slip, entry, corrections)
    segments = list(counted.select_related("table", "started_by", "ended_by").order_by("seq"))
    lines = [{"segment": segment, "theo": _exact_theo(segment.play)} for segment in segments]
    theo = theoretical_win(segment.play for segment in segments)
    may_open = request.user.has_perm(VIEW_SLIPS)
    read_releases([slip])
    releases = [(release, reason_of(slip, release)) for release in releases_of(slip)]
    context = {"slip": slip, "lines": lines, "theo": theo, "may_open": may_open, "releases": releases}
    context |= {"is_corrected": slip.is_corrected, "corrections": corrections_section(slip, corrections)}
    return render_to_string("ratingslips/slips/entry_slip.html", context, request=request)


def _counted(slip: RatingSlip, entry: LedgerEntry, corrections: Sequence[SlipCorrection]) -> "QuerySet[PlaySegment]":
    """The segments that counted when the entry was posted.

    The entry of a correction is later than the request of the correction, so its segments are those after it.
    """
    for correction in corrections:
        if entry.recorded_at is None or correction.request.recorded_at > entry.recorded_at:
            return slip.segments.filter(superseded_by=correction)
    return slip.segments.current()


def _of_account(request: HttpRequest, account: PlayerLoyalty) -> SafeString:
    return render_unpaid(request, account) + render_uncollected(request, account)


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
        related=("rating_slip", "adjusts__rating_slip"),
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
        render_for_account=_of_account,
        author=_author,
    )
)
