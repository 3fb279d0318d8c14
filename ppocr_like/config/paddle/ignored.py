"""Keys that PaddleOCR's files carry and that mean nothing here, by (component, key), each with its reason.

They are noted at start and never accepted from `-o`: what somebody types must do something. A component is a class name,
or a part's role: Global, Loader, Optimizer.lr, Architecture, OcrModel.Backbone; the empty name is the recipe itself.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Ignored:
    """`harmless`: the values that may stand without a word (a switch that is off); every other value is an error.
    None: any value may stand, and is noted."""

    reason: str
    harmless: tuple[object, ...] | None = None


_OTHER_DEVICE = "devices are chosen with Global.device (auto, cpu, cuda, mps)"
_PADDLE_ONLY = "it steers the Paddle framework"

IGNORED: dict[tuple[str, str], Ignored] = {
    **{
        ("Global", key): Ignored(_OTHER_DEVICE, (False, None))
        for key in ("use_xpu", "use_npu", "use_mlu", "use_gcu", "use_metax_gpu", "use_iluvatar_gpu")
    },
    ("Global", "to_static"): Ignored(_PADDLE_ONLY, (False, None)),
    ("Global", "d2s_train_image_shape"): Ignored(_PADDLE_ONLY),
    ("Global", "export_with_pir"): Ignored(_PADDLE_ONLY),
    ("Global", "load_static_weights"): Ignored("PaddleOCR no longer reads it either; it told weights of 1.x from later ones"),
    ("Global", "log_ranks"): Ignored("rank 0 writes the log"),
    ("Global", "character_type"): Ignored("PaddleOCR no longer reads it either; the dictionary says it"),
    ("", "profiler_options"): Ignored(_PADDLE_ONLY),
    ("wandb", "save_dir"): Ignored("PaddleOCR overwrites it too: the run folder"),
    **{
        (role, "in_channels"): Ignored("channels follow from the evaluation chain's image_shape")
        for role in ("Architecture", "DistillationModel.Models")
    },
    **{
        (f"OcrModel.{part}", "in_channels"): Ignored("PaddleOCR overwrites it too: channels flow from part to part")
        for part in ("Transform", "Backbone", "Neck", "Head")
    },
    ("ResNet_vd", "disable_se"): Ignored("it has no squeeze-and-excite that could be on", (True,)),
    ("CenterLoss", "num_classes"): Ignored("classes are counted in the dictionary"),
    ("SVTRv2", "local_k"): Ignored("PaddleOCR does not read it either: the kernel of a Conv mixer is 5 x 5"),
    ("SVTRv2", "out_char_num"): Ignored("PaddleOCR does not read it either: the columns follow from the image's width"),
    **{
        (name, key): Ignored("PaddleOCR does not read it either; weights come from Global.pretrained_model")
        for name, key in (
            ("PPLCNetV3", "pretrained"),
            *((name, key) for name in ("PPHGNet_small", "PPHGNetV2_B4") for key in ("pretrained", "use_ssld")),
        )
    },
    ("OcrModel.Head", "out_channels_list"): Ignored("PaddleOCR overwrites it too: classes are counted in the dictionary"),
    ("OcrModel.Head", "out_channels"): Ignored("PaddleOCR overwrites it too: classes are counted in the dictionary"),
    **{
        ("Optimizer.lr", key): Ignored("PaddleOCR overwrites it too: the run's own length counts")
        for key in ("epochs", "step_each_epoch")
    },
    ("Loader", "use_shared_memory"): Ignored("workers always hand batches over in shared memory"),
    ("Loader", "num_sections"): Ignored("PaddleOCR does not read it either"),
    ("Loader", "collate_fn"): Ignored("a batch is a dict of the names in KeepKeys", (None, "SSLRotateCollate")),
    ("ClsLoss", "main_indicator"): Ignored("PaddleOCR does not read it either; it belongs to Metric"),
}


def ignored(component: str, key: str) -> Ignored | None:
    """The table's entry, None where there is none."""
    return IGNORED.get((component, key))
