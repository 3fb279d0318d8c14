"""The network that a start's weights are of."""

from __future__ import annotations

import copy
import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ppocr_like.config.overrides import step_arguments
from ppocr_like.config.recipe import load_recipe
from ppocr_like.errors import WeightsError
from ppocr_like.weights.files import WeightsFile, load_weights
from ppocr_like.weights.rapidocr_package import PACKAGE, PREFIX

TEMPLATES = Path(__file__).parent
HEIGHT = 48  # px of lines, where nothing else is known
SHIPPED = {"rec": "svtr_small.safetensors", "det": "db_mv3.safetensors"}
PRETRAINED = Path(__file__).parents[2] / "pretrained"  # of a checkout

# What `rapidocr` 3.10 brings, in the fused form of its files; a file of another network is refused when it is put in.
_OF_ONNX: dict[str, dict[str, Any]] = {
    "rec": {
        "model_type": "rec",
        "algorithm": "SVTR_LCNet",
        "fused": True,
        "Transform": None,
        "Backbone": {"name": "PPLCNetV4", "model_size": "small"},
        "Neck": {
            "name": "SequenceEncoder",
            "encoder_type": "lightsvtr",
            "dims": 120,
            "depth": 2,
            "mlp_ratio": 2.0,
            "local_kernel": 7,
        },
        "Head": {"name": "CTCHead", "fc_decay": 1e-5},
    },
    "det": {
        "model_type": "det",
        "algorithm": "DB",
        "fused": True,
        "Transform": None,
        "Backbone": {"name": "PPLCNetV4", "det": True, "model_size": "small"},
        "Neck": {"name": "RepLKFPN", "out_channels": 96, "dilated_kernel_size": 7, "shortcut": True},
        "Head": {"name": "DBHead", "k": 50},
    },
}
_USUAL = {"use_dilation": False, "score_mode": "fast"}  # of DBPostProcess, where a recipe does not say it
_DET_THRESHOLDS = {"thresh": 0.2, "box_thresh": 0.45, "max_candidates": 3000, "unclip_ratio": 1.4, **_USUAL}
_SLOWER = {"rec": 3e-4, "det": 2e-4}  # rates for networks that were trained on millions of lines


@dataclass(frozen=True)
class Start:
    """Weights to begin with.

    Args:
        source: as `Global.pretrained_model` takes it.
        network: the section Architecture.
        height: px of the lines that a recogniser was trained on.
        rate: learning rate; None: the usual one.
        postprocess: a detector's thresholds, as far as they are known.
        kraken_line: arguments of the step that made its lines, of a network of kraken's.
    """

    source: str
    weights: WeightsFile
    network: dict[str, Any]
    height: int = HEIGHT
    rate: float | None = None
    postprocess: Mapping[str, Any] | None = None
    kraken_line: Mapping[str, Any] | None = None

    def recipe(self, task: str) -> dict[str, Any]:
        """The template for the task with this network, without data."""
        tree = copy.deepcopy(load_recipe(TEMPLATES / f"{task}.yml").tree)
        tree["Architecture"] = copy.deepcopy(self.network)
        if self.rate is not None:
            tree["Optimizer"]["lr"]["learning_rate"] = self.rate
        tree["PostProcess"] |= self.postprocess or {}
        for section in ("Train", "Eval") if task == "rec" else ():
            steps = tree[section]["dataset"]["transforms"]
            place = next(number for number, step in enumerate(steps) if "RecResizeImg" in step)
            steps[place]["RecResizeImg"]["image_shape"][1] = self.height
            if self.kraken_line is not None:
                steps[place] = {"KrakenLine": dict(self.kraken_line)}
                steps[-1]["KeepKeys"]["keep_keys"].append("valid_width")
        return tree


def usual_start(task: str) -> str:
    """The weights that are taken where none are named: those of a checkout, else those of the package rapidocr.

    Raises:
        WeightsError: there are neither.
    """
    shipped = PRETRAINED / SHIPPED[task]
    if shipped.is_file():
        return str(shipped)
    try:
        importlib.metadata.distribution(PACKAGE)
    except importlib.metadata.PackageNotFoundError:
        raise WeightsError(f"no weights to start from: name them (--start FILE), or pip install {PACKAGE}") from None
    return f"{PREFIX}{task}"


def start_of(source: str, task: str, network: str | None = None) -> Start:
    """The start that `source` means.

    Args:
        task: "rec" or "det".
        network: recipe whose network the weights are of, for weights that do not say it.

    Raises:
        WeightsError: weights of another task, or of a network that is not known.
        ConfigError: the recipe cannot be read.
    """
    weights = load_weights(source)
    if weights.task not in (None, task):
        raise WeightsError(f"{weights.path} holds weights of model_type {weights.task}, and the labels are for {task}")
    tree = load_recipe(network).tree if network else weights.recipe
    if tree is None and weights.graph is not None:
        thresholds = _DET_THRESHOLDS if task == "det" else None
        return Start(source, weights, _OF_ONNX[task], rate=_SLOWER[task], postprocess=thresholds)
    if tree is None:
        raise WeightsError(f"{weights.path} does not say its network; name a recipe of that network (--network RECIPE)")
    architecture = tree.get("Architecture")
    if not isinstance(architecture, dict) or architecture.get("model_type") != task:
        raise WeightsError(f"{network or weights.path}: its recipe has no network for model_type {task}")
    head = architecture.get("Head")
    if task == "rec" and (not isinstance(head, dict) or head.get("name") not in ("CTCHead", "VGSLHead")):
        told = head.get("name") if isinstance(head, dict) else "none"
        raise WeightsError(
            f"{network or weights.path}: a network with Head {told} needs a recipe of its own: train with it, "
            "-o Global.max_minutes=30; networks with a CTC head are fine-tuned here"
        )
    found = tree.get("PostProcess")
    thresholds = None
    if task == "det" and isinstance(found, dict):
        thresholds = {**_USUAL, **{key: value for key, value in found.items() if key in _DET_THRESHOLDS}}
    kraken = step_arguments(tree, "KrakenLine") if task == "rec" else None
    return Start(source, weights, architecture, _height(tree), postprocess=thresholds, kraken_line=kraken)


def _height(tree: Mapping[str, Any]) -> int:
    """px that the resize step of a recipe gives lines; 48 where it has none."""
    kraken = step_arguments(tree, "KrakenLine")
    shape = (step_arguments(tree, "RecResizeImg") or {}).get("image_shape")
    height = kraken.get("height") if kraken is not None else shape[1] if isinstance(shape, list) and len(shape) == 3 else None
    return height if isinstance(height, int) else HEIGHT
