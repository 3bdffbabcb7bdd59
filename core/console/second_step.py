"""Signing in by two steps: the password, then a second factor. Between them the session only notes who it is."""

import time
from typing import Final

from django.contrib.auth import load_backend, login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare
from django.utils.http import url_has_allowed_host_and_scheme

from core.console.proving import SessionInstant
from core.factors.services import must_have_second_factor
from core.models import User

SECOND_STEP_SECONDS: Final = 10 * 60
_CANDIDATE: Final = "second_step"
# A double click sends its code twice: the second request finds that the first one was right.
second_step_proved: Final = SessionInstant("second_step_proved_at", lasts_seconds=60)


class SecondStepNeeded(Exception):
    """The password was right, and the person is not signed in yet."""

    def __init__(self, person: User) -> None:
        super().__init__()
        self.person = person


def require_no_second_step(person: User) -> None:
    """Let only those sign in by their password who have no second factor and need none.

    :raises SecondStepNeeded: the person has one, or must add one.
    """
    if person.second_factors.exists() or must_have_second_factor(person):
        raise SecondStepNeeded(person)


def begin_second_step(request: HttpRequest, person: User, *, next_url: str) -> HttpResponse:
    """Note in the session that `person` has taken the first step, and lead to the second one, then to `next_url`."""
    is_safe = url_has_allowed_host_and_scheme(next_url, {request.get_host()}, require_https=request.is_secure())
    second_step_proved.forget(request.session)
    request.session.cycle_key()  # Who knew the session before must not take the second step in place of `person`.
    request.session[_CANDIDATE] = {
        "user": person.pk,
        "backend": person.backend,
        "password": person.get_session_auth_hash(),
        "next": next_url if is_safe else "/",
        "at": time.time(),
    }
    return HttpResponseRedirect(reverse("factors:second_step"))


def candidate_in(request: HttpRequest) -> User | None:
    """The person who just gave the right password in this session, if they may still sign in and it is still theirs."""
    note = request.session.get(_CANDIDATE)
    if note is None or not 0 <= time.time() - note["at"] < SECOND_STEP_SECONDS:
        return None
    person = load_backend(note["backend"]).get_user(note["user"])
    if not isinstance(person, User) or not person.is_staff:
        return None
    return person if constant_time_compare(note["password"], person.get_session_auth_hash()) else None


def finish_sign_in(request: HttpRequest, person: User) -> str:
    """Sign in the candidate, and return where they wanted to go."""
    note = request.session.pop(_CANDIDATE)
    second_step_proved.forget(request.session)
    login(request, person, backend=note["backend"])
    next_url: str = note["next"]
    return next_url
