"""Filling a model from a weights file, with a report of what matched and a floor below which it stops."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ppocr_like.contracts import Cut
from ppocr_like.errors import WeightsError
from ppocr_like.weights.charset_plan import FRESH, CharsetPlan
from ppocr_like.weights.files import WeightsFile
from ppocr_like.weights.fit import BACKBONE, fitted
from ppocr_like.weights.naming import GUIDES, Naming, known_as
from ppocr_like.weights.onnx_weights import OnnxGraph, check_outputs

logger = logging.getLogger("ppocr_like")
Shape = tuple[int, ...]
CUT = "the recipe's network is another one's beginning with new layers behind it (append), and the file is not of it"
A_WHOLE_NETWORK = 0.25  # a file that leaves over more than this share of its tensors is hardly of a backbone alone


class FillableModel(Protocol):
    """What `load_into` needs of a model: an nn.Module that names its per-class parameters."""

    def state_dict(self) -> dict[str, Any]: ...
    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = ...) -> Any: ...
    def class_parameters(self) -> dict[str, str]: ...


@dataclass(frozen=True)
class MatchReport:
    """What of a model was filled from a weights file.

    Args:
        matched: names filled (the rows of new characters within them stay fresh).
        missing: (name, shape) of the model that the file lacks.
        unexpected: (name, shape) of the file that the model lacks.
        mismatched: (name, the file's shape, the model's shape); not filled.
        source: the file.
        fresh_rows: classes without a trained row.
        unused: names that the file lacks and that evaluation does not use; they are not among the missing.
        beyond: of a file of a backbone alone: how many tensors the network has beyond it, which start from random weights. All
            else in the report is then about the backbone.
        notes: what of the file was taken as what, where it is named otherwise; which layers stand before a cut.
        new: tensors of the network that stand behind its cut and keep their initial values; they are not among the missing.
    """

    matched: tuple[str, ...]
    missing: tuple[tuple[str, Shape], ...]
    unexpected: tuple[tuple[str, Shape], ...]
    mismatched: tuple[tuple[str, Shape, Shape], ...]
    source: str = ""
    fresh_rows: int = 0
    unused: tuple[str, ...] = ()
    beyond: int = 0
    notes: tuple[str, ...] = ()
    new: int = 0

    @property
    def share(self) -> float:
        """Matched tensors of those looked for, [0, 1]. Counters of batches (`num_batches_tracked`) do not count."""
        total = self._wanted
        return len(self.matched) / total if total else 0.0

    @property
    def _wanted(self) -> int:
        return len(self.matched) + len(self.missing) + len(self.mismatched)

    @property
    def guide(self) -> int:
        """How many of the unexpected ones are of a MultiHead's guide, which this network does not have."""
        return sum(name.startswith(GUIDES) for name, _ in self.unexpected)

    def summary(self) -> str:
        """What the network and the file have in common and what each of them leaves over, in one line for the log."""
        of = f"{self.share:.1%} of the model" + (f" without its {self.new} new ones" if self.new else "")
        if self.beyond:
            whole = len(self.matched) / (self._wanted + self.beyond)
            of = f"{self.share:.1%} of the backbone, {whole:.1%} of the model's {self._wanted + self.beyond}"
        given = len(self.matched) + len(self.mismatched) + len(self.unexpected)
        left = f"{len(self.unexpected)} unexpected" + (f" of the file's {given}" if self.unexpected else "")
        if self.guide:
            left += f" ({self.guide} of them of a guide that this network does not have)"
        more = [
            f"weights {self.source}: {len(self.matched)} matched ({of}), {len(self.missing)} missing, {left}, "
            f"{len(self.mismatched)} of another shape",
            *self.notes,
        ]
        if self.beyond:
            more.append(f"a backbone alone: the other {self.beyond} of the network start from random weights")
        if self.fresh_rows:
            more.append(f"{self.fresh_rows} output rows start fresh")
        if self.unused:
            more.append(f"without {len(self.unused)} that only training uses")
        return "; ".join(more)

    def table(self, limit: int = 20) -> str:
        """The tensors that did not match, at most `limit` of each kind, under the summary."""
        lines = [self.summary()]
        groups = (
            ("other shape", [f"{name}: file {_shape(a)}, model {_shape(b)}" for name, a, b in self.mismatched]),
            ("missing in the file", [f"{name} {_shape(shape)}" for name, shape in self.missing]),
            ("not in the model", [f"{name} {_shape(shape)}" for name, shape in self.unexpected]),
        )
        for title, rows in groups:
            lines += [f"  {title:<20} {row}" for row in rows[:limit]]
            if len(rows) > limit:
                lines.append(f"  {title:<20} ... and {len(rows) - limit} more")
        return "\n".join(lines)


def load_into(
    model: FillableModel,
    weights: WeightsFile,
    plan: CharsetPlan | None = None,
    min_match: float = 0.5,
    *,
    architecture: Mapping[str, Any] | None = None,
    as_is: bool = False,
) -> MatchReport:
    """Copies the tensors whose names and shapes match; rows of per-class parameters go by `plan`.

    The model is changed only when the share of matched tensors reaches `min_match`.

    Args:
        model: freshly built for `plan.charset`; its own initialisation stays where nothing matches.
        weights: see `load_weights`.
        plan: see `pretrained`; None copies per-class parameters like all others.
        min_match: `Global.pretrained_min_match`, [0, 1].
        architecture: the recipe's `Architecture`, to name what differs from the weights' own.
        as_is: for evaluation, export and recognition: a whole guide (`model.training_only()`) may be missing.

    Raises:
        WeightsError: below the floor (with the table and the likely cause); an output layer that does not fit its
            character set; NaN or infinite values; an ONNX file that answers otherwise than the network with its weights.
    """
    graph, found, whole, known = weights.graph, fitted(weights, model), model, known_as(weights.state)
    alone = found.alone and min_match < 1
    weights, cut, notes = _before_the_cut(found.weights, model, sure=graph is not None or (as_is and not found.weights.recipe))
    if alone:
        logger.info(
            "%s holds a backbone alone: the floor counts within the backbone; all else starts from random weights", weights.path
        )
        model, plan = BackboneOf(model), None
    own = model.state_dict()
    classes = model.class_parameters() if plan is not None else {}
    unused = _unused(model, own, weights, graph is not None, as_is)
    new = {name for name in own if name.startswith(cut.new)} if cut is not None and not as_is else set()
    wanted = {name: target for name, target in own.items() if name not in unused | new}
    filled, missing, mismatched = _compared(wanted, weights, plan, classes)
    report = MatchReport(
        matched=tuple(name for name in filled if _counts(name)),
        missing=tuple(entry for entry in missing if _counts(entry[0])),
        unexpected=tuple((n, tuple(t.shape)) for n, t in weights.state.items() if n not in own and _counts(n)),
        mismatched=tuple(mismatched),
        source=str(weights.path),
        fresh_rows=sum(row == FRESH for row in plan.rows) if plan and any(name in classes for name in filled) else 0,
        unused=tuple(name for name in own if name in unused),
        beyond=_beyond(whole, own) if alone else 0,
        notes=(*found.notes, *notes),
        new=sum(map(_counts, new)),
    )
    if report.share < min_match or not report.matched:
        raise WeightsError(_below_floor(report, weights, CUT if cut else _cause(report, known), min_match, architecture))
    _check_finite(filled, weights)
    if alone:
        _warn_of_the_rest(report, known)
    model.load_state_dict({**own, **filled}, strict=True)
    if graph is not None and (plan is None or plan.identical):
        _check_answers(graph, model, weights)
    return report


def _check_answers(graph: OnnxGraph, model: object, weights: WeightsFile) -> None:
    if isinstance(model, nn.Module):
        difference = check_outputs(graph, model, weights.path)
        logger.info("%s: the network answers as the file does (largest difference %.1g)", weights.path, difference)


def _before_the_cut(weights: WeightsFile, model: object, sure: bool) -> tuple[WeightsFile, Cut | None, list[str]]:
    """(the tensors of a file that stand before a model's cut, the cut, which layers that are, for the report).

    Args:
        sure: the file is known to be of this very network.
    """
    own = getattr(model, "cut", None)
    theirs = (weights.recipe or {}).get("Architecture")
    cut: Cut | None = None if own is None or sure else own(theirs if isinstance(theirs, Mapping) else None)
    if cut is None:
        return weights, None, []
    state = {name: value for name, value in weights.state.items() if name.startswith(cut.kept)}
    taken = ", ".join(part.rstrip(".") for part in cut.kept if any(name.startswith(part) for name in state))
    fresh = ", ".join(part.rstrip(".") for part in cut.new)
    left = sum(_counts(name) for name in weights.state) - sum(_counts(name) for name in state)
    told = f"cut: of the file are taken {taken}; new are {fresh}; {left} of its tensors stand behind the cut and are left"
    return replace(weights, state=state), cut, [told]


def _warn_of_the_rest(report: MatchReport, known: Any) -> None:
    """Says where much of a file of which the backbone alone was taken is something else."""
    if len(report.unexpected) <= A_WHOLE_NETWORK * (len(report.matched) + len(report.unexpected)):
        return
    names = ", ".join(name for name, _ in report.unexpected[:3])
    why = "is it a whole network of another program, of which only the backbone has our names?"
    why = why if known is None else f"it is of {known.architecture}; take {known.recipe}"
    logger.warning(
        "%s: %d of its tensors find no place in this network (%s ...): %s", report.source, len(report.unexpected), names, why
    )


def _compared(
    own: Mapping[str, Tensor], weights: WeightsFile, plan: CharsetPlan | None, classes: Mapping[str, str]
) -> tuple[dict[str, Tensor], list[tuple[str, Shape]], list[tuple[str, Shape, Shape]]]:
    """The model's tensors as the file fills them, those that it lacks, and those that it has in another shape."""
    filled: dict[str, Tensor] = {}
    missing, mismatched = [], []
    for name, target in own.items():
        source = weights.state.get(name)
        if source is None:
            missing.append((name, tuple(target.shape)))
            continue
        value = _rows(name, classes[name], source, target, plan, weights) if plan and name in classes else source
        if value is None or value.shape != target.shape:
            mismatched.append((name, tuple(source.shape), tuple(target.shape)))
            continue
        filled[name] = value
    return filled, missing, mismatched


class BackboneOf:
    """A model's backbone as a model of its own, whose tensors keep their full names."""

    def __init__(self, model: FillableModel) -> None:
        self._model = model
        self.module = getattr(model, "module", model)  # whose layers say what Paddle turns round

    def state_dict(self) -> dict[str, Any]:
        return {name: value for name, value in self._model.state_dict().items() if name.startswith(BACKBONE)}

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> Any:
        return self._model.load_state_dict({**self._model.state_dict(), **state_dict}, strict=strict)

    def class_parameters(self) -> dict[str, str]:
        return {}

    def cut(self, theirs: Mapping[str, Any] | None) -> Cut | None:
        own = getattr(self._model, "cut", None)
        return None if own is None else own(theirs)


def _unused(model: FillableModel, own: Mapping[str, Any], weights: WeightsFile, graph: bool, as_is: bool) -> set[str]:
    """Names that evaluation does not use and the file lacks: of an ONNX file all that it lacks, as `fitted` would have refused it
    otherwise; in use the parts that only training needs, where the file holds none of them."""
    if graph:
        return set(own) - set(weights.state)
    if not as_is:
        return set()
    beginnings: tuple[str, ...] = getattr(model, "training_only", tuple)()
    names = {name for name in own if beginnings and name.startswith(beginnings)}
    return set() if names & set(weights.state) else names


def _beyond(whole: FillableModel, own: Mapping[str, Any]) -> int:
    """How many of a network's tensors are not among `own`."""
    return sum(_counts(name) and name not in own for name in whole.state_dict())


def _counts(name: str) -> bool:
    """Whether a tensor says anything about a match: weights from elsewhere often lack the batch norms' step counters."""
    return not name.endswith("num_batches_tracked")


def _rows(name: str, encoder: str, source: Tensor, target: Tensor, plan: CharsetPlan, weights: WeightsFile) -> Tensor | None:
    """The per-class tensor for the plan's classes, None when its other dimensions differ."""
    class_rows, old_classes = plan.rows_for(encoder)
    if source.shape[1:] != target.shape[1:]:
        return None
    if source.shape[0] != old_classes:
        if not plan.assumed:
            raise WeightsError(
                f"{weights.path}: {name} has {source.shape[0]} rows, but the file's character set has {old_classes} "
                "classes; the file is inconsistent"
            )
        if plan.mode != "new":
            raise WeightsError(
                f"{weights.path}: {name} has {source.shape[0]} classes, the recipe's dictionary {old_classes}, and the file "
                "does not say which characters its classes stand for. Set Global.character_dict_path (and use_space_char) to the "
                "dictionary it was trained with, or Global.charset_resize: new to start with a fresh output layer"
            )
        return None
    rows = torch.tensor(class_rows)
    known = rows != FRESH
    value = target.detach().clone()
    value[known] = source[rows[known]].to(value.dtype)
    return value


def _check_finite(filled: Mapping[str, Tensor], weights: WeightsFile) -> None:
    bad = [name for name, value in filled.items() if value.is_floating_point() and not torch.isfinite(value).all()]
    if bad:
        raise WeightsError(
            f"{weights.path}: NaN or infinite values in {len(bad)} tensors ({', '.join(bad[:5])}); the training that made it "
            "broke down; take an earlier checkpoint"
        )


def _below_floor(
    report: MatchReport, weights: WeightsFile, cause: str, min_match: float, architecture: Mapping[str, Any] | None
) -> str:
    lines = [
        f"only {report.share:.1%} of the model's tensors match the weights; {_wanted(min_match)}",
        report.table(limit=6),
        f"  likely cause: {cause}",
    ]
    theirs = (weights.recipe or {}).get("Architecture")
    if architecture is not None and isinstance(theirs, Mapping):
        lines += [f"  {line}" for line in _differences(theirs, architecture, "Architecture")[:8]]
    return "\n".join(lines)


def _wanted(min_match: float) -> str:
    if min_match >= 1:  # evaluation, export and recognition, whatever the recipe says
        return "to be used as they are, all must match"
    return f"Global.pretrained_min_match asks for {min_match:.1%}"


def _cause(report: MatchReport, known: Naming | None) -> str:
    if known is not None and not report.notes:
        return f"weights of {known.architecture}; the recipe's network is another: take {known.recipe}"
    if len(report.mismatched) > len(report.missing):
        return "the same kind of network in another size (compare Architecture: scale, dims, hidden sizes, channels)"
    if report.unexpected and report.missing:
        return "weights of another architecture (compare Architecture: Backbone, Neck, Head), or of another program's naming"
    return "weights of a part of the network only"


def _differences(theirs: object, ours: object, path: str) -> list[str]:
    """`path: weights A, recipe B` for each leaf that differs."""
    if isinstance(theirs, Mapping) and isinstance(ours, Mapping):
        lines = []
        for key in [*theirs, *(k for k in ours if k not in theirs)]:
            lines += _differences(theirs.get(key), ours.get(key), f"{path}.{key}")
        return lines
    return [] if theirs == ours else [f"{path}: weights {theirs!r}, recipe {ours!r}"]


def _shape(shape: Shape) -> str:
    return "x".join(map(str, shape)) or "scalar"
