"""Losses of sub-models against labels (DistillationCTCLoss ...), and against a teacher's text (DistillationDilaDBLoss)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch.nn import functional as F

from ppocr_like.contracts import entry_name
from ppocr_like.losses.ctc_loss import CTCLoss
from ppocr_like.losses.db_loss import DBLoss
from ppocr_like.losses.nrtr_loss import NRTRLoss
from ppocr_like.losses.of_models import OfModels, Outputs, as_pairs, outputs_of
from ppocr_like.losses.sar_loss import SARLoss
from ppocr_like.registry import LOSSES

Batch = Mapping[str, torch.Tensor]
Losses = dict[str, torch.Tensor]
TEXT = 0.3  # of the teacher's probability: PaddleOCR's threshold of the map that it teaches
NOTHING_IGNORED = -100


class _Labelled(OfModels):
    """A recogniser's loss for each of some sub-models.

    Args:
        loss: reads one output and `label`.
        output_name: as which it reads the output.
        label: the batch entry that is its label where the head is a MultiHead; otherwise `label`.
    """

    def __init__(
        self,
        loss: CTCLoss | SARLoss | NRTRLoss,
        model_name_list: Sequence[str],
        key: str | None,
        multi_head: bool,
        name: str,
        output_name: str,
        label: str,
    ) -> None:
        super().__init__(model_name_list, key, output_name if multi_head else None, False)
        self.loss, self.name, self.output_name = loss, name, output_name
        self.label = label if multi_head else "label"
        self.needs: tuple[str, ...] = (self.label, *(need for need in loss.needs if need != "label"))

    def forward(self, outputs: Outputs, batch: Batch) -> Losses:
        terms: Losses = {}
        label = entry_name(self.label, batch) or self.label
        for number, model in enumerate(self.model_names):
            found = self.loss({self.output_name: self.output(outputs, model)}, {**batch, "label": batch[label]})
            terms[f"{self.name}_{model}_{number}"] = found.pop("loss")
            terms.update({part: value for part, value in found.items() if part.startswith("count/")})
        return self.told(terms)


@LOSSES.register()
class DistillationCTCLoss(_Labelled):
    """CTCLoss of the sub-models named.

    Args:
        model_name_list: their names.
        key: head_out.
        multi_head: their head is a MultiHead.
        name: of the term in the log.
    """

    def __init__(
        self, model_name_list: Sequence[str], key: str | None = None, multi_head: bool = False, name: str = "loss_ctc"
    ) -> None:
        super().__init__(CTCLoss(), model_name_list, key, multi_head, name, "ctc", "label_ctc")


@LOSSES.register()
class DistillationSARLoss(_Labelled):
    """SARLoss of the sub-models named.

    Args:
        model_name_list: their names.
        key: head_out.
        multi_head: their head is a MultiHead.
        name: of the term in the log.
        ignore_index: class of the padding. null: the character set's.
        sar_classes: see `SARLoss`.
    """

    def __init__(
        self,
        model_name_list: Sequence[str],
        key: str | None = None,
        multi_head: bool = False,
        name: str = "loss_sar",
        ignore_index: int | None = None,
        sar_classes: int | None = None,
    ) -> None:
        loss = SARLoss(ignore_index, sar_classes)
        super().__init__(loss, model_name_list, key, multi_head, name, "sar", "label_sar|label_gtc")


@LOSSES.register()
class DistillationNRTRLoss(_Labelled):
    """NRTRLoss of the sub-models named.

    Args:
        model_name_list: their names.
        key: head_out.
        multi_head: their head is a MultiHead.
        smoothing: see `NRTRLoss`.
        name: of the term in the log.
        paddle_exact: without smoothing the padding counts, as in PaddleOCR.
    """

    def __init__(
        self,
        model_name_list: Sequence[str],
        key: str | None = None,
        multi_head: bool = False,
        smoothing: bool = True,
        name: str = "loss_nrtr",
        paddle_exact: bool = False,
    ) -> None:
        loss = NRTRLoss(smoothing, NOTHING_IGNORED) if paddle_exact and not smoothing else NRTRLoss(smoothing)
        super().__init__(loss, model_name_list, key, multi_head, name, "gtc", "label_gtc")


class _OfMaps(OfModels):
    """DBLoss with the recipe's arguments, which PaddleOCR's losses of distillation do not read: `paddle_exact` takes DBLoss'
    defaults."""

    def __init__(self, names: Sequence[str], name: str, paddle_exact: bool, *arguments: bool | str | float) -> None:
        super().__init__(names, None, None, paddle_exact)
        self.loss = DBLoss() if paddle_exact else DBLoss(*arguments)  # type: ignore[arg-type]
        self.name = name
        self.needs = self.loss.needs

    def pictures(self, outputs: Outputs, batch: Batch) -> Losses:
        """See `DBLoss.pictures`; of the first sub-model."""
        return self.loss.pictures(outputs_of(outputs, self.model_names[0]), batch)


def _check_key(key: str | None) -> None:
    if key not in (None, "maps", "head_out"):
        raise ValueError(f"key is {key!r}; a detector's output is maps")


@LOSSES.register()
class DistillationDBLoss(_OfMaps):
    """DBLoss of the sub-models named.

    Args:
        model_name_list: their names.
        balance_loss, main_loss_type, alpha, beta, ohem_ratio, eps: see `DBLoss`.
        key: maps.
        name: of the terms in the log.
        paddle_exact: the arguments of DBLoss are not read, as in PaddleOCR.
    """

    def __init__(
        self,
        model_name_list: Sequence[str],
        balance_loss: bool = True,
        main_loss_type: str = "DiceLoss",
        alpha: float = 5,
        beta: float = 10,
        ohem_ratio: float = 3,
        eps: float = 1e-6,
        key: str | None = None,
        name: str = "db",
        paddle_exact: bool = False,
    ) -> None:
        _check_key(key)
        super().__init__(model_name_list, name, paddle_exact, balance_loss, main_loss_type, alpha, beta, ohem_ratio, eps)

    def forward(self, outputs: Outputs, batch: Batch) -> Losses:
        found = {model: self.loss(outputs_of(outputs, model), batch) for model in self.model_names}
        terms = {
            f"{self.name}_{model}_{part}": value
            for model, parts in found.items()
            for part, value in parts.items()
            if part != "loss"
        }
        return {"loss": torch.stack([parts["loss"] for parts in found.values()]).sum(), **terms}


@LOSSES.register()
class DistillationDilaDBLoss(_OfMaps):
    """The first one's probability and binary map against the second's text, grown by one px to the right and down (CML of
    PP-OCRv2).

    Args:
        model_name_pairs: [[student, teacher], ...].
        balance_loss, main_loss_type, alpha, ohem_ratio, eps: see `DBLoss`.
        beta: weight of a threshold map, which there is none of here.
        key: maps.
        name: of the terms in the log.
        paddle_exact: the arguments of DBLoss are not read, as in PaddleOCR.
    """

    def __init__(
        self,
        model_name_pairs: Sequence[str] | Sequence[Sequence[str]],
        key: str | None = None,
        balance_loss: bool = True,
        main_loss_type: str = "DiceLoss",
        alpha: float = 5,
        beta: float = 10,
        ohem_ratio: float = 3,
        eps: float = 1e-6,
        name: str = "dila_dbloss",
        paddle_exact: bool = False,
    ) -> None:
        _check_key(key)
        pairs = as_pairs(model_name_pairs)
        names = [name for pair in pairs for name in pair]
        super().__init__(names, name, paddle_exact, balance_loss, main_loss_type, alpha, beta, ohem_ratio, eps)
        self.pairs = pairs

    def forward(self, outputs: Outputs, batch: Batch) -> Losses:
        terms = {}
        for student, teacher in self.pairs:
            maps = self.output(outputs, student).float()
            mask = batch["shrink_mask"].to(maps.device, torch.float32, non_blocking=True)
            with torch.autocast(maps.device.type, enabled=False):
                text = grown(self.output(outputs, teacher)[:, 0].detach() > TEXT)
                shrink = self.loss.alpha * self.loss.bce_loss(maps[:, 0], text, mask)
                terms[f"{self.name}_{student}_{teacher}"] = shrink + self.loss.dice_loss(maps[:, 2], text, mask)
        return self.told(terms)


def grown(text: torch.Tensor) -> torch.Tensor:
    """(N, H, W) bool -> float32: each px that has text in itself, above, to the left, or both."""
    return F.max_pool2d(F.pad(text.float()[:, None], (1, 0, 1, 0)), 2, stride=1)[:, 0]
