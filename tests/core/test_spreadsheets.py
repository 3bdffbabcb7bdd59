"""Cells of CSV files that a spreadsheet must not run, whatever separates its cells."""

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.spreadsheets import csv_line, harmless

SEPARATORS = ",;\t|\n\r\u2028؛，"
STARTS = "=+-@\t\r＝＋－＠﹣"
TEXTS = st.text(st.sampled_from(f"{SEPARATORS}{STARTS} \"'ax\u200e\x7f"), max_size=12)


class TestHarmless:
    @pytest.mark.parametrize("start", STARTS)
    def test_takes_the_formula_out_of_text(self, start: str) -> None:
        assert harmless(f"{start}1+1") == f"'{start}1+1"

    @pytest.mark.parametrize("separator", SEPARATORS)
    @pytest.mark.parametrize("between", ["", " ", '"', ' "', "\u200b", "\ufeff", "\x00", "\x9f"])
    def test_takes_it_out_where_a_cell_could_begin(self, separator: str, between: str) -> None:
        assert harmless(f"a{separator}{between}=1") == f"a{separator}{between}'=1"

    def test_takes_it_out_after_a_separator_of_the_file(self) -> None:
        assert (harmless("a:=1"), harmless("a:=1", separator=":")) == ("a:=1", "a:'=1")

    @pytest.mark.parametrize("cell", ["", "Nguyễn", "a=b", "2026-11-14", "a, b; c", "O'Neil-Smith", "“=”"])
    def test_leaves_other_text(self, cell: str) -> None:
        assert harmless(cell) == cell

    @given(text=TEXTS)
    def test_leaves_no_formula_to_any_separator(self, text: str) -> None:
        cells = [cell.strip(' "\u200e\x7f') for cell in re.split(f"[{SEPARATORS}]", harmless(text))]

        assert not [cell for cell in cells if cell.startswith(tuple(STARTS))]


class TestCsvLine:
    def test_quotes_text_and_leaves_numbers(self) -> None:
        assert csv_line(["a", -300, '"=1', "0012"]) == '"a",-300,"""\'=1","0012"\r\n'

    @given(cells=st.lists(TEXTS, min_size=1))
    def test_is_read_back(self, cells: list[str]) -> None:
        [read] = csv.reader(io.StringIO(csv_line(cells), newline=""))

        assert read == [harmless(cell) for cell in cells]

    @given(cells=st.lists(TEXTS, min_size=1))
    @pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
    def test_gives_no_formula_to_a_spreadsheet_of_any_locale(self, cells: list[str], separator: str) -> None:
        rows = csv.reader(io.StringIO(csv_line(cells), newline=None), delimiter=separator)

        assert not [cell for row in rows for cell in row if cell.lstrip(' "\u200e\x7f').startswith(tuple(STARTS))]
