"""Extensions of the ledger's pages by other apps, so that the ledger does not depend on them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from core.console.display import staff_name
from core.console.filtered_list import Column
from core.models import User
from loyalty.models import LedgerEntry, PlayerLoyalty

Entries = QuerySet[LedgerEntry]


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """A filter of the ledger: its form field, what it does to the entries, and its value as text.

    A filter has either `narrow`, or `keys`, where few entries match and another table has their keys. `keys` gives only
    those of entries that the member of staff may see.
    """

    name: str
    field: Callable[[], forms.Field]
    in_words: Callable[[Any], str]
    narrow: Callable[[Entries, Any], Entries] | None = None
    keys: Callable[[User], "QuerySet[Any, Any]"] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerExtension:
    """Everything that one app adds to the ledger's pages.

    `related` is read with each entry. `find` gives the keys of the entries that match a search term, of those that the
    member of staff may see. `render` gives a section of the page of one entry, `render_for_account` one of an account's
    page and award form, empty if there is nothing to say. `author` says who is behind an entry, on its page.
    """

    related: Sequence[str] = ()
    filters: Sequence[Filter] = ()
    columns: Sequence[Column] = ()
    find: Callable[[User, str], "QuerySet[Any, Any]"] | None = None
    render: Callable[[HttpRequest, LedgerEntry], SafeString] | None = None
    render_for_account: Callable[[HttpRequest, PlayerLoyalty], SafeString] | None = None
    author: Callable[[LedgerEntry], str] | None = None


_extensions: list[LedgerExtension] = []


def extend_ledger(extension: LedgerExtension) -> None:
    """Register an extension of the ledger's pages."""
    _extensions.append(extension)


def ledger_extensions() -> Sequence[LedgerExtension]:
    """All registered extensions, in the order in which the apps were loaded."""
    return tuple(_extensions)


def author_of(entry: LedgerEntry) -> str:
    """Who is behind an entry, by the first extension that says it; else the member of staff who posted it."""
    authors = (one.author for one in _extensions if one.author is not None)
    return next(authors, lambda entry: staff_name(entry.staff))(entry)


def sections_for(request: HttpRequest, account: PlayerLoyalty) -> SafeString:
    """What all extensions add to the page and the award form of an account."""
    renders = [one.render_for_account for one in _extensions if one.render_for_account is not None]
    return format_html_join("", "{}", ((render(request, account),) for render in renders))
