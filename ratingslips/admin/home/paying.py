"""Paying owed points from the home page: of one slip, of the chosen slips, or of all that the page showed."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from core.console.scope import in_casino_of, staff_of
from core.console.time_budget import each_within_budget
from core.words import counted
from ratingslips.admin.home.attention import MAX_PAID_AT_ONCE
from ratingslips.models import RatingSlip
from ratingslips.permissions import VIEW_SLIPS
from ratingslips.services.owed import RecoveryOutcome, SlipRecovery, recover


def pay_owed(request: HttpRequest) -> HttpResponse:
    """Pay the chosen slips, with one service call each, and show the results on the home page."""
    staff = staff_of(request)
    if not staff.has_perm(VIEW_SLIPS):
        raise PermissionDenied
    home = HttpResponseRedirect(reverse("admin:index"))
    if request.method != "POST":
        messages.warning(request, "Nothing was paid: choose again what to pay.")
        return home
    chosen = _chosen(request)
    if not chosen:
        messages.warning(request, "Nothing was paid: choose at least one slip first.")
        return home
    if len(chosen) > MAX_PAID_AT_ONCE:
        messages.error(request, f"At most {MAX_PAID_AT_ONCE} slips can be paid at once. Nothing was paid.")
        return home
    keys = {key for text in chosen if (key := _key(text))}
    slips = in_casino_of(staff, RatingSlip.objects.filter(pk__in=keys), lookup="casino").order_by("closed_at", "pk")
    found = list(slips)
    # Slips that are not reached in time stay owed; the next click continues with them.
    reached = each_within_budget(
        found,
        lambda slip: recover(slip, actor=staff, at=timezone.now(), skip_locked=False),
        say=lambda results: [sentence for _, sentence in sentences(results, not_reached=(), missing=0)],
    )
    for level, sentence in sentences(reached, not_reached=found[len(reached) :], missing=len(chosen) - len(found)):
        messages.add_message(request, level, sentence)
    return home


def _chosen(request: HttpRequest) -> set[str]:
    """The keys that the pressed button submits: of one row, of the ticked rows, or of all that the page listed."""
    if one := request.POST.get("slip"):
        return {one}
    if request.POST.get("pay") == "all":
        return set(filter(None, request.POST.get("every", "").split(",")))
    return set(request.POST.getlist("chosen"))


def _key(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def sentences(
    recoveries: Sequence[SlipRecovery], *, not_reached: Sequence[RatingSlip], missing: int
) -> Iterator[tuple[int, str]]:
    """The messages (level, sentence) for the results; slips with the same result share one."""
    paid = [one for one in recoveries if one.outcome == RecoveryOutcome.PAID]
    repeated = [one for one in recoveries if one.outcome == RecoveryOutcome.ALREADY_SETTLED]
    refused: dict[str, list[RatingSlip]] = defaultdict(list)
    for one in recoveries:
        if one.reason:
            refused[one.reason].append(one.slip)
    if len(paid) == 1:
        balance = f", balance {paid[0].balance:,}" if paid[0].balance is not None else ""
        yield messages.SUCCESS, f"{paid[0].slip.slip_number}: {counted(paid[0].points, 'point')} paid{balance}."
    elif paid:
        points = sum(one.points for one in paid)
        yield (
            messages.SUCCESS,
            f"{len(paid)} slips paid, {counted(points, 'point')} in all: {_names(one.slip for one in paid)}.",
        )
    if repeated:
        yield messages.INFO, f"Already paid before, nothing was added: {_names(one.slip for one in repeated)}."
    for reason, slips in refused.items():
        yield messages.ERROR, f"Not paid, still owed: {_names(slips)}. {reason}"
    if not_reached:
        yield messages.WARNING, f"Not reached in time, still owed: {_names(not_reached)}. Pay them again to continue."
    if missing:
        yield messages.ERROR, f"{missing} of the chosen slips cannot be found in your casino."


def _names(slips: Iterable[RatingSlip]) -> str:
    return ", ".join(slip.slip_number for slip in slips)
