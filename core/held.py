"""The SQL of what roles and staff hold; `core.permissions` asks it.

SQL because every page and every action on the floor reads it: the ORM takes ten times as long to build the query as
PostgreSQL takes to answer it.
"""

from typing import Final

OPERATOR: Final = "Operator"

# What each role holds, globally (no object) or on one object. A permission names the model of its objects.
HELD_BY_ROLE: Final = """
    SELECT group_id AS role_id, permission_id, NULL AS object_pk FROM auth_group_permissions
    UNION ALL
    SELECT group_id, permission_id, object_pk FROM guardian_groupobjectpermission
"""

# What each member of staff holds, directly or by a role: the one definition of effective permissions. Superusers hold
# everything, also without it.
HELD_BY_STAFF: Final = f"""
    SELECT user_id AS staff_id, permission_id, NULL AS object_pk FROM core_user_user_permissions
    UNION ALL
    SELECT user_id, permission_id, object_pk FROM guardian_userobjectpermission
    UNION ALL
    SELECT member.user_id, held.permission_id, held.object_pk
    FROM core_user_groups AS member
    JOIN ({HELD_BY_ROLE}) AS held ON held.role_id = member.group_id
"""  # noqa: S608  (constants)


def rights_of(staff_id: str) -> str:
    """SQL of all that a page asks about its reader, whose key is `staff_id` in SQL; `core.permissions.Held` reads it.

    It gives the players declared as their own, whether they are an operator, and their permissions, each with the keys
    of its objects; an empty key means all objects. In this form PostgreSQL reads two small tables once, and does
    not look each permission up.
    """
    return f"""(
    WITH held AS MATERIALIZED (
        SELECT permission_id, COALESCE(object_pk, '') AS object_pk FROM ({HELD_BY_STAFF}) AS each
        WHERE staff_id = {staff_id}
    ), kind AS MATERIALIZED (
        SELECT * FROM django_content_type
    )
    SELECT json_build_array(ARRAY (
        SELECT player_id FROM core_staffcard WHERE staff_id = {staff_id} AND withdrawn_at IS NULL
    ), EXISTS (
        SELECT FROM core_user_groups AS member
        JOIN auth_group AS role ON role.id = member.group_id
        WHERE member.user_id = {staff_id} AND role.name = '{OPERATOR}'
    ), ARRAY (
        SELECT ARRAY[kind.app_label, kind.model, permission.codename, (
            SELECT string_agg(object_pk, ',') FROM held WHERE held.permission_id = permission.id
        )]
        FROM auth_permission AS permission JOIN kind ON kind.id = permission.content_type_id
        WHERE permission.id IN (SELECT permission_id FROM held)
    ))
)"""  # noqa: S608  (constants)
