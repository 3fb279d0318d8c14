"""Reading and writing of weights files: what comes back, and what bad files say."""

import json
import pickle
import random
import struct

import numpy as np
import pytest
import torch
from torch import nn

from ppocr_like.charset import Charset
from ppocr_like.errors import WeightsError
from ppocr_like.weights import load_weights, save_weights

STATE = {"a.weight": torch.arange(6.0).reshape(2, 3), "a.bias": torch.tensor([1.5, -2.0]), "n": torch.tensor(3)}


def same(state, other=None):
    other = STATE if other is None else other
    return sorted(state) == sorted(other) and all(torch.equal(state[k], v) for k, v in other.items())


def test_what_is_saved_comes_back(tmp_path):
    charset = Charset(["a", "\u2028", "\u3000", "ch", '"'], use_space_char=True)
    recipe = {"Global": {"epoch_num": 3, "x": None}, "Train": {"list": [1, 2.5, "é"]}}
    save_weights(
        tmp_path / "w.safetensors",
        STATE,
        {"charset": charset, "recipe": recipe, "metrics": {"acc": np.float32(0.5)}, "name": "7"},
    )
    weights = load_weights(tmp_path / "w.safetensors")
    assert same(weights.state) and weights.charset == charset and weights.recipe == recipe
    assert weights.metadata == {"metrics": {"acc": 0.5}, "name": "7"}
    assert weights.path == tmp_path / "w.safetensors"


def test_equal_weights_are_equal_files(tmp_path):
    metadata = {name: name for name in "abcdefgh"}
    for i in range(3):
        save_weights(tmp_path / f"{i}.safetensors", STATE, metadata)
    assert len({(tmp_path / f"{i}.safetensors").read_bytes() for i in range(3)}) == 1


def test_views_and_shared_tensors_are_written(tmp_path):
    base = torch.arange(12.0).reshape(3, 4)
    state = {"t": base.t(), "one": base, "two": base, "part": base[1:]}
    save_weights(tmp_path / "w.safetensors", state)
    assert same(load_weights(tmp_path / "w.safetensors").state, state)


@pytest.mark.parametrize("key", [None, "model", "state_dict"])
@pytest.mark.parametrize("suffix", [".pth", ".pt", ".ckpt"])
def test_torch_files_bare_or_nested(tmp_path, key, suffix):
    extra = {"charset": Charset("ab").to_metadata(), "recipe": {"Global": {}}, "epoch": 4}
    torch.save({key: STATE, **extra} if key else STATE, tmp_path / f"w{suffix}")
    weights = load_weights(tmp_path / "w")
    assert same(weights.state)
    assert (weights.charset, weights.recipe, weights.metadata) == (
        (Charset("ab"), {"Global": {}}, {"epoch": 4}) if key else (None, None, {})
    )


def test_prefix_of_distributed_training_is_dropped(tmp_path):
    torch.save({f"module.{k}": v for k, v in STATE.items()}, tmp_path / "w.pth")
    assert same(load_weights(tmp_path / "w.pth").state)


def test_entries_that_are_no_tensors_are_said(tmp_path, caplog):
    torch.save({**STATE, "epoch": 3}, tmp_path / "w.pth")
    assert same(load_weights(tmp_path / "w.pth").state)
    assert "no tensors and are not used: epoch" in caplog.text


class Hostile:
    def __init__(self, trap):
        self.trap = trap

    def __reduce__(self):
        return (open, (self.trap, "w"))


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("legacy", [False, True])
def test_hostile_pickles_do_not_run(tmp_path, legacy):
    trap = tmp_path / "trap"
    torch.save({"model": STATE, "x": Hostile(str(trap))}, tmp_path / "w.pth", _use_new_zipfile_serialization=not legacy)
    trap.unlink(missing_ok=True)
    with pytest.raises(WeightsError, match="Python objects besides tensors"):
        load_weights(tmp_path / "w.pth")
    (tmp_path / "p.pt").write_bytes(pickle.dumps(Hostile(str(trap))))
    with pytest.raises(WeightsError):
        load_weights(tmp_path / "p.pt")
    assert not trap.exists()


def test_whole_pickled_modules_are_refused_with_the_way_out(tmp_path):
    torch.save(nn.Linear(2, 2), tmp_path / "w.pth")
    with pytest.raises(WeightsError, match="save its state dict alone"):
        load_weights(tmp_path / "w.pth")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([1, 2], "holds a list"),
        ({"epoch": 1, "lr": 2}, "it holds 'epoch', 'lr'"),
        ({}, "it holds nothing"),
        (torch.ones(2), "Tensor"),
    ],
)
def test_torch_files_without_a_state_dict(tmp_path, content, says):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(WeightsError, match=says):
        load_weights(tmp_path / "w.pth")


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
def test_damaged_files_are_weights_errors(tmp_path):
    """Cut at every eighth of their length, or random bytes changed: a WeightsError or a readable state, no other error."""
    rng = random.Random(7)
    save_weights(tmp_path / "w.safetensors", STATE, {"charset": Charset("ab"), "recipe": {}})
    torch.save({"model": STATE, "charset": Charset("ab").to_metadata()}, tmp_path / "w.pth")
    torch.save(STATE, tmp_path / "w.pt", _use_new_zipfile_serialization=False)
    refused = 0
    for name in ("w.safetensors", "w.pth", "w.pt"):
        good = (tmp_path / name).read_bytes()
        cut = [good[: len(good) * i // 8] for i in range(8)]
        changed = []
        for _ in range(120):
            data = bytearray(good)
            for _ in range(rng.choice((1, 4, 40))):
                data[rng.randrange(len(data))] = rng.randrange(256)
            changed.append(bytes(data))
        for i, data in enumerate([*cut, *changed, b"garbage", bytes(64), b"\xff" * 200]):
            (tmp_path / name).write_bytes(data)
            try:
                load_weights(tmp_path / name)
            except WeightsError as error:
                assert name in str(error)
                refused += 1
            else:
                assert i >= 8, f"{name} cut to {len(data)} of {len(good)} bytes was read"
    assert refused > 100


def test_safetensors_of_others_and_bad_metadata(tmp_path):
    def write(metadata):
        header = json.dumps({"__metadata__": metadata, "w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()
        (tmp_path / "w.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))

    write({"format": "pt", "charset": "latin"})
    weights = load_weights(tmp_path / "w.safetensors")
    assert weights.charset is None and list(weights.state) == ["w"]
    write({"ppocr_like": "1", "charset": "{"})
    with pytest.raises(WeightsError, match="'charset' is no valid JSON"):
        load_weights(tmp_path / "w.safetensors")
    for charset in ({"entries": [1]}, [], {"entries": "abc"}, 7):
        write({"ppocr_like": "1", "charset": json.dumps(charset)})
        with pytest.raises(WeightsError, match="character set cannot be read"):
            load_weights(tmp_path / "w.safetensors")
    write({"ppocr_like": "1", "recipe": "[]"})
    with pytest.raises(WeightsError, match="`recipe` is list"):
        load_weights(tmp_path / "w.safetensors")


def test_the_averaged_weights_of_a_checkpoint_are_taken(tmp_path, caplog):
    model = {"w": torch.zeros(2), "count": torch.tensor(3)}
    hooks = {"ema": {"steps": 3, "divisor": 1.0, "averages": {"w": torch.ones(2)}}, "log": None}
    for name, kept in (("averaged", hooks), ("plain", {"log": None})):
        torch.save({"model": model, "hooks": kept, "optimizer": {}}, tmp_path / f"{name}.ckpt")
    with caplog.at_level("INFO"):
        state = load_weights(tmp_path / "averaged.ckpt").state
    assert (state["w"].tolist(), int(state["count"])) == ([1.0, 1.0], 3)
    assert "averaged weights" in caplog.text
    assert load_weights(tmp_path / "plain.ckpt").state["w"].tolist() == [0.0, 0.0]
