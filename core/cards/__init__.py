"""Player accounts that belong to staff: declared cards, and players with the name of a member of staff."""
