"""The trace: everything that happened under one correlation id."""
