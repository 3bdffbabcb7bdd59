"""The reason that a person gives to a service, a code of the casino and a text: its check, and its words."""

import re
from dataclasses import dataclass

from core.reasons.models import CODE_PATTERN, Operation, ReasonCode
from core.reasons.text import InvalidReason, checked_reason, checked_remark
from core.text import folded, isolated


class InvalidReasonCode(InvalidReason):
    """The casino has no such code, or it may not be chosen for this operation."""

    code = "INVALID_REASON_CODE"


@dataclass(frozen=True, kw_only=True, slots=True)
class GivenReason:
    """What a row keeps of a reason: its code (None if none was given), and its text, which is never empty."""

    code: str | None
    text: str
    refusal: InvalidReason | None = None

    def require_allowed(self) -> None:
        """Refuse a code that may not be chosen now, or that misses its text; not asked again for a replay.

        :raises InvalidReason: the code requires a longer text.
        :raises InvalidReasonCode: the code is not active, or is for other operations.
        """
        if self.refusal:
            raise self.refusal


def given_reason(*, casino_id: int, operation: Operation, code: str | None, text: str) -> GivenReason:
    """Read the reason of an `operation`; without a text, that of a code is its label.

    A service that knows replays calls `require_allowed` of the result for a new request only.

    :raises InvalidReason: the text is too long or cannot be shown, or is too short and there is no code.
    :raises InvalidReasonCode: the casino has no such code.
    """
    text = reason_contents(text, code)["reason"]
    if code is None:
        return GivenReason(code=None, text=text)
    known = ReasonCode.objects.filter(casino=casino_id, code=code) if re.fullmatch(CODE_PATTERN, code) else None
    row = known and known.first()
    if not row:
        raise InvalidReasonCode(f"This casino has no reason code “{code}”. Choose one of its codes.")
    return GivenReason(code=row.code, text=text or row.label, refusal=_refusal(row, operation=operation, text=text))


def _refusal(row: ReasonCode, *, operation: Operation, text: str) -> InvalidReason | None:
    if not row.is_active:
        return InvalidReasonCode(f"The reason “{isolated(row.label)}” is no longer used. Choose another one.")
    if operation not in row.operations:
        return InvalidReasonCode(f"The reason “{isolated(row.label)}” is not for this. Choose another one.")
    if row.text_required:
        try:
            checked_reason(text)
        except InvalidReason as error:
            return error
    return None


def reason_in_words(*, casino_id: int, code: str | None, text: str) -> str:
    """A kept reason for people: the label of its code, the code, and the text if it says more than the label."""
    if code is None:
        return text
    label = ReasonCode.objects.filter(casino=casino_id, code=code).values_list("label", flat=True).first() or ""
    named = f"{isolated(label)} ({code})"
    return named if text in ("", label) else f"{named}: {text}"


def reason_contents(text: str, code: str | None) -> dict[str, str]:
    """What was given, in the contents of a request, which have a code only if there is one.

    :raises InvalidReason: the text is too long or cannot be shown, or is too short and there is no code.
    """
    if code is None:
        return {"reason": checked_reason(text)}
    return {"reason": checked_remark(text), "reason_code": code}


def normalised_contents(text: str, code: str | None) -> dict[str, str]:
    """The same, equal for texts that differ as `folded` says.

    :raises InvalidReason: see `reason_contents`.
    """
    contents = reason_contents(text, code)
    return {**contents, "reason": folded(contents["reason"])}
