"""The page of one player: account, live slip, entries, and visits with theo and actual win."""
