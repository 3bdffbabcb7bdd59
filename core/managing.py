"""Who may manage whom: change staff, set their passwords, put them into roles, and change what roles hold.

A manager manages other staff of their own casino who hold nothing that the manager does not hold. Superusers are
excepted. Staff who hold more may still be deactivated, unless they are superusers; to activate them is to manage them.
"""

from django.contrib.auth.models import Group

from core.locks import lock_name
from core.models import User
from core.permissions import CHANGE_STAFF, has_permission, roles_beyond, staff_beyond
from core.roles import SYSTEM_USERNAME


def lock_permissions() -> None:
    """Lock the permissions of all staff until the caller's transaction ends; after the lock on the row of a form.

    Every form that gives permissions, or is judged by them, takes the lock before it reads them. So nobody gets a
    permission between the check and the commit.
    """
    lock_name("permissions", "of all staff")


def may_manage(manager: User, person: User) -> bool:
    """Whether `manager` may change `person`, set their password, give them roles and activate them."""
    if not has_permission(manager, CHANGE_STAFF, person):
        return False
    return _is_superuser(manager) or (_is_in_reach(manager, person) and not staff_beyond(manager, [person]))


def may_deactivate(manager: User, person: User) -> bool:
    """Whether `manager` may deactivate `person`, who may hold more than the manager."""
    return person.is_active and _is_in_reach(manager, person) and has_permission(manager, CHANGE_STAFF, person)


def may_change_role(manager: User, role: Group) -> bool:
    """Whether `manager` holds all that `role` holds and all that its members hold, who are others of the casino.

    A superuser may be in the role, but one of a casino changes no role of staff who work elsewhere.
    """
    members = list(User.objects.filter(groups=role))
    if _is_superuser(manager):
        return manager.casino_id is None or all(member.casino_id == manager.casino_id for member in members)
    are_in_reach = all(_is_in_reach(manager, member) for member in members)
    return are_in_reach and role.pk not in roles_beyond(manager) and not staff_beyond(manager, members)


def _is_superuser(manager: User) -> bool:
    """Whether `manager` is a superuser by now, and active."""
    is_superuser: bool = User.objects.filter(pk=manager.pk, is_superuser=True, is_active=True).exists()
    return is_superuser


def _is_in_reach(manager: User, person: User) -> bool:
    """Whether `person` is another member of staff of the manager's casino, no superuser and not the system account."""
    is_other = person.pk != manager.pk and person.username != SYSTEM_USERNAME
    return is_other and person.casino_id == manager.casino_id and not person.is_superuser
