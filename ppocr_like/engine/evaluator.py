"""Measuring a model on evaluation sets. Every rank evaluates its share; the metric's states are merged."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from ppocr_like.contracts import RejectedSample, Rejections, Result, SampleInfo
from ppocr_like.data.loader import Loader
from ppocr_like.data.watch import watched
from ppocr_like.engine.eval_loss import COUNT, Values, add_losses, joined, told
from ppocr_like.engine.guard import Interrupted, Signals, kept_rng
from ppocr_like.engine.objective import Batch, Objective
from ppocr_like.engine.ranks import Ranks
from ppocr_like.errors import TrainingError
from ppocr_like.metrics.base import Metric

logger = logging.getLogger("ppocr_like")

Postprocess = Callable[[Mapping[str, Any], Mapping[str, Any]], list[Any]]  # (outputs, batch) -> a Result for each sample


@dataclass
class Evaluation:
    """What came out on one evaluation set.

    Args:
        name: of the set.
        metrics: the metric's numbers, `loss` and its parts where they were taken (`Global.eval_loss`), then `fps` (samples per
            second of network, decoding and loss).
        samples: measured ones, without the rejected.
        rejected: samples that could not be used, by reason; they count as wrong.
        lines: (sample, result) pairs in the set's order, all of them or a few, as asked for. A sample's text is what the metric
            compared the result with (`Metric.reference`).
        main_indicator: name of the entry of `metrics` that decides.
        tie_breakers: names of those that decide between equal ones (see `Metric`).
        labels: what the set's labels hold that cannot be used.
    """

    name: str
    metrics: dict[str, float]
    samples: int
    rejected: Rejections
    main_indicator: str
    lines: list[tuple[SampleInfo, Result]] = field(default_factory=list)
    unusable: list[dict[str, Any]] = field(default_factory=list)
    tie_breakers: tuple[str, ...] = ()
    labels: dict[str, Any] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """The main indicator."""
        return self.metrics[self.main_indicator]

    @property
    def ties(self) -> list[float]:
        """The values of `tie_breakers`, as far as they are there, so turned that greater is better."""
        return [
            -self.metrics[name[1:]] if name.startswith("-") else self.metrics[name]
            for name in self.tie_breakers
            if name.removeprefix("-") in self.metrics
        ]

    def text(self) -> str:
        """ "acc: 0.91, norm_edit_dis: 0.98 (200 samples, 2 rejected)"."""
        numbers = metrics_text(self.metrics)
        rejected = f", {self.rejected.total} rejected, counted as wrong" if self.rejected.total else ""
        return f"{numbers} ({self.samples} samples{rejected})"


def metrics_text(metrics: Mapping[str, float]) -> str:
    """ "acc: 0.91, norm_edit_dis: 0.98", for people; the number of samples and counts of nothing are left out."""
    shown = {name: value for name, value in metrics.items() if name != "n" and (value or not name.startswith(COUNT))}
    return ", ".join(f"{name.removeprefix(COUNT)}: {value:.6g}" for name, value in shown.items())


@dataclass
class EvalSet:
    """An evaluation set, ready to be measured: `metric` makes a fresh one for each evaluation; `labels`: `labels.examine_labels`,
    on the main rank; `with_loss`: the loss is taken on each sample as well."""

    name: str
    loader: Loader
    postprocess: Postprocess
    metric: Callable[[], Metric]
    labels: dict[str, Any] = field(default_factory=dict)
    with_loss: bool = False


def to_numpy(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Tensors as numpy arrays on the host (floating ones as float32); everything else as it is."""
    arrays = {}
    for name, value in entries.items():
        if isinstance(value, torch.Tensor):
            value = value.detach()
            value = (value.float() if value.is_floating_point() else value).cpu().numpy()
        arrays[name] = value
    return arrays


def evaluate_set(
    objective: Objective,
    part: EvalSet,
    ranks: Ranks,
    keep: int | None = 0,
    signals: Signals | None = None,
) -> Evaluation:
    """Runs the network over a set in evaluation mode, and leaves mode and random generators as they were.

    Args:
        keep: how many (sample, result) pairs to keep per rank; None keeps all.
        signals: looked at between batches.

    Raises:
        TrainingError: no sample of the set could be measured or counted.
        Interrupted: a signal came, on all ranks.
    """
    metric, rejections, unusable = part.metric(), Rejections(), []
    lines: list[tuple[SampleInfo, Result]] = []
    losses: Values = {}
    samples, spent, signal = 0, 0.0, 0
    model = objective.model
    training = model.training
    model.eval()
    ranks.average_statistics(model)
    try:
        with kept_rng(), torch.inference_mode():
            for batch in watched(part.loader, part.name):
                if signals is not None and (signal := signals.pending):
                    break  # the other ranks hear of it when they are done with their share
                metric.reject(batch["rejected"])
                for sample in batch["rejected"]:
                    rejections.add(sample)
                    unusable.append(_rejected_entry(sample, metric.reference(sample.info.text)))
                if not batch["info"]:
                    continue
                start = time.perf_counter()
                results, arrays = infer(objective, batch, part.postprocess, losses if part.with_loss else None)
                spent += time.perf_counter() - start
                metric.update(results, arrays)
                samples += len(batch["info"])
                room = len(results) if keep is None else keep - len(lines)
                pairs = zip(batch["info"][: max(0, room)], results, strict=False)
                lines.extend((replace(info, text=metric.reference(info.text)), result) for info, result in pairs)
    finally:
        model.train(training)
        part.loader.close()  # its workers would take memory from training until the next evaluation
    if signal := max(ranks.gather(signal)):
        raise Interrupted(signal)
    return _joined(part, metric, losses, samples, spent, rejections, lines, unusable, ranks)


def infer(
    objective: Objective, batch: Batch, postprocess: Postprocess, losses: Values | None = None
) -> tuple[list[Any], dict[str, Any]]:
    """One batch through network and postprocess: typed results, one per sample, and the batch as numpy arrays.

    Args:
        losses: where it is given, the loss is taken of each sample too, and added.
    """
    arrays = to_numpy(batch)
    if losses is None:
        outputs = objective.infer(batch)
    else:
        outputs, judged = objective.judge(batch)
        add_losses(judged, losses)
    return postprocess(to_numpy(outputs), arrays), arrays


def _joined(
    part: EvalSet,
    metric: Metric,
    losses: Values,
    samples: int,
    spent: float,
    rejections: Rejections,
    lines: list[tuple[SampleInfo, Result]],
    unusable: list[dict[str, Any]],
    ranks: Ranks,
) -> Evaluation:
    """Adds up what all ranks found and computes the numbers, to the last bit the same on all ranks: they decide what is best."""
    if ranks.world > 1:
        shares = ranks.gather((metric.state(), rejections, lines, unusable, losses))
        metric = part.metric()
        for state, *_ in shares:
            metric.merge(state)
        rejections = Rejections.joined(share[1] for share in shares)
        lines, unusable = ([entry for share in shares for entry in share[place]] for place in (2, 3))  # type: ignore[assignment]
        losses = joined(share[4] for share in shares)
        samples, spent = (int(ranks.sum(samples)[0]), ranks.sum(spent)[0])
    if samples == 0 and rejections.total == 0:
        raise TrainingError(f"the evaluation set {part.name!r} gave no samples; check Eval.dataset.label_file_list")
    metrics = {key: float(value) for key, value in metric.compute().items()}
    metrics.update((name, value) for name, value in told(losses, part.name).items() if name not in metrics)
    lines.sort(key=lambda line: line[0].index)  # batches come by size, and by rank
    unusable.sort(key=lambda entry: (entry["file"], entry["line"]))
    metrics["fps"] = samples * ranks.world / spent if spent else 0.0
    ties = tuple(metric.tie_breakers)
    return Evaluation(part.name, metrics, samples, rejections, metric.main_indicator, lines, unusable, ties, part.labels)


def _rejected_entry(sample: RejectedSample, reference: str) -> dict[str, Any]:
    info = sample.info
    return {
        "path": info.path,
        "file": info.file,
        "line": info.line,
        "reason": sample.reason,
        "detail": sample.detail,
        "reference": reference,
    }


def report(evaluation: Evaluation) -> dict[str, Any]:
    """Every sample of an evaluation as plain data: what the label says, what was found, how sure; the rejected by reason."""
    rejected: dict[str, list[dict[str, Any]]] = {}
    for entry in evaluation.unusable:
        rejected.setdefault(entry["reason"], []).append(entry)
    return {
        "metrics": evaluation.metrics,
        "main_indicator": evaluation.main_indicator,
        "samples": evaluation.samples,
        "labels": evaluation.labels,
        "lines": [_line_entry(info, result) for info, result in evaluation.lines],
        "rejected": rejected,
    }


def _line_entry(info: SampleInfo, result: Result) -> dict[str, Any]:
    told = result.as_dict() if hasattr(result, "as_dict") else {"prediction": repr(result)}  # a plugin's own type
    return {"path": info.path, "file": info.file, "line": info.line, "reference": info.text, **told}


def log_rejections(rejections: Rejections, what: str) -> None:
    """Names rejected samples by reason, with the first few of each."""
    for reason, count in sorted(rejections.counts.items(), key=lambda item: -item[1]):
        examples = "; ".join(rejections.examples.get(reason, [])[:3])
        logger.warning("%s: %d sample%s rejected, %s: %s", what, count, "" if count == 1 else "s", reason, examples)
