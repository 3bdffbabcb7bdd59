"""How a table of the matrix is written, and what its words mean.

A line in brackets begins a group: how its addresses are called; `{one,other}` in it means several groups that are
answered the same. Every other line names pages of the group (their addresses are called by both together), methods, and
whose row is asked for, each with `|` between alternatives that are answered the same; then one word for each column.
`#` begins a comment. An address without a name is called by its pattern, an action `action=<its name>`, and what one
of the buttons of a page of the floor does `<page>+<what its button sends>`.

A row belongs to the staff's casino or to another. For a role it may be built in; for the index, it is the section.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Final

# Who asks. Those with a `-` hold their role and their rights on the next pit, but none on the row that is asked for.
COLUMNS: Final = {
    "anon": "nobody is signed in",
    "staff": "staff without a role",
    "boss": "pit boss who operates the pit",
    "boss-": "pit boss who operates the next pit",
    "pits": "pit supervisor who operates the pit, corrects slips and recovers points in it",
    "pits-": "pit supervisor of the next pit",
    "loyal": "loyalty supervisor who awards and redeems points, takes them back, and pauses the programme",
    "loyal-": "loyalty supervisor to whom nothing was granted",
    "audit": "auditor",
    "grant": "pit boss to whom the change of this pit and of this programme was granted, and nothing else",
    "oper@": "operator of the casino",
    "oper": "operator, who belongs to no casino",
    "root": "superuser",
}

# They ask every line. All who are signed in may do at least what staff may, and at most what the superuser may.
_ALWAYS: Final = ("anon", "staff", "root")

# Whose row is asked for, where it is a row of another casino.
OTHER: Final = "other"

WORDS: Final = {
    "login": "sent to the sign-in",
    "open": "a page that offers to do something",
    "read": "a page to read",
    "on": "led on to another page",
    "shut": "403",
    "gone": "404, or led home with the word that there is no such row",
    "never": "405",
    "done": "rows were written",
    "no": "refused by the service, in its own words; no row was written",
    "idle": "answered; no row was written, and no service was asked",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One address with one method, about a row of the own or another casino; `page` may be an action's name."""

    group: str
    page: str
    method: str
    whose: str

    @property
    def address(self) -> str:
        """The name of the address, or its pattern where it has none."""
        if self.is_admin_action:
            return f"{self.group}changelist"
        return f"{self.group}{self.page.partition('+')[0]}"

    @property
    def is_admin_action(self) -> bool:
        return self.page.startswith("action=")

    @property
    def action(self) -> str:
        """The admin action that is posted, or what a button of the floor does; empty where it is neither."""
        return self.page.removeprefix("action=") if self.is_admin_action else self.page.partition("+")[2]

    def __str__(self) -> str:
        return f"{self.group}{self.page} {self.method} {self.whose}"


Table = dict[Question, list[str]]


def read_table(text: str) -> Table:
    """The questions of a table, each with one word for each column."""
    table: Table = {}
    groups: list[str] = []
    for line in text.splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        names, *words = line.split()
        if not words:
            groups = _groups(names.strip("[]"))
            continue
        methods, whose, *cells = words
        assert len(cells) == len(COLUMNS), f"{len(cells)} words for {len(COLUMNS)} columns: {line}"
        assert set(cells) <= set(WORDS), f"unknown words {set(cells) - set(WORDS)}: {line}"
        for question in _questions(groups, names, methods, whose):
            assert question not in table, f"there are two rows for {question}"
            table[question] = cells
    return table


def _groups(text: str) -> list[str]:
    """The groups that a line in brackets names: `admin:core_{casino,player}_` names two."""
    start, _, alternatives = text.partition("{")
    names, _, end = alternatives.partition("}")
    return [f"{start}{name}{end}" for name in names.split(",")]


def _questions(groups: list[str], names: str, methods: str, whose: str) -> Iterator[Question]:
    for group, page, method, one in product(groups, names.split("|"), methods.split("|"), whose.split("|")):
        yield Question(group=group, page=page, method=method, whose=one)


def asked(question: Question, cells: list[str], *, turn: int) -> list[str]:
    """The columns that ask a line: all, or, where columns do not differ by their rights, one of those in turn.

    That is so where everybody who is signed in gets the same answer, and for a row of another casino, on which no right
    counts.
    """
    if question.whose != OTHER and len(set(cells[1:])) > 1:
        return list(COLUMNS)
    word, _ = Counter(cells[1:]).most_common(1)[0]
    alike = [column for column, cell in zip(COLUMNS, cells, strict=True) if cell == word and column not in _ALWAYS]
    return [column for column in COLUMNS if column not in alike or column == alike[turn % len(alike)]]


def as_line(question: Question, cells: list[str]) -> str:
    """The line of a table for one question."""
    label = f"{question.page} {question.method} {question.whose}"
    return f"{label:42}" + "".join(f"{cell:6}" for cell in cells).rstrip()
