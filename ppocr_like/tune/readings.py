"""A recogniser's outputs on an evaluation set, computed once and kept on the disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from ppocr_like.config import Builder
from ppocr_like.contracts import SampleInfo, told_directions
from ppocr_like.data.base import Dataset
from ppocr_like.data.loader import build_loader
from ppocr_like.data.watch import watched
from ppocr_like.engine.evaluator import network_outputs
from ppocr_like.engine.objective import Objective
from ppocr_like.errors import DataError
from ppocr_like.metrics.base import Metric
from ppocr_like.outside import LARGE, load_json, text_of
from ppocr_like.postprocess.probabilities import together
from ppocr_like.text import BaseDir
from ppocr_like.tune.maps import INDEX, kept_outputs, outputs_digest

TOGETHER = 16  # lines read at a time


@dataclass(frozen=True, eq=False)
class KeptLine:
    """What the network gave for one line.

    Args:
        reference: the text that the metric compares with.
        base_dir: base direction that the line's file tells.
        file: float32 (T, C) .npy, steps of padding cut off where the network tells them.
        steps: T.
    """

    reference: str
    base_dir: BaseDir
    file: Path
    steps: int


@dataclass(frozen=True)
class ReadSet:
    """The outputs of a set.

    Args:
        lines: those that could be read.
        lost: references of those that could not.
    """

    lines: list[KeptLine]
    lost: list[str]

    def batches(self) -> Iterator[tuple[list[KeptLine], dict[str, np.ndarray]]]:
        """Lines of like length, and what a post-processing reads of them: `ctc` (N, T, C) and `lengths` (N,)."""
        lines = sorted(self.lines, key=lambda line: line.steps)
        for start in range(0, len(lines), TOGETHER):
            part = lines[start : start + TOGETHER]
            scores = together([np.load(line.file) for line in part])
            yield part, {"ctc": scores, "lengths": np.array([line.steps for line in part])}


def read_set(
    builder: Builder, objective: Objective, weights: Path, set_name: str, folder: Path, metric: Metric, progress: bool = True
) -> ReadSet:
    """The outputs of an evaluation set, from `folder` where they were computed before from the same weights, images and chain.

    Args:
        builder: of the recipe, with the network's character set.
        objective: its network on the device, in evaluation mode.
        weights: the file it was filled from.
        set_name: one of `Builder.eval_names()`.
        folder: where they are kept; 4 bytes for each class of each step.
        metric: tells the texts that lines are compared with.

    Raises:
        DataError: no line of the set can be used, or nothing can be written.
    """
    dataset = builder.dataset("Eval", set_name)
    place = folder / outputs_digest(builder, dataset, weights, set_name)
    kept_outputs(place, lambda unfinished: _fill(unfinished, builder, dataset, objective, metric, progress), "outputs")
    found = _kept(place)
    if not found.lines:
        raise DataError(f"no line of the evaluation set {set_name!r} could be used", str(dataset.label_files[0]))
    return found


def _fill(folder: Path, builder: Builder, dataset: Dataset, objective: Objective, metric: Metric, progress: bool) -> None:
    """Computes all outputs into a folder."""
    lines: list[dict[str, object]] = []
    lost: list[str] = []
    with build_loader(dataset, builder.loader("Eval"), seed=0, train=False) as loader, torch.inference_mode():
        for batch in watched(loader, "outputs") if progress else loader.batches(0):
            lost += [metric.reference(sample.info.text) for sample in batch["rejected"]]
            if not batch["info"]:
                continue
            outputs, arrays = network_outputs(objective, batch)
            infos: list[SampleInfo] = batch["info"]
            scores = outputs["ctc"]
            steps = np.asarray(outputs.get("lengths", np.full(len(scores), scores.shape[1]))).reshape(-1).tolist()
            told = told_directions(arrays, len(infos))
            for number, reference in enumerate(metric.references(arrays)):
                name = f"{len(lines):06d}.npy"
                np.save(folder / name, np.ascontiguousarray(scores[number, : steps[number]], np.float32))
                lines.append({"text": reference, "base_dir": told[number], "file": name, "steps": int(steps[number])})
    (folder / INDEX).write_text(json.dumps({"lines": lines, "lost": lost}), encoding="utf-8")


def _kept(place: Path) -> ReadSet:
    try:
        content = load_json(place / INDEX, LARGE)
        lines = [
            KeptLine(text_of(entry["text"]), entry["base_dir"], place / text_of(entry["file"]), int(entry["steps"]))
            for entry in content["lines"]
        ]
        return ReadSet(lines, [text_of(text) for text in content["lost"]])
    except (LookupError, TypeError, ValueError) as error:
        raise DataError(f"is damaged ({error}); remove its folder", str(place / INDEX)) from error
