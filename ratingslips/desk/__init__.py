"""The supervisor's desk: what needs attention, today's figures, and a player on one page."""
