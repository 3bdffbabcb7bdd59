"""What each database error means, seen with the real ones: PostgreSQL itself makes every one of them here."""

import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, ProgrammingError
from structlog.testing import capture_logs

from core import correlation
from core.errors import Busy, DatabaseAway, DomainError, OutcomeUnknown
from core.models import Casino
from core.reasons.models import ReasonCode
from core.retries import (
    MAX_ATTEMPTS,
    attempt_number,
    call_id,
    is_replay,
    mark_outcome_known,
    outcome_is_unknown,
    retried,
)
from core.transactions import operation
from tests.concurrency import backend_id
from tests.core import troubles
from tests.databases import as_owner

Trouble = Callable[[], object]

RETRY: list[tuple[str, str | None, Trouble]] = [
    ("deadlock", "40P01", troubles.deadlock),
    ("serialization failure", "40001", troubles.row_changed_since_the_snapshot),
    ("serialization failure in the commit", "40001", troubles.write_skew),
    ("terminated at rest", "57P01", troubles.terminated_at_rest),
    ("terminated at work", "57P01", troubles.terminated_at_work),
    ("cable pulled", None, troubles.cable_pulled),
    ("terminated in the commit", "57P01", troubles.terminated_in_the_commit),
]
BUSY: list[tuple[str, str, Trouble]] = [
    ("lock timeout", "55P03", troubles.lock_timeout),
    ("statement timeout", "57014", troubles.statement_timeout),
    ("cancelled", "57014", troubles.cancel),
    ("transaction timeout", "25P04", troubles.transaction_timeout),
    ("idle in transaction", "25P03", troubles.idle_too_long),
]
BUGS: list[tuple[str, type[DatabaseError], Trouble]] = [
    ("unique", IntegrityError, troubles.name_taken),
    ("division", DatabaseError, troubles.division_by_zero),
    ("syntax", ProgrammingError, troubles.nonsense),
]


@pytest.fixture
def _casino(transactional_db: None) -> None:
    Casino.objects.create(code="first", name="First", time_zone="UTC")


@retried
def _write(*mishaps: Trouble) -> int:
    """Write a casino; each attempt meets the next of the mishaps, until there are no more."""
    with operation("test.write", actor_id=None):
        if attempt_number() <= len(mishaps):
            mishaps[attempt_number() - 1]()
        Casino.objects.create(code="written", name="Written", time_zone="UTC")
        return attempt_number()


def _is_written() -> bool:
    return Casino.objects.filter(code="written").exists()


def _forget_the_written() -> None:
    with as_owner():
        ReasonCode.objects.filter(casino__code="written").delete()
        Casino.objects.filter(code="written").delete()


def _told(lines: list[Any]) -> list[tuple[str, str | None, int]]:
    return [(line["event"], line["sqlstate"], line["attempt"]) for line in lines if "sqlstate" in line]


@pytest.mark.usefixtures("_casino")
class TestRetried:
    @pytest.mark.parametrize(("state", "trouble"), [row[1:] for row in RETRY], ids=[row[0] for row in RETRY])
    def test_retries_where_that_helps_and_logs_how_often(self, state: str | None, trouble: Trouble) -> None:
        with capture_logs() as lines:
            attempts = _write(trouble)

        assert attempts == 2
        assert _is_written()
        assert _told(lines) == [("core.operation_begins_anew", state, 1)]

    @pytest.mark.parametrize(("state", "trouble"), [row[1:] for row in BUSY], ids=[row[0] for row in BUSY])
    @pytest.mark.shows(29)
    def test_does_not_retry_where_that_would_add_to_contention(self, state: str, trouble: Trouble) -> None:
        with capture_logs() as lines, pytest.raises(Busy) as refusal:
            _write(trouble)

        assert type(refusal.value) is Busy
        assert not _is_written()
        assert _told(lines) == [("core.operation_busy", state, 1)]

    @pytest.mark.parametrize(("error", "trouble"), [row[1:] for row in BUGS], ids=[row[0] for row in BUGS])
    def test_passes_a_bug_on(self, error: type[DatabaseError], trouble: Trouble) -> None:
        with capture_logs() as lines, pytest.raises(error):
            _write(trouble)

        assert not _is_written()
        assert _told(lines) == []

    def test_outlives_a_session_that_ended_while_nobody_used_it(self) -> None:
        ours = backend_id()
        troubles.execute("SET idle_session_timeout = '20ms'")
        troubles.wait_until_gone(ours)

        with capture_logs() as lines:
            attempts = _write()

        assert attempts == 2
        assert _told(lines) == [("core.operation_begins_anew", "57P05", 1)]

    def test_gives_up_after_three_attempts(self) -> None:
        with capture_logs() as lines, pytest.raises(DatabaseAway):
            _write(*[troubles.terminated_at_work] * MAX_ATTEMPTS)

        assert not _is_written()
        anew = "core.operation_begins_anew"
        assert _told(lines) == [(anew, "57P01", 1), (anew, "57P01", 2), ("core.operation_busy", "57P01", 3)]

    @pytest.mark.parametrize("then", [troubles.lock_timeout, troubles.terminated_at_work])
    def test_keeps_saying_unknown_until_an_attempt_could_look(self, then: Trouble) -> None:
        with pytest.raises(OutcomeUnknown):
            _write(troubles.terminated_in_the_commit, then, then)

    @pytest.mark.shows(25)
    def test_leaves_a_usable_connection_behind(self) -> None:
        with pytest.raises(DatabaseAway):
            _write(*[troubles.terminated_at_work] * MAX_ATTEMPTS)

        assert not _is_written()

    def test_waits_longer_and_never_equally_long_before_each_attempt(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pauses: list[float] = []
        monkeypatch.setattr(time, "sleep", pauses.append)

        for _ in range(20):
            _write(troubles.row_changed_since_the_snapshot, troubles.deadlock_made_up)
            _forget_the_written()
            Casino.objects.update(name="First")

        firsts, seconds = pauses[::2], pauses[1::2]
        assert len({*firsts}) == len({*seconds}) == 20
        assert all(0.005 <= pause <= 0.05 for pause in firsts)
        assert all(0.01 <= pause <= 0.1 for pause in seconds)

    def test_binds_one_correlation_id_for_all_attempts(self) -> None:
        seen: list[UUID] = []

        def deadlock() -> None:
            seen.append(correlation.current())
            troubles.deadlock_made_up()

        with correlation.bound() as bound:
            _write(deadlock)
        _forget_the_written()
        _write(deadlock, deadlock)

        assert seen[0] == bound
        assert seen[1] == seen[2] != bound


@pytest.mark.usefixtures("_casino")
class TestUnknownOutcome:
    @pytest.mark.shows(26)
    def test_is_left_to_the_next_attempt_with_its_call_id(self) -> None:
        attempts: list[tuple[UUID, bool]] = []

        @retried
        def write() -> int:
            with operation("test.write", actor_id=None):
                attempts.append((call_id(), outcome_is_unknown()))
                if attempt_number() == 1:
                    troubles.terminated_in_the_commit()
            return attempt_number()

        assert write() == 2
        assert [is_unknown for _, is_unknown in attempts] == [False, True]
        assert attempts[0][0] == attempts[1][0]

    def test_is_known_once_an_attempt_has_looked_and_found_nothing(self) -> None:
        @retried
        def write() -> None:
            with operation("test.write", actor_id=None):
                mark_outcome_known()
                if attempt_number() == 1:
                    troubles.terminated_in_the_commit()
                else:
                    troubles.lock_timeout()

        with pytest.raises(Busy) as refusal:
            write()

        assert type(refusal.value) is Busy

    def test_tells_a_row_of_the_lost_attempt_from_a_replay(self) -> None:
        seen: list[tuple[bool, bool]] = []

        @retried
        def write() -> None:
            with operation("test.write", actor_id=None):
                seen.append((is_replay(correlation.current()), is_replay(None)))
                if attempt_number() == 1:
                    troubles.terminated_in_the_commit()

        write()

        assert seen == [(True, True), (False, True)]

    def test_is_forgotten_with_the_call(self) -> None:
        _write(troubles.terminated_in_the_commit)

        assert not outcome_is_unknown()
        assert attempt_number() == 1


class TestCallId:
    def test_is_of_a_running_call_alone(self) -> None:
        with pytest.raises(LookupError):
            call_id()

    def test_is_another_in_every_call(self) -> None:
        asked = retried(call_id)

        assert asked() != asked()


@pytest.mark.django_db
class TestInsideSomebodyElsesTransaction:
    def test_a_lost_connection_is_not_tried_again(self) -> None:
        seen = []

        @retried
        def write() -> None:
            seen.append(attempt_number())
            with operation("test.write", actor_id=None):
                raise OperationalError from psycopg.OperationalError()

        with pytest.raises(DatabaseAway):
            write()

        assert seen == [1]


class Refusal(DomainError):
    code = "REFUSAL"


@pytest.mark.django_db
class TestRefusals:
    def test_are_passed_on_at_once(self) -> None:
        seen = []

        @retried
        def refuse() -> None:
            seen.append(attempt_number())
            with operation("test.refuse", actor_id=None):
                raise Refusal("no")

        with pytest.raises(Refusal):
            refuse()

        assert seen == [1]
