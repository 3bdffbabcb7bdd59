"""The ways in which a member of staff can hold a permission."""

from django.contrib.auth.models import Group
from guardian.shortcuts import assign_perm

from core.models import User
from ratingslips.models import Pit

OPERATE = "ratingslips.operate_pit"
WAYS = ["person", "role", "person on a pit", "role on a pit"]


def give(user: User, way: str, pit: Pit) -> Group:
    """Put `user` into a new role, and give the permission to operate to the person or the role, in one of `WAYS`."""
    role = Group.objects.create(name=f"Role of {user}")
    user.groups.add(role)
    assign_perm(OPERATE, role if way.startswith("role") else user, pit if way.endswith("pit") else None)
    return role
