"""Optimizer steps on given gradients."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import nn

from ppocr_like.contracts import ParamAttr
from ppocr_like.errors import OcrError
from ppocr_like.registry import OPTIMIZERS, REGULARIZERS, SCHEDULES

from .reading import Meant, Ops, component, made, near

FILE = "11_optimizers"
VALUE = 1e-5  # float32; Paddle keeps the powers of beta in float32, which alone makes 2e-6


def make(case: dict[str, Any], parameters: dict[str, nn.Parameter]) -> Any:
    context = {"epochs": case["epochs"], "steps_per_epoch": case["step_each_epoch"]}
    arguments = dict(case["optimizer"])
    cls = component(OPTIMIZERS, arguments.pop("name"))
    schedule = made(SCHEDULES, {"name": "Const", **arguments.pop("lr")}, **context)
    if arguments.get("regularizer") is not None:
        arguments["regularizer"] = made(REGULARIZERS, arguments["regularizer"], **context)
    attrs = {
        name: ParamAttr(attr.get("learning_rate", 1.0), attr.get("L2"), attr.get("L1"))
        for name, attr in case["attributes"].items()
    }
    known = inspect.signature(cls).parameters
    if "regularizer" in arguments and "regularizer" not in known and arguments["regularizer"] is None:
        del arguments["regularizer"]
    return cls(list(parameters.items()), attrs, schedule, **arguments)


def largest_difference(case: dict[str, Any], meta: dict[str, Any]) -> float:
    parameters = {name: nn.Parameter(torch.tensor(value)) for name, value in meta["parameters"].items()}
    optimizer = make(case, parameters)
    worst = 0.0
    for step, (gradients, values) in enumerate(zip(meta["gradients"], case["values"], strict=False)):
        for name, parameter in parameters.items():
            without = case["attributes"].get(name, {}).get("no_gradient")
            parameter.grad = None if without else torch.tensor(gradients[name])
        rate = optimizer.step(step)["lr"]
        assert near(rate, case["lr"][step], relative=1e-9), f"rate {rate} instead of {case['lr'][step]} at step {step}"
        for name, parameter in parameters.items():
            worst = max(worst, float((parameter.detach() - torch.tensor(values[name])).abs().max()))
    return worst


def check(case: dict[str, Any], ops: Ops) -> str | None:
    if "error" in case:
        try:
            largest_difference({**case, "values": case.get("values", []), "lr": case.get("lr", [])}, ops.meta)
        except (OcrError, TypeError, ValueError):
            return None
        return Meant("PaddleOCR raises, ours works")
    worst = largest_difference(case, ops.meta)
    assert worst < VALUE, f"largest difference {worst:.1e}"
    return None
