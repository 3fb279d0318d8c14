"""Measuring a model on evaluation sets. Every rank evaluates its share; the metric's states are merged."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch

from ppocr_like.contracts import RejectedSample, Rejections, Result, SampleInfo
from ppocr_like.data.base import Dataset
from ppocr_like.data.loader import Loader
from ppocr_like.data.watch import watched
from ppocr_like.engine.eval_loss import COUNT, Values, add_losses, joined, told
from ppocr_like.engine.guard import Interrupted, Signals, kept_rng
from ppocr_like.engine.objective import Batch, Objective
from ppocr_like.engine.ranks import Ranks
from ppocr_like.errors import TrainingError
from ppocr_like.metrics.analysis import Analysis
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
            compared the result with (`Metric.references`).
        main_indicator: name of the entry of `metrics` that decides.
        tie_breakers: names of those that decide between equal ones (see `Metric`).
        labels: what the set's labels hold that cannot be used.
        analysis: where it errs, as asked for.
        dataset: the set itself, with the analysis.
        beside: numbers of other ways to read the same outputs (`EvalSet.beside`), by name.
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
    analysis: Analysis | None = None
    dataset: Dataset | None = None
    beside: dict[str, dict[str, float]] = field(default_factory=dict)

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

    def beside_texts(self) -> list[str]:
        """ "decoder greedy: acc: 0.89, norm_edit_dis: 0.97", one for each entry of `beside`."""
        return [f"decoder {name}: {metrics_text(metrics)}" for name, metrics in self.beside.items()]


def metrics_text(metrics: Mapping[str, float]) -> str:
    """ "acc: 0.91, norm_edit_dis: 0.98", for people; the number of samples and counts of nothing are left out."""
    shown = {name: value for name, value in metrics.items() if name != "n" and (value or not name.startswith(COUNT))}
    return ", ".join(f"{name.removeprefix(COUNT)}: {value:.6g}" for name, value in shown.items())


@dataclass
class EvalSet:
    """An evaluation set, ready to be measured: `metric` makes a fresh one for each evaluation; `labels`: `labels.examine_labels`,
    on the main rank; `with_loss`: the loss is taken on each sample as well; `beside`: other post-processings, by name,
    whose numbers are told beside those of `postprocess`."""

    name: str
    loader: Loader
    postprocess: Postprocess
    metric: Callable[[], Metric]
    labels: dict[str, Any] = field(default_factory=dict)
    with_loss: bool = False
    beside: Mapping[str, Postprocess] = field(default_factory=dict)


def to_numpy(entries: Mapping[str, Any]) -> dict[str, Any]:
    """Tensors as numpy arrays on the host (floating ones as float32); everything else as it is."""
    arrays = {}
    for name, value in entries.items():
        if isinstance(value, torch.Tensor):
            value = value.detach()
            value = (value.float() if value.is_floating_point() else value).cpu().numpy()
        arrays[name] = value
    return arrays


@dataclass
class Tally:
    """What one rank's share of a set gave. `spent`: seconds of network, decoding and loss; `beside`: see `EvalSet`."""

    metric: Metric
    beside: dict[str, Metric] = field(default_factory=dict)
    losses: Values = field(default_factory=dict)
    samples: int = 0
    spent: float = 0.0
    rejections: Rejections = field(default_factory=Rejections)
    lines: list[tuple[SampleInfo, Result]] = field(default_factory=list)
    unusable: list[dict[str, Any]] = field(default_factory=list)
    analysis: Analysis | None = None

    def reject(self, samples: Sequence[RejectedSample], dataset: Dataset) -> None:
        """Samples of `dataset` that could not be used."""
        for metric in (self.metric, *self.beside.values()):
            metric.reject(samples)
        for sample in samples:
            reference = self.metric.reference(sample.info.text)
            self.rejections.add(sample)
            self.unusable.append(_rejected_entry(sample, reference))
            if self.analysis is not None:
                info = replace(sample.info, text=reference)
                self.analysis.reject(info, dataset.origin(info), sample.reason)

    def add(self, batch: Batch, results: list[Result], arrays: dict[str, Any], keep: int | None, dataset: Dataset) -> None:
        """The results of a batch of `dataset`; `keep`: of how many samples in all, None: of every one."""
        self.metric.update(results, arrays)
        self.samples += len(batch["info"])
        room = max(0, len(results) if keep is None else keep - len(self.lines))
        if not room and self.analysis is None:
            return
        references = self.metric.references(arrays)
        lines = [
            (replace(info, text=text), result) for info, text, result in zip(batch["info"], references, results, strict=True)
        ]
        self.lines.extend(lines[:room])
        if self.analysis is not None:
            for info, result in lines:
                self.analysis.add(info, result, dataset.origin(info))

    def of_all(self, ranks: Ranks, make: Callable[[], Metric]) -> Tally:
        """What all ranks found, to the last bit the same on all of them: it decides what is best. `make`: a fresh metric."""
        if ranks.world == 1:
            return self
        states = {"": self.metric.state(), **{name: metric.state() for name, metric in self.beside.items()}}
        shares = ranks.gather((states, self.rejections, self.lines, self.unusable, self.losses, self.analysis))
        fresh = {name: make() for name in states}
        for share in shares:
            for name, state in share[0].items():
                fresh[name].merge(state)
        return Tally(
            fresh.pop(""),
            fresh,
            joined(share[4] for share in shares),
            int(ranks.sum(self.samples)[0]),
            ranks.sum(self.spent)[0],
            Rejections.joined(share[1] for share in shares),
            [line for share in shares for line in share[2]],
            [entry for share in shares for entry in share[3]],
            self.analysis and Analysis.joined(share[5] for share in shares),
        )


def evaluate_set(
    objective: Objective,
    part: EvalSet,
    ranks: Ranks,
    keep: int | None = 0,
    signals: Signals | None = None,
    analyse: bool = False,
) -> Evaluation:
    """Runs the network over a set in evaluation mode, and leaves mode and random generators as they were.

    Args:
        keep: how many (sample, result) pairs to keep per rank; None keeps all.
        signals: looked at between batches.
        analyse: tell also where it errs; of a metric that compares texts (`Metric.rules`).

    Raises:
        TrainingError: no sample of the set could be measured or counted.
        Interrupted: a signal came, on all ranks.
    """
    tally, signal, dataset = Tally(part.metric(), {name: part.metric() for name in part.beside}), 0, part.loader.dataset
    if analyse and tally.metric.rules is not None:
        tally.analysis = Analysis(tally.metric.rules)
    model = objective.model
    training = model.training
    model.eval()
    try:
        with kept_rng(), torch.inference_mode():
            for batch in watched(part.loader, part.name):
                if signals is not None and (signal := signals.pending):
                    break  # the other ranks hear of it when they are done with their share
                tally.reject(batch["rejected"], dataset)
                if not batch["info"]:
                    continue
                start = time.perf_counter()
                outputs, arrays = network_outputs(objective, batch, tally.losses if part.with_loss else None)
                results = part.postprocess(outputs, arrays)
                tally.spent += time.perf_counter() - start
                for name, postprocess in part.beside.items():
                    tally.beside[name].update(postprocess(outputs, arrays), arrays)
                tally.add(batch, results, arrays, keep, dataset)
    finally:
        model.train(training)
        part.loader.close()  # its workers would take memory from training until the next evaluation
    if signal := max(ranks.gather(signal)):
        raise Interrupted(signal)
    return _evaluation(part, tally.of_all(ranks, part.metric), ranks)


def infer(objective: Objective, batch: Batch, postprocess: Postprocess) -> tuple[list[Any], dict[str, Any]]:
    """One batch through network and postprocess: typed results, one per sample, and the batch as numpy arrays."""
    outputs, arrays = network_outputs(objective, batch)
    return postprocess(outputs, arrays), arrays


def network_outputs(objective: Objective, batch: Batch, losses: Values | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the network makes of a batch, and the batch, as numpy arrays.

    Args:
        losses: where it is given, the loss is taken of each sample too, and added.
    """
    arrays = to_numpy(batch)
    if losses is None:
        outputs = objective.infer(batch)
    else:
        outputs, judged = objective.judge(batch)
        add_losses(judged, losses)
    return to_numpy(outputs), arrays


def _evaluation(part: EvalSet, tally: Tally, ranks: Ranks) -> Evaluation:
    """The numbers of what all ranks found."""
    metric, samples, rejections = tally.metric, tally.samples, tally.rejections
    if samples == 0 and rejections.total == 0:
        raise TrainingError(f"the evaluation set {part.name!r} gave no samples; check Eval.dataset.label_file_list")
    metrics = {key: float(value) for key, value in metric.compute().items()}
    metrics.update((name, value) for name, value in told(tally.losses, part.name).items() if name not in metrics)
    metrics["fps"] = samples * ranks.world / tally.spent if tally.spent else 0.0
    lines = sorted(tally.lines, key=lambda line: line[0].index)  # batches come by size, and by rank
    unusable = sorted(tally.unusable, key=lambda entry: (entry["file"], entry["line"]))
    ties = tuple(metric.tie_breakers)
    found = Evaluation(part.name, metrics, samples, rejections, metric.main_indicator, lines, unusable, ties, part.labels)
    found.beside = {name: {key: float(value) for key, value in one.compute().items()} for name, one in tally.beside.items()}
    return found if tally.analysis is None else replace(found, analysis=tally.analysis, dataset=part.loader.dataset)


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
        "beside": evaluation.beside,
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
