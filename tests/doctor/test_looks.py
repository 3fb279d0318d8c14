"""Pictures that are nearly the same, and what a picture's shape and ink tell."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ppocr_like.doctor.looks import LINE_GRID, PAGE_GRID, nearest, print_of
from ppocr_like.doctor.shape import CROWDED, HIGHER, line_faults, of_one_colour


def drawn(seed: int, width: int, height: int, rows: int) -> np.ndarray:
    """Words on paper."""
    rng = np.random.default_rng(seed)
    image = rng.integers(225, 240, (height, width, 3)).astype(np.uint8)
    for row in range(rows):
        words = "".join(chr(int(n)) for n in rng.integers(97, 123, 12))
        words = words[:5] + " " * int(rng.integers(1, 6)) + words[5:]
        place = (int(rng.integers(2, width // 4)), int((row + 0.7) * height / rows))
        cv2.putText(image, words, place, cv2.FONT_HERSHEY_SIMPLEX, height / rows / 40, (20, 20, 20), 2)
    return image


def changed(image: np.ndarray) -> list[np.ndarray]:
    height, width = image.shape[:2]
    return [
        cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 60])[1], cv2.IMREAD_COLOR),
        cv2.resize(image, (int(width * 0.7), int(height * 0.7)), interpolation=cv2.INTER_AREA),
        (image * 0.9 + 15).astype(np.uint8),
        cv2.GaussianBlur(image, (3, 3), 0),
    ]


@pytest.mark.parametrize(("grid", "size", "rows"), [(LINE_GRID, (400, 40), 1), (PAGE_GRID, (600, 800), 12)])
def test_a_changed_copy_is_near_and_another_picture_is_not(grid: tuple[int, int], size: tuple[int, int], rows: int) -> None:
    images = [drawn(seed, *size, rows) for seed in range(60)]
    looks = np.array([print_of(image, *grid) for image in images], np.uint64)
    copies = np.array([print_of(copy, *grid) for image in images for copy in changed(image)], np.uint64)
    found, near = nearest(copies, looks)
    assert (found == np.repeat(np.arange(60), 4)).mean() > 0.97 and near.mean() > 0.97
    assert not nearest(looks[:30], looks[30:])[1].any()


def test_plain_paper_is_near_to_nothing() -> None:
    paper = np.random.default_rng(0).integers(225, 240, (40, 400, 3)).astype(np.uint8)
    look = np.array([print_of(paper, *LINE_GRID)], np.uint64)
    assert not nearest(look, look)[1][0]
    assert nearest(look, look[:0])[1].tolist() == [False]


@pytest.mark.parametrize("shape", [(1, 1), (3, 3, 1), (2, 5, 3), (40, 1, 3)])
def test_pictures_of_any_size_have_a_look(shape: tuple[int, ...]) -> None:
    assert len(print_of(np.zeros(shape, np.uint8), *LINE_GRID)) == 4


def test_one_colour() -> None:
    image = np.full((60, 200, 3), 130, np.uint8)
    assert of_one_colour(image) and of_one_colour(np.zeros((5, 5), np.uint8))
    image[31, 101] = 0
    assert not of_one_colour(image), "a single dark pixel is something"


@pytest.mark.parametrize(
    ("size", "text", "kind"),
    [
        ((20, 32), "a" * 15, HIGHER),
        ((20, 16), "a" * 15, CROWDED),
        ((30, 120), "word", HIGHER),
        ((300, 200), "a label of another line", CROWDED),
        ((100, 32), "word", None),
        ((20, 32), "I", None),
        ((34, 30), "ill", None),
        ((32, 48), "71", None),
        ((20, 48), "71", HIGHER),
        ((3, 3), "word", None),
        ((100, 16), "ک" + "\u064b" * 60, None),
    ],
)
def test_shapes_of_lines(size: tuple[int, int], text: str, kind: str | None) -> None:
    assert [found for found, _ in line_faults(*size, text)] == ([kind] if kind else [])
