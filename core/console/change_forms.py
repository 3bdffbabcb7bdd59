"""Change forms that do not overwrite what somebody else changed while they were open.

A form carries the values that it showed. When it is sent, its row is locked and read again. If a value has changed
since, nothing is saved: the page says what changed, keeps what its sender typed, and can be sent again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError
from django.db.models import Model
from django.http import HttpRequest, HttpResponse

from core.console.versions import FORM_VERSION, Version, sentences, version_of, who_changed
from core.errors import Busy
from core.keys import key_of
from core.models import User
from core.querysets import LockingQuerySet
from core.transactions import drop_lost_connection, operation

_POSTED: Final = "_posted_change"
UNRECOGNISED: Final = "This form could not be recognised, so nothing was saved. Check it and save it again."

# Django's own classes come after the mixin; mypy has to know them.
if TYPE_CHECKING:
    _Base = admin.ModelAdmin[Any]
    _Form = forms.BaseForm
else:
    _Base = object
    _Form = object


@dataclass(frozen=True, kw_only=True, slots=True)
class PostedChange:
    """What was found about a sent form: its refusal, the version for the next page, and the one it showed."""

    refusal: tuple[str, ...] = ()
    next_token: str
    shown: Version | None = None


def note(request: HttpRequest, posted: PostedChange) -> None:
    """Keep `posted` on the request, where the form and the page are made from it."""
    request.__dict__[_POSTED] = posted


def posted_change(request: HttpRequest) -> PostedChange | None:
    """What `note` kept on the request; None for a page that was not sent."""
    posted: PostedChange | None = request.__dict__.get(_POSTED)
    return posted


def judge_by_now(request: HttpRequest) -> None:
    """Read the request's user again, after the form has waited for its lock: they may have lost rights meanwhile.

    :raises PermissionDenied: they are no active member of staff any more.
    """
    request.user = User.objects.select_related("casino").get(pk=request.user.pk)
    if not (request.user.is_active and request.user.is_staff):
        raise PermissionDenied


def answer_busy(
    request: HttpRequest, error: Busy, answer: Callable[[], HttpResponse], *, carries: str = FORM_VERSION
) -> HttpResponse:
    """Show the form again as it was sent, with the reason; it can be sent again.

    `carries` is the hidden field by which it is known.
    """
    drop_lost_connection()
    note(request, PostedChange(refusal=(error.message,), next_token=request.POST.get(carries, "")))
    return answer()


def answer_again_if_taken(answer: Callable[[], HttpResponse]) -> HttpResponse:
    """The answer; once more if somebody else saved a row with the same unique value meanwhile: the form now says so."""
    try:
        return answer()
    except IntegrityError:
        return answer()


class Refusable(_Form):
    """Mixed into a form before Django's: with a `refusal` the form is invalid and shows its sentences."""

    refusal: tuple[str, ...] = ()

    def clean(self) -> Any:
        if self.refusal:
            self.add_error(None, [forms.ValidationError(sentence) for sentence in self.refusal])
        return super().clean()


def refusable(request: HttpRequest, form: Any) -> Any:
    """The class `form`, made invalid if a refusal was noted on the request."""
    posted = posted_change(request)
    if not (posted and posted.refusal):
        return form
    return type(form.__name__, (Refusable, form), {"refusal": posted.refusal})


def changed_meanwhile(what: str, sentences: list[str], *, who: str) -> tuple[str, ...]:
    """The refusal of a form whose row or grants were changed while it was open."""
    first = f"{what} changed while this form was open, so nothing was saved.{who}"
    return (first, *sentences, "What you typed is kept below. Check it and save it again.")


class VersionedForms(_Base):
    """Mixed into an admin before Django's: its change form is compared under the row's lock."""

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Django's view; a sent change form runs in one transaction that locks the row first."""

        def answer() -> HttpResponse:
            page: HttpResponse = super(VersionedForms, self).changeform_view(
                request, object_id, form_url, extra_context
            )
            return page

        if request.method != "POST" or object_id is None:
            return answer()

        def compare_and_answer() -> HttpResponse:
            with operation("console.change", actor_id=request.user.pk):
                self._compare(request, object_id)
                judge_by_now(request)
                return answer()

        try:
            return answer_again_if_taken(compare_and_answer)
        except Busy as error:
            return answer_busy(request, error, answer)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        return refusable(request, form)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Save the columns that the sender changed, and no others."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        columns = {column.name for column in obj._meta.concrete_fields}
        obj.save(update_fields=sorted(columns & set(form.changed_data)))

    def render_change_form(
        self,
        request: HttpRequest,
        context: dict[str, Any],
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        posted = posted_change(request)
        if posted and change:
            context["form_version"] = posted.next_token
            if posted.shown and posted.refusal:
                obj = self.get_queryset(request).get(pk=obj.pk)
                context["adminform"].form = _keep_typed(context["adminform"].form, obj, posted.shown)
        elif change and self.has_change_permission(request, obj):
            context["form_version"] = version_of(obj).token
        answer: HttpResponse = super().render_change_form(request, context, add, change, form_url, obj)
        return answer

    def _compare(self, request: HttpRequest, object_id: str) -> None:
        """Lock the row and note whether it is still as the form showed it, for staff who may change it."""
        if not self.has_change_permission(request):
            return
        key = key_of(unquote(object_id))
        seen = self.get_queryset(request).filter(pk=key)
        rows: LockingQuerySet[Any] = LockingQuerySet(self.model)
        row = rows.filter(pk__in=seen.values("pk")).locked().first()
        if row is None:
            return
        now = version_of(row)
        shown = Version.read(request.POST.get(FORM_VERSION, ""), subject=now.subject)
        refusal: tuple[str, ...] = () if shown else (UNRECOGNISED,)
        if shown and (changed := now.changed_since(shown)):
            fields = self.get_form(request, row, change=True).base_fields
            labels = {name: field.label for name, field in fields.items()}
            what, who = f"“{row}” was", who_changed(row, since=shown.at)
            refusal = changed_meanwhile(what, sentences(row, changed, labels), who=who)
        note(request, PostedChange(refusal=refusal, next_token=now.token, shown=shown))


def _keep_typed(form: Any, row: Model, shown: Version) -> Any:
    """The form with the current values of `row`, and the sender's values in the fields that the sender changed."""
    typed: dict[str, Any] = {}
    for name, field in form.fields.items():
        if name not in shown.values:
            continue
        column: Any = row._meta.get_field(name)
        old, raw = shown.values[name], form[name].data
        if old is not None and not column.many_to_many:
            old = column.to_python(old)
        if field.has_changed(old, raw):
            typed[name] = raw
    fresh = type(form)(instance=row, initial=typed)
    fresh._errors = form.errors
    return fresh
