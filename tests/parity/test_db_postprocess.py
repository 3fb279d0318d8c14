"""PaddleOCR's own DBPostProcess (file 06). Needs the cases: set PPOCR_LIKE_CASES."""

import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import shapely

from ppocr_like.postprocess.db import DBPostProcess

CASES = os.environ.get("PPOCR_LIKE_CASES")
pytestmark = pytest.mark.skipif(not CASES, reason="PPOCR_LIKE_CASES is not set: PaddleOCR's reference cases are not here")

COUNT, ERRORS = 100, 2
# PaddleOCR leaves this key unread; here it is another name of box_type in recipes (config.aliases).
UNREAD = "det_box_type"


@pytest.fixture(scope="module")
def reference():
    archive = np.load(Path(CASES) / "parity" / "ops" / "06_db_postprocess.npz")
    meta = json.loads(str(archive["meta"]))
    assert len(meta["cases"]) == COUNT
    return {name: archive[name] for name in archive.files if name != "meta"}, meta


def network_output(arrays, meta, names):
    return np.stack([arrays[meta["maps"][name]["array"]].astype(np.float32)[None] / 255 for name in names])


def made(post):
    return DBPostProcess(**{key: value for key, value in post.items() if key not in ("name", UNREAD)})


def wanted_boxes(arrays, image):
    points = arrays[image["points"]["array"]] if image["count"] else np.zeros((0, 4, 2))
    polygons = np.split(points, np.cumsum(image["sizes"])[:-1]) if image.get("sizes") else list(points)
    return polygons, arrays[image["scores"]["array"]] if image["count"] else np.zeros(0)


def same_in_order(page, polygons, scores, pixel):
    """(number of coordinates, of equal ones); None where number, order or a point is another."""
    if len(page.boxes) != len(polygons):
        return None
    total = equal = 0
    for box, polygon, score in zip(page.boxes, polygons, scores, strict=True):
        if box.points.shape != polygon.shape or np.abs(box.points - polygon).max() > pixel or abs(box.score - score) > 1e-4:
            return None
        total, equal = total + polygon.size, equal + int((box.points == polygon).sum())
    return total, equal


def unmatched(page, polygons):
    """Share of boxes, of either side, without a partner of IoU >= 0.95: the tolerance for another build of OpenCV."""
    ours = [shapely.Polygon(box.points).buffer(0) for box in page.boxes]
    free, missing = set(range(len(ours))), 0
    for polygon in polygons:
        theirs = shapely.Polygon(polygon).buffer(0)
        best = max(free, key=lambda i: _iou(ours[i], theirs), default=None)
        if best is None or _iou(ours[best], theirs) < 0.95:
            missing += 1
        else:
            free.remove(best)
    return (missing + len(free)) / max(len(polygons), 1)


def _iou(a, b):
    union = a.union(b).area
    return a.intersection(b).area / union if union else float(a.equals(b))


def test_boxes_and_scores(reference):
    arrays, meta = reference
    outcome = Counter()
    total = equal = 0
    for number, case in enumerate(meta["cases"]):
        if "error" in case:
            with pytest.raises(ValueError):
                made(case["post"])
            outcome["refused"] += 1
            continue
        maps = network_output(arrays, meta, case["maps"])
        pages = made(case["post"])({"maps": maps}, {"shape": np.array(case["shape_list"])})
        assert len(pages) == len(case["images"])
        exact = True
        for page, image, shape in zip(pages, case["images"], case["shape_list"], strict=True):
            polygons, scores = wanted_boxes(arrays, image)
            pixel = np.ceil(max(shape[0] / maps.shape[2], shape[1] / maps.shape[3]))
            counted = same_in_order(page, polygons, scores, pixel)
            if counted is None:
                exact = False
                assert unmatched(page, polygons) <= 0.01, (number, case["name"])
            else:
                total, equal = total + counted[0], equal + counted[1]
        outcome["in order" if exact else "matched"] += 1
    assert outcome["refused"] == ERRORS
    assert outcome.total() == COUNT
    assert outcome["matched"] <= 2, outcome  # in each one box of a hundred, standing on its corner, is a px elsewhere
    assert equal / total >= 0.99


def test_the_maps_of_a_distillation_are_read_alike(reference):
    """DistillationDBPostProcess reads every model's map so; there is no such class here yet."""
    arrays, meta = reference
    case = meta["distillation"]
    arguments = {key: value for key, value in case["post"].items() if key not in ("name", "model_name", "key")}
    maps = network_output(arrays, meta, ["words"])
    for model, output in (("Student", maps), ("Teacher", np.ascontiguousarray(maps[..., ::-1]))):
        (page,) = DBPostProcess(**arguments)({"maps": output}, {"shape": np.array(case["shape_list"])})
        (wanted,) = case["results"][model]
        assert (np.array([box.points for box in page.boxes]) == arrays[wanted["array"]]).all()
