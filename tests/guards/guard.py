"""What a guard is, how it is taken away, and which tests say that they would notice."""

import ast
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class Kind(StrEnum):
    """What sort of guard it is."""

    LOCK = "lock"
    ORDER = "order of locks"
    UNIQUE = "unique key"
    CONSTRAINT = "constraint"
    TRIGGER = "trigger"
    REPLAY = "replay first"
    SAVEPOINT = "savepoint"
    TRANSACTION = "transaction"
    TIMEOUT = "timeout"
    RIGHT = "permission"
    SCOPE = "scope"
    ROLE = "database role"
    LIMIT = "limit"
    RULE = "rule"
    STALE = "stale page"
    INPUT = "input"
    SETTING = "setting"
    TRACE = "trace"
    RETRY = "what is tried again"
    CHAIN = "hash chain"


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """A piece of a file, found exactly once, and what is put in its place."""

    path: str
    find: str
    put: str

    def applied_to(self, text: str) -> str:
        """The text of the file with the guard taken away.

        :raises ValueError: the piece is not there, or more than once.
        """
        if (found := text.count(self.find)) != 1:
            raise ValueError(f"{self.path} has {found} places that read {self.find!r}")
        return text.replace(self.find, self.put)


@dataclass(frozen=True, kw_only=True, slots=True)
class Guard:
    """One guard: without `edits`, it is the database's own, and `sql` takes it away.

    `claimed_by` are the tests that notice. They go red by an assertion, by a refusal that did not come, or by one of
    the errors named in `goes_red_as`: what stands behind the guard, or what happens where nothing does.
    """

    name: str
    kind: Kind
    claimed_by: tuple[str, ...]
    edits: tuple[Edit, ...] = ()
    sql: str = ""
    goes_red_as: tuple[str, ...] = ()

    @property
    def taken_away(self) -> str:
        """Where it stood."""
        return ", ".join(dict.fromkeys(edit.path for edit in self.edits)) or "the database"


def edit(path: str, find: str, put: str) -> tuple[Edit]:
    """A single edit, for the tables."""
    return (Edit(path=path, find=find, put=put),)


def exists(node_id: str) -> bool:
    """Whether a test of this node id (without parameters) stands in the tests."""
    path, *names = node_id.split("[", maxsplit=1)[0].split("::")
    file = ROOT / path
    if not file.is_file():
        return False
    body: list[ast.stmt] = ast.parse(file.read_text()).body
    for name in names:
        found = [node for node in body if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name == name]
        if not found:
            return False
        body = found[0].body
    return bool(names)
