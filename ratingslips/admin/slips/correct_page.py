"""The page that corrects the play of a slip."""

from typing import Any, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone

from core.console.asking_again import ask_again
from core.console.confirmation import request_id_of
from core.console.links import page_url
from core.console.pages import viewable
from core.console.reasons import REASON_FIELDS
from core.console.row_actions import LEVELS
from core.console.scope import staff_of
from core.errors import DomainError
from core.reasons.models import Operation
from core.text import isolated
from ratingslips.admin.slips.correct_form import CARRIED_FIELDS, CorrectForm, questions_about_bets
from ratingslips.admin.slips.corrections import corrections_section, read_corrections
from ratingslips.admin.slips.forms import Choices, next_page_id
from ratingslips.admin.slips.play_form import PlayRows, play_rows, with_spare_row
from ratingslips.admin.slips.rights import may_correct, pits_with
from ratingslips.admin.slips.rows import version_of
from ratingslips.admin.slips.sentences import changes_since, correction_outcome
from ratingslips.admin.slips.uncollected import kept_tier, uncollected_points
from ratingslips.events import SlipVersion
from ratingslips.models import GamingTable, RatingSlip
from ratingslips.permissions import CORRECT_SLIP, OPERATE_PIT
from ratingslips.services import (
    CorrectedPlay,
    CorrectionPreview,
    LongPlayNotConfirmed,
    SlipChanged,
    correct_rating_slip,
    play_of,
    preview_correction,
)

FROM_FLOOR: Final = "floor"
TEMPLATE: Final = "ratingslips/slips/correct.html"
_NONE_CHOSEN: Final = ("", "As before")


def correct_page(slips: "admin.ModelAdmin[RatingSlip]", request: HttpRequest, object_id: str) -> HttpResponse:
    """Show the play of a slip to correct it, or correct it and go to the slip's page.

    Who takes points back is asked who they are; a live slip has no points yet.
    """
    return _page(slips, request, object_id, is_preview=False)


def preview_page(slips: "admin.ModelAdmin[RatingSlip]", request: HttpRequest, object_id: str) -> HttpResponse:
    """Show the same page with what the correction would change; nothing is done."""
    return _page(slips, request, object_id, is_preview=True)


def _page(
    slips: "admin.ModelAdmin[RatingSlip]", request: HttpRequest, object_id: str, *, is_preview: bool
) -> HttpResponse:
    slip = viewable(slips, request, object_id)
    is_sent = request.method == "POST"
    if not may_correct(request, slip) and (is_preview or not is_sent):
        raise PermissionDenied
    if is_sent and not is_preview and not slip.is_live and (page := ask_again(request)):
        return page
    play = play_of(slip.segments.shown().order_by("seq"))
    data = (with_spare_row(request.POST) if is_preview else request.POST) if is_sent else None
    rows = play_rows(
        data,
        play=play,
        tables=_tables(request, slip, play),
        zone=slip.casino.zone,
        now=timezone.now(),
        is_live=slip.is_live,
    )
    is_asked = is_sent and not is_preview
    form = CorrectForm(
        request.POST if is_asked else None,
        initial={name: request.POST.get(name, "") for name in CARRIED_FIELDS},
        casino_id=slip.casino_id,
        operation=Operation.CORRECT,
    )
    version = request.POST.get("expected_version") or version_of(slip).text
    context: dict[str, Any] = {"version": version, "is_preview": is_preview}
    if is_sent and rows.is_valid():
        answer = _answer(slips, request, slip, rows=rows, form=form, recorded=play)
        if isinstance(answer, HttpResponse):
            return answer
        context |= answer
    return _show(slips, request, slip, rows=rows, form=form, context=context)


def _answer(
    slips: "admin.ModelAdmin[RatingSlip]",
    request: HttpRequest,
    slip: RatingSlip,
    *,
    rows: PlayRows,
    form: CorrectForm,
    recorded: list[CorrectedPlay],
) -> HttpResponse | dict[str, Any]:
    """Correct the play if the form is whole and nothing is asked back; otherwise, what the page shows of the play."""
    tables = GamingTable.objects.in_bulk({stretch.table for stretch in rows.play})
    questions = questions_about_bets(rows.play, recorded=recorded, tables=tables)
    if is_whole := form.is_valid():
        form.ask_about_bets(questions)
    if form.is_valid():
        try:
            return _correct(slips, request, slip, rows=rows, form=form)
        except SlipChanged as error:
            expected = SlipVersion.from_text(request.POST.get("expected_version", ""))
            form.add_error(None, f"{error.message} {changes_since(slip.pk, expected)} Look at the play below again.")
            return {"version": version_of(slip).text}
        except LongPlayNotConfirmed as question:
            form.ask_about_long_play(question.because)
            return _preview(request, slip, rows)
        except DomainError as error:
            form.add_refusal(error)
            return {}
    shown = {"questions": questions, **_preview(request, slip, rows)}
    if is_whole and "preview" in shown and shown["preview"].long_play:
        form.ask_about_long_play(f"The slip would be {shown['preview'].long_play}.")
    return shown


def _correct(
    slips: "admin.ModelAdmin[RatingSlip]", request: HttpRequest, slip: RatingSlip, *, rows: PlayRows, form: CorrectForm
) -> HttpResponse:
    given = {name: form.cleaned_data[name] for name in REASON_FIELDS}
    corrected = correct_rating_slip(
        slip=slip.pk,
        segments=rows.play,
        actor=staff_of(request),
        at=timezone.now(),
        long_play_confirmed=form.cleaned_data["long_play_confirmed"],
        request_id=request_id_of(request),
        expected_version=SlipVersion.from_text(request.POST.get("expected_version", "")),
        **given,
    )
    outcome = correction_outcome(slip, corrected)
    slips.message_user(request, outcome.sentence, LEVELS[outcome.kind])
    return HttpResponseRedirect(_way_back(request, slip))


def _way_back(request: HttpRequest, slip: RatingSlip) -> str:
    """The page of the slip from which this one was reached: that of the floor, or that of the desk."""
    return reverse("floor:slip", args=[slip.pk]) if FROM_FLOOR in request.GET else page_url(slip)


def _preview(request: HttpRequest, slip: RatingSlip, rows: PlayRows) -> dict[str, Any]:
    """What the correction would change, or why it would be refused."""
    expected = request.POST.get("expected_version", "")
    if expected != version_of(slip).text:
        changes = changes_since(slip.pk, SlipVersion.from_text(expected))
        return {"refusal": f"slip {slip.slip_number} was changed meanwhile. {changes} Reload the page to see it."}
    try:
        preview: CorrectionPreview = preview_correction(
            slip=slip.pk, segments=rows.play, actor=staff_of(request), at=timezone.now()
        )
    except DomainError as error:
        return {"refusal": error.message}
    return {"preview": preview, "kept_tier": _kept_tier(slip, preview)}


def _kept_tier(slip: RatingSlip, preview: CorrectionPreview) -> str:
    """A sentence if the tier would stay too high; empty text otherwise."""
    if not preview.uncollected or preview.lifetime_points is None:
        return ""
    uncollected = uncollected_points(slip.player) - slip.uncollected_points + preview.uncollected
    return kept_tier(slip.player, lifetime_points=preview.lifetime_points, uncollected=uncollected)


def _tables(request: HttpRequest, slip: RatingSlip, play: list[CorrectedPlay]) -> Choices:
    """The tables of the pits that the person may correct, and those of the play, grouped by pit."""
    of_play = {stretch.table for stretch in play}
    permission = OPERATE_PIT if slip.is_live else CORRECT_SLIP
    pits = {*pits_with(request, permission), *pits_with(request, CORRECT_SLIP)}
    every = GamingTable.objects.filter(casino=slip.casino_id).select_related("pit").order_by("pit__name", "name")
    grouped: dict[str, list[tuple[int, str]]] = {}
    for table in every:
        if table.pk in of_play or (table.is_active and table.pit in pits):
            grouped.setdefault(isolated(table.pit.name), []).append((table.pk, isolated(table.name)))
    return [_NONE_CHOSEN, *grouped.items()]


def _show(
    slips: "admin.ModelAdmin[RatingSlip]",
    request: HttpRequest,
    slip: RatingSlip,
    *,
    rows: PlayRows,
    form: CorrectForm,
    context: dict[str, Any],
) -> HttpResponse:
    query = f"?{FROM_FLOOR}=1" if FROM_FLOOR in request.GET else ""
    shared = {
        **slips.admin_site.each_context(request),
        "title": f"Correct the play of slip {slip.slip_number}",
        "subtitle": None,
        "opts": slips.opts,
        "original": slip,
        "media": slips.media,
        "slip": slip,
        "rows": rows,
        "form": form,
        "request_id": next_page_id(request, form),
        "corrections": corrections_section(slip, read_corrections(slip)),
        "correct_url": reverse("admin:ratingslips_ratingslip_correct", args=[slip.pk]) + query,
        "preview_url": reverse("admin:ratingslips_ratingslip_preview", args=[slip.pk]) + query,
        "back_url": _way_back(request, slip),
    }
    request.current_app = slips.admin_site.name
    return TemplateResponse(request, TEMPLATE, shared | context)
