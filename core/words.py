"""Counts in sentences."""


def counted(number: int, singular: str, plural: str = "") -> str:
    """A number with its noun: “1 slip”, “2 slips”, “1,000 entries” of “entry” and “entries”."""
    return f"{number:,} {singular if abs(number) == 1 else plural or f'{singular}s'}"
