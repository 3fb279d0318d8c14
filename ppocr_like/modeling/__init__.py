"""Networks: torch only, no files, no config dicts."""
