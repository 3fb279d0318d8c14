"""Recognition with bundles."""

import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from ppocr_like.config import load_recipe
from ppocr_like.errors import DataError, WeightsError
from ppocr_like.pipeline import Recogniser
from ppocr_like.pipeline.torch_backend import torch_runner

ROOT = Path(__file__).resolve().parents[2]

NO_TORCH = """
import sys
from ppocr_like.pipeline import Recogniser
from ppocr_like.pipeline.infer import infer
from ppocr_like.pipeline.opening import open_model
texts = [line.text for line in Recogniser(sys.argv[1])(sys.argv[2:])]
infer(open_model(sys.argv[1]), sys.argv[2:], sys.argv[1] + "/../out")
loaded = [name for name in sys.modules if name.split(".")[0] in ("torch", "safetensors", "onnx")]
assert not loaded, loaded
print("|".join(texts))
"""


def test_recognition_with_a_bundle_imports_no_torch(tiny_run, tiny_bundle):
    paths = [str(path) for path in tiny_run.images]
    done = subprocess.run([sys.executable, "-c", NO_TORCH, str(tiny_bundle), *paths], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "|".join(line.text for line in Recogniser(tiny_bundle)(tiny_run.images))


def test_a_text_does_not_depend_on_batch_mates_order_or_batch_size(tiny_run, tiny_bundle):
    together = Recogniser(tiny_bundle)(tiny_run.images * 3)
    assert len({line.text for line in together}) == len(tiny_run.images), "the test needs images that read differently"
    single = Recogniser(tiny_bundle, batch_size=1)
    for image, line in zip(tiny_run.images * 3, together, strict=True):
        alone = single([image])[0]
        assert alone.text == line.text and alone.columns == line.columns
        assert alone.confidence == pytest.approx(line.confidence, abs=1e-5)
    backwards = Recogniser(tiny_bundle)(tiny_run.images[::-1])
    assert [line.text for line in backwards] == [line.text for line in together[: len(tiny_run.images)]][::-1]


def test_arrays_and_files_and_backends_agree(tiny_run, tiny_bundle):
    recogniser = Recogniser(tiny_bundle)
    files = recogniser(tiny_run.images)
    arrays = recogniser([cv2.imread(str(path)) for path in tiny_run.images])
    assert files == arrays
    gray = next(path for path in tiny_run.images if cv2.imread(str(path), cv2.IMREAD_UNCHANGED).ndim == 2)
    assert recogniser([cv2.imread(str(gray), cv2.IMREAD_UNCHANGED)]) == recogniser([gray])
    torch_lines = torch_runner(tiny_run.folder)(tiny_run.images)
    assert [line.text for line in torch_lines] == [line.text for line in files]
    assert np.allclose([line.confidence for line in torch_lines], [line.confidence for line in files], atol=1e-5)


def test_places_lie_where_the_characters_are(tiny_run, tiny_bundle):
    for reading in Recogniser(tiny_bundle).stream(tiny_run.images):
        width = reading.prepared.picture.shape[1]
        places = reading.places()
        assert len(places) == len(reading.line.text) and places == sorted(places) and all(0 < x <= width for x in places)
    # An image that fills its canvas wholly: the steps lie evenly over it.
    image = np.full((48, 128, 3), 90, np.uint8)
    (reading,) = Recogniser(tiny_bundle).stream([image])
    assert reading.prepared.valid_ratio == 1.0
    assert reading.places() == [pytest.approx((column + 0.5) * 128 / reading.line.steps) for column in reading.line.columns]


def test_a_bad_image_is_named_and_the_rest_goes_on(tiny_run, tiny_bundle, tmp_path):
    (tmp_path / "cut.jpg").write_bytes(Path(tiny_run.images[0]).read_bytes()[:200])
    (tmp_path / "empty.png").write_bytes(b"")
    good = tiny_run.images[1]
    recogniser = Recogniser(tiny_bundle)
    sources = [tmp_path / "cut.jpg", good, tmp_path / "none.png", tmp_path / "empty.png", np.zeros((5, 5), np.float32), good]
    readings = list(recogniser.stream(sources))
    assert [reading.line is not None for reading in readings] == [False, True, False, False, False, True]
    assert "cut.jpg: unreadable image" in readings[0].error and "No such file" in readings[2].error
    assert "float32" in readings[4].error and readings[1].line == readings[5].line
    with pytest.raises(DataError, match=r"cut\.jpg"):
        recogniser(sources)
    assert recogniser([]) == []


@pytest.mark.parametrize("shape", [(48, 1, 3), (20000, 1, 3), (1, 200, 3), (1, 1), (7, 9, 4), (7, 9, 1)])
def test_strange_sizes_give_a_line(tiny_bundle, shape):
    (line,) = Recogniser(tiny_bundle)([np.full(shape, 128, np.uint8)])
    assert line.steps > 0


def test_a_line_that_no_canvas_holds_is_named(tiny_bundle):
    with pytest.raises(DataError, match="too elongated: 20000 x 1 px"):
        Recogniser(tiny_bundle)([np.full((1, 20000, 3), 128, np.uint8)])


def test_more_images_than_a_window_keep_their_order(tiny_run, tiny_bundle):
    recogniser = Recogniser(tiny_bundle)
    first, second = recogniser(tiny_run.images[:2])
    lines = recogniser([tiny_run.images[number % 2] for number in range(131)])
    assert [line.text for line in lines] == [(first, second)[number % 2].text for number in range(131)]


def test_lines_that_a_beam_search_reads_together_are_read_as_alone(tiny_run):
    recipe = load_recipe(tiny_run.recipe, ["PostProcess.decoder=beam", "PostProcess.beam=4"])
    recogniser = torch_runner(tiny_run.folder, recipe)
    together = list(recogniser.stream([*tiny_run.images, tiny_run.folder / "none.png"]))
    assert together[-1].line is None and "none.png" in together[-1].error
    for path, reading in zip(tiny_run.images, together, strict=False):
        alone = recogniser.postprocess(recogniser.outputs([recogniser.preprocess(path)]), {})[0]
        line = reading.line
        assert (line.text, line.columns, line.steps) == (alone.text, alone.columns, alone.steps)
        assert line.confidences == pytest.approx(alone.confidences, abs=1e-4)
        assert reading.source == path and len(reading.places()) == len(line.text)


def test_damaged_bundles(tiny_bundle, tmp_path):
    with pytest.raises(WeightsError, match=r"inference\.yml"):
        Recogniser(tmp_path)
    text = (tiny_bundle / "inference.yml").read_text(encoding="utf-8")
    model = (tiny_bundle / "model.onnx").read_bytes()

    def bundle(spec: str, data: bytes | None) -> Path:
        (tmp_path / "inference.yml").write_text(spec, encoding="utf-8")
        (tmp_path / "model.onnx").unlink(missing_ok=True)
        if data is not None:
            (tmp_path / "model.onnx").write_bytes(data)
        return tmp_path

    for spec, data, says in [
        (text, None, r"model\.onnx: no such file"),
        (text, model[: len(model) // 2], "no usable ONNX model"),
        (text, b"", "no usable ONNX model"),
        ("a: [", model, "cannot be read"),
        ("PreProcess: {}", model, "no section PpocrLike"),
        (text.replace("schema: 1", "schema: 9"), model, "schema 9"),
        (text.replace("  - b\n", "", 1), model, "changed after the export"),
        (text.replace("use_space_char: true", ""), model, "damaged"),
        (text.replace("output: ctc", "output: other"), model, "damaged"),
        (text.replace("- x\n  - ctc", "- x\n  - other"), model, "not of one export"),
    ]:
        with pytest.raises(WeightsError, match=says):
            Recogniser(bundle(spec, data))
