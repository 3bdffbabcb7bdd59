"""Verification of the ledger and its signed checkpoints."""

from tests.guards.guard import Edit, Guard, Kind, edit

_SEALED = "loyalty/proof/sealed.py"
_CHECKPOINTS = "loyalty/proof/checkpoints.py"
_OUTSIDE = "loyalty/proof/outside.py"
_T_CHECKPOINTS = "tests/loyalty/test_checkpoints.py"
_T_FILE = "tests/loyalty/test_checkpoint_file.py::TestFileOutside::test"
_REBUILDING = "loyalty/services/rebuilding.py"
_T_REBUILDING = "tests/loyalty/test_rebuild_balances.py"
_ALTERED = "tests/loyalty/test_attacks_on_checkpoints.py::TestAnAlteredCheckpoint::test"
_REMOVED = "tests/loyalty/test_attacks_on_checkpoints.py::TestARemovedCheckpoint::test"
_REWRITTEN = "tests/loyalty/test_attacks.py::TestARewrittenAccount::test"

PROOF = (
    Guard(
        name="checkpoint, one at a time in a database",
        kind=Kind.LOCK,
        edits=edit(_CHECKPOINTS, "SELECT pg_try_advisory_lock(%s)", "SELECT true OR %s > 0"),
        claimed_by=(f"{_T_CHECKPOINTS}::TestTakeCheckpoint::test_refuses_while_another_is_taken",),
    ),
    Guard(
        name="a cursor is closed with its block",
        kind=Kind.TRANSACTION,
        edits=edit(
            "core/snapshots.py",
            "with connection.chunked_cursor() as cursor:",
            "for cursor in [connection.chunked_cursor()]:",
        ),
        claimed_by=(
            "tests/core/test_snapshots.py::TestStreamed::test_is_closed_with_its_block_whoever_still_holds_its_rows",
            "tests/core/test_snapshots.py::TestStreamed::test_is_closed_where_its_block_fails",
        ),
    ),
    Guard(
        name="the ORM holds no cursor on the server",
        kind=Kind.SETTING,
        edits=edit("config/settings.py", '"DISABLE_SERVER_SIDE_CURSORS": True', '"DISABLE_SERVER_SIDE_CURSORS": False'),
        claimed_by=("tests/core/test_snapshots.py::TestIterator::test_of_the_orm_holds_no_cursor_open",),
    ),
    Guard(
        name="a checkpoint seals one instant",
        kind=Kind.TRANSACTION,
        edits=edit(
            _CHECKPOINTS,
            '                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")\n',
            "",
        ),
        claimed_by=(
            "tests/loyalty/test_one_instant.py::TestCheckpoint::test_seals_the_totals_of_the_accounts_that_it_seals",
        ),
    ),
    Guard(
        name="nothing is sealed over what is gone",
        kind=Kind.CHAIN,
        edits=edit(_CHECKPOINTS, "if sealed_count is not None and entry_count <= sealed_count:", "if False:"),
        claimed_by=(f"{_T_CHECKPOINTS}::TestTakeCheckpoint::test_seals_nothing_over_what_is_gone",),
    ),
    Guard(
        name="a checkpoint's signature",
        kind=Kind.CHAIN,
        edits=edit(_SEALED, "if not is_signed(contents, signature=bytes(checkpoint.signature), key=key):", "if False:"),
        claimed_by=(f"{_ALTERED}_is_named_also_with_a_hash_of_its_own",),
    ),
    Guard(
        name="a checkpoint's key",
        kind=Kind.CHAIN,
        edits=edit(
            _SEALED,
            "contents, key = checkpoint.signed_bytes(), keys.get(checkpoint.key_id)",
            "contents, key = checkpoint.signed_bytes(), next(iter(keys.values()))",
        ),
        claimed_by=(f"{_ALTERED}_signed_with_another_key_is_named",),
    ),
    Guard(
        name="a checkpoint's hash",
        kind=Kind.CHAIN,
        edits=edit(
            _SEALED,
            "if (computed := sha256(contents).digest()) != checkpoint.checkpoint_hash:",
            'if (computed := b"") is None:',
        ),
        claimed_by=(f"{_ALTERED}_is_named_whatever_was_altered",),
    ),
    Guard(
        name="a checkpoint is chained to the one before",
        kind=Kind.CHAIN,
        edits=edit(_SEALED, "if wrong is None and checkpoint.previous_hash != previous:", "if False:"),
        claimed_by=(f"{_ALTERED}_is_named_by_the_one_after_it_where_it_was_signed_anew_with_our_key",),
    ),
    Guard(
        name="checkpoints are numbered without a gap",
        kind=Kind.CHAIN,
        edits=edit(_SEALED, "        if checkpoint.number != looked_at:\n", "        if False:\n"),
        claimed_by=(f"{_REMOVED}_is_missing",),
    ),
    Guard(
        name="what a checkpoint sealed is what it signed",
        kind=Kind.CHAIN,
        edits=edit(
            _SEALED,
            "if (root.leaves, root.root()) != (checkpoint.changes, checkpoint.changes_root):",
            "if False:",
        ),
        claimed_by=(f"{_ALTERED}_in_what_it_sealed_is_named",),
    ),
    Guard(
        name="an account is what was sealed",
        kind=Kind.CHAIN,
        edits=edit(_SEALED, "    if row is None:\n        return None\n", "    if True:\n        return None\n"),
        claimed_by=(
            f"{_REWRITTEN}_has_a_whole_chain_and_is_not_what_was_sealed",
            f"{_REWRITTEN}_is_seen_when_it_and_its_seal_are_gone",
        ),
    ),
    Guard(
        name="the file outside is held against the database",
        kind=Kind.CHAIN,
        edits=edit(_OUTSIDE, "            if written == line:\n", "            if written:\n"),
        claimed_by=(
            f"{_T_FILE}_is_named_where_it_differs_from_the_database",
            f"{_T_FILE}_differing_stops_the_next_checkpoint",
        ),
    ),
    Guard(
        name="no checkpoint is added to a file that differs",
        kind=Kind.CHAIN,
        edits=edit(
            _OUTSIDE,
            "    comparison = compare(file)\n    if comparison.first_break is not None:\n",
            "    comparison = compare(file)\n    if False:\n",
        ),
        claimed_by=(f"{_T_FILE}_differing_stops_the_next_checkpoint",),
    ),
    Guard(
        name="the file outside is only appended to",
        kind=Kind.CHAIN,
        edits=edit(_OUTSIDE, "os.O_WRONLY | os.O_APPEND | os.O_CREAT", "os.O_WRONLY | os.O_TRUNC | os.O_CREAT"),
        claimed_by=(
            f"{_T_FILE}_is_only_ever_appended_to",
            f"{_T_FILE}_is_completed_by_the_next_run_after_a_crash",
        ),
    ),
    Guard(
        name="a leaf of the tree is no node",
        kind=Kind.CHAIN,
        edits=edit("loyalty/proof/sealing.py", '_NODE: Final = b"\\1"', '_NODE: Final = b"\\0"'),
        claimed_by=(f"{_T_CHECKPOINTS}::TestMerkleRoot::test_is_that_of_rfc_6962",),
    ),
    Guard(
        name="verification sees one instant",
        kind=Kind.TRANSACTION,
        edits=edit("core/snapshots.py", "REPEATABLE READ READ ONLY", "READ COMMITTED READ ONLY"),
        claimed_by=("tests/loyalty/test_one_instant.py::TestVerification::test_finds_nothing",),
    ),
    Guard(
        name="verification hashes what stands, and believes no stored hash",
        kind=Kind.CHAIN,
        edits=edit(
            "loyalty/proof/breaks.py",
            "            or entry[_HASH] != _computed(entry)\n",
            "",
        ),
        claimed_by=("tests/loyalty/test_attacks.py::TestAChangedColumn::test_is_named_wherever_it_stands",),
    ),
    Guard(
        name="to rebuild balances",
        kind=Kind.RIGHT,
        edits=edit(_REBUILDING, "require_permission(actor, REBUILD_BALANCES, program)", "pass"),
        claimed_by=(f"{_T_REBUILDING}::TestRebuildBalances::test_refuses_who_may_not",),
    ),
    Guard(
        name="accounts, before they are rebuilt",
        kind=Kind.LOCK,
        edits=edit(_REBUILDING, "PlayerLoyalty.objects.locked().in_bulk(", "PlayerLoyalty.objects.in_bulk("),
        claimed_by=(
            f"{_T_REBUILDING}::TestRebuildBesideAPosting::test_looks_again_at_what_was_posted_while_it_waited",
        ),
    ),
    Guard(
        name="what was posted meanwhile is not rebuilt",
        kind=Kind.RULE,
        edits=(
            Edit(
                path=_REBUILDING,
                find="        suspects = [difference.account_id for difference in different_accounts(casino=casino)]\n",
                put="        found = different_accounts(casino=casino)\n"
                "        suspects = [difference.account_id for difference in found]\n",
            ),
            Edit(
                path=_REBUILDING,
                find="        differences = different_accounts(casino=casino, accounts=suspects)\n",
                put="        differences = found\n",
            ),
        ),
        claimed_by=(
            f"{_T_REBUILDING}::TestRebuildBesideAPosting::test_looks_again_at_what_was_posted_while_it_waited",
        ),
    ),
    Guard(
        name="no account is rebuilt from entries that do not add up",
        kind=Kind.RULE,
        edits=edit(_REBUILDING, "    if not difference.is_whole:\n", "    if False:\n"),
        claimed_by=(f"{_T_REBUILDING}::TestRebuildBalances::test_sets_nothing_by_entries_that_do_not_add_up",),
        goes_red_as=("IntegrityError",),
    ),
    Guard(
        name="accounts of one rebuild",
        kind=Kind.LIMIT,
        edits=edit(_REBUILDING, "ORDER BY account.id LIMIT %(limit)s", "ORDER BY account.id LIMIT 0 + %(limit)s * 100"),
        claimed_by=(f"{_T_REBUILDING}::TestRebuildBalances::test_takes_no_more_at_once_than_it_says",),
        goes_red_as=("NothingToRebuild",),
    ),
)
