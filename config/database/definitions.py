"""Compare what guards the rows in PostgreSQL with what the migrations of this release make.

`definitions.txt` has a digest for each object of a freshly migrated database; `python -m tests.definitions` writes it.
The expectation cannot come from the database that is checked: the owner of the tables could change both.
"""

from pathlib import Path
from typing import Final

from django.apps import apps

from core.invariants import Invariant

FILE: Final = Path(__file__).with_name("definitions.txt")

# Tables that production does not have.
_OF_DEMO: Final = [model._meta.db_table for model in apps.get_models() if model.__module__.startswith("config.demo.")]

# The owner of the product's tables, the application, and where unqualified names are looked up: by who asks, by the
# application and by the owner, each of whom may have a schema of their name. What an extension made is not looked at,
# unlike what somebody added to it. A digest has 128 bits: nobody finds another definition with the same one.
_PLACES: Final = """
    owner AS (SELECT relowner AS id FROM pg_class WHERE oid = to_regclass('public.django_migrations')),
    ledger AS (SELECT oid, relowner, relacl FROM pg_class WHERE oid = to_regclass('public.loyalty_ledger')),
    asking AS (SELECT oid AS id FROM pg_roles WHERE rolname = session_user),
    -- The role that asks; for one that may not add to the ledger, such as the reader, the first role that may.
    application AS (
        SELECT CASE WHEN has_table_privilege(id, (SELECT oid FROM ledger), 'INSERT') IS NOT FALSE THEN id
                    ELSE (SELECT min(grantee) FROM ledger CROSS JOIN aclexplode(relacl)
                          WHERE privilege_type = 'INSERT' AND grantee NOT IN (0, relowner)) END AS id
        FROM asking
    ),
    place AS (
        SELECT pg_namespace.oid AS id, nspowner FROM pg_namespace, owner, application
        WHERE nspname = ANY (current_schemas(false))
           OR nspname IN ('public', pg_get_userbyid(owner.id), pg_get_userbyid(application.id))
    ),
    of_extension AS (
        SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
        EXCEPT
        SELECT classid, objid FROM pg_shdepend JOIN pg_roles ON pg_roles.oid = refobjid, owner, application
        WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND deptype = 'o'
          AND refobjid IN (owner.id, application.id) AND NOT rolsuper
    ),
    -- On the tests' server alone, the application may act as the owner; only a superuser can give the owner this right.
    test_server AS (
        SELECT FROM owner, pg_parameter_acl CROSS JOIN aclexplode(paracl)
        WHERE parname = 'session_replication_role' AND grantee = owner.id
    ),
    relation AS (
        SELECT class.*, class.oid::regclass::text AS name, seqtypid::regtype, seqincrement, seqmin, seqmax, seqcycle
        FROM pg_class AS class LEFT JOIN pg_sequence ON seqrelid = class.oid
        WHERE relnamespace IN (SELECT id FROM place)
          AND (class.tableoid, class.oid) NOT IN (SELECT classid, objid FROM of_extension)
    )
"""

# The privileges of roles other than the owner. A further role may read, and use or connect to what is there.
_GRANTED: Final = """
    granted AS (
        SELECT name AS owned, name AS on, '' AS column_name, grantee, privilege_type, is_grantable
        FROM relation CROSS JOIN aclexplode(relacl) WHERE relkind <> 'i'
        UNION ALL
        SELECT name, name, attname, grantee, privilege_type, is_grantable
        FROM relation JOIN pg_attribute ON attrelid = relation.oid CROSS JOIN aclexplode(attacl)
        UNION ALL
        SELECT '', 'schema ' || nspname, '', grantee, privilege_type, is_grantable
        FROM pg_namespace CROSS JOIN aclexplode(nspacl)
        WHERE oid IN (SELECT id FROM place) AND privilege_type <> 'USAGE'
        UNION ALL
        SELECT '', 'the database', '', grantee, privilege_type, is_grantable
        FROM pg_database CROSS JOIN aclexplode(coalesce(datacl, acldefault('d', datdba)))
        WHERE datname = current_database() AND privilege_type <> 'CONNECT' AND grantee <> datdba
        UNION ALL
        SELECT '', 'new objects of kind ' || defaclobjtype::text, '', grantee, privilege_type, is_grantable
        FROM pg_default_acl JOIN owner ON defaclrole = owner.id CROSS JOIN aclexplode(defaclacl)
        WHERE defaclobjtype IN ('r', 'S', 'n')
        UNION ALL
        SELECT '', parname, '', grantee, privilege_type, is_grantable
        FROM pg_parameter_acl CROSS JOIN aclexplode(paracl), application
        WHERE parname = 'session_replication_role' AND grantee IN (0, application.id)
    ),
    held AS (
        SELECT granted.*, CASE grantee WHEN 0 THEN 'PUBLIC' WHEN application.id THEN 'the application'
                          ELSE pg_get_userbyid(grantee) END AS holder
        FROM granted, application, owner
        WHERE grantee <> owner.id AND grantee <> to_regrole('pg_database_owner')
          AND (grantee IN (0, application.id) OR privilege_type NOT IN ('SELECT', 'USAGE'))
    )
"""

# The table of each object, so that tables of the demo can be left out; its name; and what it is, as text.
_OBJECTS: Final = """
    SELECT regexp_replace(name, '_id_seq$', '') AS owned,
           CASE relkind WHEN 'S' THEN 'sequence ' ELSE 'table ' END || name AS what, concat_ws(
        ' ', relkind, relpersistence, relrowsecurity, relforcerowsecurity, relowner = owner.id,
        ARRAY(SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = relation.oid ORDER BY 1),
        ARRAY(SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = relation.oid ORDER BY 1),
        CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(relation.oid) END,
        seqtypid, seqincrement, seqmin, seqmax, seqcycle
    ) AS definition FROM relation, owner WHERE relkind NOT IN ('i', 'I', 'c')
    UNION ALL
    SELECT name, 'columns of ' || name, string_agg(concat_ws(
        ' ', attname, format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated,
        attcollation::regcollation, pg_get_expr(adbin, adrelid), coalesce(convalidated, true)
    ), ', ' ORDER BY attname COLLATE "C")
    FROM relation JOIN pg_attribute ON attrelid = relation.oid AND attnum > 0 AND NOT attisdropped
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    LEFT JOIN pg_constraint ON conrelid = attrelid AND contype = 'n' AND conkey = ARRAY[attnum]
    WHERE relkind NOT IN ('i', 'I', 'S', 'c') GROUP BY name
    UNION ALL
    SELECT name, 'constraint ' || conname || ' of ' || name, concat_ws(
        ' ', pg_get_constraintdef(pg_constraint.oid), convalidated, condeferrable, condeferred,
        (SELECT bool_and(tgenabled = 'O') FROM pg_trigger WHERE tgconstraint = pg_constraint.oid),
        (SELECT indisvalid AND indisready AND indislive FROM pg_index WHERE indexrelid = conindid)
    ) FROM relation JOIN pg_constraint ON conrelid = relation.oid AND contype <> 'n'
    UNION ALL
    SELECT name, 'index ' || indexrelid::regclass, concat_ws(
        ' ', pg_get_indexdef(indexrelid), indisvalid, indisready, indislive
    ) FROM relation JOIN pg_index ON indrelid = relation.oid
    WHERE (indisunique OR indexprs IS NOT NULL)
      AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', 'x'))
    UNION ALL
    SELECT name, 'trigger ' || tgname || ' of ' || name, concat_ws(' ', pg_get_triggerdef(pg_trigger.oid), tgenabled)
    FROM relation JOIN pg_trigger ON tgrelid = relation.oid AND NOT tgisinternal
    UNION ALL
    SELECT name, 'rule ' || rulename || ' of ' || name, concat_ws(' ', pg_get_ruledef(pg_rewrite.oid), ev_enabled)
    FROM relation JOIN pg_rewrite ON ev_class = relation.oid AND rulename <> '_RETURN'
    UNION ALL
    SELECT name, 'policy ' || polname || ' of ' || name, concat_ws(
        ' ', polcmd, polpermissive, polroles, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)
    ) FROM relation JOIN pg_policy ON polrelid = relation.oid
    UNION ALL
    SELECT '', 'function ' || pg_proc.oid::regprocedure, concat_ws(
        ' ', CASE WHEN prokind = 'a' THEN 'aggregate' ELSE pg_get_functiondef(pg_proc.oid) END, proowner = owner.id,
        ARRAY(
            SELECT CASE grantee WHEN 0 THEN 'PUBLIC' ELSE 'a role' END
            FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee <> proowner ORDER BY 1
        )
    ) FROM pg_proc CROSS JOIN owner
    WHERE pronamespace IN (SELECT id FROM place)
      AND (pg_proc.tableoid, pg_proc.oid) NOT IN (SELECT classid, objid FROM of_extension)
    UNION ALL
    SELECT '', 'operator ' || pg_operator.oid::regoperator, oprcode::text FROM pg_operator
    WHERE oprnamespace IN (SELECT id FROM place)
      AND (pg_operator.tableoid, pg_operator.oid) NOT IN (SELECT classid, objid FROM of_extension)
    UNION ALL
    SELECT '', 'cast of ' || castsource::regtype || ' to ' || casttarget::regtype, concat_ws(
        ' ', castfunc::regprocedure, castcontext, castmethod
    ) FROM pg_cast
    WHERE oid >= 16384 AND (tableoid, oid) NOT IN (SELECT classid, objid FROM of_extension)  -- others are PostgreSQL's
    UNION ALL
    SELECT '', 'event trigger ' || evtname, concat_ws(' ', evtevent, evtfoid::regprocedure, evtenabled, evttags)
    FROM pg_event_trigger
    UNION ALL
    SELECT owned, 'rights of ' || holder || ' on ' || held.on, string_agg(
        concat_ws(' ', privilege_type, column_name, is_grantable), ', '
        ORDER BY privilege_type, column_name COLLATE "C", is_grantable
    ) FROM held GROUP BY owned, holder, held.on
    UNION ALL
    SELECT '', 'powers of the application', concat_ws(
        ' ', rolsuper, rolbypassrls, rolreplication, rolcreaterole, rolcreatedb,
        application.id IN (SELECT nspowner FROM place)
    ) FROM pg_roles, application, owner WHERE pg_roles.oid = application.id AND application.id <> owner.id
    UNION ALL
    SELECT '', 'membership of the application in ' || rolname, '' FROM pg_roles, application, owner
    WHERE pg_has_role(application.id, pg_roles.oid, 'MEMBER') AND pg_roles.oid <> application.id
      AND application.id <> owner.id AND rolname !~ '^pg_(monitor|stat_scan_tables|read_all_.*)$'
      AND NOT (pg_has_role(owner.id, pg_roles.oid, 'MEMBER') AND EXISTS (SELECT FROM test_server))
    UNION ALL
    SELECT '', concat_ws(' of ', 'setting ' || split_part(config, '=', 1), CASE WHEN setrole <> 0
                                                                 THEN 'role ' || pg_get_userbyid(setrole) END), config
    FROM pg_db_role_setting CROSS JOIN unnest(setconfig) AS config, application, owner
    WHERE setrole IN (0, application.id, owner.id)
      AND setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
      AND split_part(config, '=', 1) ~ '^(session_replication_role|search_path|role|.*_preload_libraries|plpgsql[.].*)$'
    UNION ALL
    SELECT '', 'setting session_replication_role', current_setting('session_replication_role')
"""

# PostgreSQL writes a list of texts in another way once pg_dump has written and psql has read it: as texts that are cast
# one by one, not as a list.
_ONE: Final = r"\(('([^']|'')*'::character varying)\)::text"
_LIST: Final = r"\((ARRAY\[('([^']|'')*'::character varying(, )?)+\])\)::text\[\]"
_ALIKE: Final = f"""
    regexp_replace(regexp_replace(definition, $re${_ONE}$re$, '\\1', 'g'), $re${_LIST}$re$, '\\1', 'g')
"""

FOUND: Final = f"""
    WITH {_PLACES}, {_GRANTED}, object AS ({_OBJECTS})
    SELECT what, left(encode(sha256(convert_to({_ALIKE}, 'UTF8')), 'hex'), 32) AS digest FROM object
    WHERE owned <> ALL (ARRAY[{", ".join(f"'{table}'" for table in _OF_DEMO)}]::text[])
    ORDER BY what COLLATE "C"
"""  # noqa: S608  (constants)

# With one role for everything, the application has all rights, none is granted, and PUBLIC keeps those that PostgreSQL
# gives it on a new database; `config.W001` warns of it.
_IS_OWNER: Final = """
    SELECT pg_get_userbyid(relowner) = session_user FROM pg_class WHERE oid = to_regclass('public.django_migrations')
"""


def _expected() -> str:
    """The lines of `definitions.txt` as rows of SQL."""
    lines = [line.split(" ", 1) for line in FILE.read_text().splitlines()]
    quoted = ("('{}', '{}')".format(digest, what.replace("'", "''")) for digest, what in lines)
    return ", ".join(quoted)


DEFINITIONS: Final = Invariant(
    name="guards_of_this_release",
    sentence="functions, triggers, constraints, columns and rights in PostgreSQL are those that this release makes",
    broken_by=f"""
        SELECT what || CASE WHEN found.digest IS NULL THEN ' is missing'
                            WHEN expected.digest IS NULL THEN ' is not of this release' ELSE ' differs' END
        FROM (VALUES {_expected()}) AS expected (digest, what) FULL JOIN ({FOUND}) AS found USING (what)
        WHERE expected.digest IS DISTINCT FROM found.digest
          AND NOT (({_IS_OWNER}) AND (found.digest IS NULL AND what ~ '^(rights|powers) of the application'
                                      OR what = 'rights of PUBLIC on the database'))
        ORDER BY what COLLATE "C"
    """,  # noqa: S608  (constants)
)
