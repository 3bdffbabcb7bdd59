"""Cells of CSV files that a spreadsheet must not run."""

import pytest

from core.spreadsheets import harmless


class TestHarmless:
    @pytest.mark.parametrize("cell", ["=1+1", "+44", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
    def test_takes_the_formula_out_of_text(self, cell: str) -> None:
        assert harmless(cell) == f"'{cell}"

    @pytest.mark.parametrize("cell", ["", "Nguyễn", "a=b", "'=1", "2026-11-14"])
    def test_leaves_other_text(self, cell: str) -> None:
        assert harmless(cell) == cell

    def test_leaves_a_negative_number_a_number(self) -> None:
        assert harmless(-300) == -300
