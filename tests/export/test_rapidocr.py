"""Our bundle in RapidOCR itself, unchanged.

RapidOCR brings packages of its own, so it runs in an environment of its own, whose Python the variable
PPOCR_LIKE_RAPIDOCR_PYTHON names; `make test-rapidocr` makes it.
"""

import json
import os
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from ppocr_like.components import load_components
from ppocr_like.config import load_recipe
from ppocr_like.export import export
from ppocr_like.pipeline import Detector, Recogniser
from tests.ink_run import InkRun

ROOT = Path(__file__).parents[2]
PYTHON = os.environ.get("PPOCR_LIKE_RAPIDOCR_PYTHON")
pytestmark = pytest.mark.skipif(not PYTHON, reason="PPOCR_LIKE_RAPIDOCR_PYTHON is not set; `make test-rapidocr` sets it")

# RapidOCR takes as canvas int(48 * max(320 / 48, w / h)) px: the dynamic width of RecResizeImg.
RAPIDOCR_CANVAS = ["Eval.loader.bucket_by_width=null", "Eval.dataset.transforms.RecResizeImg.eval_mode=true",
                   "Eval.loader.batch_size_per_card=1"]  # fmt: skip

PROGRAM = """
import json, os, sys
os.environ["http_proxy"] = os.environ["https_proxy"] = "http://127.0.0.1:9"  # a download would fail
import numpy as np
from rapidocr import RapidOCR
bundle, images = sys.argv[1], np.load(sys.argv[2])
images = [images[name] for name in images.files]
params = json.load(open(f"{bundle}/rapidocr_params.json"))
engines = {
    "params": (RapidOCR(params=params), {}),
    "config": (RapidOCR(config_path=f"{bundle}/rapidocr.yaml"), {}),
    "model path only": (RapidOCR(params={"Rec.model_path": f"{bundle}/model.onnx", "Global.use_preprocess_img": False}),
                        {"use_det": False, "use_cls": False}),
}
out = {}
for name, (engine, options) in engines.items():
    results = [engine(image, **options) for image in images]
    out[name] = [[result.txts[0], float(result.scores[0])] for result in results]
from rapidocr.ch_ppocr_rec import TextRecInput
batched = engines["params"][0].text_rec(TextRecInput(img=images))
out["batch"] = [[text, float(score)] for text, score in zip(batched.txts, batched.scores)]
json.dump(out, open(sys.argv[3], "w"))
"""


def rapidocr(bundle: Path, images: list[np.ndarray], folder: Path) -> dict[str, list[tuple[str, float]]]:
    np.savez(folder / "images.npz", *images)
    command = [PYTHON, "-c", PROGRAM, str(bundle), str(folder / "images.npz"), str(folder / "out.json")]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "out.json").read_text())


@pytest.mark.parametrize(
    "canvas",
    [RAPIDOCR_CANVAS, ["Eval.loader.bucket_by_width={step: 64, min_width: 320, max_width: 640}"]],
    ids=["line", "buckets"],
)
def test_rapidocr_reads_what_we_read(tiny_run, tmp_path, canvas):
    """Whatever the recipe's evaluation says: a bundle's canvases follow the line, and buckets stay with training."""
    load_components()
    wanted = [f"Global.pretrained_model={tiny_run.folder}", f"Global.save_inference_dir={tmp_path}/bundle", *canvas]
    bundle = export(load_recipe(tiny_run.recipe, wanted)).folder
    images = [cv2.imread(str(path)) for path in tiny_run.images]
    images += [cv2.resize(images[1], (2300, 90)), cv2.resize(images[2], (150, 22))]  # larger and smaller than RapidOCR's bounds
    ours = Recogniser(bundle)(images)
    assert len({line.text for line in ours}) >= len(tiny_run.images)
    theirs = rapidocr(bundle, images, tmp_path)
    for way in ("params", "config", "model path only"):
        assert [text for text, _ in theirs[way]] == [line.text for line in ours], way
        assert np.allclose([score for _, score in theirs[way]], [line.confidence for line in ours], atol=1e-4), way
    # Batches of six share the widest canvas: lines that set it read as alone.
    assert len(theirs["batch"]) == len(images)
    widest = max(range(len(images)), key=lambda i: images[i].shape[1] / images[i].shape[0])
    assert theirs["batch"][widest][0] == ours[widest].text


LINES = """
import json, os, sys
os.environ["http_proxy"] = os.environ["https_proxy"] = "http://127.0.0.1:9"  # a download would fail
from rapidocr import RapidOCR
engine = RapidOCR(config_path=f"{sys.argv[1]}/rapidocr.yaml")
results = [engine(path) for path in json.load(open(sys.argv[2]))]
json.dump([result.txts[0] if result.txts else "" for result in results], open(sys.argv[3], "w"))
"""


@pytest.mark.parametrize("least", [320, 64])
def test_rapidocr_and_we_agree_on_every_line_of_the_example_data(least, tmp_path):
    """The shipped weights and their recipe, whose evaluation has width buckets, on real lines of all widths."""
    load_components()
    wanted = [f"Global.save_inference_dir={tmp_path}/bundle", "Global.pretrained_model=pretrained/svtr_small.safetensors"]
    wanted.append(f"Eval.loader.bucket_by_width.min_width={least}")
    bundle = export(load_recipe("configs/rec/svtr_ft.yml", wanted), verify_data=False, say=lambda line: None).folder
    paths = []
    for name in ("typewritten_fr", "fraktur_archiscribe"):
        lines = (ROOT / "train_data" / name / "train.txt").read_text(encoding="utf-8").splitlines()
        paths += [str(ROOT / "train_data" / line.partition("\t")[0]) for line in lines[:: max(1, len(lines) // 60)]]
    ours = [line.text for line in Recogniser(bundle)(paths)]
    (tmp_path / "paths.json").write_text(json.dumps(paths))
    command = [PYTHON, "-c", LINES, str(bundle), str(tmp_path / "paths.json"), str(tmp_path / "out.json")]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)
    assert done.returncode == 0, done.stderr
    theirs = [text.strip() for text in json.loads((tmp_path / "out.json").read_text())]  # it keeps blanks at a line's ends
    assert len(ours) > 100 and sum(map(len, ours)) > 1000
    assert [(path, a, b) for path, a, b in zip(paths, ours, theirs, strict=True) if a != b] == []


PAGES = """
import json, os, sys
os.environ["http_proxy"] = os.environ["https_proxy"] = "http://127.0.0.1:9"  # a download would fail
import numpy as np
from rapidocr import RapidOCR
bundle, images = sys.argv[1], np.load(sys.argv[2])
images = [images[name] for name in images.files]
params = json.load(open(f"{bundle}/rapidocr_params.json"))
engines = {
    "params": RapidOCR(params=params),
    "config": RapidOCR(config_path=f"{bundle}/rapidocr.yaml"),
    "defaults": RapidOCR(params={"Det.model_path": f"{bundle}/model.onnx", "Global.use_cls": False, "Global.use_rec": False}),
}
out = {}
for name, engine in engines.items():
    out[name] = []
    for image in images:
        result = engine(image)
        boxes = [] if result.boxes is None else result.boxes.tolist()
        out[name].append([boxes, [] if result.boxes is None else [float(score) for score in result.scores]])
json.dump(out, open(sys.argv[3], "w"))
"""


def rapidocr_pages(bundle: Path, images: list[np.ndarray], folder: Path) -> dict[str, list]:
    np.savez(folder / "pages.npz", *images)
    command = [PYTHON, "-c", PAGES, str(bundle), str(folder / "pages.npz"), str(folder / "out.json")]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, env={k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "out.json").read_text())


def by_place(boxes: list, scores: list) -> list[tuple[list, float]]:
    return sorted(zip(np.asarray(boxes, float).tolist(), scores, strict=True), key=lambda one: one[0])


def ours(bundle: Path, images: list[np.ndarray]) -> list[list[tuple[list, float]]]:
    """Our boxes as RapidOCR hands them on: cut at the last px of the image, none with a side of 3 px or less, in its order of
    corners."""
    pages = []
    for image, page in zip(images, Detector(bundle)(images), strict=True):
        kept = []
        for box in page.boxes:
            points = np.clip(box.points, 0, [image.shape[1] - 1, image.shape[0] - 1]).astype(float)
            if min(int(np.linalg.norm(points[0] - points[1])), int(np.linalg.norm(points[0] - points[3]))) > 3:
                kept.append((points.tolist(), box.score))
        pages.append(by_place([points for points, _ in kept], [score for _, score in kept]))
    return pages


def detector_bundle(run: InkRun, target: Path, fold: str | None, *more: str) -> Path:
    load_components(["tests.ink_net"])
    wanted = [f"Global.pretrained_model={run.folder}", f"Global.save_inference_dir={target}", *more]
    return export(load_recipe(run.recipe, wanted), verify_data=False, fold_normalize=fold).folder


LIMIT = "Eval.dataset.transforms.DetResizeForTest"


@pytest.mark.parametrize(
    ("fold", "changes"),
    [
        (None, []),
        ("pixels", []),
        (None, ["PostProcess.use_dilation=true", "PostProcess.score_mode=slow", "PostProcess.unclip_ratio=1.2"]),
        (None, [f"{LIMIT}.limit_type=min", f"{LIMIT}.limit_side_len=400"]),
        (None, ["PostProcess.max_candidates=3", "PostProcess.box_thresh=0.85", "PostProcess.thresh=0.4"]),
        (None, ["Eval.dataset.transforms.NormalizeImage.scale=0.0078", "Eval.dataset.transforms.NormalizeImage.mean=[1,1,1]",
                "Eval.dataset.transforms.NormalizeImage.std=[0.5,0.5,0.5]"]),
    ],
)  # fmt: skip
def test_rapidocr_finds_what_we_find(ink_run, tmp_path, fold, changes):
    """A model whose pages differ from one another in size, also with a line so wide that RapidOCR would pad it."""
    bundle = detector_bundle(ink_run, tmp_path / "bundle", fold, *changes)
    images = [cv2.imread(str(path)) for path in ink_run.images]
    strip = np.full((40, 600, 3), 235, np.uint8)
    strip[12:28, 60:400] = 20
    images.append(cv2.resize(images[4], (1800, 2400)))
    if f"{LIMIT}.limit_type=min" not in changes:  # there we make it 4000 px wide, RapidOCR, which has no such bound, 6000
        images.append(strip)
    wanted = ours(bundle, images)
    assert sum(map(len, wanted)) >= 10
    theirs = rapidocr_pages(bundle, images, tmp_path)
    for way in ("params", "config"):
        for number, (page, found) in enumerate(zip(wanted, theirs[way], strict=True)):
            found = by_place(*found)
            assert [points for points, _ in found] == [points for points, _ in page], (way, number)
            # RapidOCR sorts the boxes and leaves their scores in the order in which they were found.
            scores = sorted(score for _, score in found), sorted(score for _, score in page)
            assert np.allclose(*scores, atol=1e-4), (way, number)
    if fold is None:  # the settings are needed: RapidOCR's own find other boxes
        assert [by_place(*found) for found in theirs["defaults"]] != wanted


def test_rapidocr_bounds_the_longer_side_as_we_do(ink_run, tmp_path):
    """It does so in a step of its own before the detector, so that boxes are rounded twice."""
    bundle = detector_bundle(ink_run, tmp_path / "bundle", None, f"{LIMIT}.limit_type=min", f"{LIMIT}.limit_side_len=400")
    wide = np.full((600, 4500, 3), 235, np.uint8)
    wide[100:160, 300:2000] = 20
    wide[300:380, 2500:4300] = 20
    (wanted,), (found,) = ours(bundle, [wide]), rapidocr_pages(bundle, [wide], tmp_path)["config"]
    assert len(wanted) == len(found[0]) == 2
    assert np.abs(np.subtract([points for points, _ in wanted], [points for points, _ in by_place(*found)])).max() <= 2


def test_folded_to_half_the_graph_takes_what_rapidocr_feeds_by_itself(ink_run, tmp_path):
    """Nothing but the model's path and thresholds, as a user of the API writes them: no mean, no std."""
    bundle = detector_bundle(ink_run, tmp_path / "bundle", "half", f"{LIMIT}.limit_side_len=736", f"{LIMIT}.limit_type=min",
                             "PostProcess.thresh=0.3", "PostProcess.box_thresh=0.5", "PostProcess.unclip_ratio=1.6",
                             "PostProcess.use_dilation=true")  # fmt: skip
    images = [cv2.imread(str(path)) for path in ink_run.images]
    theirs = rapidocr_pages(bundle, images, tmp_path)
    assert [[points for points, _ in by_place(*found)] for found in theirs["defaults"]] == [
        [points for points, _ in page] for page in ours(bundle, images)
    ]
