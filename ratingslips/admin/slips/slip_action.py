"""What an action on a slip is: chosen on a page, carried out by one service call, answered with a sentence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final
from uuid import UUID

from django import forms
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from core.console.display import exact_time_in, time_in
from core.console.row_actions import MAX_ROWS, Outcome, OutcomeKind, Row, RowAction
from core.console.scope import staff_of
from core.models import User
from ratingslips.admin.slips.rights import may_correct
from ratingslips.admin.slips.sentences import changes_since, is_new
from ratingslips.admin.slips.times import time_arguments
from ratingslips.events import SlipVersion
from ratingslips.models import RatingSlip, SlipRequest
from ratingslips.services import (
    BeforeLastEvent,
    ChosenTime,
    SlipChanged,
)

COLUMNS: Final = ("Player", "Where", "Status", "Average bet", "Played")

Typed = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class ChosenAction:
    """An action that a person chose on a page: the slip, its version on the page, and the values of the form.

    `chosen_time` is None if the act happens now, `request_id` is None if the page had no id, `expected_version` is None
    if the page did not show the slip.
    """

    slip: RatingSlip
    actor: User
    at: datetime
    chosen_time: ChosenTime | None = None
    request_id: UUID | None
    expected_version: SlipVersion | None
    typed: Typed

    @property
    def arguments_without_version(self) -> dict[str, Any]:
        """The arguments that all services take."""
        return {"slip": self.slip.pk, "actor": self.actor, "at": self.at, "request_id": self.request_id}

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments of services that refuse a slip if it has changed since the page was shown."""
        chosen = {"chosen_time": self.chosen_time, "expected_version": self.expected_version}
        return self.arguments_without_version | chosen

    def when(self, happened_at: datetime) -> str:
        """When the act happened: “ at 19:30”; empty if no time was chosen, and it happened now."""
        return "" if self.chosen_time is None else f" at {time_in(happened_at, self.slip.casino)}"

    def outcome(
        self, request: SlipRequest, participle: str, sentence: str, *, kind: OutcomeKind = OutcomeKind.DONE
    ) -> Outcome:
        """The outcome of a change by `request`: `sentence`, or the time of the change if this page was sent before."""
        if is_new(request):
            return Outcome(kind=kind, sentence=sentence, obj=request.slip)
        at = exact_time_in(request.happened_at, self.slip.casino)
        sentence = f"{participle} at {at} by you. Nothing was done twice."
        return Outcome(kind=OutcomeKind.REPLAYED, sentence=sentence, obj=request.slip)


@dataclass(frozen=True, kw_only=True)
class SlipAction:
    """An action on a slip. `carry_out` makes the one service call; its sentence follows the slip's number and a colon.

    `floor_form` is its form on the floor's page of a slip, which has the forms of all actions; None if that page does
    not offer it. The other fields are those of `RowAction`.
    """

    name: str
    label: str
    done: str
    carry_out: Callable[[ChosenAction], Outcome]
    submit_label: str = "Confirm"
    explanation: str = ""
    make_form: Callable[[HttpRequest, Row, Typed | None], forms.Form] | None = None
    floor_form: type[forms.Form] | None = None
    describe: Callable[[Sequence[RatingSlip]], list[Row]]
    is_asked_on_page: bool = False
    max_rows: int = MAX_ROWS

    def perform(self, chosen: ChosenAction) -> Outcome:
        """Carry out the action and return its outcome.

        :raises DomainError: the service refused; `SlipChanged` names the changes since the page was shown.
        """
        try:
            return self.carry_out(chosen)
        except SlipChanged as error:
            assert chosen.expected_version is not None
            changes = changes_since(chosen.slip.pk, chosen.expected_version)
            raise SlipChanged(f"{error.message} {changes}".strip()) from error

    def row_action(self, request: HttpRequest) -> RowAction:
        """The action as the list and the slip's page carry it out, row by row."""
        return RowAction(
            name=self.name,
            label=self.label,
            done=self.done,
            submit_label=self.submit_label,
            explanation=self.explanation,
            columns=COLUMNS,
            describe=self.describe,
            make_form=partial(self.make_form, request) if self.make_form else None,
            perform=self._perform_on_row,
            is_asked_on_page=self.is_asked_on_page,
            max_rows=self.max_rows,
        )

    def _perform_on_row(self, request: HttpRequest, row: Row) -> Outcome:
        actor = staff_of(request)
        chosen = ChosenAction(
            slip=row.obj,
            actor=actor,
            **time_arguments(row.given.get("when"), actor=actor, pit=row.obj.pit, now=timezone.now()),
            request_id=row.request_id,
            expected_version=None if row.posted_version is None else SlipVersion.from_text(row.posted_version),
            typed=row.given,
        )
        try:
            outcome = self.perform(chosen)
        except BeforeLastEvent as error:
            if not may_correct(request, row.obj):
                raise
            page = reverse("admin:ratingslips_ratingslip_correct", args=[row.obj.pk])
            link = format_html('<a href="{}">Correct the play before that …</a>', page)
            return Outcome(kind=OutcomeKind.REFUSED, sentence=format_html("{} {}", row.with_name(error.message), link))
        return Outcome(kind=outcome.kind, sentence=row.with_name(outcome.sentence))
