"""Changes of the change log in words: labels for columns, names for keys, old → new."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache
from typing import Any, Final

from django.apps import apps
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.utils.formats import date_format
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from core.changes.tables import JOINING, LOGGED
from core.console.display import NOTHING, apart, choice, exact_moment, factor
from core.models import Change, User

NOT_KEPT: Final = "a new one, which is not kept"
# The columns that say which rows a row joins.
_KEYS_OF_JOINING: Final = frozenset({"user_id", "group_id", "content_type_id", "object_pk"})

Key = tuple[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangedValue:
    """A column in words: its label, the value before and the one after; None where there is none."""

    label: str
    old: str | None
    new: str | None

    def __str__(self) -> str:
        values = [value for value in (self.old, self.new) if value is not None]
        return f"{self.label}: {' → '.join(values)}"

    @property
    def html(self) -> SafeString:
        """The same, with each value isolated from the text around it."""
        values = [(apart(value),) for value in (self.old, self.new) if value is not None]
        return format_html("{}: {}", self.label, format_html_join(" → ", "{}", values))


@dataclass(frozen=True, kw_only=True, slots=True)
class ChangeInWords:
    """A change: what kind of row, the rows that it concerns by key, what happened, which values, and by whom."""

    change: Change
    kind: str
    concerned: Mapping[str, str]
    values: Sequence[ChangedValue]
    author: str

    @property
    def action(self) -> str:
        """Added, Changed or Deleted."""
        return str(self.change.get_action_display())

    @property
    def html(self) -> SafeString:
        """What happened, and the values below it."""
        values = format_html_join("", "<li>{}</li>", ((value.html,) for value in self.values))
        return format_html('{}<ul class="changed">{}</ul>' if self.values else "{}", self.action, values)

    @property
    def text(self) -> str:
        """The same as plain text."""
        return "; ".join([self.action, *map(str, self.values)])

    def __str__(self) -> str:
        return f"{self.kind} {', '.join(self.concerned.values())}: {self.text}"


def in_words(changes: Sequence[Change]) -> list[ChangeInWords]:
    """Describe `changes`; the rows that they name are read in one statement for each table."""
    names = _names({key for change in changes for key in _keys_in(change)})
    return [
        ChangeInWords(
            change=change,
            kind=_kind(change.table_name),
            concerned={f"{key[0]}:{key[1]}": _name(names, key, change) for key in _concerned(change)},
            values=list(_values(change, names)),
            author=_author(change, names),
        )
        for change in changes
    ]


def _kind(table: str) -> str:
    return str(capfirst(LOGGED.get(table, table)))


@cache
def _models() -> dict[str, type[models.Model]]:
    return {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}


@cache
def _columns(table: str) -> dict[str, Any]:
    model = _models().get(table)
    return {str(column.column): column for column in model._meta.concrete_fields} if model else {}


def _concerned(change: Change) -> Iterator[Key]:
    for concerned in change.concerns:
        table, _, key = concerned.partition(":")
        if table not in JOINING and key.isdecimal():
            yield table, int(key)


def _keys_in(change: Change) -> Iterator[Key]:
    """Every row that the words of `change` name."""
    yield from _concerned(change)
    if change.actor_id is not None:
        yield User._meta.db_table, change.actor_id
    for values in (change.old, change.new):
        for name, value in (values or {}).items():
            if (referred := _referred(change.table_name, name)) is not None and isinstance(value, int):
                yield referred, value


def _referred(table: str, name: str) -> str | None:
    column = _columns(table).get(name)
    return str(column.related_model._meta.db_table) if column is not None and column.is_relation else None


def _names(keys: Iterable[Key]) -> dict[Key, str]:
    found: dict[Key, str] = {}
    by_table: dict[str, set[Any]] = {}
    for table, key in keys:
        by_table.setdefault(table, set()).add(key)
    for table, wanted in by_table.items():
        if model := _models().get(table):
            for row in _rows(model, wanted):
                found[table, row.pk] = _name_of(row)
    return found


def _rows(model: type[models.Model], keys: Collection[Any]) -> Iterable[models.Model]:
    """The rows of `model` with `keys`; Django keeps the content types that the process has read."""
    if model is ContentType:
        kept = ContentType.objects.get_for_models(*apps.get_models())
        return [each for each in kept.values() if each.pk in keys]
    return model._base_manager.filter(pk__in=keys).order_by()


def _name_of(row: models.Model) -> str:
    if isinstance(row, User):
        return row.name_and_login
    return row.name if isinstance(row, Permission) else str(row)


def _name(names: Mapping[Key, str], key: Key, change: Change) -> str:
    """The name of a row; of one that is gone, the name that the change has, else its kind and number."""
    if key in names:
        return names[key]
    values = change.new or change.old or {}
    is_own = key == (change.table_name, change.row_id)
    return str((is_own and values.get("name")) or f"{_kind(key[0])} no. {key[1]}")


def _author(change: Change, names: Mapping[Key, str]) -> str:
    if change.actor_id is None:
        return f"no person (database role {change.database_role})"
    return names.get((User._meta.db_table, change.actor_id), f"Staff no. {change.actor_id}")


def _values(change: Change, names: Mapping[Key, str]) -> Iterator[ChangedValue]:
    old, new = change.old, change.new
    named = set(_concerned(change)) if old is None or new is None else set()
    columns = _columns(change.table_name)
    present = (new or old or {}).keys()
    for name in [*(name for name in columns if name in present), *sorted(present - columns.keys())]:
        column = columns.get(name)
        values = [side[name] for side in (old, new) if side is not None]
        if _says_which_row(change, name, values[-1], named):
            continue
        is_secret = all(value is None for value in values)
        yield ChangedValue(
            label=capfirst(str(column.verbose_name if column is not None else name.replace("_", " "))),
            old=None if old is None or is_secret else _in_words(column, old[name], names),
            new=NOT_KEPT if is_secret else None if new is None else _in_words(column, new[name], names),
        )


def _says_which_row(change: Change, name: str, value: Any, named: Collection[Key]) -> bool:
    """Whether a column says only which row or request it is: the row is named beside the values."""
    if name == "id" or (change.table_name in JOINING and name in _KEYS_OF_JOINING):
        return True
    column = _columns(change.table_name).get(name)
    if isinstance(column, models.UUIDField):
        return True
    is_of_one_casino = name == "casino_id" and (change.old is None or change.new is None)
    referred = _referred(change.table_name, name)
    return is_of_one_casino or (referred is not None and (referred, value) in named)


def _in_words(column: Any, value: Any, names: Mapping[Key, str]) -> str:
    """A value as the console shows it; of a column that the model no longer has, as it was stored."""
    if value is None or value == "":
        return NOTHING
    if column is None:
        return str(value)
    if column.is_relation:
        return names.get((column.related_model._meta.db_table, value), f"no. {value}")
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(column, models.DecimalField):
        return factor(Decimal(str(value)))
    if isinstance(column, models.DateTimeField):
        return exact_moment(datetime.fromisoformat(value))
    if isinstance(column, models.TimeField):
        return date_format(column.to_python(value), "H:i")
    return choice(column, value)
