"""Readers of other programs' annotations, and the writer of label files."""
