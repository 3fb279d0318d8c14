"""Worker processes keep the memory they free for the next sample, and give it back now and then."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from itertools import pairwise

import pytest

from .helpers import Folder

pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the setting is glibc's")

# In a process of its own: a worker inherits what the tests before have set in this one.
PROGRAM = """
import json, os, resource, sys
import numpy as np
from ppocr_like.config.loader import LoaderConfig
from ppocr_like.data import loader as module
from ppocr_like.data.simple import SimpleDataSet
from ppocr_like.transforms.base import Transform

class Large(Transform):
    # Blocks of 4 MB to 32 MB that are freed at once, below something small that stays.
    stays = []

    def __call__(self, sample, rng):
        blocks = [np.ones(1_000_000 * n, np.float32) for n in range(1, 9)]
        self.stays.append(np.ones(1000))
        del blocks
        return {"faults": resource.getrusage(resource.RUSAGE_SELF).ru_minflt, "worker": os.getpid()}

module._RELEASE_EVERY = 6
data = SimpleDataSet(sys.argv[1], sys.argv[2], transforms=[Large()], mode="eval")
config = LoaderConfig(batch_size_per_card=1, shuffle=False, num_workers=1)
with module.build_loader(data, config, seed=0, train=False, progress=False) as batches:
    found = [{name: int(batch[name]) for name in ("faults", "worker")} for batch in batches.batches(0)]
assert {entry["worker"] for entry in found} != {os.getpid()}
print(json.dumps(found))
"""


def test_a_worker_uses_its_freed_memory_again_and_releases_it(folder: Folder) -> None:
    command = [sys.executable, "-c", PROGRAM, str(folder.root), folder.labels("a.txt", 8)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert run.returncode == 0, run.stderr
    faults = [entry["faults"] for entry in json.loads(run.stdout)]
    taken = [after - before for before, after in pairwise(faults)]
    # Where nothing is kept, 1,500 for each sample with large pages, 35,000 with small ones.
    assert max(taken[1:5]) < 400, taken
    assert max(taken[5:]) > 700, taken  # after the sixth batch they were given back
