"""The search of the trace box, and the page of one correlation id."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from core.console.links import Link, adds_links
from core.console.queries import SEARCH, reads
from core.console.scope import staff_of
from loyalty.models import LedgerEntry
from ratingslips.admin.trace.finding import TEXT_MAX_LENGTH, find
from ratingslips.admin.trace.story import casino_of, story_of
from ratingslips.models import RatingSlip


@reads(SEARCH)
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Redirect to the only hit; list several; say so if there is none."""
    text = request.GET.get(SEARCH, "").replace("\0", "").strip()[:TEXT_MAX_LENGTH]
    hits = find(text, staff=staff_of(request))
    if len(hits) == 1:
        return HttpResponseRedirect(hits[0].url)
    return _show(request, "ratingslips/trace/hits.html", title="Trace", text=text, hits=hits)


@require_safe
def story(request: HttpRequest, correlation_id: UUID) -> HttpResponse:
    """Everything that happened under one correlation id, in order."""
    found = story_of(correlation_id, staff=staff_of(request))
    if found is None:
        hits = find(str(correlation_id), staff=staff_of(request))
        context = {"title": "Trace", "text": str(correlation_id), "hits": hits}
        return _show(request, "ratingslips/trace/hits.html", status=200 if hits else 404, **context)
    casino = casino_of(found.events)
    with timezone.override(casino.zone if casino else timezone.get_current_timezone()):
        return _show(request, "ratingslips/trace/story.html", title="Trace", story=found)


def _show(request: HttpRequest, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    return render(request, template, {**admin.site.each_context(request), **context}, status=status)


@adds_links(LedgerEntry)
def _entry_links(request: HttpRequest, entry: LedgerEntry) -> Iterable[Link]:
    yield Link(label="Trace", url=reverse("trace:story", args=[entry.correlation_id]))


@adds_links(RatingSlip)
def _slip_links(request: HttpRequest, slip: RatingSlip) -> Iterable[Link]:
    yield Link(label="Trace", url=reverse("trace:story", args=[slip.correlation_id]))
