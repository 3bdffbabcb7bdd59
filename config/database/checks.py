"""System checks for deployment that read the database: rights, time-outs, and who needs a second factor."""

from collections.abc import Sequence
from typing import Any, Final

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Tags, register
from django.db import connections

from core.held import HELD_BY_ROLE
from core.permissions import ADD_STAFF, CHANGE_ROLES, CHANGE_STAFF, EXPORT_CHANGES
from loyalty.permissions import ADJUST, AWARD, CHANGE_PROGRAM, EXPORT_LEDGER, REDEEM, REVERSE
from loyalty.services.awards import MAX_AWARD_POINTS
from ratingslips.permissions import CHANGE_PIT, CORRECT_SLIP

# With these somebody grants, exports, takes points back, or awards or redeems them: the console asks again who it is.
POWERFUL: Final = (
    *(ADD_STAFF, CHANGE_STAFF, CHANGE_ROLES, CHANGE_PIT, CHANGE_PROGRAM),
    *(EXPORT_CHANGES, EXPORT_LEDGER),
    *(CORRECT_SLIP, REVERSE, ADJUST),
    *(AWARD, REDEEM),
)
_TOO_MUCH: Final = """
    SELECT to_regclass('public.loyalty_ledger') IS NOT NULL AND (
        has_table_privilege(to_regclass('public.loyalty_ledger'), 'UPDATE, DELETE, TRUNCATE, TRIGGER')
        OR has_any_column_privilege(to_regclass('public.loyalty_ledger'), 'UPDATE')
        OR has_table_privilege(to_regclass('public.core_change'), 'UPDATE, DELETE, TRUNCATE, TRIGGER')
        OR has_any_column_privilege(to_regclass('public.core_change'), 'INSERT, UPDATE')
        OR has_schema_privilege('public', 'CREATE')
    )
"""
_WITHOUT_FACTORS: Final = f"""
    SELECT casino.name, string_agg(role.name, ', ' ORDER BY role.name)
    FROM core_casino AS casino CROSS JOIN auth_group AS role
    WHERE role.id IN (
        SELECT held.role_id FROM ({HELD_BY_ROLE}) AS held
        JOIN auth_permission AS permission ON permission.id = held.permission_id
        JOIN django_content_type AS content_type ON content_type.id = permission.content_type_id
        WHERE content_type.app_label || '.' || permission.codename = ANY(%s)
    ) AND NOT EXISTS (
        SELECT FROM core_casino_second_factor_roles AS chosen
        WHERE chosen.casino_id = casino.id AND chosen.group_id = role.id
    )
    GROUP BY casino.id ORDER BY casino.code
"""  # noqa: S608  (constants)
# An award of the largest number of points asks again only above this limit.
_NO_AWARD_ASKS: Final = """
    SELECT name FROM core_casino WHERE confirmed_award_points IS NULL OR confirmed_award_points >= %s ORDER BY code
"""
_CHOOSE_ROLES: Final = "Choose them on the page of the casino, “Roles that need a second factor”."
_CHOOSE_POINTS: Final = (
    f"Set less than {MAX_AWARD_POINTS:,} points on the page of the casino, “Awards and redemptions to confirm”."
)
_CORRECT_NAME: Final = "Correct the name. An account for break-glass must be active and have a password."
_UNKNOWN_NAMES: Final = """
    SELECT 'OIDC_ROLES', name FROM unnest(%s::text[]) AS name WHERE name NOT IN (SELECT name FROM auth_group)
    UNION ALL
    SELECT 'BREAK_GLASS_USERNAMES', name FROM unnest(%s::text[]) AS name
    WHERE name NOT IN (SELECT username FROM core_user WHERE is_active AND is_staff AND password !~ '^(!|$)')
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


@register(Tags.database, deploy=True)
def check_names_of_single_sign_on(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Warn of roles and break-glass accounts in the settings that the database does not have."""
    roles = [item.rpartition("=")[2].strip() for item in settings.OIDC_ROLES]
    names = {"OIDC_ROLES": roles, "BREAK_GLASS_USERNAMES": settings.BREAK_GLASS_USERNAMES}
    messages: list[CheckMessage] = []
    for alias in (databases or ()) if settings.OIDC_ISSUER else ():
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT to_regclass('public.core_user') IS NOT NULL")
            if not cursor.fetchone()[0]:
                continue
            cursor.execute(_UNKNOWN_NAMES, [names["OIDC_ROLES"], names["BREAK_GLASS_USERNAMES"]])
            messages += [
                checks.Warning(f"{setting} names {unknown}, which is not there.", hint=_CORRECT_NAME, id="core.W016")
                for setting, unknown in cursor.fetchall()
            ]
    return messages


@register(Tags.database, deploy=True)
def check_second_factors(*, databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Warn of casinos where a password is enough for a powerful role, or where no award asks again."""
    messages: list[CheckMessage] = []
    for alias in databases or ():
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT to_regclass('core_casino_second_factor_roles') IS NOT NULL")
            if not cursor.fetchone()[0]:
                continue
            cursor.execute(_WITHOUT_FACTORS, [[*POWERFUL]])
            messages += [
                checks.Warning(f"“{casino}” requires no second factor of: {roles}.", hint=_CHOOSE_ROLES, id="core.W012")
                for casino, roles in cursor.fetchall()
            ]
            cursor.execute(_NO_AWARD_ASKS, [MAX_AWARD_POINTS])
            messages += [
                checks.Warning(f"In “{casino}” no award asks again.", hint=_CHOOSE_POINTS, id="core.W013")
                for (casino,) in cursor.fetchall()
            ]
    return messages
