"""Pictures of results: the right things at the right places."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ppocr_like.contracts import PageBoxes, TextBox, TextLine
from ppocr_like.documents.formats.paddle import readable_lines
from ppocr_like.draw.boxes import FOUND, IGNORED, TRUE, draw_boxes
from ppocr_like.draw.maps import map_picture, stretched
from ppocr_like.draw.result import result_picture

SQUARE = [[20, 30], [100, 30], [100, 60], [20, 60]]
LABEL = json.dumps(
    [
        {"transcription": "word", "points": [[10, 10], [50, 10], [50, 20], [10, 20]]},
        {"transcription": "###", "points": [[60, 80], [90, 80], [75, 95]]},
        {"transcription": "no points"},
        "nothing",
    ]
)


def page() -> np.ndarray:
    return np.full((120, 160, 3), 255, np.uint8)


def coloured(picture: np.ndarray, colour: tuple[int, int, int]) -> set[tuple[int, int]]:
    rows, columns = np.nonzero((np.abs(picture.astype(int) - colour) < 60).all(axis=2))
    return set(zip(columns.tolist(), rows.tolist(), strict=True))


def test_regions_of_label_and_result_stand_where_they_are() -> None:
    image = page()
    picture = draw_boxes(image, PageBoxes((TextBox(np.array(SQUARE, float), 0.9),)), readable_lines(LABEL), scores=False)
    assert (image == 255).all() and picture.shape == image.shape
    assert {(60, 30), (100, 45), (60, 60), (20, 45)} <= coloured(picture, FOUND)
    assert {(30, 10), (50, 15)} <= coloured(picture, TRUE) and (75, 80) in coloured(picture, IGNORED)
    assert not coloured(picture, FOUND) & {(60, 45), (5, 5)}


def test_a_large_page_is_made_smaller_with_its_regions() -> None:
    big = np.full((1200, 1600, 3), 255, np.uint8)
    points = np.array(SQUARE, float) * 10
    picture = draw_boxes(big, PageBoxes((TextBox(points, 0.5),)), scores=False, longest=160)
    assert picture.shape == (120, 160, 3) and (60, 30) in coloured(picture, FOUND)


def test_scores_are_written_and_points_far_outside_do_no_harm() -> None:
    boxes = PageBoxes((TextBox(np.array([[-1e7, -5], [50, 2], [1e9, 40]]), 0.5), TextBox(np.array(SQUARE), 0.77)))
    written, bare = (draw_boxes(page(), boxes, scores=scores) for scores in (True, False))
    assert (written != bare)[18:30, 20:50].any(), "above the box"
    assert (written == bare)[32:].all()


@pytest.mark.parametrize("label", ["plain text", "", "{}", "[1, null]", '[{"points": [[1, 2], [3]]}]', "[{"])
def test_a_label_that_is_no_page_has_no_regions(label: str) -> None:
    assert readable_lines(label) == []


def test_each_type_of_result_has_its_picture() -> None:
    line = result_picture(TextLine("abc", 0.5), page(), "abd")
    assert line is not None and line.shape[1:] == (800, 3)
    wrong, right = (result_picture(TextLine(text, 0.5), page(), "abc") for text in ("abd", "abc"))
    assert wrong is not None and right is not None and (wrong != right).any()
    drawn = result_picture(PageBoxes(), page(), LABEL)
    assert drawn is not None and (30, 10) in coloured(drawn, TRUE[::-1])  # RGB
    assert result_picture(object(), page(), "") is None


def test_maps_become_pictures() -> None:
    values = np.array([[0, 0.5], [1, np.nan]], np.float32)
    assert map_picture(values)[:, :, 0].tolist() == [[0, 128], [255, 0]]
    assert map_picture(values[None]).shape == (2, 2, 3)
    with pytest.raises(ValueError, match="shape"):
        map_picture(np.zeros((2, 4, 4)))
    image = np.stack([np.full((2, 2), v, np.float32) for v in (-2.0, 0.0, 2.0)])
    assert stretched(image)[:, 0, 0].tolist() == [1.0, 0.5, 0.0]  # BGR to RGB
    assert (stretched(np.zeros((3, 2, 2))) == 0).all()
