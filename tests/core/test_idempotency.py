"""Fingerprints distinguish a repeated request from a changed one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.idempotency import IdempotencyConflict, Request, differing_fields, fingerprint
from tests.properties import property_settings

values = st.one_of(st.none(), st.integers(-3, 3), st.text("1aé", max_size=2))
requests = st.dictionaries(st.sampled_from(["player", "points", "reason", "staff"]), values)


class TestFingerprint:
    def test_is_the_sha_256_that_the_ledger_keeps(self) -> None:
        request: Request = {"player": 7, "points": 100, "reason": "Birthday café", "staff": None}

        assert fingerprint(request) == "b27b66122fa7c0f9c088c2cf3e6ace798bda02a94ce41be4cf43f9aa547e5669"

    def test_does_not_depend_on_the_order_of_the_fields(self) -> None:
        assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})

    @pytest.mark.parametrize(
        ("first", "again"),
        [
            ({"points": 1}, {"points": "1"}),
            ({"points": 1}, {"points": None}),
            ({"reason": "a"}, {"reason": "a "}),
            ({"reason": 'a","b":"c'}, {"reason": "a", "b": "c"}),
            ({"reason": None}, {}),
        ],
    )
    def test_tells_apart_what_only_looks_the_same(self, first: Request, again: Request) -> None:
        assert fingerprint(first) != fingerprint(again)

    @property_settings
    @given(first=requests, again=requests)
    def test_differs_exactly_where_some_field_differs(self, first: Request, again: Request) -> None:
        assert (fingerprint(first) != fingerprint(again)) == bool(differing_fields(first, again))


class TestDifferingFields:
    def test_are_named_in_order(self) -> None:
        first: Request = {"staff": 1, "player": 2, "points": 3, "reason": "same"}
        again: Request = {"staff": 9, "player": 8, "points": 3, "reason": "same"}

        assert differing_fields(first, again) == ("player", "staff")

    def test_name_a_field_that_one_request_lacks(self) -> None:
        assert differing_fields({"reverses": None}, {}) == ("reverses",)


class TestIdempotencyConflict:
    def test_says_which_reference_and_which_fields(self) -> None:
        conflict = IdempotencyConflict(key="reward:77", fields=("average_bet", "buy_in", "actor"))

        assert str(conflict).startswith("reward:77 was already used with a different average bet, buy-in, person.")
