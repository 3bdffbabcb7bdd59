"""The proof of an entry, checked by the program that outsiders get."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

from loyalty.proof.keys import new_key_pair, private_key
from loyalty.proof.proving import LedgerBroken, NotProvable, prove_entry
from loyalty.proof.sealing import MerkleRoot, leaf_hash
from tests.commands import run
from tests.floor import Floor
from tests.loyalty.attacking import Book, sql
from tests.loyalty.postings import award
from tests.properties import property_settings
from tests.tampering import take_the_guards_off

PUBLIC_KEY = base64.b64encode(private_key(settings.CHECKPOINT_SIGNING_KEY).public_key().public_bytes_raw()).decode()
Proof = dict[str, Any]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints.jsonl"


@pytest.fixture
def book(floor: Floor) -> Book:
    """A sealed ledger of three accounts, the one in the middle with entries before and after its second."""
    book = Book.build(floor)
    book.seal()
    award(floor, book.other.player, points=7)
    return book


def check(entry: object, proof: Proof, *more: Path, key: str = PUBLIC_KEY, folder: Path) -> tuple[int, str]:
    """The exit code and the output of the program."""
    file = folder / "proof.json"
    file.write_text(json.dumps(proof))
    program = Path(settings.BASE_DIR) / "docs/verify_entry.py"
    command = [sys.executable, "-I", *map(str, (program, entry, file, key, *more))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


class TestProof:
    @pytest.mark.parametrize("seq", [1, 3, 5])
    def test_is_accepted_without_the_product(self, book: Book, tmp_path: Path, seq: int) -> None:
        entry = book.entry(seq)

        code, said = check(entry.pk, prove_entry(entry.pk), folder=tmp_path)

        assert (code, "PROVEN: this entry is in checkpoint 1" in said) == (0, True), said
        assert f'"points": "{entry.points}"' in said

    def test_holds_nothing_of_other_entries_but_hashes(self, book: Book) -> None:
        proof = prove_entry(book.entry(4).pk)

        assert len(proof["later"]) == 1
        assert "Dinner" not in json.dumps(proof)
        assert book.account.player.last_name not in json.dumps(proof)

    def test_may_be_held_against_the_file_of_checkpoints(self, committed_floor: Floor, file: Path) -> None:
        book = Book.build(committed_floor)
        book.take(file)
        proof = json.loads(run("prove_entry", book.entry(2).pk).out)

        assert check(book.entry(2).pk, proof, file, folder=file.parent)[0] == 0
        file.write_text(file.read_text().replace('"number":1', '"number":2'))
        code, said = check(book.entry(2).pk, proof, file, folder=file.parent)
        assert (code, "the file of checkpoints does not have this checkpoint" in said) == (1, True)


def _flipped(digits: str) -> str:
    return ("1" if digits[0] == "0" else "0") + digits[1:]


def _alter_column(proof: Proof) -> None:
    proof["columns"]["points"] = "1000"


def _alter_entry_with_its_hash(proof: Proof) -> None:
    proof["columns"]["reason"] = "Another reason"
    proof["entry_hash"] = "00" * 32


def _leave_out_later(proof: Proof) -> None:
    proof["later"].pop()


def _alter_later(proof: Proof) -> None:
    proof["later"][0] = _flipped(proof["later"][0])


def _alter_path(proof: Proof) -> None:
    proof["path"][0][1] = _flipped(proof["path"][0][1])


def _turn_path(proof: Proof) -> None:
    proof["path"][0][0] = "left" if proof["path"][0][0] == "right" else "right"


def _shorten_path(proof: Proof) -> None:
    proof["path"].pop()


def _alter_checkpoint(proof: Proof) -> None:
    proof["checkpoint"]["number"] = 7


def _write_number_in_hexadecimal(proof: Proof) -> None:
    """Two digits that are the bytes of the number that was signed."""
    proof["checkpoint"]["number"] = "31"


def _alter_instant(proof: Proof) -> None:
    proof["checkpoint"]["taken_at"] = "2020-01-01T00:00:00.000000Z"


def _alter_hash(proof: Proof) -> None:
    proof["checkpoint"]["checkpoint_hash"] = _flipped(proof["checkpoint"]["checkpoint_hash"])


def _add_to_checkpoint(proof: Proof) -> None:
    """What is not signed may not stand beside what is."""
    proof["checkpoint"]["auditor"] = "Nobody found anything"


def _replace_in_checkpoint(proof: Proof) -> None:
    """As many members as there have to be, one of them another."""
    del proof["checkpoint"]["key_id"]
    proof["checkpoint"]["auditor"] = "Nobody found anything"


def _be_of_a_later_version(proof: Proof) -> None:
    proof["version"] = 2


def _alter_signature(proof: Proof) -> None:
    proof["checkpoint"]["signature"] = _flipped(proof["checkpoint"]["signature"])


class TestAlteredProof:
    @pytest.mark.parametrize(
        ("alter", "said"),
        [
            (_alter_column, "do not give the hash of the entry"),
            (_alter_entry_with_its_hash, "do not give the hash of the entry"),
            (_leave_out_later, "the later hashes of the account do not lead"),
            (_alter_later, "the later hashes of the account do not lead"),
            (_alter_path, "the path does not lead"),
            (_turn_path, "the path does not lead"),
            (_shorten_path, "the path does not lead"),
            (_alter_checkpoint, "not signed with this key"),
            (_alter_instant, "not signed with this key"),
            (_alter_signature, "not signed with this key"),
            (_alter_hash, "not signed with this key"),
            (_add_to_checkpoint, "it is no proof of version 1"),
            (_replace_in_checkpoint, "it is no proof of version 1"),
            (_be_of_a_later_version, "it is no proof of version 1"),
        ],
    )
    def test_is_refused_and_named(self, book: Book, tmp_path: Path, alter: Callable[[Proof], None], said: str) -> None:
        entry = book.entry(2)
        proof = prove_entry(entry.pk)
        alter(proof)

        code, output = check(entry.pk, proof, folder=tmp_path)

        assert (code, said in output, "PROVEN: this" in output) == (1, True, False), output

    def test_of_another_entry_is_refused(self, book: Book, tmp_path: Path) -> None:
        code, said = check(book.entry(2).pk, prove_entry(book.entry(3).pk), folder=tmp_path)

        assert (code, f"the proof is about entry {book.entry(3).pk}" in said) == (1, True)

    def test_of_another_account_does_not_lend_its_path(self, book: Book, tmp_path: Path) -> None:
        ours = prove_entry(book.entry(2).pk)
        other = prove_entry(book.other.entries.get(seq=2).pk)

        code, said = check(book.entry(2).pk, ours | {"path": other["path"]}, folder=tmp_path)

        assert (code, "the path does not lead" in said) == (1, True)

    def test_is_refused_with_another_key(self, book: Book, tmp_path: Path) -> None:
        code, said = check(book.entry(2).pk, prove_entry(book.entry(2).pk), key=new_key_pair()[1], folder=tmp_path)

        assert (code, "not signed with this key" in said) == (1, True)

    @pytest.mark.parametrize("key", ["", "secret", "AAAA"])
    def test_is_no_answer_with_a_key_that_is_none(self, book: Book, tmp_path: Path, key: str) -> None:
        assert check(book.entry(2).pk, prove_entry(book.entry(2).pk), key=key, folder=tmp_path)[0] == 2

    def test_is_no_answer_with_a_side_that_is_none(self, book: Book, tmp_path: Path) -> None:
        proof = prove_entry(book.entry(2).pk)
        proof["path"][0][0] = "behind"

        assert check(book.entry(2).pk, proof, folder=tmp_path)[0] == 2

    def test_is_no_answer_with_a_number_that_is_a_text(self, book: Book, tmp_path: Path) -> None:
        proof = prove_entry(book.entry(2).pk)
        _write_number_in_hexadecimal(proof)

        assert check(book.entry(2).pk, proof, folder=tmp_path)[0] == 2

    @pytest.mark.parametrize("proof", [{}, {"columns": {}}, {"columns": {"id": "1"}, "checkpoint": 3}])
    def test_is_no_answer_if_it_cannot_be_read(self, tmp_path: Path, proof: Proof) -> None:
        code, said = check(1, proof, folder=tmp_path)

        assert (code, "could not be checked" in said, "Usage:" in said) == (2, True, True)


class TestProveEntry:
    def test_uses_the_first_checkpoint_that_sealed_the_entry(self, book: Book) -> None:
        book.seal()

        assert prove_entry(book.other.entries.get(seq=4).pk)["checkpoint"]["number"] == 1
        assert prove_entry(book.other.entries.get(seq=5).pk)["checkpoint"]["number"] == 2

    def test_refuses_what_is_not_sealed_yet(self, book: Book) -> None:
        with pytest.raises(NotProvable, match=r"run “manage\.py checkpoint” first"):
            prove_entry(book.other.entries.get(seq=5).pk)

    def test_refuses_the_first_version_of_the_chain(self, floor: Floor) -> None:
        book = Book.build(floor)
        take_the_guards_off()
        book.age()
        book.seal()

        with pytest.raises(NotProvable, match="version 1"):
            prove_entry(book.entry(2).pk)
        assert prove_entry(book.entry(3).pk)

    @pytest.mark.parametrize(
        "attack",
        [
            "UPDATE loyalty_ledger SET points = 1 WHERE account_id = %s AND seq = 3",
            "UPDATE loyalty_ledger SET reason = 'Another reason' WHERE account_id = %s AND seq = 5",
            "UPDATE loyalty_sealedaccount SET entry_count = 6 WHERE account_id = %s",
        ],
    )
    def test_proves_nothing_of_a_broken_ledger(self, book: Book, attack: str) -> None:
        take_the_guards_off()
        sql(attack, book.account.pk)

        with pytest.raises(LedgerBroken, match="Run verify_ledger"):
            prove_entry(book.entry(3).pk)


class TestCommand:
    def test_says_what_it_cannot_prove(self, committed_floor: Floor) -> None:
        book = Book.build(committed_floor)

        unsealed, unknown, none = (
            run("prove_entry", book.entry(1).pk),
            run("prove_entry", 10**12),
            run("prove_entry", "x"),
        )

        assert (unsealed.code, unknown.code, none.code) == (1, 2, 2)
        assert unknown.error == "The ledger has no entry 1000000000000."
        assert none.error == "“x” is not the number of an entry."


class TestPath:
    @property_settings
    @given(heads=st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=40), data=st.data())
    def test_leads_from_every_leaf_to_the_root(self, heads: list[bytes], data: st.DataObject) -> None:
        proven = data.draw(st.integers(0, len(heads) - 1))
        tree = MerkleRoot()
        leaves = [leaf_hash(account_id=number, entry_count=1, head_hash=head) for number, head in enumerate(heads)]
        for number, leaf in enumerate(leaves):
            tree.add(leaf, is_proven=number == proven)

        node = leaves[proven]
        for step in tree.path() or ():
            node = sha256(b"\1" + (step.root + node if step.is_left else node + step.root)).digest()
        assert node == tree.root()
