"""Weights named by the package rapidocr: a package of that name made for the test, and the real one where there is one."""

from __future__ import annotations

import logging
import os
import subprocess
from pathlib import Path

import pytest

from ppocr_like.errors import WeightsError
from ppocr_like.weights.resolve import resolve

PYTHON = os.environ.get("PPOCR_LIKE_RAPIDOCR_PYTHON")
MODELS = (
    "ch_PP-OCRv4_rec_mobile.onnx",
    "PP-OCRv6_rec_small.onnx",
    "PP-OCRv6_det_small.onnx",
    "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
)


def package(site: Path, models: tuple[str, ...], licence: str = "License-Expression: Apache-2.0\n") -> None:
    """What pip leaves of an installed package: its files, and their list."""
    (site / "rapidocr" / "models").mkdir(parents=True)
    (site / "rapidocr" / "__init__.py").write_text("raise SystemExit('the package must not be imported')\n", encoding="utf-8")
    info = site / "rapidocr-3.10.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: rapidocr\nVersion: 3.10.0\n{licence}", encoding="utf-8")
    for name in models:
        (site / "rapidocr" / "models" / name).write_bytes(b"")
    rows = ["rapidocr/__init__.py,,", *(f"rapidocr/models/{name},," for name in models)]
    (info / "RECORD").write_text("\n".join(rows) + "\n", encoding="utf-8")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(("kind", "name"), [("rec", MODELS[1]), ("det", MODELS[2]), ("cls", MODELS[3])])
def test_the_newest_of_each_kind(kind: str, name: str, site: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ppocr_like")
    package(site, MODELS)
    assert resolve(f"rapidocr:{kind}") == site / "rapidocr" / "models" / name
    assert f"rapidocr:{kind}: {name}" in caplog.text and "of rapidocr 3.10.0, licence Apache-2.0" in caplog.text


def test_a_package_without_a_licence(site: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ppocr_like")
    package(site, MODELS, "")
    resolve("rapidocr:rec")
    assert "licence not told in its metadata" in caplog.text


@pytest.mark.parametrize(
    ("models", "source", "message"),
    [
        ((), "rapidocr:rec", r"rapidocr 3.10.0 brings no model for rec"),
        (MODELS[2:], "rapidocr:rec", r"rapidocr 3.10.0 brings no model for rec"),
        (MODELS, "rapidocr:", r"rapidocr has models for rec, det, cls: write rapidocr:rec"),
        (MODELS, "rapidocr:layout", r"rapidocr has models for rec, det, cls"),
    ],
)
def test_what_is_not_there(models: tuple[str, ...], source: str, message: str, site: Path) -> None:
    package(site, models)
    with pytest.raises(WeightsError, match=message):
        resolve(source)


def test_a_model_that_was_removed(site: Path) -> None:
    package(site, MODELS[1:2])
    (site / "rapidocr" / "models" / MODELS[1]).unlink()
    with pytest.raises(WeightsError, match="brings no model for rec"):
        resolve("rapidocr:rec")


def test_no_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.path", [str(tmp_path)])
    with pytest.raises(WeightsError, match=r"the package rapidocr is not installed beside this program; pip install rapidocr"):
        resolve("rapidocr:rec")


@pytest.mark.skipif(not PYTHON, reason="PPOCR_LIKE_RAPIDOCR_PYTHON is not set; `make test-rapidocr` sets it")
def test_the_real_package(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([str(PYTHON), "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    monkeypatch.setattr("sys.path", [site])
    assert {kind: resolve(f"rapidocr:{kind}").name for kind in ("rec", "det", "cls")} == {
        "rec": "PP-OCRv6_rec_small.onnx",
        "det": "PP-OCRv6_det_small.onnx",
        "cls": "ch_ppocr_mobile_v2.0_cls_mobile.onnx",
    }
