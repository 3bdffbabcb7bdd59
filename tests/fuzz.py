"""What nobody means to send: values, names and keys that break whatever trusts them, as a script could send them.

Deterministic: the same examples on every run, so that a red test is red for everybody.
"""

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.properties import property_settings

fuzz_settings = settings(
    property_settings,
    derandomize=True,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

# A name and a value; a name may come twice.
Pair = tuple[str, str]

# More digits than Python reads as a number (its limit is 4,300); a request line holds fewer, a form does not.
_TOO_MANY_DIGITS: Final = "9" * 5_000
_LONGEST_IN_A_LINE: Final = 1_000

VALUES: Final = (
    *("", " ", "\0", "a\0b", "\ud800", "\udfff\0", "\ufeff", "\u202e", "\r\n", "é" * 300),
    *("'", '"><b>', "%", "%00", "\\", "{{ x }}"),
    *("0", "-0", "-1", "1", "7", "007", "1.5", "1,5", "1,000", "+1", " 1 ", "1_000", "0x10", "1e9", "1e400", "-1e400"),
    *("NaN", "-NaN", "sNaN", "Infinity", "-inf", "½", "²", "٣", "١٢", "１００", "−5", "Ⅷ"),
    *("2147483648", "9223372036854775807", "9223372036854775808", "9" * 40, "-" + "9" * 40, "0." + "0" * 60 + "1"),
    *("true", "false", "None", "null", "[]", "[1,2]", "{}", "1:1", "1:99999", "1-OPEN", "a,b,,", "on", "yes"),
    *("2026-02-30", "0000-00-00", "9999-12-31", "10000-01-01", "2026-11-14", "06:00", "25:61", "1.1.1", "2026-11-14.1"),
    *("00000000-0000-0000-0000-000000000000", "0" * 32, "{0}", "not-a-uuid", "urn:uuid:", "-" * 36),
    *("x" * _LONGEST_IN_A_LINE, "9" * _LONGEST_IN_A_LINE, "%C0%80", "../../..", "//evil.example/"),
)
# What is put in every field of every form at once.
WORST: Final = {
    "a null byte": "1\0",
    "half a character": "\ud800",
    "too many digits": _TOO_MANY_DIGITS,
    "a number without end": "1e400",
    "100 kB": "x" * 100_000,
}
_STRANGE_NAMES: Final = ("", "q[]", "q[0]", "\0", "id", "pk", "staff", "actor", "casino", "__proto__", "_popup")


def values(*known: str, is_form: bool = False) -> st.SearchStrategy[str]:
    """A value for one field: the key of a row, a value that often breaks programs, or any text."""
    fixed = [*VALUES, *([_TOO_MANY_DIGITS] if is_form else [])]
    text = st.text(st.characters(exclude_categories=()), max_size=30) | st.integers().map(str) | st.floats().map(str)
    anything = st.sampled_from(fixed) | text | st.uuids().map(str) | st.dates().map(str)
    return st.sampled_from(known) | anything if known else anything


def pairs(names: Sequence[str], *known: str, is_form: bool = False) -> st.SearchStrategy[list[Pair]]:
    """A query string or a form: names, of these first and of others, and values; in any order, and repeated."""
    name = st.sampled_from(names) | st.sampled_from([*names, *_STRANGE_NAMES])
    return st.lists(st.tuples(name, values(*known, is_form=is_form)), max_size=7)


def encoded(sent: Sequence[Pair]) -> str:
    """Names and values as bytes travel: what is no text in any encoding travels as well, and arrives as it may."""
    return "&".join("=".join(quote(part, safe="", errors="surrogatepass") for part in pair) for pair in sent)
