"""The form in which staff prove who they are: by a second factor if they have one, else by their password."""

import time
from collections.abc import Sequence
from typing import Any, Final

from django import forms
from django.contrib.sessions.backends.base import SessionBase, UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import HttpRequest

from core.console.fields import TextField
from core.factors.models import SecondFactor
from core.factors.proof import Proof
from core.factors.security_keys import ANSWER_MAX_LENGTH, State, options_to_prove

CODE_MAX_LENGTH: Final = 40
_CHALLENGE: Final = "key_challenge"


class FactorForm(forms.Form):
    """A code, or the answer of a security key; with `keys`, `key_options` is what the browser needs to ask for one."""

    code = TextField(
        label="Code",
        required=False,
        max_length=CODE_MAX_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "autofocus": True, "spellcheck": "false"}),
        help_text="The six digits that your authenticator app shows now, or one of your recovery codes.",
    )
    key_answer = forms.CharField(required=False, max_length=ANSWER_MAX_LENGTH, widget=forms.HiddenInput)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors and not cleaned["code"] and not cleaned["key_answer"]:
            self.add_error("code", "Type a code, or use a security key.")
        return cleaned


class PasswordForm(forms.Form):
    """The password of a person who has no second factor."""

    password = forms.CharField(
        label="Your password",
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
    )


class ProviderForm(forms.Form):
    """Nothing: the identity provider asks, in another page, and the session keeps its answer."""


def origin_of(request: HttpRequest) -> str:
    """Where the browser shows the console, as a security key signs it."""
    return f"{request.scheme}://{request.get_host()}"


def keys_among(factors: Sequence[SecondFactor]) -> list[SecondFactor]:
    """The security keys among `factors`."""
    return [factor for factor in factors if factor.kind == SecondFactor.Kind.KEY]


def key_options(request: HttpRequest, factors: Sequence[SecondFactor]) -> str:
    """What the page needs to ask for a security key, as JSON; empty if there is none. The session keeps the rest."""
    keys = keys_among(factors)
    if not keys:
        return ""
    options, state = options_to_prove(keys, origin=origin_of(request))
    request.session[_CHALLENGE] = dict(state)
    return options


def proof_in(request: HttpRequest, form: FactorForm) -> Proof:
    """What the valid `form` gives. The challenge of its page is used up."""
    state: State | None = request.session.pop(_CHALLENGE, None)
    given = form.cleaned_data
    return Proof(typed=given["code"], key_answer=given["key_answer"], state=state, origin=origin_of(request))


class SessionInstant:
    """An instant that the session keeps on the server, such as when somebody was last asked who they are."""

    def __init__(self, name: str, *, lasts_seconds: int) -> None:
        self._name = name
        self._lasts_seconds = lasts_seconds

    def is_recent(self, session: SessionBase) -> bool:
        """Whether the session has the instant, and it is no older than it may be."""
        at = session.get(self._name)
        return at is not None and 0 <= time.time() - at < self._lasts_seconds

    def is_recent_in_database(self, session: SessionBase) -> bool:
        """The same, of what another request may have saved meanwhile."""
        return self.is_recent(type(session)(session.session_key))

    def forget(self, session: SessionBase) -> None:
        """Take it out of the session."""
        session.pop(self._name, None)

    def set(self, session: SessionBase) -> None:
        """Set it to now."""
        session[self._name] = time.time()

    def save(self, session: SessionBase) -> None:
        """Set it to now, and save the session at once.

        :raises SessionInterrupted: the session was ended meanwhile.
        """
        self.set(session)
        try:
            session.save()
        except UpdateError as error:
            raise SessionInterrupted("This session was ended. Sign in again.") from error
