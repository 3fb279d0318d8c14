"""Detection with bundles and in PyTorch; thresholds that are moved afterwards; bad images."""

import logging
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from PIL import Image

from ppocr_like.components import load_components
from ppocr_like.config import load_recipe
from ppocr_like.engine import evaluate
from ppocr_like.errors import ConfigError, DataError, WeightsError
from ppocr_like.export import export
from ppocr_like.pipeline import Detector
from ppocr_like.pipeline.opening import open_model
from ppocr_like.pipeline.torch_backend import torch_runner

load_components(["tests.ink_net"])
ROOT = Path(__file__).resolve().parents[2]

NO_TORCH = """
import sys
from ppocr_like.pipeline import Detector
from ppocr_like.pipeline.infer import infer
from ppocr_like.pipeline.opening import open_model
pages = Detector(sys.argv[1])(sys.argv[2:])
infer(open_model(sys.argv[1]), sys.argv[2:], sys.argv[1] + "/../out", heat_map=True)
loaded = [name for name in sys.modules if name.split(".")[0] in ("torch", "safetensors", "onnx")]
assert not loaded, loaded
print([len(page.boxes) for page in pages])
"""


def plain(pages) -> list[list[tuple[list, float]]]:
    return [[(np.asarray(box.points).tolist(), round(float(box.score), 4)) for box in page.boxes] for page in pages]


def counts(pages) -> list[int]:
    return [len(page.boxes) for page in pages]


def overlap(points: np.ndarray, quad: np.ndarray) -> float:
    """Intersection over union of upright boxes."""
    (ax, ay), (bx, by) = np.maximum(points.min(0), quad.min(0)), np.minimum(points.max(0), quad.max(0))
    inter = max(0.0, bx - ax) * max(0.0, by - ay)
    return inter / (np.prod(np.ptp(points, axis=0)) + np.prod(np.ptp(quad, axis=0)) - inter)


def test_target_maps_of_an_evaluation_are_not_drawn_where_there_are_no_labels(ink_run, ink_bundle, tmp_path):
    """The chain of a recipe with `MakeEvalMaps` finds what the same chain without it finds, also over a bundle."""
    tree = yaml.safe_load(ink_run.recipe.read_text(encoding="utf-8"))
    chain = tree["Eval"]["dataset"]["transforms"]
    chain.insert(3, {"MakeEvalMaps": {"maps": [{"MakeBorderMap": None}, {"MakeShrinkMap": None}]}})
    chain[-1]["KeepKeys"]["keep_keys"] += ["threshold_map", "threshold_mask", "shrink_map", "shrink_mask"]
    (tmp_path / "maps.yml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    recipe, images = load_recipe(tmp_path / "maps.yml"), ink_run.images[:2]
    found = plain(Detector(ink_bundle)(images))
    assert plain(open_model(ink_bundle, recipe)(images)) == found and counts(Detector(ink_bundle)(images))[0] > 0
    assert counts(torch_runner(ink_run.folder, recipe)(images)) == [len(boxes) for boxes in found]


def test_boxes_lie_on_the_text_in_px_of_the_source_image(ink_run, ink_bundle):
    """Also on the page that is made smaller (1200 px high, 640 at most)."""
    for page, quads in zip(Detector(ink_bundle)(ink_run.images), ink_run.quads, strict=True):
        best = [max(overlap(box.points.astype(float), quad) for box in page.boxes) for quad in quads]
        assert np.mean(np.array(best) > 0.7) >= 0.85, best


def test_files_arrays_backends_orders_and_batch_sizes_agree(ink_run, ink_bundle):
    detector = Detector(ink_bundle)
    pages = detector(ink_run.images)
    assert len(set(counts(pages))) > 1
    assert plain(detector([cv2.imread(str(path)) for path in ink_run.images])) == plain(pages)
    assert plain(Detector(ink_bundle, batch_size=3)(ink_run.images * 2)) == plain(pages) * 2
    assert plain(detector(ink_run.images[::-1])) == plain(pages)[::-1]
    torch_pages = torch_runner(ink_run.folder)(ink_run.images)
    assert [[points for points, _ in page] for page in plain(torch_pages)] == [[p for p, _ in page] for page in plain(pages)]


def test_batches_hold_images_of_one_size_only(ink_run, ink_bundle):
    detector = Detector(ink_bundle, batch_size=4)
    seen, run = [], detector.backend
    detector.backend = lambda images: seen.append(images.shape) or run(images)
    findings = list(detector.stream(ink_run.images))
    assert sorted(seen) == [(1, 3, 320, 256), (1, 3, 320, 512), (1, 3, 640, 480), (2, 3, 256, 320)]
    assert [finding.source for finding in findings] == ink_run.images
    for finding in findings:
        assert finding.map.shape == finding.prepared.tensor.shape[1:]
        assert finding.prepared.picture.shape[:2] == tuple(finding.prepared.shape[:2].astype(int))


def test_detection_with_a_bundle_imports_no_torch(ink_run, ink_bundle):
    paths = [str(path) for path in ink_run.images]
    done = subprocess.run([sys.executable, "-c", NO_TORCH, str(ink_bundle), *paths], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(counts(Detector(ink_bundle)(ink_run.images)))


def test_many_pages_are_not_held_at_once(ink_run, ink_bundle, monkeypatch):
    monkeypatch.setattr("ppocr_like.pipeline.runner.HELD", 1)
    detector = Detector(ink_bundle)
    held, prepare = [], detector.preprocess

    def counting(source):
        held.append(source)
        return prepare(source)

    detector.preprocess = counting
    stream = detector.stream(ink_run.images)
    next(stream)
    assert len(held) == 1
    assert len(list(stream)) == len(ink_run.images) - 1


@pytest.mark.parametrize(("key", "value"), [("box_thresh", 0.9), ("unclip_ratio", 1.5), ("thresh", 0.9)])
def test_a_threshold_moved_in_the_recipe_changes_eval_infer_and_bundle_alike(ink_run, ink_bundle, tmp_path, key, value):
    """Without training: evaluation, PyTorch, a bundle made before with the recipe's values, a bundle whose file is edited, and a
    bundle made anew give the same boxes."""
    before = plain(Detector(ink_bundle)(ink_run.images))
    weights = f"Global.pretrained_model={ink_run.folder}"
    moved = load_recipe(ink_run.recipe, [weights, f"PostProcess.{key}={value}", f"Global.save_inference_dir={tmp_path}/new"])
    evaluated = plain([result for _, result in evaluate(moved, keep=None)[0].lines])
    assert evaluated != before

    def near(pages) -> bool:
        return [[points for points, _ in page] for page in plain(pages)] == [[points for points, _ in page] for page in evaluated]

    assert near(open_model(ink_run.folder, moved)(ink_run.images))
    assert near(open_model(ink_bundle, moved)(ink_run.images))
    assert near(Detector(export(moved, verify_data=False).folder)(ink_run.images))
    edited = tmp_path / "edited"
    edited.mkdir()
    (edited / "model.onnx").write_bytes((ink_bundle / "model.onnx").read_bytes())
    tree = yaml.safe_load((ink_bundle / "inference.yml").read_text())
    tree["PostProcess"][key] = value
    (edited / "inference.yml").write_text(yaml.safe_dump(tree))
    assert near(Detector(edited)(ink_run.images))


def test_a_folded_bundle_takes_a_recipes_sizes(ink_run, ink_bundle, tmp_path):
    wanted = [f"Global.pretrained_model={ink_run.folder}", f"Global.save_inference_dir={tmp_path}/folded"]
    folded = export(load_recipe(ink_run.recipe, wanted), verify_data=False, fold_normalize="pixels").folder
    larger = load_recipe(ink_run.recipe, ["Eval.dataset.transforms.DetResizeForTest.limit_side_len=1280"])
    ours, plain_bundle = open_model(folded, larger), open_model(ink_bundle, larger)
    assert ours.preprocess(ink_run.images[4]).tensor.shape == (3, 1216, 896)
    assert plain(ours(ink_run.images)) == plain(plain_bundle(ink_run.images))


def test_where_a_recipe_wins_over_a_bundle_it_is_said(ink_run, ink_bundle, caplog):
    caplog.set_level(logging.INFO, "ppocr_like")
    open_model(ink_bundle, load_recipe(ink_run.recipe))
    assert caplog.messages == [], "the same values"
    changes = [
        "PostProcess.box_thresh=0.5",
        "PostProcess.box_type=poly",
        "Eval.dataset.transforms.DetResizeForTest.limit_side_len=96",
    ]
    open_model(ink_bundle, load_recipe(ink_run.recipe, changes))
    (line,) = caplog.messages
    assert "box_thresh 0.5 instead of 0.6, box_type poly instead of quad, other Eval transforms" in line
    assert "unclip_ratio" not in line and str(ink_bundle) in line


def test_what_does_not_fit_is_told(ink_run, ink_bundle, tiny_run, tmp_path):
    with pytest.raises(WeightsError, match=r"is of model_type 'det', the recipe .* of 'rec'"):
        open_model(ink_bundle, load_recipe(tiny_run.recipe))
    with pytest.raises(WeightsError, match=r"holds weights of model_type det, the recipe's .* is rec"):
        open_model(ink_run.folder, load_recipe(tiny_run.recipe))
    for broken, says in [
        (lambda tree: tree["PostProcess"].update(box_thresh=7), "box_thresh is 7"),
        (lambda tree: tree["PostProcess"].update(box_tresh=0.5), "box_thresh"),
        (lambda tree: tree["PostProcess"].pop("name"), "name"),
    ]:
        tree = yaml.safe_load((ink_bundle / "inference.yml").read_text())
        broken(tree)
        (tmp_path / "inference.yml").write_text(yaml.safe_dump(tree))
        (tmp_path / "model.onnx").write_bytes((ink_bundle / "model.onnx").read_bytes())
        with pytest.raises(ConfigError, match=says):
            Detector(tmp_path)


def kinds_of_files(folder: Path, page: np.ndarray) -> dict[str, Path]:
    """One page in every way in which a file can hold it."""
    files = {name: folder / name for name in ("gray.png", "rgba.png", "deep.png", "cmyk.jpg", "turned.jpg", "plain.png")}
    cv2.imwrite(str(files["plain.png"]), page)
    cv2.imwrite(str(files["gray.png"]), page[:, :, 1])
    cv2.imwrite(str(files["rgba.png"]), np.dstack([page, np.full(page.shape[:2], 255, np.uint8)]))
    cv2.imwrite(str(files["deep.png"]), page.astype(np.uint16) * 257)
    rgb = Image.fromarray(np.ascontiguousarray(page[:, :, ::-1]))
    rgb.convert("CMYK").save(files["cmyk.jpg"], quality=98)
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise
    rgb.rotate(90, expand=True).save(files["turned.jpg"], quality=98, exif=exif)
    return files


def test_pages_of_every_kind_of_file_give_the_same_boxes(ink_run, ink_bundle, tmp_path):
    """Boxes of a turned photo are those of the upright picture."""
    files = kinds_of_files(tmp_path, cv2.imread(str(ink_run.images[2])))
    findings = dict(zip(files, Detector(ink_bundle).stream(files.values()), strict=True))
    wanted = findings["plain.png"]
    for name, finding in findings.items():
        assert finding.error == "" and finding.prepared.picture.shape == wanted.prepared.picture.shape, name
        assert len(finding.page.boxes) == len(wanted.page.boxes), name
        for a, b in zip(finding.page.boxes, wanted.page.boxes, strict=True):
            assert np.abs(a.points.astype(int) - b.points).max() <= 3, name


def test_bad_images_are_named_and_the_rest_goes_on(ink_run, ink_bundle, tmp_path, huge_png):
    page = cv2.imread(str(ink_run.images[0]))
    cv2.imwrite(str(tmp_path / "cut.jpg"), page)
    whole = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "half.png").write_bytes(ink_run.images[0].read_bytes()[:2000])
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.jpg").write_bytes(b"no image")
    names = ["cut.jpg", "half.png", "empty.jpg", "text.jpg", "huge.png", "none.jpg"]
    sources = [huge_png if name == "huge.png" else tmp_path / name for name in names]
    findings = list(Detector(ink_bundle).stream([ink_run.images[0], *sources, ink_run.images[1]]))
    assert [bool(finding.error) for finding in findings] == [False, *[True] * 6, False]
    says = ["cut short", "cut short", "empty", "no image format", "30000 x 30000 px", "No such file"]
    for finding, name, why in zip(findings[1:-1], names, says, strict=True):
        assert name in finding.error and why in finding.error and finding.page is None
    with pytest.raises(DataError, match=r"cut\.jpg"):
        Detector(ink_bundle)([*sources, ink_run.images[0]])


def test_a_size_that_the_network_cannot_take_is_named_and_the_rest_goes_on(ink_run, ink_bundle):
    """In ONNX Runtime and in PyTorch."""
    (torch_detector, detector), page = (torch_runner(ink_run.folder), Detector(ink_bundle)), ink_run.images[0]
    for one in (torch_detector, detector):
        fit = one.preprocess.chain[-1]
        one.preprocess.chain[-1] = lambda sample, rng, fit=fit: cut(fit(sample, rng))
        bad, good = one.stream([np.full((100, 200, 3), 99, np.uint8), page])
        assert "image: " in bad.error and "fails on an input of 1 x 2 x 96 x 192" in bad.error and bad.page is None
        assert good.error == "" and good.page.boxes


def cut(sample: dict) -> dict:
    """Takes a channel from images of 96 px height."""
    if sample["image"].shape[1] == 96:
        sample["image"] = sample["image"][:2]
    return sample


MEMORY = """
import resource, sys
from ppocr_like.pipeline import Detector
detector = Detector(sys.argv[1])
list(detector.stream([sys.argv[2]]))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
(finding,) = detector.stream([sys.argv[3]])
assert "30000 x 30000 px" in finding.error, finding.error
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_a_huge_image_takes_no_memory(ink_run, ink_bundle, huge_png):
    command = [sys.executable, "-c", MEMORY, str(ink_bundle), str(ink_run.images[0]), str(huge_png)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0 and int(done.stdout) < 50, (done.stdout, done.stderr)


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 1), (1, 3000, 3), (3000, 1, 3), (10, 10, 3), (31, 32, 4), (5, 70, 1)])
def test_strange_sizes_give_a_page(ink_bundle, shape):
    """Boxes, if any, lie within the image."""
    (page,) = Detector(ink_bundle)([np.full(shape, 0, np.uint8)])
    for box in page.boxes:
        assert box.points.min() >= 0 and (box.points.max(axis=0) <= (shape[1], shape[0])).all()
