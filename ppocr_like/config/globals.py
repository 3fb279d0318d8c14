"""The Global section: PaddleOCR's keys with their meaning there, and ours.

`docs/recipe.md` holds the table of these fields; a test compares the two.
"""

# ruff: noqa: RUF009 (`option` makes a dataclass field)
from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from ppocr_like.config.paddle.amp_ops import AMP_OPS
from ppocr_like.config.typecheck import fit, nearest, option, parameters
from ppocr_like.errors import Problem
from ppocr_like.text import DirectionSetting

ENDLESS = 1_000_000  # epochs of a run that `early_stop` alone ends
RESIZE_ALIASES = {"add": "union", "both": "new"}  # of `charset_resize`: kraken's names in earlier years


@dataclass(frozen=True)
class EarlyStop:
    """When to end a run that no longer gets better, counted in evaluations of the first evaluation set."""

    patience: int = option(10, "evaluations without a better main indicator before the run stops", least=1)
    min_delta: float = option(0.0, "how much better the main indicator must be to count", least=0)
    min_epochs: int = option(0, "epochs that run in any case", least=0)
    stop_at: float | None = option(1.0, "main indicator that ends the run at once: nothing can be better; null: none does")


@dataclass(frozen=True)
class Forgetting:
    """How much a run may lose on the evaluation sets that do not decide, against the first evaluation."""

    max_loss: float = option(
        0.02, "by how much the main indicator, or one that breaks its ties (cer), may get worse: 0.02 is two points of a hundred",
        least=0,
    )  # fmt: skip
    sets: list[str] | None = option(None, "names of the sets that are watched; null: all but the first, which decides")
    stop: bool = option(False, "the run ends at the first evaluation that lost more")
    keep: bool = option(False, "also keep `best_remembering.safetensors`, the best weights of those that lost no more")


@dataclass(frozen=True)
class Compile:
    """How torch.compile works on the network; its own arguments, and which parts."""

    mode: Literal["default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs"] = option(
        "default", "torch's: how much to search, and CUDA graphs"
    )
    dynamic: bool | None = option(None, "free sizes from the start; null: from the second size on; false: one network per size")
    backend: str = option("inductor", "another backend of torch.compile")
    fullgraph: bool = option(False, "stop where the network cannot be one graph")
    parts: list[str] | None = option(None, "only these, of transform, backbone, neck, head; null: the network as a whole")


@dataclass(frozen=True)
class GlobalConfig:
    """Settings of the whole run. `option`'s text is the key's documentation."""

    # Length of a run and where it writes
    epoch_num: int | None = option(
        None, "last epoch; a resumed run goes on up to it. null: the run goes on until `early_stop` ends it", least=1
    )
    max_minutes: float | None = option(
        None,
        "in the place of `epoch_num`: from the command to the end of the last evaluation the run takes so long. Its first steps "
        "are measured, then the number of its steps is settled once, and the schedule runs over it",
        above=0,
    )
    clock: Literal["wall", "processor"] = option(
        "wall",
        "what `max_minutes` counts; processor: the time that the processors spend on this process, whatever else they do: for "
        "comparing runs on a machine that is not idle. Loader workers are processes of their own and not counted",
    )
    max_steps: int | None = option(None, "in the place of `epoch_num`: the run has so many optimizer steps", least=1)
    save_model_dir: str = option("./output/", "run folder: checkpoints, `train.log`, `metrics.jsonl`, the effective recipe")
    save_epoch_step: int | None = option(
        1, "weights `iter_epoch_N.safetensors` are kept every this many epochs; null: none are", least=1
    )
    save_batch_step: int | None = option(None, "also write `latest.ckpt` every this many steps within an epoch", least=1)
    overwrite: bool = option(
        False, "start anew in a run folder that holds an earlier run, whose checkpoints and logs are removed"
    )
    keep_checkpoints: int | None = option(None, "how many `iter_epoch_N` to keep, the newest; null: all", least=0)
    keep_best: int | None = option(
        None,
        "keep the weights of so many of the best evaluations, as `best_step_N.safetensors`; null: the best one alone",
        least=1,
    )

    weights_format: Literal["safetensors", "kraken", "coreml"] | None = option(
        None,
        "at the end of a run its best weights also as `best_0.9321` (the main indicator): `safetensors`, a copy; `kraken`, "
        "kraken's `.safetensors`; `coreml`, its `.mlmodel`; null: not (docs/kraken.md)",
    )

    # Weights in and out
    pretrained_model: str | None = option(
        None,
        "weights a fresh run starts from: `.safetensors`, PaddleOCR's `.pdparams`, `.onnx`, `.pth`, a run folder, a prefix "
        "such as `output/x/best_accuracy`, or `rapidocr:rec` (`:det`, `:cls`), the model that this package brings",
    )
    pretrained_sub_model: str | None = option(
        None, "network to take of weights of a distillation (`Teacher`); null: `Student`, or the only one"
    )
    pretrained_min_match: float = option(
        0.5, "share of the model's values that must be found in `pretrained_model`, else stop", least=0
    )
    charset_resize: Literal["fail", "union", "new"] = option(
        "fail",
        "when the weights were trained with another dictionary: `fail` stops; `union` keeps the old characters and adds the "
        "new ones; `new` takes this recipe's dictionary. Rows of characters in both are kept, by character",
    )
    bias_from_labels: bool = option(
        True,
        "a CTC layer that no weights fill, with no recurrent layers before it, starts at the frequencies of the characters in "
        "the training labels, and not at chance",
    )
    checkpoints: str | None = option(None, "run folder or `latest.ckpt` to continue exactly; wins over `pretrained_model`")
    save_inference_dir: str | None = option(None, "folder of the exported bundle")

    # Evaluation
    eval_batch_step: int | list[int] | None = option(
        None, "evaluate every N steps, or `[start, N]`: first at start + N. Neither this nor `eval_batch_epoch`: every epoch"
    )
    eval_batch_epoch: int | float | None = option(
        None, "evaluate every N epochs, or so many times in an epoch: 0.25 is four times; wins over `eval_batch_step`", above=0
    )
    eval_at_start: bool = option(True, "sanity evaluation before the first step")
    eval_at_end: bool = option(True, "evaluation after the last step")
    keep_start: bool = option(
        False, "the evaluation before the first step counts for `best_accuracy`, too, which then never is worse than the start"
    )
    eval_loss: bool | None = option(
        None,
        "the loss on evaluation sets beside the metric; null: where their transforms keep what loss and head read; true: an "
        "error where they do not (docs/training.md)",
    )
    early_stop: EarlyStop | None = option(None, "`{patience, min_delta, min_epochs, stop_at}`; null: never")
    forgetting: Forgetting | None = option(
        Forgetting(), "with several evaluation sets: `{max_loss, sets, stop, keep}`, when a run that forgets is told; null: never"
    )
    cal_metric_during_train: bool = option(False, "the metric on training batches as well, in the log lines")
    calc_epoch_interval: int = option(1, "with `cal_metric_during_train`: only in every N-th epoch", least=1)

    # Log
    print_batch_step: int = option(10, "a log line every N steps, and one at the end of an epoch", least=1)
    log_smooth_window: int = option(20, "printed values are medians over this many steps", least=1)
    use_visualdl: bool = option(
        False, "scalars and pictures (predictions, training maps) for VisualDL, in `<save_model_dir>/vdl`"
    )
    use_tensorboard: bool = option(False, "the same for TensorBoard, in `<save_model_dir>/tensorboard`")
    use_wandb: bool | None = option(
        None, "the same for Weights & Biases, see the section `wandb`; null: where that section stands, as in PaddleOCR"
    )
    log_dir: str | None = option(None, "where VisualDL, TensorBoard and Weights & Biases write; null: `save_model_dir`")
    print_mem_info: bool = option(True, "memory in the log lines")

    # Text
    character_dict_path: str | None = option(
        None,
        "dictionary, one character per line; null: the characters of `pretrained_model`, and 0-9a-z, lower case, where that has "
        "none, is not given or `charset_resize` is `new`. Wins over an operator's own argument",
    )
    codec: str | dict[str, int | list[int]] | None = option(
        None,
        "classes of entries instead of a dictionary, which it wins over: `auto` (a class for each code point of the training "
        "texts), a JSON file, or a mapping `{entry: [classes]}` (docs/data.md)",
    )
    use_space_char: bool = option(False, "a space follows the dictionary as the last class. Wins over an operator's own argument")
    text_direction: DirectionSetting = option(
        "auto",
        "`rtl`: labels and texts are in reading order, also of right-to-left scripts; `bidi`, `bidi_ltr`, `bidi_rtl`: so, too, "
        "with the base direction of the first strong character, L, or R; `ltr`: both stand as on the page, from left to right; "
        "`paddle`: labels as on the page, texts in reading order by PaddleOCR's rule, for its Arabic weights and label files; "
        "`auto`: what TextNormalize asks for, else `rtl` where the dictionary has right-to-left letters (docs/data.md)",
    )
    max_text_length: int | None = option(None, "longer labels are rejected. Wins over an operator's own argument", least=1)
    max_unknown: float = option(
        0.05, "greatest share of the training labels' characters that the character set may lack; more stops the run", least=0
    )
    label_list: list[str | int] | None = option(
        None, "names of a classifier's classes, in the order of its outputs. Wins over an operator's own argument"
    )
    infer_mode: bool = option(False, "labels are not read. Wins over an operator's own argument")
    paddle_exact: bool = option(False, "PaddleOCR's results also where they look like mistakes; see `docs/recipe.md`")

    # Machine
    seed: int = option(1024, "of everything random: weights, order, augmentation", least=0)
    deterministic: bool | Literal["warn"] = option(
        False, "deterministic operators alone (GPUs; a CPU repeats anyway): true stops at one without such a form, `warn` says so"
    )
    device: str = option("auto", "`auto` (a GPU where there is one), `cpu`, `cuda`, `cuda:1`, `mps`")
    use_gpu: bool | None = option(
        None, "PaddleOCR's switch: true asks for `cuda` and stops without one, false for `cpu`; null: see `device`"
    )
    num_threads: int | None = option(None, "threads of the main process; null: PyTorch's choice", least=1)
    processes: int | None = option(
        None,
        "train in so many processes on this machine, one for each GPU, say; the run starts them itself. A step takes "
        "`batch_size_per_card` samples in each; torchrun's number wins. null: one",
        least=1,
    )
    gradient_checkpointing: bool = option(
        False, "blocks keep their inputs only and compute the rest again in the backward pass: less memory, slower steps"
    )
    compile: bool | Compile = option(
        False, "the network through torch.compile: true, or `{mode, dynamic, backend, fullgraph, parts}` (docs/training.md)"
    )
    channels_last: bool = option(True, "images and convolution weights with channels last in memory: same results, faster")
    use_amp: bool = option(False, "lower precision where it is safe")
    amp_level: Literal["O1", "O2"] = option("O2", "PaddleOCR's levels; both run as autocast here, with weights in float32")
    amp_dtype: Literal["float32", "bfloat16", "float16"] | None = option(
        None,
        "precision under `use_amp`; null: bfloat16 where the device has it, else float16 on a GPU, float32 on a processor that "
        "would only emulate bfloat16",
    )
    amp_custom_black_list: list[str] = option([], "Paddle's names of operators kept in float32 (docs/training.md); wins")
    amp_custom_white_list: list[str] = option([], "operators that always run in the low precision")
    scale_loss: float | None = option(
        None, "first scale of the loss under float16; null: 65536 (1.0, PaddleOCR's, with `paddle_exact`)", above=0
    )
    use_dynamic_loss_scaling: bool | None = option(
        None, "adapt that scale to overflows; null: unless `scale_loss` is given (never with `paddle_exact`)"
    )
    distributed: bool = option(False, "set by the launcher; the value here is overwritten, as in PaddleOCR")
    use_sync_bn: bool = option(False, "several processes: batch norms take their statistics over the batches of all of them")
    freeze_bn: bool = option(
        False, "batch norms use and keep the running statistics of the weights a run starts from; their weights still train"
    )
    loss_over_ranks: bool = option(
        False,
        "several processes: the loss is taken over the samples of all of them at once, as one process does. false: each takes "
        "its own, as in PaddleOCR, which differs where a loss is a mean over pixels (DBLoss) or characters (NRTRLoss, SARLoss)",
    )
    find_unused_parameters: bool = option(False, "not needed: parameters that a step does not use are always allowed")

    # Training
    accumulate_steps: int = option(1, "batches whose gradients are summed up to one step", least=1)
    rate_advice: bool = option(True, "tell at the start of a learning rate that does not fit PaddleOCR's fine-tune guide")
    use_ema: bool = option(False, "evaluate and keep a moving average of the weights (docs/optimizer.md)")
    ema_decay: float = option(0.9998, "with `use_ema`: how much of the average a step leaves", above=0)
    ema_gamma: float = option(2000.0, "with `use_ema`: time constant of `exponential`", above=0)
    ema_decay_type: Literal["threshold", "exponential", "normal"] = option("threshold", "with `use_ema`: how the decay starts")
    ema_filter_no_grad: bool = option(False, "with `use_ema`: parameters that do not train are not averaged")

    # Prediction and export
    infer_img: str | None = option(None, "image or folder for `tools/infer.py`")
    infer_list: str | None = option(None, "file with one image path per line for `tools/infer.py`")
    save_res_path: str | None = option(None, "where `tools/infer.py` writes its results")
    model_name: str | None = option(None, "stands in the bundle's `inference.yml`")
    export_form: Literal["paddle", "ocrs"] = option(
        "paddle",
        "what a recogniser's exported graph gives: `paddle` probabilities (N, T, classes); `ocrs` their logarithms "
        "(T, N, classes), from `line_image` to `chars`, as ocrs reads them",
    )
    uniform_output_enabled: bool = option(
        False, "PaddleX's sub-folders `best_accuracy/`, `latest/`, `iter_epoch_N/`: not written, which is said once"
    )
    debug: bool = option(False, "more in the log")
    plugins: list[str] = option([], "Python packages of yours that register components")

    @property
    def direction(self) -> DirectionSetting:
        """`text_direction`; `paddle` where PaddleOCR's results are asked for and nothing else is."""
        return "paddle" if self.paddle_exact and self.text_direction == "auto" else self.text_direction

    @property
    def epochs(self) -> int:
        """`epoch_num`, or more epochs than any run will see."""
        return ENDLESS if self.epoch_num is None or self.counts_no_epochs else self.epoch_num

    @property
    def counts_no_epochs(self) -> bool:
        """Whether minutes or steps end the run in the place of `epoch_num`."""
        return self.max_minutes is not None or self.max_steps is not None

    @property
    def evaluations_per_epoch(self) -> int:
        """How often an epoch is evaluated within itself and at its end, by an `eval_batch_epoch` below 1; else 0."""
        share = self.eval_batch_epoch
        return round(1 / share) if share is not None and share < 1 else 0

    def problems(self) -> Iterator[tuple[str, str]]:
        """(key, message) for values that do not go together."""
        if self.epoch_num is None and self.early_stop is None and not self.counts_no_epochs:
            yield (
                "epoch_num",
                "is missing or null, so that only Global.early_stop can end the run, which is not set; set one of them",
            )
        if self.max_minutes is not None and self.max_steps is not None:
            yield "max_minutes", "and Global.max_steps both say how long the run is; remove one of them"
        elif self.max_minutes is not None and not math.isfinite(self.max_minutes):
            yield "max_minutes", f"is {self.max_minutes}; a number of minutes is needed"
        share = self.eval_batch_epoch
        if share is not None and not math.isfinite(share):
            yield "eval_batch_epoch", f"is {share}; a number of epochs is needed"
        elif share is not None and abs((per_epoch := 1 / share if share < 1 else share) - round(per_epoch)) > 0.01:
            yield "eval_batch_epoch", f"is {share:g}; a whole number of epochs is needed, or a part of one: 0.5, 0.25, 0.2, 0.1"
        step = self.eval_batch_step
        if isinstance(step, list) and (len(step) != 2 or step[0] < 0 or step[1] < 1):
            yield "eval_batch_step", f"is {step}, but [start, interval] with start >= 0 and interval >= 1 is needed"
        if isinstance(step, int) and step < 1:
            yield "eval_batch_step", f"is {step}, but at least 1 is needed"
        if self.pretrained_min_match > 1:
            yield "pretrained_min_match", f"is {self.pretrained_min_match}, but a share of 1 at most is needed"
        for key in ("amp_custom_black_list", "amp_custom_white_list"):
            for name in getattr(self, key):
                if name not in AMP_OPS:
                    yield key, f"names {name!r}, which is no operator that can be chosen{nearest(name, list(AMP_OPS))}"
        if self.compile is not False:
            for key in ("gradient_checkpointing", "amp_custom_black_list", "amp_custom_white_list"):
                if getattr(self, key):
                    yield key, "cannot be together with Global.compile: torch.compile cannot trace it; remove one of them"
        if self.keep_start and not self.eval_at_start:
            yield "keep_start", "is true, but without Global.eval_at_start nobody knows how good the start is; change one of them"
        if self.ema_decay >= 1:
            yield "ema_decay", f"is {self.ema_decay}, but less than 1 is needed"
        name = self.device.partition(":")[0]
        if name not in ("auto", "cpu", "cuda", "mps"):
            yield "device", f"is {self.device!r}; accepted: auto, cpu, cuda, cuda:N, mps"
        if self.use_gpu is not None and name != "auto" and self.use_gpu != (name == "cuda"):
            yield "use_gpu", f"is {str(self.use_gpu).lower()}, which contradicts Global.device: {self.device}"


def readable(section: object) -> GlobalConfig:
    """The settings of a section that has mistakes: its good values, defaults for the rest. Only for checking on, so that one
    wrong key does not hide the mistakes in other sections."""
    values: dict[str, Any] = {"epoch_num": 1}
    hints = parameters(GlobalConfig)
    for key, value in (section if isinstance(section, dict) else {}).items():
        fitted, problems = fit(value, hints[key].annotation, "") if key in hints else (None, [Problem("", "")])
        if not problems:
            values[key] = fitted
    return GlobalConfig(**values)
