"""Two small samples for any recipe: drawn images, label files or an LMDB folder, and the recipe told where they lie."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ppocr_like.charset import Charset
from ppocr_like.config import Recipe
from ppocr_like.config.paddle.advice import base_rate
from ppocr_like.data.pack import pack

CROP = 128  # px: a detector's crops
CROPS = ("EastRandomCropData", "RandomCrop")
HIGHEST_RATE = 1e-3
TEXTS = ("abc12", "hello 7")


def texts_of(charset: Charset | None) -> tuple[str, ...]:
    """Two texts of characters that the dictionary has."""
    if charset is None:
        return TEXTS
    known = [entry for entry in charset.entries if len(entry) == 1 and not entry.isspace()]
    alike = [entry for entry in known if entry.isascii()] or known
    return tuple("".join(alike[start :: max(len(alike) // 6, 1)][:6]) or "?" for start in (0, 1))


def draw(folder: Path, task: str, texts: tuple[str, ...], labels: list[str]) -> Path:
    """Images and `lines.txt`; gives the label file."""
    (folder / "img").mkdir(parents=True, exist_ok=True)
    lines = []
    for number, text in enumerate(texts):
        name = f"img/{number}.png"
        if task == "det":
            image, label = _page(text, number)
        else:
            image, label = _line(text, 160, 48), (labels[number % len(labels)] if labels else text)
        cv2.imwrite(str(folder / name), image)
        lines.append(f"{name}\t{label}")
    path = folder / "lines.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _line(text: str, width: int, height: int) -> np.ndarray:
    image = np.full((height, width, 3), 235, np.uint8)
    shown = text if text.isascii() else "".join(chr(33 + ord(c) % 90) for c in text)
    cv2.putText(image, shown, (4, height * 3 // 4), cv2.FONT_HERSHEY_SIMPLEX, height / 48, (20, 20, 60), 2)
    return image


def _page(text: str, number: int) -> tuple[np.ndarray, str]:
    image, words = np.full((224, 288, 3), 235, np.uint8), []
    for row in range(3):
        left, top = 16 + 8 * row + 4 * number, 12 + 68 * row
        image[top : top + 48, left : left + 200] = _line(text, 200, 48)
        corners = [[left, top], [left + 200, top], [left + 200, top + 48], [left, top + 48]]
        words.append({"transcription": text, "points": corners})
    return image, json.dumps(words)


def on_samples(recipe: Recipe, folder: Path, charset: Charset | None) -> Recipe:
    """The recipe on two drawn samples: paths and sizes of batches changed, crops small, the rate its own without warm-up."""
    tree = copy.deepcopy(recipe.tree)
    task = str(recipe.get("Architecture.model_type"))
    labels = [str(label) for label in tree.get("Global", {}).get("label_list") or (["0"] if task == "cls" else [])]
    path = draw(folder, task, texts_of(charset), labels)
    tree["Global"].update(
        save_model_dir=str(folder / "run"), pretrained_model=None, checkpoints=None, use_gpu=False, use_amp=False, device="cpu",
        epoch_num=max(int(tree["Global"].get("epoch_num", 1)), 1), distributed=False,
    )  # fmt: skip
    for model in (tree["Architecture"].get("Models") or {}).values():
        model["pretrained"] = None
    for section in ("Train", "Eval"):
        _dataset(tree[section], path, folder)
    rate = base_rate(recipe, 1) or HIGHEST_RATE
    tree["Optimizer"]["lr"] = {"name": "Const", "learning_rate": min(rate, HIGHEST_RATE)}
    return Recipe.from_tree(tree)


def _dataset(section: dict[str, Any], path: Path, folder: Path) -> None:
    node = section["dataset"]
    section.pop("datasets", None)
    node.pop("ratio_list", None)
    if "LMDB" in node["name"]:
        if not (folder / "lmdb").exists():
            pack([str(path)], str(folder), str(folder / "lmdb"), progress=False)
        node.update(data_dir=str(folder / "lmdb"))
    else:
        node.update(data_dir=str(folder), label_file_list=[str(path)])
    for item in node["transforms"]:
        for name in CROPS:
            if name in item:
                item[name] = {**(item[name] or {}), "size": [CROP, CROP]}
    section["loader"] = {"batch_size_per_card": 2, "shuffle": False, "drop_last": False, "num_workers": 0, **_kept(section)}
    if section.get("sampler"):
        section["sampler"]["first_bs"] = 2


def _kept(section: dict[str, Any]) -> dict[str, Any]:
    """What of the loader says how samples are joined."""
    return {key: value for key, value in section["loader"].items() if key == "collate_fn"}
