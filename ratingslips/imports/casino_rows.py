"""Rows of a casino and of its files: new ones are added, and what differs is changed or left as it is."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeVar

from django.db import models
from django.db.models.lookups import In

from core.models import Player
from core.querysets import LockingQuerySet
from core.transactions import transaction_required

BATCH_ROWS: Final = 1_000
STRICTER_STATUSES: Final = (Player.Status.ACTIVE, Player.Status.INACTIVE, Player.Status.BARRED)

M = TypeVar("M", bound=models.Model)


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """A field of a row that is not as its file has it; `is_taken` says whether it was changed."""

    kind: str
    row_id: int
    name: str
    field: str
    old: str
    new: str
    is_taken: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedRows:
    """The numbers of rows of a kind that were new, changed, and neither, with what differed."""

    created: int = 0
    changed: int = 0
    unchanged: int = 0
    differences: tuple[Difference, ...] = ()

    def __add__(self, other: "LoadedRows") -> "LoadedRows":
        """The rows of both."""
        return LoadedRows(
            created=self.created + other.created,
            changed=self.changed + other.changed,
            unchanged=self.unchanged + other.unchanged,
            differences=self.differences + other.differences,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """How rows of a kind are known, compared and named.

    `known_by` makes the key of a row of the field `key`; `shown` has the names for values that are ids.
    """

    name: str
    key: str
    fields: Sequence[str]
    known_by: Callable[[str], str] = str
    known_as: type[models.Func] | type[models.F] = models.F
    shown: Mapping[str, Mapping[Any, str]] | None = None

    def key_of(self, row: models.Model) -> str:
        """The key by which `row` is known."""
        return self.known_by(getattr(row, self.key))


@transaction_required
def bring_up_to_date(wanted: Iterable[M], *, existing: LockingQuerySet[M], kind: Kind, overwrite: bool) -> LoadedRows:
    """Add those of `wanted` that are not among `existing`; of the others, take what `_is_taken` allows.

    Only `BATCH_ROWS` rows are kept at a time.
    """
    loaded = LoadedRows()
    for batch in batches(wanted):
        loaded += _brought_up_to_date(batch, existing=existing, kind=kind, overwrite=overwrite)
    return loaded


def _brought_up_to_date(
    wanted: Sequence[M], *, existing: LockingQuerySet[M], kind: Kind, overwrite: bool
) -> LoadedRows:
    manager = existing.model._default_manager
    among = existing.locked().filter(In(kind.known_as(kind.key), [kind.key_of(row) for row in wanted]))
    known: dict[str, M] = {kind.key_of(row): row for row in among}
    new = [row for row in wanted if kind.key_of(row) not in known]
    differences = [
        difference
        for row in wanted
        if (recorded := known.get(kind.key_of(row))) is not None
        for difference in _differences(recorded, row, kind=kind, overwrite=overwrite)
    ]
    changed_ids = {difference.row_id for difference in differences if difference.is_taken}
    changed = [row for row in known.values() if row.pk in changed_ids]
    manager.bulk_create(new)
    if changed:
        manager.bulk_update(changed, [name.removesuffix("_id") for name in kind.fields])
    return LoadedRows(
        created=len(new),
        changed=len(changed),
        unchanged=len(wanted) - len(new) - len(changed),
        differences=tuple(differences),
    )


def _differences(recorded: M, wanted: M, *, kind: Kind, overwrite: bool) -> Iterator[Difference]:
    """What differs between two rows; what is taken is set in `recorded`."""
    for field in kind.fields:
        old, new = getattr(recorded, field), getattr(wanted, field)
        if old == new:
            continue
        is_taken = _is_taken(field, old=old, new=new, overwrite=overwrite)
        if is_taken:
            setattr(recorded, field, new)
        names = (kind.shown or {}).get(field, {})
        yield Difference(
            kind=kind.name,
            row_id=recorded.pk,
            name=getattr(recorded, kind.key),
            field=field.removesuffix("_id").replace("_", " "),
            old=str(names.get(old, old)),
            new=str(names.get(new, new)),
            is_taken=is_taken,
        )


def _is_taken(field: str, *, old: Any, new: Any, overwrite: bool) -> bool:
    """Whether the file's value is taken: of a status only a stricter one, of other fields with `overwrite`."""
    if field == "status":
        return STRICTER_STATUSES.index(new) > STRICTER_STATUSES.index(old)
    return overwrite


def batches(rows: Iterable[M]) -> Iterator[list[M]]:
    """Cut `rows` into lists of at most `BATCH_ROWS`."""
    remaining = iter(rows)
    while batch := list(islice(remaining, BATCH_ROWS)):
        yield batch
