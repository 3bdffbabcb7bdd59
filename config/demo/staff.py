"""The demo's staff: their logins, passwords and permissions."""

import hashlib
import hmac
from dataclasses import dataclass
from itertools import count
from operator import ne
from textwrap import wrap
from typing import Final

from django.conf import settings
from django.contrib.auth.models import Group
from guardian.shortcuts import assign_perm

from core.errors import DomainError
from core.models import Casino, User
from core.roles import AUDITOR, LOYALTY_SUPERVISOR, PIT_BOSS, PIT_SUPERVISOR
from loyalty.permissions import ADJUST, AWARD, PAUSE_PROGRAM, REDEEM, REVERSE
from ratingslips.models import Pit
from ratingslips.permissions import CORRECT_SLIP, OPERATE_PIT, RECOVER_LOYALTY

_PIT_RIGHTS: Final = {
    PIT_BOSS: (OPERATE_PIT,),
    PIT_SUPERVISOR: (OPERATE_PIT, RECOVER_LOYALTY, CORRECT_SLIP),
}
_PROGRAM_RIGHTS: Final = {LOYALTY_SUPERVISOR: (AWARD, REDEEM, REVERSE, ADJUST, PAUSE_PROGRAM)}


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """A member of the demo's staff, with their title and roles."""

    title: str
    username: str
    first_name: str
    last_name: str
    roles: tuple[str, ...]

    @property
    def password(self) -> str:
        """The password, derived from the secret key: it stays the same in one installation and differs between them.

        One in which letters are repeated too often for the rules of passwords is passed over.
        """
        derived = (self._letters("." * number) for number in count())
        return "-".join(wrap(next(text for text in derived if sum(map(ne, text, text[1:])) >= 8), 4))

    def _letters(self, ending: str) -> str:
        digest = hmac.new(settings.SECRET_KEY.encode(), f"demo:{self.username}{ending}".encode(), hashlib.sha256)
        return digest.hexdigest()[:12].translate(str.maketrans("0123456789", "ghkmnpqrst"))


LOGINS: Final = (
    Login(title="Pit boss", username="pitboss", first_name="Dana", last_name="Whitfield", roles=(PIT_BOSS,)),
    Login(
        title="Supervisor",
        username="supervisor",
        first_name="Ruth",
        last_name="Okonkwo",
        roles=(PIT_SUPERVISOR, LOYALTY_SUPERVISOR),
    ),
    Login(title="Auditor", username="auditor", first_name="Tomasz", last_name="Lind", roles=(AUDITOR,)),
)


class LoginTaken(DomainError):
    """A user name of the demo belongs to somebody else."""

    code = "LOGIN_TAKEN"


def passwords_are_valid() -> bool:
    """Whether the printed passwords are valid; they are not if the demo was set up with another secret key."""
    login = LOGINS[0]
    user = User.objects.filter(username=login.username).first()
    return user is not None and user.check_password(login.password)


def create_staff(login: Login, *, casino: Casino, password_hash: str) -> User:
    """Create a member of the demo's staff, or reset its password, and grant its permissions.

    :raises LoginTaken: the user name exists in another casino.
    """
    names = {"first_name": login.first_name, "last_name": login.last_name}
    user: User
    user, _ = User.objects.get_or_create(
        username=login.username, defaults={"casino": casino, "is_staff": True, **names}
    )
    if user.casino_id != casino.pk:
        raise LoginTaken(
            f"The user “{login.username}” already exists and does not belong to the demo. Use another database."
        )
    user.password = password_hash
    user.save(update_fields=["password"])
    user.groups.set(Group.objects.filter(name__in=login.roles))
    for role in login.roles:
        for permission in _PIT_RIGHTS.get(role, ()):
            for pit in Pit.objects.filter(casino=casino):
                assign_perm(permission, user, pit)
        for permission in _PROGRAM_RIGHTS.get(role, ()):
            assign_perm(permission, user, casino.loyalty_program)
    return user
