"""What PostgreSQL must be: the schema of this release, its guards, durable, copied, and with the same clock."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import chain
from typing import Any, Final

from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from config.database.checkup.findings import Answer
from config.database.definitions import DEFINITIONS
from core.invariants import examine
from core.words import counted, noun

MAX_CLOCK_DIFFERENCE: Final = timedelta(seconds=2)
MAX_REPLAY_DELAY: Final = timedelta(minutes=5)
MAX_NAMED: Final = 5
EXTENSIONS: Final = ("btree_gin", "btree_gist", "pg_trgm", "unaccent")
# What else they may be would lose commits that were acknowledged, or would not notice a page that the disk spoilt.
_DURABLE: Final = {
    "fsync": ({"on"}, "Set fsync = on in postgresql.conf and restart PostgreSQL."),
    "full_page_writes": ({"on"}, "Set full_page_writes = on in postgresql.conf and reload it."),
    "synchronous_commit": (
        {"on", "remote_apply", "remote_write", "local"},
        "Set synchronous_commit = on, also where ALTER ROLE or ALTER DATABASE sets it.",
    ),
    "data_checksums": ({"on"}, "Stop PostgreSQL and run pg_checksums --enable, or make a new cluster with checksums."),
}


def look_at_server() -> Iterator[Answer]:
    """Which PostgreSQL answers, and whether it is a standby."""
    (version, is_standby, role, name) = _row("SELECT version(), pg_is_in_recovery(), session_user, current_database()")
    kind = "a standby: it can only be read" if is_standby else "the primary"
    yield Answer(f"{version.split(' (')[0]}, {kind}; database {name} as {role}")


def look_at_migrations() -> Iterator[Answer]:
    """Whether the schema is that of this release."""
    loader = MigrationExecutor(connection).loader
    known, applied = set(loader.disk_migrations or ()), set(loader.applied_migrations)
    installed = {app for app, _ in known}
    # Of a squashed migration and those that it replaces, the graph has what “migrate” would run.
    waiting = loader.graph.nodes.keys() - applied
    before_applied = (loader.graph.forwards_plan(key) for key in loader.graph.nodes.keys() & applied)
    skipped = waiting.intersection(chain.from_iterable(before_applied))
    unknown = [key for key in applied - known if key[0] in installed and not _replaced(loader, key)]
    if skipped:
        yield Answer(
            f"not recorded as applied, but later ones are: {_keys(skipped)}",
            "Somebody changed django_migrations, and “migrate” refuses it: bring the rows back. “guards” says whether "
            "the schema has what they record.",
        )
    elif waiting:
        yield Answer(f"not applied: {_keys(waiting)}", "Run “manage.py migrate” as the owner: the runbook says how.")
    if unknown:
        yield Answer(
            f"of another release: {_keys(unknown)}",
            "Install the release that made them: this one is older than the schema.",
        )
    if not waiting and not unknown:
        yield Answer(f"all {len(loader.graph.nodes)} migrations of this release, and no other")


def _replaced(loader: Any, key: tuple[str, str]) -> bool:
    """Whether a squashed migration of this release replaces it."""
    return any(key in migration.replaces for migration in loader.disk_migrations.values())


def look_at_guards() -> Iterator[Answer]:
    """Whether triggers, functions, constraints, columns and rights are those of this release."""
    finding = examine(DEFINITIONS, named_rows=MAX_NAMED)
    if finding.holds:
        yield Answer("triggers, functions, constraints, columns and rights of this release")
        return
    more = "" if finding.rows == len(finding.first) else " …"
    yield Answer(
        f"{counted(finding.rows, 'difference')}: {', '.join(finding.first)}{more}",
        "See “Does everything still hold?” in the runbook. Rights alone are mended by “manage.py migrate”.",
    )


def look_at_extensions() -> Iterator[Answer]:
    """Whether the extensions are there that the schema uses."""
    (found,) = _row("SELECT array_agg(extname::text) FROM pg_extension")
    missing = sorted({*EXTENSIONS} - {*found})
    if missing:
        yield Answer(
            f"not there: {', '.join(missing)}", "As a superuser, run CREATE EXTENSION in the database, then migrate."
        )
    else:
        yield Answer(f"{', '.join(EXTENSIONS)}")


def look_at_roles() -> Iterator[Answer]:
    """Whether the roles of the settings exist, and the owner is not known where requests are served."""
    reader = settings.DATABASES["default"].get("READER", "")
    if settings.DATABASES["default"].get("OWNER"):
        yield Answer(
            "DATABASE_OWNER_URL is set here",
            "Set it only where migrations run: who reads this environment can change every table.",
        )
    if reader and not _row("SELECT to_regrole(quote_ident(%s)) IS NOT NULL", reader)[0]:
        yield Answer(
            f"there is no role {reader}", "Create it, or correct DATABASE_READER_ROLE: the runbook has the lines."
        )
    else:
        yield Answer(f"the application is {_row('SELECT session_user')[0]}; the reader is {reader or 'not set'}")


def look_at_clock() -> Iterator[Answer]:
    """Whether application and database have the same time."""
    before = timezone.now()
    (theirs,) = _row("SELECT clock_timestamp()")
    after = timezone.now()
    # The answer was made between the two; what the way took is no difference.
    difference = max(before - theirs, theirs - after, timedelta(0))
    said = f"{difference.total_seconds():.3f} s between this machine and PostgreSQL"
    if difference > MAX_CLOCK_DIFFERENCE:
        yield Answer(said, "Let chrony or systemd-timesyncd set the clock of both machines.")
    else:
        yield Answer(said)


def look_at_durability() -> Iterator[Answer]:
    """Whether an acknowledged commit is on the disk, and a spoilt page is noticed."""
    wrong = False
    for name, (right, advice) in _DURABLE.items():
        (value,) = _row("SELECT current_setting(%s)", name)
        if value not in right:
            wrong = True
            yield Answer(f"{name} is {value}", advice)
    if not wrong:
        yield Answer(", ".join(_DURABLE))


def look_at_archive() -> Iterator[Answer]:
    """Whether the WAL is archived, without which nothing can be restored to an instant."""
    mode, in_recovery = _row("SELECT current_setting('archive_mode'), pg_is_in_recovery()")
    if in_recovery and mode != "always":
        yield Answer("the primary archives the WAL")
        return
    if mode == "off":
        yield Answer(
            "the WAL is not archived",
            "Set archive_mode and archive_command: without, only the last backup can be restored.",
        )
        return
    archived_at, failed_at, wal = _row(
        "SELECT last_archived_time, last_failed_time, last_failed_wal FROM pg_stat_archiver"
    )
    if failed_at is not None and (archived_at is None or failed_at > archived_at):
        yield Answer(
            f"archiving {wal} failed at {failed_at:%Y-%m-%d %H:%M:%S} UTC, and nothing was archived since",
            "Look into PostgreSQL's log, and mend archive_command before the disk is full.",
        )
    elif archived_at is None:
        yield Answer("nothing was archived yet", "Run SELECT pg_switch_wal() as a superuser, and look again.")
    else:
        yield Answer(f"the last WAL was archived at {archived_at:%Y-%m-%d %H:%M:%S} UTC")


def look_at_replication() -> Iterator[Answer]:
    """Whether as many standbys follow as the settings expect, and none holds back the WAL without taking it."""
    idle = _rows("SELECT slot_name::text FROM pg_replication_slots WHERE NOT active ORDER BY slot_name")
    if idle:
        yield Answer(
            f"nobody reads {noun(len(idle), 'the slot', 'the slots')} {_named([name for (name,) in idle])}",
            "Start its standby, or drop the slot with pg_drop_replication_slot: it keeps WAL until the disk is full.",
        )
    if _row("SELECT pg_is_in_recovery()")[0]:
        yield from _look_at_standby()
        return
    (following,) = _row("SELECT count(*) FROM pg_stat_replication WHERE coalesce(state, 'streaming') <> 'backup'")
    expected = settings.DATABASE_STANDBYS
    said = f"{counted(following, 'standby', 'standbys')} {noun(following, 'follows', 'follow')}, {expected} expected"
    if following < expected:
        yield Answer(said, "Start the standbys that are down; with Patroni, patronictl list names them.")
    else:
        yield Answer(said)


def _look_at_standby() -> Iterator[Answer]:
    receivers, is_behind, delay = _row(
        "SELECT (SELECT count(*) FROM pg_stat_wal_receiver),"
        " pg_last_wal_receive_lsn() IS DISTINCT FROM pg_last_wal_replay_lsn(),"
        " clock_timestamp() - pg_last_xact_replay_timestamp()"
    )
    if not receivers:
        yield Answer("this standby receives nothing from a primary", "Look into its log; it may have to be made again.")
    elif is_behind and delay is not None and delay > MAX_REPLAY_DELAY:
        yield Answer(f"this standby is {delay} behind", "A long query or a slow disk holds it up: end it, or wait.")
    else:
        yield Answer("this standby follows its primary")


def _row(query: str, *parameters: str) -> Any:
    return _rows(query, *parameters)[0]


def _rows(query: str, *parameters: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters or None)
        return list(cursor)


def _keys(migrations: Iterable[tuple[str, str]]) -> str:
    return _named(sorted(".".join(key) for key in migrations))


def _named(names: list[str]) -> str:
    return ", ".join(names[:MAX_NAMED]) + (" …" if len(names) > MAX_NAMED else "")
