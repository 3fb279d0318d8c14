"""Other programs' annotations to label files.

The readers stand in `documents.formats`; here is what converting is: streaming, filters, counts of what is left out, crops of
lines, and files that appear when they are complete.
"""
