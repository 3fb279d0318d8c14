"""A recipe's network beside PaddleOCR's own: weights by the cases' formula, in a `.pdparams` file, and the outputs they give."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ppocr_like.charset import Charset
from ppocr_like.modeling.paddle_names import PADDLE_META
from ppocr_like.weights import load_into, load_weights

from ..guides import guide_differences, training_outputs
from ..measure import compare_output, noise_share
from ..networks import tensor_of


@dataclass(frozen=True)
class Case:
    """A file of the folder `models`."""

    path: Path

    @cached_property
    def content(self) -> dict[str, Any]:
        return json.loads(self.path.read_text(encoding="utf-8"))

    @property
    def recipe(self) -> str:
        """The recipe it was made from, below the folder of recipes."""
        told = str(self.content.get("config", ""))
        return told.removeprefix("configs/") or self.path.stem.replace("__", "/")

    @property
    def architecture(self) -> dict[str, Any]:
        return self.content["architecture"]

    @property
    def classes(self) -> int | None:
        """Classes of the CTC branch; None for a network without characters."""
        if self.architecture.get("model_type") != "rec":
            return None
        parts = [self.architecture, *self.architecture.get("Models", {}).values()]
        for head in (part.get("Head") or {} for part in parts):
            told = (head.get("out_channels_list") or {}).get("CTCLabelDecode", head.get("out_channels"))
            if told is not None:
                return int(told)
        return None

    @property
    def charset(self) -> Charset | None:
        """A dictionary of as many characters."""
        return None if self.classes is None else Charset([f"c{i}" for i in range(self.classes - 1)])

    @property
    def images(self) -> torch.Tensor:
        told = self.content["input"]
        return torch.from_numpy(np.random.default_rng(told["seed"]).normal(0, 0.5, told["shape"]).astype("float32"))

    def write(self, path: Path) -> None:
        """The file that Paddle's `paddle.save(state_dict)` would have written."""
        table: dict[str, Any] = {
            name: tensor_of(name, shape, self.content["gain"])
            for name, shape, dtype in self.content["parameters"]
            if dtype == "float32"
        }
        table[PADDLE_META] = {name: f"param_{i}" for i, name in enumerate(table)}
        path.write_bytes(pickle.dumps(table, protocol=2))


def cases_of(folder: Path) -> dict[str, Case]:
    """The cases of a folder by the recipe they were made from. One that cannot be read stands under its file's name."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        case = Case(path)
        try:
            found[case.recipe] = case
        except (ValueError, OSError):
            found[path.stem.replace("__", "/")] = case
    return found


def filled(case: Case, model: nn.Module, folder: Path) -> dict[str, Any]:
    """Fills the model from a `.pdparams` file of the case; says what matched."""
    path = folder / "reference.pdparams"
    case.write(path)
    report = load_into(model, load_weights(path), min_match=0.0)  # type: ignore[arg-type]
    return {
        "matched": len(report.matched),
        "missing": [name for name, _ in report.missing] + [name for name, *_ in report.mismatched],
        "unexpected": [name for name, _ in report.unexpected],
    }


def sub_models(model: nn.Module) -> dict[str, nn.Module]:
    """The networks of a distillation by name; "" for one network."""
    return dict(getattr(model, "sub_models", None) or {"": model})


def main_output(outputs: dict[str, torch.Tensor]) -> str:
    """The output that a bundle has."""
    return next((key for key in ("maps", "ctc", "cls") if key in outputs), next(iter(outputs)))


def evaluated(case: Case, model: nn.Module) -> dict[str, dict[str, Any]]:
    """Every output of the case: largest difference, that over the deviation, and whether it holds."""
    found, images = {}, case.images
    networks = sub_models(model.eval())
    for name, want in case.content["outputs"].items():
        sub, _, _ = name.rpartition("/")
        network = networks[sub].float()
        with torch.inference_mode():
            key = main_output(network(images))
        compared = compare_output(want, network, images, key)
        verdict = "within" if compared.largest <= compared.tolerance else "by rounding" if compared.holds else ""
        if not verdict:
            verdict = "by rounding" if noise_share(want, network, images, key) <= 1 else "FAILED"
        found[name] = {
            "difference": compared.largest * want["std"],
            "over_std": compared.largest,
            "mean_square_over_std": compared.mean_square,
            "tolerance_over_std": compared.tolerance,
            "rounding_over_std": compared.rounding,
            "verdict": verdict,
        }
        network.float()
    return found


def trained(case: Case, model: nn.Module) -> dict[str, dict[str, Any]]:
    """The outputs in training mode, of the branches and the guide; nothing where the case has none."""
    training = case.content.get("training")
    if not training:
        return {}
    outputs = training_outputs(training, model, case.images)
    return {
        name: {"over_std": difference, "tolerance_over_std": allowed, "verdict": "within" if difference <= allowed else "FAILED"}
        for name, (difference, allowed) in guide_differences(training, outputs).items()
    }
