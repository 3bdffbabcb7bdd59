"""The hash chain of each account's entries."""

from tests.guards.guard import Guard, Kind, edit

_CHAIN = "tests/loyalty/test_chain.py"
_OF_AN_ACCOUNT = f"{_CHAIN}::TestChainOfAnAccount::test"
_BOTH = (f"{_CHAIN}::TestBothHashes::test_agree_on_whatever_a_column_can_hold",)

CHAIN = (
    Guard(
        name="loyalty_chain_entry",
        kind=Kind.TRIGGER,
        sql="DROP TRIGGER loyalty_chain_entry ON loyalty_ledger",
        claimed_by=(
            f"{_OF_AN_ACCOUNT}_begins_with_the_account_and_links_each_entry_to_the_one_before",
            f"{_OF_AN_ACCOUNT}_is_what_postgresql_says_whatever_an_insert_says",
        ),
        goes_red_as=("IntegrityError",),
    ),
    Guard(
        name="the account keeps the head of its chain",
        kind=Kind.CHAIN,
        edits=edit("loyalty/services/posting.py", "account.head_hash = entry.entry_hash", "pass"),
        claimed_by=(f"{_OF_AN_ACCOUNT}_begins_with_the_account_and_links_each_entry_to_the_one_before",),
    ),
    Guard(
        name="each value is hashed with its length",
        kind=Kind.CHAIN,
        edits=edit(
            "loyalty/chain.py",
            'return _NULL if value is None else len(value).to_bytes(4, "big") + value',
            'return value or b""',
        ),
        claimed_by=(
            f"{_CHAIN}::TestField::test_says_where_one_value_ends_and_the_next_begins",
            f"{_CHAIN}::TestField::test_has_its_length_before_it",
        ),
    ),
    Guard(
        name="PostgreSQL hashes each value with its length, too",
        kind=Kind.CHAIN,
        sql=(
            "CREATE OR REPLACE FUNCTION loyalty_chain_field(value bytea) RETURNS bytea LANGUAGE sql IMMUTABLE "
            "AS $$ SELECT coalesce(value, ''::bytea) $$"
        ),
        claimed_by=_BOTH,
    ),
    Guard(
        name="PostgreSQL begins each account's chain apart",
        kind=Kind.CHAIN,
        sql=(
            "CREATE OR REPLACE FUNCTION loyalty_chain_genesis(account bigint) RETURNS bytea LANGUAGE sql STABLE "
            "AS $$ SELECT sha256(''::bytea) $$"
        ),
        claimed_by=(f"{_OF_AN_ACCOUNT}_begins_with_the_account_and_links_each_entry_to_the_one_before",),
    ),
    Guard(
        name="every column is hashed",
        kind=Kind.CHAIN,
        edits=edit("loyalty/chain.py", '    "reason": "entry.reason::text",\n', ""),
        claimed_by=(f"{_CHAIN}::TestHashedColumns::test_are_all_that_the_ledger_has_but_the_hashes",),
    ),
    Guard(
        name="entries that an older version wrote are chained by the migration",
        kind=Kind.CHAIN,
        edits=edit("loyalty/migrations/0003_hash_chain.py", "        head := loyalty_chain_hash(entry);\n", ""),
        claimed_by=(
            (
                "tests/loyalty/test_chain_migration.py::TestMigrationToTheChain::"
                "test_chains_each_account_from_its_first_entry"
            ),
        ),
        goes_red_as=("CalledProcessError",),
    ),
)
