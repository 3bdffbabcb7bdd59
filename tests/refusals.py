"""A refusal changes nothing and tells the log nothing personal."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
from django.apps import apps
from structlog.testing import capture_logs

from core.errors import DomainError
from core.models import CommandOperation, Lease, Player, ReplayCount, RequestOrigin
from tests.table_sums import TRACES, TableSums


def everything() -> dict[str, list[dict[str, Any]]]:
    """Every row of the database, except leases, counts and request origins."""
    return {
        model._meta.label: list(model._default_manager.order_by("pk").values())
        for label in ("core", "loyalty", "ratingslips")
        for model in apps.get_app_config(label).get_models()
        if model not in {CommandOperation, Lease, ReplayCount, RequestOrigin}
    }


@contextmanager
def logged() -> Iterator[list[Any]]:
    """The log lines of the block; none of them names a player or shows a card number."""
    with capture_logs() as lines:
        yield lines
    told = " ".join(str(value) for line in lines for value in line.values())
    for personal in Player.objects.values_list("first_name", "last_name", "card_number"):
        assert not [word for word in personal if word in told]


@contextmanager
def refused(error: type[DomainError], words: str | None = None) -> Iterator[None]:
    """See the block refused with `error`, in `words` (a pattern), without a row changed."""
    sums = _sums()
    before = sums.read()
    with logged(), pytest.raises(error, match=words) as refusal:
        yield
    assert refusal.type is error
    assert refusal.value.code == error.code
    assert sums.read() == before


@cache
def _sums() -> TableSums:
    return TableSums(but_for={*TRACES, ReplayCount._meta.db_table})
