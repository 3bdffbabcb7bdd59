"""Every guard of the house, taken away once: a test must go red, or nobody would notice that it is gone."""
