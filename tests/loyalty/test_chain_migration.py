"""A ledger from before there was a chain is chained by version 1, goes on by version 2, and refuses changes."""

from collections.abc import Iterator

import psycopg
import pytest

from loyalty.chain import TEXTS, entry_hash, genesis_hash
from tests.databases import connect
from tests.emptying import Migrated
from tests.older import migrate_older, older_database

# Without a test that asks for it no test database is made, and this one would have none beside it.
pytestmark = pytest.mark.django_db

HOUSE = """
INSERT INTO core_casino (id, code, name, time_zone, gaming_day_starts_at) VALUES (1, 'old', 'Old', 'UTC', '06:00');
INSERT INTO loyalty_loyaltyprogram (id, casino_id, name, paused_at, paused_by_id, pause_reason)
    SELECT 1, 1, 'Old points', now(), min(id), 'Month-end freeze' FROM core_user;
INSERT INTO loyalty_tier (id, program_id, name, threshold_points, multiplier) VALUES (1, 1, 'Bronze', 0, 1);
INSERT INTO core_player (id, casino_id, card_number, first_name, last_name, status)
    SELECT id, 1, 'card ' || id, 'Ana', 'Sokolova', 'ACTIVE' FROM generate_series(1, 3) AS id;
INSERT INTO loyalty_playerloyalty
    (id, player_id, program_id, balance, lifetime_points, tier_id, entry_count, updated_at)
    SELECT id, id, 1, 0, 0, 1, 0, now() FROM generate_series(1, 3) AS id;
"""
# Two accounts by turns, the later numbers first, as an import leaves them; the third has none.
ENTRIES = """
INSERT INTO loyalty_ledger
    (casino_id, account_id, seq, kind, points, reason, idempotency_key, fingerprint, balance_before, balance_after,
     lifetime_points_before, lifetime_points_after, tier_before_id, tier_after_id, gaming_day, correlation_id, inputs,
     created_at)
    SELECT 1, 1 + seq % 2, seq / 2, 'PROMOTION', 10, 'Überraschung', 'key ' || seq, repeat('0f', 32),
           10 * (seq / 2 - 1), 10 * (seq / 2), 0, 0, 1, 1, '2026-11-24', gen_random_uuid(), '{"a": [1.50, null]}',
           now()
    FROM generate_series({last}, {first}, -1) AS seq;
"""


@pytest.fixture(scope="module")
def migrated(django_db_setup: Migrated) -> Iterator[psycopg.Connection]:
    """A database whose ledger has rows from before migration 0003, and has been migrated."""
    with older_database("unchained", "loyalty=0002") as name:
        with connect(name) as before:
            before.execute(HOUSE)
            before.execute(ENTRIES.replace("{first}", "2").replace("{last}", "41"))
        migrate_older(name, "loyalty=0003", "loyalty=0007", "loyalty=0005", "loyalty").check_returncode()
        with connect(name) as after:
            for seq in (42, 43):
                after.execute(ENTRIES.replace("{first}", str(seq)).replace("{last}", str(seq)))
            yield after


@pytest.mark.slow
class TestMigrationToTheChain:
    def test_chains_each_account_from_its_first_entry(self, migrated: psycopg.Connection) -> None:
        heads = {account: genesis_hash(account) for account in (1, 2)}
        before_version_2: dict[int, bytes | None] = {3: None}

        rows = migrated.execute(
            f"SELECT entry.account_id, entry.seq, recorded_at IS NULL, {', '.join(TEXTS.values())}, chain_version, "
            "previous_hash, entry_hash FROM loyalty_ledger AS entry ORDER BY entry.account_id, entry.seq"
        ).fetchall()

        assert len(rows) == 42
        for account, seq, is_undated, *texts, version, before, own in rows:
            assert (version, is_undated) == ((1, True) if seq <= 20 else (2, False))
            assert before == heads[account]
            heads[account] = entry_hash(version=version, previous_hash=before, texts=texts)
            assert own == heads[account]
            if version == 1:
                before_version_2[account] = own
        kept: dict[int, bytes | None] = dict(
            migrated.execute("SELECT id, head_hash FROM loyalty_playerloyalty").fetchall()
        )
        assert kept == before_version_2
        with pytest.raises(psycopg.errors.RestrictViolation, match="UPDATE of loyalty_ledger is refused"):
            migrated.execute("UPDATE loyalty_ledger SET points = 11")
        states = migrated.execute("SELECT tgenabled FROM pg_trigger WHERE NOT tgisinternal").fetchall()
        assert {state for (state,) in states} <= {"A", b"A"}

    def test_keeps_the_pause_under_way(self, migrated: psycopg.Connection) -> None:
        pauses = migrated.execute("SELECT reason, correlation_id, resumed_at FROM loyalty_programpause").fetchall()

        assert pauses == [("Month-end freeze", None, None)]
