"""What an app above adds to the ledger's pages, so that the ledger need not know why points arise."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from core.models import User
from loyalty.models import LedgerEntry

Entries = QuerySet[LedgerEntry]


@dataclass(frozen=True, kw_only=True, slots=True)
class Filter:
    """One way to narrow the ledger: the field that asks, what it does to the entries, and how it reads in words.

    One that `is_selective` finds few entries, and finds them in another table.
    """

    name: str
    field: Callable[[], forms.Field]
    narrow: Callable[[Entries, Any], Entries]
    in_words: Callable[[Any], str]
    is_selective: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """A column of the list, of the export, or of both; a cell of the list is HTML, one of the export is plain text.

    `is_head` names the line, `is_figure` sets it to the right.
    """

    label: str
    shown: Callable[[LedgerEntry], SafeString | str] | None = None
    exported: Callable[[LedgerEntry], str | int] | None = None
    is_head: bool = False
    is_figure: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerExtension:
    """All that one app adds.

    `related` is joined to each entry; `find` gives the keys of the entries that a search term names, of those that the
    member of staff sees; `tell` adds a part to the page of one entry.
    """

    related: Sequence[str] = ()
    filters: Sequence[Filter] = ()
    columns: Sequence[Column] = ()
    find: Callable[[User, str], "QuerySet[Any, Any]"] | None = None
    tell: Callable[[HttpRequest, LedgerEntry], SafeString] | None = None


_additions: list[LedgerExtension] = []


def add_to_ledger(addition: LedgerExtension) -> None:
    """Let the ledger's pages show what another app knows about an entry."""
    _additions.append(addition)


def additions() -> Sequence[LedgerExtension]:
    """Everything that was added, in the order in which the apps were loaded."""
    return tuple(_additions)
