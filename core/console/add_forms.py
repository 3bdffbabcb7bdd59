"""Forms that add a row add it once, however often they are sent, and at once."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from core.console.change_forms import (
    UNRECOGNISED,
    PostedChange,
    answer_again_if_taken,
    answer_busy,
    judge_by_now,
    note,
    posted_change,
)
from core.correlation import parse
from core.errors import Busy
from core.models import SentForm, User
from core.sent_forms.sending import REQUEST_ID, FormAlreadyUsed, is_recorded, lock_form, record_form
from core.transactions import operation

# Django's own classes come after the mixin; mypy has to know them.
if TYPE_CHECKING:
    _Base = admin.ModelAdmin[Any]
else:
    _Base = object

CSRF_FIELD: Final = "csrfmiddlewaretoken"
ALREADY_ADDED: Final = "This form was sent before, and what it held was added then: nothing was added again."


class AddedOnce(_Base):
    """Mixed into an admin before Django's: its form to add a row carries an id, by which it is known again."""

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """Django's view; a sent form runs in one transaction that locks its id first."""

        def answer() -> HttpResponse:
            page: HttpResponse = super(AddedOnce, self).add_view(request, form_url, extra_context)
            return page

        if request.method != "POST":
            return answer()
        try:
            return answer_again_if_taken(lambda: self._add(request, answer))
        except Busy as error:
            return answer_busy(request, error, answer, carries=REQUEST_ID)

    def _add(self, request: HttpRequest, answer: Callable[[], HttpResponse]) -> HttpResponse:
        with operation("console.add", actor_id=request.user.pk):
            try:
                sent = _lock(request)
            except FormAlreadyUsed as error:
                note(request, PostedChange(refusal=(error.message,), next_token=str(uuid4())))
                return answer()
            if sent is None:
                note(request, PostedChange(refusal=(UNRECOGNISED,), next_token=str(uuid4())))
                return answer()
            if is_recorded(sent):
                messages.warning(request, ALREADY_ADDED)
                return HttpResponseRedirect(sent.answer)
            note(request, PostedChange(next_token=str(sent.pk)))
            judge_by_now(request)
            page = answer()
            if isinstance(page, HttpResponseRedirect):
                record_form(sent, answer=page.url)
            return page

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        if add:
            posted = posted_change(request)
            context[REQUEST_ID] = posted.next_token if posted else uuid4()
        return super().render_change_form(request, context, add, change, form_url, obj)


def _lock(request: HttpRequest) -> SentForm | None:
    """The form that `request` sends, locked by its id; None if it carries none."""
    request_id = parse(request.POST.get(REQUEST_ID))
    if request_id is None:
        return None
    # A fingerprint of a password would tell the password.
    contents = {
        name: "\n".join(values)
        for name, values in request.POST.lists()
        if not name.startswith("_") and "password" not in name and name not in {REQUEST_ID, CSRF_FIELD}
    }
    assert isinstance(request.user, User), "the admin lets nobody in who is not signed in"
    return lock_form(request_id, actor=request.user, address=request.path, contents=contents)
