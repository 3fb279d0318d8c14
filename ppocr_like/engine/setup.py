"""From a recipe to the parts of a run."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import torch

from ppocr_like.charset import Charset
from ppocr_like.config import Builder, Compile, GlobalConfig, lr_advice
from ppocr_like.config.architecture import backbone_weights, own_weights
from ppocr_like.config.input_checks import size_path
from ppocr_like.data.loader import Loader, build_loader
from ppocr_like.engine.averaging import Averaging, MetricSchedule, weight_average
from ppocr_like.engine.by_clock import ByTheClock
from ppocr_like.engine.checkpoint import seed_everything
from ppocr_like.engine.compiling import compile_model
from ppocr_like.engine.device import Compute, choose_compute, set_threads
from ppocr_like.engine.evaluator import EvalSet
from ppocr_like.engine.first_biases import FirstBiases
from ppocr_like.engine.forgetting import ForgettingGuard
from ppocr_like.engine.guard import Signals, StepGuard
from ppocr_like.engine.hooks import (
    Checkpoints,
    EarlyStopping,
    EvaluationHook,
    FreedMemory,
    Freezing,
    FrozenNorms,
    KeepBest,
    TrainMetric,
    norms_of_nobody,
)
from ppocr_like.engine.labels import examine_labels
from ppocr_like.engine.late import late_steps
from ppocr_like.engine.line_files import tell_line_sets
from ppocr_like.engine.line_kinds import LineKind, kind_of, tell_line_kinds
from ppocr_like.engine.log_targets import make_loggers, shows_pictures
from ppocr_like.engine.logging_hooks import EvaluationLog, LogLines, ProgressBar, TrainingPictures
from ppocr_like.engine.objective import Objective
from ppocr_like.engine.ranks import Ranks
from ppocr_like.engine.ranks.gradients import GradientSum
from ppocr_like.engine.ranks.joint import Joint
from ppocr_like.engine.resume import Resume
from ppocr_like.engine.run import Hook, Length, Machine, Output, Parts, Run
from ppocr_like.engine.run_length import length_text, length_warnings
from ppocr_like.engine.runfolder import CACHE, RECORDS, Records, RunFolder
from ppocr_like.errors import CheckpointError, TrainingError
from ppocr_like.modeling.network import Network
from ppocr_like.modeling.recompute import recompute_blocks
from ppocr_like.modeling.sync_norm import NormSync, synchronise
from ppocr_like.weights import load_backbones, load_into, load_own_weights, pretrained
from ppocr_like.weights.centers import fill_centers

logger = logging.getLogger("ppocr_like")

PICTURES = 8  # predictions drawn for the loggers from each evaluation set
PICTURE_STEPS = 200  # between pictures of training batches; one is about 100 kB in the log
Made = TypeVar("Made")


def build_run(
    builder: Builder, folder: RunFolder, ranks: Ranks, signals: Signals, resume: Resume | None, began: float | None = None
) -> Run:
    """All parts of a run, in the state of its first step or of the checkpoint.

    Args:
        began: when the command did (`time.perf_counter`), from where on `Global.max_minutes` counts; None: now.

    Raises:
        OcrError: whatever is wrong with files, weights or machine.
    """
    recipe, settings = builder.recipe, builder.recipe.globals
    with ranks.together():
        compute = choose_compute(settings, ranks)
        set_threads(settings.num_threads)
        builder, dictionary, model, trained_on, first_biases = _model(builder, resume)
        model = prepared(model, settings, compute)
    ranks.share_weights(model)
    sync = synchronised_norms(model, settings, ranks)
    with ranks.together():
        loss = builder.loss()
        fill_centers(loss)
        loss = compute.place(loss) if isinstance(loss, torch.nn.Module) else loss
    loader = _first_on_main(ranks, lambda: _loader(builder, "Train", None, folder.path / CACHE, ranks, compute))
    if first_biases is not None and builder.charset is not None:
        first_biases.start(loader.dataset, builder.charset, builder.loader("Train").bucket_by_width is not None)
    length = Length(settings.epochs, loader.steps(1), settings.accumulate_steps, builder.batch_per_rank() * ranks.world)
    objective = Objective(model, loss, compute, size_path(recipe, "Train"))
    optimizer, scaler = builder.optimizer(model, length.epochs, length.steps_per_epoch, ranks.world), compute.scaler(settings)
    run = Run(
        recipe=recipe,
        objective=objective,
        parts=Parts(
            optimizer=optimizer,
            scaler=scaler,
            loader=loader,
            eval_sets=_first_on_main(ranks, lambda: eval_sets(builder, folder.path / CACHE, ranks, objective)),
            make_train_metric=lambda: (builder.postprocess(), builder.metric()),
            charset=builder.charset,
            dictionary=dictionary,
            average=weight_average(settings, model),
        ),
        machine=Machine(
            ranks=ranks,
            compute=compute,
            signals=signals,
            gradients=GradientSum(ranks, model.parameters()),
            joint=Joint(ranks, sync, loss=settings.loss_over_ranks and ranks.world > 1),
            guard=StepGuard(model, compute.device),
            late=late_steps(compute, optimizer, scaler, ranks),
        ),
        length=length,
        output=Output(folder, Records(folder / RECORDS)),
    )
    with ranks.together():
        if ranks.main:
            _examine_data(run, builder, trained_on, resume is not None)
    _make_ready(run, time.perf_counter() if began is None else began, resume)
    _say_at_start(run)
    return run


def _make_ready(run: Run, began: float, resume: Resume | None) -> None:
    """Length, hooks and loggers; then the random state of a first step, or all of the checkpoint's."""
    recipe, settings, ranks = run.recipe, run.recipe.globals, run.machine.ranks
    if settings.max_steps is not None:
        run.set_length(settings.max_steps)
    run.hooks = make_hooks(run, began)
    with ranks.together():
        if ranks.main:
            logs = Path(settings.log_dir or run.output.folder.path)
            run.output.loggers = make_loggers(recipe, logs, resume.progress.step if resume else None)
    seed_everything(settings.seed, ranks.rank)  # building draws a number of values that a resumed run does not draw
    if resume:
        with ranks.together():
            resume.apply(run)


def _examine_data(run: Run, builder: Builder, trained_on: LineKind | None, resumed: bool) -> None:
    """Says what the data hold that the run cannot use, or that its weights do not expect."""
    dataset, eval_sets = run.parts.loader.dataset, run.parts.eval_sets
    tell_line_sets(run.output.folder.path, dataset, eval_sets, resumed)
    tell_line_kinds(trained_on, dataset, eval_sets)
    labels = examine_labels(dataset, builder, "training labels", run.recipe.globals.max_unknown)
    run.labels = {"train": labels, **{part.name: part.labels for part in eval_sets}}


def prepared(model: Network, settings: GlobalConfig, compute: Compute) -> Network:
    """The network where it trains, recomputing or compiled as the recipe says."""
    model = compute.place(model)
    if settings.gradient_checkpointing:
        recompute(model, compute)
    if settings.compile is not False:
        options = settings.compile if isinstance(settings.compile, Compile) else Compile()
        compile_model(model, options, compute.device)
    return model


def _model(
    builder: Builder, resume: Resume | None
) -> tuple[Builder, Charset | None, Network, LineKind | None, FirstBiases | None]:
    """(builder for the network's characters, the recipe's characters, the network with the weights it starts from, the lines
    that these were trained on, the biases that may start from the labels)."""
    dictionary = builder.charset
    builder.check_files("Train", *(["Eval"] if builder.recipe.get("Eval") else []))
    seed_everything(builder.recipe.globals.seed)
    first_biases = None
    if resume is None:
        builder, model, trained_on, first_biases = _fresh_model(builder)
    else:
        trained_on = None
        resume.check_dictionary(dictionary)
        builder = builder.reading(resume.charset)
        model = builder.model()
        _fill(model, resume)
    return builder, dictionary, model, trained_on, first_biases


def _first_on_main(ranks: Ranks, make: Callable[[], Made]) -> Made:
    """What `make` gives, made on rank 0 before the others: these find line offsets and image sizes in the cache."""
    made = []
    for turn in (True, False) if ranks.world > 1 else (True,):
        with ranks.together():
            if ranks.main == turn:
                made.append(make())
    return made[0]


def synchronised_norms(model: torch.nn.Module, settings: GlobalConfig, ranks: Ranks) -> NormSync | None:
    """Lets the model's batch norms span the ranks where `Global.use_sync_bn` asks for it and there are several."""
    if not settings.use_sync_bn or settings.freeze_bn or ranks.world == 1:
        return None
    sync = NormSync()
    return sync if synchronise(model, sync) else None


def recompute(model: torch.nn.Module, compute: Compute) -> None:
    """`Global.gradient_checkpointing`.

    Raises:
        TrainingError: no part of the network knows how.
    """
    blocks = recompute_blocks(model, compute.operators)
    if not blocks:
        raise TrainingError("Global.gradient_checkpointing: this network has no blocks that can compute again; remove the key")
    logger.info("gradient checkpointing: %d blocks are computed again in the backward pass", blocks)


def _fresh_model(builder: Builder) -> tuple[Builder, Network, LineKind | None, FirstBiases | None]:
    """A new network, filled from `Global.pretrained_model` where that is set; the lines that those weights were trained on; the
    biases that may start from the labels (None with `Global.bias_from_labels: false`)."""
    recipe, settings = builder.recipe, builder.recipe.globals
    weights, plan = pretrained(settings, builder.charset, task=builder.task)
    builder = builder.reading(plan.charset if plan else None)
    model = builder.model()
    first_biases = FirstBiases(model) if settings.bias_from_labels else None
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
    return builder, model, kind_of(weights), first_biases


def _fill(model: Network, resume: Resume) -> None:
    try:
        model.load_state_dict(resume.content["model"])
    except (RuntimeError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{resume.path} does not fit the recipe's network: {str(error)[:500]}") from error


def _loader(builder: Builder, section: str, name: str | None, cache: Path | None, ranks: Ranks, compute: Compute) -> Loader:
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


def eval_sets(builder: Builder, cache: Path | None, ranks: Ranks, objective: Objective) -> list[EvalSet]:
    """The recipe's evaluation sets, the deciding one first; none when the recipe has no `Eval` section.

    An objective's loss is taken on those sets that allow it (`Global.eval_loss`).

    Raises:
        OcrError: a set that is missing or empty.
    """
    if not builder.recipe.get("Eval"):
        logger.warning("the recipe has no Eval section: nothing is evaluated, and no best_accuracy is kept")
        return []
    builder.check_files("Eval")
    postprocess = builder.postprocess()
    names = builder.eval_names()
    make: Callable[[str], Loader] = partial(_loader, builder, "Eval", cache=cache, ranks=ranks, compute=objective.compute)
    sets = [EvalSet(name, make(name), postprocess, builder.metric) for name in names]
    for part in sets if objective.loss is not None and builder.recipe.globals.eval_loss is not False else ():
        problems = builder.loss_problems(part.name, objective.model, objective.loss)  # none where the check demanded it
        part.with_loss = not problems
        for problem in problems:
            logger.debug("no loss of the evaluation set %s: %s %s", part.name, problem.path, problem.message)
    for part in sets if ranks.main else ():
        part.labels = examine_labels(part.loader.dataset, builder, f"evaluation set {part.name}")
    return sets


def make_hooks(run: Run, began: float) -> list[Hook]:
    """The run's hooks, in the order in which they act after a step: log, evaluate, decide, save. `began`: see `build_run`."""
    settings = run.recipe.globals
    hooks: list[Hook] = [Averaging(run.parts.average)] if run.parts.average else []
    hooks += [Freezing(), *([FrozenNorms()] if settings.freeze_bn else []), FreedMemory()]
    metric = TrainMetric(settings.calc_epoch_interval) if settings.cal_metric_during_train else None
    if metric:
        hooks.append(metric)
    hooks.append(LogLines(settings, metric))
    pictures = shows_pictures(run.recipe)
    if pictures:
        hooks.append(TrainingPictures(PICTURE_STEPS))
    if run.parts.eval_sets:
        hooks.append(EvaluationHook(settings, run.state.results, PICTURES if pictures else 0))
        hooks.append(EvaluationLog())
        if settings.forgetting is not None and (len(run.parts.eval_sets) > 1 or settings.forgetting.sets):
            hooks.append(ForgettingGuard(settings.forgetting, run.evaluated))
        if settings.keep_best:
            hooks.append(KeepBest(settings.keep_best))
        if settings.early_stop:
            hooks.append(EarlyStopping(settings.early_stop))
        if run.parts.optimizer.schedule.follows_metric:
            hooks.append(MetricSchedule(run.parts.optimizer.schedule))
    hooks.append(Checkpoints(settings))
    if settings.max_minutes is not None:
        hooks.append(ByTheClock(settings, began, run.set_length))
    if ProgressBar.wanted():
        hooks.append(ProgressBar())
    return hooks


def rank_notes(settings: GlobalConfig, world: int) -> list[str]:
    """What is to be said of the keys about several processes."""
    notes = []
    if settings.use_sync_bn and settings.freeze_bn:
        notes.append("Global.use_sync_bn has no effect with Global.freeze_bn: no batch statistics are taken")
    elif settings.use_sync_bn and world == 1:
        notes.append("Global.use_sync_bn has no effect in one process: its batch is the whole batch")
    if settings.loss_over_ranks and world == 1:
        notes.append("Global.loss_over_ranks has no effect in one process: its batch is the whole batch")
    if settings.find_unused_parameters:
        notes.append("Global.find_unused_parameters is not needed here: parameters that a step does not use are always allowed")
    if settings.uniform_output_enabled:
        notes.append(
            "Global.uniform_output_enabled, the folders of PaddleX, is not needed here: weights and checkpoints lie in the run "
            "folder, results in its run.json, and tools/export.py makes the bundle"
        )
    return notes


def _say_at_start(run: Run) -> None:
    ranks = run.machine.ranks
    if not ranks.main:
        return
    batch = run.length.samples_per_step
    for note in (*run.recipe.notes, *rank_notes(run.recipe.globals, ranks.world)):
        logger.info("note: %s", note)
    if run.recipe.globals.rate_advice and (advice := lr_advice(run.recipe, batch)):
        logger.warning(advice)
    if run.recipe.globals.freeze_bn and (names := norms_of_nobody(run.objective.model)):
        logger.warning(
            f"Global.freeze_bn: {len(names)} batch norms ({names[0]}, ...) hold the statistics of no training and keep them; "
            "set it to false, or start from weights that fill the whole network"
        )
    for line in length_warnings(run):
        logger.warning(line)
    for line in run.parts.dictionary.odd_entries() if run.parts.dictionary is not None else ():
        logger.warning(line)
    parameters = sum(p.numel() for p in run.objective.model.parameters())
    logger.info(
        "training: %s of %d steps, %d samples a step, %s parameters%s, on %s%s (%s, %d threads)",
        length_text(run),
        run.length.steps_per_epoch,
        batch,
        f"{parameters:,}",
        f", {run.parts.charset}" if run.parts.charset is not None else "",
        f"{ranks.world} processes, this one with " if ranks.world > 1 else "",
        run.machine.compute.device,
        str(run.machine.compute.dtype).removeprefix("torch."),
        torch.get_num_threads(),
    )
    for line in run.parts.optimizer.describe():
        logger.info("optimizer: %s", line)
