"""From a recipe to the parts of a run."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ppocr_like.charset import Charset
from ppocr_like.config import Builder, GlobalConfig, Recipe, lr_advice
from ppocr_like.config.architecture import backbone_weights, own_weights
from ppocr_like.contracts import Rejections
from ppocr_like.data.loader import build_loader
from ppocr_like.engine.averaging import Averaging, MetricSchedule, weight_average
from ppocr_like.engine.checkpoint import compare_recipes, load_checkpoint, resolve_checkpoint, seed_everything, set_rng_state
from ppocr_like.engine.device import Compute, choose_compute, set_threads
from ppocr_like.engine.evaluator import EvalSet
from ppocr_like.engine.guard import Signals, StepGuard
from ppocr_like.engine.hooks import Checkpoints, EarlyStopping, EvaluationHook, FreedMemory, Freezing, TrainMetric
from ppocr_like.engine.log_targets import make_loggers, shows_pictures
from ppocr_like.engine.logging_hooks import EvaluationLog, LogLines, ProgressBar, TrainingPictures
from ppocr_like.engine.ranks import Ranks
from ppocr_like.engine.run import Hook, Run
from ppocr_like.engine.runfolder import RECORDS, Records, RunFolder
from ppocr_like.engine.state import Best, Progress
from ppocr_like.errors import CheckpointError, TrainingError
from ppocr_like.modeling.recompute import recompute_blocks
from ppocr_like.weights import load_backbones, load_into, load_own_weights, pretrained
from ppocr_like.weights.centers import fill_centers

logger = logging.getLogger("ppocr_like")

PICTURES = 8  # predictions drawn for the loggers from each evaluation set
PICTURE_STEPS = 200  # between pictures of training batches; one is about 100 kB in the log
CACHE = "cache"


def refuse_unsupported(settings: GlobalConfig, world: int = 1) -> None:
    """Stops at settings that this version accepts in a recipe but does not carry out.

    Raises:
        TrainingError: names the key and what to do.
    """
    asked = {
        "uniform_output_enabled": settings.uniform_output_enabled,
        "use_sync_bn": settings.use_sync_bn and world > 1,
    }
    for key in (key for key, set_ in asked.items() if set_):
        raise TrainingError(f"Global.{key} is not supported yet; remove it from the recipe or switch it off")


class Resume:
    """A checkpoint to continue from, checked against the recipe.

    Raises:
        CheckpointError: missing, damaged, or of another recipe.
    """

    def __init__(self, recipe: Recipe, ranks: Ranks) -> None:
        self.path = resolve_checkpoint(str(recipe.globals.checkpoints))
        self.content = load_checkpoint(self.path)
        self.progress = Progress(**self.content["progress"])
        within = self.progress.batch > 0
        self.notes = compare_recipes(self.content["recipe"], recipe.tree, within, str(self.path))
        if self.content["world"] != ranks.world:
            change = f"{self.content['world']} processes in the checkpoint, {ranks.world} now"
            if within:
                raise CheckpointError(f"{self.path} was saved within an epoch: {change}; start as many to continue it")
            self.notes.append(f"resuming with a change, so not exactly as before: {change}")
        if recipe.globals.pretrained_model:
            self.notes.append("Global.checkpoints and Global.pretrained_model are both set: the run resumes from checkpoints")
        told = self.content["charset"]
        self.charset = Charset.from_metadata(told) if told is not None else None

    def check_dictionary(self, dictionary: Charset | None) -> None:
        if dictionary is not None and dictionary.digest != self.content["dictionary"]:
            raise CheckpointError(
                f"{self.path} was trained with another dictionary than Global.character_dict_path now holds "
                f"({dictionary.num_classes} classes); put the old one back to continue that run, or start a new one from its "
                f"weights: Global.pretrained_model={self.path} Global.charset_resize=union"
            )

    def apply(self, run: Run) -> None:
        """Puts everything but the weights of the model back (those are in before the optimizer is made)."""
        content = self.content
        run.optimizer.load_state_dict(content["optimizer"])
        if run.scaler.is_enabled() and content["scaler"]:
            run.scaler.load_state_dict(content["scaler"])
        run.progress, run.best = self.progress, Best(**content["best"])
        run.rejections = Rejections(**content["rejections"])
        for hook in run.hooks:
            if hook.name and content["hooks"].get(hook.name) is not None:
                hook.load(content["hooks"][hook.name])
        if run.ranks.main and self.path.parent.resolve() == run.folder.path.resolve():
            run.records.cut_back(content["records"], self.progress.step)
        elif run.best.value is not None:
            logger.info("the best weights so far stay in %s", self.path.parent)
        if content["world"] == run.ranks.world:
            set_rng_state(content["rng"][run.ranks.rank])
        if content["threads"] != torch.get_num_threads():
            now, before = torch.get_num_threads(), content["threads"]
            logger.warning("%d threads instead of %d: sums of floats may differ in the last bits", now, before)
        run.resumed = True


def build_run(recipe: Recipe, folder: RunFolder, ranks: Ranks, signals: Signals, resume: Resume | None) -> Run:
    """All parts of a run, in the state of its first step or of the checkpoint.

    Raises:
        OcrError: whatever is wrong with files, weights or machine.
    """
    settings = recipe.globals
    compute = choose_compute(settings, ranks)
    set_threads(settings.num_threads)
    builder = Builder(recipe)
    dictionary = builder.charset
    builder.check_files("Train", *(["Eval"] if recipe.get("Eval") else []))
    seed_everything(settings.seed)
    if resume:
        resume.check_dictionary(dictionary)
        builder = Builder(recipe, resume.charset)
        model = builder.model()
        _fill(model, resume)
    else:
        builder, model = _fresh_model(recipe, builder)
    model = compute.place(model)
    if settings.gradient_checkpointing:
        recompute(model, compute)
    ranks.share_weights(model)
    loss = builder.loss()
    fill_centers(loss)
    loader = _loader(builder, "Train", None, folder.path / CACHE, ranks, compute)
    batches = loader.steps(1)
    steps = -(-batches // settings.accumulate_steps)
    run = Run(
        recipe=recipe,
        ranks=ranks,
        compute=compute,
        model=model,
        loss=loss,
        optimizer=builder.optimizer(model, settings.epoch_num, steps, ranks.world),
        scaler=compute.scaler(settings),
        loader=loader,
        eval_sets=eval_sets(builder, folder.path / CACHE, ranks, compute),
        make_train_metric=lambda: (builder.postprocess(), builder.metric()),
        charset=builder.charset,
        dictionary=dictionary,
        folder=folder,
        records=Records(folder / RECORDS),
        guard=StepGuard(model, compute.device),
        signals=signals,
        epochs=settings.epoch_num,
        batches_per_epoch=batches,
        accumulate=settings.accumulate_steps,
        average=weight_average(settings, model),
    )
    run.hooks = make_hooks(run)
    if ranks.main:
        run.loggers = make_loggers(recipe, folder.path, resume.progress.step if resume else None)
    seed_everything(settings.seed, ranks.rank)  # building draws a number of values that a resumed run does not draw
    if resume:
        resume.apply(run)
    _say_at_start(run)
    return run


def recompute(model: torch.nn.Module, compute: Compute) -> None:
    """`Global.gradient_checkpointing`.

    Raises:
        TrainingError: no part of the network knows how.
    """
    blocks = recompute_blocks(model, compute.operators)
    if not blocks:
        raise TrainingError("Global.gradient_checkpointing: this network has no blocks that can compute again; remove the key")
    logger.info("gradient checkpointing: %d blocks are computed again in the backward pass", blocks)


def _fresh_model(recipe: Recipe, builder: Builder) -> tuple[Builder, Any]:
    """A new network, filled from `Global.pretrained_model` where that is set."""
    settings = recipe.globals
    weights, plan = pretrained(settings, builder.charset, task=builder.task)
    builder = Builder(recipe, plan.charset if plan else None)
    model = builder.model()
    load_backbones(model, backbone_weights(recipe), settings.pretrained_min_match)
    own = own_weights(recipe)
    if own:
        floor, mode = settings.pretrained_min_match, settings.charset_resize
        load_own_weights(model, own, builder.charset, mode, floor, builder.task)
    if weights is None:
        whole = "the network starts" if not own else "networks without `pretrained` start"
        logger.info("no Global.pretrained_model: %s from random weights", whole)
    else:
        report = load_into(model, weights, plan, settings.pretrained_min_match, architecture=recipe.get("Architecture"))
        logger.info(report.table())
    return builder, model


def _fill(model: Any, resume: Resume) -> None:
    try:
        model.load_state_dict(resume.content["model"])
    except RuntimeError as error:
        raise CheckpointError(f"{resume.path} does not fit the recipe's network: {str(error)[:500]}") from error


def _loader(builder: Builder, section: str, name: str | None, cache: Path | None, ranks: Ranks, compute: Compute) -> Any:
    return build_loader(
        builder.dataset(section, name),
        builder.loader(section),
        seed=builder.recipe.globals.seed,
        train=section == "Train",
        rank=ranks.rank,
        world=ranks.world,
        cache_dir=cache,
        pin_memory=compute.device.type == "cuda",
        progress=ranks.main,
        sampler=builder.sampler(section),
    )


def eval_sets(builder: Builder, cache: Path | None, ranks: Ranks, compute: Compute) -> list[EvalSet]:
    """The recipe's evaluation sets, the deciding one first; none when the recipe has no `Eval` section.

    Raises:
        OcrError: a set that is missing or empty.
    """
    if not builder.recipe.get("Eval"):
        logger.warning("the recipe has no Eval section: nothing is evaluated, and no best_accuracy is kept")
        return []
    builder.check_files("Eval")
    postprocess = builder.postprocess()
    names = builder.eval_names()
    make: Callable[[str], Any] = partial(_loader, builder, "Eval", cache=cache, ranks=ranks, compute=compute)
    return [EvalSet(name, make(name), postprocess, builder.metric) for name in names]


def make_hooks(run: Run) -> list[Hook]:
    """The run's hooks, in the order in which they act after a step: log, evaluate, decide, save."""
    settings = run.recipe.globals
    hooks: list[Hook] = [Averaging(run.average)] if run.average else []
    hooks += [Freezing(), FreedMemory()]
    metric = TrainMetric(settings.calc_epoch_interval) if settings.cal_metric_during_train else None
    if metric:
        hooks.append(metric)
    hooks.append(LogLines(settings, metric))
    pictures = shows_pictures(run.recipe)
    if pictures:
        hooks.append(TrainingPictures(PICTURE_STEPS))
    if run.eval_sets:
        hooks.append(EvaluationHook(settings, PICTURES if pictures else 0))
        hooks.append(EvaluationLog())
        if settings.early_stop:
            hooks.append(EarlyStopping(settings.early_stop))
        if run.optimizer.schedule.follows_metric:
            hooks.append(MetricSchedule(run.optimizer.schedule))
    hooks.append(Checkpoints(settings))
    if ProgressBar.wanted():
        hooks.append(ProgressBar())
    return hooks


def _say_at_start(run: Run) -> None:
    ranks = run.ranks
    if not ranks.main:
        return
    batch = run.recipe.get("Train.loader.batch_size_per_card") * ranks.world * run.accumulate
    for note in run.recipe.notes:
        logger.info("note: %s", note)
    advice = lr_advice(run.recipe, batch)
    if advice:
        logger.warning(advice)
    for line in run.dictionary.odd_entries() if run.dictionary is not None else ():
        logger.warning(line)
    parameters = sum(p.numel() for p in run.model.parameters())
    logger.info(
        "training: %d epochs of %d steps, %d samples a step, %s parameters%s, on %s (%s, %d threads)",
        run.epochs,
        run.steps_per_epoch,
        batch,
        f"{parameters:,}",
        f", {run.charset}" if run.charset is not None else "",
        run.compute.device,
        str(run.compute.dtype).removeprefix("torch."),
        torch.get_num_threads(),
    )
    for line in run.optimizer.describe():
        logger.info("optimizer: %s", line)
