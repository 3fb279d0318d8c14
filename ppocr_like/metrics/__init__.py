"""Numbers that judge results: numpy only."""
