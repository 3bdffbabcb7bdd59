"""How many blocks PostgreSQL reads for what is asked, from its memory or from the disk."""

import json
from collections.abc import Callable
from typing import Any

from django.db import connection


def buffers_read(question: Callable[[], object]) -> list[tuple[int, str]]:
    """The buffers that each statement of `question` reads, with its text; statements that write are not counted."""
    read: list[tuple[int, str]] = []

    def explain(execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: dict[str, Any]) -> Any:
        if sql.lstrip().upper().startswith(("SELECT", "WITH", "(SELECT")) and "set_config" not in sql:
            execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", parameters, many, context)
            (plan,) = context["cursor"].fetchone()
            plan = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
            read.append((plan["Shared Hit Blocks"] + plan["Shared Read Blocks"], sql))
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(explain):
        question()
    return read
