"""The second step of signing in: prove a second factor, or add the one that a role requires."""

from collections.abc import Callable
from functools import wraps

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from core.admin.factors.adding import ask_for_app, ask_for_key
from core.admin.factors.own import CODES, keep_codes, show
from core.console.proving import FactorForm, key_options, proof_in
from core.console.second_step import candidate_in, finish_sign_in, second_step_proved
from core.errors import DomainError
from core.factors.proof import prove
from core.models import User
from core.origins import Client, record_sent


def _for_candidate(*, adds: bool) -> Callable[[Callable[..., HttpResponse]], Callable[..., HttpResponse]]:
    """Open a view only between the two steps; `adds` says whether it is for those who have no second factor yet."""

    def decorate(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def open_view(request: HttpRequest) -> HttpResponse:
            person = candidate_in(request)
            if person is None:
                was_added = CODES in request.session  # By the first of two equal requests.
                return HttpResponseRedirect(reverse("factors:codes" if was_added else "admin:login"))
            if person.second_factors.exists() == adds:
                return HttpResponseRedirect(reverse("factors:second_step" if adds else "factors:enrol"))
            if request.method == "POST":
                record_sent(request, actor=person)
            return view(request, person)

        return open_view

    return decorate


@require_http_methods(["GET", "HEAD", "POST"])
@_for_candidate(adds=False)
def proof_page(request: HttpRequest, person: User) -> HttpResponse:
    """Ask for the second factor, and sign the person in when it is right."""
    form = FactorForm(request.POST or None)
    if form.is_valid() and _is_right(request, person, form):
        return HttpResponseRedirect(finish_sign_in(request, person))
    options = key_options(request, list(person.second_factors.all()))
    return show(
        request, "core/factors/second_step.html", title="Second step", form=form, key_options=options, person=person
    )


def _is_right(request: HttpRequest, person: User, form: FactorForm) -> bool:
    try:
        prove(
            person=person,
            proof=proof_in(request, form),
            client=Client.of(request),
            at=timezone.now(),
            was_proved=lambda: second_step_proved.is_recent_in_database(request.session),
            note_proved=lambda: second_step_proved.save(request.session),
        )
    except DomainError as error:
        form.add_error("code", error.message)
        return False
    return True


@require_safe
@_for_candidate(adds=True)
def enrolment_page(request: HttpRequest, person: User) -> HttpResponse:
    """Say that the person's role requires a second factor, and offer the kinds."""
    return show(request, "core/factors/enrol.html", title="Add a second factor", person=person)


@require_http_methods(["GET", "HEAD", "POST"])
@_for_candidate(adds=True)
def enrol_app_page(request: HttpRequest, person: User) -> HttpResponse:
    """Add an authenticator app, and sign in."""
    return ask_for_app(request, person, added=_enrolled)


@require_http_methods(["GET", "HEAD", "POST"])
@_for_candidate(adds=True)
def enrol_key_page(request: HttpRequest, person: User) -> HttpResponse:
    """Add a security key, and sign in."""
    return ask_for_key(request, person, added=_enrolled)


def _enrolled(request: HttpRequest, person: User, codes: list[str]) -> HttpResponse:
    next_url = finish_sign_in(request, person)
    if not codes:
        text = (
            "The second factor was added by the first of two equal requests. Make recovery codes under “Second factor”."
        )
        messages.warning(request, text)
        return HttpResponseRedirect(next_url)
    messages.success(request, "The second factor was added, and you are signed in.")
    keep_codes(request, codes)
    return HttpResponseRedirect(reverse("factors:codes"))
