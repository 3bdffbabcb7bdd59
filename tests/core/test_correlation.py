"""The id that a request is followed by."""

import uuid

import pytest

from core import correlation

GIVEN = uuid.UUID("0b0d9a4e-7c1f-4a56-9d57-6a3c9d5c2f11")


class TestParse:
    @pytest.mark.parametrize("text", [str(GIVEN), str(GIVEN).upper(), GIVEN.hex, f"{{{GIVEN}}}", f"urn:uuid:{GIVEN}"])
    def test_reads_a_uuid_however_it_is_written(self, text: str) -> None:
        assert correlation.parse(text) == GIVEN

    @pytest.mark.parametrize("text", [None, "", "42", "not-a-uuid", f"{GIVEN}0", f"{GIVEN}\r\nSet-Cookie: a=b"])
    def test_takes_anything_else_for_none(self, text: str | None) -> None:
        assert correlation.parse(text) is None


class TestBound:
    def test_is_current_inside_and_gone_outside(self) -> None:
        with correlation.bound(GIVEN) as correlation_id:
            assert correlation_id == correlation.current() == GIVEN

        with pytest.raises(LookupError):
            correlation.current()

    def test_makes_a_new_id_where_none_is_given(self) -> None:
        with correlation.bound() as first, correlation.bound() as second:
            assert first != second
            assert correlation.current() == second

    def test_gives_the_outer_id_back_after_an_error(self) -> None:
        with correlation.bound(GIVEN):
            with pytest.raises(ValueError, match="inside"), correlation.bound():
                raise ValueError("inside")

            assert correlation.current() == GIVEN


class TestCurrent:
    def test_refuses_where_none_is_bound(self) -> None:
        with pytest.raises(LookupError, match="No correlation id is bound"):
            correlation.current()


class TestKeptOrNew:
    def test_keeps_what_is_bound(self) -> None:
        with correlation.bound(GIVEN), correlation.kept_or_new():
            assert correlation.current() == GIVEN

    def test_binds_a_new_one_for_the_block(self) -> None:
        with correlation.kept_or_new() as first:
            assert correlation.current() == first

        with pytest.raises(LookupError):
            correlation.current()
