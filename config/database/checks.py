"""System checks for deployment: the application's role may not alter ledger or change log, and has its time-outs."""

from collections.abc import Sequence
from typing import Any, Final

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Tags, register
from django.db import connections

_TOO_MUCH: Final = """
    SELECT to_regclass('public.loyalty_ledger') IS NOT NULL AND (
        has_table_privilege(to_regclass('public.loyalty_ledger'), 'UPDATE, DELETE, TRUNCATE, TRIGGER')
        OR has_any_column_privilege(to_regclass('public.loyalty_ledger'), 'UPDATE')
        OR has_table_privilege(to_regclass('public.core_change'), 'UPDATE, DELETE, TRUNCATE, TRIGGER')
        OR has_any_column_privilege(to_regclass('public.core_change'), 'INSERT, UPDATE')
        OR has_schema_privilege('public', 'CREATE')
    )
"""
_TIMEOUTS: Final = "SELECT name, setting::int FROM pg_settings WHERE name = ANY(%s) ORDER BY name"


@register(Tags.database, deploy=True)
def check_application_owns_nothing(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Warn if the application's role may alter the ledger or the change log: then only triggers protect them."""
    messages: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if connection.vendor != "postgresql":
            continue
        with connection.cursor() as cursor:
            cursor.execute(_TOO_MUCH)
            may_do_too_much = cursor.fetchone()[0]
        if may_do_too_much:
            messages.append(
                checks.Warning(
                    f"The role “{connection.settings_dict['USER']}” may do more than add to the ledger and read the "
                    "change log.",
                    hint="Let another role own the tables: docs/runbook.md, “Database roles”.",
                    id="config.W001",
                )
            )
    return messages


@register(Tags.database, deploy=True)
def check_timeouts(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Refuse a connection without the time-outs of the settings: a pool does not pass the parameter `options` on."""
    wanted = settings.DATABASE_TIMEOUTS_SECONDS
    messages: list[CheckMessage] = []
    for alias in databases or ():
        connection = connections[alias]
        if connection.vendor != "postgresql":
            continue
        with connection.cursor() as cursor:
            cursor.execute(_TIMEOUTS, [[*wanted]])
            found = {name: milliseconds / 1_000 for name, milliseconds in cursor.fetchall()}
        wrong = [
            f"{name} is {found[name]:g} s, not {seconds} s"
            for name, seconds in wanted.items()
            if found[name] != seconds
        ]
        if wrong:
            messages.append(
                checks.Error(
                    f"The time-outs of “{connection.settings_dict['USER']}” are not those of the settings: "
                    f"{'; '.join(wrong)}.",
                    hint="Set them with ALTER ROLE: docs/runbook.md, “Database roles”, has the lines.",
                    id="config.E001",
                )
            )
    return messages
