"""How days and times are written where Django writes them: as the rest of the console does."""
