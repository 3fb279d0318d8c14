"""RapidOCR's settings of a bundle made anew, after its `inference.yml` was edited or it was moved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ppocr_like.errors import DataError, WeightsError
from ppocr_like.export.exporter import exporter_class
from ppocr_like.export.pair import refresh_pair
from ppocr_like.export.rapidocr import PARAMS, write_rapidocr
from ppocr_like.outside import load_json
from ppocr_like.pipeline.onnx_backend import MODEL, Graph
from ppocr_like.pipeline.spec import FILE, read_spec
from ppocr_like.tasks import task_of


def refresh(bundle: str | Path, say: Callable[[str], None]) -> list[str]:
    """Makes `rapidocr.yaml` and `rapidocr_params.json` of a bundle anew, of its `inference.yml` and for where it is now; and its
    settings for whole pages, where it has some, of all bundles that they name.

    Args:
        bundle: folder of an export.
        say: gets a line for each value that changes.

    Returns:
        the keys that changed.

    Raises:
        WeightsError: no bundle, one whose network is not that of `inference.yml`, or files that cannot be read or written.
        ConfigError: `inference.yml` names what cannot be built.
    """
    folder = Path(bundle).expanduser().resolve()
    spec = read_spec(folder)
    if not (folder / MODEL).is_file():
        raise WeightsError(f"{folder / MODEL}: no such file; a bundle has {MODEL} and {FILE} in one folder")
    exporter = exporter_class(spec.model_type)
    if not exporter.header:
        say(f"{folder}: RapidOCR has no models of model_type {spec.model_type!r}, so there are no settings")
        return []
    params, notes = exporter.settings(spec, folder / MODEL)
    if task_of(spec.model_type).reads_text and (width := Graph.open(folder / MODEL, 1).given[3]) is not None:
        notes.append(f"RapidOCR cannot run this network: the network takes {width} px")
    before = _written(folder / PARAMS)
    try:
        write_rapidocr(folder, exporter.header, params)
        pair = refresh_pair(folder)
    except OSError as error:
        raise WeightsError(f"{folder}: cannot be written ({error.strerror or error})") from error
    changed = [key for key in {**before, **params} if before.get(key) != params.get(key)]
    for key in changed:
        say(f"{key}: {params.get(key)} instead of {before.get(key)}")
    for note in notes:
        say(f"note: {note}")
    say(f"{folder}: RapidOCR's settings follow {FILE}" + ("" if changed else ", as they did") + pair)
    return changed


def _written(path: Path) -> dict[str, Any]:
    """The settings as they stand in the bundle; {} where they are none."""
    try:
        found = load_json(path)
    except (OSError, DataError):
        return {}
    return found if isinstance(found, dict) else {}
