"""What tests of the console share: signed-in clients, addresses, and what no page may hold."""

import re
from collections.abc import Iterable
from html import unescape
from html.parser import HTMLParser
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.contrib.auth.models import Group
from django.contrib.messages import get_messages
from django.core.signals import request_finished
from django.db import close_old_connections, connection
from django.db.models import Model
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from config.roles import PERMISSIONS_OF_ROLE
from core.models import User
from ratingslips.admin.slips.rows import version_of
from ratingslips.models import RatingSlip

BACKEND = "core.backends.StaffBackend"
INLINE = re.compile(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)


def signed_in(user: User, *roles: str) -> Client:
    """A client in which `user` is signed in, as a member of `roles`."""
    assert set(roles) <= set(PERMISSIONS_OF_ROLE)
    user.groups.add(*Group.objects.filter(name__in=roles))
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client


def address(model: type[Model], page: str, *args: object) -> str:
    """The console's address of a page of `model`: `changelist`, `change`, `add`, or one of its own."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


def said(response: Any) -> list[str]:
    """The messages that the person got, in order."""
    return [str(message) for message in get_messages(response.wsgi_request)]


def close_stream(response: Any) -> None:
    """Close an answer that nobody reads, as a server does: an export would keep others waiting.

    As with Django's own client, the connection to the database stays open.
    """
    request_finished.disconnect(close_old_connections)
    response.close()
    request_finished.connect(close_old_connections)


class _Fields(HTMLParser):
    """The fields of a page's form, as a browser would send them."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: dict[str, list[str]] = {}
        self._select = self._form = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = given.get("action", "")
        elif tag == "select":
            self._select = given["name"]
        elif tag == "option" and "selected" in given:
            self._add(self._select, given["value"])
        elif tag == "input" and given.get("type") != "submit" and given.get("name"):
            is_box = given.get("type") in {"checkbox", "radio"}
            if not is_box or "checked" in given:
                self._add(given["name"], given.get("value", "on" if is_box else ""))

    def _add(self, name: str, value: str) -> None:
        if not self._form:  # A form with an action is another one than the page's own: signing out, the search.
            self.sent.setdefault(name, []).append(value)


def fields_in(page: Any) -> dict[str, Any]:
    """What a browser sends from the page's own form if nothing is typed; text areas are left out."""
    fields = _Fields()
    fields.feed(page.content.decode())
    return dict(fields.sent)


def send_form(client: Client, url: str, typed: dict[str, Any]) -> Any:
    """Open the form at `url`, and send nothing but its version or id and what was typed."""
    hidden = fields_in(client.get(url))
    return client.post(url, {name: hidden.get(name, []) for name in ("form_version", "request_id")} | typed)


def versions_shown(rows: Iterable[Model]) -> dict[str, str]:
    """The hidden fields in which a page that shows slips carries their versions."""
    slips = RatingSlip.objects.filter(pk__in=[row.pk for row in rows if isinstance(row, RatingSlip)]).with_play(
        now=timezone.now()
    )
    return {f"version-{slip.pk}": version_of(slip).text for slip in slips}


def registered() -> dict[type[Model], "ModelAdmin[Any]"]:
    """The models that have pages in the admin, with their pages."""
    return {model: admin.site.get_model_admin(model) for model in apps.get_models() if admin.site.is_registered(model)}


def carry_out(
    client: Client, model: type[Model], action: str, rows: Iterable[Model], *, query: str = "", **fields: Any
) -> HttpResponse:
    """Post the confirmation page of an action; `fields` for each row are named `<key>-<field>`."""
    rows = list(rows)
    post: dict[str, Any] = {"action": action, "_selected_action": [str(row.pk) for row in rows], "confirmed": "yes"}
    post |= versions_shown(rows)
    return client.post(address(model, "changelist") + query, post | fields)  # type: ignore[return-value]


def html_of(response: Any) -> str:
    """The page, with one blank for any run of blanks and line ends."""
    return " ".join(response.content.decode().split())


def inline_code_in(response: Any) -> list[str]:
    """What a strict Content-Security-Policy would block in a page."""
    return [found.group() for found in INLINE.finditer(response.content.decode())]


def shown_in(page: Any) -> list[list[str]]:
    """The rows of a list as a person reads them, cell by cell; first the box to tick, where there is one."""
    rows = re.findall(r"<tr>(.*?)</tr>", page.content.decode().partition("<tbody>")[2], re.DOTALL)
    cells = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row, re.DOTALL) for row in rows]
    texts = [[unescape(re.sub(r"<[^>]+>", "", cell)).strip() for cell in row] for row in cells]
    return [row for row in texts if row]


class Statements(list[str]):
    """SQL statements, in order."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Statements) and len(self) == len(other)

    __hash__ = None

    @property
    def counts(self) -> list[str]:
        return [sql for sql in self if "COUNT(" in sql]


def statements_for(client: Client, url: str) -> Statements:
    """The statements that a page takes; two lists are equal when they are equally long."""
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return Statements(query["sql"] for query in captured.captured_queries)
