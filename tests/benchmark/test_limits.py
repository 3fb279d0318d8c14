"""The machine's limits."""

import numpy as np
import pytest
import torch

from ppocr_like.benchmark import limits
from ppocr_like.benchmark.limits import Limits, measure, takes


@pytest.fixture
def little(monkeypatch):
    monkeypatch.setattr(limits, "SIDE", {"cpu": 96})
    monkeypatch.setattr(limits, "SIZES", (2**12, 2**16))
    monkeypatch.setattr(limits, "REPEATED", 2**16)
    monkeypatch.setattr(limits, "PAGE", (96, 96))
    monkeypatch.setattr(limits, "FILE_BYTES", 2**16)


def test_every_limit_is_measured(little, tmp_path):
    image = tmp_path / "image"
    image.write_bytes(b"x" * 5000)
    ticks = []
    threads = torch.get_num_threads()
    found = measure(torch.device("cpu"), tmp_path, [str(image)], 2, lambda: ticks.append(1))
    assert len(ticks) == takes() * 3
    assert torch.get_num_threads() == threads
    assert sorted(path.name for path in tmp_path.iterdir()) == ["image"]
    for precision in ("float32", "bfloat16"):
        for who in ("one_thread", "all_threads"):
            assert found.figures[f"matrix_product_{precision}_{who}"]["value"] > 0
    assert found.flops["float32"] >= found.figures["matrix_product_float32_all_threads"]["value"] * 1e9
    assert found.figures["disk_read_of_images"]["files"] == 1
    assert found.figures["memory_all_threads"] == found.figures["copy"][str(2**16)]
    assert {entry["unit"] for name, entry in found.figures.items() if "decode" in name} == {"MPx/s"}


def test_limits_are_looked_up():
    made = Limits("cpu", {"float32": 10.0, "bfloat16": 40.0}, [(2**10, 8.0), (2**20, 4.0)], 1.0, {})
    assert made.products("float32") == 10
    assert made.products("float16") == 10, "not measured: at least what float32 does"
    assert made.products("bfloat16") == 40
    assert made.products("float64") == 10
    assert [made.bandwidth(2**n) for n in (0, 10, 15, 20, 30)] == pytest.approx([8, 8, 6, 4, 4])


def test_the_page_is_a_picture():
    stored, pixels = limits._page()
    assert stored.dtype == np.uint8
    assert pixels == 1280 * 960
    assert 0.05 < len(stored) / pixels < 1
