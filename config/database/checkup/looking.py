"""Run the checks, one after the other; one that fails hides no other."""

from collections.abc import Collection, Iterator
from typing import Final

from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, InterfaceError, connection, transaction

from config.database.checkup import database, surroundings
from config.database.checkup.findings import Check, Finding, State
from config.database.checkup.provider import look_at_identity_provider
from core.errors import DomainError

CHECKS: Final = (
    Check(name="settings", look=surroundings.look_at_settings, needs_database=False),
    Check(name="database-settings", look=surroundings.look_at_database_settings),
    Check(name="server", look=database.look_at_server),
    Check(name="schema", look=database.look_at_migrations),
    Check(name="guards", look=database.look_at_guards),
    Check(name="extensions", look=database.look_at_extensions),
    Check(name="roles", look=database.look_at_roles),
    Check(name="clock", look=database.look_at_clock),
    Check(name="durability", look=database.look_at_durability),
    Check(name="archive", look=database.look_at_archive),
    Check(name="replication", look=database.look_at_replication),
    Check(name="backups", look=surroundings.look_at_backups, needs_database=False),
    Check(name="jobs", look=surroundings.look_at_jobs),
    Check(name="verification", look=surroundings.look_at_verification),
    Check(name="checkpoint-keys", look=surroundings.look_at_checkpoint_keys, needs_database=False),
    Check(name="checkpoint-file", look=surroundings.look_at_checkpoint_file),
    Check(name="identity-provider", look=look_at_identity_provider, needs_database=False),
    Check(name="disk", look=surroundings.look_at_disks, needs_database=False),
    Check(name="static-files", look=surroundings.look_at_static_files, needs_database=False),
)


def look(*, only: Collection[str] | None = None) -> Iterator[Finding]:
    """What each check finds, or those of the names `only`. Nothing is changed."""
    away = _why_away()
    if away is not None:
        advice = "Start PostgreSQL, or correct DATABASE_URL; “pg_isready” says whether it answers."
        yield Finding(name="database", state=State.MISSING, what=f"cannot be reached: {away}", advice=advice)
    for check in CHECKS:
        if only and check.name not in only:
            continue
        if check.needs_database and away is not None:
            yield Finding(name=check.name, state=State.NOT_LOOKED_AT, what="the database cannot be reached")
        else:
            yield from _findings(check)


def _why_away() -> str | None:
    """Why the database cannot be reached; None if it can."""
    try:
        connection.ensure_connection()
    except (DatabaseError, InterfaceError) as error:
        return _first_line(error)
    return None


def _findings(check: Check) -> Iterator[Finding]:
    try:
        if check.needs_database:
            with transaction.atomic():
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION READ ONLY")
                answers = [*check.look()]
        else:
            answers = [*check.look()]
    except (DatabaseError, InterfaceError, DomainError, ImproperlyConfigured) as error:
        yield Finding(name=check.name, state=State.NOT_LOOKED_AT, what=_first_line(error))
        return
    for answer in answers:
        state = State.MISSING if answer.advice else State.OK
        yield Finding(name=check.name, state=state, what=answer.what, advice=answer.advice)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
