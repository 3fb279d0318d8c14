from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is on one core, whatever the machine has: then `finetune` takes one process."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
