"""Several processes that train together: their group, the sum of their gradients, steps whose maths spans them.

All of it is trivial in one process. Every rank must come to the same collective calls in the same order, so what decides about
one must be equal on all ranks to the last bit: metrics are merged in rank order into a fresh one. Work that may fail on some
ranks only stands in `ranks.together()`; an error that all of them meet is raised through `said_once`. Between steps
(`engine.feed`) the ranks tell each other of failures and signals. Ranks other than the main one print errors only.
"""

from ppocr_like.engine.ranks.group import Ranks, join_ranks, main_process, restarts

__all__ = ["Ranks", "join_ranks", "main_process", "restarts"]
