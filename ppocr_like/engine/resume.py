"""A checkpoint put back into a run."""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from ppocr_like.charset import Charset
from ppocr_like.codec import classes_from_metadata
from ppocr_like.config import Recipe
from ppocr_like.contracts import Rejections
from ppocr_like.engine.checkpoint import (
    LATEST,
    compare_recipes,
    load_checkpoint,
    resolve_checkpoint,
    seed_everything,
    set_rng_state,
)
from ppocr_like.engine.checkpoint_fields import load_state, putting_back
from ppocr_like.engine.manifest import file_changes
from ppocr_like.engine.ranks import Ranks
from ppocr_like.engine.run import Run
from ppocr_like.engine.state import Best, Progress
from ppocr_like.errors import CheckpointError

logger = logging.getLogger("ppocr_like")


class Resume:
    """A checkpoint to continue from, checked against the recipe.

    Args:
        source: run folder or file; None: `Global.checkpoints`.

    Raises:
        CheckpointError: missing, damaged, or of another recipe.
    """

    def __init__(self, recipe: Recipe, ranks: Ranks, source: Path | None = None) -> None:
        self.path = resolve_checkpoint(str(source or recipe.globals.checkpoints))
        self.content = load_checkpoint(self.path)
        self.progress = Progress(**self.content["progress"])
        before = self.content["world"]
        self.notes = compare_recipes(
            self.content["recipe"], recipe.tree, self.progress.batch > 0, str(self.path), before, ranks.world
        )
        self._changed: list[str] = []
        self.ranks_changed = before != ranks.world
        if self.ranks_changed:
            self.notes.append(f"{before} processes in the checkpoint, {ranks.world} now: sums of floats differ in the last bits")
        earlier = self.content["recipe"]["Global"]
        own = isinstance(earlier, dict) and earlier.get("pretrained_model") == recipe.globals.pretrained_model
        if recipe.globals.pretrained_model and not own:
            self.notes.append("Global.checkpoints and Global.pretrained_model are both set: the run resumes from checkpoints")
        told = self.content["charset"]
        with putting_back("charset", self.path):
            self.charset = classes_from_metadata(told) if told is not None else None

    def check_dictionary(self, dictionary: Charset | None) -> None:
        if dictionary is not None and self.charset is None:
            raise CheckpointError(f"{self.path}: a checkpoint with wrong entries: charset is null, but the recipe reads text")
        if dictionary is not None and dictionary.digest != self.content["dictionary"]:
            raise CheckpointError(
                f"{self.path} was trained with another dictionary than Global.character_dict_path (or Global.codec) now holds "
                f"({dictionary.num_classes} classes); put the old one back to continue that run, or start a new one from its "
                f"weights: Global.pretrained_model={self.path} Global.charset_resize=union"
            )
        if dictionary is not None and self.charset is not None and dictionary.direction != self.charset.direction:
            raise CheckpointError(
                f"{self.path} was trained with text direction {self.charset.direction}, the recipe's is {dictionary.direction}; "
                f"set Global.text_direction: {self.charset.direction} to continue that run, or start a new one from its weights: "
                f"Global.pretrained_model={self.path}"
            )

    def apply(self, run: Run) -> None:
        """Puts everything but the weights of the model back (those are in before the optimizer is made)."""
        content, path = self.content, self.path
        self._compare_files(run)
        self._check_order(run)
        with putting_back("optimizer", path):
            run.parts.optimizer.load_state_dict(content["optimizer"])
        if run.parts.scaler.is_enabled() and content["scaler"]:
            with putting_back("scaler", path):
                run.parts.scaler.load_state_dict(content["scaler"])
        run.progress, run.state.best = self.progress, Best(**content["best"])
        if run.machine.ranks.main:  # a checkpoint holds those of all ranks
            run.state.rejections = Rejections(**content["rejections"])
        for hook in run.hooks:
            if hook.name and content["hooks"].get(hook.name) is not None:
                load_state(hook.load, content["hooks"][hook.name], hook.saved, f"hooks.{hook.name}", path)
        if run.machine.ranks.main and path.parent.resolve() == run.output.folder.path.resolve():
            run.output.records.cut_back(content["records"], self.progress.step)
            run.output.folder.latest_is_whole = path.name == LATEST
        elif run.state.best.value is not None:
            logger.info("the best weights so far stay in %s", path.parent)
        if run.machine.ranks.rank < len(content["rng"]):
            with putting_back("rng", path):
                set_rng_state(content["rng"][run.machine.ranks.rank])
        else:  # a rank that was not there: no generator of a rank that was, and none of this run's start
            seed_everything(run.recipe.globals.seed + self.progress.step, run.machine.ranks.rank)
        if content["threads"] != torch.get_num_threads():
            now, before = torch.get_num_threads(), content["threads"]
            logger.warning("%d threads instead of %d: sums of floats may differ in the last bits", now, before)

    def _compare_files(self, run: Run) -> None:
        """Notes what has changed of the label files whose digests stand in `run.json` beside the checkpoint."""
        if run.machine.ranks.main:
            datasets = [loader.dataset for loader in (run.parts.loader, *(part.loader for part in run.parts.eval_sets))]
            self._changed = file_changes(self.path.parent / "run.json", run.recipe, run.parts.dictionary is not None, datasets)
            self.notes += self._changed

    def _check_order(self, run: Run) -> None:
        """Within an epoch the batches to come must be those that were to come."""
        there = run.parts.loader.steps(self.progress.epoch)
        if self.progress.batch > there:
            raise CheckpointError(
                f"{self.path} was saved after batch {self.progress.batch} of an epoch that now has {there}; put "
                f"back what changed, or start a new run from its weights: Global.pretrained_model={self.path}"
            )
        if self.progress.batch and self.content.get("order") not in (None, run.parts.loader.order(self.progress.epoch)):
            raise CheckpointError(
                f"{self.path} was saved within an epoch, and the order of its batches is another now (files that changed, or "
                "another number of processes with a batch size that does not make up for it); put back what changed, or start "
                f"a new run from its weights: Global.pretrained_model={self.path}"
                + "".join(f"\n  {line}" for line in self._changed)
            )
