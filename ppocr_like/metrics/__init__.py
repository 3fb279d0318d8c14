"""Numbers that judge results, and the analysis of errors: numpy only."""
