"""Errors of the private PostgreSQL, with advice for the person who started it."""

_LAST_LINES = 15
_DISK_IS_FULL = ("No space left on device", "Disk quota exceeded")


class LocalServerError(Exception):
    """The private PostgreSQL is not available; the message says what to do about it."""


def failure(what: str, *, output: str) -> LocalServerError:
    """Return the error for a step that failed, with the last lines that its program wrote."""
    lines = "\n".join(output.strip().splitlines()[-_LAST_LINES:])
    if any(words in output for words in _DISK_IS_FULL):
        advice = "The disk is full: free some space and try again."
    else:
        advice = "Its last lines are below; or set DATABASE_URL to use a PostgreSQL of your own."
    return LocalServerError(f"{what} {advice}\n{lines}".rstrip())
