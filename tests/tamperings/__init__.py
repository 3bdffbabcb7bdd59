"""Tamperings of one small casino, and what the commands say of each; `python -m tests.tamperings` prints a table."""
