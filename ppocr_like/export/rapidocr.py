"""What RapidOCR needs beside the model: `rapidocr_params.json` and a complete `rapidocr.yaml` (RapidOCR 3.10)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ppocr_like.atomic import atomic_write
from ppocr_like.pipeline.settings_file import CONFIG, MADE_OF, digest_of
from ppocr_like.pipeline.spec import FILE

PARAMS = "rapidocr_params.json"


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
