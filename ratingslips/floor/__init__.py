"""The floor: the pages that a pit boss works from, standing, on a tablet."""
