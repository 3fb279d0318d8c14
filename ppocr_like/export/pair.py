"""Detector and recogniser (and a classifier) together in RapidOCR: one settings file for whole pages."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from ppocr_like.atomic import write_text
from ppocr_like.errors import DataError, WeightsError
from ppocr_like.export.exporter import exporter_class
from ppocr_like.export.rapidocr import complete_config
from ppocr_like.outside import load_json
from ppocr_like.pipeline.onnx_backend import MODEL
from ppocr_like.pipeline.spec import FILE, Spec, read_spec

MODELS = ("det", "rec", "cls")  # that RapidOCR reads pages with, by model_type
PAIR_PARAMS = "rapidocr_pair_params.json"
PAIR_CONFIG = "rapidocr_pair.yaml"
HEADER = """\
# Whole pages in RapidOCR (pip install rapidocr onnxruntime) with the models named below:
#     RapidOCR(config_path="rapidocr_pair.yaml")("page.jpg").txts
# Made of the inference.yml of each: change those, then run `python tools/export.py --refresh FOLDER` for this folder.
"""


def pair_params(det: Mapping[str, Any], rec: Mapping[str, Any], cls: Mapping[str, Any] | None, spec: Spec) -> dict[str, Any]:
    """For `RapidOCR(params=...)`: pages through a detector and a recogniser.

    RapidOCR pads each line to the widest of its batch; a batch of one leaves a line the canvas it has here, but for less than
    a step of `bucket_by_width`. It sorts lines by rows and knows no columns.

    Args:
        det, rec, cls: what `Exporter.settings` makes of the bundles' own `inference.yml`.
        spec: the recogniser's.
    """
    params = {key: value for key, value in det.items() if key.startswith(("Global.", "Det."))}
    params |= {key: value for key, value in rec.items() if key.startswith("Rec.")}
    params |= {"Global.use_det": True, "Global.use_rec": True, "Global.use_cls": cls is not None, "Rec.rec_batch_num": 1}
    if spec.bucket is not None:
        channels, height, _ = params["Rec.rec_img_shape"]
        least = spec.bucket.step if spec.bucket.min_width is None else spec.bucket.min_width
        params["Rec.rec_img_shape"] = [channels, height, least]
    if cls is not None:
        params |= {key: value for key, value in cls.items() if key.startswith("Cls.")}
    return params


def write_pair(folder: Path, det: str | Path, rec: str | Path, cls: str | Path | None = None) -> list[Path]:
    """Writes `rapidocr_pair_params.json` and `rapidocr_pair.yaml` to `folder`.

    Args:
        folder: is there.
        det, rec, cls: bundles.

    Raises:
        WeightsError: no bundle, or one of another model_type.
    """
    parts = {
        kind: _params(Path(source), kind) for kind, source in (("det", det), ("rec", rec), ("cls", cls)) if source is not None
    }
    try:
        params = pair_params(parts["det"], parts["rec"], parts.get("cls"), read_spec(rec))
        complete = complete_config(params)
    except (LookupError, TypeError, ValueError) as error:
        names = " and ".join(str(Path(source) / FILE) for source in (det, rec, cls) if source is not None)
        raise WeightsError(f"{names}: incomplete or damaged ({error!r}); export the bundles again") from error
    written = [folder / PAIR_PARAMS, folder / PAIR_CONFIG]
    write_text(written[0], json.dumps(params, ensure_ascii=False, indent=2) + "\n")
    config = yaml.safe_dump(complete, sort_keys=False, allow_unicode=True)
    write_text(written[1], HEADER + config)
    return written


def bundles_beside(own: str, bundles: Sequence[str | Path]) -> dict[str, Any]:
    """The bundles by model_type; with one of the type `own`, which is yet to be written, detector and recogniser are there.

    Raises:
        WeightsError: no bundle, two of one type, or detector or recogniser missing.
    """
    found: dict[str, Any] = {}
    if bundles and own not in MODELS:
        raise WeightsError(f"model_type {own!r} has no part in RapidOCR's reading of whole pages: leave --pair out")
    for bundle in bundles:
        kind = read_spec(bundle).model_type
        if kind not in MODELS:
            raise WeightsError(f"{bundle} is of model_type {kind!r}, with which RapidOCR reads no pages")
        if kind in found or kind == own:
            raise WeightsError(f"{bundle} is of model_type {kind!r}, and there is one already")
        found[kind] = Path(bundle)
    missing = {"det", "rec"} - {own, *found}
    if bundles and missing:
        raise WeightsError(f"whole pages need a bundle of model_type {missing.pop()!r}, too: name it beside {bundles[0]}")
    return found


def refresh_pair(folder: Path) -> str:
    """Makes the settings for whole pages of a bundle anew, where it has some; what to say of it."""
    if not (folder / PAIR_PARAMS).is_file():
        return ""
    try:
        params = load_json(folder / PAIR_PARAMS)
        parts = {kind: Path(params[f"{kind.capitalize()}.model_path"]).parent for kind in ("det", "rec")}
        if params.get("Global.use_cls"):
            parts["cls"] = Path(params["Cls.model_path"]).parent
    except (DataError, KeyError, TypeError, AttributeError) as error:
        raise WeightsError(
            f"{folder / PAIR_PARAMS}: cannot be read ({error!r}); remove it, or export with --pair again"
        ) from error
    own = read_spec(folder).model_type
    parts[own] = folder  # it may have moved
    write_pair(folder, **parts)
    return f"; {PAIR_CONFIG} too"


def _params(bundle: Path, kind: str) -> dict[str, Any]:
    """What a bundle's `inference.yml` says; its model is where the bundle is now."""
    bundle = bundle.expanduser().resolve()
    spec = read_spec(bundle)
    if spec.model_type != kind:
        raise WeightsError(f"{bundle} is of model_type {spec.model_type!r}; a bundle of model_type {kind!r} is needed")
    return exporter_class(kind).settings(spec, bundle / MODEL)[0]
