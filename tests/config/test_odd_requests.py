"""Requests that no browser sends, over real connections to gunicorn: each is refused, on a page with its id."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from tests.config.matrix.house import TwoCasinos
from tests.databases import database_environment
from tests.emptying import ModuleDb
from tests.processes import serving
from tests.raw_http import FORM, RawRequest, ask

CHARSETS: Final = (
    "undefined",
    "utf-16",
    "idna",
    "zip",
    "rot13",
    "hex_codec",
    "unicode_escape",
    "\xe9",
    "..",
    "x" * 900,
)
CONTENT_TYPES: Final = (
    *(f"text/html; charset={charset}" for charset in CHARSETS),
    *(f"multipart/form-data; boundary=b; charset={charset}" for charset in CHARSETS),
    *("a/b; charset*=bogus''x", "a/b; charset*=utf-8''undefined", "a/b; charset*=idna''%ff", "a/b; charset*1=x"),
    *("a/b; charset=utf-8; charset=undefined", "a/b; x*=" + "a" * 2_000 + "''x", "multipart/form-data; x*=bogus''x"),
)
BODY_TYPES: Final = (
    "",
    "application/json",
    "text/plain",
    "\xff",
    "multipart/form-data",
    "multipart/form-data; boundary=",
)
COOKIES: Final = ('sessionid="' + r"\000" * 32 + '"', r'csrftoken="\001"', r'messages="a\012"', r'a="\177"')
METHODS: Final = ("FOO", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "M-SEARCH")
HOSTS: Final = ("Host: elsewhere.example", "Host: [::1", "Host: a b", "Host: \xff", "Host: localhost:x")
# Gunicorn refuses these before Django sees them.
UNREAD: Final = (
    *(RawRequest(method=method) for method in ("get", "GE T", "G" * 300)),
    *(RawRequest(target=target) for target in ("*", "http://[/", "/\xff", "/" + "a" * 5_000, "/a b")),
    *(RawRequest(headers=(line,)) for line in ("Bad Header: x", "X: a\0b", "X" * 9_000 + ": x", "X: " + "x" * 9_000)),
    *(RawRequest(headers=(line,)) for line in ("Transfer-Encoding: x", "Expect: x", "X: \1")),
    *(
        RawRequest(headers=(f"Content-Length: {length}",))
        for length in ("x", "-1", "1\r\nContent-Length: 2", "9" * 5_000)
    ),
    RawRequest(headers=tuple(f"X-{number}: 1" for number in range(150))),
)
ODD: Final = (
    *(RawRequest(target="/?q=%C3%A9", headers=(f"Content-Type: {one}",)) for one in CONTENT_TYPES),
    *(
        RawRequest(method="POST", headers=(f"Content-Type: {one}",), body=b"a=1")
        for one in (*CONTENT_TYPES, *BODY_TYPES)
    ),
    *(RawRequest(cookies=(cookie,)) for cookie in COOKIES),
    *(RawRequest(method="POST", headers=(FORM,), cookies=(cookie,), body=b"username=a") for cookie in COOKIES),
    *(RawRequest(method=method, target="/console/core/player/") for method in METHODS),
    *(RawRequest(host=host) for host in HOSTS),
    *(
        RawRequest(method="POST", target=f"/static/{name}", headers=(FORM,), body=b"a=1")
        for name in ("console/bar.css", "admin/js/core.js")
    ),
    RawRequest(method="POST", headers=(FORM,), body=b"username=a&password=b", length=1_000, is_cut=True),
    RawRequest(method="POST", headers=(FORM, "Content-Encoding: gzip"), body=b"\x1f\x8b\x08\0"),
    RawRequest(method="POST", headers=(FORM, "Transfer-Encoding: chunked"), body=b"3\r\na=1\r\n0\r\n\r\n"),
    RawRequest(method="POST", headers=(FORM, "Transfer-Encoding: chunked"), body=b"zz\r\n"),
    RawRequest(headers=(FORM,), body=b"a=1"),
)
SESSIONS: Final = ("anon", "staff", "pits", "loyal", "audit", "oper", "root")


@pytest.fixture(scope="module")
def port(house: TwoCasinos, module_db: ModuleDb, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server with the staff of the matrix."""
    with module_db():
        environment = database_environment()
    log = tmp_path_factory.mktemp("log") / "log"
    with serving(log, **environment, SECRET_KEY=settings.SECRET_KEY) as port:
        yield port


class TestOddRequest:
    @pytest.mark.parametrize("who", SESSIONS)
    def test_is_refused_on_a_page_with_its_id(self, port: int, house: TwoCasinos, who: str) -> None:
        session = [f"{settings.SESSION_COOKIE_NAME}={house.sessions[who]}"] if who in house.sessions else []
        wrong = []
        for request in ODD if session else [*ODD, *UNREAD]:
            answer = ask(port, request, *session)
            correlation_id = answer.headers.get("X-Correlation-ID", "none")
            if answer.status not in {400, 405, 413} or correlation_id not in answer.body:
                wrong.append(f"{request.encoded()[:100]!r}: {answer.status}, id {correlation_id}")

        assert not wrong, "\n".join(wrong)

    @pytest.mark.parametrize("name", ["SCRIPT_NAME", "PATH_INFO", "Script-Name"])
    def test_cannot_say_where_the_console_is(self, port: int, name: str) -> None:
        answer = ask(port, RawRequest(headers=(f"{name}: /elsewhere",)))

        assert answer.status == 200
        assert "elsewhere" not in answer.body


class TestMalformedCookie:
    @pytest.mark.parametrize("name", ["sessionid", "csrftoken", "messages", "of_another_site"])
    def test_is_deleted_by_the_answer(self, db: None, name: str) -> None:
        client = Client()
        client.cookies[name] = "a\0b"

        answer: Any = client.get(reverse("admin:login"))

        assert answer.status_code == 400
        assert client.get(reverse("admin:login")).status_code == 200

    @pytest.mark.parametrize("name", ["path", "a b", "\xe9", ""])
    def test_whose_name_no_answer_can_have_is_refused(self, db: None, name: str) -> None:
        answer = Client().get(reverse("admin:login"), headers={"cookie": f'{name}="a\\001"'})

        assert answer.status_code == 400
