"""A ledger to be attacked, and a supervisor."""

import pytest
from django.test import Client

from core.roles import LOYALTY_SUPERVISOR
from core.snapshots import one_snapshot
from tests.console import signed_in
from tests.emptying import ModuleDb
from tests.floor import Floor
from tests.loyalty.attacking import Book, is_clean
from tests.tampering import take_the_guards_off


@pytest.fixture(scope="module")
def whole_book(module_db: ModuleDb) -> Book:
    """A ledger that is whole and not sealed."""
    with module_db():
        book = Book.build(Floor.build())
        with one_snapshot():
            assert is_clean()
        return book


@pytest.fixture
def unguarded_book(db: None, whole_book: Book) -> Book:
    """The same, with every guard off while the test runs, and its first entries of an older version of the chain."""
    take_the_guards_off()
    whole_book.age()
    return whole_book


@pytest.fixture
def supervisor(floor: Floor) -> Client:
    """The browser of a supervisor who may award and pause."""
    return signed_in(floor.supervisor, LOYALTY_SUPERVISOR)
