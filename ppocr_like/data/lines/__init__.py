"""Lines of text that are no files of their own: of pages, of files beside each other, of tables.

`line_set.LineSet` has what is common to all sets of lines: which files (`sources`), which of their lines (`selection`), which
part of them (`partition`), and what became of the others. A subclass opens a source and gives its `Lines`.
"""
