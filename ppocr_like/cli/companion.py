"""A process that another one started for `Global.processes`: what it does stands on standard input. It is no command."""

from __future__ import annotations

import os
import pickle
import sys

from ppocr_like.cli.process import run
from ppocr_like.errors import OcrError


def main() -> int:
    """Trains as one rank of several."""
    from ppocr_like.components import load_components
    from ppocr_like.config.plugins import name_on_command_line
    from ppocr_like.engine import Interrupted, set_up_console, train
    from ppocr_like.engine.ranks.companions import TOLD, Order, tell

    order = pickle.load(sys.stdin.buffer)  # of the process that started this one
    assert isinstance(order, Order)
    for name in order.plugins:
        name_on_command_line(name)
    set_up_console(order.recipe.get("Global.debug") is True)
    try:
        load_components(order.recipe.plugins)
        train(order.recipe)
    except Interrupted as signal:
        return signal.status
    except OcrError as error:
        if TOLD not in os.environ:  # the training had begun
            raise
        tell(str(error).encode())
        return 1
    return 0


if __name__ == "__main__":
    run(main)
