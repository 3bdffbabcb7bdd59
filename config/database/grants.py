"""Give the database's roles the rights of `config.database.rights`, and find where the database differs from them."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from django.core.management.base import CommandError
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from psycopg import sql

from config.database.rights import SEQUENCES, TABLES

# Only relations of the owner of the product's tables: tables of an extension belong to a superuser.
_RELATIONS: Final = """
    SELECT oid, relname, relkind = 'S' AS is_sequence, relowner FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
      AND relowner = (SELECT relowner FROM pg_class WHERE oid = to_regclass('public.django_migrations'))
"""
_COLUMNS: Final = f"""
    SELECT relname, is_sequence, array_agg(attname::text) FROM ({_RELATIONS}) AS relation
    JOIN pg_attribute ON attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
    GROUP BY relname, is_sequence
"""  # noqa: S608 - both are constants
# The rights that a role has by a grant to itself, to PUBLIC, or to a role that it inherits from.
_HELD: Final = f"""
    WITH relation AS ({_RELATIONS}),
         role AS (SELECT unnest(%(roles)s::text[]) AS name),
         option AS (SELECT unnest(ARRAY['', ' WITH GRANT OPTION']) AS words)
    SELECT role.name, privilege || words, relname, attname::text
    FROM role, option, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS privilege, relation
    JOIN pg_attribute ON attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
    WHERE NOT is_sequence AND has_column_privilege(role.name, relation.oid, attnum, privilege || words)
    UNION ALL
    SELECT role.name, privilege || words, relname, ''
    FROM role, option, unnest(ARRAY['DELETE', 'TRUNCATE', 'TRIGGER']) AS privilege, relation
    WHERE NOT is_sequence AND has_table_privilege(role.name, relation.oid, privilege || words)
    UNION ALL
    SELECT role.name, privilege || words, relname, ''
    FROM role, option, unnest(ARRAY['USAGE', 'SELECT', 'UPDATE']) AS privilege, relation
    WHERE is_sequence AND has_sequence_privilege(role.name, relation.oid, privilege || words)
    UNION ALL
    SELECT role.name, privilege || words, 'schema public', ''
    FROM role, option, unnest(ARRAY['USAGE', 'CREATE']) AS privilege
    WHERE has_schema_privilege(role.name, 'public', privilege || words)
    UNION ALL
    SELECT role.name, privilege, 'database', '' FROM role, unnest(ARRAY['TEMPORARY', 'CREATE']) AS privilege
    WHERE has_database_privilege(role.name, current_database(), privilege)
"""  # noqa: S608 - as above

# The columns of a right that is on a table or sequence as a whole.
_WHOLE: Final = frozenset({""})


class Right(NamedTuple):
    """A right of a role on a column, or on the whole of `on` if `column` is empty."""

    role: str
    privilege: str
    on: str
    column: str = ""


class Roles(NamedTuple):
    """The roles other than the owner; a name is empty if the database has no such role."""

    application: str
    reader: str

    @classmethod
    def of(cls, using: str) -> "Roles":
        """Read the roles from the settings of the database `using`."""
        settings = connections.settings[using]
        return cls(settings["USER"] if settings.get("OWNER") else "", settings.get("READER", ""))

    @property
    def named(self) -> list[str]:
        """The names of the roles that exist."""
        return [role for role in self if role]


def require_roles(*, using: str) -> None:
    """Refuse to migrate if PostgreSQL lacks a role that the settings name.

    :raises CommandError: a role is missing.
    """
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT role FROM unnest(%s::text[]) AS role WHERE to_regrole(quote_ident(role)) IS NULL",
            [Roles.of(using).named],
        )
        missing = [role for (role,) in cursor.fetchall()]
    if missing:
        raise CommandError(
            f"PostgreSQL has no role “{'”, “'.join(missing)}”, and nothing was migrated. "
            "Create it first, as docs/runbook.md says under “Database roles”."
        )


def set_rights(*, using: str = DEFAULT_DB_ALIAS, **_signal: Any) -> None:
    """Take every right from the application, the reader and PUBLIC, then grant what `rights` says; as the owner.

    Runs after each migrate. It is one transaction, so no session sees a right missing in between.
    """
    roles = Roles.of(using)
    if roles.named:
        with transaction.atomic(using=using), connections[using].cursor() as cursor:
            cursor.execute(_COLUMNS)
            database = connections[using].settings_dict["NAME"]
            cursor.execute(sql.SQL("; ").join(_statements(cursor.fetchall(), roles, database=database)))


def wrong_rights(*, using: str = DEFAULT_DB_ALIAS) -> set[Right]:
    """Find the rights that a role lacks or should not have; any role may run this."""
    roles = Roles.of(using)
    with connections[using].cursor() as cursor:
        cursor.execute(_HELD, {"roles": roles.named})
        held = {Right(*row) for row in cursor.fetchall()}
        cursor.execute(_COLUMNS)
        wanted = {
            Right(role, privilege, name, column)
            for name, _, columns in cursor.fetchall()
            for role, privilege, granted in _wanted(name, columns, roles)
            for column in granted
        }
    return held ^ (wanted | {Right(role, "USAGE", "schema public") for role in roles.named})


def _wanted(relation: str, columns: list[str], roles: Roles) -> Iterator[tuple[str, str, frozenset[str]]]:
    """Yield the role, the privilege and its columns, for each right on a table or sequence; `_WHOLE` has no columns."""
    rights = TABLES.get(relation)
    if relation in SEQUENCES and roles.application:
        yield roles.application, "USAGE", _WHOLE
    if rights is None:
        return
    every = frozenset(columns)
    for privilege in rights.application if roles.application else ():
        # A database that is migrated in part lacks some of them.
        changeable = every & rights.changeable
        yield roles.application, privilege, {"DELETE": _WHOLE, "UPDATE": changeable}.get(privilege, every)
    if rights.hidden is not None and roles.reader:
        yield roles.reader, "SELECT", every - rights.hidden


def _statements(relations: list[tuple[str, bool, list[str]]], roles: Roles, *, database: str) -> Iterator[sql.Composed]:
    named = sql.SQL(", ").join(map(sql.Identifier, roles.named))
    everyone = sql.SQL("PUBLIC, {}").format(named)
    for name, is_sequence, columns in relations:
        on = sql.SQL("SEQUENCE {}" if is_sequence else "TABLE {}").format(sql.Identifier(name))
        yield sql.SQL("REVOKE ALL ON {} FROM {}").format(on, everyone)
        for role, privilege, wanted in _wanted(name, columns, roles):
            # A database that is migrated only in part has no later columns; `wrong_rights` finds one that is misspelt.
            granted = wanted & {*columns, *_WHOLE}
            what: sql.Composable = sql.SQL(privilege)
            if granted not in (_WHOLE, frozenset(columns)):
                what = sql.SQL("{} ({})").format(what, sql.SQL(", ").join(map(sql.Identifier, sorted(granted))))
            yield sql.SQL("GRANT {} ON {} TO {}").format(what, on, sql.Identifier(role))
    yield sql.SQL("REVOKE CREATE ON SCHEMA public FROM {}").format(everyone)
    yield sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(named)
    yield sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM {}").format(sql.Identifier(database), everyone)
