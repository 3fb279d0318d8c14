"""Data that vanish or change while a run uses them: it stops at once, and a resume does exactly the steps that are left."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ppocr_like.components import load_components
from ppocr_like.config import Recipe
from ppocr_like.engine import train
from ppocr_like.errors import CheckpointError, DataError, OcrError
from tests.marks import first

from .helpers import assert_equal_weights, make_data, records, tiny_recipe

EPOCHS, STEPS = 3, 18


class At(logging.Handler):
    """Does something once, when a message of the log holds a text."""

    def __init__(self, text: str, act: Callable[[], None]) -> None:
        super().__init__()
        self.text, self.act, self.done = text, act, False

    def emit(self, record: logging.LogRecord) -> None:
        if not self.done and self.text in record.getMessage():
            self.done = True
            self.act()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vanishing")
    make_data(folder / "data")
    load_components()
    train(Recipe.from_tree(tree(folder)))
    return folder


def tree(folder: Path, **over: Any) -> dict[str, Any]:
    keys = {"Global__epoch_num": EPOCHS, "Train__loader__num_workers": 0, **over}
    return tiny_recipe(folder / "data", folder / "run", **keys)


def own_data(reference: Path, folder: Path) -> Path:
    shutil.copytree(reference / "data", folder / "data")
    return folder / "data"


def stopped(folder: Path, when: str, act: Callable[[], None], error: type[OcrError] = DataError, **over: Any) -> str:
    """Trains until `act`, done when the log says `when`, ends the run; what the error says."""
    handler, logger = At(when, act), logging.getLogger("ppocr_like")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        with pytest.raises(error) as caught:
            train(Recipe.from_tree(tree(folder, **over)))
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    return str(caught.value)


def same_as(reference: Path, folder: Path) -> None:
    assert_equal_weights(reference / "run" / "latest.ckpt", folder / "run" / "latest.ckpt")
    assert records(folder / "run") == records(reference / "run")
    assert records(folder / "run")[-1]["global_step"] == STEPS


def rename(data: Path) -> None:
    data.rename(data.with_name("elsewhere"))


def unmount(data: Path) -> None:
    """What is left of a mount point."""
    rename(data)
    data.mkdir()


def remove_images(data: Path) -> None:
    shutil.copytree(data, data.with_name("elsewhere"))
    shutil.rmtree(data / "img")


def remove_some(data: Path) -> None:
    """As `rm -r` that is still at work."""
    shutil.copytree(data, data.with_name("elsewhere"))
    for path in sorted((data / "img").glob("train_*"))[::2]:
        path.unlink()


def remove_labels(data: Path) -> None:
    shutil.copytree(data, data.with_name("elsewhere"))
    (data / "train.txt").unlink()


WAYS = [rename, unmount, remove_images, remove_some, remove_labels]


@pytest.mark.parametrize("way", first(WAYS, 2))
@pytest.mark.parametrize("when", first(["global_step: 8,", "evaluation of eval, step 12"]))
def test_a_resume_does_exactly_the_steps_left(reference: Path, tmp_path: Path, way: Callable[[Path], None], when: str) -> None:
    data = own_data(reference, tmp_path)
    keys = {path: os.stat(path) for path in data.glob("*.txt")}
    message = stopped(tmp_path, when, lambda: way(data))
    assert "vanished while it was in use" in message or "the label file is gone" in message
    assert "continue the run" in message
    shutil.rmtree(data, ignore_errors=True)
    data.with_name("elsewhere").rename(data)
    for path, stat in keys.items():
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    train(Recipe.from_tree(tree(tmp_path, Global__checkpoints=str(tmp_path / "run"))))
    same_as(reference, tmp_path)


def test_an_epoch_without_a_usable_sample_is_done_again(reference: Path, tmp_path: Path) -> None:
    """Images that cannot be decoded any more: nothing vanishes, and yet nothing can be used."""
    data = own_data(reference, tmp_path)
    whole = {path: path.read_bytes() for path in (data / "img").glob("train_*")}

    def spoil() -> None:
        for path in whole:
            path.write_bytes(b"no image")

    message = stopped(tmp_path, "evaluation of eval, step 12", spoil, OcrError)
    assert "no sample of the training set could be used in epoch 3" in message
    for path, content in whole.items():
        path.write_bytes(content)
    train(Recipe.from_tree(tree(tmp_path, Global__checkpoints=str(tmp_path / "run"))))
    same_as(reference, tmp_path)


def edit(file: Path) -> None:
    """In place, of the same size."""
    text = file.read_text(encoding="utf-8")
    name, label = text.splitlines()[0].split("\t")
    changed = "".join(str((int(digit) + 1) % 10) for digit in label)
    with open(file, "r+", encoding="utf-8") as stream:
        stream.write(f"{name}\t{changed}")


def test_a_label_file_edited_in_place_is_noticed(reference: Path, tmp_path: Path) -> None:
    data = own_data(reference, tmp_path)
    message = stopped(tmp_path, "global_step: 8,", lambda: edit(data / "train.txt"))
    assert "train.txt: the label file was changed while it was in use" in message


def test_a_label_file_changed_between_runs_is_said_with_the_digests(
    reference: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = own_data(reference, tmp_path)
    recipe = tree(tmp_path, Global__epoch_num=1)
    train(Recipe.from_tree(recipe))
    before = hashlib.sha256((data / "train.txt").read_bytes()).hexdigest()
    edit(data / "train.txt")
    now = hashlib.sha256((data / "train.txt").read_bytes()).hexdigest()
    for epochs, expected in ((2, 1), (3, 0)):  # the second resume knows the file as the first one used it
        caplog.clear()
        recipe = tree(tmp_path, Global__epoch_num=epochs, Global__checkpoints=str(tmp_path / "run"))
        with caplog.at_level(logging.WARNING, "ppocr_like"):
            train(Recipe.from_tree(recipe))
        said = [r.getMessage() for r in caplog.records if "was changed since the run used it" in r.getMessage()]
        assert len(said) == expected
        assert all(before[:12] in line and now[:12] in line and "train.txt" in line for line in said)
    manifest = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert manifest["resumed"][0]["changed_files"][str(data / "train.txt")]["sha256"] == now
    assert manifest["files"][str(data / "train.txt")]["sha256"] == before


def test_within_an_epoch_another_number_of_lines_is_refused_and_the_file_is_named(reference: Path, tmp_path: Path) -> None:
    data = own_data(reference, tmp_path)
    stopped(tmp_path, "global_step: 8,", lambda: edit(data / "train.txt"))
    lines = (data / "train.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    (data / "train.txt").write_text("".join(lines[:-1]), encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"order of its batches is another now(.|\n)*train\.txt was changed since"):
        train(Recipe.from_tree(tree(tmp_path, Global__checkpoints=str(tmp_path / "run"))))
