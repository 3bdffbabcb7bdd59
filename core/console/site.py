"""The console's admin site, which keeps what was typed when a session has ended."""

from collections.abc import Callable, Sequence
from functools import update_wrapper
from http import HTTPStatus
from typing import Any, Final, TypeVar
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.options import IS_POPUP_VAR, TO_FIELD_VAR
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.functional import SimpleLazyObject

from core.console.asking_again import ask_if_marked
from core.console.provider_session import sign_out_address
from core.console.queries import keep_only, read_by
from core.console.second_step import SecondStepNeeded, begin_second_step
from core.sessions import store_of
from core.sign_ins import AddressSlowed, SignInLocked
from core.words import counted

TYPED_MAX_LENGTH: Final = 500
_TYPED: Final = "typed_fields"
_UNOFFERED: Final = frozenset({IS_POPUP_VAR, TO_FIELD_VAR, "_saveasnew"})

V = TypeVar("V", bound=Callable[..., HttpResponse])

_PAGES: Final[list[tuple[str, Callable[..., HttpResponse], str]]] = []


def site_page(route: str, *, name: str) -> Callable[[V], V]:
    """Register a view as a page of the console's site that belongs to no model; `name` follows `admin:`."""

    def register(view: V) -> V:
        _PAGES.append((route, view, name))
        return view

    return register


def keeps_typed(*names: str) -> Callable[[V], V]:
    """Mark a view: after signing in again, its address holds what was typed in these fields."""

    def mark(view: V) -> V:
        setattr(view, _TYPED, names)
        return view

    return mark


def typed_before(request: HttpRequest, *names: str) -> dict[str, str]:
    """What was typed in these fields before the session ended."""
    return {name: request.GET[name] for name in names if name in request.GET}


class ConsoleSite(admin.AdminSite):
    """Django's admin site. A form that is sent without a session is shown again after signing in, with a message."""

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """Django's list, made only if a template shows it: it checks every permission."""
        return SimpleLazyObject(lambda: super(ConsoleSite, self).get_app_list(request, app_label))

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """The pages of `site_page`, and Django's without that of autocomplete fields, which no form has."""
        pages = [one for one in super().get_urls() if getattr(one, "name", "") != "autocomplete"]
        return [*(path(route, self.admin_view(view), name=name) for route, view, name in _PAGES), *pages]

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Django's view, with a second step where one is required; while a name is locked, a page says how long."""
        try:
            return super().login(request, {"title": "Sign in"} | _provider(request) | (extra_context or {}))
        except SecondStepNeeded as needed:
            return begin_second_step(request, needed.person, next_url=request.POST.get("next", ""))
        except SignInLocked as error:
            heading = "Wait a moment" if isinstance(error, AddressSlowed) else "Locked for a while"
            context = {"heading": heading, "sentence": error.message}
            page = render(request, "core/console/locked_out.html", context, status=HTTPStatus.TOO_MANY_REQUESTS)
            page["Retry-After"] = str(error.seconds)
            return page

    def logout(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        """Django's page, which leads on to the identity provider if staff who came from there sign out there too."""
        at_provider = sign_out_address(request)
        more = {"sign_out_address": at_provider, "provider": settings.OIDC_PROVIDER_NAME} if at_provider else {}
        return super().logout(request, more | (extra_context or {}))

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        protected: Any = super().admin_view(view, cacheable)

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            is_signed_out = request.method == "POST" and not self.has_permission(request)
            if store_of(request).ended_idle and request.method == "GET":
                idle = counted(settings.IDLE_LOCK_MINUTES, "minute")
                messages.warning(request, f"You were signed out: nothing was done for {idle}. Sign in to go on.")
            if is_signed_out and request.path != reverse("admin:logout"):
                return _ask_to_sign_in(request, getattr(view, _TYPED, ()))
            _leave_out_unoffered(request)
            if self.has_permission(request) and (page := ask_if_marked(request, view)):
                return page
            names = read_by(view)
            if names is not None and self.has_permission(request):
                keep_only(request, names | {*getattr(view, _TYPED, ())})
            answer: HttpResponse = protected(request, *args, **kwargs)
            return answer

        return update_wrapper(guarded, protected)


def _provider(request: HttpRequest) -> dict[str, Any]:
    """What the page for signing in says of an identity provider; `password` in the address opens the other way."""
    if not settings.OIDC_ISSUER:
        return {}
    only_break_glass = bool(settings.BREAK_GLASS_USERNAMES)
    return {
        "provider": settings.OIDC_PROVIDER_NAME,
        "only_break_glass": only_break_glass,
        "is_password_open": "password" in request.GET or not only_break_glass,
    }


def _leave_out_unoffered(request: HttpRequest) -> None:
    """Leave out of a form what Django reads in each one, and the console's forms do not have.

    A form of a pop-up window would be answered for its opener, and one that saves a row as a new one would add it
    without its id, by which it is known when it is sent again.
    """
    if request.POST.keys() & _UNOFFERED:
        kept = request.POST.copy()
        for name in _UNOFFERED:
            kept.pop(name, None)
        request.POST = kept  # type: ignore[assignment]


def _ask_to_sign_in(request: HttpRequest, names: Sequence[str]) -> HttpResponse:
    typed = {name: request.POST[name][:TYPED_MAX_LENGTH] for name in names if request.POST.get(name)}
    query = urlencode({**request.GET.dict(), **typed})
    back = f"{request.path}?{query}" if query else request.path
    kept = " What you typed comes back with the page." if typed else ""
    text = f"You were signed out before this was sent: nothing was saved.{kept} Sign in and send it again."
    messages.warning(request, text)
    return redirect_to_login(back, reverse("admin:login"))
