"""Actions on chosen rows: what one is, a row of its page, and the outcome for a row."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest

MAX_ROWS: Final = 500


class OutcomeKind(StrEnum):
    """The result for one row."""

    DONE = "done"
    REPLAYED = "already done"
    OWED = "owed"
    REFUSED = "refused"
    FAILED = "failed"


LEVELS: Final = {
    OutcomeKind.DONE: messages.SUCCESS,
    OutcomeKind.REPLAYED: messages.INFO,
    OutcomeKind.OWED: messages.WARNING,
    OutcomeKind.REFUSED: messages.ERROR,
    OutcomeKind.FAILED: messages.ERROR,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """The result for one row, and its message; `obj` is the row as the service left it, where it gives it."""

    kind: OutcomeKind
    sentence: str
    obj: Any = None


@dataclass(kw_only=True, slots=True)
class Row:
    """One chosen row on the confirmation page: its name, its other cells, and its form with the context it needs.

    `version` is the row's version now, for the page that is about to be shown; `posted_version` is the version on the
    sent page, if it showed the row. `request_id` is derived from the id of the sent page, if it had one, so that the
    same page sent again is the same request; a row that `carries_id` has its own on the page. `sent` are fields of the
    form that the row's own page had and sent.
    """

    obj: Any
    name: str
    version: str = ""
    posted_version: str | None = None
    request_id: UUID | None = None
    carries_id: bool = False
    cells: Sequence[Any] = ()
    form: forms.Form | None = None
    sent: Mapping[str, str] = field(default_factory=dict)
    context: Any = None

    def with_name(self, sentence: str) -> str:
        """The sentence, preceded by the row's name unless it contains the name."""
        return sentence if self.name in sentence else f"{self.name}: {sentence}"

    @property
    def given(self) -> dict[str, Any]:
        """The cleaned data of this row's form."""
        return self.form.cleaned_data if self.form else {}

    def keeps_typed(self, action: "RowAction", outcome: Outcome) -> bool:
        """Whether something was typed that the page must not lose, because it was not done."""
        is_typed = self.form is not None and (not action.is_asked_on_page or self.form.has_changed())
        return is_typed and outcome.kind in {OutcomeKind.REFUSED, OutcomeKind.FAILED}


@dataclass(frozen=True, kw_only=True)
class RowAction:
    """An action on chosen rows.

    `done` is the past participle for the summary. `perform` makes the one service call of a row. `make_form` builds a
    row's form: with initial values, or bound to the posted data. Every action asks on a page of its own before it is
    carried out, but one that `is_asked_on_page`: the page of a row has all of its form.
    """

    name: str
    label: str
    done: str
    perform: Callable[[HttpRequest, Row], Outcome]
    describe: Callable[[Sequence[Any]], list[Row]]
    columns: Sequence[str] = ()
    explanation: str = ""
    make_form: Callable[[Row, Mapping[str, Any] | None], forms.Form] | None = None
    is_asked_on_page: bool = False
    max_rows: int = MAX_ROWS
    submit_label: str = "Confirm"
