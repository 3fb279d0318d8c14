"""A small trained-like recogniser with data of its own, for the tests that need one whole."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image

from tests.ink_run import InkRun, make_ink_run

ENTRIES = [*"abcdefghijklmnopqrstuvwxyz0123456789éſ", "ch", "a"]  # a digraph, and one entry twice


@dataclass(frozen=True)
class TinyRun:
    """A run folder with weights, its recipe and data.

    `images`: line images of several widths and kinds; `labels`: what the label file says.
    """

    folder: Path
    recipe: Path
    images: list[Path]
    labels: list[str]

    @property
    def bundle(self) -> Path:
        return self.folder / "inference"


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Iterator[None]:
    """What a test sets at the program's logger (level, handlers, whether it goes on to the root) ends with the test."""
    log = logging.getLogger("ppocr_like")
    before = log.level, list(log.handlers), log.propagate, log.disabled
    yield
    log.setLevel(before[0])
    log.handlers[:] = before[1]
    log.propagate, log.disabled = before[2:]


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> TinyRun:
    """Random weights whose head is loud enough to give texts that differ from image to image."""
    folder = tmp_path_factory.mktemp("tiny")
    images, labels = _data(folder)
    recipe = folder / "recipe.yml"
    recipe.write_text(yaml.safe_dump(_recipe(folder), sort_keys=False, allow_unicode=True), encoding="utf-8")
    run = TinyRun(folder / "run", recipe, images, labels)
    _weights(run)
    return run


@pytest.fixture(scope="session")
def tiny_bundle(tiny_run: TinyRun) -> Path:
    """The exported bundle of `tiny_run`."""
    from ppocr_like.components import load_components
    from ppocr_like.config import load_recipe
    from ppocr_like.export import export

    load_components()
    wanted = [f"Global.pretrained_model={tiny_run.folder}", f"Global.save_inference_dir={tiny_run.bundle}"]
    return export(load_recipe(tiny_run.recipe, wanted)).folder


def _data(folder: Path) -> tuple[list[Path], list[str]]:
    rng = np.random.default_rng(5)
    images, labels = [], []
    (folder / "img").mkdir()
    for number, (width, height) in enumerate(
        [(90, 30), (200, 48), (640, 48), (331, 40), (1500, 45), (30, 60), (210, 50), (205, 48)]
    ):
        text = "".join(rng.choice(list("abcdefghij 0123"), max(2, width // 40)))
        image = np.full((height, width, 3), rng.integers(180, 255, 3), np.uint8)
        cv2.putText(image, text, (3, height * 3 // 4), cv2.FONT_HERSHEY_SIMPLEX, height / 45, (30, 20, 60), 2)
        image = np.clip(image.astype(np.int16) + rng.integers(-20, 20, image.shape), 0, 255).astype(np.uint8)
        path = folder / "img" / f"line{number}.{'png' if number % 2 else 'jpg'}"
        cv2.imwrite(str(path), image[:, :, 0] if number == 3 else image)
        images.append(path)
        labels.append(" ".join(text.split()) or "a")
    lines = [f"img/{path.name}\t{label}" for path, label in zip(images, labels, strict=True)]
    (folder / "lines.txt").write_text("\n".join([*lines, "img/none.jpg\tabc"]) + "\n", encoding="utf-8")
    (folder / "dict.txt").write_text("\n".join(ENTRIES) + "\n", encoding="utf-8")
    return images, labels


def _recipe(folder: Path) -> dict:
    chain = [
        {"DecodeImage": {"img_mode": "BGR", "channel_first": False}},
        {"CTCLabelEncode": None},
        {"RecResizeImg": {"image_shape": [3, 48, 320]}},
        {"KeepKeys": {"keep_keys": ["image", "label", "length"]}},
    ]
    loader = {
        "batch_size_per_card": 4,
        "shuffle": False,
        "drop_last": False,
        "num_workers": 0,
        "bucket_by_width": {"step": 64, "max_width": 640},
    }
    data = {
        "dataset": {
            "name": "SimpleDataSet",
            "data_dir": str(folder),
            "label_file_list": [str(folder / "lines.txt")],
            "transforms": chain,
        },
        "loader": loader,
    }
    return {
        "Global": {
            "epoch_num": 1,
            "save_model_dir": str(folder / "run"),
            "character_dict_path": str(folder / "dict.txt"),
            "use_space_char": True,
            "max_text_length": 40,
            "device": "cpu",
        },
        "Optimizer": {"name": "Adam", "lr": {"name": "Const", "learning_rate": 0.001}},
        "Architecture": {
            "model_type": "rec",
            "algorithm": "SVTR_LCNet",
            "Backbone": {
                "name": "MobileNetV1Enhance",
                "scale": 0.125,
                "last_conv_stride": [1, 2],
                "last_pool_type": "avg",
                "last_pool_kernel_size": [2, 2],
            },
            "Neck": {"name": "SequenceEncoder", "encoder_type": "svtr", "dims": 16, "depth": 1, "hidden_dims": 24},
            "Head": {"name": "CTCHead"},
        },
        "Loss": {"name": "CTCLoss"},
        "PostProcess": {"name": "CTCLabelDecode"},
        "Metric": {"name": "RecMetric", "main_indicator": "acc"},
        "Train": data,
        "Eval": data,
    }


def _weights(run: TinyRun) -> None:
    import torch

    from ppocr_like.components import load_components
    from ppocr_like.config import Builder, load_recipe
    from ppocr_like.data.loader import build_loader
    from ppocr_like.weights import save_weights

    load_components()
    torch.manual_seed(3)
    recipe = load_recipe(run.recipe)
    builder = Builder(recipe)
    model = builder.model()
    batches = list(build_loader(builder.dataset("Eval"), builder.loader("Eval"), seed=0, train=False).batches(0))
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None  # the plain mean over the batches
        for batch in batches:
            if batch["info"]:
                model(batch["image"])
        model.eval()
        steps = torch.cat([model.neck(model.backbone(batch["image"])).flatten(0, 1) for batch in batches if batch["info"]])
        mean, (_, scale, axes) = steps.mean(0), torch.linalg.svd(steps - steps.mean(0), full_matrices=False)
        whiten = axes.T @ torch.diag(len(steps) ** 0.5 / scale.clamp(min=1e-3)) @ axes
        model.head.fc.weight.copy_(3 * torch.randn(model.head.fc.weight.shape) @ whiten)
        model.head.fc.bias.copy_(-model.head.fc.weight @ mean)
        model.head.fc.bias[0] += 6.0
    save_weights(
        run.folder / "best_accuracy.safetensors",
        model.state_dict(),
        {"charset": builder.charset, "recipe": recipe.tree, "metrics": {"acc": 0.0}},
    )


@pytest.fixture(scope="session")
def ink_run(tmp_path_factory: pytest.TempPathFactory) -> InkRun:
    """A detector with pages of its own (see `tests.ink_run`)."""
    return make_ink_run(tmp_path_factory.mktemp("ink"))


@pytest.fixture(scope="session")
def ink_bundle(ink_run: InkRun) -> Path:
    """The exported bundle of `ink_run`."""
    from ppocr_like.components import load_components
    from ppocr_like.config import load_recipe
    from ppocr_like.export import export

    load_components(["tests.ink_net"])
    wanted = [f"Global.pretrained_model={ink_run.folder}", f"Global.save_inference_dir={ink_run.bundle}"]
    return export(load_recipe(ink_run.recipe, wanted)).folder


@pytest.fixture(scope="session")
def huge_png(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real image of 30,000 x 30,000 px, white, in a small file."""
    path = tmp_path_factory.mktemp("huge") / "huge.png"
    Image.new("1", (30000, 30000), 1).save(path, compress_level=1)
    return path


OUTSIDE = {
    "PPOCR_LIKE_CASES": "need the reference cases, which are not part of the repository (PPOCR_LIKE_CASES names their folder)",
    "PPOCR_LIKE_RAPIDOCR_PYTHON": "need RapidOCR, in an environment of its own (make test-rapidocr)",
}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says in one line how many tests were left out and why, however many files they stand in."""
    left_out: Counter[str] = Counter()
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        reason = reason.removeprefix("Skipped: ")
        left_out[next((told for name, told in OUTSIDE.items() if name in reason), reason)] += 1
    if left_out:
        told = "; ".join(f"{count} {reason}" for reason, count in left_out.most_common())
        terminalreporter.write_line(f"left out: {told}")
