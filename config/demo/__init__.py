"""The demo: one gaming day on the floor, shifted so that now is the middle of its evening."""
