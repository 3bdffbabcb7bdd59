"""What goes wrong once it is committed: the answer still says what happened."""

import errno
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.messages.storage.cookie import CookieStorage
from django.db import connection
from django.test import Client

from config.logging import line_formatter
from core.roles import PIT_BOSS
from core.sessions import Session
from loyalty.models import LedgerEntry
from loyalty.services import pause_program
from ratingslips.models import RatingSlip
from ratingslips.services import PartialCompletion, complete_rating_slip, recover_slip_loyalty
from tests.console import carry_out, signed_in
from tests.databases import as_owner
from tests.floor import Floor
from tests.loyalty.postings import award


class _FullDisk:
    """A log file on a disk that is full."""

    def __init__(self) -> None:
        self.refused = 0

    def write(self, _text: str) -> int:
        self.refused += 1
        raise OSError(errno.ENOSPC, "No space left on device")

    def flush(self) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


class _BrokenFormatter(logging.Formatter):
    def __init__(self) -> None:
        super().__init__()
        self.refused = 0

    def format(self, record: logging.LogRecord) -> str:
        self.refused += 1
        raise ValueError("this line cannot be written")


@pytest.fixture(params=["the disk is full", "the line cannot be written"])
def broken_log(request: pytest.FixtureRequest) -> Iterator[Any]:
    """The log as production writes it, but nothing can be written to it; counts what was tried."""
    disk, formatter = _FullDisk(), _BrokenFormatter()
    handler = logging.StreamHandler(disk)
    is_full = request.param == "the disk is full"
    handler.setFormatter(line_formatter(as_json=True) if is_full else formatter)
    root = logging.getLogger()
    root.addHandler(handler)
    yield disk if is_full else formatter
    root.removeHandler(handler)


CALLS: dict[str, Callable[[Floor], Any]] = {
    "completion": lambda floor: complete_rating_slip(slip=floor.played_slip(), actor=floor.boss, at=floor.now),
    "recovery": lambda floor: recover_slip_loyalty(slip=floor.owed_slip(), actor=floor.supervisor, at=floor.now),
    "award": lambda floor: award(floor, floor.player(), points=578),
}


class TestLogThatCannotBeWritten:
    @pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
    @pytest.mark.shows(31)
    def test_changes_no_answer(self, floor: Floor, broken_log: Any, call: Callable[[Floor], Any]) -> None:
        answer = call(floor)

        assert (answer.points, answer.replayed) == (578, False)
        assert LedgerEntry.objects.get().points == 578
        assert broken_log.refused > 0

    @pytest.mark.shows(31)
    def test_still_lets_owed_points_be_told(self, floor: Floor, played_slip: RatingSlip, broken_log: Any) -> None:
        pause_program(program=floor.program, actor=floor.supervisor, at=floor.now, reason="Migration of the tiers")

        with pytest.raises(PartialCompletion, match=f"Slip {played_slip.slip_number} is closed"):
            complete_rating_slip(slip=played_slip, actor=floor.boss, at=floor.now)

        assert broken_log.refused > 0


@pytest.fixture
def boss(floor: Floor) -> Client:
    """The boss's browser, whose session nothing more can be written to."""
    client = signed_in(floor.boss, PIT_BOSS)
    Session.objects.update(last_used_at=floor.ago(hours=1))  # Its use would be recorded.
    with as_owner(), connection.cursor() as cursor:
        cursor.execute(
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the disk is full'; END $$;
            CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON core_session EXECUTE FUNCTION refuse();
            """
        )
    return client


class TestSessionThatCannotBeWritten:
    @pytest.mark.shows(31)
    def test_still_lets_a_slip_s_answer_be_told(self, played_slip: RatingSlip, boss: Client) -> None:
        answer = carry_out(boss, RatingSlip, "complete", [played_slip])
        page = boss.get(answer["Location"]).content.decode()

        assert played_slip.slip_number in page
        assert "578 points" in page

    @pytest.mark.shows(31)
    def test_sends_who_closed_more_than_a_cookie_tells_to_look(
        self, floor: Floor, boss: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(CookieStorage, "max_cookie_size", 200)
        answer = carry_out(boss, RatingSlip, "complete", [floor.open_slip(seat=1), floor.open_slip(seat=2)])

        assert answer.status_code == 400
        assert "Nothing was lost: sign in, look whether it was done" in answer.content.decode()
        assert LedgerEntry.objects.count() == 2
