"""Keys of rows in addresses and forms."""

from typing import Final

BIGGEST_KEY: Final = 2**63 - 1


def key_of(text: str) -> int | None:
    """Read a key from decimal digits; None if `text` is not a possible key."""
    # The length comes first: Python refuses to read numbers of some thousand digits.
    if not (text.isascii() and text.isdecimal()) or len(text) > len(str(BIGGEST_KEY)):
        return None
    key = int(text)
    return key if key <= BIGGEST_KEY else None
