"""The way to the identity provider and back: signing in, and proving once more who is signed in."""

import time
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, Final

from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from core.console.asking_again import ASKED_AGAIN_SECONDS, came_by_provider, note_provider
from core.console.second_step import SecondStepNeeded, begin_second_step, require_no_second_step
from core.errors import DomainError
from core.models import User
from core.origins import Client, record_sent

app_name = "provider"

# How long the person may take at the provider.
ROUND_TRIP_SECONDS: Final = 10 * 60
# Who is asked again must have proved it lately, and not when the shift began.
CONFIRMED_SECONDS: Final = 5 * 60
_STATES: Final = "oidc_states"
_NEXT: Final = "oidc_login_next"
_BACKEND: Final = "core.backends.StaffBackend"
_NOT_BEGUN: Final = "This sign-in was not begun in this browser, was used already, or took too long. Sign in again."


def _only_with_provider(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    @wraps(view)
    def open_view(request: HttpRequest) -> HttpResponse:
        if not settings.OIDC_ISSUER:
            raise Http404
        return view(request)

    return never_cache(require_GET(open_view))


@_only_with_provider
def start(request: HttpRequest) -> HttpResponse:
    """Send the browser to the provider; `confirm` in the address asks there for the password once more."""
    # Imported where it is used: it takes memory and time that consoles without a provider need not spend.
    from mozilla_django_oidc.views import OIDCAuthenticationRequestView

    asks = "confirm" in request.GET

    class View(OIDCAuthenticationRequestView):  # type: ignore[misc]
        def get_extra_params(self, _request: HttpRequest) -> dict[str, str]:
            return {"prompt": "login", "max_age": "0"} if asks else {}

    answer: HttpResponse = View.as_view()(request)
    return answer


@_only_with_provider
def back(request: HttpRequest) -> HttpResponse:
    """Sign in who comes back from the provider, or note that the signed-in person proved there who they are."""
    from core.provider.services import account_of, sign_in_by_provider
    from core.provider.tokens import ProviderAway, ProviderRefused, identity_of

    try:
        note = _note_in(request)
        if note is None or "code" not in request.GET:
            raise ProviderRefused(_NOT_BEGUN)
        identity = identity_of(
            code=request.GET["code"],
            nonce=note["nonce"],
            verifier=note["code_verifier"],
            redirect_uri=request.build_absolute_uri(reverse("provider:back")),
        )
        is_fresh = identity.signed_in_at is not None and time.time() - identity.signed_in_at < CONFIRMED_SECONDS
        person = account_of(identity)
        if isinstance(request.user, User):
            return _confirmed(request, person, is_fresh=is_fresh)
        if person is not None:
            record_sent(request, actor=person)
        person = sign_in_by_provider(identity=identity, client=Client.of(request), at=timezone.now())
        return _enter(request, person, has_second_factor=identity.has_second_factor, is_fresh=is_fresh)
    except ProviderAway as error:
        return _refusal(request, error, heading="Nobody answers", status=HTTPStatus.SERVICE_UNAVAILABLE)
    except ProviderRefused as error:
        heading = "Nothing was confirmed" if request.user.is_authenticated else "You are not signed in"
        return _refusal(request, error, heading=heading, status=HTTPStatus.FORBIDDEN)


def _note_in(request: HttpRequest) -> dict[str, Any] | None:
    """What the session noted for this round trip, which is used up at once; None if there is nothing, or it is old."""
    note: dict[str, Any] | None = request.session.get(_STATES, {}).pop(request.GET.get("state", ""), None)
    if note is None:
        return None
    request.session.save()
    return note if 0 <= time.time() - note["added_on"] < ROUND_TRIP_SECONDS else None


def _enter(request: HttpRequest, person: User, *, has_second_factor: bool, is_fresh: bool) -> HttpResponse:
    """Sign in, by our second step if the provider asked for none."""
    person.backend = _BACKEND
    next_url = _safe(request, request.session.pop(_NEXT, None))
    note_provider(request.session, person, is_fresh=is_fresh)
    if not has_second_factor:
        try:
            require_no_second_step(person)
        except SecondStepNeeded:
            return begin_second_step(request, person, next_url=next_url)
    login(request, person, backend=_BACKEND)
    return HttpResponseRedirect(next_url)


def _confirmed(request: HttpRequest, person: User | None, *, is_fresh: bool) -> HttpResponse:
    """Note that who is signed in proved it at the provider just now.

    :raises ProviderRefused: somebody else came back, or the provider did not ask.
    """
    from core.provider.tokens import ProviderRefused

    if person is None or person.pk != request.user.pk:
        raise ProviderRefused("Another account is signed in here. Sign out first, then sign in again.")
    if not is_fresh or not came_by_provider(request.session, person):
        raise ProviderRefused(f"{settings.OIDC_PROVIDER_NAME} has not asked again who you are. Sign in there anew.")
    note_provider(request.session, person, is_fresh=True)
    sentence = f"Close this page, and continue where you were asked. It counts for {ASKED_AGAIN_SECONDS // 60} minutes."
    return render(request, "core/console/provider.html", {"heading": "Confirmed", "sentence": sentence})


def _refusal(request: HttpRequest, error: DomainError, *, heading: str, status: HTTPStatus) -> HttpResponse:
    again = reverse("admin:index" if request.user.is_authenticated else "admin:login")
    context = {"heading": heading, "sentence": error.message, "again": again}
    page = render(request, "core/console/provider.html", context, status=status)
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        page["Retry-After"] = "60"
    return page


def _safe(request: HttpRequest, url: str | None) -> str:
    is_safe = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    return url if url and is_safe else "/"


urlpatterns = [path("", start, name="start"), path("back/", back, name="back")]
