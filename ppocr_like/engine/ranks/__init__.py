"""Several processes that train together: their group, the sum of their gradients, steps whose maths spans them."""

from ppocr_like.engine.ranks.group import Ranks, join_ranks, main_process, restarts

__all__ = ["Ranks", "join_ranks", "main_process", "restarts"]
