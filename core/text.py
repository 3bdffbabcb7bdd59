"""Characters that nobody sees, around and within what people type and what files hold."""

import unicodedata
from typing import Final

# Default_Ignorable_Code_Point of Unicode 16 (DerivedCoreProperties.txt), and the blank Braille pattern.
INVISIBLE_RANGES: Final = (
    (0xAD, 0xAD),
    (0x34F, 0x34F),
    (0x61C, 0x61C),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x200B, 0x200F),
    (0x202A, 0x202E),
    (0x2060, 0x206F),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFEFF, 0xFEFF),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE0FFF),
)
_INVISIBLE: Final = frozenset(chr(code) for first, last in INVISIBLE_RANGES for code in range(first, last + 1))
# An emoji may end with one.
_VARIATION_SELECTORS: Final = frozenset(map(chr, range(0xFE00, 0xFE10)))
# Keyboards write them: joiners in Persian and in emoji, and marks of direction in Arabic and Hebrew.
_WRITTEN_BY_KEYBOARDS: Final = _VARIATION_SELECTORS | frozenset("\u061c\u200c\u200d\u200e\u200f\u2060")
_SPACES: Final = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
# It begins a part of a text that has a direction of its own (FSI).
ISOLATE: Final = "\u2068"
_SHOWN_LENGTH: Final = 40
_AROUND: Final = _SPACES + "".join(sorted(_INVISIBLE - _VARIATION_SELECTORS))


def trimmed(text: str) -> str:
    """The text without spaces and invisible characters at its ends."""
    return text.strip(_AROUND)


def visible_length(text: str) -> int:
    """The number of characters that people see, spaces between words counted once."""
    return len(" ".join("".join(character for character in text if character not in _INVISIBLE).split()))


def folded(text: str) -> str:
    """The text without differences of Unicode form, letter case, spaces and invisible characters, for comparison."""
    visible = "".join(filter(_is_letter_or_space, unicodedata.normalize("NFKD", text).casefold()))
    return " ".join(unicodedata.normalize("NFKC", visible).casefold().split())


def _is_letter_or_space(character: str) -> bool:
    """Whether a character is more than a hint how its neighbours are shown: a joiner, a variation selector."""
    return unicodedata.category(character) != "Cf" and character not in _VARIATION_SELECTORS


def shortened(text: str) -> str:
    """The beginning of a text, for a sentence: a field of a file may be very long."""
    return f"{text[:_SHOWN_LENGTH]}…" if len(text) > _SHOWN_LENGTH else text


def quoted(text: str) -> str:
    """The same, in quotation marks."""
    return f"“{shortened(text)}”"


def isolated(name: str) -> str:
    """A name for a sentence: with letters of a script from right to left, it does not reorder what is beside it.

    In HTML, a name by itself is in `<bdi>`. These are the same for plain text (Unicode Standard Annex 9, FSI and PDI).
    """
    is_from_right_to_left = any(unicodedata.bidirectional(character) in ("R", "AL") for character in name)
    return f"{ISOLATE}{name}\u2069" if is_from_right_to_left else name


def is_plain(text: str, *, besides: str = "") -> bool:
    """Whether all characters can be shown, or are spaces and joiners that keyboards write, or are in `besides`."""
    return all(
        character in besides
        or character in _WRITTEN_BY_KEYBOARDS
        or ((character.isprintable() or unicodedata.category(character) == "Zs") and character not in _INVISIBLE)
        for character in text
    )
