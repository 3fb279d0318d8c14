"""What RapidOCR needs beside the model: `rapidocr_params.json` and a complete `rapidocr.yaml` (RapidOCR 3.10)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

PARAMS = "rapidocr_params.json"
CONFIG = "rapidocr.yaml"
PYTHON = """\
# The recogniser of this folder in RapidOCR (pip install rapidocr onnxruntime), for line images:
#     RapidOCR(config_path="rapidocr.yaml")(image)
# Whole pages: set Global.use_det and Global.use_preprocess_img to true; RapidOCR brings the detector.
# The model's path is absolute: after moving the folder set Rec.model_path anew.
"""


def rapidocr_params(model: Path, image_shape: tuple[int, int, int]) -> dict[str, Any]:
    """For `RapidOCR(params=...)`: plain values only, since its enum keys would need its own types.

    Args:
        model: where `model.onnx` will stand.
        image_shape: (channels, height, width) of the recipe; RapidOCR widens the canvas to 320 px at least.
    """
    return {
        "Global.use_det": False,
        "Global.use_cls": False,
        # Lines go to the network as they are: RapidOCR would shrink those over 2000 px and enlarge those under 30 px first.
        "Global.use_preprocess_img": False,
        "Rec.model_path": str(model),
        "Rec.rec_img_shape": [image_shape[0], image_shape[1], 320],
    }


def rapidocr_config(model: Path, image_shape: tuple[int, int, int]) -> dict[str, Any]:
    """For `RapidOCR(config_path=...)`, which takes nothing from its defaults: every section and key it reads."""
    shape = rapidocr_params(model, image_shape)["Rec.rec_img_shape"]
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
            "model_path": str(model),
            "rec_keys_path": None,
            "rec_img_shape": shape,
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


def write_rapidocr(folder: Path, model: Path, image_shape: tuple[int, int, int]) -> None:
    """Writes both files into `folder`."""
    params = json.dumps(rapidocr_params(model, image_shape), ensure_ascii=False, indent=2)
    (folder / PARAMS).write_text(params + "\n", encoding="utf-8")
    config = yaml.safe_dump(rapidocr_config(model, image_shape), sort_keys=False, allow_unicode=True)
    (folder / CONFIG).write_text(PYTHON + config, encoding="utf-8")
