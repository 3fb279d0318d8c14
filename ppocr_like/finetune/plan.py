"""The recipe that data and start ask for, each value with its reason."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ppocr_like.charset import dictionary_bytes
from ppocr_like.config.build import Builder
from ppocr_like.config.recipe import Recipe
from ppocr_like.data.base import Dataset
from ppocr_like.data.lines.xml_set import XMLDataSet
from ppocr_like.data.simple import SimpleDataSet
from ppocr_like.doctor.findings import shown
from ppocr_like.errors import DataError
from ppocr_like.finetune.given import GROUPS, Division, Given, divide
from ppocr_like.finetune.starts import Start

DICTIONARY, TRAIN, HELD_BACK = "dict.txt", "train.txt", "held_back.txt"
STEP = 64  # px between the widths of canvases
NARROWEST, WIDEST = 320, 3200  # px: what RapidOCR pads short lines to; what memory bears
SHARE = 0.99  # of the lines that fit the widest canvas as they are
FEW = 100  # lines, of fewer of which a batch has half as many
SELDOM = 3  # a character that occurs less often can hardly be learned
MANY_CLASSES = 2000  # of a start, from which on they cost more than the network
EVALUATING = 0.1  # share of the time for evaluations, about
LEAST_SHARE = {"rec": 4, "det": 2}  # samples of a step in each process
_WORTH = 0.7  # of float32's time, up to which bfloat16 is taken
_FORWARD = 0.4  # what evaluating a sample costs beside training on it


Resize = Literal["union", "new"]


@dataclass
class Plan:
    """A recipe and why it is so.

    Args:
        tree: the recipe.
        reasons: a sentence for each decision.
        files: what the recipe names, by path: written before it is used.
    """

    tree: dict[str, Any]
    reasons: list[str] = field(default_factory=list)
    files: dict[Path, bytes] = field(default_factory=dict)

    def text(self, command: str) -> str:
        """The recipe as YAML, with the reasons above it."""
        head = [f"# Written by {command}", "# It is an ordinary recipe: edit it, and train again with tools/train.py -c.", "#"]
        return "\n".join([*head, *(f"# - {reason}" for reason in self.reasons)]) + "\n" + Recipe.from_tree(self.tree).to_yaml()


def make_plan(given: Given, start: Start, minutes: float, out: Path, characters: Resize = "union", processes: int = 1) -> Plan:
    """The recipe for `minutes` of training on `given` from `start`, in the run folder `out`.

    Args:
        characters: "union": all that the start can read and those of the labels; "new": those of the labels alone.
        processes: that train together.

    Raises:
        DataError: nothing that can be trained on.
        ConfigError: a set cannot be made.
    """
    tree = start.recipe(given.task)
    plan = Plan(tree)
    tree["Global"] |= {
        "max_minutes": minutes,
        "save_model_dir": str(out),
        "save_inference_dir": str(out / "inference"),
        "pretrained_model": os.path.abspath(start.source) if os.path.exists(start.source) else start.source,
        "device": "auto",
    }
    if start.rate is not None:
        plan.reasons.append(f"learning rate {start.rate:g}: the start was trained on far more than is here")
    if given.task == "rec":
        _precision(plan)
    part = _with_data(plan, given, out)
    if given.task == "rec":
        texts = part.texts()
        _characters(plan, texts, start, out, characters)
        _canvases(plan, part.sizes(), texts, start, part.first)
    if processes > 1:
        _processes(plan, given.task, processes)
    return plan


def _processes(plan: Plan, task: str, count: int) -> None:
    """They share the samples of a step."""
    plan.tree["Global"]["processes"] = count
    loader = plan.tree["Train"]["loader"]
    share = max(LEAST_SHARE[task], math.ceil(loader["batch_size_per_card"] / count))
    loader["batch_size_per_card"] = share
    plan.reasons.append(f"{count} processes, of which each takes {share} {'lines' if task == 'rec' else 'crops'} of a step")


def _precision(plan: Plan) -> None:
    """bfloat16 on a processor that computes in it faster than in float32."""
    import torch  # with the network, which the tool's --help does not need

    from ppocr_like.engine.low_precision import bfloat16_cost

    if torch.cuda.is_available() or (cost := bfloat16_cost()) > _WORTH:
        return
    plan.tree["Global"]["use_amp"] = True  # which another machine may find slower, and leave
    plan.reasons.append(f"bfloat16: this processor computes in it in {cost:.1f} of the time of float32")


def _with_data(plan: Plan, given: Given, out: Path) -> _Part:
    """Puts the data into the recipe, a part of them held back; the set of those that are trained on."""
    tree = plan.tree
    if given.kind == "xml":
        return _with_pages(plan, given, out)
    labelled = whole_set(tree, given)
    division = divide(labelled, given.kind)
    plan.reasons.append(division.said)
    for section, name, indices in (("Train", TRAIN, division.train), ("Eval", HELD_BACK, division.held_back)):
        path = out / name
        plan.files[path] = b"".join(row_of(labelled, index) for index in indices.tolist())
        tree[section]["dataset"]["label_file_list"] = [str(path)]
    _evaluate_seldom(tree, division)
    return _Part(labelled, division.train)


def _with_pages(plan: Plan, given: Given, out: Path) -> _Part:
    """`_with_data` for pages in XML: lists of those that are trained on and of those that are held back."""
    tree = plan.tree
    whole = whole_archive(tree, given)
    count = len(set(pages_of(whole, range(len(whole)))))
    division = divide(whole, given.kind) if count >= GROUPS else None
    if division is None:
        what = "page" if count > 1 else "line"
        for section in ("Train", "Eval"):
            tree[section]["dataset"]["partition_by"] = what
        alone = f"a tenth of the {count} pages" if count > 1 else "a tenth of the lines, for there is one page alone"
        plan.reasons.append(f"held back: {alone}")
        part = _dataset(tree, {})
        return _Part(part, np.arange(len(part)))
    plan.reasons.append(division.said)
    for section, name, indices in (("Train", TRAIN, division.train), ("Eval", HELD_BACK, division.held_back)):
        path, dataset = out / name, tree[section]["dataset"]
        plan.files[path] = listed(pages_of(whole, indices.tolist()))
        dataset |= {"manifests": [str(path)], "files": None}
        for key in ("partition", "partition_by"):
            del dataset[key]
    _evaluate_seldom(tree, division)
    return _Part(whole, division.train)


def _evaluate_seldom(tree: dict[str, Any], division: Division) -> None:
    """So that evaluations take about EVALUATING of the time."""
    every = math.ceil(_FORWARD * len(division.held_back) / len(division.train) / EVALUATING)
    tree["Global"]["eval_batch_epoch"] = max(every, tree["Global"]["eval_batch_epoch"])


def pages_of(whole: XMLDataSet, indices: Iterable[int]) -> list[str]:
    """The XML file of each of some lines."""
    return [os.path.abspath(whole.info(index).file) for index in indices]


def listed(names: Iterable[str]) -> bytes:
    """A list of files, each once, as `XMLDataSet.manifests` takes it."""
    return b"".join(os.fsencode(name) + b"\n" for name in sorted(set(names)))


def whole_archive(tree: dict[str, Any], given: Given) -> XMLDataSet:
    """All lines of pages in XML, of which the recipe holds a tenth of the pages back."""
    source = {"name": "XMLDataSet", "manifests": list(given.files) or None, "files": list(given.patterns) or None}
    for section in ("Train", "Eval"):
        tree[section]["dataset"] = {**source, "partition": 0.9, "partition_by": "page", **tree[section]["dataset"]}
    whole = _dataset(tree, {"partition": None})
    assert isinstance(whole, XMLDataSet)
    return whole


def whole_set(tree: dict[str, Any], given: Given) -> SimpleDataSet:
    """All samples of label files, which are put into the recipe."""
    simple = {"name": "SimpleDataSet", "data_dir": given.folder, "label_file_list": list(given.files)}
    for section in ("Train", "Eval"):
        tree[section]["dataset"] = {**simple, **tree[section]["dataset"]}
    whole = _dataset(tree, {})
    assert isinstance(whole, SimpleDataSet)
    return whole


def _dataset(tree: Mapping[str, Any], changes: Mapping[str, Any]) -> Any:
    """The set for training, with some of its keys changed, and no steps but the decoding."""
    train = {**tree["Train"]["dataset"], **changes}
    train["transforms"] = train["transforms"][:1]
    settings = {**tree["Global"], "character_dict_path": None, "codec": "auto"}
    recipe = Recipe.from_tree({**tree, "Global": settings, "Train": {**tree["Train"], "dataset": train}})
    return Builder(recipe).dataset("Train")


class _Part:
    """Some samples of a set, as far as they are looked at here."""

    def __init__(self, whole: Dataset, indices: np.ndarray) -> None:
        self.whole, self.indices = whole, indices

    def __len__(self) -> int:
        return len(self.indices)

    @property
    def first(self) -> str:
        """The first image's path."""
        return self.whole.info(int(self.indices[0])).path

    def sizes(self) -> np.ndarray:
        return self.whole.sizes(progress=False)[self.indices]

    def texts(self) -> list[str]:
        found = [self.whole.record(int(index)) for index in self.indices]
        return [record.info.text for record in found if record.error is None]


def row_of(dataset: SimpleDataSet, index: int) -> bytes:
    """The line of a sample in its label file."""
    source, position = dataset.locate(index)
    return dataset.indexes[source].read(position) + b"\n"


def _characters(plan: Plan, texts: Sequence[str], start: Start, out: Path, characters: Resize) -> None:
    """The dictionary of the labels, and what it says beside the start's characters."""
    counts = Counter(character for text in texts for character in text)
    entries = sorted(character for character in counts if not character.isspace())
    if not entries:
        raise DataError(f"the {len(texts)} labels hold no characters; nothing can be learned from them")
    path = out / DICTIONARY
    plan.files[path] = dictionary_bytes(entries, path)
    plan.tree["Global"] |= {"character_dict_path": str(path), "charset_resize": characters}
    if start.weights.charset is None:
        return
    known = {character for label in start.weights.charset.labels for character in label}
    new = [character for character in entries if character not in known]
    told = f"{len(entries)} different characters in the labels, {len(entries) - len(new)} of them known to the start"
    told += f"; new: {', '.join(map(shown, new[:20]))}{' ...' if len(new) > 20 else ''}" if new else ""
    plan.reasons.append(told)
    rare = [character for character in entries if counts[character] < SELDOM]
    if len(rare) > len(entries) / 4:
        told = f"{len(rare)} of the {len(entries)} characters stand fewer than {SELDOM} times in the labels"
        plan.reasons.append(f"{told}: they will hardly be learned")
    if characters == "union" and start.weights.charset.num_classes > MANY_CLASSES:
        plan.reasons.append(
            f"the start knows {start.weights.charset.num_classes - 1:,} characters, and all are kept; new characters alone "
            "(--characters new) make a step much faster"
        )
    if len(new) == len(entries):
        plan.reasons.append(
            "the start reads none of the labels' characters: it gives the shapes, every character is learned anew"
        )
    elif (
        any(character.islower() for character in known)
        and not any(c.islower() for c in entries)
        and any(c.isupper() for c in entries)
    ):
        plan.reasons.append("the labels are all upper case: the model will forget to tell lower case")


def _canvases(plan: Plan, sizes: np.ndarray, texts: Sequence[str], start: Start, first: str) -> None:
    """Widths, batch and the greatest length of a label; `first`: an image, for the message when none can be read."""
    tree, height = plan.tree, start.height
    readable = sizes[(sizes > 0).all(axis=1)]
    if not len(readable):
        raise DataError(f"none of the {len(sizes)} images can be read, the first is {first}; are they images?")
    widths = readable[:, 0] * height / readable[:, 1]
    widest = int(min(max(math.ceil(np.quantile(widths, SHARE) / STEP) * STEP, NARROWEST), WIDEST))
    squeezed = int((widths > widest).sum())
    for section in ("Train", "Eval"):
        bucket = tree[section]["loader"]["bucket_by_width"]
        bucket |= {"min_width": NARROWEST, "max_width": widest}
    told = (
        f"canvases of {NARROWEST} to {widest} px: at a height of {height} px the median line is {np.median(widths):.0f} px wide"
    )
    plan.reasons.append(told + (f"; {squeezed} wider lines are squeezed" if squeezed else ""))
    upright = int((readable[:, 1] > 1.5 * readable[:, 0]).sum())
    if upright > len(readable) / 4:
        plan.reasons.append(
            f"{upright} of {len(readable)} images are higher than wide; lines are read from left to right: turn them"
        )
    small = int((readable[:, 1] < height / 4).sum())
    if small > len(readable) / 4:
        plan.reasons.append(
            f"{small} of {len(readable)} lines are lower than {height // 4} px: little of their letters is left to see"
        )
    if len(texts) < FEW:
        batch = max(1, tree["Train"]["loader"]["batch_size_per_card"] // 2)
        tree["Train"]["loader"]["batch_size_per_card"] = batch
        plan.reasons.append(f"batches of {batch}: of {len(texts)} lines, so that an epoch has steps enough")
    longest = max(map(len, texts))
    tree["Global"]["max_text_length"] = max(25, math.ceil(longest * 1.2))
    plan.reasons.append(f"max_text_length {tree['Global']['max_text_length']}: the longest label has {longest} characters")
