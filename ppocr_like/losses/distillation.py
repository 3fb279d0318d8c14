"""Losses between sub-models: one learns from the other, or both from each other. Names and arguments are PaddleOCR's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch

from ppocr_like.losses.imitation import CTCLogitsLoss, DistanceLoss, DKDLoss, DMLLoss, KLDivLoss
from ppocr_like.losses.of_models import OfModels, Outputs, Pairs, as_pairs
from ppocr_like.registry import LOSSES

Batch = Mapping[str, torch.Tensor]
Losses = dict[str, torch.Tensor]
MAPS = {"thrink_maps": 0, "shrink_maps": 0, "threshold_maps": 1, "binary_maps": 2}  # the first is PaddleOCR's spelling
GUIDE = ("label_gtc", "length")


class OfPairs(OfModels):
    """A loss over pairs of sub-models.

    Args:
        model_name_pairs: of each pair the first learns from the second.
        key: output that is compared.
        head: of a MultiHead the branch's name.
    """

    def __init__(self, model_name_pairs: Pairs, key: str | None, head: str | None, paddle_exact: bool) -> None:
        pairs = as_pairs(model_name_pairs)
        super().__init__([name for pair in pairs for name in pair], key, head, paddle_exact)
        self.pairs = pairs


@LOSSES.register()
class DistillationDMLLoss(OfPairs):
    """Both of a pair learn to answer as the other does (see `imitation.DMLLoss`); a frozen one does not move.

    Args:
        model_name_pairs: [a, b] or [[a, b], ...].
        act: softmax, sigmoid or null.
        use_log: divergence of whole distributions (recognition); without, of each pixel (detection).
        key: output that is compared.
        multi_head: it is a MultiHead's, of which `dis_head` is compared.
        dis_head: ctc, sar or gtc.
        maps_name: of a detector's maps: thrink_maps, threshold_maps, binary_maps, or a list of them.
        name: of the term in the log.
        paddle_exact: a list of maps is not read, as in PaddleOCR, and the loss 0.
    """

    def __init__(
        self,
        model_name_pairs: Sequence[str] | Sequence[Sequence[str]],
        act: str | None = None,
        use_log: bool = False,
        key: str | None = None,
        multi_head: bool = False,
        dis_head: str = "ctc",
        maps_name: str | Sequence[str] | None = None,
        name: str = "dml",
        paddle_exact: bool = False,
    ) -> None:
        super().__init__(model_name_pairs, key, dis_head if multi_head else None, paddle_exact)
        self.maps = [maps_name] if isinstance(maps_name, str) else list(maps_name or ())
        self.silent = paddle_exact and not isinstance(maps_name, str | None)
        unknown = [one for one in self.maps if one not in MAPS]
        if unknown:
            raise ValueError(f"maps_name is {unknown[0]!r}; accepted: {', '.join(MAPS)}")
        self.compare, self.name = DMLLoss(act, use_log), name

    def forward(self, outputs: Outputs, batch: Batch) -> Losses:
        if self.silent:
            return {"loss": next(iter(outputs.values())).sum() * 0.0}
        terms = {}
        for number, (first, second) in enumerate(self.pairs):
            one, other = self.output(outputs, first), self.output(outputs, second)
            if not self.maps:
                terms[f"{self.name}_{number}"] = self.compare(one, other)
            for which in self.maps:
                channel = MAPS[which]
                terms[f"{self.name}_{which}_{number}"] = self.compare(one[:, channel], other[:, channel])
        return self.told(terms)


class _Guided(OfPairs):
    """Compares the characters of NRTR's branch where the label has some."""

    on_host: tuple[str, ...] = ("length",)

    def places(self, batch: Batch, like: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Right classes (N * T) of the logits' positions, and which of them are no padding."""
        longest = int(batch["length"].max())
        target = batch["label_gtc"][:, 1 : 2 + longest].to(like.device, torch.long, non_blocking=True)
        if target.shape != like.shape[:2]:
            raise ValueError(f"{type(self).__name__} needs logits {tuple(target.shape)} long; got {tuple(like.shape)}")
        flat = target.reshape(-1)
        return flat, flat != 0


@LOSSES.register()
class DistillationKLDivLoss(_Guided):
    """Divergence of the first one's softmax from the second's (see `imitation.KLDivLoss`); of a MultiHead's NRTR branch where the
    label has characters.

    Args:
        model_name_pairs: [[student, teacher], ...].
        key: output that is compared.
        multi_head: it is a MultiHead's, of which `dis_head` is compared.
        dis_head: ctc, sar or gtc.
        name: of the term in the log.
    """

    def __init__(
        self,
        model_name_pairs: Sequence[str] | Sequence[Sequence[str]],
        key: str | None = None,
        multi_head: bool = False,
        dis_head: str = "ctc",
        name: str = "kl_div",
        paddle_exact: bool = False,
    ) -> None:
        super().__init__(model_name_pairs, key, dis_head if multi_head else None, paddle_exact)
        self.masked = multi_head and dis_head == "gtc"
        self.needs: tuple[str, ...] = GUIDE if self.masked else ()
        self.compare, self.name = KLDivLoss(), name

    def forward(self, outputs: Outputs, batch: Batch) -> Losses:
        terms = {}
        for number, (student, teacher) in enumerate(self.pairs):
            logits = self.output(outputs, student)
            mask = self.places(batch, logits)[1] if self.masked else None
            terms[f"{self.name}_{number}"] = self.compare(logits, self.teachers(outputs, teacher), mask)
        return self.told(terms)


@LOSSES.register()
class DistillationDKDLoss(_Guided):
    """Decoupled distillation of a MultiHead's NRTR branch (see `imitation.DKDLoss`) where the label has characters; PaddleOCR
    counts the padding too, and so does `paddle_exact`.

    Args:
        model_name_pairs: [[student, teacher], ...].
        key: output that is compared.
        multi_head: must be true: the right classes are those of the branch's label.
        dis_head: gtc.
        temperature: softens both softmaxes.
        alpha, beta: weights of the right class and of the others.
        name: of the term in the log.
    """

    needs: tuple[str, ...] = GUIDE

    def __init__(
        self,
        model_name_pairs: Sequence[str] | Sequence[Sequence[str]],
        key: str | None = None,
        multi_head: bool = False,
        dis_head: str = "ctc",
        name: str = "dkd",
        temperature: float = 1.0,
        alpha: float = 1.0,
        beta: float = 1.0,
        paddle_exact: bool = False,
    ) -> None:
        super().__init__(model_name_pairs, key, dis_head, paddle_exact)
        if not multi_head or dis_head != "gtc":
            raise ValueError("needs the characters of the guide NRTRHead: set multi_head: true and dis_head: gtc")
        self.compare, self.name = DKDLoss(temperature, alpha, beta), name

    def forward(self, outputs: Outputs, batch: Batch) -> Losses:
        terms = {}
        for number, (student, teacher) in enumerate(self.pairs):
            logits = self.output(outputs, student)
            target, counts = self.places(batch, logits)
            mask = None if self.paddle_exact else counts
            terms[f"{self.name}_{number}"] = self.compare(logits, self.teachers(outputs, teacher), target, mask)
        return self.told(terms)


@LOSSES.register()
class DistillationDistanceLoss(OfPairs):
    """Distance of the first one's features from the second's.

    Args:
        model_name_pairs: [[student, teacher], ...].
        mode: l1, l2 or smooth_l1.
        key: output that is compared: backbone_out, neck_out.
        reduction: mean or sum.
        name: of the term in the log.
    """

    def __init__(
        self,
        model_name_pairs: Sequence[str] | Sequence[Sequence[str]],
        mode: str = "l2",
        key: str | None = None,
        reduction: str = "mean",
        name: str = "loss_distance",
        paddle_exact: bool = False,
    ) -> None:
        super().__init__(model_name_pairs, key, None, paddle_exact)
        self.compare, self.name = DistanceLoss(mode, reduction), f"{name}_{mode}"

    def forward(self, outputs: Outputs, batch: Batch) -> Losses:
        terms = {
            f"{self.name}_{student}_{teacher}_{number}": self.compare(
                self.output(outputs, student), self.teachers(outputs, teacher)
            )
            for number, (student, teacher) in enumerate(self.pairs)
        }
        return self.told(terms)


@LOSSES.register()
class DistillCTCLogits(OfPairs):
    """Which characters the first one's CTC branch sees, against the second's (see `imitation.CTCLogitsLoss`).

    Args:
        model_name_pairs: [[student, teacher], ...].
        key: head_out.
        reduction: mean or sum over the batch.
        name: of the term in the log.
    """

    def __init__(
        self,
        model_name_pairs: Sequence[str] | Sequence[Sequence[str]],
        key: str | None = None,
        reduction: str = "mean",
        name: str = "ctc_logits",
        paddle_exact: bool = False,
    ) -> None:
        super().__init__(model_name_pairs, key, "ctc", paddle_exact)
        self.compare, self.name = CTCLogitsLoss(reduction), name

    def forward(self, outputs: Outputs, batch: Batch) -> Losses:
        terms = {
            f"{self.name}_{number}": self.compare(self.output(outputs, student), self.teachers(outputs, teacher))
            for number, (student, teacher) in enumerate(self.pairs)
        }
        return self.told(terms)
