"""Asking an address for real, as each column, and saying in one word what came of it."""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from html.parser import HTMLParser
from http.cookies import SimpleCookie
from typing import Any, Final
from unittest.mock import patch

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from structlog.testing import capture_logs

from config import urls
from core.permissions import NotPermitted
from tests.config.matrix.house import ELSEWHERE, OWN, TwoCasinos
from tests.config.matrix.posts import post_of, prepare, slip_of
from tests.config.matrix.table import COLUMNS, Question, Table, as_line, asked
from tests.console import close_stream, said
from tests.invariants import broken_invariants
from tests.table_sums import TableSums

# What an answer may be, whatever was sent.
CALM: Final = {200, 302, 304, 400, 403, 404, 405, 409, 413}
_SEES_ALL: Final = {"oper", "root"}


def addresses(resolver: URLResolver | None = None, space: str = "", route: str = "") -> Iterator[tuple[str, str]]:
    """Every address of the site: what it is called, and its pattern, by which one without a name is called."""
    for one in (resolver or get_resolver()).url_patterns:
        pattern = route + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from addresses(one, f"{space}{one.namespace}:" if one.namespace else space, pattern)
        else:
            assert isinstance(one, URLPattern)
            yield f"{space}{one.name}" if one.name else _called(pattern), pattern


def _called(pattern: str) -> str:
    """What an address without a name is called; among those of a model, like those that have one."""
    match pattern.split("/", 3):
        case [_, app_label, model, rest] if rest:
            return f"admin:{app_label}_{model}_{rest}"
    return f"/{pattern}"


class _Offers(HTMLParser):
    """Whether a page has a form that posts something, but for signing out."""

    def __init__(self) -> None:
        super().__init__()
        self.found = self._in_form = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            is_sign_out = given.get("action") == reverse("admin:logout")
            self._in_form = (given.get("method") or "").lower() == "post" and not is_sign_out
        elif self._in_form and (tag == "button" or given.get("type") == "submit"):
            self.found = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._in_form = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came of a request: its status, whether rows changed, any of the other casino too, and what no longer holds.

    The last two are asked where rows changed: the house is whole before.
    """

    status: int
    has_changed: bool
    has_changed_elsewhere: bool
    is_stream: bool
    broken: Mapping[str, Any]


class Asking:
    """One browser that is handed from person to person."""

    def __init__(self, house: TwoCasinos, *, sums: TableSums | None = None) -> None:
        self._house = house
        self._client = Client()
        self._patterns = dict(addresses())
        self._sums = sums or TableSums()
        self._before = self._sums.read()
        self._written = self._sums.written()
        self._elsewhere = house.elsewhere()
        assert broken_invariants() == {}

    def answer(self, question: Question, column: str) -> str:
        """What a column is answered, in one word; nothing that is asked stays."""
        saved = transaction.savepoint()
        try:
            return self._word(question, column)
        finally:
            transaction.savepoint_rollback(saved)

    def send(self, url: str, post: str | None = None, *, column: str) -> Answer:
        """Send what is encoded already, as a column would; nothing of what it does stays."""
        saved = transaction.savepoint()
        try:
            response = self.get_or_post(url, post, column=column)
            has_changed = self._has_changed(self._before)
            return Answer(
                status=response.status_code,
                has_changed=has_changed,
                has_changed_elsewhere=has_changed and self._house.elsewhere() != self._elsewhere,
                is_stream=response.streaming,
                broken=broken_invariants() if has_changed else {},
            )
        finally:
            transaction.savepoint_rollback(saved)

    def _word(self, question: Question, column: str) -> str:
        user: Any = self._house.staff.get(column, AnonymousUser())
        before = self._sums.read() if prepare(self._house, question) else self._before
        post = post_of(self._house, question, user) if question.method == "POST" else None
        with capture_logs() as lines:
            response = self.get_or_post(self.url(question), post, column=column)
        has_changed = self._has_changed(before)
        if column not in _SEES_ALL and question.whose == OWN:
            assert ELSEWHERE not in _text_of(response), f"{question} shows {column} something of the other casino"
        word = _word_of(response, is_refused=_is_refused(lines), has_changed=has_changed, method=question.method)
        assert not has_changed or word == "done", f"{question} changed rows for {column}, and answered “{word}”"
        return word

    def _has_changed(self, before: list[Any]) -> bool:
        """Whether rows are others than `before`. Only where any was written are they summed, which takes longest."""
        written_before, self._written = self._written, self._sums.written()
        return self._written != written_before and self._sums.read() != before

    def get_or_post(self, url: str, post: Mapping[str, Any] | str | None, *, column: str) -> Any:
        """Send a request as a column would: a post, of fields or as it is encoded already, where there is one."""
        self._client.cookies = SimpleCookie()
        if column in self._house.sessions:
            self._client.cookies[settings.SESSION_COOKIE_NAME] = self._house.sessions[column]
        with _quiet():
            if post is None:
                response = self._client.get(url)
            elif isinstance(post, str):
                response = self._client.post(url, post, content_type="application/x-www-form-urlencoded")
            else:
                response = self._client.post(url, post)
        if response.streaming:
            close_stream(response)
        return response

    def url(self, question: Question) -> str:
        """Where a question is sent."""
        is_of_slip = question.address in {"floor:slip", "floor:undo"}
        key = str(slip_of(self._house, question).pk) if is_of_slip else ""
        return self.url_of(question.address, whose=question.whose, key=key)

    def url_of(self, address: str, *, whose: str = OWN, key: str = "") -> str:
        """An address of a row of `whose` casino, or with `key` for each of its keys."""
        pattern = f"/{self._patterns[address]}"
        house, rows = self._house, self._house.rows(whose)
        label = ".".join(pattern.split("/")[2:4])  # /console/core/player/…
        keys = {
            "<path:content_type_id>": "1",
            "<path:object_id>": self._key(label, whose),
            "<object_pk>": self._key(label, whose),
            "<id>": self._key(label, whose),
            "<user_id>": str(rows.of_model["core.user"].pk),
            "<group_id>": str(house.shared["auth.group"].pk),
            "<int:pit_id>": str(rows.floor.pit.pk),
            "<int:table_id>": str(rows.floor.table.pk),
            "<int:number>": "5",
            "<int:factor_id>": str(rows.factor.pk),
            "<int:person_id>": str(rows.of_model["core.user"].pk),
            "<uuid:slip_id>": str(rows.open.pk),
            "<uuid:correlation_id>": str(rows.open.correlation_id),
            "<int:player_id>": str(rows.closed.player_id),
            "(?P<url>.*)$": "nowhere/",
        }
        pattern = re.sub(r"\^\(\?P<app_label>.*\)/\$$", f"{whose}/", pattern)
        for name, value in keys.items():
            pattern = pattern.replace(name, key or value)
        assert "<" not in pattern, f"add a value to this table of keys for {pattern}"
        return pattern + _QUERIES.get(address, "")

    def _key(self, label: str, whose: str) -> str:
        known = self._house.shared.keys() | self._house.own.of_model.keys()
        return str(self._house.row(label, whose).pk) if label in known else "1"


_QUERIES: Final = {
    "trace:search": "?q=a",
}


@contextmanager
def _quiet() -> Iterator[None]:
    """Write no log line, and no traceback, for each of the thousands of refusals."""
    logging.disable()
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


def _is_refused(lines: list[Any]) -> bool:
    codes = {line["code"] for line in lines if "code" in line}
    assert codes <= {NotPermitted.code}, f"refused, but not for a right: {codes}"
    return bool(codes)


def _text_of(response: Any) -> str:
    return "" if response.streaming else response.content.decode()


def _word_of(response: Any, *, is_refused: bool, has_changed: bool, method: str) -> str:
    status, place = response.status_code, response.headers.get("Location", "")
    if status == 302 and place.startswith(f"{reverse('admin:login')}?"):
        return "login"
    if status in {403, 404, 405}:
        return {403: "shut", 404: "gone", 405: "never"}[status]
    assert status in {200, 301, 302, 400, 409}, f"answered {status}"
    if has_changed:
        return "done"
    if is_refused:
        return "no"
    if status in {301, 302}:
        is_unknown = any("doesn’t exist" in text for text in said(response))
        return "gone" if is_unknown else "on" if method == "GET" else "idle"
    if method == "POST":
        return "idle"
    offers = _Offers()
    offers.feed(_text_of(response))
    return "open" if offers.found else "read"


@contextmanager
def _bare_refusals() -> Iterator[None]:
    """Answer 403 without the page that says so: every second answer of the matrix is one, and the page the same."""
    with patch.object(urls, "handler403", lambda *_args, **_kwargs: HttpResponse(status=403), create=True):
        yield


def differences(asking: Asking, table: Table) -> list[str]:
    """Where the answers are not what a table says, in sentences, each with the line as it would have to be."""
    found = []
    for turn, (question, cells) in enumerate(table.items()):
        expected = dict(zip(COLUMNS, cells, strict=True))
        with _bare_refusals():
            answers = {column: asking.answer(question, column) for column in asked(question, cells, turn=turn)}
            wrong = {column: answer for column, answer in answers.items() if answer != expected[column]}
            for column, answer in wrong.items():
                found.append(f"{question}: {COLUMNS[column]} should get “{expected[column]}” and got “{answer}”")
            if wrong:
                found.append(f"  {as_line(question, [asking.answer(question, column) for column in COLUMNS])}")
    return found
