"""The names of the casino's roles, and the account that scheduled commands act with.

What each role may see is in `config.roles`.
"""

from typing import Final

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
    system: User
    system, created = User.objects.get_or_create(username=SYSTEM_USERNAME, defaults={"first_name": "System"})
    if created:
        system.set_unusable_password()
        system.save(update_fields=["password"])
    return system
