"""`Global.processes`: this process starts the other ranks itself and is rank 0 of them; no launcher is needed.

A companion is told the recipe on its standard input, says over a pipe that it can begin (or why not), and then trains as a
rank does under torchrun. Should this process be killed, the others miss it in their next step and end (`RankLost`).
"""

from __future__ import annotations

import os
import pickle
import select
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import torch

import ppocr_like
from ppocr_like.config.plugins import folders_of_plugins, named_on_command_line
from ppocr_like.config.recipe import Recipe
from ppocr_like.data.apart import usual_threads
from ppocr_like.errors import ConfigError, Problem, TrainingError

TOLD = "PPOCR_LIKE_COMPANION"  # in a companion's environment: file descriptor of the pipe on which it says that it can begin
READY = b"ready"
MODULE = "ppocr_like.cli.companion"
PATIENCE = 300.0  # seconds until all can begin, on a machine with other things to do
END = 60.0  # seconds in which they come to an end after this process did
_LOOPBACK = {"linux": "lo", "darwin": "lo0"}


@dataclass(frozen=True)
class Order:
    """What a companion is told.

    Args:
        plugins: those of the command line.
    """

    recipe: Recipe
    plugins: Sequence[str]


@contextmanager
def companions(recipe: Recipe) -> Iterator[None]:
    """For the block this process is one of the `Global.processes` of the recipe, and the others work beside it.

    Nothing happens in a process that a launcher started, or without the setting.

    Raises:
        ConfigError: a system that cannot do it.
        TrainingError: one of them cannot begin; why is said.
    """
    count = recipe.globals.processes or 1
    if TOLD in os.environ:
        tell(READY)
    if count == 1 or "WORLD_SIZE" in os.environ:
        yield
        return
    if os.name != "posix":
        raise ConfigError([Problem("Global.processes", "needs Linux or macOS; remove it, or start the processes with torchrun")])
    shared, patience = _environment(count), 0.0
    order = pickle.dumps(Order(recipe, named_on_command_line()))
    places = [str(Path(ppocr_like.__file__).parents[1]), *folders_of_plugins(recipe.plugins)]
    places += filter(None, [os.environ.get("PYTHONPATH")])
    started: list[_Companion] = []
    try:
        for rank in range(1, count):
            started.append(_Companion(rank, {**shared, "PYTHONPATH": os.pathsep.join(places)}, order))
        _wait_for(started)
        patience = END
        with _as_rank_0(shared):
            yield
    except KeyboardInterrupt:
        patience = 0.0
        raise
    finally:
        _end(started, patience)


def tell(what: bytes) -> None:
    """Of a companion, once: that it can begin, or why it cannot."""
    with suppress(OSError), os.fdopen(int(os.environ.pop(TOLD)), "wb") as pipe:  # the first process is gone
        pipe.write(what)


class _Companion:
    """One more process, which has been told what to do. `heard`: all that it says before it begins."""

    def __init__(self, rank: int, shared: Mapping[str, str], order: bytes) -> None:
        self.rank = rank
        ours, theirs = os.pipe()
        self.heard = os.fdopen(ours, "rb")
        own = {"RANK": str(rank), "LOCAL_RANK": str(rank), TOLD: str(theirs)}
        # A session of its own: Ctrl-C comes to rank 0 alone, which tells the others at the end of the step.
        self.process = subprocess.Popen(
            [sys.executable, "-m", MODULE],
            env={**os.environ, **shared, **own},
            stdin=subprocess.PIPE,
            pass_fds=[theirs],
            start_new_session=True,
        )
        os.close(theirs)
        assert self.process.stdin is not None
        with suppress(BrokenPipeError), self.process.stdin as pipe:  # it died, as `_wait_for` will find
            pipe.write(order)


def _environment(count: int) -> dict[str, str]:
    """What torchrun would tell all of `count` processes on this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    found = {"WORLD_SIZE": str(count), "LOCAL_WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    found["OMP_NUM_THREADS"] = str(max(1, usual_threads() // count))
    if sys.platform in _LOOPBACK:  # else gloo looks up the machine's name, which may be known nowhere
        found["GLOO_SOCKET_IFNAME"] = os.environ.get("GLOO_SOCKET_IFNAME") or _LOOPBACK[sys.platform]
    return found


@contextmanager
def _as_rank_0(shared: Mapping[str, str]) -> Iterator[None]:
    """This process's environment is rank 0's within the block."""
    own = {**shared, "RANK": "0", "LOCAL_RANK": "0"}
    before, threads = {name: os.environ.get(name) for name in own}, torch.get_num_threads()
    os.environ.update(own)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _wait_for(started: Sequence[_Companion]) -> None:
    """Until all can begin."""
    waiting, end = {one.heard.fileno(): one for one in started}, time.monotonic() + PATIENCE
    while waiting:
        for file in select.select(list(waiting), [], [], max(0.0, end - time.monotonic()))[0]:
            one = waiting.pop(file)
            said = one.heard.read()
            if said != READY:
                why = said.decode("utf-8", "replace") or f"it ended with status {one.process.wait()}; what it said stands above"
                raise TrainingError(f"process {one.rank} of Global.processes cannot begin: {why}")
        if waiting and time.monotonic() >= end:
            raise TrainingError(f"{len(waiting)} of Global.processes did not begin within {PATIENCE:g} s; take fewer")


def _end(started: Sequence[_Companion], patience: float) -> None:
    """After `patience` seconds, in which they end by themselves: with this process, or when they miss it."""
    until = time.monotonic() + patience
    try:
        for one in started:
            with suppress(subprocess.TimeoutExpired):
                one.process.wait(max(0.0, until - time.monotonic()))
    finally:
        for one in started:
            one.process.kill()
            one.process.wait()
            one.heard.close()
