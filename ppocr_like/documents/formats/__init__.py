"""The formats of pages, one file each; `table` holds those that pages are written in, by name."""
