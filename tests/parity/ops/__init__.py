"""Checks of the reference cases for everything but networks: transforms, post-processing, metrics, losses, schedules, steps.

A module for each file, with `FILE` and `check(case, ops)`. It gives None when our result is within the file's tolerance (a text,
when there is something to say about it), `Meant` when ours differs as it is meant to, and raises otherwise. The tests
run them on all cases that are here, `run.py` on any folder of that format.
"""
