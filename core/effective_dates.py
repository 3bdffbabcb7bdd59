"""Rows that hold from an instant on, such as rates: each holds until the next one of the same owner begins.

What was in force at an instant never changes: a new row begins in the future, or before the first one. PostgreSQL
refuses any other row, also one whose transaction commits after its beginning.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from django.db import models
from django.db.migrations.operations import RunSQL
from django.utils import timezone

from core.clock import EARLIEST_EVENT_AT, InvalidTime
from core.errors import DomainError

M = TypeVar("M", bound=models.Model, covariant=True)

NOTICE_SECONDS: Final = 60
"""How long before its beginning a row is added; PostgreSQL asks for less, since clocks differ and commits take time."""

EARLIEST_BEGINNING_AT: Final = datetime(1900, 1, 1, tzinfo=UTC)
MOST_YEARS_AHEAD: Final = 100
"""How far ahead a row may begin, in years of 366 days. An instant whose year is below 1 or above 9999 in UTC or in the
casino's time zone cannot be read by Python."""

if TYPE_CHECKING:
    from django.db.models.expressions import Combinable


class BeginsTooEarly(DomainError):
    """A row would begin in the past, or nearly now, where another one was in force."""

    code = "BEGINS_TOO_EARLY"


class DatedRows(models.QuerySet[M]):
    """Rows with an `effective_from`; the methods expect those of one owner."""

    def in_force(self, at: "datetime | Combinable") -> Self:
        """The row in force at `at`; empty before the first one."""
        return self.filter(effective_from__lte=at).order_by("-effective_from")[:1]

    def with_until(self, *, owner: str) -> Self:
        """Each row with `until`, when the next one of the same `owner` (a field) begins; None for the last one."""
        later = self.model._default_manager.filter(
            **{owner: models.OuterRef(owner)}, effective_from__gt=models.OuterRef("effective_from")
        )
        return self.annotate(
            until=models.Subquery(later.order_by("effective_from").values("effective_from")[:1])
        ).order_by("-effective_from")


def require_may_begin(effective_from: datetime, *, among: Iterable[Any], at: datetime) -> None:
    """Refuse a beginning that is neither in the future, as seen at `at`, nor before the first row.

    `among` are the rows of one owner, which must be locked.

    :raises BeginsTooEarly: saying what is in force then.
    :raises InvalidTime: it is before `EARLIEST_BEGINNING_AT`, or more than `MOST_YEARS_AHEAD` years from now.
    """
    if not EARLIEST_BEGINNING_AT <= effective_from <= at + timedelta(days=366 * MOST_YEARS_AHEAD):
        raise InvalidTime(
            f"Choose a beginning from {EARLIEST_BEGINNING_AT.year} on, and at most {MOST_YEARS_AHEAD} years from now."
        )
    rows = sorted(among, key=attrgetter("effective_from"))
    begun = [row for row in rows if row.effective_from <= effective_from]
    if begun and effective_from < at + timedelta(seconds=NOTICE_SECONDS):
        first = rows[0].effective_from
        or_before = f", or one before {local_minute(first)}" if first > EARLIEST_EVENT_AT else ""
        raise BeginsTooEarly(
            f"Choose a beginning at least a minute from now{or_before}: what was rated by “{begun[-1]}” stays as it is."
        )


def local_minute(instant: datetime) -> str:
    """A beginning in the time zone of the page or command, such as 2026-11-14 06:00 PST."""
    if instant <= EARLIEST_EVENT_AT:
        return "the beginning"
    return f"{timezone.localtime(instant):%Y-%m-%d %H:%M %Z}"


# The migration `core` 0047 changes its last condition.
REFUSE_PAST: Final = """
CREATE OR REPLACE FUNCTION core_refuse_past_beginning() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    owner text := TG_ARGV[0];
    first timestamptz;
    judged_from timestamptz := '-infinity';
    notice interval := '30 seconds';
BEGIN
    IF TG_WHEN = 'BEFORE' THEN
        -- Two transactions that add to one owner follow each other.
        EXECUTE format('SELECT FROM %I WHERE id = ($1).%I FOR NO KEY UPDATE', TG_ARGV[1], owner) USING NEW;
    ELSE
        -- At the commit: a row that began in the future when it was added must still do so.
        judged_from := transaction_timestamp();
        notice := '10 seconds';
    END IF;
    EXECUTE format(
        'SELECT min(effective_from) FROM %I WHERE %I = ($1).%I AND id <> ($1).id', TG_TABLE_NAME, owner, owner
    ) INTO first USING NEW;
    -- Python reads no infinite beginning.
    IF NOT isfinite(NEW.effective_from) OR NEW.effective_from >= first AND NEW.effective_from >= judged_from
       AND NEW.effective_from < clock_timestamp() + notice THEN
        RAISE EXCEPTION 'INSERT of % is refused: it begins neither in the future nor before the first row',
            TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
"""


def create_refusal_of_past() -> RunSQL:
    """Create the function that the triggers of `refuse_past` run."""
    return RunSQL(REFUSE_PAST, "DROP FUNCTION core_refuse_past_beginning();")


def refuse_past(table: str, *, owner: str, owners: str) -> RunSQL:
    """Refuse an INSERT into `table` that begins too early; `owner` is its column that refers to the table `owners`."""
    begins, still_begins = f"{table}_begins_later", f"{table}_still_begins_later"
    run = f"FOR EACH ROW EXECUTE FUNCTION core_refuse_past_beginning('{owner}', '{owners}');"
    return RunSQL(
        f"""
        CREATE TRIGGER {begins} BEFORE INSERT ON {table} {run}
        ALTER TABLE {table} ENABLE ALWAYS TRIGGER {begins};
        CREATE CONSTRAINT TRIGGER {still_begins} AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED {run}
        ALTER TABLE {table} ENABLE ALWAYS TRIGGER {still_begins};
        """,
        f"DROP TRIGGER {still_begins} ON {table}; DROP TRIGGER {begins} ON {table};",
    )
