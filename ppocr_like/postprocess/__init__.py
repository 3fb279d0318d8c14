"""Network outputs (numpy arrays) to typed results: numpy only."""
