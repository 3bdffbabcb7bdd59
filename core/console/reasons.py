"""The fields by which a page asks for a reason: a code of the casino, and a text."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from django import forms

from core.errors import DomainError
from core.kept_queries import KeptQuery
from core.models import ReasonCode
from core.reasons.codes import InvalidReasonCode
from core.reasons.models import Operation
from core.reasons.text import REASON_MAX_LENGTH, REASON_MIN_LENGTH, InvalidReason, checked_reason

REASON_FIELDS: Final = ("reason_code", "reason")
_NONE_CHOSEN: Final = ("", "Choose one")
_NO_CODES: Final = ("", "No code is in use: write a text")
_CHOOSE: Final = "Choose one of these codes."
_WITH_TEXT: Final = " (with a text)"
NO_NAMES: Final = "Write no names here: the text is kept for ever."


_codes = KeptQuery(lambda casino_id: ReasonCode.objects.filter(casino=casino_id))


class _CodeField(forms.ChoiceField):
    """One of the codes that are offered; a code that was offered before is left to the service, which knows replays."""

    known: frozenset[str] = frozenset()

    def valid_value(self, value: Any) -> bool:
        return value in self.known


class ReasonForm(forms.Form):
    """Base of a form about a manual `operation`: the codes of `casino_id` for it, and a text.

    The cleaned `reason_code` is None if the casino has no active code for the operation; the text is required then.
    `codes` are the casino's, if they were read already. A form with fields of its own says in `refusals` which of them
    an error of the service is about. With `has_buttons` each code is a button, so that one tap chooses it.
    """

    refusals: ClassVar[Mapping[type[DomainError], str]] = {}
    has_buttons: ClassVar[bool] = False

    reason_code = _CodeField(label="Reason code", error_messages={"required": _CHOOSE, "invalid_choice": _CHOOSE})
    reason = forms.CharField(
        max_length=REASON_MAX_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=f"{NO_NAMES} Codes “with a text” need at least {REASON_MIN_LENGTH} characters.",
    )

    def __init__(
        self,
        *args: Any,
        casino_id: int,
        operation: Operation,
        codes: Iterable[ReasonCode] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        codes = list(_codes(casino_id) if codes is None else codes)
        offered = [row for row in codes if row.is_active and operation in row.operations]
        offered.sort(key=lambda row: row.text_required)  # those that say enough by themselves first
        self._with_text = {row.code for row in offered if row.text_required}
        field = self.fields["reason_code"]
        assert isinstance(field, _CodeField)
        field.known = frozenset(row.code for row in codes)
        field.required = bool(offered)
        names = [(row.code, row.label + (_WITH_TEXT if row.text_required else "")) for row in offered]
        none_chosen = _NONE_CHOSEN if offered else _NO_CODES
        if self.has_buttons and offered:
            field.widget, field.initial = forms.RadioSelect(), names[0][0] if len(names) == 1 else None
        field.choices = names if len(names) == 1 or (self.has_buttons and offered) else [none_chosen, *names]
        # For the browser, and for a widget that another form sets.
        field.widget.is_required = field.required

    def add_refusal(self, error: DomainError) -> None:
        """Show the refusal of a service beside the field that it is about, or above all."""
        own: Mapping[type[DomainError], str] = {InvalidReasonCode: "reason_code", InvalidReason: "reason"}
        field = {**own, **self.refusals}.get(type(error))
        self.add_error(field, forms.ValidationError(error.message, code=error.code))

    def clean_reason(self) -> str:
        """The text with line ends as \\n, long enough if the code, or that there is none, requires it."""
        text = str(self.cleaned_data["reason"]).replace("\r\n", "\n")
        if not self.fields["reason_code"].required or self.cleaned_data.get("reason_code") in self._with_text:
            try:
                checked_reason(text)
            except InvalidReason as error:
                raise forms.ValidationError(error.message, code=error.code) from error
        return text

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        cleaned["reason_code"] = cleaned.get("reason_code") or None
        return cleaned
