"""The options of `ketos train`: what kraken's experiment files and command lines can say, with kraken's defaults.

Names are those of an experiment file; the flags are those of the command line of kraken 7. The defaults are those of the training
guide for recognisers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["text", "int", "float", "switch", "many", "codec", "count"]


@dataclass(frozen=True)
class Option:
    """One option.

    Args:
        name: key of an experiment file.
        flags: of the command line; those of `off` turn a switch off.
        kind: "many": may be repeated; "codec": a file or a mapping; "switch": true or false; "count": how often a flag stands.
        default: kraken's.
        outer: stands outside of the block `train:` and before the command.
    """

    name: str
    flags: tuple[str, ...]
    kind: Kind = "text"
    default: Any = None
    off: tuple[str, ...] = ()
    outer: bool = False


OPTIONS = (
    Option("device", ("-d", "--device"), default="auto", outer=True),
    Option("precision", ("--precision",), default="32-true", outer=True),
    Option("num_workers", ("--workers",), "int", 1, outer=True),
    Option("num_threads", ("--threads",), "int", 1, outer=True),
    Option("seed", ("-s", "--seed"), "int", outer=True),
    Option("deterministic", ("-r", "--deterministic"), "switch", False, ("--no-deterministic",), outer=True),
    Option("verbose", ("-v", "--verbose"), "count", 0, outer=True),
    Option("checkpoint_path", ("-o", "--output"), default="model"),
    Option("weights_format", ("--weights-format",), default="safetensors"),
    Option("epochs", ("-N", "--epochs"), "int", -1),
    Option("quit", ("-q", "--quit"), default="early"),
    Option("min_epochs", ("--min-epochs",), "int", 0),
    Option("lag", ("--lag",), "int", 10),
    Option("min_delta", ("--min-delta",), "float", 0.0),
    Option("freq", ("-F", "--freq"), "float", 1.0),
    Option("batch_size", ("-B", "--batch-size"), "int", 1),
    Option("accumulate_grad_batches", ("--accumulate-grad-batches",), "int", 1),
    Option("optimizer", ("--optimizer",), default="AdamW"),
    Option("lrate", ("-r", "--lrate"), "float", 1e-3),
    Option("momentum", ("-m", "--momentum"), "float", 0.9),
    Option("weight_decay", ("-w", "--weight-decay"), "float", 0.0),
    Option("gradient_clip_val", ("--gradient-clip-val",), "float", 1.0),
    Option("warmup", ("--warmup",), "int", 0),
    Option("schedule", ("--schedule",), default="constant"),
    Option("gamma", ("-g", "--gamma"), "float", 0.1),
    Option("step_size", ("-ss", "--step-size"), "int", 10),
    Option("rop_patience", ("--sched-patience",), "int", 5),
    Option("rop_factor", (), "float", 0.1),
    Option("cos_t_max", ("--cos-max",), "int", 10),
    Option("cos_min_lr", ("--cos-min-lr",), "float", 1e-6),
    Option("freeze_backbone", ("--freeze-backbone",), "int", 0),
    Option("load", ("-i", "--load")),
    Option("resume", ("--resume",)),
    Option("resize", ("--resize",), default="fail"),
    Option("training_data", ("-t", "--training-data"), "many"),
    Option("ground_truth", (), "many"),
    Option("evaluation_data", ("-e", "--evaluation-data"), "many"),
    Option("test_data", (), "many"),
    Option("partition", ("-p", "--partition"), "float", 0.9),
    Option("format_type", ("-f", "--format-type"), default="path"),
    Option("linetype", ("--linetype",)),
    Option("normalization", ("-u", "--normalization")),
    Option("normalize_whitespace", ("-n", "--normalize-whitespace"), "switch", True, ("--no-normalize-whitespace",)),
    Option("bidi_reordering", ("--reorder",), "switch", True, ("--no-reorder",)),
    Option("base_dir", ("--base-dir",), default="auto"),
    Option("padding", ("--pad",), "int", 16),
    Option("augment", ("--augment",), "switch", False, ("--no-augment",)),
    Option("codec", ("-c", "--codec"), "codec"),
    Option("legacy_polygons", ("--legacy-polygons",), "switch", False),
    Option("no_legacy_polygons", ("--no-legacy-polygons",), "switch", False),
    Option("spec", ("-s", "--spec")),
    Option("arch", ("--arch",), default="vgsl"),
    Option("variant", ("--variant",)),
    Option("height", ("--height",), "int"),
    Option("max_width", ("--max-width",), "int"),
    Option("pl_logger", ("--logger",)),
    Option("log_dir", ("--log-dir",)),
)
BY_NAME = {option.name: option for option in OPTIONS}
# Blocks of an experiment file, which are ketos' commands, that no recipe is made of.
OTHER_COMMANDS = {
    "segtrain": "no recipe is made for finding lines with kraken's network",
    "segtest": "no recipe is made for finding lines with kraken's network",
    "pretrain": "no recipe is made for pretraining without texts",
    "rotrain": "no recipe is made for learning a reading order",
    "test": "weights are measured with tools/eval.py, whose recipe is the training's with another Eval.dataset",
    "compile": "line sets are packed with tools/pack.py",
    "convert": "weights are converted with tools/convert_weights.py",
    "roadd": "no recipe is made for learning a reading order",
    "publish": "models are not published from here",
}


def spellings(outer: bool | None = None) -> dict[str, Option]:
    """Options by every way to write them as a key: `checkpoint_path`, `output`. A name wins over another option's flag."""
    wanted = [option for option in OPTIONS if outer is None or option.outer == outer]
    found = {flag.lstrip("-").replace("-", "_"): option for option in wanted for flag in option.flags if flag.startswith("--")}
    return {**found, **{option.name: option for option in wanted}}
