"""CSV files that a spreadsheet opens without running what is in them.

A spreadsheet separates cells by what its locale says, so a separator inside a cell can begin a new one. Quotation
marks do not help: they count only at the beginning of a cell.
"""

import csv
import re
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from core.text import INVISIBLE_RANGES

# Separators of cells and of rows, in any locale, with their full-width and Arabic forms.
_SEPARATORS: Final = ",;|\t\r\n\v\f\x1c\x1d\x1e\x1f\x85\u2028\u2029،؛，；｜、"
# A cell that begins with one of these, or with its full-width or small form, may be taken for a formula. Source: OWASP.
_STARTS: Final = "=+-@\t\r\n﹦＝﹢＋﹣－﹫＠"
# Ranges of control characters, but for the separators, and of what else nobody sees.
_UNSEEN: Final = "\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f" + "".join(
    f"{chr(first)}-{chr(last)}" for first, last in INVISIBLE_RANGES
)


def harmless(text: str, *, separator: str = "") -> str:
    """The text, with an apostrophe before each place where a spreadsheet could begin to read a formula.

    The places are the beginning of the text and of what follows a separator: a usual one, or the file's own, if `text`
    is a whole line of a file.
    """
    return _places(separator).sub(r"\1'", text)


def csv_line(cells: Iterable[str | int]) -> str:
    """A line of a CSV file, with its end: text quoted and harmless, numbers as they are."""
    line: Any = csv.writer(_Echo(), quoting=csv.QUOTE_NONNUMERIC)
    text: str = line.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in cells])
    return text


@cache
def _places(separator: str) -> re.Pattern[str]:
    """The beginning of a cell up to where a formula could begin: blanks, quotation marks and what nobody sees."""
    separators = re.escape(_SEPARATORS + separator)
    starts = re.escape("".join(start for start in _STARTS if start != separator))
    return re.compile(rf"""((?:\A|[{separators}])(?:[^\S{separators}]|["{_UNSEEN}])*)(?=[{starts}])""")


class _Echo:
    """A file whose `write` returns the text, so that a CSV writer returns each line."""

    def write(self, text: str) -> str:
        return text
