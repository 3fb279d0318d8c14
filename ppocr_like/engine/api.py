"""`train` and `evaluate`: what the tools call."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ppocr_like.atomic import write_text
from ppocr_like.config import Builder, Recipe
from ppocr_like.config.loader import AUTO
from ppocr_like.config.reads import recipe_reads
from ppocr_like.engine.auto_batch import settle_batch_size
from ppocr_like.engine.best_file import note_end, remove_file
from ppocr_like.engine.checkpoint import LATEST, resolve_checkpoint
from ppocr_like.engine.device import choose_compute, determinism, set_threads
from ppocr_like.engine.eval_loss import COUNT
from ppocr_like.engine.evaluator import EvalSet, Evaluation, evaluate_set, log_rejections, metrics_text
from ppocr_like.engine.guard import Interrupted, Signals
from ppocr_like.engine.hooks import save_latest
from ppocr_like.engine.line_files import judge_left_out
from ppocr_like.engine.line_kinds import LineKind, kind_of, tell_line_kinds
from ppocr_like.engine.manifest import write_manifest
from ppocr_like.engine.objective import Loss, Objective
from ppocr_like.engine.ranks import Ranks, join_ranks
from ppocr_like.engine.ranks.companions import companions
from ppocr_like.engine.restart import launch_id, own_checkpoint
from ppocr_like.engine.run import Run
from ppocr_like.engine.runfolder import CACHE, RECORDS, RunFolder, add_log_file
from ppocr_like.engine.settle import CODEC_FILE, settle_classes
from ppocr_like.engine.setup import Resume, build_run, eval_sets
from ppocr_like.engine.state import Best
from ppocr_like.engine.trainer import fit
from ppocr_like.errors import CheckpointError, ConfigError, PeerError, Problem, RankLost, TrainingError
from ppocr_like.outputs import claim
from ppocr_like.weights import MatchReport, load_into, pretrained
from ppocr_like.weights.centers import fill_centers
from ppocr_like.weights.formats import check_format
from ppocr_like.weights.reading import reading_builder

logger = logging.getLogger("ppocr_like")


@dataclass
class TrainResult:
    """How a run ended.

    Args:
        folder: the run folder.
        best: the best evaluation (its `value` is None without evaluation sets).
        first, last: metrics by evaluation set of the first evaluation (before training, unless `Global.eval_at_start` is off)
            and of the latest.
        steps: optimizer steps of the whole run, resumed parts included.
        first_step, last_step: after how many of them those evaluations were made; -1: none was.
        stop_reason: why it ended before its last epoch; empty when it did not.
    """

    folder: Path
    best: Best
    first: dict[str, dict[str, float]]
    last: dict[str, dict[str, float]]
    steps: int
    stop_reason: str = ""
    first_step: int = -1
    last_step: int = -1


def train(recipe: Recipe, began: float | None = None) -> TrainResult:
    """Runs a recipe from its first step, or from `Global.checkpoints`, to its end.

    Components must be registered (`components.load_components`).

    Args:
        began: when the command did (`time.perf_counter`), from where on `Global.max_minutes` counts; None: now.

    Raises:
        ConfigError: before any data is read.
        OcrError: whatever a person can mend; a resumable checkpoint is left where training had begun.
        Interrupted: Ctrl-C or SIGTERM, after saving.
    """
    began = time.perf_counter() if began is None else began
    _check(reading_builder(recipe))
    settings = recipe.globals
    wants_gpu = settings.use_gpu if settings.use_gpu is not None else settings.device != "cpu"
    with companions(recipe), join_ranks(bool(wants_gpu)) as ranks, determinism(settings.deterministic):
        mine, left = ranks.share(own_checkpoint(Path(settings.save_model_dir)) if ranks.main else None) or (False, None)
        if left or settings.checkpoints:
            recipe = settle_batch_size(recipe, ranks, Path(settings.save_model_dir) / CACHE, left)
        with ranks.together():
            resume = Resume(recipe, ranks, left) if left or settings.checkpoints else None
            folder = RunFolder(settings.save_model_dir, lock=ranks.main)
        handler = None
        try:
            fresh = resume is None or resume.path.parent.resolve() != folder.path.resolve()
            with ranks.together():
                if ranks.main:
                    _claim(recipe, folder)
                    if fresh:
                        folder.refuse_earlier_run(settings.overwrite or mine)
                    handler = add_log_file(folder / "train.log")
            recipe = settle_classes(recipe, ranks, folder.path, resume)
            recipe = settle_batch_size(recipe, ranks, folder.path / CACHE)
            run = build_run(Builder(recipe), folder, ranks, Signals(), resume, began)
            if ranks.main:  # all files of the recipe were found and fit: only now may an earlier run's be replaced
                if fresh:
                    remove_file(folder.path)
                    folder.clear_earlier_run()
                write_text(folder / "config.yml", recipe.to_yaml())
                step = run.progress.step if resume else None
                datasets = [loader.dataset for loader in (run.parts.loader, *(part.loader for part in run.parts.eval_sets))]
                device, launch = run.machine.compute.device, launch_id()
                write_manifest(folder / "run.json", recipe, run.parts.charset, device, step, launch, datasets, run.labels)
                if fresh:
                    run.output.records.add(
                        "labels", {"epoch": run.progress.epoch, "global_step": run.progress.step, **run.labels}
                    )
            return _drive(run, resume)
        except Exception as error:
            if handler and not isinstance(error, PeerError):  # the console is told by whoever called
                message = f"stopped by {type(error).__name__}: {error}"
                handler.handle(logger.makeRecord(logger.name, logging.ERROR, __file__, 0, message, (), None))
            raise
        finally:
            if handler:
                logger.removeHandler(handler)
                handler.close()
            folder.close()


def _check(builder: Builder) -> None:
    builder.check()
    check_format(builder)


def _claim(recipe: Recipe, folder: RunFolder) -> None:
    """The run's own files must not replace a recipe, label file or dictionary that is kept in the folder.

    The `config.yml` of a run is the recipe that was written there, and may be given again.
    """
    own = (folder / "run.json").exists() and recipe.path is not None
    files = [file for file in recipe_reads(recipe)[0] if os.path.isfile(file) and not (own and file == str(recipe.path))]
    names = ("config.yml", "run.json", "train.log", RECORDS, *((CODEC_FILE,) if recipe.globals.codec == AUTO else ()))
    claim([folder / name for name in names], files, advice="choose another Global.save_model_dir")


def _drive(run: Run, resume: Resume | None) -> TrainResult:
    if resume:
        for note in resume.notes:
            logger.warning(note)
        logger.info(_resumed_text(run, resume))
    start = time.perf_counter()
    try:
        with run.machine.signals:  # also while saving: a launcher does not signal all ranks in the same instant
            try:
                fit(run)
            except BaseException as error:
                _rescue(run, error)
                raise
    except Exception as error:
        # A signal may have ended a worker process first; but a launcher also sends one because another rank is gone.
        if run.machine.signals.pending and not isinstance(error, RankLost):
            raise Interrupted(run.machine.signals.pending) from error
        raise
    finally:
        run.tell("close")
        for target in run.output.loggers:
            target.close()
        run.parts.loader.close()
    return _conclude(run, time.perf_counter() - start)


def _resumed_text(run: Run, resume: Resume) -> str:
    done = run.progress
    if run.over:
        settings = run.recipe.globals
        key = next((key for key in ("max_minutes", "max_steps") if getattr(settings, key) is not None), "epoch_num")
        return (
            f"resumed from {resume.path}: its {done.trained_epoch} epochs ({done.step} steps) are all that Global.{key}: "
            f"{getattr(settings, key):g} asks for; to train longer, raise it"
        )
    return f"resumed from {resume.path}: epoch {done.epoch}, batch {done.batch}, step {done.step}"


def _rescue(run: Run, error: BaseException) -> None:
    """Leaves a checkpoint of the last complete step, whatever ended the run."""
    if isinstance(error, CheckpointError):
        return  # saving is what failed; the earlier checkpoint is intact
    try:
        run.confirm()
    except TrainingError as bad:  # of a step before the error, which nobody had looked at
        logger.error("%s", bad)
    if run.progress.step == 0:
        logger.info("stopped before the first step: there is nothing to save")  # a checkpoint would be in the next start's way
        return
    if run.machine.guard.spoiled:
        logger.error("the weights were being updated when the run stopped; the earlier checkpoint is kept")
        return
    if run.machine.ranks.world > 1 and not run.state.in_step and not isinstance(error, Interrupted):
        if not isinstance(error, RankLost):
            logger.error("this rank stopped by itself, so nothing is saved; the earlier checkpoint is kept")
        return  # the other ranks may be anywhere: joining them in saving could wait for ever
    run.machine.guard.undo()
    try:
        save_latest(run, run.resumable())
    except CheckpointError as failure:
        logger.error("%s", failure)
        return
    if run.machine.ranks.main:
        what = (
            "interrupted"
            if isinstance(error, Interrupted | KeyboardInterrupt) or run.machine.signals.pending
            else "stopped by an error"
        )
        logger.warning(
            "%s after step %d; %s is saved. To continue: tools/train.py --resume %s (or recipe and Global.checkpoints=%s)",
            what,
            run.progress.step,
            run.output.folder / LATEST,
            run.output.folder.path,
            run.output.folder.path,
        )


def _conclude(run: Run, seconds: float) -> TrainResult:
    state, folder = run.state, run.output.folder
    result = TrainResult(folder.path, state.best, steps=run.progress.step, stop_reason=state.stop_reason, **asdict(state.results))
    if not run.machine.ranks.main:
        return result
    for line in _from_first_to_last(result):
        logger.info(line)
    best = run.state.best
    if best.value is not None:
        logger.info("best on %s: %s: %s", run.evaluated[0], best.when(), metrics_text(best.metrics))
    logger.info("done: %d steps, %.1f s in this process, %s", run.progress.step, seconds, run.output.folder.path)
    summary = {k: v for k, v in asdict(result).items() if k != "folder"}
    summary |= {"seconds": round(seconds, 1), "epochs": run.progress.epoch - 1}
    note_end(run, summary)
    return result


def _from_first_to_last(result: TrainResult) -> Iterator[str]:
    """Of each evaluation set the numbers of the first and the latest evaluation; where there was one only, its own."""
    begin = "start" if result.first_step == 0 else f"step {result.first_step}"
    end = "end" if result.last_step == result.steps else f"step {result.last_step}"
    for name, after in result.last.items():
        before = result.first.get(name, {})
        keys = [key for key in after if key not in ("fps", "n") and not key.startswith(COUNT)]
        if result.first_step == result.last_step:
            yield f"{name}, {begin if result.last_step == 0 else end}: " + ", ".join(f"{key} {after[key]:.4f}" for key in keys)
        else:
            shared = [f"{key} {before[key]:.4f} -> {after[key]:.4f}" for key in keys if key in before]
            yield f"{name}, {begin} -> {end}: {', '.join(shared)}"


def evaluate(recipe: Recipe, keep: int | None = 0, analyse: bool = False) -> list[Evaluation]:
    """Measures `Global.checkpoints` or `Global.pretrained_model` on every evaluation set of the recipe.

    Args:
        keep: how many (sample, result) pairs to keep of each set; None: all.
        analyse: tell also where a recogniser errs (`Evaluation.analysis`), for a test report.

    Returns:
        The results of all ranks together, on every rank: rank 0 should print them.

    Raises:
        OcrError: no weights given, weights that do not fit, an empty evaluation set.
    """
    builder = reading_builder(recipe)
    builder.check()
    settings = recipe.globals
    wants_gpu = settings.use_gpu if settings.use_gpu is not None else settings.device != "cpu"
    with join_ranks(bool(wants_gpu)) as ranks:
        with ranks.together():
            compute = choose_compute(settings, ranks)
            set_threads(settings.num_threads)
            builder, model, report, trained_on = _loaded(builder)
            if analyse and builder.metric().rules is None:
                told = "compares no texts: a test report (--report FOLDER) is for recognisers; name a file that ends in .json"
                raise ConfigError([Problem("Metric", told)], recipe.source)
            objective = Objective(compute.place(model), _loss(builder, report), compute)
            sets = eval_sets(builder, None, ranks, objective)
            if not sets:
                raise TrainingError("the recipe has no Eval section; give it Eval.dataset and Eval.loader")
            for part in sets:
                part.beside = part.postprocess.beside() if hasattr(part.postprocess, "beside") else {}
            for part in sets if ranks.main else ():
                judge_left_out(part.loader.dataset, part.name)
            tell_line_kinds(trained_on, None, sets if ranks.main else ())
        return [_measured(objective, part, ranks, keep, analyse) for part in sets]


def _measured(objective: Objective, part: EvalSet, ranks: Ranks, keep: int | None, analyse: bool) -> Evaluation:
    evaluation = evaluate_set(objective, part, ranks, keep, analyse=analyse)
    log_rejections(evaluation.rejected, part.name)
    return evaluation


def load_model(recipe: Recipe) -> tuple[Builder, Any]:
    """The trained network of a recipe for use, not for training: in evaluation mode, with the charset of its weights if any.

    `Global.checkpoints` wins over `Global.pretrained_model`.

    Raises:
        OcrError: neither is given, or the weights do not fit.
    """
    builder, model, *_ = _loaded(Builder(recipe))
    return builder, model


def _loaded(builder: Builder) -> tuple[Builder, Any, MatchReport, LineKind | None]:
    recipe, settings = builder.recipe, builder.recipe.globals
    if not settings.checkpoints and not settings.pretrained_model:
        raise TrainingError("no weights to evaluate: set Global.pretrained_model (weights, a run folder) or Global.checkpoints")
    if settings.checkpoints:
        settings = replace(settings, pretrained_model=str(resolve_checkpoint(settings.checkpoints)))
    weights, plan = pretrained(settings, builder.known_charset, as_is=True, task=builder.task)
    assert weights is not None  # a source was given
    builder = builder.reading(plan.charset if plan else None)
    model = builder.model()
    report = load_into(model, weights, plan, 1.0, architecture=recipe.get("Architecture"), as_is=True)
    logger.info(report.summary())
    return builder, model.eval(), report, kind_of(weights)


def _loss(builder: Builder, report: MatchReport) -> Loss | None:
    """What is taken on evaluation sets beside the metric; None where the weights lack what training alone uses (the guide).

    Raises:
        TrainingError: `Global.eval_loss: true` asks for it all the same.
    """
    asked = builder.recipe.globals.eval_loss
    if asked is False:
        return None
    if report.unused:
        lacking = f"{report.source} does not hold what the loss needs beside what reads ({report.unused[0]} ...)"
        if asked:
            raise TrainingError(f"Global.eval_loss: true, but {lacking}; take weights that do, or set it to null")
        logger.info("the loss is not taken: %s", lacking)
        return None
    loss = builder.loss()
    fill_centers(loss)
    return loss
