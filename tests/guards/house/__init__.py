"""The table of the guards, by what they stand against."""

from tests.guards.guard import Guard
from tests.guards.house.chain import CHAIN
from tests.guards.house.input import INPUT
from tests.guards.house.keys import KEYS
from tests.guards.house.locks import LOCKS
from tests.guards.house.play import PLAY
from tests.guards.house.points import POINTS
from tests.guards.house.proof import PROOF
from tests.guards.house.retries import RETRIES
from tests.guards.house.rights import RIGHTS
from tests.guards.house.roles import ROLES
from tests.guards.house.scopes import SCOPES
from tests.guards.house.seats import SEATS
from tests.guards.house.settings import SETTINGS
from tests.guards.house.transactions import TRANSACTIONS
from tests.guards.house.triggers import TRIGGERS

GUARDS: tuple[Guard, ...] = (
    *LOCKS,
    *TRANSACTIONS,
    *RETRIES,
    *KEYS,
    *POINTS,
    *SEATS,
    *PLAY,
    *RIGHTS,
    *SCOPES,
    *INPUT,
    *SETTINGS,
    *ROLES,
    *TRIGGERS,
    *CHAIN,
    *PROOF,
)
