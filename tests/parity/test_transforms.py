"""PaddleOCR's own results of the data transforms: files 01, 03, 04 of its reference cases (all of them with PPOCR_LIKE_CASES)."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from ppocr_like.components import load_components
from ppocr_like.contracts import Rejected
from ppocr_like.errors import ConfigError
from ppocr_like.registry import TRANSFORMS

COPIES = Path(__file__).parents[1] / "transforms" / "cases"  # a small part of the same files
ROOT = os.environ.get("PPOCR_LIKE_CASES")
GREY_LEVEL = 2 / 255
# Where the cases lie, and how many of ours each file holds there.
SOURCES = [
    pytest.param((COPIES, {"01_rec_resize": 31, "03_normalize_decode": 13, "04_label_encoders": 4}), id="copies"),
    pytest.param(
        (
            Path(ROOT or ".") / "parity" / "ops",
            {"01_rec_resize": 219, "03_normalize_decode": 32, "04_label_encoders": 7},
        ),
        id="all",
        marks=pytest.mark.skipif(not ROOT, reason="PPOCR_LIKE_CASES is not set: PaddleOCR's reference cases are not here"),
    ),
]
every_source = pytest.mark.parametrize("source", SOURCES)


def load(source, name):
    path = source[0] / name
    if path.with_suffix(".json").exists():
        return json.loads(path.with_suffix(".json").read_text(encoding="utf-8")), {}
    archive = np.load(path.with_suffix(".npz"))
    return json.loads(str(archive["meta"])), {key: archive[key] for key in archive.files if key != "meta"}


def make(node, **more):
    ((name, arguments),) = node.items()
    return TRANSFORMS.get(name)(**{**(arguments or {}), **more})


def rng():
    return np.random.Generator(np.random.PCG64(0))


def largest_difference(reference, arrays, got):
    assert list(got.shape) == reference["shape"]
    got = got.astype(np.float64).reshape(-1)
    if "array" in reference:
        want = arrays[reference["array"]].reshape(-1)
    else:
        want, got = arrays[reference["values"]], got[arrays[reference["index"]]]
    return float(np.abs(got - want).max()) if want.size else 0.0


@pytest.fixture(scope="module", autouse=True)
def components():
    load_components()


@every_source
def test_rec_resize(source):
    meta, arrays = load(source, "01_rec_resize")
    worst = 0.0
    for case in meta["cases"]:
        image = arrays[meta["inputs"][case["input"]]["array"]]
        sample = {"image": image}
        ((name, arguments),) = case["op"].items()
        if name == "MultiScaleDataSet":  # our canvas from the sampler
            sample["target_size"] = (arguments["width"], arguments["height"])
            op = make({"RecResizeImg": {"image_shape": [3, 48, 320]}})
        else:
            op = make(case["op"])
        out = op(sample, rng())
        worst = max(worst, largest_difference(case["image"], arrays, out["image"]))
        assert out["image"].dtype == np.float32
        assert out["valid_ratio"] == case["valid_ratio"], case
        filled = np.flatnonzero(np.abs(out["image"]).max(axis=(0, 1)))
        assert out["image"].shape[2] - 1 - filled[-1] == case["zero_columns"], case
    assert worst <= GREY_LEVEL + 1e-6
    assert len(meta["cases"]) == source[1]["01_rec_resize"]


@every_source
def test_normalize_and_decode(source):
    meta, arrays = load(source, "03_normalize_decode")
    for case in meta["cases"]:
        if case["kind"] == "normalize":
            sample = {"image": arrays[meta["inputs"][case["input"]]["array"]]}
            steps, tolerance = [make(op) for op in case["ops"]], 2e-6
        else:
            sample = {"image": arrays[meta["buffers"][case["buffer"]]["array"]]}
            steps, tolerance = [make(case["op"])], 2 if case["buffer"].startswith("jpeg") else 0
        if "error" in case or case.get("rejected"):
            with pytest.raises(Rejected if case["kind"] == "decode" else ConfigError):
                run(steps, sample)
            continue
        out = run(steps, sample)
        assert out.dtype == case["image"]["dtype"], case
        assert largest_difference(case["image"], arrays, out) <= tolerance, case
    assert len(meta["cases"]) == source[1]["03_normalize_decode"]


def run(steps, sample):
    sample = dict(sample)
    for step in steps:
        sample = step(sample, rng())
    return sample["image"]


@every_source
def test_ctc_label_encode(source):
    meta, _ = load(source, "04_label_encoders")
    done = 0
    for case in meta["cases"]:
        if list(case["op"]) != ["CTCLabelEncode"]:
            continue
        arguments = {**case["op"]["CTCLabelEncode"], **case.get("global", {})}
        if arguments.get("character_dict_path"):
            arguments["character_dict_path"] = str(source[0] / arguments["character_dict_path"])
        encode = TRANSFORMS.get("CTCLabelEncode")(**arguments)
        assert encode.charset.num_classes == case["classes"]
        for result in case["results"]:
            if result["out"] is None:
                with pytest.raises(Rejected):
                    encode({"label": result["text"]}, rng())
                continue
            out = encode({"label": result["text"]}, rng())
            for name, want in result["out"].items():
                assert out[name].dtype == np.int64
                assert out[name].tolist() == want, (case["op"], result["text"], name)
        done += 1
    assert done == source[1]["04_label_encoders"]


@pytest.mark.skipif(not ROOT, reason="PPOCR_LIKE_CASES is not set: PaddleOCR's reference cases are not here")
def test_guide_label_encoders():
    """SARLabelEncode, NRTRLabelEncode, MultiLabelEncode."""
    folder = Path(ROOT or ".") / "parity" / "ops"
    meta, _ = load((folder, {}), "04_label_encoders")
    done = texts = 0
    for case in meta["cases"]:
        ((name, arguments),) = case["op"].items()
        if name not in ("SARLabelEncode", "NRTRLabelEncode", "MultiLabelEncode"):
            continue
        arguments = {**arguments, **case.get("global", {})}
        if arguments.get("character_dict_path"):
            arguments["character_dict_path"] = str(folder / arguments["character_dict_path"])
        encode = TRANSFORMS.get(name)(**arguments)
        for result in case["results"]:
            if result["out"] is None:
                with pytest.raises(Rejected):
                    encode({"label": result["text"]}, rng())
                continue
            out = encode({"label": result["text"]}, rng())
            for entry, want in result["out"].items():
                assert out[entry].dtype == np.int64
                assert out[entry].tolist() == want, (case["op"], result["text"], entry)
            texts += 1
        done += 1
    assert (done, texts) == (31, 363)


@pytest.mark.skipif(not ROOT, reason="PPOCR_LIKE_CASES is not set: PaddleOCR's reference cases are not here")
def test_det_label_encode():
    meta, _ = load((Path(ROOT or ".") / "parity" / "ops", {}), "04_label_encoders")
    done = 0
    for case in meta["cases"]:
        if list(case["op"]) != ["DetLabelEncode"]:
            continue
        encode = make(case["op"])
        for result in case["results"]:
            done += 1
            want = result["out"]
            if want is None or "error" in want:  # PaddleOCR drops the sample, or stops
                with pytest.raises(Rejected):
                    encode({"label": result["text"]}, rng())
                continue
            out = encode({"label": result["text"]}, rng())
            assert out["polys"].dtype == np.float32
            np.testing.assert_array_equal(out["polys"], np.array(want["polys"], np.float32))
            assert out["texts"] == want["texts"]
            assert out["ignore_tags"].tolist() == want["ignore_tags"]
    assert done == 15
