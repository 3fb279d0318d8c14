"""What a run leaves in its folder, and how it ends when something goes wrong."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import sys
from pathlib import Path

import pytest
import torch
import yaml

from ppocr_like.components import load_components
from ppocr_like.config import Recipe
from ppocr_like.data.pack import pack
from ppocr_like.engine import train
from ppocr_like.engine.loggers import visualdl_folder
from ppocr_like.engine.trainer import train_step
from ppocr_like.errors import ConfigError, OcrError, TrainingError
from ppocr_like.losses.ctc_loss import CTCLoss

from .helpers import EVAL, TRAIN, records, run, start, tiny_recipe, write_recipe
from .test_resume import same_run, until_training
from .test_trainer import made

INLINE = {"Train__loader__num_workers": 0}


def trained(data: Path, folder: Path, **over: object) -> None:
    load_components()
    train(Recipe.from_tree(tiny_recipe(data, folder, **{**INLINE, **over})))


def test_lmdb_folders_stand_in_the_manifest(data: Path, tmp_path: Path) -> None:
    for name in ("train", "eval"):
        pack([str(data / f"{name}.txt")], str(data), str(tmp_path / "lmdb" / name), progress=False)
    tree = tiny_recipe(data, tmp_path / "run", **{**INLINE, "Global__epoch_num": 1})
    for section, name in (("Train", "train"), ("Eval", "eval")):
        dataset = tree[section]["dataset"]
        del dataset["label_file_list"]
        dataset.update(name="LMDBDataSet", data_dir=str(tmp_path / "lmdb" / name))
    load_components()
    train(Recipe.from_tree(tree))
    folders = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))["folders"]
    assert [folders[str(tmp_path / "lmdb" / name)]["samples"] for name in ("train", "eval")] == [TRAIN, EVAL]
    first = folders[str(tmp_path / "lmdb" / "train")]
    assert first["bytes"] == (tmp_path / "lmdb" / "train" / "data.mdb").stat().st_size and len(first["sha256"]) == 64


def test_run_folder(data: Path, reference: Path) -> None:
    """Records, effective recipe, manifest, checkpoints."""
    names = {path.name for path in reference.iterdir()}
    assert {"latest.ckpt", "best_accuracy.safetensors", "metrics.jsonl", "train.log", "config.yml", "run.json"} <= names
    assert {f"iter_epoch_{epoch}.safetensors" for epoch in (1, 2, 3, 4)} <= names
    assert not [name for name in names if name.endswith((".tmp", ".partial"))]
    kinds = [record["kind"] for record in records(reference)]
    assert (kinds.count("train"), kinds.count("eval")) == (24, 5)
    first = next(record for record in records(reference) if record["kind"] == "train")
    assert {"epoch", "global_step", "lr", "loss", "loss_now", "acc", "samples"} <= set(first)
    assert yaml.safe_load((reference / "config.yml").read_text(encoding="utf-8"))["Global"]["epoch_num"] == 4
    manifest = json.loads((reference / "run.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256((data / "train.txt").read_bytes()).hexdigest()
    assert manifest["files"][str(data / "train.txt")] == {"bytes": (data / "train.txt").stat().st_size, "sha256": digest}
    assert str(data / "dict.txt") in manifest["files"]
    assert (manifest["seed"], manifest["host"]["threads"], manifest["result"]["steps"]) == (7, 1, 24)
    assert "torch" in manifest["program"]
    progress = torch.load(reference / "latest.ckpt", weights_only=True)["progress"]
    assert progress == {"epoch": 5, "batch": 0, "group": 0, "step": 24, "samples": 4 * TRAIN}
    log = (reference / "train.log").read_text(encoding="utf-8")
    assert "epoch: [1/4], global_step: 1, lr: " in log
    for word in ("samples/s: ", "waiting for data: ", "eta: ", "memory: "):
        assert word in log


def test_an_earlier_run_is_kept_unless_overwrite(data: Path, reference: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(reference, folder)
    with pytest.raises(TrainingError, match=r"holds an earlier run .*Global.checkpoints=.*Global.overwrite=true"):
        trained(data, folder)
    assert (folder / "metrics.jsonl").read_bytes() == (reference / "metrics.jsonl").read_bytes()
    trained(data, folder, Global__overwrite=True, Global__epoch_num=1)
    assert not (folder / "iter_epoch_4.safetensors").exists()
    assert len([r for r in records(folder) if r["kind"] == "train"]) == 6


def test_a_replacing_run_that_cannot_start_costs_nothing(data: Path, reference: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(reference, folder)
    kept = {path.name: path.read_bytes() for path in folder.glob("*.*") if path.name not in ("train.log", "run.lock")}
    with pytest.raises(ConfigError, match=r"Train.dataset.label_file_list: .*nowhere.txt"):
        trained(data, folder, Global__overwrite=True, Train__dataset__label_file_list=[str(tmp_path / "nowhere.txt")])
    assert {name: (folder / name).read_bytes() for name in kept} == kept


def test_a_replacing_run_may_begin_with_the_weights_it_replaces(data: Path, reference: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    shutil.copytree(reference, folder)
    trained(data, folder, Global__overwrite=True, Global__pretrained_model=str(folder), Global__epoch_num=1)
    assert not (folder / "iter_epoch_4.safetensors").exists()


def test_two_runs_in_one_folder(data: Path, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "recipe.yml", tiny_recipe(data, tmp_path / "run", Global__epoch_num=200))
    process = start("train", recipe)
    try:
        until_training(process)
        with pytest.raises(TrainingError, match=f"another run .process {process.pid}. is using the run folder"):
            trained(data, tmp_path / "run")
    finally:
        process.kill()
        process.communicate()


@pytest.mark.thorough
def test_full_disk_ends_the_run_and_keeps_the_checkpoint(data: Path, reference: Path, tmp_path: Path) -> None:
    """The limit lets the first checkpoint through and strikes when the log or a later, larger file grows."""
    folder = tmp_path / "run"
    shutil.copytree(reference, folder)
    before = (folder / "latest.ckpt").read_bytes()
    limit = len(before) - 1000
    recipe = write_recipe(tmp_path / "recipe.yml", tiny_recipe(data, folder, Global__epoch_num=5))
    output = run(
        "train",
        recipe,
        f"Global.checkpoints={folder}",
        expect=2,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert "error: cannot write" in output and "latest.ckpt" in output and "Traceback" not in output
    assert (folder / "latest.ckpt").read_bytes() == before
    run("train", recipe, f"Global.checkpoints={folder}")
    assert torch.load(folder / "latest.ckpt", weights_only=True)["progress"]["step"] == 30


def test_nan_stops_with_files_and_leaves_the_state_before(
    data: Path, reference: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "run"
    over = {"Global__epoch_num": 4, "Global__save_batch_step": None}
    calls = []

    def nan_in_step_9(self: CTCLoss, outputs: dict, batch: dict) -> dict:
        losses = forward(self, outputs, batch)
        if torch.is_inference_mode_enabled():  # an evaluation
            return losses
        calls.append(1)
        return {**losses, "loss": losses["loss"] * (float("nan") if len(calls) == 9 else 1.0)}

    forward = CTCLoss.forward
    with monkeypatch.context() as patch:
        patch.setattr(CTCLoss, "forward", nan_in_step_9)
        with pytest.raises(TrainingError, match=r"loss is nan in step 9 .epoch 2.") as error:
            trained(data, folder, **over)
    assert str(error.value).count(str(data / "train.txt")) == 4
    assert "stopped by TrainingError: loss is nan" in (folder / "train.log").read_text(encoding="utf-8")
    assert torch.load(folder / "latest.ckpt", weights_only=True)["progress"]["step"] == 8
    trained(data, folder, **over, Global__checkpoints=str(folder))
    same_run(reference, folder)  # the failed step left no trace in weights, statistics or generators


def test_the_tool_reports_all_mistakes_at_once_and_makes_no_folder(data: Path, tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path / "recipe.yml", tiny_recipe(data, tmp_path / "run"))
    for tool in ("train", "eval"):
        said = run(tool, recipe, "Global.epoch_nums=3", "Optimizer.lr.name=Cosin", "Train.loader.shufle=true", expect=2)
        assert all(word in said for word in ("nearest: epoch_num", "nearest: Cosine", "nearest: shuffle", "3 problems"))
    assert not (tmp_path / "run").exists()


def test_errors_before_the_first_step_leave_nothing_in_the_way(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    few = {"Train__loader__batch_size_per_card": 64, "Train__loader__drop_last": True}
    with pytest.raises(OcrError, match="drop_last"):
        trained(data, folder, **few)
    (tmp_path / "unknown.txt").write_text("img/train_0.png\tabc\n", encoding="utf-8")
    with pytest.raises(TrainingError, match="no sample of the training set could be used"):
        trained(data, folder, Train__dataset__label_file_list=[str(tmp_path / "unknown.txt")], Global__max_unknown=1.0)
    assert not (folder / "latest.ckpt").exists()
    trained(data, folder, Global__epoch_num=1)  # the folder can be used at once


def test_keys_without_effect_are_said(data: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keys = ("uniform_output_enabled", "find_unused_parameters", "use_sync_bn", "loss_over_ranks")
    with caplog.at_level("INFO", "ppocr_like"):
        trained(data, tmp_path / "run", Global__epoch_num=1, **{f"Global__{key}": True for key in keys})
    for key in keys:
        assert sum(f"Global.{key}" in record.getMessage() for record in caplog.records) == 1, key


def test_only_the_newest_epochs_are_kept(data: Path, tmp_path: Path) -> None:
    trained(data, tmp_path / "run", Global__keep_checkpoints=2, Global__epoch_num=4, Global__eval_batch_epoch=4)
    assert sorted(path.name for path in (tmp_path / "run").glob("iter_*")) == [
        "iter_epoch_3.safetensors",
        "iter_epoch_4.safetensors",
    ]


def test_freezing_by_samples(data: Path, tmp_path: Path) -> None:
    """The backbone stands still for 8 samples (two steps), its batch norms included; then it trains."""
    rule = [{"pattern": "backbone.*", "samples": 8}]
    with made(data, tmp_path / "run", Optimizer__freeze=rule, Optimizer__lr=1e-2) as run_:
        batches = list(run_.parts.loader.batches(1))
        state = {name: value.clone() for name, value in run_.objective.model.state_dict().items()}

        def changed() -> set[str]:
            now = run_.objective.model.state_dict()
            return {name.split(".")[0] for name in now if not torch.equal(now[name], state[name])}

        for batch in batches[:2]:
            train_step(run_, [batch])
        assert changed() == {"neck", "head"}
        train_step(run_, [batches[2]])
        assert changed() == {"backbone", "neck", "head"}


def test_visualdl_log_can_be_read_back(data: Path, tmp_path: Path) -> None:
    reader = pytest.importorskip("visualdl").LogReader
    trained(data, tmp_path / "run", Global__use_visualdl=True, Global__epoch_num=1)
    (file,) = (tmp_path / "run" / "vdl").iterdir()
    log = reader(file_path=str(file))
    assert [item.id for item in log.get_data("scalar", "train/loss")] == [1, 2, 3, 4, 5, 6]
    assert len(log.get_data("scalar", "eval/eval/acc")) == 2
    assert len(log.get_data("image", "predictions/eval/0")) == 2


def test_a_resumed_runs_visualdl_log_repeats_no_step(data: Path, tmp_path: Path) -> None:
    """It stands in a folder of its own, named after the step it went on from."""
    reader = pytest.importorskip("visualdl").LogReader
    trained(data, tmp_path / "run", Global__use_visualdl=True, Global__epoch_num=1)
    again = {"Global__use_visualdl": True, "Global__checkpoints": str(tmp_path / "run")}
    trained(data, tmp_path / "run", **again)
    (file,) = (tmp_path / "run" / "vdl" / "from_step_6").iterdir()
    log = reader(file_path=str(file))
    assert [item.id for item in log.get_data("scalar", "train/loss")] == [7, 8, 9, 10, 11, 12]
    assert visualdl_folder(tmp_path / "run", 6).name == "from_step_6_2"
    assert visualdl_folder(tmp_path / "elsewhere", 6) == tmp_path / "elsewhere" / "vdl"


def test_every_missing_label_file_is_named_before_weights_are_loaded(data: Path, tmp_path: Path) -> None:
    over = {
        "Train__dataset__label_file_list": [str(data / "gone1.txt"), str(data / "train.txt"), str(data / "gone2.txt")],
        "Eval__dataset__label_file_list": [str(data / "gone3.txt")],
        "Global__pretrained_model": str(data / "no_weights"),
    }
    with pytest.raises(ConfigError) as caught:
        trained(data, tmp_path / "run", **over)
    assert [(p.path, Path(p.message.partition(":")[0]).name) for p in caught.value.problems] == [
        ("Train.dataset.label_file_list", "gone1.txt"),
        ("Train.dataset.label_file_list", "gone2.txt"),
        ("Eval.dataset.label_file_list", "gone3.txt"),
    ]


def test_fine_tuning_with_new_characters(data: Path, reference: Path, tmp_path: Path) -> None:
    """Weights of another dictionary: refused, or widened; the run then evaluates and resumes with its own characters."""
    (tmp_path / "dict.txt").write_text("9\n8\nx\n", encoding="utf-8")
    over = {"Global__character_dict_path": str(tmp_path / "dict.txt"), "Global__pretrained_model": str(reference)}
    with pytest.raises(OcrError, match="charset_resize"):
        trained(data, tmp_path / "run", **over)
    trained(data, tmp_path / "run", **over, Global__charset_resize="union", Global__epoch_num=1)
    checkpoint = torch.load(tmp_path / "run" / "latest.ckpt", weights_only=True)
    assert set(checkpoint["charset"]["entries"]) == set("0123456789x")
    assert checkpoint["model"]["head.fc.weight"].shape[0] == 12
    first = next(record for record in records(tmp_path / "run") if record["kind"] == "eval")
    measured = [record["cer"] for record in records(reference) if record["kind"] == "eval"]  # one of them of the best weights
    assert any(first["cer"] == pytest.approx(cer) for cer in measured)  # the old characters are read as before
    again = {**over, "Global__charset_resize": "union", "Global__checkpoints": str(tmp_path / "run")}
    trained(data, tmp_path / "run", **again)
    assert torch.load(tmp_path / "run" / "latest.ckpt", weights_only=True)["progress"]["step"] == 12


def test_visualdl_missing_is_said(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "visualdl", None)
    with pytest.raises(TrainingError, match=r"pip install visualdl, or set Global\.use_visualdl=false"):
        trained(data, tmp_path / "run", Global__use_visualdl=True)


@pytest.mark.thorough
def test_a_terminal_gets_a_bar_and_whole_lines(data: Path, tmp_path: Path) -> None:
    """The program's standard error is a pseudo terminal here."""
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    if not hasattr(termios, "tcsetwinsize"):
        pytest.skip("Python 3.11 sets a terminal's size")
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (40, 160))
    recipe = write_recipe(tmp_path / "recipe.yml", tiny_recipe(data, tmp_path / "run", Global__epoch_num=1))
    process = start("train", recipe, stderr=follower)
    os.close(follower)
    shown = b""
    while True:
        try:
            shown += os.read(leader, 65536)
        except OSError:  # Linux' way to say that the other end is closed
            break
    assert process.wait(timeout=60) == 0
    os.close(leader)
    text = shown.decode()
    assert "/6 [" in text  # the bar
    assert "epoch: [1/1], global_step: 6, lr: " in text


@pytest.mark.parametrize("advice", [True, False])
def test_a_rate_that_was_tried_needs_no_advice(data: Path, tmp_path: Path, advice: bool) -> None:
    trained(data, tmp_path / "run", Global__epoch_num=1, Global__rate_advice=advice, Optimizer__lr={"learning_rate": 0.01})
    log = (tmp_path / "run" / "train.log").read_text(encoding="utf-8")
    assert ("learning rate 0.01 at" in log) is advice


def test_frozen_statistics_of_nobody_are_told(data: Path, tmp_path: Path) -> None:
    """From chance they would stay those of a new network; from weights they are somebody's."""
    trained(data, tmp_path / "a", Global__epoch_num=1, Global__freeze_bn=True)
    start = str(tmp_path / "b")
    trained(data, tmp_path / "b", Global__epoch_num=1)
    trained(data, tmp_path / "c", Global__epoch_num=1, Global__freeze_bn=True, Global__pretrained_model=start)
    logs = [(tmp_path / name / "train.log").read_text(encoding="utf-8") for name in "abc"]
    assert ["hold the statistics of no training" in log for log in logs] == [True, False, False]
