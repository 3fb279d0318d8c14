"""PaddleOCR's own results of data transforms, post-processing, metrics, losses, schedules, optimizers, averages and sampler.

All 896 cases with PPOCR_LIKE_CASES; without it the part of five files that lies in the repository.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from .ops.outcome import CHECKS, FAILED, MEANT, NOT_OFFERED, WITHIN, Outcome, outcomes

ROOT = os.environ.get("PPOCR_LIKE_CASES")
COPIES = Path(__file__).parents[1] / "transforms" / "cases"
WHOLE = Path(ROOT or "", "parity", "ops")
ABSENT = "PPOCR_LIKE_CASES is not set: PaddleOCR's reference cases are not here"

# How many cases a file has, and in how many ours differs as it is meant to.
FILES = {
    "01_rec_resize": (219, 0),
    "02_det_resize": (108, 0),
    "03_normalize_decode": (32, 2),
    "04_label_encoders": (45, 2),
    "05_shrink_border_maps": (89, 2),
    "06_db_postprocess": (100, 0),
    "07_rec_decoders": (28, 19),
    "08_metrics": (31, 5),
    "09_losses": (102, 18),
    "10_learning_rates": (65, 16),
    "11_optimizers": (55, 3),
    "12_ema": (7, 5),
    "13_multi_scale_sampler": (15, 15),
}
# Of recognition by attention and of parts that are not here yet.
NOT_HERE = (*("AttnLabelEncode", "AttnLabelDecode", "AttentionLoss", "CELoss", "CenterLoss", "ACELoss"),)


def told(found: list[Outcome]) -> str:
    return "\n".join(f"{o.number} {o.name}: {o.detail}" for o in found)


def test_every_file_has_a_check() -> None:
    assert set(CHECKS) == set(FILES)
    assert sum(count for count, _ in FILES.values()) == 896


@pytest.mark.skipif(not ROOT, reason=ABSENT)
@pytest.mark.parametrize("file", FILES)
def test_all_cases(file: str) -> None:
    path = next(path for path in WHOLE.iterdir() if path.stem == file)
    found = list(outcomes(path))
    kinds = Counter(o.kind for o in found)
    assert not kinds[FAILED], told([o for o in found if o.kind == FAILED])
    absent = [o for o in found if o.kind == NOT_OFFERED]
    assert all(any(name in o.detail for name in NOT_HERE) for o in absent), told(absent)
    count, meant = FILES[file]
    assert len(found) == count
    assert kinds[MEANT] <= meant, told([o for o in found if o.kind == MEANT])


@pytest.mark.parametrize("path", sorted(path for path in COPIES.iterdir() if path.stem in CHECKS), ids=lambda path: path.stem)
def test_the_cases_that_lie_here(path: Path) -> None:
    found = list(outcomes(path))
    assert not [o for o in found if o.kind not in (WITHIN, MEANT)], told(found)
    assert len(found) >= 4
    assert sum(o.kind == MEANT for o in found) <= 2


def test_what_is_wrong_is_an_outcome(tmp_path: Path) -> None:
    """A wrong number, a component that is not offered, a case without its parts, a damaged file, a file of another kind."""
    lr = {"name": "Const", "learning_rate": 0.1}
    right = {"name": "right", "lr": lr, "epochs": 1, "step_each_epoch": 2, "values": [0.1, 0.1]}
    cases = [right, {**right, "values": [0.1, 0.2]}, {**right, "lr": {"name": "Unheard"}}, {"name": "empty"}]
    path = tmp_path / "10_learning_rates.json"
    path.write_text(json.dumps({"cases": cases}), encoding="utf-8")
    assert [o.kind for o in outcomes(path)] == [WITHIN, FAILED, NOT_OFFERED, FAILED]
    path = tmp_path / "01_rec_resize.npz"
    path.write_bytes(b"PK no archive")
    other = tmp_path / "99_other.json"
    other.write_text("{}", encoding="utf-8")
    for damaged in (path, other):
        (found,) = outcomes(damaged)
        assert found.kind == FAILED and found.detail


@pytest.mark.skipif(not ROOT, reason=ABSENT)
def test_a_changed_reference_is_noticed(tmp_path: Path) -> None:
    with np.load(WHOLE / "01_rec_resize.npz") as archive:
        arrays = {name: archive[name] for name in archive.files}
    meta = json.loads(str(arrays["meta"]))
    meta["cases"] = meta["cases"][:2]
    arrays["meta"] = np.array(json.dumps(meta))
    values = meta["cases"][0]["image"].get("values") or meta["cases"][0]["image"]["array"]
    arrays[values] = arrays[values] + 0.02
    np.savez(tmp_path / "01_rec_resize.npz", **arrays)
    assert [o.kind for o in outcomes(tmp_path / "01_rec_resize.npz")] == [FAILED, WITHIN]
