"""Losses and their gradients, built as a recipe's Loss node is.

With `paddle_exact` values and gradients are PaddleOCR's. By default they are as well, but for CombinedLoss and what distillation
is made of: means, teachers that get no gradient, arguments that are obeyed, padding that does not count.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ppocr_like.charset import Charset
from ppocr_like.config import Builder, Recipe
from ppocr_like.errors import ConfigError
from ppocr_like.registry import LOSSES
from ppocr_like.weights.centers import fill_centers

from .reading import Meant, NotHere, Ops, component

FILE = "09_losses"
VALUE, GRADIENT, GRADIENT_FLOOR = 1e-5, 1e-4, 1e-6
DB_ENTRIES = ("threshold_map", "threshold_mask", "shrink_map", "shrink_mask")
OUTPUT_OF = {"SARLoss": "sar", "NRTRLoss": "gtc", "CELoss": "gtc", "ClsLoss": "cls"}
NOT_CHARACTERS = {"ctc": 1, "sar": 3, "gtc": 4}  # classes of each branch besides the dictionary's
SAR_PADDING = 92  # what PaddleOCR's SARLoss takes for the padding by default: that of a dictionary of 90
CENTERS = "center_file_path"


def check(case: dict[str, Any], ops: Ops) -> str | None:
    if "inputs" in case:
        return _function(case, ops)
    node = _node(case, ops)
    try:
        exact = _run(case, ops, node, True)
    except (ConfigError, ValueError) as error:
        if "error" in case:
            return None
        unknown = next((p.message for p in getattr(error, "problems", []) if p.message.startswith("unknown loss")), "")
        if unknown:
            raise NotHere(unknown.partition(";")[0]) from error
        raise
    if "error" in case:
        exact["result"]["loss"].sum().backward()
        assert all(torch.isfinite(leaf.grad).all() for leaf in exact["leaves"].values() if leaf.grad is not None)
        return Meant("PaddleOCR raises, ours works")
    _hold(case, ops, exact)
    try:
        _hold(case, ops, _run(case, ops, node, False))
    except AssertionError as error:
        if node["name"] != "CombinedLoss":
            raise
        return Meant(f"means, teachers without gradient, arguments obeyed; equal with paddle_exact ({error})")
    return None


# -- as a recipe says it -----------------------------------------------------------------------------------------------


def _node(case: dict[str, Any], ops: Ops) -> dict[str, Any]:
    """The Loss node; paths in it lead to the cases' folder."""
    node = copy.deepcopy(case["loss"]) if "loss" in case else {"name": case["class"].rpartition(".")[2], **case["arguments"]}
    members = [args for entry in node.get("loss_config_list", []) for args in entry.values() if args]
    for args in (node, *members):
        if args.get(CENTERS):
            args[CENTERS] = str(ops.path.parent / args[CENTERS])
    if "loss_config_list" not in node:
        component(LOSSES, node["name"])
    return node


def _places(predicts: Any, node: dict[str, Any]) -> dict[str, tuple[str, Any]]:
    """PaddleOCR's place of each output -> (our name, reference)."""
    if isinstance(predicts, list):  # [features, logits] of a CTCHead
        return {"0": ("ctc_feats", predicts[0]), "1": ("ctc", predicts[1])}
    if "array" in predicts:
        return {"": (OUTPUT_OF.get(node["name"], "ctc"), predicts)}
    found: dict[str, tuple[str, Any]] = {}
    for key, value in predicts.items():
        if "array" in value:
            found[key] = (key, value)
            continue
        for inner, output in value.items():  # a sub-model's outputs
            if inner != "head_out":
                found[f"{key}/{inner}"] = (f"{key}/{inner}", output)
            elif "array" in output:
                found[f"{key}/{inner}"] = (f"{key}/ctc", output)
            else:
                found.update({f"{key}/{inner}/{branch}": (f"{key}/{branch}", logits) for branch, logits in output.items()})
    return found


def _batch(rows: list[Tensor], names: set[str], node: dict[str, Any]) -> dict[str, Tensor]:
    """What the cases' list of arrays is called in a batch here."""
    if any(name.rpartition("/")[2] == "maps" for name in names):
        return dict(zip(DB_ENTRIES, rows[1:], strict=True))
    if len(rows) <= 3:
        return dict(zip(("label", "length"), rows[1:], strict=False))
    if any("ACE" in name for entry in node.get("loss_config_list", [{node["name"]: None}]) for name in entry):
        return {"label": rows[1], "length": rows[2], "label_ace": rows[3]}
    guide = "label_sar" if any(name.rpartition("/")[2] == "sar" for name in names) else "label_gtc"
    batch = {"label_ctc": rows[1], guide: rows[2], "length": rows[3]}
    return {**batch, "label_sar": rows[2], "label_gtc": rows[2]} if any("/" in name for name in names) else batch


def _run(case: dict[str, Any], ops: Ops, node: dict[str, Any], exact: bool) -> dict[str, Any]:
    places = _places(case["predicts"], node)
    leaves = {path: torch.tensor(ops.array(reference)).requires_grad_() for path, (_, reference) in places.items()}
    outputs = {name: leaves[path] for path, (name, _) in places.items()}
    batch = _batch([torch.tensor(ops.array(entry)) for entry in case["batch"]], set(outputs), node)
    if any(name.rpartition("/")[2] == "maps" for name in outputs):
        task, charset = "det", None
    else:
        task = "cls" if node["name"] == "ClsLoss" else "rec"
        sizes = {name.rpartition("/")[2]: leaves[path].shape[-1] for path, (name, _) in places.items()}
        entries = next((sizes[key] - more for key, more in NOT_CHARACTERS.items() if key in sizes), 1)
        if node["name"] == "SARLoss" and "ignore_index" not in node:
            entries = SAR_PADDING + 1 - NOT_CHARACTERS["sar"]
        charset = Charset([f"c{i}" for i in range(entries)])
    tree = {"Global": {"epoch_num": 1, "paddle_exact": exact}, "Architecture": {"model_type": task}, "Loss": node}
    loss: nn.Module = Builder(Recipe.from_tree(tree), charset).loss()
    fill_centers(loss)
    return {"result": loss(outputs, batch), "leaves": leaves}


# -- comparison --------------------------------------------------------------------------------------------------------


def _hold(case: dict[str, Any], ops: Ops, run: dict[str, Any]) -> None:
    result, leaves = run["result"], run["leaves"]
    parts = case["losses"]
    for part, value in parts.items():
        if part == "loss":
            _value(result["loss"].sum(), float(np.sum(value)), part)
        elif part in result:
            _value(result[part].mean(), float(np.mean(value)), part)
        elif np.any(value):  # a part that is 0 need not be there
            assert len(parts) == 1, f"{part} is missing"
            _value(result["loss"].mean(), float(np.mean(value)), part)
    # Without a part `loss` the reference's gradient is that of the sum over all values.
    size = 1 if "loss" in parts else max(int(np.size(value)) for value in parts.values())
    several = size // result["loss"].numel()
    result["loss"].sum().backward()
    for path, gradient in case["gradients"].items():
        _gradient(ops, leaves[path].grad, gradient, several, path)


def _value(got: Tensor, wanted: float, part: str) -> None:
    assert abs(got.item() - wanted) <= VALUE * abs(wanted) + 1e-9, f"{part} is {got.item()} instead of {wanted}"


def _gradient(ops: Ops, got: Tensor | None, reference: dict[str, Any] | None, several: int, path: str) -> None:
    if reference is None:
        assert got is None or not got.any(), f"a gradient of {path or 'the output'}"
        return
    assert got is not None, f"no gradient of {path or 'the output'}"
    have, want = ops.samples(reference, got.numpy() * several)
    worst, allowed = np.abs(have - want).max(), GRADIENT_FLOOR + GRADIENT * np.abs(want).max()
    assert worst <= allowed, f"gradient of {path or 'the output'} differs by {worst:.1e}"


def _function(case: dict[str, Any], ops: Ops) -> str | None:
    """A plain function of tensors, which the losses of distillation are made of."""
    name = case["class"].rpartition(".")[2]
    try:
        from ppocr_like.losses import imitation
    except ImportError as error:
        raise NotHere(name) from error
    if not hasattr(imitation, name):
        raise NotHere(name)
    inputs = [torch.tensor(ops.array(reference)) for reference in case["inputs"]]
    inputs = [value.requires_grad_() if value.is_floating_point() else value for value in inputs]
    got = getattr(imitation, name)(**case["arguments"])(*inputs)
    wanted = np.asarray(case["losses"]["loss"], np.float64)
    difference = np.abs(got.detach().numpy() - wanted)
    assert (difference <= VALUE * np.abs(wanted)).all(), f"{got.tolist()} instead of {wanted.tolist()}"
    got.sum().backward()
    for path, gradient in case["gradients"].items():
        _gradient(ops, inputs[int(path)].grad, gradient, 1, path)
    return None
