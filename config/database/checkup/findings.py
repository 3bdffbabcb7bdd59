"""What `manage.py doctor` finds: one line for each thing that production needs."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class State(StrEnum):
    """Whether a thing is as production needs it. `NOT_LOOKED_AT` says that it could not be found out."""

    OK = "ok"
    NOT_LOOKED_AT = "not looked at"
    MISSING = "missing"


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """A thing, its state, what was found, and what to do if it is not ok."""

    name: str
    state: State
    what: str
    advice: str = ""


class Answer(NamedTuple):
    """What a check found; it is ok if there is no `advice`."""

    what: str
    advice: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """A check of one thing, with the answers that `look` gives. One that `needs_database` is left out without it."""

    name: str
    look: Callable[[], Iterator[Answer]]
    needs_database: bool = True
