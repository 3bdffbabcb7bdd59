"""The values that a change form showed, signed in a hidden field, and what has changed since."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Self

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core import signing
from django.db.models import Field, Model, QuerySet
from django.utils import timezone
from django.utils.text import capfirst

from core.console.display import NOTHING, choice, moment, staff_name

FORM_VERSION: Final = "form_version"
GRANTS_LOGGED_AS: Final = "Permissions of "
_SALT: Final = "core.console.versions"
# The hash of a password never leaves the server, and signing in does not count as a change of the account.
_NOT_COMPARED: Final = frozenset({"password", "last_login"})

Values = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """The values of a row, or of the grants on it, at the instant at which a form showed them."""

    subject: str
    values: Values
    at: datetime = field(default_factory=timezone.now)

    @property
    def token(self) -> str:
        """The signed text of the version, for a hidden field."""
        note = {"subject": self.subject, "values": self.values, "at": self.at.isoformat()}
        return signing.dumps(note, salt=_SALT, compress=True)

    @classmethod
    def read(cls, token: str, *, subject: str) -> Self | None:
        """Read a token; None if it is missing, forged, or was made for another subject."""
        try:
            note = signing.loads(token, salt=_SALT)
        except signing.BadSignature:
            return None
        if note["subject"] != subject:
            return None
        return cls(subject=subject, values=note["values"], at=datetime.fromisoformat(note["at"]))

    def changed_since(self, shown: "Version") -> dict[str, tuple[Any, Any]]:
        """The values that differ from those shown: old and new, by name."""
        pairs = {name: (shown.values.get(name, now), now) for name, now in self.values.items()}
        return {name: (old, new) for name, (old, new) in pairs.items() if old != new}


def version_of(row: Model) -> Version:
    """The version of a row: its columns and many-to-many choices, without password, last sign-in, generated columns."""
    columns = [
        column for column in row._meta.concrete_fields if column.name not in _NOT_COMPARED and not column.generated
    ]
    values: dict[str, Any] = {column.name: _as_text(column, row) for column in columns}
    for choices in row._meta.many_to_many:
        values[choices.name] = sorted(related.pk for related in getattr(row, choices.name).all())
    return Version(subject=f"{row._meta.label_lower} {row.pk}", values=values)


def _as_text(column: "Field[Any, Any]", row: Model) -> str | None:
    return None if column.value_from_object(row) is None else column.value_to_string(row)


def sentences(row: Model, changed: Mapping[str, tuple[Any, Any]], labels: Mapping[str, str]) -> list[str]:
    """Say for each changed value of `row` what it was and what it is; `labels` are the form's."""
    words = []
    for name, (old, new) in changed.items():
        column: Any = row._meta.get_field(name)
        label = labels.get(name) or capfirst(column.verbose_name)
        if column.many_to_many:
            related = column.related_model._base_manager
            names = {one.pk: str(getattr(one, "name", one)) for one in related.filter(pk__in={*old, *new})}
            words.append(f"{label}: {difference(old, new, names)}.")
        else:
            words.append(f"{label}: {_in_words(column, old)} → {_in_words(column, new)}.")
    return words


def difference(old: Iterable[Any], new: Iterable[Any], names: Mapping[Any, str]) -> str:
    """Say what was added to a set and what was removed from it: “added Auditor, removed Pit boss”."""
    parts = []
    for verb, keys in (("added", set(new) - set(old)), ("removed", set(old) - set(new))):
        if keys:
            parts.append(f"{verb} {', '.join(sorted(names.get(key, str(key)) for key in keys))}")
    return ", ".join(parts)


def _in_words(column: Any, text: str | None) -> str:
    if text in (None, ""):
        return NOTHING
    value = column.to_python(text)
    if column.is_relation:
        return str(column.related_model._base_manager.filter(pk=value).first() or value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return moment(value)
    return choice(column, value)


def who_changed(row: Model, *, since: datetime, grantee: str | None = None) -> str:
    """Say who last changed the row in the console, or its grants to `grantee`, and when; empty if it is not known."""
    entries: QuerySet[LogEntry] = LogEntry.objects.filter(
        content_type=ContentType.objects.get_for_model(row), object_id=str(row.pk), action_time__gt=since
    )
    if grantee is None:
        entries = entries.exclude(change_message__startswith=GRANTS_LOGGED_AS)
    else:
        entries = entries.filter(change_message__startswith=f"{GRANTS_LOGGED_AS}{grantee} ")
    last = entries.select_related("user").order_by("-action_time").first()
    return f" {staff_name(last.user)} did, {moment(last.action_time)}." if last else ""
