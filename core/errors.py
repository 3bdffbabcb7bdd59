"""The base classes of errors that refuse a request. Each is defined beside the function that raises it."""

from collections.abc import Sequence
from typing import ClassVar


class DomainError(Exception):
    """A refusal that the person at the table can act on.

    `code` is constant, for logs, reports and tests; `str(error)` is the sentence for people. The sentence may name a
    player, so it is never logged.
    """

    code: ClassVar[str]

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotFound(DomainError):
    """There is no such row in this casino."""

    code = "NOT_FOUND"


class Busy(DomainError):
    """The database could not answer in time; nothing was changed, and trying again is safe."""

    code = "BUSY"

    def __init__(
        self, message: str = "Somebody else is working on this just now. Nothing was changed: please try again."
    ) -> None:
        super().__init__(message)


class DatabaseAway(Exception):
    """There is no connection, or none that can write; nothing was changed, and trying again is safe.

    It is no `DomainError`: no page can show it as a refusal, since the page needs the database too. Each request is
    answered 503, and its form is kept. `done` are sentences about earlier parts of the request, which were committed.
    """

    code: ClassVar[str] = "DATABASE_AWAY"

    def __init__(self, *, done: Sequence[str] = ()) -> None:
        super().__init__("The database is away for a moment. Nothing was changed: please try again.")
        self.done = done


class OutcomeUnknown(Busy):
    """The connection was lost while the database was committing; the same request again gives the one result."""

    code = "OUTCOME_UNKNOWN"

    def __init__(self) -> None:
        super().__init__(
            "The connection was lost at the last moment, so it is not known whether this was recorded. "
            "Please try again: nothing is ever done twice."
        )
