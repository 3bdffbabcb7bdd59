"""Whether rows of a casino have been dated by its time zone and the start of its gaming day, which are fixed then."""

from typing import TypeVar

from django.db.models import Model

M = TypeVar("M", bound=Model)

FIXED_BY_RECORDS = ("time_zone", "gaming_day_starts_at")

_dated: list[type[Model]] = []


def dated_by_casino(model: type[M]) -> type[M]:
    """Say of a model with a `casino` that its rows are dated by the casino's gaming day; a decorator."""
    _dated.append(model)
    return model


def has_recorded_days(casino: Model) -> bool:
    """Whether the casino has such rows. PostgreSQL refuses to change the fields of `FIXED_BY_RECORDS` then."""
    return any(model._base_manager.filter(casino=casino.pk).exists() for model in _dated)
