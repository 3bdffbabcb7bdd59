"""The ledger's proof: hash chain verification, signed checkpoints, and the file kept outside."""
