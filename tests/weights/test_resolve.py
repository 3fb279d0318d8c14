"""From what users write to a file."""

import pytest

from ppocr_like.errors import WeightsError
from ppocr_like.weights import resolve


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "output" / "run.v1"
    folder.mkdir(parents=True)
    for name in ("latest.ckpt", "best_accuracy.safetensors", "iter_epoch_3.safetensors", "train.log"):
        (folder / name).write_bytes(b"x")
    return folder


def test_files_prefixes_and_run_folders(run, caplog):
    caplog.set_level("INFO", "ppocr_like")
    best = run / "best_accuracy.safetensors"
    assert resolve(best) == best == resolve(run / "best_accuracy") == resolve(str(run)) == resolve(f"{run}/")
    assert "best_accuracy.safetensors of the run folder" in caplog.text
    assert resolve(run / "latest") == run / "latest.ckpt" == resolve(run / "latest.ckpt")
    best.unlink()
    assert resolve(run) == run / "latest.ckpt"


def test_missing_names_what_was_looked_for_and_what_is_near(run):
    with pytest.raises(
        WeightsError, match=r"best_acuracy'.*looked for .*best_acuracy\.safetensors.*holds best_accuracy\.safetensors"
    ):
        resolve(run / "best_acuracy")
    with pytest.raises(WeightsError, match=r"the folder .*run\.v2 does not exist; near it: .*run\.v1"):
        resolve(run.parent / "run.v2" / "best_accuracy")
    with pytest.raises(WeightsError, match=r"looked for .*iter_epoch_4\.safetensors; .*iter_epoch_3\.safetensors"):
        resolve(run / "iter_epoch_4.safetensors")


def test_folders_without_weights(tmp_path):
    with pytest.raises(WeightsError, match="no run folder"):
        resolve(tmp_path)
    (tmp_path / "a.pth").write_bytes(b"x")
    with pytest.raises(WeightsError, match=r"give one of its files: a\.pth"):
        resolve(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"x")
    with pytest.raises(WeightsError, match="exported bundle"):
        resolve(tmp_path)


def test_kinds_that_cannot_be_read(tmp_path):
    for name, says in (("a.pdiparams", "inference model of Paddle"), ("c.zip", "unknown kind")):
        (tmp_path / name).write_bytes(b"x")
        with pytest.raises(WeightsError, match=says):
            resolve(tmp_path / name)
    with pytest.raises(WeightsError, match=r"a\.pdiparams is an inference model"):
        resolve(tmp_path)
    with pytest.raises(WeightsError, match="nothing is downloaded"):
        resolve("https://example.org/PP-OCRv5_mobile_rec_pretrained.pdparams")
    for empty in ("", "  "):
        with pytest.raises(WeightsError, match="empty"):
            resolve(empty)


def test_folders_and_prefixes_of_paddleocr(tmp_path, caplog):
    caplog.set_level("INFO", "ppocr_like")
    (tmp_path / "student.pdparams").write_bytes(b"x")
    assert resolve(tmp_path) == resolve(tmp_path / "student") == tmp_path / "student.pdparams"
    (tmp_path / "x.pdparams").write_bytes(b"x")
    (tmp_path / "student.pdparams").unlink()
    assert resolve(tmp_path) == tmp_path / "x.pdparams" and "only .pdparams" in caplog.text
    (tmp_path / "y.pdparams").write_bytes(b"x")
    with pytest.raises(WeightsError, match=r"give one of its files: x\.pdparams, y\.pdparams"):
        resolve(tmp_path)
    (tmp_path / "best_accuracy.pdparams").write_bytes(b"x")
    assert resolve(tmp_path) == tmp_path / "best_accuracy.pdparams"


def test_what_could_be_meant_is_named_nearest_first_and_nothing_hidden(tmp_path, monkeypatch):
    for name in (".git/a.pth", "A_first/best_accuracy.safetensors", "output/svtr/latest.ckpt", "docs/x.md", "svtr_ft/x.onnx"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    for name in (".hidden.pth", "notes.txt", "SVTR_fine.pth"):
        (tmp_path / name).write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(WeightsError) as caught:
        resolve("svtr_fin")
    assert str(caught.value).endswith("; the working folder holds SVTR_fine.pth, svtr_ft, A_first, output")
    for number in range(4):
        (tmp_path / f"z{number}.pt").write_bytes(b"")
    with pytest.raises(WeightsError, match=r"holds output, .* and 3 more$"):
        resolve("outptu")
    with pytest.raises(WeightsError, match=r"docs holds neither weights nor run folders"):
        resolve("docs/best_accuracy")
    with pytest.raises(WeightsError, match=r"the folder outptu does not exist; near it: output$"):
        resolve("outptu/svtr/best_accuracy")
