"""Addresses of the console's pages, and buttons that an app adds to the pages of an app below it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString


@dataclass(frozen=True, kw_only=True, slots=True)
class Link:
    """A button; `is_primary` for the usual next step."""

    label: str
    url: str
    is_primary: bool = False


Provider = Callable[[HttpRequest, Any], Iterable[Link]]
P = TypeVar("P", bound=Provider)

_providers: dict[type[Model], list[Provider]] = {}
_own_pages: dict[type[Model], Callable[[Any], str]] = {}
U = TypeVar("U", bound=Callable[[Any], str])


def own_page(model: type[Model]) -> Callable[[U], U]:
    """Register a function that gives the address of a row's page, in place of the admin's change form."""

    def register(address: U) -> U:
        _own_pages[model] = address
        return address

    return register


def adds_links(model: type[Model]) -> Callable[[P], P]:
    """Register a function of request and row that gives buttons for the row's page."""

    def register(provider: P) -> P:
        _providers.setdefault(model, []).append(provider)
        return provider

    return register


def links_for(request: HttpRequest, obj: Model) -> list[Link]:
    """All buttons for the page of `obj`, in the order in which the apps were loaded."""
    return [link for provider in _providers.get(type(obj), ()) for link in provider(request, obj)]


def page_url(obj: Model) -> str:
    """The address of the console's page of `obj`: its registered page, else the admin's."""
    if own := _own_pages.get(type(obj)):
        return own(obj)
    return reverse(f"admin:{obj._meta.app_label}_{obj._meta.model_name}_change", args=[obj.pk])


def list_url(model: type[Model], **filters: object) -> str:
    """The address of the console's list of `model`, with `filters`."""
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    return f"{url}?{query}" if query else url


def link_to(obj: Model, label: object = None) -> SafeString:
    """An HTML link to the page of `obj`; its text is `str(obj)` by default."""
    return format_html('<a href="{}">{}</a>', page_url(obj), obj if label is None else label)
