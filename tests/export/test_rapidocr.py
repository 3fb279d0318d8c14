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
from ppocr_like.pipeline import Recogniser

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


def test_rapidocr_reads_what_we_read(tiny_run, tmp_path):
    load_components()
    wanted = [f"Global.pretrained_model={tiny_run.folder}", f"Global.save_inference_dir={tmp_path}/bundle", *RAPIDOCR_CANVAS]
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
