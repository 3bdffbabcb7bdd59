"""Keys of rows, as addresses and forms carry them."""

from typing import Final

BIGGEST_KEY: Final = 2**63 - 1


def key_of(text: str) -> int | None:
    """The key that `text` holds in decimal digits; None if it is no number that a key can have."""
    # The length comes first: Python refuses to read numbers of some thousand digits.
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(BIGGEST_KEY)):
        return None
    key = int(text)
    return key if key <= BIGGEST_KEY else None
