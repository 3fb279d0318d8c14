"""RapidOCR's settings follow an edited `inference.yml`, and who opens a bundle hears when they do not."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ppocr_like.components import load_components
from ppocr_like.config import load_recipe
from ppocr_like.errors import WeightsError
from ppocr_like.export import export
from ppocr_like.export.pair import write_pair
from ppocr_like.export.refresh import refresh
from ppocr_like.pipeline.opening import open_model

load_components(["tests.ink_net"])
ROOT = Path(__file__).resolve().parents[2]
MADE = ("rapidocr.yaml", "rapidocr_params.json")


@pytest.fixture
def bundle(ink_bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(ink_bundle, tmp_path / "bundle"))


def edit(bundle: Path, **values: float) -> None:
    path = bundle / "inference.yml"
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    tree["PostProcess"].update(values)
    path.write_text(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True), encoding="utf-8")


def test_thresholds_are_taken_over_and_the_rest_stays(bundle, ink_run, tmp_path):
    edit(bundle, box_thresh=0.42, unclip_ratio=2.5)
    said: list[str] = []
    changed = refresh(bundle, said.append)
    assert set(changed) == {"Det.box_thresh", "Det.unclip_ratio", "Det.model_path"}  # it was moved, too
    assert any(line.startswith("Det.box_thresh: 0.42 instead of") for line in said)
    config = yaml.safe_load((bundle / "rapidocr.yaml").read_text(encoding="utf-8"))
    params = json.loads((bundle / "rapidocr_params.json").read_text(encoding="utf-8"))
    assert config["Det"]["box_thresh"] == params["Det.box_thresh"] == 0.42
    assert config["Det"]["model_path"] == str(bundle / "model.onnx")
    wanted = [f"Global.pretrained_model={ink_run.folder}", f"Global.save_inference_dir={tmp_path}/fresh"]
    wanted += ["PostProcess.box_thresh=0.42", "PostProcess.unclip_ratio=2.5"]
    fresh = export(load_recipe(ink_run.recipe, wanted), verify_data=False, say=lambda line: None).folder
    again = json.loads((fresh / "rapidocr_params.json").read_text(encoding="utf-8"))
    assert {**again, "Det.model_path": params["Det.model_path"]} == params  # as an export with these thresholds writes them
    assert refresh(bundle, said.append) == []


def test_who_opens_an_edited_bundle_hears_it_until_it_is_refreshed(bundle, caplog):
    open_model(bundle)
    assert "--refresh" not in caplog.text
    edit(bundle, box_thresh=0.42)
    open_model(bundle)
    assert "RapidOCR still has the old settings" in caplog.text and f"--refresh {bundle}" in caplog.text
    caplog.clear()
    refresh(bundle, lambda line: None)
    open_model(bundle)
    assert "--refresh" not in caplog.text


@pytest.mark.parametrize("gone", MADE)
def test_what_is_missing_or_damaged_is_made_anew(bundle, gone):
    for content in (None, b"\xff{"):
        (bundle / gone).unlink(missing_ok=True)
        if content is not None:
            (bundle / gone).write_bytes(content)
        refresh(bundle, lambda line: None)
        assert all((bundle / name).stat().st_size > 100 for name in MADE)


def test_settings_for_whole_pages_follow_every_bundle_they_name(bundle, tiny_bundle, tmp_path):
    reader = Path(shutil.copytree(tiny_bundle, tmp_path / "rec"))
    write_pair(reader, det=bundle, rec=reader)
    edit(bundle, thresh=0.17)
    refresh(reader, lambda line: None)  # the detector's own settings were not refreshed
    params = json.loads((reader / "rapidocr_pair_params.json").read_text(encoding="utf-8"))
    assert params["Det.thresh"] == 0.17 and params["Det.model_path"] == str(bundle / "model.onnx")
    (reader / "rapidocr_pair_params.json").write_text("[")
    with pytest.raises(WeightsError, match=r"rapidocr_pair_params\.json: cannot be read"):
        refresh(reader, lambda line: None)


def test_the_tool(bundle, tmp_path):
    def tool(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PPOCR_LIKE_PLUGINS": "tests.ink_net"}
        command = [sys.executable, "tools/export.py", *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment)

    edit(bundle, box_thresh=0.42)
    done = tool("--refresh", str(bundle))
    assert done.returncode == 0 and "Det.box_thresh: 0.42 instead of" in done.stdout, done.stderr
    done = tool("--refresh", str(tmp_path / "none"))
    assert done.returncode == 2 and "inference.yml" in done.stderr and "Traceback" not in done.stderr
    assert "give a recipe (-c) to export, or --refresh" in tool().stderr
