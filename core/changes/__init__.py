"""The change log: every change of what decides points or rights, written by triggers; see `Change`."""
