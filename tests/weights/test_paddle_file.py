"""PaddleOCR's weights, as Paddle writes them."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ppocr_like.errors import WeightsError
from ppocr_like.modeling.layers import BatchNorm2d
from ppocr_like.weights import load_into, load_weights
from ppocr_like.weights.paddle_file import read_paddle
from ppocr_like.weights.paddle_write import paddle_state, write_paddle

GIVEN = Path(__file__).parent / "paddle"
NAMES = ("conv.weight", "conv.bias", "bn.weight", "bn.bias", "bn._mean", "bn._variance")


class Net(nn.Module):
    """The network of the given files."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.bn = nn.Conv2d(1, 2, 3), BatchNorm2d(2)
        self.lstm, self.fc = nn.LSTM(2, 2, bidirectional=True), nn.Linear(4, 3)

    def class_parameters(self) -> dict[str, str]:
        return {}


def expected(number: int, shape: tuple[int, ...]) -> np.ndarray:
    return ((np.arange(np.prod(shape)) % 32 + number) / 4).reshape(shape).astype(np.float32)


@pytest.mark.parametrize("name", ["protocol2", "protocol4", "bfloat16", "safetensors"])
def test_files_of_paddle_itself(name):
    weights, model = load_weights(GIVEN / f"{name}.pdparams"), Net()
    assert weights.paddle and weights.charset is None and len(weights.state) == 16
    assert load_into(model, weights, None, 1.0).share == 1.0
    state = model.state_dict()
    for number, key in enumerate(("conv.weight", "conv.bias", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var")):
        assert np.array_equal(state[key].numpy(), expected(number, tuple(state[key].shape))), key
    numbers = {key: weights.state[key].flatten()[0].item() * 4 for key in weights.state if key.startswith("lstm")}
    assert sorted(numbers.values()) == list(range(6, 14)) and numbers["lstm.weight_ih_l0"] == 6
    assert np.array_equal(state["fc.weight"].numpy(), expected(14, (4, 3)).T)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_form_and_kind(tmp_path, protocol):
    rng = np.random.default_rng(0)
    state = {
        "large": rng.normal(size=(40, 50)).astype(np.float32),
        "fortran": np.asfortranarray(rng.normal(size=(3, 4))),
        "half": rng.normal(size=5).astype(np.float16),
        "whole": np.arange(-3, 3),
        "big_endian": rng.normal(size=4).astype(">f4"),
        "flags": np.array([True, False]),
        "scalar": np.array(2.5, np.float32),
        "empty": np.zeros((0, 3), np.float32),
    }
    pair = ("linear_0.w_0", rng.normal(size=3))
    path = tmp_path / "a.pdparams"
    path.write_bytes(pickle.dumps({**state, "named": pair, "text": "é" * 300, "n": -1, "f": 0.5}, protocol=protocol))
    read, names = read_paddle(path)
    assert set(read) == {*state, "named"} == set(names)
    for key, value in {**state, "named": pair[1]}.items():
        assert read[key].shape == value.shape and np.array_equal(read[key].numpy(), value), key
    tensor = read["large"]
    tensor[0] = 0  # memory of its own


def test_parts_and_lod_tensors(tmp_path):
    class LoDTensor:
        def __init__(self, array: np.ndarray) -> None:
            self.array = array

        def __reduce__(self):  # as `paddle.framework.io` reduces it
            return eval, ("data", {"data": self.array})

    array = np.arange(24.0, dtype=np.float32)
    table = {"big": {"OriginShape": (4, 6), "slices": ["big@@.0", "big@@.1"]}}
    state = {"big@@.0": array[:20], "big@@.1": array[20:], "UnpackBigParamInfor@@": table, "lod": LoDTensor(array[:2])}
    for protocol in (2, 4):
        (tmp_path / "a.pdparams").write_bytes(pickle.dumps(state, protocol=protocol))
        read, _ = read_paddle(tmp_path / "a.pdparams")
        assert set(read) == {"big", "lod"} and np.array_equal(read["big"].numpy(), array.reshape(4, 6))
    for broken in ({"slices": ["big@@.0"]}, {"slices": ["big@@.0", "none"]}, {"OriginShape": (-4, -6)}, {"slices": 3}):
        wrong = {**state, "UnpackBigParamInfor@@": {"big": {**table["big"], **broken}}}
        (tmp_path / "a.pdparams").write_bytes(pickle.dumps(wrong, protocol=2))
        with pytest.raises(WeightsError, match="parts of 'big'"):
            read_paddle(tmp_path / "a.pdparams")


def test_where_an_lstm_says_two_things_its_cells_win(tmp_path, caplog):
    state = {"lstm.0.cell_fw.bias_ih": np.ones(2), "lstm.bias_ih_l0": np.zeros(2), "lstm.1.cell_fw.bias_ih": np.ones(3)}
    (tmp_path / "a.pdparams").write_bytes(pickle.dumps(state))
    read, names = read_paddle(tmp_path / "a.pdparams")
    assert read["lstm.bias_ih_l0"].tolist() == [1, 1] and names["lstm.bias_ih_l0"] == "lstm.0.cell_fw.bias_ih"
    assert "twice" in caplog.text and list(read) == ["lstm.bias_ih_l0", "lstm.bias_ih_l1"]


def test_back_and_forth_to_the_bit(tmp_path):
    torch.manual_seed(0)
    model, back = Net(), Net()
    write_paddle(tmp_path / "a.pdparams", paddle_state(model.state_dict(), model))
    with open(tmp_path / "a.pdparams", "rb") as file:
        content = pickle.load(file)  # numpy's own reader, as Paddle uses it
    given = pickle.loads((GIVEN / "protocol4.pdparams").read_bytes())
    assert set(content) == set(given) and set(content["StructuredToParameterName@@"]) == set(given) - {
        "StructuredToParameterName@@"
    }
    assert all(content[name].shape == value.shape for name, value in given.items() if isinstance(value, np.ndarray))
    load_into(back, load_weights(tmp_path / "a.pdparams"), None, 1.0)
    assert all(torch.equal(value, model.state_dict()[name]) for name, value in back.state_dict().items())


def test_what_stands_beside_is_not_used(tmp_path, caplog):
    caplog.set_level("INFO", "ppocr_like")
    write_paddle(tmp_path / "a.pdparams", {"x": np.ones(2)})
    for suffix in (".pdopt", ".states"):
        (tmp_path / f"a{suffix}").write_bytes(b"")
    load_weights(tmp_path / "a")
    assert "not used: a.pdopt (the optimizer's state), a.states" in caplog.text
    with pytest.raises(WeightsError, match=r"a\.pdopt holds PaddleOCR's optimizer state; give the \.pdparams"):
        load_weights(tmp_path / "a.pdopt")


def test_no_state_dict(tmp_path):
    path = tmp_path / "a.pdparams"
    for content, says in (([1], "holds a list"), ({"epoch": 3}, "it holds 'epoch'"), ({}, "it holds nothing")):
        path.write_bytes(pickle.dumps(content))
        with pytest.raises(WeightsError, match=says):
            read_paddle(path)
    path.write_bytes(pickle.dumps({"state_dict": {"x": np.ones(2)}}))
    assert list(read_paddle(path)[0]) == ["x"]
