"""Learning-rate schedules, optimizers, regularizers, freezing: torch only, no files, no config dicts."""
