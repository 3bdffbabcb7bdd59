"""The check of the reason that a person gives to a service: a code of the casino and a text."""

import re
from dataclasses import dataclass

from core.reasons.models import CODE_PATTERN, Operation, ReasonCode
from core.reasons.text import InvalidReason, checked_reason, checked_remark


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
    if code is None:
        return GivenReason(code=None, text=checked_reason(text))
    text = checked_remark(text)
    known = ReasonCode.objects.filter(casino=casino_id, code=code) if re.fullmatch(CODE_PATTERN, code) else None
    row = known and known.first()
    if not row:
        raise InvalidReasonCode(f"This casino has no reason code “{code}”. Choose one of its codes.")
    return GivenReason(code=row.code, text=text or row.label, refusal=_refusal(row, operation=operation, text=text))


def _refusal(row: ReasonCode, *, operation: Operation, text: str) -> InvalidReason | None:
    if not row.is_active:
        return InvalidReasonCode(f"The reason “{row.label}” is no longer used. Choose another one.")
    if operation not in row.operations:
        return InvalidReasonCode(f"The reason “{row.label}” is not for this. Choose another one.")
    if row.text_required:
        try:
            checked_reason(text)
        except InvalidReason as error:
            return error
    return None


def reason_contents(text: str, code: str | None) -> dict[str, str]:
    """A reason in the contents of a request, which have the code only if there is one."""
    return {"reason": text} if code is None else {"reason": text, "reason_code": code}
