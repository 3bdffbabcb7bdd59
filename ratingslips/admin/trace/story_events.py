"""One event of a story, and how the reason of an event is written."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Model

from core.models import RequestOrigin, User


@dataclass(frozen=True, kw_only=True, slots=True)
class StoryEvent:
    """One thing that happened: when, what, by whom (none: the system), and under which correlation id.

    `sent_by` is the key of the member of staff whose request led to what the system did. `about` is the row that it
    links to; `is_alarm` marks an event that needs attention. `mark` says which corrections
    entered and superseded it. `recorded` says when it was recorded, if that was later.
    """

    at: datetime
    words: str
    by: User | None
    correlation_id: UUID | None
    sent_by: int | None = None
    about: Model | None = None
    is_alarm: bool = False
    mark: str = ""
    is_superseded: bool = False
    recorded: str = ""
    origin: RequestOrigin | None = None


def why(reason: str, reason_code: str | None = None) -> str:
    """The text and the code of a reason, after a sentence; many rows are shown, so no label is looked up."""
    return (f" “{reason}”" if reason else "") + (f" ({reason_code})" if reason_code else "")
