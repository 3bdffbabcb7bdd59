"""The page of one player: visits, points, and what they are worth."""
