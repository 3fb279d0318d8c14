"""What RapidOCR needs beside the model: `rapidocr_params.json` and a complete `rapidocr.yaml` (RapidOCR 3.10)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from ppocr_like.atomic import atomic_write
from ppocr_like.config.nodes import item_node
from ppocr_like.pipeline.settings_file import CONFIG, MADE_OF, digest_of
from ppocr_like.pipeline.spec import FILE
from ppocr_like.transforms.normalize import NormalizeImage

PARAMS = "rapidocr_params.json"
DB_ARGUMENTS = ("thresh", "box_thresh", "max_candidates", "unclip_ratio", "use_dilation", "score_mode")
LEAST_WIDTH = 320  # px: of its narrowest canvas for lines, unless it is told otherwise
CHANNELS = 3  # that it feeds
STD = 0.5  # RapidOCR feeds lines as (pixel / 255 - 0.5) / 0.5
DEFAULT_SIDE, MAX_SIDE = 736, 4000  # px: DetResizeForTest without arguments (shorter side), and its bound of the longer one
LINES = """\
# The recogniser of this folder in RapidOCR (pip install rapidocr onnxruntime), for line images:
#     RapidOCR(config_path="rapidocr.yaml")(image)
# Whole pages: set Global.use_det and Global.use_preprocess_img to true; RapidOCR brings the detector.
# Made of inference.yml: after changing that, or moving the folder (Rec.model_path), run `tools/export.py --refresh FOLDER`.
"""
CLASSES = """\
# The line classifier of this folder in RapidOCR (pip install rapidocr onnxruntime), for line images:
#     RapidOCR(config_path="rapidocr.yaml")(image).cls_res
# Whole pages: set Global.use_det, Global.use_rec and Global.use_preprocess_img to true; RapidOCR brings the other models.
# Made of inference.yml: after changing that, or moving the folder (Cls.model_path), run `tools/export.py --refresh FOLDER`.
"""
PAGES = """\
# The detector of this folder in RapidOCR (pip install rapidocr onnxruntime): boxes without texts:
#     RapidOCR(config_path="rapidocr.yaml")(image).boxes
# With texts: set Global.use_rec to true; RapidOCR brings the recogniser (or name one in Rec.model_path).
# Made of inference.yml: after changing that, or moving the folder (Det.model_path), run `tools/export.py --refresh FOLDER`.
"""


def line_params(model: Path, image_shape: tuple[int, int, int], right_to_left: bool = False) -> dict[str, Any]:
    """A recogniser for `RapidOCR(params=...)`: plain values only, since its enum keys would need its own types.

    Args:
        model: where `model.onnx` will stand.
        image_shape: (channels, height, width); the width is that of the narrowest canvas.
        right_to_left: the texts have to be put in reading order, which RapidOCR does for the language `arabic` alone, with
            python-bidi (`pip install "rapidocr[rtl]"`).
    """
    language = {"Rec.lang_type": "arabic"} if right_to_left else {}
    return {
        "Global.use_det": False,
        "Global.use_cls": False,
        # Lines go to the network as they are: RapidOCR would shrink those over 2000 px and enlarge those under 30 px first.
        "Global.use_preprocess_img": False,
        "Rec.model_path": str(model),
        "Rec.rec_img_shape": list(image_shape),
        **language,
    }


def class_params(
    model: Path, image_shape: tuple[int, int, int], labels: Sequence[str], keeps_ratio: bool
) -> tuple[dict[str, Any], list[str]]:
    """A classifier for `RapidOCR(params=...)`, and what RapidOCR cannot do as the recipe does.

    RapidOCR turns a line by 180 degrees where the class' name holds "180" and its probability is above `cls_thresh`; other
    directions it leaves as they are.

    Args:
        model: where `model.onnx` will stand.
        image_shape: (channels, height, width).
        labels: names of the classes.
        keeps_ratio: the recipe pads images to the canvas and does not stretch them.
    """
    notes = [] if keeps_ratio else ["RapidOCR keeps the ratio of a line and pads it; this network was trained on stretched ones"]
    if not any("180" in label for label in labels):
        notes.append(f"RapidOCR turns lines of a class with 180 in its name, and there is none among {', '.join(labels)}")
    params = {
        "Global.use_det": False,
        "Global.use_cls": True,
        "Global.use_rec": False,
        "Global.use_preprocess_img": False,
        "Cls.model_path": str(model),
        "Cls.cls_image_shape": list(image_shape),
        "Cls.label_list": list(labels),
    }
    return params, notes


def page_params(
    model: Path, transforms: Sequence[Any], postprocess: Mapping[str, Any], normalize: NormalizeImage
) -> tuple[dict[str, Any], list[str]]:
    """A detector for `RapidOCR(params=...)`, and what RapidOCR cannot do as the recipe does.

    RapidOCR takes (pixel / 255 - mean) / std, so another `scale` goes into its mean and std. Its own defaults are others than
    PaddleOCR's in each of these values.

    Args:
        model: where `model.onnx` will stand.
        transforms: the bundle's chain as plain data.
        postprocess: with every argument.
        normalize: the chain's step.
    """
    limit, limit_type, notes = _side_limit(transforms)
    if _args(transforms, "DecodeImage").get("img_mode", "RGB") != "BGR":
        notes.append("it feeds BGR, the recipe's DecodeImage gives another order")
    if postprocess.get("box_type", "quad") != "quad":
        notes.append("it gives four corners, not polygons")
    if any(item_node(node, "", "transform").name == "ToGray" for node in transforms):
        notes.append("it feeds three channels and this network takes one")
    unit = 255.0 * normalize.scale
    params = {
        "Global.use_det": True,
        "Global.use_cls": False,
        "Global.use_rec": False,
        # RapidOCR's detector has no bound of the longer side (max_side_limit), its pre-processing has; strips that only become
        # so long when their short side is enlarged escape it. Where the longer side is limited, pages go in as they are.
        "Global.use_preprocess_img": limit_type == "min",
        "Global.max_side_len": _args(transforms, "DetResizeForTest").get("max_side_limit", MAX_SIDE),
        "Global.min_side_len": 1,
        "Global.use_vertical_padding": False,
        "Det.model_path": str(model),
        "Det.limit_side_len": limit,
        "Det.limit_type": limit_type,
        "Det.mean": (np.float64(normalize.mean) / unit).round(9).tolist(),
        "Det.std": (np.float64(normalize.std) / unit).tolist(),
    }
    params.update({f"Det.{name}": postprocess[name] for name in DB_ARGUMENTS if name in postprocess})
    return params, [f"RapidOCR will not find these boxes: {note}" for note in notes]


def _side_limit(transforms: Sequence[Any]) -> tuple[int, str, list[str]]:
    """(limit_side_len, limit_type, notes) of the chain's DetResizeForTest."""
    args = _args(transforms, "DetResizeForTest")
    if args.get("image_shape") is not None:
        return int(max(args["image_shape"])), "max", [f"it cannot resize every page to {args['image_shape']}"]
    if args.get("limit_side_len") is not None:
        limit_type = args.get("limit_type") or "min"
        notes = [] if limit_type in ("min", "max") else [f"it has no limit_type {limit_type}"]
        return int(args["limit_side_len"]), limit_type if limit_type == "min" else "max", notes
    if args.get("resize_long") is not None:
        return int(args["resize_long"]), "max", ["it enlarges no page to resize_long, and rounds to 32 px, not to 128"]
    return DEFAULT_SIDE, "min", []


def _args(transforms: Sequence[Any], name: str) -> dict[str, Any]:
    """Arguments of the chain's step of that name, {} without one."""
    nodes = [item_node(node, "PreProcess.transform_ops", "transform") for node in transforms]
    return next((node.args for node in nodes if node.name == name), {})


def complete_config(params: Mapping[str, Any]) -> dict[str, Any]:
    """For `RapidOCR(config_path=...)`, which takes nothing from its defaults: every section and key it reads."""
    config = _defaults()
    for key, value in params.items():
        section, name = key.split(".")
        config[section][name] = value
    return config


def _defaults() -> dict[str, Any]:
    return {
        "Global": {
            "text_score": 0.5,
            "use_det": False,
            "use_cls": False,
            "use_rec": True,
            "use_preprocess_img": False,
            "min_side_len": 30,
            "max_side_len": 2000,
            "use_vertical_padding": True,
            "min_height": 30,
            "width_height_ratio": 8,
            "return_word_box": False,
            "return_single_char_box": False,
            "font_path": None,
            "log_level": "warning",
            "model_root_dir": None,
        },
        "EngineConfig": {
            "onnxruntime": {
                "intra_op_num_threads": -1,
                "inter_op_num_threads": -1,
                "enable_cpu_mem_arena": False,
                "cpu_ep_cfg": {"arena_extend_strategy": "kSameAsRequested"},
                "use_cuda": False,
                "cuda_ep_cfg": {
                    "device_id": 0,
                    "arena_extend_strategy": "kNextPowerOfTwo",
                    "cudnn_conv_algo_search": "EXHAUSTIVE",
                    "do_copy_in_default_stream": True,
                },
                "use_dml": False,
                "dml_ep_cfg": None,
                "use_cann": False,
                "cann_ep_cfg": {"device_id": 0},
                "use_coreml": False,
                "coreml_ep_cfg": {},
            }
        },
        "Det": {
            **_model("det", "ch", "small", "PP-OCRv6"),
            "limit_side_len": 736,
            "limit_type": "min",
            "std": [0.5, 0.5, 0.5],
            "mean": [0.5, 0.5, 0.5],
            "thresh": 0.3,
            "box_thresh": 0.5,
            "max_candidates": 1000,
            "unclip_ratio": 1.6,
            "use_dilation": True,
            "score_mode": "fast",
        },
        "Cls": {
            **_model("cls", "ch", "mobile", "PP-OCRv4"),
            "cls_image_shape": [3, 48, 192],
            "cls_batch_num": 6,
            "cls_thresh": 0.9,
            "label_list": ["0", "180"],
        },
        "Rec": {
            **_model("rec", "ch", "small", "PP-OCRv6"),
            "rec_keys_path": None,
            "rec_img_shape": [3, 48, 320],
            "rec_batch_num": 6,
        },
    }


def _model(task: str, lang: str, size: str, version: str) -> dict[str, Any]:
    """The keys that every model section has; some only choose what RapidOCR would download without a model_path."""
    return {
        "engine_type": "onnxruntime",
        "lang_type": lang,
        "model_type": size,
        "ocr_version": version,
        "task_type": task,
        "model_path": None,
        "model_dir": None,
    }


def write_rapidocr(folder: Path, header: str, params: Mapping[str, Any]) -> None:
    """Writes both files into `folder`, beside its `inference.yml`; `header`: comment at the head of the YAML file.

    The comment tells the digest of the `inference.yml` that they are made of; who opens the bundle compares it.
    """
    text = json.dumps(params, ensure_ascii=False, indent=2)
    atomic_write(folder / PARAMS, lambda file: file.write((text + "\n").encode()))
    config = yaml.safe_dump(complete_config(params), sort_keys=False, allow_unicode=True)
    made_of = f"{MADE_OF}{digest_of(folder)}\n" if (folder / FILE).is_file() else ""
    atomic_write(folder / CONFIG, lambda file: file.write((header + made_of + config).encode()))
