"""What `check_invariants`, `verify_ledger` and `checkpoint` say after a tampering."""

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.conf import settings
from django.db import IntegrityError, ProgrammingError, connection, transaction

from config.database.definitions import DEFINITIONS
from core.errors import DomainError
from core.models import Player
from loyalty.proof.changes import changes_without_request
from loyalty.proof.checkpoints import seal_accounts
from loyalty.proof.keys import private_key
from loyalty.proof.verification import Scope, record_verification, verify_ledger
from ratingslips.services import complete_rating_slip
from tests.databases import REFUSED_TO_ROLE, as_owner
from tests.floor import Floor
from tests.invariants import broken_invariants
from tests.loyalty.postings import award, increment, redeem
from tests.tamperings.kinds import NAMED, NOT_SIGNED, NOTHING, REFUSED, By, Tampering

# The class of errors by constraints and guards.
_REFUSALS: Final = "23"
_EVERYTHING: Final = Scope(every_root=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """The invariants that are broken, the kind of the break, what the checkpoint says, and PostgreSQL's refusal."""

    invariants: frozenset[str] = frozenset()
    verification: str = ""
    checkpoint: str = ""
    refused: str = ""

    def __contains__(self, found: object) -> bool:
        if found == NOTHING:
            return self == Said()
        if found == REFUSED:
            return bool(self.refused)
        return found in {*self.invariants, self.verification, self.checkpoint}

    def __str__(self) -> str:
        if self.refused:
            return REFUSED
        parts = [
            f"`check_invariants`: {', '.join(f'`{name}`' for name in sorted(self.invariants))}"
            if self.invariants
            else "",
            f"`verify_ledger`: {self.verification}" if self.verification else "",
            f"`checkpoint` {self.checkpoint}" if self.checkpoint else "",
        ]
        return "; ".join(filter(None, parts)) or NOTHING


def build_casino() -> Floor:
    """A casino with a closed slip, a live slip in seat 1, five entries, and changes of players."""
    floor = Floor.build()
    closed = floor.played_slip(seat=2, buy_in=Decimal(500))
    complete_rating_slip(slip=closed, actor=floor.boss, at=floor.now)
    award(floor, closed.player, points=900)
    redeem(floor, closed.player, points=300)
    live = floor.open_slip(seat=1)
    award(floor, live.player, points=500, reward_id="first")
    increment(floor, floor.player(), points=200)
    for name in ("Grace", "Ada"):
        Player.objects.filter(pk=live.player_id).update(first_name=name)
    return floor


def said_of(tampering: Tampering, floor: Floor) -> Said:
    """Tamper with the casino in the test's transaction, and ask each command.

    A checkpoint was taken before, and an earlier verification read it; no file outside is compared.
    """
    act = _begun(tampering, floor)
    assert broken_invariants() == {}
    guards = _wrong_guards()
    _seal(floor)
    verified = verify_ledger(scope=_EVERYTHING)
    assert verified.first_break is None
    record_verification(scope=_EVERYTHING, verified=verified, started_at=floor.now, ended_at=floor.now)
    before = transaction.savepoint()  # `transaction.atomic` would keep services out, which are durable
    try:
        with as_owner() if tampering.by is By.OWNER else nullcontext():
            _check_now()
            assert list(act) == []
            _check_now()
    except (IntegrityError, ProgrammingError) as error:
        transaction.savepoint_rollback(before)
        state = getattr(error.__cause__, "sqlstate", "")
        if not (state.startswith(_REFUSALS) or state == REFUSED_TO_ROLE):
            raise
        return Said(refused=str(error).splitlines()[0])
    broken = {*broken_invariants()} | ({DEFINITIONS.name} if _wrong_guards() - guards else set())
    found = verify_ledger(scope=_EVERYTHING).first_break
    return Said(
        invariants=frozenset(broken), verification=str(found.kind) if found else "", checkpoint=_checkpoint(floor)
    )


def _begun(tampering: Tampering, floor: Floor) -> Iterator[None]:
    """The act, after what is honest in it."""
    act = tampering.act(floor) if callable(tampering.act) else _statement(tampering.act)
    next(act)
    return act


def _statement(statement: str) -> Iterator[None]:
    yield
    with connection.cursor() as cursor:
        cursor.execute(statement.format(application=connection.settings_dict["USER"]))
        assert cursor.rowcount != 0, "nothing was tampered with"


def _check_now() -> None:
    """Check what PostgreSQL checks when a transaction commits."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


def _wrong_guards() -> set[str]:
    """The guards that differ from the release's: in the tests' database those against TRUNCATE are off."""
    with connection.cursor() as cursor:
        cursor.execute(str(DEFINITIONS.broken_by))
        return {what for (what,) in cursor.fetchall()}


def _seal(floor: Floor) -> int:
    with transaction.atomic():
        return seal_accounts(at=floor.now, key=private_key(settings.CHECKPOINT_SIGNING_KEY)).number


def _checkpoint(floor: Floor) -> str:
    """What the next checkpoint says."""
    try:
        number = _seal(floor)
    except DomainError:
        return NOT_SIGNED
    return "" if changes_without_request(number).holds else NAMED
