"""What there is to send to: the addresses and forms of the running console, found by following its links."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any, Final
from urllib.parse import parse_qsl, urljoin, urlsplit

from tests.fuzz import Pair

PAGES_OF_A_KIND: Final = 3
_KEY: Final = re.compile(r"\d+|[0-9a-f]{8}-[0-9a-f-]{27}")


@dataclass(frozen=True, kw_only=True)
class Form:
    """A form of a page: where it is sent, and what a browser would send of it."""

    path: str
    fields: tuple[Pair, ...]


@dataclass(kw_only=True)
class Console:
    """What was found: paths, names and values of query strings, and forms that post."""

    paths: set[str] = field(default_factory=set)
    queries: set[Pair] = field(default_factory=set)
    forms: set[Form] = field(default_factory=set)


class _Page(HTMLParser):
    """The links and forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.forms: list[tuple[str, bool, list[Pair]]] = []
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        elif tag == "form":
            self.forms.append((given.get("action", ""), given.get("method", "").lower() == "post", []))
        elif tag == "select":
            self._select = given.get("name", "")
        elif tag == "option" and self._select and self.forms:
            self.forms[-1][2].append((self._select, given.get("value", "")))
        elif tag in {"input", "textarea", "button"} and given.get("name") and self.forms:
            self.forms[-1][2].append((given["name"], given.get("value", "on")))


def discover(get: Callable[[str], Any], *, more: Iterable[str], pages_max: int) -> Console:
    """Follow all links from the front page and the addresses `more`, in their order: a few pages of each kind."""
    console, waiting, kinds = Console(), ["/", *more], dict[str, int]()
    while waiting and len(console.paths) < pages_max:
        url = waiting.pop(0)
        split = urlsplit(url)
        console.queries.update(parse_qsl(split.query))
        kind = _KEY.sub("#", split.path)
        if split.netloc or split.path in console.paths or kinds.get(kind, 0) >= PAGES_OF_A_KIND:
            continue
        kinds[kind] = kinds.get(kind, 0) + 1
        console.paths.add(split.path)
        answer = get(url)
        if answer.status_code in {301, 302}:
            waiting.insert(0, urljoin(url, answer.headers["Location"]))
        elif not answer.streaming and "html" in answer.headers.get("Content-Type", ""):
            page = _Page()
            page.feed(answer.content.decode())
            waiting += [urljoin(url, unescape(link)) for link in page.links]
            for action, posts, fields in page.forms:
                if posts:
                    console.forms.add(Form(path=urlsplit(urljoin(url, action)).path, fields=tuple(fields)))
                else:
                    console.queries.update(fields)
    return console
