"""The names of the casino's roles, and the account that scheduled commands act with.

What each role may see is in `config.roles`.
"""

from typing import Final

from django.contrib.auth.hashers import make_password

from core import held
from core.models import User

PIT_BOSS: Final = "Pit boss"
PIT_SUPERVISOR: Final = "Pit supervisor"
LOYALTY_SUPERVISOR: Final = "Loyalty supervisor"
AUDITOR: Final = "Auditor"
OPERATOR: Final = held.OPERATOR
ROLES: Final = (PIT_BOSS, PIT_SUPERVISOR, LOYALTY_SUPERVISOR, AUDITOR, OPERATOR)

SYSTEM_USERNAME: Final = "system"


def system_account() -> User:
    """The account that commands act with; it cannot sign in."""
    return system_account_of(User)


def system_account_of(model: type[User]) -> User:
    """The same, by a model that may be that of an earlier migration."""
    unusable = {"first_name": "System", "password": make_password(None)}
    system: User
    system, _ = model.objects.get_or_create(username=SYSTEM_USERNAME, defaults=unusable)
    return system
