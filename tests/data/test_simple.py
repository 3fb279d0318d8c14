"""SimpleDataSet on real files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from ppocr_like.contracts import Rejected, Request
from ppocr_like.data.simple import SimpleDataSet
from ppocr_like.data.sizes import header_size
from ppocr_like.errors import ConfigError, DataError
from ppocr_like.registry import DATASETS
from ppocr_like.transforms.base import Sample, Transform

from .helpers import Decode, Folder


def make(folder: Folder, files: str | list[str], **more: Any) -> SimpleDataSet:
    return SimpleDataSet(str(folder.root), files, **{"transforms": [Decode()], "seed": 3, **more})


def test_it_stands_in_the_registry_under_paddleocrs_name() -> None:
    assert DATASETS.get("SimpleDataSet") is SimpleDataSet


def test_places_and_texts_over_several_files(folder: Folder) -> None:
    a, b = folder.labels("a.txt", 3), folder.labels("b.txt", 2)
    data = make(folder, [a, b])
    assert len(data) == 5
    info = data.info(4)
    assert (info.index, info.file, info.line, info.text) == (4, b, 2, "text 1")
    assert info.path == str(folder.root / "b" / "001.png")
    assert data.group_of(np.arange(5)).tolist() == [0, 0, 0, 1, 1]
    with pytest.raises(IndexError):
        data.info(5)


def test_bom_crlf_and_absolute_paths(folder: Folder, tmp_path: Path) -> None:
    folder.image("a.png")
    outside = Folder(tmp_path / "elsewhere")
    outside.image("b.png")
    file = folder.write("l.txt", f"\ufeffa.png\tfirst\r\n\r\n{outside.root / 'b.png'}\tsecond é\r\n")
    data = make(folder, file)
    assert [data.fetch(Request(n, 0))["info"].text for n in range(2)] == ["first", "second é"]
    assert data.info(1).line == 3


def test_a_sample_knows_label_path_and_canvas(folder: Folder) -> None:
    seen: dict[str, Any] = {}

    class Look(Transform):
        def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
            seen.update(sample)
            seen["draw"] = rng.integers(1 << 40)
            return sample

    data = make(folder, folder.labels("a.txt", 1), transforms=[Look()])
    data.fetch(Request(0, 4, 1, (96, 48)))
    assert seen["label"] == "text 0" and seen["img_path"].endswith("000.png") and seen["target_size"] == (96, 48)
    assert seen["image"].dtype == np.uint8 and cv2.imdecode(seen["image"], cv2.IMREAD_COLOR).shape == (16, 16, 3)
    assert seen["draw"] == np.random.Generator(np.random.PCG64([3, 4, 0, 1])).integers(1 << 40)
    seen.clear()
    data.fetch(Request(0, 0))
    assert "target_size" not in seen


def test_of_several_images_training_draws_one_and_evaluation_takes_the_first(folder: Folder) -> None:
    for n in range(3):
        folder.image(f"{n}.png", value=n)
    file = folder.write("l.txt", '["0.png","1.png","2.png"]\tx\n')
    train, evaluation = make(folder, file), make(folder, file, mode="eval")
    requests = [Request(0, epoch) for epoch in range(30)]
    names = [Path(train.fetch(r)["info"].path).name for r in requests]
    assert set(names) == {"0.png", "1.png", "2.png"}
    assert names == [Path(train.request_info(r).path).name for r in requests]
    assert {Path(evaluation.fetch(r)["info"].path).name for r in requests} == {"0.png"}


def test_opencvs_errors_reject_the_sample(folder: Folder) -> None:
    class Fails(Transform):
        def __call__(self, sample: Sample, rng: np.random.Generator) -> Sample:
            return {"image": cv2.resize(np.zeros((0, 0, 3), np.uint8), (4, 4))}

    data = make(folder, folder.labels("a.txt", 1), transforms=[Fails()])
    with pytest.raises(Rejected, match="OpenCV error"):
        data.fetch(Request(0, 0))


@pytest.mark.parametrize(
    ("more", "where"),
    [
        ({"ratio_list": [1.0, 1.0]}, "ratio_list"),
        ({"ratio_list": -1.0}, "ratio_list"),
        ({"ratio_list": float("nan")}, "ratio_list"),
        ({"ratio_list": 0}, "ratio_list"),
        ({"label_file_list": []}, "label_file_list"),
    ],
)
def test_arguments_that_do_not_fit(folder: Folder, more: dict, where: str) -> None:
    file = folder.labels("a.txt", 2)
    with pytest.raises(ConfigError) as caught:
        SimpleDataSet(**{"data_dir": str(folder.root), "label_file_list": [file], **more})
    assert where in [problem.path for problem in caught.value.problems]


def test_missing_things_are_said_when_it_is_made(folder: Folder) -> None:
    names = [str(folder.root / "gone.txt"), folder.labels("a.txt", 1), folder.write("empty.txt", "")]
    with pytest.raises(ConfigError) as caught:
        SimpleDataSet(str(folder.root / "nowhere"), names)
    found = [(problem.path, problem.message) for problem in caught.value.problems]
    assert [path for path, _ in found] == ["label_file_list", "label_file_list", "data_dir"]
    assert "gone.txt" in found[0][1] and "empty" in found[1][1] and "nowhere" in found[2][1]


def test_a_wrong_data_dir_is_said_instead_of_rejecting_everything(folder: Folder) -> None:
    file = folder.labels("a.txt", 5)
    (folder.root / "other").mkdir()
    with pytest.raises(DataError, match=r"none of the images.*other.*is there: .*data_dir"):
        len(SimpleDataSet(str(folder.root / "other"), file))


def test_sizes_come_from_headers_and_are_kept_beside_the_run(folder: Folder, tmp_path: Path) -> None:
    good = [folder.image("a.png", 30, 20), folder.image("b.jpg", 21, 9)]
    folder.write("text.png", "this is no image")
    folder.image("wide.png", 90, 10)
    lines = [*good, "gone.png", "text.png", '["a.png", "wide.png"]']
    file = folder.write("l.txt", "".join(f"{name}\tx\n" for name in lines) + "no delimiter\n")
    data = make(folder, file)
    data.use_cache(tmp_path / "cache")
    expected = [[30, 20], [21, 9], [0, 0], [0, 0], [90, 10], [0, 0]]
    assert data.sizes(progress=False).tolist() == expected
    for name in good:
        (folder.root / name).unlink()
    (folder.root / "b.jpg").write_bytes(b"")
    again = make(folder, file)
    again.use_cache(tmp_path / "cache")
    assert again.sizes(progress=False).tolist() == expected, "read from the cache"


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])  # OpenCV 5.0 fails on a turned TIFF
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_header_gives_the_size_that_the_decoder_gives(tmp_path: Path, suffix: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned.{suffix}"
    Image.new("RGB", (40, 10)).save(path, exif=exif)
    decoded = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert header_size(path) == decoded.shape[1::-1]
    plain = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    assert header_size(path, exif=False) == plain.shape[1::-1]


def test_the_canvas_is_the_resize_steps(folder: Folder) -> None:
    file = folder.labels("a.txt", 1)
    assert make(folder, file, transforms=[Decode((1, 32, 100))]).canvas() == (1, 32, 100)
    assert make(folder, file, transforms=[]).canvas() is None
