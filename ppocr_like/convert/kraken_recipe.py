"""A kraken experiment becomes a recipe, and of each of its keys is said what became of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ppocr_like.config.yaml_io import dump
from ppocr_like.convert.kraken_experiment import Experiment
from ppocr_like.convert.kraken_network import REST, Steps, augmentation, eval_section, train_section
from ppocr_like.convert.kraken_options import OPTIONS
from ppocr_like.convert.kraken_start import codec_of, start
from ppocr_like.convert.kraken_work import LEFT_OUT, Fate, Work, shown
from ppocr_like.errors import ConfigError

SCHEDULE_KEYS = {
    "constant": (),
    "1cycle": (),
    "exponential": ("gamma", "step_size"),
    "step": ("gamma", "step_size"),
    "reduceonplateau": ("gamma", "rop_patience"),
    "cosine": ("cos_t_max", "cos_min_lr"),
    "cosine_warm_restarts": ("cos_t_max", "cos_min_lr"),
}
OPTIMIZERS = {name.lower(): name for name in ("Adam", "AdamW", "SGD", "RMSprop", "Lamb")}
WITH_MOMENTUM = ("SGD", "RMSprop")
FORMATS = {
    "xml": {"name": "XMLDataSet", "format": "xml"},
    "alto": {"name": "XMLDataSet", "format": "alto"},
    "page": {"name": "XMLDataSet", "format": "page"},
    "path": {"name": "PathDataSet"},
    "binary": {"name": "ArrowDataSet"},
}
PRECISIONS = {
    "32-true": {},
    "16-mixed": {"use_amp": True, "amp_dtype": "float16"},
    "bf16-mixed": {"use_amp": True, "amp_dtype": "bfloat16"},
    "bf16-true": {"use_amp": True, "amp_dtype": "bfloat16"},
}
NO_PRECISION = {
    "16-true": "weights stay float32 here, for float16 weights lose small updates; 16-mixed computes in float16",
    "64-true": "no kernel here computes in float64",
    "transformer-engine": "NVIDIA's transformer engine is not used here; take bf16-mixed",
    "transformer-engine-float16": "NVIDIA's transformer engine is not used here; take 16-mixed",
}
ALWAYS_LEFT = {
    "resume": "a run of kraken cannot go on here; one of this recipe does with tools/train.py --resume",
    "legacy_polygons": "kraken's line cutter up to version 4 does not exist here; lines are cut along their baselines",
    "no_legacy_polygons": "lines are never cut as kraken up to version 4 did",
    "test_data": "training does not read it; measure with tools/eval.py and another Eval.dataset",
    "verbose": "messages of all kinds: -o Global.debug=true",
    "variant": "of kraken's ppocrv6: take configs/rec/ppocrv6_tiny_rec.yml, _small_ or _medium_",
    "height": "of kraken's ppocrv6; the height of a VGSL network stands in its spec",
    "max_width": "of kraken's ppocrv6; here the loader's bucket_by_width.max_width",
}


@dataclass
class KrakenRecipe:
    """A recipe as plain data, the fate of each key, and what a person should know besides."""

    tree: dict[str, Any]
    fates: list[Fate]
    notes: list[str] = field(default_factory=list)

    def text(self, source: str) -> str:
        """The recipe as YAML, with the fates before it."""
        told = [f"Made of {source}, an experiment of kraken, by tools/kraken_recipe.py. What became of its keys:", ""]
        told += [f"  {fate}" for fate in self.fates] + ["", *self.notes]
        lines = "".join(f"# {line}".rstrip() + "\n" for part in told for line in part.splitlines() or [""])
        return lines + dump(self.tree)


def kraken_recipe(experiment: Experiment) -> KrakenRecipe:
    """Makes the recipe; kraken's defaults stand in it where the experiment says nothing.

    Raises:
        ConfigError: values that neither kraken nor a recipe can have, all together; no training data.
    """
    work = Work(experiment)
    for step in (_whole, _rules, _optimizer, _schedule, start, _characters, _data):
        step(work)
    for name, reason in ALWAYS_LEFT.items():
        if name in experiment.values:
            work.leave(name, reason)
    if work.problems:
        raise ConfigError(work.problems, "the experiment")
    order = {option.name: place for place, option in enumerate(OPTIONS)}
    fates = sorted(work.fates, key=lambda fate: order[fate.key])
    fates += [Fate(key, None, f"{LEFT_OUT}: {reason}", True) for key, reason in experiment.left]
    parts = {**work.tree, **REST}
    sections = ("Global", "Optimizer", "Architecture", *REST, "Train", "Eval")
    return KrakenRecipe({section: parts[section] for section in sections if section in parts}, fates, work.notes)


def _whole(work: Work) -> None:
    """Machine, place and log."""
    device = str(work.value("device"))
    first = device.split(",")[0].strip()
    several = "" if first == device else "several devices: torchrun --nproc_per_node=... tools/train.py"
    work.take("device", "Global.device", first, several)
    precision = work.value("precision")
    if precision in PRECISIONS:
        for key, value in PRECISIONS[precision].items():
            work.put(f"Global.{key}", value)
        said = ", ".join(f"Global.{key}: {shown(value)}" for key, value in PRECISIONS[precision].items())
        said += " (weights stay float32)" if precision == "bf16-true" else ""
        work.told("precision", said or "float32, as every recipe without Global.use_amp")
    elif precision in NO_PRECISION:
        work.leave("precision", f"{NO_PRECISION[precision]}. The recipe computes in float32")
    else:
        work.wrong("precision", f"is {precision}; kraken knows {', '.join([*PRECISIONS, *NO_PRECISION])}")
    work.take("num_threads", "Global.num_threads", work.value("num_threads"))
    deterministic = work.value("deterministic")
    work.take(
        "deterministic", "Global.deterministic", "warn" if deterministic else False, "as kraken means it" * bool(deterministic)
    )
    seed = work.value("seed")
    if seed is not None or deterministic:
        work.take("seed", "Global.seed", 42 if seed is None else seed, "of a deterministic run" if seed is None else "")
    work.take("checkpoint_path", "Global.save_model_dir", work.value("checkpoint_path"))
    asked = work.value("weights_format")
    if asked == "coreml":
        work.take("weights_format", "Global.weights_format", "coreml", "the best weights also as .mlmodel, with the extra coreml")
    elif asked == "safetensors" and "weights_format" in work.experiment.values:
        work.take("weights_format", "Global.weights_format", "kraken", "the best weights also as kraken reads them")
    elif asked == "safetensors":
        work.told("weights_format", "safetensors; Global.weights_format: kraken writes the best ones as kraken reads them, too")
    else:
        work.leave("weights_format", "weights are kept as safetensors")
    logger = work.value("pl_logger")
    if logger in ("tensorboard", "wandb"):
        work.take("pl_logger", f"Global.use_{logger}", True)
    elif logger is not None:
        work.wrong("pl_logger", f"is {logger}; kraken knows tensorboard and wandb")
    if work.value("log_dir") is not None:
        work.take("log_dir", "Global.log_dir", work.value("log_dir"))


def _rules(work: Work) -> None:
    """How long a run is, and when it is evaluated."""
    kind, epochs, cycle = work.value("quit"), work.value("epochs"), work.value("schedule") == "1cycle"
    rule = {"patience": work.value("lag"), "min_delta": work.value("min_delta"), "min_epochs": work.value("min_epochs")}
    if kind == "early":
        work.take("quit", "Global.early_stop", {**rule, "stop_at": 1.0}, "a perfect score ends the run")
        for name, key in (("lag", "patience"), ("min_delta", "min_delta"), ("min_epochs", "min_epochs")):
            work.told(name, f"Global.early_stop.{key}")
        if cycle and epochs > 0:
            work.take("epochs", "Global.epoch_num", epochs, "the length of 1cycle")
        else:
            work.take("epochs", "Global.epoch_num", None, "until early_stop ends the run")
    elif kind == "fixed":
        work.told("quit", "no Global.early_stop")
        work.leave_given(("lag", "min_delta", "min_epochs"), "no meaning with quit: fixed")
        work.take("epochs", "Global.epoch_num", epochs)
    else:
        work.wrong("quit", f"is {kind}; kraken knows early and fixed")
    if epochs < 1 and (kind == "fixed" or cycle):
        work.wrong(
            "epochs", f"is {epochs}, so the run {'has no length for 1cycle' if cycle else 'would never end'}; give a number"
        )
    freq = work.value("freq")
    if freq <= 0 or (freq > 1 and not float(freq).is_integer()):
        work.wrong("freq", f"is {freq}; up to 1 it is a part of an epoch, above it a whole number of epochs")
    elif freq >= 1:
        work.take("freq", "Global.eval_batch_epoch", int(freq))
    else:
        times = max(1, round(1 / Fraction(str(freq))))
        part = round(1 / times, 6)
        work.take("freq", "Global.eval_batch_epoch", part, "" if part == freq else f"{times} times an epoch, all as far apart")
    work.put("Global.keep_best", 10)
    work.put("Global.keep_checkpoints", 1)
    work.put("Global.print_batch_step", 50)


def _optimizer(work: Work) -> None:
    name = OPTIMIZERS.get(str(work.value("optimizer")).lower())
    if name is None:
        work.wrong("optimizer", f"is {work.value('optimizer')}; kraken knows {', '.join(OPTIMIZERS.values())}")
        return
    work.take("optimizer", "Optimizer.name", name)
    if name in WITH_MOMENTUM:
        work.take("momentum", "Optimizer.momentum", work.value("momentum"))
    else:
        work.leave_given(("momentum",), f"{name} has none")
    work.take("weight_decay", "Optimizer.weight_decay", work.value("weight_decay"))
    clip = work.value("gradient_clip_val")
    if clip > 0:
        work.take("gradient_clip_val", "Optimizer.clip_norm_global", clip, CLIPPED)
    else:
        work.told("gradient_clip_val", "nothing is clipped")
    if work.value("freeze_backbone") > 0:
        work.take("freeze_backbone", "Optimizer.freeze_backbone", work.value("freeze_backbone"), "in samples")
    work.take("accumulate_grad_batches", "Global.accumulate_steps", work.value("accumulate_grad_batches"))


def _schedule(work: Work) -> None:
    name = work.value("schedule")
    if name not in SCHEDULE_KEYS:
        work.wrong("schedule", f"is {name}; kraken knows {', '.join(SCHEDULE_KEYS)}")
        return
    work.take("schedule", "Optimizer.lr.name", name)
    work.take("lrate", "Optimizer.lr.learning_rate", work.value("lrate"))
    work.take("warmup", "Optimizer.lr.warmup", work.value("warmup"), "in optimizer steps")
    own = SCHEDULE_KEYS[name]
    factor = name == "reduceonplateau" and "rop_factor" in work.experiment.values and "gamma" not in work.experiment.values
    for key in own:
        if factor and key == "gamma":
            work.take("rop_factor", "Optimizer.lr.gamma", work.value("rop_factor"))
        else:
            work.take(key, f"Optimizer.lr.{key}", work.value(key))
    if not factor:
        work.leave_given(("rop_factor",), "gamma is the factor of reduceonplateau, as kraken's guide says")
    rest = {key for keys in SCHEDULE_KEYS.values() for key in keys} - set(own)
    work.leave_given(tuple(sorted(rest)), f"the schedule {name} does not read it")


def _characters(work: Work) -> None:
    _classes(work)
    form = work.value("normalization")
    if form not in (None, "NFC", "NFD", "NFKC", "NFKD"):
        work.wrong("normalization", f"is {form}; kraken knows NFC, NFD, NFKC and NFKD")
    bidi, base = work.value("bidi_reordering"), work.value("base_dir")
    if bidi in ("L", "R"):
        bidi, base = True, bidi
    if base not in ("auto", "L", "R"):
        work.wrong("base_dir", f"is {base}; kraken knows auto, L and R")
    place = "TextNormalize"
    work.told("normalization", f"{place}.form: {shown(form)}")
    work.told("normalize_whitespace", f"{place}.whitespace: {shown(work.value('normalize_whitespace'))}")
    work.told("bidi_reordering", f"{place}.bidi: {shown(bidi)}")
    if bidi:
        work.told("base_dir", f"{place}.base_dir: {base}")
    else:
        work.leave_given(("base_dir",), "nothing is reordered")
    work.put("Global.max_text_length", 500)
    spelling = {"form": form, "whitespace": work.value("normalize_whitespace"), "bidi": bool(bidi)}
    work.spelling = {**spelling, **({"base_dir": base} if bidi else {})}


def _classes(work: Work) -> None:
    """`codec` and `resize`. Beside weights a codec stands with charset_resize: new, which keeps the rows of what both know."""
    codec, resize = work.value("codec"), {"add": "union", "both": "new"}.get(work.value("resize"), work.value("resize"))
    if resize not in ("fail", "union", "new"):
        work.wrong("resize", f"is {resize}; kraken knows fail, union and new")
    if work.loaded is None:
        work.take("codec", "Global.codec", "auto" if codec is None else codec, "" if codec else "a class for each code point")
        work.take("resize", "Global.charset_resize", resize, "counts beside weights")
        return
    work.put("Global.charset_resize", "new")
    if resize == "fail" and codec is None:
        work.put("Global.codec", codec_of(work.loaded))
        work.put("Global.max_unknown", 0.0)
        work.told("codec", f"Global.codec: the {work.loaded.num_classes - 1} classes of the weights")
        work.told("resize", "Global.max_unknown: 0 (a character that the weights do not know ends the run)")
        return
    work.take("codec", "Global.codec", "auto" if codec is None else codec, "" if codec else "a class for each code point")
    lost = {"fail": "the codec is taken as it is", "union": "characters of the weights that no training line has are dropped"}
    work.told("resize", "Global.charset_resize: new" + (f" ({lost[resize]})" if resize in lost else ""))


def _data(work: Work) -> None:
    kind = work.value("format_type")
    if kind not in FORMATS:
        work.wrong("format_type", f"is {kind}; kraken knows {', '.join(FORMATS)}")
        return
    source: dict[str, Any] = dict(FORMATS[kind])
    work.told("format_type", f"{source['name']}, of Train and Eval" if kind != "path" else "PathDataSet, of Train and Eval")
    _line_type(work, source, kind)
    training = dict(source)
    for name, key in (("training_data", "manifests"), ("ground_truth", "files")):
        if work.value(name):
            training[key] = work.value(name)
            work.told(name, f"Train.dataset.{key}")
    if not ({"manifests", "files"} & set(training)):
        work.wrong("training_data", "is missing: a recipe needs manifests or files to train on")
        return
    evaluation = _divided(work, source, training, kind)
    augment = work.value("augment")
    work.told(
        "augment", f"RecAug in Train.dataset.transforms ({AUGMENTED})" if augment else "no RecAug in Train.dataset.transforms"
    )
    steps = Steps(work.spelling, work.line)
    batch, workers = work.value("batch_size"), work.value("num_workers")
    work.told("batch_size", f"batch_size_per_card: {batch}, of Train and Eval" + (SMALL_BATCH if batch == 1 else ""))
    work.told("num_workers", f"num_workers: {workers}, of Train and Eval")
    work.tree["Train"] = train_section(training, steps, augmentation() if augment else [], batch, workers)
    if evaluation is not None:
        work.tree["Eval"] = eval_section(evaluation, steps, batch, workers)


def _line_type(work: Work, source: dict[str, Any], kind: str) -> None:
    """How lines are cut, and what KrakenLine makes of them. kraken takes lines of the format path for boxes."""
    asked = work.value("linetype")
    if asked not in (None, "auto", "baselines", "bbox"):
        work.wrong("linetype", f"is {asked}; kraken knows baselines and bbox")
        return
    made = asked if asked in ("baselines", "bbox") else "bbox" if kind == "path" else "baselines"
    told = f"KrakenLine.linetype: {made}"
    if kind in ("xml", "alto", "page"):
        source["linetype"] = asked or "auto"
        told = f"XMLDataSet.linetype: {source['linetype']}, {told}"
    elif kind == "binary" and asked is None:
        told += " (of a set that was compiled of boxes write bbox; a run says so)"
    work.line["linetype"] = made
    work.told("linetype", told)


AUGMENTED = "other steps than kraken's with the same purpose: warping, blur, noise, shifts; with probabilities like its own"
CLIPPED = "kraken's loss is a sum over the batch, clipped in nearly every step; here it is the mean, which hardly ever is"
SMALL_BATCH = "; 16 is several times as fast"


def _divided(work: Work, source: dict[str, Any], training: dict[str, Any], kind: str) -> dict[str, Any] | None:
    """The data set of Eval; training gets its share."""
    share, own = work.value("partition"), work.value("evaluation_data")
    if own:
        work.told("evaluation_data", "Eval.dataset.manifests")
        work.leave_given(("partition",), "evaluation_data is there, so nothing is divided")
        return {**source, "manifests": own}
    if not 0 < share <= 1:
        work.wrong("partition", f"is {share}; a share above 0 and up to 1 is needed")
        return None
    if share == 1:
        work.told("partition", "no Eval: everything is trained on")
        if work.value("quit") == "early":
            work.wrong("partition", "is 1, so nothing is evaluated and quit: early cannot end the run; give a smaller share")
        return None
    by = "line" if kind == "binary" else "page"
    training |= {"partition": share, "partition_by": by}
    pages = "" if kind in ("binary", "path") else WHOLE_PAGES
    work.told("partition", f"partition: {share}, partition_by: {by}, of Train and Eval{pages}")
    return dict(training)


WHOLE_PAGES = " (whole pages, always the same ones; kraken draws lines anew, and lines of one page leak into its validation)"
