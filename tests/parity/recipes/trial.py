"""Ten steps on one batch, and an export, of a recipe that was told where two samples lie (`samples`)."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch

from ppocr_like.charset import Charset
from ppocr_like.config import Builder, Recipe
from ppocr_like.data.loader import build_loader
from ppocr_like.engine.device import Compute
from ppocr_like.engine.objective import Objective
from ppocr_like.export import export
from ppocr_like.weights import save_weights

STEPS = 10
TRIES = 8  # epochs in which a batch with text in it is looked for: crops are random


def first_batch(builder: Builder) -> dict[str, Any]:
    """One batch of the training chain, with both samples if there is one."""
    loader = build_loader(
        builder.dataset("Train"),
        builder.loader("Train"),
        seed=builder.recipe.globals.seed,
        train=True,
        progress=False,
        sampler=builder.sampler("Train"),
    )
    best: dict[str, Any] | None = None
    try:
        for epoch in range(1, TRIES + 1):
            for batch in loader.batches(epoch):
                shrunk = batch.get("shrink_map")
                if len(batch["info"]) > 1 and (shrunk is None or all(float(one.sum()) > 0 for one in shrunk)):
                    return batch
                best = batch if batch["info"] and best is None else best
    finally:
        loader.close()
    if best is None:
        raise RuntimeError("the training chain rejects both samples")
    return best


def ten_steps(recipe: Recipe, charset: Charset | None) -> tuple[Any, list[float]]:
    """(the model before them, for the export; the loss before each and after the last).

    Ten steps at a recipe's rate on two samples leave weights at which some networks magnify rounding a thousandfold (offsets of
    deformable convolutions, rectifiers): what an export differs by there is no fault of the export.
    """
    torch.manual_seed(0)
    builder = Builder(recipe, charset)
    model, loss = builder.model(), builder.loss()
    before = copy.deepcopy(model)
    optimizer = builder.optimizer(model, 1, STEPS)
    batch = first_batch(builder)
    batch = {name: torch.as_tensor(value) if hasattr(value, "shape") else value for name, value in batch.items()}
    objective = Objective(model.train(), loss, Compute(torch.device("cpu")))
    optimizer.apply_freeze(model, 0)
    losses = []
    for step in range(STEPS + 1):
        torch.manual_seed(step)  # the same dropout in every run
        value = objective.train(batch)[0]["loss"]
        losses.append(float(value.detach()))
        if step < STEPS:
            value.backward()
            optimizer.step(step)
            optimizer.zero_grad()
    before.train()
    optimizer.apply_freeze(before, 0)
    _settle(before, batch)
    return before, losses


def _settle(model: Any, batch: dict[str, Any]) -> None:
    """Running statistics of noise, on which an export is compared: with those of a new network its numbers run away, which
    magnifies rounding, or it answers 0 and 1 alone."""
    norms = [m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm) and m.training]
    momenta = [norm.momentum for norm in norms]
    noise = torch.randn(batch["image"].shape, generator=torch.Generator().manual_seed(0))
    for norm in norms:
        norm.momentum = 1.0  # this batch alone
    with torch.no_grad():
        Objective(model, None, Compute(noise.device)).forward({**batch, "image": noise})
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def exported(recipe: Recipe, model: Any, charset: Charset | None, folder: Path) -> tuple[float, int]:
    """(largest difference between ONNX Runtime and torch, number of input shapes compared).

    The export itself allows what float32 does to the network (`export.rounding`).
    """
    weights = folder / "weights.safetensors"
    save_weights(weights, model.state_dict(), {"charset": charset, "recipe": recipe.tree} if charset else {"recipe": recipe.tree})
    tree = {**recipe.tree, "Global": {**recipe.tree["Global"]}}
    tree["Global"].update(pretrained_model=str(weights), save_inference_dir=str(folder / "inference"))
    made = export(Recipe.from_tree(tree), verify_data=False, say=lambda text: None)
    return max(shape.difference for shape in made.shapes), len(made.shapes)
