"""The proxy cuts a client's bytes into the messages that they are, and knows a COMMIT among them."""

import pytest

from tests.faults.proxy import Messages, is_commit

STARTUP = b"\0\0\0\x08\0\x03\0\0"
COMMIT = b"Q\0\0\0\x0bCOMMIT\0"
SELECT = b"Q\0\0\0\x0dSELECT 1\0"


class TestMessages:
    def test_begin_with_one_that_has_no_type(self) -> None:
        assert Messages().feed(STARTUP + SELECT) == [(b"", b"\0\x03\0\0"), (b"Q", b"SELECT 1\0")]

    def test_come_out_whole_however_their_bytes_come_in(self) -> None:
        messages = Messages()

        whole = [message for byte in STARTUP + COMMIT + SELECT for message in messages.feed(bytes([byte]))]

        assert whole == [(b"", b"\0\x03\0\0"), (b"Q", b"COMMIT\0"), (b"Q", b"SELECT 1\0")]


class TestIsCommit:
    @pytest.mark.parametrize(("kind", "contents"), [(b"Q", b"COMMIT\0"), (b"P", b"\0COMMIT\0\0\0")])
    def test_holds_for_a_simple_query_and_for_a_parse(self, kind: bytes, contents: bytes) -> None:
        assert is_commit(kind, contents)

    @pytest.mark.parametrize(
        ("kind", "contents"),
        [(b"Q", b"SELECT 'COMMIT'\0"), (b"P", b"\0ROLLBACK\0\0\0"), (b"B", b"COMMIT\0"), (b"", b"")],
    )
    def test_does_not_hold_for_anything_else(self, kind: bytes, contents: bytes) -> None:
        assert not is_commit(kind, contents)
