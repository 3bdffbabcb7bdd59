"""Ask who is signed in once more before an act that grants, exports, takes points back, or awards or redeems many.

They are asked at most once in ten minutes, and signing in counts. The page that asks holds the form that was sent, so
that it is carried out as it was typed. `ConsoleSite.admin_view` asks before every view that is marked.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.base import SessionBase
from django.dispatch import receiver
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils import timezone

from core.console.kept import kept_fields
from core.console.provider_session import came_by_provider
from core.console.proving import FactorForm, PasswordForm, ProviderForm, SessionInstant, key_options, proof_in
from core.console.scope import staff_of
from core.errors import DomainError
from core.factors.proof import prove
from core.models import User
from core.origins import Client
from core.sign_ins import require_own_password

ASKED_AGAIN_SECONDS: Final = 10 * 60
_PREFIX: Final = "asked"
_SENT: Final = f"{_PREFIX}-again"
_MARK: Final = "asks_again"
TEMPLATE: Final = "core/console/asking_again.html"

_asked: Final = SessionInstant("asked_at", lasts_seconds=ASKED_AGAIN_SECONDS)

V = TypeVar("V", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True, slots=True)
class AsksAgain:
    """The mark of a view, or of an admin all of whose forms are meant.

    With `before_opening`, the page itself is opened only for staff who were asked again. `downloads` says that the
    answer is a file: the browser saves it, and goes on showing the page that asks.
    """

    before_opening: bool = False
    downloads: bool = False


def asks_again(*, before_opening: bool = False, downloads: bool = False) -> Callable[[V], V]:
    """Mark a view: its form is carried out only for staff who were asked again."""

    def mark(view: V) -> V:
        setattr(view, _MARK, AsksAgain(before_opening=before_opening, downloads=downloads))
        return view

    return mark


@receiver(user_logged_in)
def _asked_at_sign_in(*, request: HttpRequest, user: User, **_signal: Any) -> None:
    """A sign-in counts as an answer, unless the provider accepted an earlier sign-in there without asking."""
    if not came_by_provider(request.session, user):
        _asked.set(request.session)


def note_asked(session: SessionBase, *, is_fresh: bool) -> None:
    """Note whether staff who come from an identity provider proved there just now who they are.

    If not, an earlier proof is forgotten: it may be somebody else's, who did not take the second step.
    """
    if is_fresh:
        _asked.set(session)
    else:
        _asked.forget(session)


def ask_if_marked(request: HttpRequest, view: Any) -> HttpResponse | None:
    """The page that asks, if `view` or its admin is marked and its sender was not asked recently; else None."""
    mark: AsksAgain | None = getattr(view, _MARK, None) or getattr(getattr(view, "__self__", None), _MARK, None)
    if mark is None or not (mark.before_opening or request.method == "POST"):
        return None
    return ask_again(request, downloads=mark.downloads)


def ask_again(request: HttpRequest, *, downloads: bool = False) -> HttpResponse | None:
    """The page that asks who is signed in; None if they were asked recently, or have just given the right answer.

    What was asked before a page was opened leads to this page.
    """
    opened = HttpResponseRedirect(request.get_full_path()) if request.POST.get(_SENT) == "GET" else None
    if _asked.is_recent(request.session):
        return opened
    staff = staff_of(request)
    factors = list(staff.second_factors.all())
    is_answer = request.method == "POST" and _SENT in request.POST
    by_provider = not factors and came_by_provider(request.session, staff)
    kind = FactorForm if factors else ProviderForm if by_provider else PasswordForm
    form = kind(request.POST if is_answer else None, prefix=_PREFIX)
    if is_answer and form.is_valid() and _is_right(request, form):
        return opened
    context = {
        **admin.site.each_context(request),
        "title": "Confirm that it is you",
        "form": form,
        "sent_name": _SENT,
        "sent_method": request.POST.get(_SENT, request.method),
        "kept": [(name, value) for name, value in kept_fields(request) if not name.startswith(f"{_PREFIX}-")],
        "key_options": key_options(request, factors),
        "downloads": downloads,
        "provider": settings.OIDC_PROVIDER_NAME if by_provider else "",
        "minutes": ASKED_AGAIN_SECONDS // 60,
    }
    return TemplateResponse(request, TEMPLATE, context, headers={"Cache-Control": "no-store"})


def _is_right(request: HttpRequest, form: Form) -> bool:
    """Whether the answer is right; then the session keeps when it was given."""
    if isinstance(form, ProviderForm):
        form.add_error(None, f"{settings.OIDC_PROVIDER_NAME} has not confirmed it yet. Do that first, then continue.")
        return False
    staff, client, at = staff_of(request), Client.of(request), timezone.now()
    try:
        if isinstance(form, FactorForm):
            prove(
                person=staff,
                proof=proof_in(request, form),
                client=client,
                at=at,
                was_proved=lambda: _asked.is_recent_in_database(request.session),
                note_proved=lambda: _asked.save(request.session),
            )
        else:
            require_own_password(actor=staff, password=form.cleaned_data["password"], client=client, at=at)
            _asked.save(request.session)
    except DomainError as error:
        form.add_error("code" if isinstance(form, FactorForm) else "password", error.message)
        return False
    return True
