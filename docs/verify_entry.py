"""Check the proof that an entry of the loyalty ledger is in a signed checkpoint (docs/ledger-chain.md).

Usage: python3 verify_entry.py ENTRY PROOF PUBLIC_KEY [CHECKPOINT_FILE], with Python 3.8 or later and OpenSSL 3.
ENTRY is the entry's number, PROOF the file that “manage.py prove_entry” printed, PUBLIC_KEY the casino's key in base64.
With CHECKPOINT_FILE, the checkpoint must be a line of that file. Exit code: 0 proven, 1 not proven, 2 not checked.
"""

import base64
import json
import subprocess
import sys
import tempfile
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

SIGNED = """number taken_at accounts entries points_total balance_total accounts_root changes changes_root
            log_changes log_root after_restore previous_hash"""  # Earlier versions lack some of these.


def fields(*values):
    return b"".join(len(value).to_bytes(4, "big") + value for value in values)


def as_bytes(name, value):
    if name == "taken_at":
        value = (datetime.strptime(value, "%Y-%m-%dT%H:%M:%S.%fZ") - datetime(1970, 1, 1)) // timedelta(microseconds=1)
    kind = "s" if name == "after_restore" else "d"
    return bytes.fromhex(value) if name.endswith(("_root", "_hash")) else format(value, kind).encode()


def is_signed(checkpoint, key):
    signed = [b"%d" % (1 + ("log_root" in checkpoint) + ("after_restore" in checkpoint))]  # The version.
    signed += [as_bytes(name, checkpoint[name]) for name in SIGNED.split() if name in checkpoint]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "signed").write_bytes(signed := fields(b"loyalty-checkpoint", *signed))
        Path(folder, "signature").write_bytes(bytes.fromhex(checkpoint["signature"]))
        Path(folder, "key").write_bytes(bytes.fromhex("302a300506032b6570032100") + base64.b64decode(key))  # RFC 8410
        command = "openssl pkeyutl -verify -rawin -in signed -sigfile signature -pubin -keyform DER -inkey key"
        answer = subprocess.run(command.split(), cwd=folder, capture_output=True, text=True)
    if "Signature Verif" not in answer.stdout:
        raise ValueError("openssl cannot check the signature: " + answer.stderr)
    return answer.returncode == 0 and checkpoint["checkpoint_hash"] == sha256(signed).hexdigest()


def what_does_not_fit(entry, proof, key, lines):
    row, checkpoint, chain = proof["columns"], proof["checkpoint"], [bytes.fromhex(proof["previous_hash"])]
    unsigned = sorted({*checkpoint} - {*SIGNED.split()})
    if (proof["proof"], proof["version"], unsigned) != ("loyalty-entry", 1, ["checkpoint_hash", "key_id", "signature"]):
        return "it is no proof of version 1"
    if row["id"] != entry:
        return "the proof is about entry " + row["id"]
    named = [part.encode() for name in sorted(row) for part in (name, row[name])]
    for each in [sha256(fields(b"loyalty-ledger-columns", b"2", *named)).digest(), *map(bytes.fromhex, proof["later"])]:
        chain.append(sha256(fields(b"loyalty-ledger-entry", b"2", chain[-1], each)).digest())
    if chain[1].hex() != proof["entry_hash"]:
        return "the columns of the entry and the hash before it do not give the hash of the entry"
    if chain[-1].hex() != proof["head_hash"]:
        return "the later hashes of the account do not lead from the entry to the newest one"
    count = int(row["seq"]) + len(proof["later"])
    node = sha256(b"\0" + fields(row["account_id"].encode(), b"%d" % count, chain[-1])).digest()
    for side, other in ((side, bytes.fromhex(root)) for side, root in proof["path"]):
        node = sha256(b"\1" + {"left": other + node, "right": node + other}[side]).digest()
    if node.hex() != checkpoint["changes_root"]:
        return "the path does not lead from the account to the root that the checkpoint signed"
    if lines is not None and checkpoint not in lines:
        return "the file of checkpoints does not have this checkpoint"
    return None if is_signed(checkpoint, key) else "the checkpoint is not signed with this key"


try:
    entry, file, key, *more = sys.argv[1:]
    proof = json.loads(Path(file).read_text())
    wrong = what_does_not_fit(entry, proof, key, [*map(json.loads, Path(more[0]).open())] if more else None)
except Exception as error:
    print(f"The entry could not be checked: {type(error).__name__}: {error}\n\n{__doc__}", file=sys.stderr)
    sys.exit(2)
if wrong:
    sys.exit("NOT PROVEN: " + wrong)
print(json.dumps(proof["columns"], indent=1), "\nPROVEN: this entry is in checkpoint", proof["checkpoint"]["number"])
