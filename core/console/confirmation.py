"""Admin actions with a confirmation page and a message for each row.

Modelled on Django's `delete_selected`. The first post shows a page with the chosen rows, and a form for each of them if
the action takes input. The second post goes to the same action and carries it out. Admin actions run outside any
transaction, so each row's service call owns one, and a refused row does not stop the others.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid4, uuid5

import structlog
from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core import correlation
from core.console.links import page_url
from core.console.readable import UNREADABLE, report_missing
from core.console.scope import M, ModelAdmin
from core.console.time_budget import within_budget
from core.errors import DomainError

log = structlog.get_logger(__name__)

MAX_ROWS: Final = 500
CONFIRMED: Final = "confirmed"
RETURN_TO_PAGE: Final = "return_to_page"
REQUEST_ID: Final = "request_id"
VERSION: Final = "version"
TEMPLATE: Final = "core/console/confirmation.html"
# A box to tick and a text are on a line of their own, below their row.
WIDE_WIDGETS: Final = ("checkbox", "textarea", "when")


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
    """The result for one row, and its message."""

    kind: OutcomeKind
    sentence: str


@dataclass(kw_only=True, slots=True)
class Row:
    """One chosen row on the confirmation page: its name, its other cells, and its form with the context it needs.

    `version` is the row's version now, for the page that is about to be shown; `posted_version` is the version on the
    sent page, if it showed the row. `request_id` is derived from the id of the sent page, if it had one, so that the
    same page sent again is the same request. `sent` are fields of the form that the row's own page had and sent.
    """

    obj: Any
    name: str
    version: str = ""
    posted_version: str | None = None
    request_id: UUID | None = None
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


@dataclass(frozen=True, kw_only=True)
class RowAction:
    """An action on chosen rows.

    `done` is the past participle for the summary. `perform` makes the one service call of a row. `make_form` builds a
    row's form: with initial values, or bound to the posted data. An action that takes no input and changes no points
    needs no confirmation.
    """

    name: str
    label: str
    done: str
    perform: Callable[[HttpRequest, Row], Outcome]
    describe: Callable[[Sequence[Any]], list[Row]]
    columns: Sequence[str] = ()
    explanation: str = ""
    make_form: Callable[[Row, Mapping[str, Any] | None], forms.Form] | None = None
    is_confirmed_first: bool = True
    max_rows: int = MAX_ROWS
    submit_label: str = "Confirm"


def request_id_of(request: HttpRequest) -> UUID | None:
    """The request id of the posted page; None if it had none."""
    return correlation.parse(request.POST.get(REQUEST_ID))


def row_request_id(page_id: UUID | None, *, action: str, row: Any) -> UUID | None:
    """The request id of one action on one row, derived from the id of the page that asked for it."""
    return uuid5(page_id, f"{action}:{row.pk}") if page_id else None


def version_field(row: Any, version: str) -> SafeString:
    """A hidden field for a page that lists rows: the version of a row that the page shows."""
    return format_html('<input type="hidden" name="{}-{}" value="{}">', VERSION, row.pk, version)


class ConfirmingAdmin(ModelAdmin[M]):
    """An admin whose actions are carried out by `run`; the services check the permission for each row."""

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {REQUEST_ID: uuid4()} | (extra_context or {}))

    def get_actions(self, request: HttpRequest) -> dict[str, tuple[Callable[..., str], str, str] | None]:
        """Offer the permitted actions, but accept any posted action from staff who may see the list.

        The service refuses and logs an action without permission, and still answers a replay with its first result.
        """
        offered = super().get_actions(request)
        if request.method == "POST" and ACTION_CHECKBOX_NAME in request.POST:
            offered |= {str(name): self.get_action(name) for name in self.actions or ()}
        return offered


def run(
    model_admin: "admin.ModelAdmin[Any]", request: HttpRequest, queryset: "QuerySet[Any]", action: RowAction
) -> HttpResponse | None:
    """Show the action's confirmation page, or carry the action out, with a message for each row.

    Rows that are not reached within the time budget are shown on the confirmation page again. It keeps its id, so that
    each row keeps its request id. An action that is not confirmed names them.
    """
    chosen, missing = _chosen(model_admin, request, queryset, limit=action.max_rows)
    if len(chosen) > action.max_rows:
        text = f"At most {action.max_rows} can be chosen at once for “{action.label}”. Nothing was done."
        model_admin.message_user(request, text, messages.ERROR)
        return None
    rows = action.describe(chosen)
    page_id = request_id_of(request)
    # With “select all”, rows on other pages of the list are chosen too, and no version of these was shown.
    not_shown = None if request.POST.get("select_across") == "1" else ""
    for row in rows:
        row.posted_version = request.POST.get(f"{VERSION}-{row.obj.pk}", not_shown)
        row.request_id = row_request_id(page_id, action=action.name, row=row.obj)
    is_confirmed = CONFIRMED in request.POST or not action.is_confirmed_first
    if action.make_form:
        posted = request.POST if is_confirmed else None
        for row in rows:
            row.sent = _sent_for(row, request) if RETURN_TO_PAGE in request.POST else {}
            row.form = action.make_form(row, posted)
        is_confirmed = is_confirmed and all(row.form.is_valid() for row in rows if row.form)
    if missing:
        report_missing(model_admin, request, missing)
    if not rows:
        return _back(model_admin, request, rows)
    if not is_confirmed:
        return _page(model_admin, request, action=action, rows=rows)
    outcomes = [_outcome(request, action, row) for row in within_budget(rows)]
    not_reached = rows[len(outcomes) :]
    _answer(model_admin, request, action=action, outcomes=outcomes, not_reached=not_reached)
    if not_reached and action.is_confirmed_first:
        return _page(model_admin, request, action=action, rows=not_reached, page_id=page_id)
    return _back(model_admin, request, rows)


def _sent_for(row: Row, request: HttpRequest) -> dict[str, str]:
    prefix = f"{row.obj.pk}-"
    return {name.removeprefix(prefix): request.POST[name] for name in request.POST if name.startswith(prefix)}


def _chosen(
    model_admin: "admin.ModelAdmin[Any]", request: HttpRequest, queryset: "QuerySet[Any]", *, limit: int
) -> tuple[list[Any], int]:
    """The chosen rows, at most `limit` + 1, and the number of keys without a row.

    Keys are looked up among all rows that the member of staff may see, not only those that match the list's filters:
    after a double click the first request may have changed the row so that it no longer matches.
    """
    if request.POST.get("select_across") == "1":
        return list(queryset[: limit + 1]), 0
    asked = set(request.POST.getlist(ACTION_CHECKBOX_NAME)) | set(request.POST.getlist(UNREADABLE))
    rows = model_admin.get_queryset(request).filter(pk__in=request.POST.getlist(ACTION_CHECKBOX_NAME))
    found = list(rows.order_by(*model_admin.get_ordering(request))[: limit + 1])
    return found, len(asked) - len(found)


def _outcome(request: HttpRequest, action: RowAction, row: Row) -> Outcome:
    try:
        return action.perform(request, row)
    except DomainError as error:
        return Outcome(kind=OutcomeKind.REFUSED, sentence=row.with_name(error.message))
    except Exception:
        log.exception("console.row_failed", action=action.name, row_id=str(row.obj.pk), actor_id=request.user.pk)
        sentence = f"{row.name}: something went wrong and was reported, reference {correlation.current()}."
        return Outcome(kind=OutcomeKind.FAILED, sentence=sentence)


def _answer(
    model_admin: "admin.ModelAdmin[Any]",
    request: HttpRequest,
    *,
    action: RowAction,
    outcomes: Sequence[Outcome],
    not_reached: Sequence[Row],
) -> None:
    for outcome in outcomes:
        model_admin.message_user(request, outcome.sentence, LEVELS[outcome.kind])
    if len(outcomes) + len(not_reached) > 1:
        counts = Counter(outcome.kind for outcome in outcomes)
        words = {OutcomeKind.DONE: action.done}
        parts = [f"{counts[kind]} {words.get(kind, kind.value)}" for kind in OutcomeKind if counts[kind]]
        if not_reached:
            parts.append(f"{len(not_reached)} not reached in time")
        is_good = set(counts) <= {OutcomeKind.DONE, OutcomeKind.REPLAYED} and not not_reached
        text = f"Of {len(outcomes) + len(not_reached)}: {', '.join(parts)}.{_left_to_do(action, not_reached)}"
        model_admin.message_user(request, text, messages.SUCCESS if is_good else messages.WARNING)


def _left_to_do(action: RowAction, not_reached: Sequence[Row]) -> str:
    """What to do with the rows that were not reached; empty if all were."""
    if not not_reached:
        return ""
    if action.is_confirmed_first:
        return " These are listed below: send them to continue."
    return f" Choose these again to continue: {', '.join(row.name for row in not_reached)}."


def _back(model_admin: "admin.ModelAdmin[Any]", request: HttpRequest, rows: Sequence[Row]) -> HttpResponse | None:
    """Redirect to the row's page if the button was pressed there; else None, which shows the list again."""
    if RETURN_TO_PAGE in request.POST and len(rows) == 1:
        return HttpResponseRedirect(page_url(rows[0].obj))
    return None


def _page(
    model_admin: "admin.ModelAdmin[Any]",
    request: HttpRequest,
    *,
    action: RowAction,
    rows: Sequence[Row],
    page_id: UUID | None = None,
) -> TemplateResponse:
    opts = model_admin.opts
    has_errors = any(row.form.errors for row in rows if row.form)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": action.label,
        "subtitle": None,
        "opts": opts,
        "action": action,
        "rows": rows,
        "has_errors": has_errors,
        "labels": _labels(rows[0].form) if rows[0].form else [],
        "wide_widgets": WIDE_WIDGETS,
        "media": model_admin.media,
        "action_checkbox_name": ACTION_CHECKBOX_NAME,
        "confirmed_name": CONFIRMED,
        "return_name": RETURN_TO_PAGE if RETURN_TO_PAGE in request.POST else "",
        "cancel_url": request.get_full_path(),
        REQUEST_ID: page_id or uuid4(),
    }
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(request, TEMPLATE, context)


def _labels(form: forms.Form) -> list[str]:
    """The headings of a form's fields without those on a line of their own."""
    return [str(bound.label) for bound in form.visible_fields() if bound.widget_type not in WIDE_WIDGETS]
