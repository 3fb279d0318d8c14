"""The command lines: one file for each command, with its options and the call that it makes.

Each file offers `main(argv, prog)`, which `tools/` and the command `ppocr-like` (`door`) call. The imports at the top of a file
are light, so that `--help` answers at once; rooms that need numpy or torch are imported when the arguments are understood.
"""
