"""The floor's pages, for tablets: the map of a pit, a seat, and a slip."""
