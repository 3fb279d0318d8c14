"""DBPostProcess; of DistillationDBPostProcess the file holds one call, `distillation`."""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely

from ppocr_like.config.paddle.aliases import ALIASES
from ppocr_like.registry import POSTPROCESSES

from .reading import Ops, made

FILE = "06_db_postprocess"
SCORE, EQUAL, IOU, UNMATCHED = 1e-4, 0.99, 0.95, 0.01
BY_IOU = "another build of OpenCV: boxes matched by IoU"


def network_output(ops: Ops, names: list[str]) -> np.ndarray:
    return np.stack([ops.arrays[ops.meta["maps"][name]["array"]].astype(np.float32)[None] / 255 for name in names])


def read_there(post: dict[str, Any]) -> dict[str, Any]:
    """Without the names that PaddleOCR leaves unread, which mean something in recipes here (`config.paddle.aliases`)."""
    return {key: value for key, value in post.items() if key not in ALIASES["DBPostProcess"]}


def check(case: dict[str, Any], ops: Ops) -> str | None:
    if "error" in case:
        try:
            made(POSTPROCESSES, read_there(case["post"]))
        except ValueError:
            return None
        raise AssertionError("PaddleOCR raises, ours does not")
    maps = network_output(ops, case["maps"])
    pages = made(POSTPROCESSES, read_there(case["post"]))({"maps": maps}, {"shape": np.array(case["shape_list"])})
    assert len(pages) == len(case["images"])
    total = equal = 0
    other = False
    for page, image, shape in zip(pages, case["images"], case["shape_list"], strict=True):
        polygons, scores = wanted_boxes(ops, image)
        pixel = np.ceil(max(shape[0] / maps.shape[2], shape[1] / maps.shape[3]))
        counted = same_in_order(page, polygons, scores, pixel)
        if counted is None:
            other = True
            share = unmatched(page, polygons)
            assert share <= UNMATCHED, f"{share:.1%} of the boxes have no partner"
        else:
            total, equal = total + counted[0], equal + counted[1]
    assert not total or equal / total >= EQUAL, f"{equal / total:.1%} of the coordinates are equal"
    return BY_IOU if other else None


def wanted_boxes(ops: Ops, image: dict[str, Any]) -> tuple[list[np.ndarray], np.ndarray]:
    points = ops.arrays[image["points"]["array"]] if image["count"] else np.zeros((0, 4, 2))
    polygons = np.split(points, np.cumsum(image["sizes"])[:-1]) if image.get("sizes") else list(points)
    return polygons, ops.arrays[image["scores"]["array"]] if image["count"] else np.zeros(0)


def same_in_order(page: Any, polygons: list[np.ndarray], scores: np.ndarray, pixel: float) -> tuple[int, int] | None:
    """(number of coordinates, of equal ones); None where number, order or a point is another."""
    if len(page.boxes) != len(polygons):
        return None
    total = equal = 0
    for box, polygon, score in zip(page.boxes, polygons, scores, strict=True):
        if box.points.shape != polygon.shape or np.abs(box.points - polygon).max() > pixel or abs(box.score - score) > SCORE:
            return None
        total, equal = total + polygon.size, equal + int((box.points == polygon).sum())
    return total, equal


def unmatched(page: Any, polygons: list[np.ndarray]) -> float:
    """Share of boxes, of either side, without a partner of IoU >= 0.95: the tolerance for another build of OpenCV."""
    ours = [shapely.Polygon(box.points).buffer(0) for box in page.boxes]
    free, missing = set(range(len(ours))), 0
    for polygon in polygons:
        theirs = shapely.Polygon(polygon).buffer(0)
        best = max(free, key=lambda i: _iou(ours[i], theirs), default=None)
        if best is None or _iou(ours[best], theirs) < IOU:
            missing += 1
        else:
            free.remove(best)
    return (missing + len(free)) / max(len(polygons), 1)


def _iou(a: Any, b: Any) -> float:
    union = a.union(b).area
    return a.intersection(b).area / union if union else float(a.equals(b))
