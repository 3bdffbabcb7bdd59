"""Admin actions with a confirmation page and a message for each row.

Modelled on Django's `delete_selected`. The first post shows a page with the chosen rows, and a form for each of them if
the action takes input. The second post goes to the same action and carries it out. Admin actions run outside any
transaction, so each row's service call owns one, and a refused row does not stop the others. It is shown on the
confirmation page again, with what was typed.
"""

from collections import Counter
from collections.abc import Callable, Sequence
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
from core.console.row_actions import LEVELS, Outcome, OutcomeKind, Row, RowAction
from core.console.scope import M, ModelAdmin
from core.console.time_budget import each_within_budget
from core.errors import DomainError
from core.idempotency import IdempotencyConflict
from core.retries import is_database_away

log = structlog.get_logger(__name__)

CONFIRMED: Final = "confirmed"
RETURN_TO_PAGE: Final = "return_to_page"
REQUEST_ID: Final = "request_id"
VERSION: Final = "version"
TEMPLATE: Final = "core/console/confirmation.html"
# A box to tick and a text are on a line of their own, below their row.
WIDE_WIDGETS: Final = ("checkbox", "textarea", "when")


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

    Rows that are not reached within the time budget, and rows that are refused after something was typed, are shown on
    the confirmation page again. Each row keeps its request id, except after a conflict. An action that is not confirmed
    names the rows that are not reached.

    :raises DatabaseAway: the database went away; the answer says what was done before.
    """
    chosen, missing = _chosen(model_admin, request, queryset, limit=action.max_rows)
    if len(chosen) > action.max_rows:
        text = f"At most {action.max_rows} can be chosen at once for “{action.label}”. Nothing was done."
        model_admin.message_user(request, text, messages.ERROR)
        return None
    if missing:
        report_missing(model_admin, request, missing)
    rows = action.describe(chosen)
    if not rows:
        return None
    if not _is_ready(request, action, rows):
        page_id = request_id_of(request) if CONFIRMED in request.POST else None
        return _page(model_admin, request, action=action, rows=rows, page_id=page_id)
    outcomes = each_within_budget(
        rows,
        lambda row: _outcome(request, action, row),
        say=lambda outcomes: [outcome.sentence for outcome in outcomes],
    )
    refused = [row for row, outcome in zip(rows, outcomes, strict=False) if row.keeps_typed(action, outcome)]
    not_reached = rows[len(outcomes) :]
    _answer(model_admin, request, action=action, outcomes=outcomes, not_reached=not_reached)
    if again := refused + not_reached:
        page_id = _page_id_again(request, again)
        return _page(model_admin, request, action=action, rows=again, page_id=page_id, has_refused=bool(refused))
    return _back(request, rows)


def _is_ready(request: HttpRequest, action: RowAction, rows: Sequence[Row]) -> bool:
    """Give each row the version, request id and form of the sent page; whether the action can be carried out."""
    page_id = request_id_of(request)
    # With “select all”, rows on other pages of the list are chosen too, and no version of these was shown.
    not_shown = None if request.POST.get("select_across") == "1" else ""
    for row in rows:
        row.posted_version = request.POST.get(f"{VERSION}-{row.obj.pk}", not_shown)
        carried = correlation.parse(request.POST.get(f"{REQUEST_ID}-{row.obj.pk}"))
        row.request_id = carried or row_request_id(page_id, action=action.name, row=row.obj)
        row.carries_id = carried is not None
    is_confirmed = CONFIRMED in request.POST or (action.is_asked_on_page and RETURN_TO_PAGE in request.POST)
    if action.make_form:
        posted = request.POST if is_confirmed else None
        for row in rows:
            row.sent = _sent_for(row, request) if RETURN_TO_PAGE in request.POST else {}
            row.form = action.make_form(row, posted)
        return is_confirmed and all(row.form.is_valid() for row in rows if row.form)
    return is_confirmed


def _page_id_again(request: HttpRequest, rows: Sequence[Row]) -> UUID | None:
    """The id of the page that shows `rows` again: that of the sent page, unless the id of one of them was used.

    If it was, the page and this row get a new id. The others carry theirs, so that sending them again is safe.
    """
    if all(row.request_id for row in rows):
        return request_id_of(request)
    for row in rows:
        row.carries_id = row.request_id is not None
    return None


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
        if isinstance(error, IdempotencyConflict):
            row.request_id = None
        return Outcome(kind=OutcomeKind.REFUSED, sentence=row.with_name(error.message))
    except Exception as error:
        if is_database_away(error):
            raise
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
        left = " These are listed below: send them to continue." if not_reached else ""
        text = f"Of {len(outcomes) + len(not_reached)}: {', '.join(parts)}.{left}"
        model_admin.message_user(request, text, messages.SUCCESS if is_good else messages.WARNING)


def _back(request: HttpRequest, rows: Sequence[Row]) -> HttpResponse | None:
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
    has_refused: bool = False,
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
        "has_refused": has_refused,
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
