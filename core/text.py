"""Characters that nobody sees, around what people type and what files hold."""

from typing import Final

# Default_Ignorable_Code_Point of Unicode 16 (DerivedCoreProperties.txt), and the blank Braille pattern.
_INVISIBLE_RANGES: Final = (
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
INVISIBLE: Final = frozenset(chr(code) for first, last in _INVISIBLE_RANGES for code in range(first, last + 1))
_SPACES: Final = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
_AROUND: Final = _SPACES + "".join(sorted(INVISIBLE))


def trimmed(text: str) -> str:
    """The text without spaces and invisible characters at its ends."""
    return text.strip(_AROUND)
