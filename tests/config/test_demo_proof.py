"""The demo seals its ledger, whatever another database left in the file of checkpoints."""

from pathlib import Path
from typing import Any

import pytest

from config.demo.proof import seal_and_verify
from loyalty.models import Checkpoint, LedgerVerification, SealedAccount
from loyalty.proof.listed import account_line, accounts_file
from loyalty.proof.outside import line_of
from tests.floor import Floor
from tests.loyalty.postings import award

OTHERS = b"a checkpoint of a server that was wiped\n"


@pytest.fixture
def file(tmp_path: Path, settings: Any) -> Path:
    """The file that a checkout keeps by itself."""
    settings.LOCAL_DIR = tmp_path
    settings.CHECKPOINT_FILE = str(tmp_path / "checkpoints.jsonl")
    return tmp_path / "checkpoints.jsonl"


def _prove(floor: Floor) -> list[str]:
    """What the demo says of its ledger."""
    said: list[str] = []
    seal_and_verify(now=floor.now, say=said.append)
    return said


def _files(beside: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in beside.parent.iterdir()}


class TestSealAndVerify:
    def test_begins_a_file_where_there_is_none(self, committed_floor: Floor, file: Path) -> None:
        award(committed_floor, committed_floor.player())

        said = _prove(committed_floor)

        assert said == ["Ledger: 1 entry, sealed by checkpoint 1, verified: clean"]
        sealed = account_line(SealedAccount.objects.get())
        assert _files(file) == {file.name: line_of(Checkpoint.objects.get()), accounts_file(file).name: sealed}
        assert LedgerVerification.objects.count() == 1

    def test_begins_a_new_file_and_keeps_that_of_another_database(self, committed_floor: Floor, file: Path) -> None:
        file.write_bytes(OTHERS)
        accounts_file(file).write_bytes(b"theirs\n")

        said = _prove(committed_floor)

        assert said == [
            f"Checkpoints of another database: kept, in {file.with_name('checkpoints-1.jsonl')}",
            "Ledger: 0 entries, sealed by checkpoint 1, verified: clean",
        ]
        assert _files(file) == {
            "checkpoints.jsonl": line_of(Checkpoint.objects.get()),
            "checkpoints-1.jsonl": OTHERS,
            "checkpoints-1.accounts.jsonl": b"theirs\n",
        }

    def test_overwrites_none_that_was_kept_before(self, committed_floor: Floor, file: Path) -> None:
        file.write_bytes(OTHERS)
        file.with_name("checkpoints-1.jsonl").write_bytes(b"an older one\n")

        _prove(committed_floor)

        assert _files(file).keys() == {"checkpoints.jsonl", "checkpoints-1.jsonl", "checkpoints-2.jsonl"}
        assert _files(file)["checkpoints-1.jsonl"] == b"an older one\n"
        assert _files(file)["checkpoints-2.jsonl"] == OTHERS

    def test_leaves_a_file_that_a_person_named_where_it_is(
        self, committed_floor: Floor, file: Path, settings: Any
    ) -> None:
        settings.LOCAL_DIR = file.parent / "elsewhere"
        file.write_bytes(OTHERS)

        (said,) = _prove(committed_floor)

        assert said.startswith(f"Ledger: not sealed: {file} and the database differ")
        assert _files(file) == {"checkpoints.jsonl": OTHERS}

    def test_leaves_the_file_of_its_own_database_where_it_is(self, committed_floor: Floor, file: Path) -> None:
        _prove(committed_floor)
        file.write_bytes(OTHERS)

        (said,) = _prove(committed_floor)

        assert said.startswith(f"Ledger: not sealed: {file} and the database differ in checkpoint 1")
        assert _files(file) == {"checkpoints.jsonl": OTHERS}
