"""CSV cells that a spreadsheet opens without running them."""

from typing import Final

# A cell that begins with one of these is taken for a formula. Source: OWASP, CSV injection.
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def harmless(cell: str | int) -> str | int:
    """The cell, with an apostrophe before text that a spreadsheet would take for a formula; numbers stay numbers."""
    if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS):
        return f"'{cell}"
    return cell
