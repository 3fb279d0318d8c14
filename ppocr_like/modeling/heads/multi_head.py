"""MultiHead: a CTC branch that reads, and a guide that helps the backbone to learn and is not there in evaluation.

GTC (Hu et al. 2020) as PP-OCRv3 and later train it. Parameter names are PaddleOCR's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.heads.ctc_head import CTCHead
from ppocr_like.modeling.heads.nrtr_head import Transformer
from ppocr_like.modeling.heads.sar_head import SARHead
from ppocr_like.modeling.init import default_linear_
from ppocr_like.registry import HEAD_BRANCHES, HEADS, NECKS, Part

POOL = (3, 2)  # rows and columns that `use_pool` joins: SVTR's last map has 3 rows
POSITIONS = 80  # columns that `use_pos` knows, PaddleOCR's number
HEAD_WIDTH = 32  # d_model for each attention head of the NRTR guide
GUIDES = {"sar": ("SARHead", "null or SARLabelEncode"), "nrtr": ("NRTRHead", "NRTRLabelEncode")}  # head, gtc_encode
SAR_LABEL = "label_sar|label_gtc"  # MultiLabelEncode gives one of them, by its gtc_encode


@HEAD_BRANCHES.register("CTCHead")
@dataclass
class CTCBranch:
    """The branch that reads.

    Args:
        neck: features to a sequence.
        head: the sequence to classes.
    """

    neck: nn.Module
    head: nn.Module

    parts: ClassVar[tuple[Part, ...]] = (
        Part("Neck", NECKS, chained=True, default="SequenceEncoder", name_as="encoder_type"),
        Part("Head", HEADS, default="CTCHead"),
    )


class FCTranspose(nn.Module):
    """(N, C, T) -> (N, T, C'), one linear layer without bias."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.fc = nn.Linear(inputs, outputs, bias=False)
        default_linear_(self.fc)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(x.transpose(1, 2))


class AddPos(nn.Module):
    """Adds a learned vector for each of up to 80 positions to (N, T, C)."""

    def __init__(self, channels: int, positions: int = POSITIONS) -> None:
        super().__init__()
        self.dec_pos_embed = nn.Parameter(torch.zeros(1, positions, channels))
        nn.init.trunc_normal_(self.dec_pos_embed, 0.0, 0.02, -0.04, 0.04)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[1] > self.dec_pos_embed.shape[1]:
            raise ValueError(
                f"use_pos knows {self.dec_pos_embed.shape[1]} positions, the features have {x.shape[1]} columns: "
                "take narrower images (image_shape) or leave use_pos out"
            )
        return x + self.dec_pos_embed[:, : x.shape[1]]


@HEAD_BRANCHES.register("NRTRHead")
class NRTRBranch:
    """The guide NRTR: a linear layer, then transformer blocks that read from it.

    Args:
        in_spec: the features.
        nrtr_classes: four special classes and the entries.
        nrtr_dim: width; a multiple of 32.
        max_text_length: of the guide's own reading, which nothing calls.
        num_decoder_layers: transformer blocks.
    """

    def __init__(
        self, in_spec: FeatureSpec, nrtr_classes: int, nrtr_dim: int = 256, max_text_length: int = 25, num_decoder_layers: int = 4
    ) -> None:
        if nrtr_dim < HEAD_WIDTH or nrtr_dim % HEAD_WIDTH:
            raise ValueError(f"nrtr_dim must be a multiple of {HEAD_WIDTH}, got {nrtr_dim}")
        self.before = [nn.Flatten(2), FCTranspose(in_spec.channels, nrtr_dim)]
        self.dim = nrtr_dim
        self.head = Transformer(
            FeatureSpec(nrtr_dim, in_spec.stride, height=1),
            nrtr_classes,
            d_model=nrtr_dim,
            nhead=nrtr_dim // HEAD_WIDTH,
            num_encoder_layers=-1,
            beam_size=-1,
            num_decoder_layers=num_decoder_layers,
            max_len=max_text_length,
            dim_feedforward=nrtr_dim * 4,
        )


@HEADS.register()
class MultiHead(nn.Module):
    """Features (N, C, 1, W) -> training {"ctc": logits, "ctc_neck": sequence, "sar" or "gtc": logits of the guide}.

    Evaluation: {"ctc": probabilities (N, T, classes)}; the guide does not run and is not exported. `sar`
    (N, L, entries + 2): see `SARHead`; `gtc` (N, 1 + longest, entries + 5): `nrtr` of `Transformer`. With `use_guide` in
    the CTC branch the backbone learns from the guide alone.

    Args:
        in_spec: the features.
        head_list: one CTCHead (Neck and Head) and one guide, SARHead or NRTRHead.
        use_pool: averages 3 rows and 2 columns first (SVTRNet without its last stage, SVTRv2).
        use_pos: adds learned positions to what the NRTR guide reads.
    """

    parts: ClassVar = (Part("head_list", HEAD_BRANCHES, many=list),)

    def __init__(
        self,
        in_spec: FeatureSpec,
        head_list: Sequence[CTCBranch | SARHead | NRTRBranch],
        use_pool: bool = False,
        use_pos: bool = False,
    ) -> None:
        super().__init__()
        read = [branch for branch in head_list if isinstance(branch, CTCBranch)]
        guides = [branch for branch in head_list if not isinstance(branch, CTCBranch)]
        if len(read) != 1 or len(guides) != 1:
            raise ValueError(
                f"head_list needs one CTCHead and one guide, SARHead or NRTRHead; got {len(read)} CTCHead and "
                f"{len(guides)} guides (without a guide: Neck SequenceEncoder and Head CTCHead)"
            )
        guide = guides[0]
        self.use_pool = use_pool
        self.channels = in_spec.channels
        self.ctc_encoder, self.ctc_head = read[0].neck, read[0].head
        if not isinstance(self.ctc_head, CTCHead):
            raise ValueError(f"the Head of its CTCHead is {type(self.ctc_head).__name__}; a CTCHead is needed")
        if isinstance(guide, SARHead):
            if use_pos:
                raise ValueError("use_pos belongs to the guide NRTRHead; SARHead does not read it")
            self.sar_head = guide
            self.guide, self.needs = "sar", (SAR_LABEL, "valid_ratio")
        else:
            more = [AddPos(guide.dim)] if use_pos else []
            self.before_gtc = nn.Sequential(*guide.before, *more)
            self.gtc_head = guide.head
            self.guide, self.needs = "nrtr", ("label_gtc", "length")
        down, right = in_spec.stride
        stride = (down * POOL[0], right * POOL[1]) if use_pool else in_spec.stride
        self.out_spec = FeatureSpec(self.ctc_head.out_spec.channels, stride, height=1)

    def misfit(self, part: object, training: bool) -> tuple[str, str] | None:
        """A loss for another guide (`guide`); a step that writes the guide's label in another guide's classes (`guide_kind`)."""
        step, (head, encoder) = hasattr(part, "gives"), GUIDES[self.guide]
        guide = getattr(part, "guide_kind" if step else "guide", None)
        if guide in (None, self.guide) or not training:
            return None
        has, whose = GUIDES[str(guide)][0], f"but the MultiHead's guide is {head}"
        if step:
            return "gtc_encode", f"encodes the guide's label for {has}, {whose}: {encoder} is needed"
        take = f"take {head.removesuffix('Head')}Loss"
        return "loss_config_list", f"{type(part).__name__} has the loss of {has}, {whose}: {take}"

    def own_training_only(self) -> dict[str, str]:
        return dict.fromkeys(("sar_head.",) if self.guide == "sar" else ("before_gtc.", "gtc_head."), self.guide)

    def forward(self, features: torch.Tensor, targets: Mapping[str, torch.Tensor] | None = None) -> dict[str, torch.Tensor]:
        if self.use_pool:
            if features.ndim == 3:  # rows one after the other
                features = features.transpose(1, 2).unflatten(2, (POOL[0], -1))
            features = F.avg_pool2d(features, POOL)
        sequence = self.ctc_encoder(features)
        outputs = self.ctc_head(sequence)
        if not self.training:
            return outputs
        assert targets is not None
        given = {"label" if name.startswith("label_") else name: value for name, value in targets.items()}
        guided = self.sar_head(features, given) if self.guide == "sar" else self.gtc_head(self.before_gtc(features), given)
        return {**outputs, "ctc_neck": sequence, ("sar" if self.guide == "sar" else "gtc"): guided[self.guide]}
