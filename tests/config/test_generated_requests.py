"""Generated requests are never answered 500: a few of each role here, thousands by `python -m tests.generated`."""

import logging
from collections.abc import Iterator
from random import Random
from typing import Any, Final

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client

from tests.config.matrix.asking import Asking, addresses
from tests.config.matrix.house import TwoCasinos
from tests.generated.discovery import Console, discover
from tests.generated.generation import Request, generate
from tests.generated.options import COUNT, ROLES, SEED

_SERVER_ERRORS: Final = range(500, 600)


@pytest.fixture
def _quiet() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def _keys(house: TwoCasinos) -> list[str]:
    """Keys of rows of both casinos."""
    return [str(row.pk) for rows in (house.own, house.other) for row in (*rows.of_model.values(), rows.owed)]


def _send(house: TwoCasinos, role: str, request: Request) -> Any:
    """Send it as a member of the role; nothing of what it does stays."""
    client, session = Client(raise_request_exception=False), house.sessions.get(role)
    if session:
        client.cookies[settings.SESSION_COOKIE_NAME] = session
    saved = transaction.savepoint()
    try:
        # The lines of an export are not read: they come in a transaction of their own.
        return client.generic(
            request.method,
            request.url,
            request.body.encode("utf-8", "surrogatepass"),
            content_type=request.content_type,
            headers=request.headers or None,
        )
    finally:
        transaction.savepoint_rollback(saved)


def _discover(asking: Asking, role: str, *, random: Random) -> Console:
    """As many pages as requests are sent, and 60: other ones for another seed, and all of them by the command."""
    more = [asking.url_of(name, whose=whose) for name, _ in addresses() for whose in ("own", "other")]
    random.shuffle(more)
    return discover(lambda url: asking.get_or_post(url, None, column=role), more=more, pages_max=60 + COUNT)


# An export whose lines nobody reads is never closed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.slow
@pytest.mark.usefixtures("_quiet")
@pytest.mark.parametrize("role", ROLES)
class TestRole:
    def test_is_never_answered_500(self, house: TwoCasinos, asking: Asking, role: str) -> None:
        random, failed = Random(f"{SEED} {role}"), list[str]()  # noqa: S311
        console = _discover(asking, role, random=random)

        for number in range(COUNT):
            request = generate(console, random=random, keys=_keys(house))
            answer = _send(house, role, request)
            if answer.status_code in _SERVER_ERRORS:
                cause = repr(answer.exc_info[1] if answer.exc_info else "")[:300]
                failed.append(f"seed {SEED}, {role}, number {number}: {answer.status_code} {cause}\n  {request.curl}")

        assert console.forms or role in {"staff", "audit"}
        assert failed == [], "\n".join(["", *failed])
