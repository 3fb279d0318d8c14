"""`run.json`: on what, with what and where a run was made."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import platform
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

import ppocr_like
from ppocr_like.atomic import atomic_write
from ppocr_like.charset import Charset
from ppocr_like.config import Recipe
from ppocr_like.data.lines.line_set import LineSet
from ppocr_like.data.lmdb_set import LMDBDataSet
from ppocr_like.outside import LARGE, Malformed, parse_json, read_file
from ppocr_like.synth.dataset import SyntheticDataSet

PACKAGES = ("torch", "numpy", "opencv-python", "opencv-python-headless", "safetensors", "rapidfuzz", "PyYAML", "pillow")
FILE_KEYS = ("label_file_list", "manifests", "corpus")  # keys of data sets that name text files


def write_manifest(
    path: Path,
    recipe: Recipe,
    charset: Charset | None,
    device: torch.device,
    resumed_at: int | None,
    launch: str | None = None,
    datasets: Sequence[Any] = (),
    labels: Mapping[str, Any] | None = None,
) -> None:
    """Writes the manifest of a fresh run, or adds a resume (its time and step) to an earlier one.

    `launch`: see `restart.launch_id`. `datasets`: those of training and evaluation. `labels`: what in their
    labels cannot be used (`labels.examine_labels`), by set.

    Raises:
        CheckpointError: it cannot be written.
    """
    now = time.strftime("%Y-%m-%dT%H:%M:%S%z")
    entry = {"time": now, "command": sys.argv, "step": resumed_at or 0, "host": host_facts(device)}
    earlier = _read(path) if resumed_at is not None else None
    if earlier is not None:
        told, now_there = _last_digests(earlier), _digests(recipe, charset is not None, datasets)
        changed = {name: digest for name, digest in now_there.items() if told.get(name) != digest}
        entry = {**entry, **({"changed_files": changed} if changed else {})}
        content = {**earlier, "resumed": [*earlier.get("resumed", []), entry]}
    else:
        content = {
            "program": {"ppocr_like": ppocr_like.__version__, "python": platform.python_version(), **versions()},
            "started": now,
            "command": sys.argv,
            "folder": os.getcwd(),
            "seed": recipe.globals.seed,
            "files": {name: file_digest(name) for name in named_files(recipe.tree, charset is not None)},
            **({"folders": folders} if (folders := {**lmdb_digests(datasets), **line_digests(datasets)}) else {}),
            **({"fonts": fonts} if (fonts := font_digest(datasets)) else {}),
            **({"charset_sha256": charset.digest} if charset is not None else {}),
            **({"labels": dict(labels)} if labels else {}),
            "host": entry["host"],
            "resumed": [],
        }
    if launch is not None:
        content["launch"] = launch
    write_json(path, content)


def file_changes(path: Path, recipe: Recipe, reads_text: bool, datasets: Iterable[Any] = ()) -> list[str]:
    """What of the files that `run.json` holds digests of is another now: a sentence for each, with both digests."""
    earlier = _read(path)
    if earlier is None:
        return [f"{path} is missing or cannot be read: whether label files have changed since is not known"]
    told, said = _last_digests(earlier), []
    for name, digest in _digests(recipe, reads_text, datasets).items():
        before = told.get(name)
        if before and before != digest:
            said.append(f"{name} was changed since the run used it: {_short(before)} in {path.name}, {_short(digest)} now")
    return said


def _digests(recipe: Recipe, reads_text: bool, datasets: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """Of label files and dictionary, of LMDB folders, and of the lines of pages."""
    datasets = list(datasets)
    files = {name: file_digest(name) for name in named_files(recipe.tree, reads_text)}
    return {**files, **lmdb_digests(datasets), **line_digests(datasets)}


def _last_digests(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The digests of a manifest as the latest resume left them."""
    found: dict[str, Any] = {}
    resumes = manifest.get("resumed")
    parts = [manifest.get("files"), manifest.get("folders")]
    parts += [entry.get("changed_files") for entry in resumes if isinstance(entry, dict)] if isinstance(resumes, list) else []
    for part in parts:
        found |= part if isinstance(part, dict) else {}
    return found


def _short(digest: Any) -> str:
    if not isinstance(digest, Mapping) or not digest.get("sha256"):
        return "not there"
    return f"SHA-256 {str(digest['sha256'])[:12]}... ({digest.get('bytes', 0):,} bytes)"


def add_result(path: Path, result: Mapping[str, Any]) -> None:
    """Adds how the run ended.

    Raises:
        CheckpointError: it cannot be written.
    """
    add_entry(path, "result", result)


def add_entry(path: Path, name: str, value: Mapping[str, Any]) -> None:
    """Adds or replaces one entry of `run.json`.

    Raises:
        CheckpointError: it cannot be written.
    """
    write_json(path, {**(_read(path) or {}), name: dict(value)})


def result_entry(path: Path, name: str) -> Any:
    """What `add_result` noted under a name; None where nothing was."""
    result = (_read(path) or {}).get("result")
    return result.get(name) if isinstance(result, dict) else None


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Indented JSON, whole or not at all."""
    text = json.dumps(content, ensure_ascii=False, indent=2) + "\n"
    atomic_write(path, lambda file: file.write(text.encode("utf-8")))


def versions() -> dict[str, str]:
    """Versions of the packages that results depend on, as far as they are installed."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def host_facts(device: torch.device) -> dict[str, Any]:
    """The machine. Sums of floats depend on the number of threads: equal results need an equal one."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else device.type,
    }


def named_files(tree: Mapping[str, Any], reads_text: bool) -> list[str]:
    """Label files of training and evaluation, what synthetic lines are made of, and the dictionary or codec where one is read, as
    the recipe names them."""
    found: dict[str, None] = {}

    def walk(node: Any) -> None:
        if isinstance(node, dict):
            for key, value in node.items():
                if key in FILE_KEYS:
                    found.update(dict.fromkeys([value] if isinstance(value, str) else [str(item) for item in value or []]))
                else:
                    walk(value)
        elif isinstance(node, list):
            for item in node:
                walk(item)

    walk({section: tree.get(section) for section in ("Train", "Eval")})
    settings = (tree.get("Global") or {}) if reads_text else {}
    codec = settings.get("codec")
    dictionary = settings.get("character_dict_path") if codec is None else codec if isinstance(codec, str) else None
    return [*found, *([str(dictionary)] if dictionary else [])]


def file_digest(name: str) -> dict[str, Any]:
    """Size and SHA-256 of a file; an empty dict where it cannot be read (the data set has said so already)."""
    digest = hashlib.sha256()
    try:
        with open(name, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
            size = file.tell()
    except OSError:
        return {}
    return {"bytes": size, "sha256": digest.hexdigest()}


def font_digest(datasets: Iterable[Any]) -> dict[str, Any]:
    """Of the fonts that synthetic lines are set in: how many files, and the SHA-256 of their contents' SHA-256, in order."""
    paths = [str(font.path) for data in datasets if isinstance(data, SyntheticDataSet) for font in data.maker.fonts]
    paths = list(dict.fromkeys(paths))
    if not paths:
        return {}
    together = "".join(file_digest(path).get("sha256", "") for path in paths)
    return {"files": len(paths), "sha256": hashlib.sha256(together.encode("ascii")).hexdigest()}


def lmdb_digests(datasets: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """Of the data sets' LMDB folders: bytes of the file, samples, and the SHA-256 of `LmdbStore.digest`.

    Of a folder so large that only every n-th record went into it, n stands beside it as `of_every`.
    """
    found = dict[str, dict[str, Any]]()
    for store in (store for dataset in datasets if isinstance(dataset, LMDBDataSet) for store in dataset.stores):
        if store.folder not in found:
            digest, step = store.digest()
            entry = {"bytes": store.key.size, "samples": store.count, "sha256": digest}
            found[store.folder] = {**entry, "of_every": step} if step > 1 else entry
    return found


def line_digests(datasets: Iterable[Any]) -> dict[str, dict[str, Any]]:
    """Of the sources of sets of lines: how many of their lines are used, and the SHA-256 of what these say."""
    found = dict[str, dict[str, Any]]()
    for dataset in (dataset for dataset in datasets if isinstance(dataset, LineSet)):
        part = "training" if dataset.train else "evaluation"
        for name, (count, digest) in dataset.digests().items():
            found.setdefault(f"the lines for {part} of {name}", {"samples": count, "sha256": digest})
    return found


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = [line.partition(":")[2].strip() for line in file if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor()


def _read(path: Path) -> dict[str, Any] | None:
    try:
        found = parse_json(read_file(path, LARGE))
    except (OSError, Malformed):
        return None
    return found if isinstance(found, dict) else None
