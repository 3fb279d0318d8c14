"""Centres of CenterLoss: PaddleOCR's pickle without running it, `.npz`, files that hold something else."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from ppocr_like.charset import Charset
from ppocr_like.errors import ConfigError, WeightsError
from ppocr_like.losses.center_loss import CenterLoss
from ppocr_like.weights.centers import fill_centers, read_centers

CENTERS = np.arange(12, dtype=np.float32).reshape(3, 4)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("number", [int, np.int64], ids=["int", "numpy"])  # tools/export_center.py has numpy's
@pytest.mark.parametrize("row", [np.asarray, np.ndarray.tolist], ids=["array", "list"])
def test_paddleocrs_pickle(tmp_path: Path, protocol: int, number: Any, row: Any) -> None:
    content = {number(key): row(CENTERS[i]) for i, key in enumerate((7, 0, 2))}
    (tmp_path / "c.pkl").write_bytes(pickle.dumps(content, protocol))
    classes, centers = read_centers(tmp_path / "c.pkl")
    assert classes.tolist() == [7, 0, 2]
    assert np.array_equal(centers, CENTERS)


def test_npz_with_all_classes_or_some(tmp_path: Path) -> None:
    np.savez(tmp_path / "all.npz", centers=CENTERS)
    assert read_centers(tmp_path / "all.npz")[0].tolist() == [0, 1, 2]
    np.savez_compressed(tmp_path / "some.npz", centers=CENTERS, classes=[4, 1, 0])
    loss = CenterLoss(Charset("abcd"), 4, str(tmp_path / "some.npz"))
    before = loss.centers.clone()
    fill_centers(nn.ModuleList([loss, CenterLoss(Charset("abcd"), 4)]))
    assert loss.centers[4].tolist() == [0, 1, 2, 3] and loss.centers[1].tolist() == [4, 5, 6, 7]
    assert loss.centers[2].equal(before[2])


class Hostile:
    def __reduce__(self) -> tuple:
        return os.system, ("touch hacked",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({0: Hostile()}, "could run a program"),
        ([1, 2], "a dict from class to centre"),
        ({}, "a dict from class to centre"),
        ({0: [1.0, 2.0], 1: [1.0]}, "differ in length"),
        ({"a": [1.0, 2.0]}, "a whole number"),
        ({0: [1.0, float("nan")]}, "not finite"),
        ({0: "text"}, "cannot be read"),
    ],
)
def test_other_pickles_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Any, message: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("c.pkl").write_bytes(pickle.dumps(content, 2))
    with pytest.raises(WeightsError, match=message):
        read_centers("c.pkl")
    assert not Path("hacked").exists()


def test_other_files_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", weights=CENTERS)
    np.savez(tmp_path / "objects.npz", centers=np.array([Hostile()], dtype=object))
    (tmp_path / "cut.pkl").write_bytes(pickle.dumps({0: CENTERS[0]}, 4)[:-9])
    for name in ("other.npz", "objects.npz", "cut.pkl"):
        with pytest.raises(WeightsError, match=name):
            read_centers(tmp_path / name)
    with pytest.raises(ConfigError, match=r"center_file_path: .*none.npz does not exist"):
        fill_centers(CenterLoss(Charset("abcd"), 4, str(tmp_path / "none.npz")))
    np.savez(tmp_path / "more.npz", centers=CENTERS)
    with pytest.raises(ConfigError, match="belong to another dictionary"):
        fill_centers(CenterLoss(Charset("a"), 4, str(tmp_path / "more.npz")))
