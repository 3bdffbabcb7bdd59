"""An award that commits while the ledger is verified or sealed is wholly in what was read, or not at all."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

import pytest

from core import snapshots
from core.snapshots import Stream, one_snapshot
from loyalty.models import Checkpoint
from loyalty.proof import checkpoints, verification
from loyalty.proof.checkpoints import take_checkpoint
from loyalty.proof.verification import Scope, Verified, verify_ledger
from tests.concurrency import Elsewhere
from tests.floor import Floor
from tests.loyalty.attacking import Book
from tests.loyalty.postings import award


@pytest.fixture
def book(committed_floor: Floor) -> Book:
    return Book.build(committed_floor)


def _award_after(book: Book, read: Callable[..., Stream]) -> Callable[..., Stream]:
    """Have the account awarded 9 points by somebody else as soon as `read` has begun."""

    @contextmanager
    def read_and_award(*args: Any, **kwargs: Any) -> Iterator[Iterator[Any]]:
        with read(*args, **kwargs) as rows:
            first = next(rows)
            Elsewhere(lambda: award(book.floor, book.account.player, points=9)).result()
            yield chain([first], rows)

    return read_and_award


class TestVerification:
    def _verified(self, book: Book, monkeypatch: pytest.MonkeyPatch) -> Verified:
        """What is found where an award commits between the entries and the accounts that are read beside them."""
        monkeypatch.setattr(verification, "stream_entries", _award_after(book, verification.stream_entries))
        with one_snapshot():
            return verify_ledger(scope=Scope())

    def test_finds_nothing(self, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self._verified(book, monkeypatch).first_break is None

    @pytest.mark.shows(39)
    def test_would_find_an_entry_missing_without_one_snapshot(
        self, book: Book, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(snapshots, "ISOLATION", "READ COMMITTED READ ONLY")

        assert self._verified(book, monkeypatch).first_break is not None


class TestCheckpoint:
    def _taken(self, book: Book, monkeypatch: pytest.MonkeyPatch) -> Checkpoint:
        """A checkpoint during which an award commits between the accounts and the totals."""
        monkeypatch.setattr(checkpoints, "changed_accounts", _award_after(book, checkpoints.changed_accounts))
        return take_checkpoint(at=book.floor.now, file=None)

    def test_seals_the_totals_of_the_accounts_that_it_seals(self, book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
        checkpoint = self._taken(book, monkeypatch)

        assert (checkpoint.entries, checkpoint.points_total) == (9, checkpoint.balance_total)
