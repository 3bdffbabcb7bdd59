"""A system check for deployment: the application's role must not be able to alter the ledger."""

from collections.abc import Sequence
from typing import Any, Final

from django.core import checks
from django.core.checks import CheckMessage, Tags, register
from django.db import connections

_TOO_MUCH: Final = """
    SELECT to_regclass('public.loyalty_ledger') IS NOT NULL AND (
        has_table_privilege(to_regclass('public.loyalty_ledger'), 'UPDATE, DELETE, TRUNCATE, TRIGGER')
        OR has_any_column_privilege(to_regclass('public.loyalty_ledger'), 'UPDATE')
        OR has_schema_privilege('public', 'CREATE')
    )
"""


@register(Tags.database, deploy=True)
def check_application_owns_nothing(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Warn if the application's role may do more than read and add ledger entries: then only triggers protect them."""
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
                    f"The role “{connection.settings_dict['USER']}” may do more to the ledger than add to it.",
                    hint="Let another role own the tables: docs/runbook.md, “Database roles”.",
                    id="config.W001",
                )
            )
    return messages
