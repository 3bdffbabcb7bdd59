"""The floor: the map of a pit, a seat, and a slip, made for a tablet."""
