"""Lists that read from their address only what they offer, and accept invalid keys of actions."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar, Final
from urllib.parse import parse_qsl, urlencode

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import get_fields_from_path
from django.contrib.admin.views.main import ORDER_VAR, PAGE_VAR, SEARCH_VAR, ChangeList
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from core.console.queries import keep_only, keep_values

# The chosen keys that were left out, so that they can be counted as missing.
UNREADABLE: Final = "unreadable_action"
NO_SUCH_PAGE: Final = "This list has no such page; this is its first one."

# Django's own classes come after it; mypy has to know them.
if TYPE_CHECKING:
    _Base = admin.ModelAdmin[Any]
else:
    _Base = object


class ReadableList(ChangeList):
    """A list that shows its first page where the address asks for one that it does not have."""

    def get_results(self, request: HttpRequest) -> None:
        try:
            super().get_results(request)
        except IncorrectLookupParameters:
            messages.warning(request, NO_SUCH_PAGE)
            self.page_num = 1
            super().get_results(request)


class ReadableLists(_Base):
    """Mixed into an admin before Django's: it reads only what it offers, and accepts invalid keys."""

    show_facets: ClassVar[Any] = admin.ShowFacets.NEVER
    list_max_show_all = 0

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ReadableList

    def get_paginator(self, request: HttpRequest, queryset: Any, *args: Any, **kwargs: Any) -> Any:
        """The pages of a list; a list that is read twice, for a page that it does not have, counts its rows once."""
        known = request.__dict__.get("_paginator")
        if known is None or known.object_list is not queryset:
            known = request.__dict__["_paginator"] = super().get_paginator(request, queryset, *args, **kwargs)
        return known

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Django's view, which would look up any column of the model, and fail for values of another type."""
        names = {PAGE_VAR}
        if self.get_search_fields(request):
            names.add(SEARCH_VAR)
        if self.get_sortable_by(request):
            names.add(ORDER_VAR)
        filters = list(self._filters(request)) if request.GET.keys() - names else []
        of_filters = {str(name): one for one in filters for name in one.expected_parameters()}
        keep_only(request, names | of_filters.keys())
        keep_values(request, lambda name, value: _offers(of_filters[name], request, name, value), names=of_filters)
        return super().changelist_view(request, extra_context)

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> HttpResponse:
        """Django's, without the key: who made somebody open the address must not choose words of the next page."""
        messages.warning(request, f"This {opts.verbose_name} doesn’t exist. Perhaps it was deleted.")
        return HttpResponseRedirect(reverse("admin:index"))

    def _filters(self, request: HttpRequest) -> Iterator[Any]:
        """The filters of the list, as they are while none is in use; also those with nothing to choose from."""
        one: Any
        for one in self.get_list_filter(request):
            if isinstance(one, type):
                yield one(request, {}, self.model, self)
                continue
            path, of_class = one if isinstance(one, tuple) else (str(one), admin.FieldListFilter.create)
            field = get_fields_from_path(self.model, path)[-1]
            yield of_class(field, request, {}, self.model, self, field_path=path)

    def response_action(self, request: HttpRequest, *rows: Any, **where: Any) -> Any:
        """Leave out invalid keys before Django looks them up and fails."""
        asked = set(request.POST.getlist(ACTION_CHECKBOX_NAME))
        keys = {text for text in asked if self._is_key(text)}
        if not keys:
            report_missing(self, request, len(asked))
            return None
        post = request.POST.copy()
        post.setlist(ACTION_CHECKBOX_NAME, sorted(keys))
        post.setlist(UNREADABLE, sorted(asked - keys))
        request.POST = post  # type: ignore[assignment]
        return super().response_action(request, *rows, **where)

    def _is_key(self, text: str) -> bool:
        try:
            self.opts.pk.to_python(text)
        except ValidationError:
            return False
        return True


def _offers(one: Any, request: HttpRequest, name: str, value: str) -> bool:
    """Whether the filter has a choice with this value, or accepts values that it does not list (`accepts`)."""
    if hasattr(one, "accepts"):
        accepted: bool = one.accepts(request, value)
        return accepted
    links = SimpleNamespace(
        add_facets=False, get_query_string=lambda new=None, remove=None: urlencode(new or {}, doseq=True)
    )
    return any((name, value) in parse_qsl(choice["query_string"]) for choice in one.choices(links))


def report_missing(model_admin: Any, request: HttpRequest, missing: int) -> None:
    """Say how many of the chosen rows were not found."""
    text = f"{missing} of the chosen {model_admin.opts.verbose_name_plural} cannot be found in your casino."
    model_admin.message_user(request, text, messages.ERROR)
