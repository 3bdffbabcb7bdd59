"""Keys as addresses and forms carry them."""

import pytest

from core.keys import key_of

BIGGEST_KEY = 9_223_372_036_854_775_807


class TestKeyOf:
    @pytest.mark.parametrize(("text", "key"), [("0", 0), ("7", 7), ("007", 7), (str(BIGGEST_KEY), BIGGEST_KEY)])
    def test_reads_a_number_that_a_key_can_have(self, text: str, key: int) -> None:
        assert key_of(text) == key

    @pytest.mark.parametrize(
        "text", ["", " 7", "-1", "+1", "1.0", "1_000", "٧", "²", "x", "\0", str(BIGGEST_KEY + 1), "9" * 5_000]
    )
    def test_gives_none_for_anything_else(self, text: str) -> None:
        assert key_of(text) is None
