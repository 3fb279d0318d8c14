"""Detector and recogniser together in RapidOCR: the settings that are written, and a page read through them."""

import json
import os
import subprocess

import cv2
import numpy as np
import pytest
import yaml

from ppocr_like.components import load_components
from ppocr_like.config import load_recipe
from ppocr_like.errors import WeightsError
from ppocr_like.export import export
from ppocr_like.export.pair import write_pair
from ppocr_like.pipeline.ocr import OCR

PYTHON = os.environ.get("PPOCR_LIKE_RAPIDOCR_PYTHON")
QUIET = {"verify_data": False, "say": lambda line: None}
PROGRAM = """
import json, os, sys
os.environ["http_proxy"] = os.environ["https_proxy"] = "http://127.0.0.1:9"  # a download would fail
import numpy as np
from rapidocr import RapidOCR
folder = sys.argv[1]
images = np.load(sys.argv[2])
engines = [RapidOCR(config_path=f"{folder}/rapidocr_pair.yaml"),
           RapidOCR(params=json.load(open(f"{folder}/rapidocr_pair_params.json")))]
out = [[list(engine(images[name], text_score=0.0).txts or ()) for name in images.files] for engine in engines]
json.dump(out, open(sys.argv[3], "w"))
"""
load_components(["tests.ink_net"])


def recipe(run, target, *more):
    return load_recipe(run.recipe, [f"Global.pretrained_model={run.folder}", f"Global.save_inference_dir={target}", *more])


def test_the_settings(tiny_run, ink_run, ink_bundle, tmp_path):
    said = []
    bundle = export(recipe(tiny_run, tmp_path / "rec"), pair=[ink_bundle], verify_data=False, say=said.append).folder
    assert "rapidocr_pair.yaml" in said[-1]
    params = json.loads((bundle / "rapidocr_pair_params.json").read_text(encoding="utf-8"))
    config = yaml.safe_load((bundle / "rapidocr_pair.yaml").read_text(encoding="utf-8"))
    assert set(config) == {"Global", "EngineConfig", "Det", "Cls", "Rec"}
    for key, value in params.items():
        section, name = key.split(".")
        assert config[section][name] == value
    assert (params["Global.use_det"], params["Global.use_rec"], params["Global.use_cls"]) == (True, True, False)
    assert params["Det.model_path"] == str(ink_bundle.resolve() / "model.onnx")
    assert params["Rec.model_path"] == str(bundle / "model.onnx")
    assert (params["Rec.rec_img_shape"], params["Rec.rec_batch_num"]) == ([3, 48, 64], 1)  # the recipe's narrowest canvas
    alone = json.loads((ink_bundle / "rapidocr_params.json").read_text(encoding="utf-8"))
    assert params["Det.mean"] == alone["Det.mean"] and params["Det.thresh"] == alone["Det.thresh"]
    detector = export(recipe(ink_run, tmp_path / "det"), pair=[bundle], **QUIET).folder  # the other way round
    again = json.loads((detector / "rapidocr_pair_params.json").read_text(encoding="utf-8"))
    assert again == {**params, "Det.model_path": str(detector / "model.onnx")}


def test_canvases_that_follow_the_line_are_verified_in_batches(tiny_run, tmp_path):
    """The evaluation pads the lines of a batch to the widest; the bundle's own pre-processing does not."""
    chain = ["Eval.loader.bucket_by_width=null", "Eval.dataset.transforms.RecResizeImg.eval_mode=true"]
    report = export(recipe(tiny_run, tmp_path / "rec", *chain, "Eval.loader.batch_size_per_card=4"), say=lambda line: None)
    assert report.folder.is_dir()


def test_pairs_that_are_none(tiny_run, tiny_bundle, ink_bundle, tmp_path):
    with pytest.raises(WeightsError, match="there is one already"):
        export(recipe(tiny_run, tmp_path / "rec"), pair=[tiny_bundle], **QUIET)
    with pytest.raises(WeightsError, match="a bundle of model_type 'rec' is needed"):
        write_pair(tmp_path, ink_bundle, ink_bundle)
    with pytest.raises(WeightsError, match=r"inference\.yml"):
        export(recipe(tiny_run, tmp_path / "rec"), pair=[tmp_path], **QUIET)
    assert not (tmp_path / "rec").exists()


@pytest.mark.skipif(not PYTHON, reason="PPOCR_LIKE_RAPIDOCR_PYTHON is not set; `make test-rapidocr` sets it")
def test_rapidocr_reads_pages_as_we_do(tiny_run, ink_run, tmp_path):
    """A recogniser whose canvases are as wide as its lines, as RapidOCR makes them; with `bucket_by_width` they are up to a step
    wider here. Lines at the page's edge are cut one px narrower there."""
    chain = ["Eval.loader.bucket_by_width=null", "Eval.dataset.transforms.RecResizeImg.eval_mode=true"]
    detector = export(recipe(ink_run, tmp_path / "det"), **QUIET).folder
    bundle = export(recipe(tiny_run, tmp_path / "rec", *chain), pair=[detector], **QUIET).folder
    images = [cv2.imread(str(path)) for path in ink_run.images]
    np.savez(tmp_path / "pages.npz", *images)
    command = [PYTHON, "-c", PROGRAM, str(bundle), str(tmp_path / "pages.npz"), str(tmp_path / "out.json")]
    env = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env)
    assert done.returncode == 0, done.stderr
    ocr = OCR(detector, bundle, min_confidence=0.0)
    wanted = [sorted(line.text for line in ocr(image).lines if line.text.strip()) for image in images]
    assert sum(map(len, wanted)) > 8
    for way in json.loads((tmp_path / "out.json").read_text()):
        assert [sorted(text.strip() for text in texts if text.strip()) for texts in way] == wanted
