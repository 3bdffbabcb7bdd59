"""Forms that add and rename second factors."""

from django import forms

from core.console.fields import TextField
from core.console.proving import CODE_MAX_LENGTH
from core.factors.models import FACTOR_NAME_MAX_LENGTH
from core.factors.security_keys import ANSWER_MAX_LENGTH


class NameForm(forms.Form):
    """The name of a second factor."""

    name = TextField(
        label="Name", max_length=FACTOR_NAME_MAX_LENGTH, help_text="To tell your second factors apart: “My phone”."
    )


class AppForm(NameForm):
    """An authenticator app; `draft` is its key, and the seed of the recovery codes, encrypted."""

    code = TextField(
        label="Code",
        max_length=CODE_MAX_LENGTH,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"}),
        help_text="The six digits that the app shows now for this console.",
    )
    draft = forms.CharField(required=False, widget=forms.HiddenInput)


class KeyForm(NameForm):
    """A security key: the browser's answer."""

    key_answer = forms.CharField(
        max_length=ANSWER_MAX_LENGTH,
        widget=forms.HiddenInput,
        error_messages={"required": "Press “Use a security key”."},
    )
