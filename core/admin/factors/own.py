"""The pages on which staff see, rename and remove their own second factors, and get recovery codes."""

import json
from typing import Any, Final

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from core.admin.factors.forms import NameForm
from core.console.asking_again import asks_again
from core.console.scope import staff_of
from core.errors import DomainError
from core.factors.codes import recovery_code_as_text
from core.factors.models import SecondFactor
from core.factors.sealing import Unreadable, seal, unseal
from core.factors.services import are_unused, make_recovery_codes, must_have_second_factor, remove_factor, rename_factor

CODES: Final = "recovery_codes"
CODES_KEPT_SECONDS: Final = 10 * 60


def show(request: HttpRequest, template: str, *, title: str, **context: Any) -> TemplateResponse:
    """A page of this room. Browsers keep no copy: it may show a key or codes."""
    shared = {**admin.site.each_context(request), "title": title, "subtitle": None}
    request.current_app = admin.site.name
    return TemplateResponse(request, template, shared | context, headers={"Cache-Control": "no-store"})


def keep_codes(request: HttpRequest, codes: list[str]) -> None:
    """Let the next page show the recovery codes, once; the session holds them encrypted."""
    request.session[CODES] = seal(json.dumps(codes).encode()).decode()


@require_safe
def factors_page(request: HttpRequest) -> HttpResponse:
    """The person's second factors."""
    staff = staff_of(request)
    return show(
        request,
        "core/factors/own.html",
        title="Second factor",
        factors=list(staff.second_factors.all()),
        codes_left=staff.recovery_codes.count(),
        is_required=must_have_second_factor(staff),
        has_new_codes=CODES in request.session,
    )


@require_safe
def codes_page(request: HttpRequest) -> HttpResponse:
    """The new recovery codes; the page shows them once, and not if another request has replaced them meanwhile."""
    kept = request.session.pop(CODES, "")
    try:
        codes = json.loads(unseal(kept.encode(), max_age_seconds=CODES_KEPT_SECONDS))
    except Unreadable:
        codes = []
    if not codes or not are_unused(staff_of(request), codes):
        messages.warning(
            request, "Recovery codes are shown once. If you did not keep them, make new ones: the old ones end then."
        )
        return HttpResponseRedirect(reverse("factors:own"))
    return show(
        request,
        "core/factors/codes.html",
        title="Your recovery codes",
        codes=[recovery_code_as_text(code) for code in codes],
    )


@require_POST
@asks_again()
def make_codes(request: HttpRequest) -> HttpResponse:
    """Replace the person's recovery codes."""
    if not staff_of(request).second_factors.exists():
        raise Http404
    try:
        keep_codes(request, make_recovery_codes(person=staff_of(request)))
    except DomainError as error:
        messages.error(request, error.message)
        return HttpResponseRedirect(reverse("factors:own"))
    return HttpResponseRedirect(reverse("factors:codes"))


def _own_factor(request: HttpRequest, factor_id: int) -> SecondFactor:
    factor = staff_of(request).second_factors.filter(pk=factor_id).first()
    if factor is None:
        raise Http404
    return factor


@require_http_methods(["GET", "HEAD", "POST"])
def factor_page(request: HttpRequest, factor_id: int) -> HttpResponse:
    """Rename a second factor."""
    factor = _own_factor(request, factor_id)
    form = NameForm(request.POST or None, initial={"name": factor.name})
    if form.is_valid():
        try:
            rename_factor(person=staff_of(request), factor_id=factor.pk, name=form.cleaned_data["name"])
            messages.success(request, f"Renamed to {form.cleaned_data['name']}.")
            return HttpResponseRedirect(reverse("factors:own"))
        except DomainError as error:
            form.add_error("name", error.message)
    return show(request, "core/factors/rename.html", title="Rename", factor=factor, form=form)


@require_http_methods(["GET", "HEAD", "POST"])
@asks_again()
def remove_page(request: HttpRequest, factor_id: int) -> HttpResponse:
    """Remove a second factor, after a confirmation."""
    factor = _own_factor(request, factor_id)
    if request.method == "POST":
        try:
            remove_factor(person=staff_of(request), factor_id=factor.pk)
            messages.success(request, "The second factor was removed.")
        except DomainError as error:
            messages.error(request, error.message)
        return HttpResponseRedirect(reverse("factors:own"))
    return show(request, "core/factors/remove.html", title="Remove", factor=factor)
