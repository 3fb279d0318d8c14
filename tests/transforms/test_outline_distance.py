"""Distances to outlines, against the rule written down plainly in float64."""

import numpy as np
import pytest

from ppocr_like.transforms.outline_distance import OutlineDistances


def plain(polygon, width, height, cap):
    """Pixel by pixel and edge by edge; the squared lengths of edges are float32, as everywhere."""
    nearest = np.full((height, width), cap)
    for y in range(height):
        for x in range(width):
            squares = [
                of_edge(np.array([x, y], float), *edge) for edge in zip(polygon, np.roll(polygon, -1, axis=0), strict=True)
            ]
            nearest[y, x] = np.nan if min(squares) < 0 else min(np.sqrt(min(squares)), cap)
    return nearest


def of_edge(pixel, start, end):
    to_start, to_end = start - pixel, end - pixel
    square = float(((start - end) ** 2).sum(dtype=np.float32))
    if square == 0:
        return (to_start**2).sum() or -1.0  # no distance from the pixel of an edge without length
    cosine = to_start @ to_end
    if (to_start**2).sum() + (to_end**2).sum() > square:
        return min((to_start**2).sum(), (to_end**2).sum())
    exact = ((start.astype(float) - end) ** 2).sum()
    return ((to_start[0] * to_end[1] - to_start[1] * to_end[0]) ** 2 + cosine * (square - exact)) / square


def distances(polygon, cap, width, height):
    whole = np.zeros((1, 2), int)
    fields = OutlineDistances(polygon[None].astype(np.float32), np.array([cap]), whole, whole, np.array([[width, height]]))
    (field,) = [field.copy() for field in fields]
    return field


SHAPES = {
    "upright": [[5, 4], [30, 4], [30, 15], [5, 15]],
    "turned": [[6, 3], [33, 9], [31, 19], [4, 13]],
    "between pixels": [[5.25, 4.6], [30.4, 7.3], [28.9, 18.2], [3.7, 15.1]],
    "crossing itself": [[5, 4], [30, 18], [30, 4], [5, 18]],
    "repeated corners": [[5, 4], [30, 4], [30, 15], [5, 15], [5, 15], [5, 15]],
    "partly outside": [[-12.5, -3.25], [20, 6], [18, 30], [-14, 22]],
    "triangle": [[3.5, 18], [20, 2], [36.2, 17]],
}


@pytest.mark.parametrize("cap", [0.8, 4.0, 9.7, 60.0])
@pytest.mark.parametrize("shape", SHAPES)
def test_every_pixel(shape, cap):
    polygon = np.array(SHAPES[shape], np.float32)
    got, want = distances(polygon, cap, 38, 23), plain(polygon, 38, 23, cap)
    assert np.array_equal(np.isnan(got), np.isnan(want))
    assert np.nanmax(np.abs(got - want)) < 2e-4


def test_the_pixel_of_a_repeated_corner_has_no_distance():
    field = distances(np.array(SHAPES["repeated corners"]), 4.0, 38, 23)
    assert np.argwhere(np.isnan(field)).tolist() == [[15, 5]]


def test_windows_of_several_polygons():
    polygon = np.array(SHAPES["turned"], np.float32)
    want = plain(polygon, 38, 23, 5.0)
    polys = np.stack((polygon, polygon + 100))
    fields = OutlineDistances(
        polys,
        np.array([5.0, 5.0]),
        np.array([[0, 0], [100, 100]]),
        np.array([[2, 3], [110, 105]]),
        np.array([[30, 20], [20, 10]]),
    )
    first, second = [field.copy() for field in fields]
    assert np.abs(first - want[3:23, 2:32]).max() < 1e-5
    assert np.abs(second - want[5:15, 10:30]).max() < 1e-5
