"""Whether a casino has rows that were dated by its time zone and start of the gaming day, which are fixed then."""

from typing import TypeVar

from django.db.models import Model

M = TypeVar("M", bound=Model)

FIXED_BY_RECORDS = ("time_zone", "gaming_day_starts_at")

_dated: list[type[Model]] = []


def dated_by_casino(model: type[M]) -> type[M]:
    """Register a model with a `casino` whose rows are dated by the casino's gaming day; a decorator."""
    _dated.append(model)
    return model


def has_recorded_days(casino: Model) -> bool:
    """Whether the casino has such rows. If it has, PostgreSQL refuses to change the fields of `FIXED_BY_RECORDS`."""
    return any(model._base_manager.filter(casino=casino.pk).exists() for model in _dated)
