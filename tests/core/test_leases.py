"""A lease is held by one process as long as its work goes on, whatever becomes of its connection."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import F

from core import correlation
from core.errors import DomainError
from core.leases import LEASE_SECONDS, HeldLease, LeaseHeld, LeaseLost, lease
from core.models import Casino, Lease
from tests.concurrency import Elsewhere, backend_id, replace_locks, wait_until_blocked

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def held() -> Iterator[HeldLease]:
    with correlation.bound(), lease("work", refusal=LeaseHeld) as taken:
        yield taken


def _take() -> None:
    with lease("work", refusal=LeaseHeld):
        pass


def _of_another() -> BaseException | None:
    """What another process is answered that wants the lease now."""
    return Elsewhere(_take).outcome()


def _let_it_expire() -> None:
    Lease.objects.update(renewed_at=F("renewed_at") - timedelta(seconds=LEASE_SECONDS))


def _work(held: HeldLease, *, holds: Callable[[HeldLease], None] = HeldLease.hold) -> None:
    with transaction.atomic():
        holds(held)
        Casino.objects.create(code="work")


class TestLease:
    def test_refuses_another_and_says_who_holds_it_since_when(self, held: HeldLease) -> None:
        refusal = _of_another()

        assert isinstance(refusal, LeaseHeld)
        assert f"began it at {Lease.objects.get().taken_at:%Y-%m-%d %H:%M:%S} UTC" in str(refusal)
        assert str(refusal).count("Process ") == 1

    @pytest.mark.parametrize("ends_by", [None, DomainError("refused"), KeyboardInterrupt()], ids=str)
    def test_is_free_again_at_the_end(self, ends_by: BaseException | None) -> None:
        try:
            with correlation.bound(), lease("work", refusal=LeaseHeld):
                if ends_by:
                    raise ends_by
        except (DomainError, KeyboardInterrupt):
            pass

        assert _of_another() is None

    def test_is_held_after_its_connection_was_lost(self, held: HeldLease) -> None:
        backend = backend_id()
        Elsewhere(lambda: _terminate(backend)).result()
        connection.close()

        assert isinstance(_of_another(), LeaseHeld)
        _work(held)

    def test_may_be_taken_over_soon_after_its_process_was_killed(self, held: HeldLease) -> None:
        _let_it_expire()

        assert _of_another() is None

    def test_is_held_while_a_transaction_of_the_work_runs(self, held: HeldLease) -> None:
        _let_it_expire()

        with transaction.atomic():
            Lease.objects.locked().get()
            refused = _of_another()

        assert isinstance(refused, LeaseHeld)

    @pytest.mark.shows(39)
    def test_would_be_taken_after_that_transaction_without_the_lock(
        self, held: HeldLease, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _let_it_expire()

        with transaction.atomic():
            Lease.objects.locked().get()
            replace_locks(monkeypatch, lambda rows, **_: rows)
            taking = Elsewhere(_take)
            wait_until_blocked(taking.backend)

        assert taking.outcome() is None

    def test_lets_who_has_lost_it_do_nothing_more(self, held: HeldLease) -> None:
        _let_it_expire()
        Elsewhere(_take).result()

        with pytest.raises(LeaseLost, match="another one has begun the same work"):
            _work(held)

        assert not Casino.objects.exists()

    @pytest.mark.shows(39)
    def test_would_let_both_work_if_a_transaction_did_not_ask(self, held: HeldLease) -> None:
        _let_it_expire()
        Elsewhere(_take).result()

        _work(held, holds=lambda _: None)

        assert Casino.objects.exists()


def _terminate(backend: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [backend])
