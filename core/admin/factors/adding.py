"""Add an authenticator app or a security key: for staff who are signed in, or who must add one to sign in."""

from collections.abc import Callable
from typing import Final

import segno
from django.contrib import messages
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_http_methods

from core.admin.factors.forms import AppForm, KeyForm
from core.admin.factors.own import keep_codes, show
from core.console.asking_again import asks_again
from core.console.fields import replaced
from core.console.proving import keys_among, origin_of
from core.console.scope import staff_of
from core.errors import DomainError
from core.factors.codes import APP_KEY_BYTES, app_address, app_key_as_text, new_app_key, new_seed
from core.factors.sealing import Unreadable, seal, unseal
from core.factors.security_keys import CONSOLE_NAME, KeyRefused, options_to_add, read_new_key
from core.factors.services import FactorNameTaken, add_app, add_key
from core.models import User

DRAFT_SECONDS: Final = 15 * 60
_CHALLENGE: Final = "key_to_add"

# What follows when a factor was added: with the recovery codes, if it is the first one.
Added = Callable[[HttpRequest, User, list[str]], HttpResponse]


@require_http_methods(["GET", "HEAD", "POST"])
@asks_again(before_opening=True)
def app_page(request: HttpRequest) -> HttpResponse:
    """Add an authenticator app to the person's own second factors."""
    return ask_for_app(request, staff_of(request), added=_own_added)


@require_http_methods(["GET", "HEAD", "POST"])
@asks_again(before_opening=True)
def key_page(request: HttpRequest) -> HttpResponse:
    """Add a security key to the person's own second factors."""
    return ask_for_key(request, staff_of(request), added=_own_added)


def _own_added(request: HttpRequest, _person: User, codes: list[str]) -> HttpResponse:
    messages.success(request, "The second factor was added.")
    if not codes:
        return HttpResponseRedirect(reverse("factors:own"))
    keep_codes(request, codes)
    return HttpResponseRedirect(reverse("factors:codes"))


def ask_for_app(request: HttpRequest, person: User, *, added: Added) -> HttpResponse:
    """Show a key for an authenticator app, or add the app that shows the right code for it."""
    form = AppForm(request.POST or None)
    key, seed = _drafted(request.POST.get("draft", ""), person)
    if form.is_valid() and key:
        given, now = form.cleaned_data, timezone.now()
        try:
            codes = add_app(person=person, name=given["name"], key=key, code=given["code"], seed=seed, at=now)
            return added(request, person, codes)
        except DomainError as error:
            form.add_error("name" if isinstance(error, FactorNameTaken) else "code", error.message)
    elif form.is_bound and not key:
        form.add_error(None, "This page was open for too long. Scan the new code below, and type what the app shows.")
    if not key:
        key = new_app_key()
        draft = seal(f"{person.pk}:".encode() + key + new_seed()).decode()
        form.initial["draft"] = draft
        if form.is_bound:
            form.data = replaced(form.data, {"draft": draft, "code": ""})
    context = {"form": form, "key": app_key_as_text(key), "qr_code": _qr_code(key, person)}
    return show(request, "core/factors/app.html", title="Add an authenticator app", **context)


def _drafted(draft: str, person: User) -> tuple[bytes, bytes]:
    """The key and the seed that the page was drawn with; empty if it is too old, or was drawn for somebody else."""
    try:
        user_id, _, drawn = unseal(draft.encode(), max_age_seconds=DRAFT_SECONDS).partition(b":")
    except Unreadable:
        return b"", b""
    return (drawn[:APP_KEY_BYTES], drawn[APP_KEY_BYTES:]) if user_id == str(person.pk).encode() else (b"", b"")


def _qr_code(key: bytes, person: User) -> SafeString:
    """The QR code as SVG within the page: the policy allows no other image."""
    address = app_address(key, username=person.username, issuer=_issuer(person))
    image = segno.make(address, micro=False, error="m")
    return mark_safe(image.svg_inline(scale=4, dark="#000", light="#fff", title="QR code"))  # noqa: S308 - only squares


def _issuer(person: User) -> str:
    return person.casino.name if person.casino else CONSOLE_NAME


def ask_for_key(request: HttpRequest, person: User, *, added: Added) -> HttpResponse:
    """Ask the browser for a new security key, or add the one that it answered with."""
    form: Form = KeyForm(request.POST or None)
    state = request.session.pop(_CHALLENGE, None)
    if form.is_valid():
        given = form.cleaned_data
        try:
            if state is None:
                raise KeyRefused
            key = read_new_key(given["key_answer"], state=state, origin=origin_of(request))
            codes = add_key(person=person, name=given["name"], key=key, at=timezone.now())
            return added(request, person, codes)
        except KeyRefused:
            form.add_error(None, "This security key was not accepted. Try again.")
        except DomainError as error:
            form.add_error("name" if isinstance(error, FactorNameTaken) else None, error.message)
    options, state = options_to_add(person, keys_among(list(person.second_factors.all())), origin=origin_of(request))
    request.session[_CHALLENGE] = dict(state)
    if form.is_bound:
        form.data = replaced(form.data, {"key_answer": ""})
    return show(request, "core/factors/key.html", title="Add a security key", form=form, key_options=options)
