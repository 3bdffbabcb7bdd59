"""What pages read from the query string of their address; everything else is left out, and the page says so."""

from collections.abc import Callable, Collection, Iterable
from typing import Any, Final, TypeVar

from django.contrib import messages
from django.http import HttpRequest, QueryDict

from core.player_search import cut_search

LEFT_OUT: Final = "The address asked for a filter that this page does not have; it was left out."
SEARCH_CUT: Final = "The search looked for its first words only: it was too long."
SEARCH: Final = "q"
# A page that is a part of another one, for a script: it shows no messages.
PART: Final = "part"
PRESERVED_FILTERS: Final = "_changelist_filters"
_READS: Final = "read_from_query"

V = TypeVar("V", bound=Callable[..., Any])


def reads(*names: str, others: Callable[[], Iterable[str]] = tuple) -> Callable[[V], V]:
    """Mark a view: it reads these parameters of its query string, and those that `others` gives."""

    def mark(view: V) -> V:
        setattr(view, _READS, lambda: {*names, *others()})
        return view

    return mark


def read_by(view: Any) -> set[str] | None:
    """The parameters that the view of a page reads: those that it is marked with, and those that Django reads.

    None for a list of the admin, which asks its filters (`ReadableLists`).
    """
    names: set[str] = getattr(view, _READS, set)() | {PRESERVED_FILTERS}
    model_admin = getattr(view, "__self__", None)
    match getattr(view, "__name__", ""):
        case "changelist_view" if not hasattr(view, _READS):
            return None
        case "add_view" if model_admin is not None:
            names |= {field.name for field in model_admin.opts.get_fields()}
        case "history_view":
            names.add("p")
    return names


def keep_only(request: HttpRequest, names: Collection[str]) -> None:
    """Leave out of the request's query string what is not among `names`, and cut a long search."""
    asked = request.GET
    kept = _of(asked, {name: asked.getlist(name) for name in asked if name in names})
    if kept.keys() != asked.keys():
        _say(request, LEFT_OUT)
    if SEARCH in kept:
        words, is_cut = cut_search(kept.get(SEARCH) or "")
        kept[SEARCH] = words
        if is_cut:
            _say(request, SEARCH_CUT)
    request.GET = kept  # type: ignore[assignment]


def keep_values(request: HttpRequest, offered: Callable[[str, str], bool], *, names: Collection[str]) -> None:
    """Leave out those values of the parameters `names` that are not `offered`."""
    asked = request.GET
    kept = {
        name: [value for value in asked.getlist(name) if name not in names or offered(name, value)] for name in asked
    }
    if any(kept[name] != asked.getlist(name) for name in asked):
        _say(request, LEFT_OUT)
    request.GET = _of(asked, {name: values for name, values in kept.items() if values})  # type: ignore[assignment]


def _of(asked: QueryDict, values: dict[str, list[str]]) -> QueryDict:
    query = QueryDict(mutable=True, encoding=asked.encoding)
    for name in values:
        query.setlist(name, values[name])
    return query


def _say(request: HttpRequest, sentence: str) -> None:
    """Show a sentence on the page, once."""
    said = request.__dict__.setdefault("_said_of_query", set())
    if sentence not in said and PART not in request.GET:
        said.add(sentence)
        messages.warning(request, sentence)
