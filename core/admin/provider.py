"""The way to the identity provider and back: signing in, and proving once more who is signed in."""

import time
from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from core.console.asking_again import ASKED_AGAIN_SECONDS, note_asked
from core.console.provider_session import came_by_provider, note_provider
from core.console.second_step import SecondStepNeeded, begin_second_step, require_no_second_step
from core.models import User
from core.origins import Client, record_sent
from core.sign_ins import record_confirmed

if TYPE_CHECKING:
    from core.provider.tokens import Identity, ProviderFailed

app_name = "provider"

# How long the person may take at the provider.
ROUND_TRIP_SECONDS: Final = 10 * 60
# How old the sign-in at the provider may be that answers when the console asks again.
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
            if asks:
                return {"prompt": "login", "max_age": "0"}
            return {"prompt": settings.OIDC_PROMPT} if settings.OIDC_PROMPT else {}

    answer: HttpResponse = View.as_view()(request)
    return answer


@_only_with_provider
def back(request: HttpRequest) -> HttpResponse:
    """Sign in the person who comes back from the provider, or note that they proved there who they are."""
    from core.provider.services import account_of, record_failure, sign_in_by_provider
    from core.provider.tokens import ProviderFailed

    signed_in, client = request.user if isinstance(request.user, User) else None, Client.of(request)
    try:
        identity = _identity(request)
        if signed_in is not None:
            return _confirmed(request, signed_in, identity)
    except ProviderFailed as error:
        record_failure(error, staff=signed_in, client=client, at=timezone.now())
        return _refusal(request, error)
    person = account_of(identity)
    if person is not None:
        record_sent(request, actor=person)
    try:
        person = sign_in_by_provider(identity=identity, client=client, at=timezone.now())
    except ProviderFailed as error:
        return _refusal(request, error)
    return _enter(request, person, identity)


def _identity(request: HttpRequest) -> "Identity":
    """Who comes back.

    :raises ProviderFailed: `identity_of` does; this browser began no such sign-in; or the provider gave no code.
    """
    from core.provider.tokens import ProviderRefused, identity_of

    note = _note_in(request)
    if note is None:
        raise ProviderRefused(_NOT_BEGUN, reason="NOT_BEGUN")
    if "code" not in request.GET:
        sentence = f"{settings.OIDC_PROVIDER_NAME} did not let you in. Sign in again."
        raise ProviderRefused(sentence, reason="NO_CODE")
    return identity_of(
        code=request.GET["code"],
        nonce=note["nonce"],
        verifier=note["code_verifier"],
        redirect_uri=request.build_absolute_uri(reverse("provider:back")),
    )


def _note_in(request: HttpRequest) -> dict[str, Any] | None:
    """What the session noted for this round trip, which is used up at once; None if there is nothing, or it is old."""
    note: dict[str, Any] | None = request.session.get(_STATES, {}).pop(request.GET.get("state", ""), None)
    if note is None:
        return None
    request.session.save()
    return note if 0 <= time.time() - note["added_on"] < ROUND_TRIP_SECONDS else None


def _enter(request: HttpRequest, person: User, identity: "Identity") -> HttpResponse:
    """Sign in, by our second step if the provider asked for none."""
    person.backend = _BACKEND
    next_url = _safe(request, request.session.pop(_NEXT, None))
    note_provider(request.session, person, id_token=identity.token)
    note_asked(request.session, is_fresh=_is_fresh(identity))
    if not identity.has_second_factor:
        try:
            require_no_second_step(person)
        except SecondStepNeeded:
            return begin_second_step(request, person, next_url=next_url)
    login(request, person, backend=_BACKEND)
    return HttpResponseRedirect(next_url)


def _is_fresh(identity: "Identity") -> bool:
    return identity.signed_in_at is not None and abs(time.time() - identity.signed_in_at) < CONFIRMED_SECONDS


def _confirmed(request: HttpRequest, signed_in: User, identity: "Identity") -> HttpResponse:
    """Note that the signed-in person proved at the provider just now who they are.

    :raises ProviderRefused: somebody else came back, or the provider did not ask.
    """
    from core.provider.services import account_of
    from core.provider.tokens import ProviderRefused

    person = account_of(identity)
    if person is None or person.pk != signed_in.pk:
        sentence = "Another account is signed in here. Sign out first, then sign in again."
        raise ProviderRefused(sentence, reason="ANOTHER_PERSON")
    if not _is_fresh(identity) or not came_by_provider(request.session, person):
        sentence = f"{settings.OIDC_PROVIDER_NAME} has not asked again who you are. Sign in there again."
        raise ProviderRefused(sentence, reason="NOT_ASKED_AGAIN")
    note_provider(request.session, person, id_token=identity.token)
    note_asked(request.session, is_fresh=True)
    record_confirmed(staff=person, client=Client.of(request), at=timezone.now())
    sentence = f"Close this page, and continue where you were asked. It counts for {ASKED_AGAIN_SECONDS // 60} minutes."
    return render(request, "core/console/provider.html", {"heading": "Confirmed", "sentence": sentence})


def _refusal(request: HttpRequest, error: "ProviderFailed") -> HttpResponse:
    """A page with the sentence of `error`, and the ways on."""
    from core.provider.tokens import ProviderAway

    is_away, is_signed_in = isinstance(error, ProviderAway), request.user.is_authenticated
    heading = "Nobody answers" if is_away else "Nothing was confirmed" if is_signed_in else "You are not signed in"
    context = {
        "heading": heading,
        "sentence": error.message,
        "is_away": is_away,
        "next_page": _safe(request, request.session.get(_NEXT)),
        "only_break_glass": bool(settings.BREAK_GLASS_USERNAMES),
    }
    status = HTTPStatus.SERVICE_UNAVAILABLE if is_away else HTTPStatus.FORBIDDEN
    page = render(request, "core/console/provider.html", context, status=status)
    if is_away:
        page["Retry-After"] = "60"
    return page


def _safe(request: HttpRequest, url: str | None) -> str:
    is_safe = url_has_allowed_host_and_scheme(url, {request.get_host()}, require_https=request.is_secure())
    return url if url and is_safe else "/"


urlpatterns = [path("", start, name="start"), path("back/", back, name="back")]
