"""The fault harness: real workers, real faults, and a checker that knows what must have become of every request."""
