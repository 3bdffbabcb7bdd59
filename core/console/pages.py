"""A page of the console with one form."""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.forms import Form
from django.http import Http404, HttpRequest
from django.template.response import TemplateResponse

M = TypeVar("M", bound=Model)

TEMPLATE = "core/console/form.html"


def viewable(model_admin: "admin.ModelAdmin[M]", request: HttpRequest, object_id: str) -> M:
    """The row with this key, if the member of staff may see it.

    :raises Http404: there is no such row, or it is another casino's.
    :raises PermissionDenied: the member of staff may not see rows of this model.
    """
    obj = model_admin.get_object(request, object_id)
    if obj is None:
        raise Http404
    if not model_admin.has_view_permission(request, obj):
        raise PermissionDenied
    return obj


def form_page(
    model_admin: "admin.ModelAdmin[Any]",
    request: HttpRequest,
    *,
    title: str,
    form: Form,
    submit_label: str,
    cancel_url: str,
    original: Model | None = None,
    facts: Sequence[tuple[str, object]] = (),
    explanation: str = "",
    sections: str = "",
    request_id: UUID | None = None,
) -> TemplateResponse:
    """Show `form`, with `facts` (name, value) and `sections` (HTML) above it.

    It posts to the address of the page, with `request_id`.
    """
    context = {
        **model_admin.admin_site.each_context(request),
        "title": title,
        "subtitle": None,
        "opts": model_admin.opts,
        "original": original,
        "media": model_admin.media + form.media,
        "form": form,
        "submit_label": submit_label,
        "cancel_url": cancel_url,
        "facts": facts,
        "explanation": explanation,
        "sections": sections,
        "request_id": request_id,
    }
    request.current_app = model_admin.admin_site.name
    return TemplateResponse(request, TEMPLATE, context)
