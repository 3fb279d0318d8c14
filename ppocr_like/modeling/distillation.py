"""DistillationModel: several networks that see the same images, some of which teach and do not learn."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec, HeightMisfit, ParamAttr
from ppocr_like.modeling.blank import BlankWeights
from ppocr_like.registry import ARCHITECTURES, HEADS, Part

TAUGHT = "Student"  # the sub-model that is meant where none is named


@dataclass(frozen=True)
class SubModel:
    """A network of several, and what stands beside its parts.

    Args:
        network: the network.
        pretrained: its weights, which the engine reads (`config.architecture.own_weights`).
        freeze_params: it does not learn.
        return_all_feats: in training it also gives `backbone_out` and `neck_out`.
        model_type, algorithm: as those of the section.
    """

    network: nn.Module
    pretrained: Path | None = None
    freeze_params: bool = False
    return_all_feats: bool = False
    model_type: str = ""
    algorithm: Any = None


@ARCHITECTURES.register()
class DistillationModel(nn.Module):
    """Images (N, C, H, W) -> the outputs of every sub-model under `name/key` (`Student/ctc`).

    A frozen sub-model needs no gradients, is never put into training mode and is run without a graph, so its running
    statistics stay; but its heads answer as in training (logits, all maps, the guide), which is what losses compare. A head's
    own `training` therefore only says which outputs it gives; what drops or normalises within it is a module of its own.
    In evaluation only the sub-models are run that the post-processing reads.

    Parameter names are `name.` and those of the sub-model, as PaddleOCR's.

    Args:
        models: by name, in the order in which they run.
        evaluated: names of those that run in evaluation; None: all.

    Raises:
        ValueError: a name that cannot be one, or no sub-model that learns.
    """

    parts: ClassVar = (Part("Models", ARCHITECTURES, many=dict, default="OcrModel", beside=SubModel),)
    without_values = BlankWeights

    def __init__(
        self,
        models: Mapping[str, SubModel],
        evaluated: Collection[str] | None = None,
    ) -> None:
        super().__init__()
        self.names = tuple(models)
        self.frozen = tuple(name for name, model in models.items() if model.freeze_params)
        if self.frozen == self.names:
            raise ValueError("every sub-model has freeze_params: true; leave one to train")
        self.evaluated = tuple(name for name in models if evaluated is None or name in evaluated)
        for name, model in models.items():
            if not name.isidentifier() or hasattr(self, name):
                raise ValueError(f"{name!r} cannot be the name of a sub-model; take a word such as Student or Teacher2")
            self.add_module(name, model.network)
            if model.freeze_params:
                model.network.requires_grad_(False)
            if model.return_all_feats:
                self.sub(name).return_all_feats = True
        self.train()

    def sub(self, name: str) -> Any:
        """A sub-model (`OcrModel`)."""
        return getattr(self, name)

    @property
    def sub_models(self) -> dict[str, Any]:
        """By name, in order."""
        return {name: self.sub(name) for name in self.names}

    @property
    def learner(self) -> str:
        """The sub-model that is meant where none is named."""
        return TAUGHT if TAUGHT in self.names else next(name for name in self.names if name not in self.frozen)

    @property
    def needs(self) -> tuple[str, ...]:
        """Batch entries that the sub-models read in training, beside `image`."""
        return tuple(dict.fromkeys(need for model in self.sub_models.values() for need in model.needs))

    @property
    def out_spec(self) -> FeatureSpec:
        return self.sub(self.learner).out_spec

    def param_attrs(self) -> dict[str, ParamAttr]:
        """Settings of the parameters that learn and have settings of their own, by full name."""
        return {
            f"{name}.{key}": attr
            for name, model in self.sub_models.items()
            if name not in self.frozen
            for key, attr in model.param_attrs().items()
        }

    def class_parameters(self) -> dict[str, str]:
        """See `OcrModel.class_parameters`."""
        return {
            f"{name}.{key}": encoder
            for name, model in self.sub_models.items()
            for key, encoder in model.class_parameters().items()
        }

    def fixed_names(self) -> set[str]:
        """Names of all tensors of the frozen sub-models, running statistics included."""
        return {f"{name}.{key}" for name in self.frozen for key in self.sub(name).state_dict()}

    def check_input(self, channels: int, height: int, width: int) -> dict[str, tuple[int, ...]]:
        """See `OcrModel.check_input`; of all sub-models."""
        shapes = {}
        for name, model in self.sub_models.items():
            try:
                found = model.check_input(channels, height, width)
            except ValueError as error:
                kind = HeightMisfit if isinstance(error, HeightMisfit) else ValueError
                raise kind(f"{name}: {error}") from error
            shapes.update({f"{name}/{key}": shape for key, shape in found.items()})
        self.train(self.training)
        return shapes

    def train(self, mode: bool = True) -> DistillationModel:
        super().train(mode)
        heads = HEADS.loaded()
        for name in self.frozen if mode else ():
            modules: list[nn.Module] = list(self.sub(name).eval().modules())
            for module in [module for module in modules if isinstance(module, heads)] or modules[:1]:  # the network itself
                module.training = True  # itself alone: not the modules within
        return self

    def forward(self, images: torch.Tensor, targets: Mapping[str, torch.Tensor] | None = None) -> dict[str, torch.Tensor]:
        outputs: dict[str, torch.Tensor] = {}
        for name in self.names if self.training else self.evaluated:
            with torch.set_grad_enabled(torch.is_grad_enabled() and name not in self.frozen):
                found = self.sub(name)(images, targets)
            outputs.update({f"{name}/{key}": value for key, value in found.items()})
        return outputs

    def answers(
        self, images: torch.Tensor, read: Mapping[str, torch.Tensor] | None, targets: Mapping[str, torch.Tensor]
    ) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """See `OcrModel.answers`: of the `evaluated` sub-models what evaluation gives, of all of them what training gives."""
        told: dict[str, torch.Tensor] = {}
        taught: dict[str, torch.Tensor] = {}
        for name in self.names:
            own, for_loss = self.sub(name).answers(images, read, targets)
            told.update({f"{name}/{key}": value for key, value in own.items() if name in self.evaluated})
            taught.update({f"{name}/{key}": value for key, value in for_loss.items()})
        return told, taught
