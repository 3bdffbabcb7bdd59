"""The limit on passwords that are checked or set at once, in one process with many threads."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from django.contrib.auth.hashers import check_password, make_password
from django.test import override_settings
from django.utils import timezone

from core.hashing import WAITING_AT_ONCE, PasswordsBusy, limit_passwords, password_turn
from core.origins import Client
from core.sign_ins import SignInLocked, check_sign_in
from tests.floor import Floor
from tests.guesses import ADDRESS, lock
from tests.waiting import wait_until

HASHER = "core.hashing.LimitedPasswordHasher"


class Crowd:
    """Threads that take a turn, and keep it until they may go on."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self.may_end = threading.Event()
        self.holding = 0

    def take(self) -> "Future[None]":
        """Take a turn in a thread of its own."""
        return self._pool.submit(self._hold)

    def _hold(self) -> None:
        with password_turn():
            self.holding += 1
            assert self.may_end.wait(20)


@pytest.fixture
def crowd() -> Iterator[Crowd]:
    with ThreadPoolExecutor() as pool:
        crowd = Crowd(pool)
        yield crowd
        crowd.may_end.set()
    limit_passwords(None)


class TestPasswordTurn:
    def test_is_taken_by_one_while_others_wait_or_are_refused(self, crowd: Crowd) -> None:
        limit_passwords(1)
        taken = [crowd.take() for _ in range(1 + WAITING_AT_ONCE)]
        wait_until(lambda: crowd.holding == 1)

        with pytest.raises(PasswordsBusy):
            crowd.take().result(20)
        crowd.may_end.set()

        assert [one.result(20) for one in taken] == [None] * len(taken)
        assert crowd.holding == len(taken)

    def test_would_be_taken_by_all_without_the_limit(self, crowd: Crowd) -> None:
        limit_passwords(None)

        for _ in range(2 + WAITING_AT_ONCE):
            crowd.take()

        wait_until(lambda: crowd.holding == 2 + WAITING_AT_ONCE)

    def test_is_kept_in_a_block_within(self, crowd: Crowd) -> None:
        limit_passwords(1)

        with password_turn(), password_turn():
            pass
        crowd.may_end.set()

        assert crowd.take().result(20) is None

    @override_settings(PASSWORD_HASHERS=[HASHER])
    def test_is_needed_to_set_and_to_check_a_password(self, crowd: Crowd) -> None:
        hashed = make_password("a password of a test")
        limit_passwords(1)
        assert check_password("a password of a test", hashed)
        for _ in range(1 + WAITING_AT_ONCE):
            crowd.take()
        wait_until(lambda: crowd.holding == 1)

        for hashes in (lambda: make_password("another"), lambda: check_password("another", hashed)):
            with pytest.raises(PasswordsBusy):
                hashes()

    def test_is_not_needed_to_refuse_a_locked_name(self, floor: Floor, crowd: Crowd) -> None:
        lock(floor.boss)
        limit_passwords(1)
        for _ in range(1 + WAITING_AT_ONCE):
            crowd.take()
        wait_until(lambda: crowd.holding == 1)

        username, client = floor.boss.username, Client(address=ADDRESS)
        with pytest.raises(SignInLocked):
            check_sign_in(username=username, password="a guess", client=client, at=timezone.now())
