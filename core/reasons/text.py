"""The text of a reason."""

from typing import Final

from core.errors import DomainError
from core.text import is_plain, trimmed, visible_length

REASON_MIN_LENGTH: Final = 10
REASON_MAX_LENGTH: Final = 500


class InvalidReason(DomainError):
    """The reason is too short, too long, or has characters that nobody sees."""

    code = "INVALID_REASON"


def checked_reason(reason: str) -> str:
    """The reason without what nobody sees at its ends.

    :raises InvalidReason: fewer than `REASON_MIN_LENGTH` visible characters, more than `REASON_MAX_LENGTH`, or one that
        nobody sees and that no keyboard writes.
    """
    text = trimmed(reason)
    length = visible_length(text)
    if length < REASON_MIN_LENGTH:
        raise _wrong_length(length)
    return checked_remark(text)


def checked_remark(text: str) -> str:
    """A text beside a reason code, of any length, without what nobody sees at its ends; empty if nothing is seen.

    :raises InvalidReason: more than `REASON_MAX_LENGTH` characters, or one that nobody sees and no keyboard writes.
    """
    text = trimmed(text)
    if not visible_length(text):
        return ""
    if len(text) > REASON_MAX_LENGTH:
        raise _wrong_length(len(text))
    if not is_plain(text, besides="\n\t"):
        raise InvalidReason("The reason holds characters that cannot be shown. Type it again as plain text.")
    return text


def _wrong_length(length: int) -> InvalidReason:
    return InvalidReason(
        f"Write a reason of {REASON_MIN_LENGTH} to {REASON_MAX_LENGTH} characters; this one has {length}."
    )
