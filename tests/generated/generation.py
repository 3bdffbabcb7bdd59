"""Requests that nobody means to send, made of what was discovered; the same for the same seed."""

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from tests.fuzz import VALUES, WORST, Pair, encoded
from tests.generated.discovery import Console

FORM: Final = "application/x-www-form-urlencoded"
METHODS: Final = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get", "G-E-T")
TYPES: Final = (
    *(FORM, f"{FORM}; charset=nonsense", f"{FORM}; charset=utf-16", "application/json", "text/plain", "", ";", "/"),
    *("multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=x", "multipart/\udcff"),
)
NAMES: Final = (
    *("id", "pk__in", "casino", "status__exact", "card_number__regex", "password__startswith", "first_name__year"),
    *("q", "p", "o", "e", "all", "_popup", "_to_field", "_facets", "_changelist_filters", "next", "part", "", "\0"),
    *("casino__id__exact", "table__pit__id__exact", "logentry__user__password", "groups__permissions__codename"),
)
HEADERS: Final = (
    *("Accept", "Accept-Language", "Authorization", "Cookie", "Host", "If-Modified-Since", "If-None-Match", "Origin"),
    *("Range", "Referer", "User-Agent", "X-Correlation-ID", "X-Forwarded-For", "X-Forwarded-Proto", "X-Requested-With"),
)
COOKIES: Final = (
    "sessionid=\x00",
    "sessionid=" + "x" * 5_000,
    "messages=[1",
    'messages="\\',
    "csrftoken=é",
    "=;=",
    ";;",
)
ODD_VALUES: Final = (*VALUES, *WORST.values())


@dataclass(frozen=True, kw_only=True)
class Request:
    """One request, as it travels."""

    method: str
    url: str
    body: str = ""
    content_type: str = FORM
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def curl(self) -> str:
        """A command that sends it to a console that runs at port 8000."""
        headers = {"Content-Type": self.content_type, **self.headers}
        parts = ["curl", "-X", self.method, *(f"-H{name}: {value}" for name, value in headers.items())]
        parts += ["--data-raw", self.body] if self.body else []
        line = " ".join(shlex.quote(part) for part in [*parts, f"http://127.0.0.1:8000{self.url}"])
        return line.encode("ascii", "backslashreplace").decode()[:2_000]


def generate(console: Console, *, random: Random, keys: Sequence[str]) -> Request:
    """One request: a page with another query, a form with other fields, or something odd; `keys` are those of rows."""
    kind = random.choices(["list", "form", "odd"], weights=[5, 4, 2])[0]
    if kind == "form" and console.forms:
        form = random.choice(sorted(console.forms, key=repr))
        body = encoded(_spoilt(form.fields, random, keys))
        return Request(method="POST", url=form.path, body=body)
    path, query = random.choice(sorted(console.paths)), encoded(_query(console, random, keys))
    if kind != "odd":
        return Request(method="GET", url=f"{path}?{query}")
    headers = {random.choice(HEADERS): _header(random) for _ in range(random.randrange(3))}
    if random.random() < 0.2:
        headers["Cookie"] = random.choice(COOKIES)
    return Request(
        method=random.choice(METHODS),
        url=f"{path}?{query}",
        body=random.choice(["", query, "--x\r\n", '{"a":', "\xff" * 20]),
        content_type=random.choice(TYPES),
        headers=headers,
    )


def _query(console: Console, random: Random, keys: Sequence[str]) -> list[Pair]:
    known = sorted(console.queries)
    pairs = []
    for _ in range(random.randrange(5)):
        name, value = random.choice(known) if known and random.random() < 0.6 else (random.choice(NAMES), "1")
        pairs.append((name, value if random.random() < 0.3 else _value(random, keys, longest=1_000)))
    return pairs


def _spoilt(fields: Sequence[Pair], random: Random, keys: Sequence[str]) -> list[Pair]:
    """The form with some fields left out, changed or doubled; of several choices of one field, one."""
    chosen = {name: random.choice([value for other, value in fields if other == name]) for name, _ in fields}
    sent = []
    for name, value in chosen.items():
        match random.choices(["kept", "other", "twice", "gone"], weights=[12, 3, 1, 1])[0]:
            case "kept":
                sent.append((name, value))
            case "other":
                sent.append((name, _value(random, keys)))
            case "twice":
                sent += [(name, value), (name, _value(random, keys))]
    return sent


def _value(random: Random, keys: Sequence[str], *, longest: int | None = None) -> str:
    return random.choice(keys)[:longest] if random.random() < 0.3 else random.choice(ODD_VALUES)[:longest]


def _header(random: Random) -> str:
    """A value that a header can carry: no end of line, and bytes as Latin-1."""
    value = random.choice(VALUES).replace("\r", "").replace("\n", "")
    return value.encode("utf-8", "surrogatepass").decode("latin-1")
