"""Giving the roles exactly the rights of `config.database.rights`: what lacks is granted, what is too much is taken."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from django.core.management.base import CommandError
from django.db import DEFAULT_DB_ALIAS, connections, transaction
from psycopg import sql

from config.database.rights import SEQUENCES, TABLES

EVERYONE: Final = "public"
_WHOLE: Final = ""
_MAY_HAND_ON: Final = "may hand it on"

# Of what the connected role owns: extensions bring relations as well, and theirs belong to a superuser.
_STANDING: Final = """
    WITH owned AS (
        SELECT oid, relname, relkind = 'S' AS is_sequence, relacl FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
          AND relowner = current_user::regrole
    )
    SELECT COALESCE(rolname, 'public'), relname, is_sequence, privilege_type, attname, is_grantable
    FROM (
        SELECT relname, is_sequence, '' AS attname, (aclexplode(relacl)).* FROM owned
        UNION ALL
        SELECT relname, is_sequence, attname, (aclexplode(attacl)).*
        FROM owned JOIN pg_attribute ON attrelid = owned.oid WHERE NOT attisdropped
    ) AS standing LEFT JOIN pg_roles ON pg_roles.oid = grantee
    WHERE grantee = 0 OR rolname = ANY (%s)
"""
_COLUMNS: Final = """
    SELECT relname, relkind = 'S', array_agg(attname::text)
    FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'S')
      AND relowner = current_user::regrole AND attnum > 0 AND NOT attisdropped
    GROUP BY relname, relkind
"""
_AROUND: Final = """
    SELECT has_schema_privilege(role, 'public', 'USAGE'), has_schema_privilege(role, 'public', 'CREATE'),
           has_database_privilege(role, current_database(), 'TEMPORARY')
    FROM unnest(%s::text[]) AS role
"""


class Right(NamedTuple):
    """One privilege of one role on one table or sequence."""

    role: str
    relation: str
    is_sequence: bool
    privilege: str


Columns = frozenset[str]
Rights = dict[Right, Columns]


class Roles(NamedTuple):
    """The roles beside the owner; empty where there is none set apart."""

    application: str
    reader: str

    @classmethod
    def of(cls, using: str) -> "Roles":
        """The roles that the settings of the database `using` name."""
        settings = connections.settings[using]
        return cls(settings["USER"] if settings.get("OWNER") else "", settings.get("READER", ""))


def require_roles(*, using: str) -> None:
    """Refuse to go on where a role is missing that the settings name: its rights could not be given to it.

    :raises CommandError: saying which, and what to do.
    """
    named = [role for role in Roles.of(using) if role]
    with connections[using].cursor() as cursor:
        cursor.execute(
            "SELECT role FROM unnest(%s::text[]) AS role WHERE to_regrole(quote_ident(role)) IS NULL", [named]
        )
        missing = [role for (role,) in cursor.fetchall()]
    if missing:
        raise CommandError(
            f"PostgreSQL has no role “{'”, “'.join(missing)}”, and nothing was migrated. "
            "Create it first, as docs/runbook.md says under “Database roles”."
        )


def set_rights(*, using: str = DEFAULT_DB_ALIAS, **_signal: Any) -> None:
    """Give the application and the reader what `rights` says, and nobody else anything; run after each migrate.

    It works on what the connected role owns: run as the application it would find nothing to do.
    """
    with transaction.atomic(using=using), connections[using].cursor() as cursor:
        for statement in _due(cursor, Roles.of(using)):
            cursor.execute(statement)


def rights_are_set(*, using: str = DEFAULT_DB_ALIAS) -> bool:
    """Whether `set_rights` would change nothing; asked as the owner."""
    with connections[using].cursor() as cursor:
        return not _due(cursor, Roles.of(using))


def _due(cursor: Any, roles: Roles) -> list[sql.Composed]:
    """What must be said so that the rights are what they should be."""
    if not any(roles):
        return []
    return [*_changes_around(cursor, roles), *_changes(_standing(cursor, roles), _wanted(cursor, roles))]


def _standing(cursor: Any, roles: Roles) -> Rights:
    found: dict[Right, set[str]] = defaultdict(set)
    cursor.execute(_STANDING, [list(roles)])
    for role, relation, is_sequence, privilege, column, is_grantable in cursor.fetchall():
        right = Right(role, relation, is_sequence, privilege)
        found[right] |= {column, _MAY_HAND_ON} if is_grantable else {column}
    return {right: frozenset(columns) for right, columns in found.items()}


def _wanted(cursor: Any, roles: Roles) -> Rights:
    wanted: Rights = {}
    cursor.execute(_COLUMNS)
    for relation, is_sequence, names in cursor.fetchall():
        if is_sequence:
            if relation in SEQUENCES:
                wanted[Right(roles.application, relation, True, "USAGE")] = frozenset({_WHOLE})
            continue
        rights = TABLES.get(relation)
        if rights is None:
            continue
        for privilege in rights.application:
            fixed = rights.fixed if privilege == "UPDATE" else frozenset()
            wanted[Right(roles.application, relation, False, privilege)] = _all_but(fixed, names)
        if rights.hidden is not None:
            wanted[Right(roles.reader, relation, False, "SELECT")] = _all_but(rights.hidden, names)
    return {right: columns for right, columns in wanted.items() if right.role}


def _all_but(some: Columns, columns: list[str]) -> Columns:
    return frozenset(columns) - some if some else frozenset({_WHOLE})


def _changes(standing: Rights, wanted: Rights) -> Iterator[sql.Composed]:
    """What to say so that `standing` becomes `wanted`.

    To take a privilege on a table takes it on each column as well, so one that differs is taken whole and given anew.
    """
    for right in sorted(standing.keys() | wanted.keys()):
        if standing.get(right) == wanted.get(right):
            continue
        if right in standing:
            yield _sentence("REVOKE {} ON {} FROM {}", right, frozenset({_WHOLE}))
        if right in wanted:
            yield _sentence("GRANT {} ON {} TO {}", right, wanted[right])


def _sentence(words: str, right: Right, columns: Columns) -> sql.Composed:
    what: sql.Composable = sql.SQL(right.privilege)  # a word of PostgreSQL's or of `rights`
    if columns != {_WHOLE}:
        what = sql.SQL("{} ({})").format(what, sql.SQL(", ").join(map(sql.Identifier, sorted(columns))))
    kind = sql.SQL("SEQUENCE" if right.is_sequence else "TABLE")
    return sql.SQL(words).format(what, sql.SQL("{} {}").format(kind, sql.Identifier(right.relation)), _role(right.role))


def _changes_around(cursor: Any, roles: Roles) -> Iterator[sql.Composed]:
    """What to say so that the roles reach the schema, and make nothing in it nor beside it."""
    named = [role for role in roles if role]
    database = sql.Identifier(connections[cursor.db.alias].settings_dict["NAME"])
    cursor.execute(_AROUND, [[*named, EVERYONE]])
    for role, (reaches, creates, makes_temporary) in zip([*named, EVERYONE], cursor.fetchall(), strict=True):
        if not reaches and role != EVERYONE:
            yield sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(_role(role))
        if creates:
            yield sql.SQL("REVOKE CREATE ON SCHEMA public FROM {}").format(_role(role))
        if makes_temporary:
            yield sql.SQL("REVOKE TEMPORARY ON DATABASE {} FROM {}").format(database, _role(role))


def _role(name: str) -> sql.Composable:
    return sql.SQL("PUBLIC") if name == EVERYONE else sql.Identifier(name)
