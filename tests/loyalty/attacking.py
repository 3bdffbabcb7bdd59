"""Tampering by the owner of the ledger's tables, past every guard, and what a verification finds then."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from core.models import Player
from loyalty.models import Checkpoint, LedgerEntry, PlayerLoyalty
from loyalty.proof.breaks import Break
from loyalty.proof.checkpoints import seal_accounts, take_checkpoint
from loyalty.proof.keys import private_key
from loyalty.proof.verification import Scope, verify_ledger
from tests.commands import run
from tests.floor import Floor
from tests.loyalty.postings import award, increment
from tests.loyalty.rows import account_of

REHASH = """
DO $$
DECLARE
    entry loyalty_ledger;
    head bytea := loyalty_chain_genesis({account});
BEGIN
    FOR entry IN SELECT * FROM loyalty_ledger WHERE account_id = {account} ORDER BY seq LOOP
        entry.previous_hash := head;
        head := loyalty_chain_hash(entry);
        UPDATE loyalty_ledger SET previous_hash = entry.previous_hash, entry_hash = head WHERE id = entry.id;
    END LOOP;
    UPDATE loyalty_playerloyalty SET head_hash = head,
        entry_count = (SELECT count(*) FROM loyalty_ledger WHERE account_id = {account})
    WHERE id = {account};
    UPDATE loyalty_playerloyalty AS account
    SET balance = balance_after, lifetime_points = lifetime_points_after, tier_id = tier_after_id
    FROM loyalty_ledger AS last WHERE account.id = {account} AND account_id = {account} AND seq = entry_count;
END $$;
"""


@dataclass(frozen=True, kw_only=True)
class Book:
    """An account with five entries, beside a later one with four and one with none."""

    floor: Floor
    account: PlayerLoyalty
    other: PlayerLoyalty

    @classmethod
    def build(cls, floor: Floor) -> "Book":
        ada, grace, _ = floor.player(), floor.player(), floor.player()
        for number in range(1, 5):
            award(floor, ada, points=100 + number, reward_id=f"ada-{ada.pk}-{number}")
            post(floor, grace, points=10 * number)
        post(floor, ada, kind=LedgerEntry.Kind.REDEMPTION, points=-50, reason="Dinner for two ✨")
        return cls(floor=floor, account=account_of(ada), other=account_of(grace))

    def entry(self, seq: int) -> LedgerEntry:
        """An entry of the account, as it is stored."""
        return LedgerEntry.objects.get(account=self.account, seq=seq)

    def age(self) -> None:
        """Make the first two entries as they were before version 2 of the chain; the guards must be off."""
        sql(
            "UPDATE loyalty_ledger SET chain_version = 1, recorded_at = NULL, mac = NULL"
            " WHERE account_id = %s AND seq <= 2",
            self.account.pk,
        )
        rehash(self.account)

    def seal(self) -> Checkpoint:
        """The next checkpoint, in the test's transaction."""
        with transaction.atomic():
            return seal_accounts(at=self.floor.now, key=private_key(settings.CHECKPOINT_SIGNING_KEY))

    def take(self, file: Path | None = None) -> Checkpoint:
        """The next checkpoint as the command takes it, in a transaction of its own, with its line in the file."""
        return take_checkpoint(at=self.floor.now, file=file)


def seal_three_times(book: Book) -> Book:
    """Seal the ledger three times: as it is, after one more entry of the other account, and unchanged."""
    book.seal()
    _add_one_by_the_rules(book.other)
    book.seal()
    book.seal()
    assert is_clean()
    return book


def _add_one_by_the_rules(account: PlayerLoyalty) -> None:
    """One more entry, as the owner of the tables could write it, with a valid chain."""
    sql(
        "INSERT INTO loyalty_ledger SELECT (entry).* FROM (SELECT jsonb_populate_record(entry, jsonb_build_object("
        "'id', entry.id + 500, 'seq', entry.seq + 1, 'idempotency_key', 'one more', "
        "'balance_before', balance_after, 'balance_after', balance_after + points, "
        "'lifetime_points_before', lifetime_points_after, "
        "'lifetime_points_after', 2 * lifetime_points_after - lifetime_points_before)) AS entry "
        "FROM loyalty_ledger AS entry WHERE account_id = %s AND seq = 4) AS copy",
        account.pk,
    )
    rehash(account)


def post(floor: Floor, player: Player, **changes: Any) -> None:
    """Post a promotion of 100 points, unless told otherwise."""
    increment(floor, player, **changes)


def sql(statement: str, *parameters: Any) -> None:
    """Run a statement; it must find something to do."""
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
        assert cursor.rowcount != 0, f"nothing was attacked: {statement}"


def statement_timeout() -> str:
    """How long a statement of this connection may take, as PostgreSQL writes it."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        return str(cursor.fetchone()[0])


def rehash(account: PlayerLoyalty) -> None:
    """Recompute the whole chain of an account, its head and its figures."""
    sql(REHASH.format(account=account.pk))


def found(scope: Scope = Scope(every_root=True)) -> Break:  # noqa: B008  (it is frozen)
    """The break that a verification finds."""
    first = verify_ledger(scope=scope).first_break
    assert first is not None, "nothing was found"
    return first


def is_clean(scope: Scope = Scope(every_root=True)) -> bool:  # noqa: B008
    """Whether a verification finds nothing."""
    return verify_ledger(scope=scope).first_break is None


def is_clean_now() -> bool:
    """Whether the command, which sees only what is committed, finds nothing with every root."""
    return run("verify_ledger", "--full").code == 0
