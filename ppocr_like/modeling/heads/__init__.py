"""Features to outputs by name."""
