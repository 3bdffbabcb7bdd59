"""The bytes of a checkpoint never change: other programs check them, and old signatures must stay valid."""

from datetime import UTC, datetime

import pytest

from loyalty.models import Checkpoint
from loyalty.proof.checkpoints import sign
from loyalty.proof.keys import private_key
from loyalty.proof.outside import line_of

KEY = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc="

SIGNED = bytes.fromhex(
    "000000126c6f79616c74792d636865636b706f696e740000000131000000013700000010313739353532333431353030"
    "303034320000000133000000043132333400000014393837363534333231303938373635343332313000000001300000"
    "002001010101010101010101010101010101010101010101010101010101010101010000000132000000200202020202"
    "020202020202020202020202020202020202020202020202020202000000200303030303030303030303030303030303"
    "030303030303030303030303030303"
)
HASH = "c3da23e4af204615f65d14a581563949e835cf34db9461cc23e19a3e895edd21"
LINE = (
    b'{"number":7,"taken_at":"2026-11-24T12:30:15.000042Z","accounts":3,"entries":1234,"points'
    b'_total":98765432109876543210,"balance_total":0,"accounts_root":"010101010101010101010101'
    b'0101010101010101010101010101010101010101","changes":2,"changes_root":"020202020202020202'
    b'0202020202020202020202020202020202020202020202","previous_hash":"03030303030303030303030'
    b'30303030303030303030303030303030303030303","checkpoint_hash":"c3da23e4af204615f65d14a581'
    b'563949e835cf34db9461cc23e19a3e895edd21","key_id":"fe812c12f3ab4ce6","signature":"477cc15'
    b"a7d18fbf76f47f3b876d82ed66cfbc145d337a42442c49955b6281913a50ea4f5da88901fa639e59f61876eb"
    b'82a318627825f704df882d11f1533ec0e"}\n'
)
COLUMNS = [
    *("number", "taken_at", "accounts", "entries", "points_total", "balance_total", "accounts_root", "changes"),
    *(
        "changes_root",
        "log_changes",
        "log_root",
        "after_restore",
        "previous_hash",
        "checkpoint_hash",
        "key_id",
        "signature",
    ),
]


@pytest.fixture
def checkpoint(db: None) -> Checkpoint:
    """A stored checkpoint whose every field has a known value, signed with a known key."""
    checkpoint = Checkpoint(
        number=7,
        taken_at=datetime(2026, 11, 24, 12, 30, 15, 42, tzinfo=UTC),
        accounts=3,
        entries=1_234,
        points_total=98_765_432_109_876_543_210,
        balance_total=0,
        accounts_root=b"\x01" * 32,
        changes=2,
        changes_root=b"\x02" * 32,
        previous_hash=b"\x03" * 32,
    )
    sign(checkpoint, key=private_key(KEY))
    checkpoint.save(force_insert=True)
    return Checkpoint.objects.get()


class TestCheckpointBytes:
    def test_that_are_signed(self, checkpoint: Checkpoint) -> None:
        assert checkpoint.signed_bytes() == SIGNED

    def test_that_are_hashed(self, checkpoint: Checkpoint) -> None:
        assert bytes(checkpoint.checkpoint_hash).hex() == HASH

    def test_of_its_line(self, checkpoint: Checkpoint) -> None:
        assert line_of(checkpoint) == LINE

    def test_of_its_columns(self, checkpoint: Checkpoint) -> None:
        assert [field.column for field in Checkpoint._meta.concrete_fields] == COLUMNS

    def test_of_version_2_cover_the_change_log(self, checkpoint: Checkpoint) -> None:
        checkpoint.log_changes, checkpoint.log_root = 5, b"\x04" * 32

        begin, end = SIGNED[:22], SIGNED[-36:]
        added = bytes.fromhex("0000000135" + "00000020") + b"\x04" * 32
        assert checkpoint.signed_bytes() == begin + b"\0\0\0\x012" + SIGNED[27:-36] + added + end

    def test_of_version_3_cover_what_a_restore_lacked(self, checkpoint: Checkpoint) -> None:
        checkpoint.log_changes, checkpoint.log_root, checkpoint.after_restore = 5, b"\x04" * 32, "é"

        begin, end = SIGNED[:22], SIGNED[-36:]
        added = bytes.fromhex("0000000135" + "00000020") + b"\x04" * 32 + bytes.fromhex("00000002c3a9")
        assert checkpoint.signed_bytes() == begin + b"\0\0\0\x013" + SIGNED[27:-36] + added + end
