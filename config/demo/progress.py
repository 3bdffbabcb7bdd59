"""What the demo says while it works: a line now and then."""

from collections.abc import Callable
from time import monotonic
from typing import Final

SECONDS: Final = 1.0

Say = Callable[[str], None]


class Progress:
    """Says a line if none was said in the last second."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._said_at = monotonic()

    def __call__(self, what: str) -> None:
        if monotonic() - self._said_at >= SECONDS:
            self._say(what)
            self._said_at = monotonic()

    def write(self, text: str) -> None:
        """Say what `migrate` begins, which writes it as “Applying core.0001_initial...” before it does it."""
        if "Applying" in text:
            self(f"Schema: {text.replace('Applying', '').strip(' .')}")
