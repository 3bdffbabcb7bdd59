"""Forms that were sent, so that the same form sent again does nothing more."""
