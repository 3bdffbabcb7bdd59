"""Keys of the codes of requests: a retired one checks only what was recorded before it ended."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from core.idempotency import Request
from core.macs import NoRequestKey, ending, is_authentic, mac_of, new_request_key
from tests.commands import run
from tests.refusals import refused

ENDS_AT = datetime(2026, 12, 31, tzinfo=UTC)
ROW: Request = {"request": "1", "actor": 7}


@pytest.fixture
def retired(settings: Any) -> str:
    """A key that has made codes."""
    key = new_request_key()
    settings.REQUEST_KEYS = [key]
    return key


@pytest.mark.django_db
class TestRetiredKey:
    @pytest.mark.parametrize(("seconds", "is_known"), [(-1, True), (0, False)])
    def test_checks_what_was_recorded_before_its_end(
        self, settings: Any, retired: str, seconds: int, is_known: bool
    ) -> None:
        code = mac_of(ROW)

        settings.REQUEST_KEYS = [new_request_key(), ending(retired, on=ENDS_AT.date())]

        assert is_authentic(code, ROW, recorded_at=ENDS_AT + timedelta(seconds=seconds)) == is_known

    @pytest.mark.parametrize("ends", ["2026-12-31", "tomorrow"])
    def test_makes_no_codes(self, settings: Any, retired: str, ends: str) -> None:
        settings.REQUEST_KEYS = [f"{retired}@{ends}"]

        with refused(NoRequestKey):
            mac_of(ROW)

    def test_is_given_its_end_by_the_command(self, settings: Any, retired: str) -> None:
        settings.REQUEST_KEYS = [retired, ending(new_request_key(), on=date(2020, 1, 1))]

        _, first, second = run("new_request_key").out.strip().split(",")

        assert first.removeprefix(f"{retired}@") == str((timezone.now().astimezone(UTC) + timedelta(days=2)).date())
        assert second == settings.REQUEST_KEYS[1]


class TestKey:
    @pytest.mark.parametrize(
        "change", [lambda key: key[:-4], lambda key: f"{key[:9]}!{key[9:]}", lambda key: f"é{key}"]
    )
    def test_is_refused_if_it_is_no_base64_of_32_bytes(self, settings: Any, change: Callable[[str], str]) -> None:
        settings.REQUEST_KEYS = [change(new_request_key())]

        with pytest.raises(NoRequestKey):
            mac_of(ROW)
