"""Why a person did something, in their own words, kept for the auditor."""

from typing import Final

from core.errors import DomainError
from loyalty.models import REASON_MAX_LENGTH

REASON_MIN_LENGTH: Final = 10


class InvalidReason(DomainError):
    """The reason is too short, too long, or holds characters that are not text."""

    code = "INVALID_REASON"


def checked_reason(reason: str) -> str:
    """The reason without the space around it.

    :raises InvalidReason: fewer than `REASON_MIN_LENGTH` or more than `REASON_MAX_LENGTH` characters, or a control one.
    """
    text = reason.strip()
    if not REASON_MIN_LENGTH <= len(text) <= REASON_MAX_LENGTH:
        raise InvalidReason(
            f"Write a reason of {REASON_MIN_LENGTH} to {REASON_MAX_LENGTH} characters; this one has {len(text)}."
        )
    if any(not (character.isprintable() or character in "\n\t") for character in text):
        raise InvalidReason("The reason holds characters that cannot be shown. Type it again as plain text.")
    return text
