"""Functions run by several processes at once, as torchrun starts them: RANK, WORLD_SIZE and an address in the environment."""

from __future__ import annotations

import contextlib
import os
import socket
import time
import traceback
from collections.abc import Callable
from multiprocessing import get_context
from queue import Empty
from typing import Any

TIMEOUT = 120  # seconds, on a machine with other things to do


def in_ranks(world: int, function: Callable[..., Any], *args: Any, env: dict[str, str] | None = None) -> list[Any]:
    """What `function(*args)` returns in each of `world` processes, in rank order; their errors fail the test.

    The processes are forked from a server that has imported the program, so they start at once.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload(["ppocr_like.components", "ppocr_like.engine", "tests.processes"])
    results = context.Queue()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    shared = {"WORLD_SIZE": str(world), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    processes = []
    for rank in range(world):
        own = {**shared, "RANK": str(rank), "LOCAL_RANK": str(rank), **(env or {})}
        processes.append(context.Process(target=_work, args=(own, rank, function, args, results)))
        processes[-1].start()
    found: dict[int, tuple[bool, Any]] = {}
    end = time.monotonic() + TIMEOUT
    try:
        while len(found) < world and time.monotonic() < end:
            with contextlib.suppress(Empty):
                rank, answer = results.get(timeout=0.5)
                found[rank] = answer
                if not answer[0]:  # the others may wait for it
                    end = min(end, time.monotonic() + 10)
    finally:
        for process in processes:
            process.join(5 if len(found) == world else 0)
            process.kill()
    for rank in set(range(world)) - found.keys():
        found[rank] = (False, "no answer")
    failed = {rank: text for rank, (good, text) in found.items() if not good}
    assert not failed, "\n".join(f"rank {rank}:\n{text}" for rank, text in failed.items())
    return [found[rank][1] for rank in range(world)]


def _work(env: dict[str, str], rank: int, function: Callable[..., Any], args: tuple[Any, ...], results: Any) -> None:
    os.environ.update(env)
    import torch

    torch.set_num_threads(1)
    try:
        results.put((rank, (True, function(*args))))
    except BaseException:  # noqa: BLE001 (the test shall see whatever it was)
        results.put((rank, (False, traceback.format_exc())))
