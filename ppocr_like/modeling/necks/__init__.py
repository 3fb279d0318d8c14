"""Feature map to the features that a head reads."""
