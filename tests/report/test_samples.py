"""Pictures of training samples: of the recipe's own chain, in training's order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from ppocr_like.components import load_components
from ppocr_like.config import Builder, load_recipe
from ppocr_like.config.recipe import Recipe
from ppocr_like.data.loader import build_loader
from ppocr_like.errors import DataError
from ppocr_like.report.samples import draw_samples, shown_image

ROOT = Path(__file__).parents[2]
KEEP = {"KeepKeys": {"keep_keys": ["image", "shrink_map", "shrink_mask"]}}


@pytest.fixture(scope="module", autouse=True)
def _components() -> None:
    load_components()


def pages(tmp_path: Path, chain: list, bad: int = 0) -> Builder:
    rng = np.random.default_rng(0)
    rows = []
    for n in range(5):
        cv2.imwrite(str(tmp_path / f"{n}.png"), rng.integers(0, 255, (100, 160, 3), np.uint8))
        box = {"transcription": "a", "points": [[20, 20], [90, 20], [90, 50], [20, 50]]}
        rows.append(f"{n}.png\t{json.dumps([box] if n >= bad else {})}")
    (tmp_path / "l.txt").write_text("\n".join(rows))
    dataset = {
        "name": "SimpleDataSet",
        "data_dir": str(tmp_path),
        "label_file_list": [str(tmp_path / "l.txt")],
        "transforms": chain,
    }
    tree: dict[str, Any] = {
        "Global": {"epoch_num": 1},
        "Architecture": {"model_type": "det"},
        "Train": {"dataset": dataset, "loader": {"batch_size_per_card": 2, "shuffle": True}},
    }
    return Builder(Recipe.from_tree(tree))


def chain(mode: str = "BGR", *more: dict) -> list:
    steps = [{"DecodeImage": {"img_mode": mode}}, {"DetLabelEncode": None}]
    return [*steps, {"EastRandomCropData": {"size": [64, 64]}}, {"MakeShrinkMap": None}, *more, KEEP]


def test_pages_become_sheets(tmp_path: Path) -> None:
    made = pages(tmp_path, chain(), bad=1)
    drawn = draw_samples(made, 3, tmp_path / "out", progress=False)
    assert len(drawn.paths) == 3 and sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(p.name for p in drawn.paths)
    sheet = cv2.imread(str(drawn.paths[0]))
    assert sheet is not None and sheet.shape == (2 * 92 + 6, 3 * 70 + 6, 3), "outlines, kernels, map and mask of 64 px"
    dataset = made.dataset("Train")
    loader = build_loader(dataset, made.loader("Train"), seed=made.settings.seed, train=True, progress=False)
    order = [Path(dataset.info(r.index).path).stem for number in range(len(loader.plan(1))) for r in loader.plan(1)[number]]
    assert [p.stem.split("_")[1] for p in drawn.paths] == [stem for stem in order if stem != "0"][:3]
    everything = draw_samples(made, 99, tmp_path / "all", progress=False)
    assert len(everything.paths) == 4 and everything.rejected.counts == {"broken label": 1}
    assert "4 pictures" in everything.text() and "broken label" in everything.text() and "l.txt, line 1" in everything.text()


@pytest.mark.parametrize("mode", ["BGR", "RGB"])
def test_what_normalising_did_is_taken_back(tmp_path: Path, mode: str) -> None:
    normalise = {
        "NormalizeImage": {"scale": "1./255.", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "order": "hwc"}
    }
    plain = draw_samples(pages(tmp_path, chain(mode)), 2, tmp_path / "a", progress=False)
    steps = pages(tmp_path, chain(mode, normalise, {"ToCHWImage": None}))
    normalised = draw_samples(steps, 2, tmp_path / "b", progress=False)
    for first, second in zip(plain.paths, normalised.paths, strict=True):
        assert first.name == second.name and (cv2.imread(str(first)) == cv2.imread(str(second))).all()


def test_lines_become_sheets_of_twenty(tmp_path: Path) -> None:
    data = ROOT / "train_data"
    changes = [
        f"Train.dataset.data_dir={data}",
        f"Train.dataset.label_file_list=[{data}/typewritten_fr/train.txt]",
        "Train.dataset.ratio_list=1.0",
        f"Global.character_dict_path={data}/dict.txt",
    ]
    made = Builder(load_recipe(ROOT / "configs" / "rec" / "svtr_ft.yml", changes))
    drawn = draw_samples(made, 23, tmp_path, progress=False)
    assert [path.name for path in drawn.paths] == ["lines_001.png", "lines_002.png"]
    sheets = [cv2.imread(str(path)) for path in drawn.paths]
    assert all(sheet is not None and sheet.shape[1] > 200 for sheet in sheets)
    rows = 48 + 20 + 12 + 4 * 8
    assert [sheet.shape[0] for sheet in sheets] == [20 * rows, 3 * rows]


def test_lines_are_shown_in_their_own_levels(tmp_path: Path) -> None:
    data = pages(tmp_path, chain()).dataset("Train")
    levels = np.arange(0, 256, dtype=np.float32).reshape(1, 16, 16)
    assert (shown_image((levels / 255 - 0.5) / 0.5, data)[:, :, 0] == levels[0]).all()


def test_a_chain_that_rejects_everything_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"rejects every sample.*broken label"):
        draw_samples(pages(tmp_path, chain(), bad=5), 3, tmp_path / "out", progress=False)


def test_an_unwritable_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot write"):
        draw_samples(pages(tmp_path, chain()), 1, tmp_path / "file", progress=False)
