"""The recogniser as the other rooms see it: names, settings of parameters, shapes, export, determinism."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec, ParamAttr
from ppocr_like.losses.ctc_loss import CTCLoss
from ppocr_like.modeling.backbones.mobilenet_v1_enhance import MobileNetV1Enhance
from ppocr_like.modeling.heads.ctc_head import CTCHead
from ppocr_like.modeling.model import OcrModel
from ppocr_like.modeling.necks.sequence_encoder import SequenceEncoder
from ppocr_like.modeling.paddle_names import from_paddle, to_paddle_name, to_torch_name, transposed
from ppocr_like.registry import BACKBONES

CLASSES = 50


def small_svtr(**head: object) -> OcrModel:
    torch.manual_seed(0)
    backbone = MobileNetV1Enhance(FeatureSpec(3), 0.5, [1, 2], "avg", [2, 2])
    neck = SequenceEncoder(backbone.out_spec, "svtr")
    return OcrModel(None, backbone, neck, CTCHead(neck.out_spec, CLASSES, fc_decay=1e-5, **head))  # type: ignore[arg-type]


def test_training_gives_logits_and_evaluation_probabilities() -> None:
    model, images = small_svtr(), torch.randn(2, 3, 48, 320)
    logits = model.train()(images)["ctc"]
    assert logits.shape == (2, 40, CLASSES)
    assert not torch.allclose(logits.sum(2), torch.ones(2, 40))
    probabilities = model.eval()(images)["ctc"]
    torch.testing.assert_close(probabilities.sum(2), torch.ones(2, 40))


@pytest.mark.parametrize("width", [16, 437, 1280])
def test_steps_follow_the_stride(width: int) -> None:
    model = small_svtr().eval()
    assert model.out_spec.stride == (32, 8)
    with torch.inference_mode():
        steps = model(torch.zeros(1, 3, 48, width))["ctc"].shape[1]
    assert steps == math.ceil(math.ceil(width / 2) / 2) // 2


def test_parameter_settings_and_class_parameters() -> None:
    model = small_svtr()
    names = dict(model.named_parameters())
    attrs = model.param_attrs()
    assert set(attrs) <= set(names)
    assert attrs["head.fc.weight"] == attrs["head.fc.bias"] == ParamAttr(l2=1e-5)
    assert attrs["backbone.block_list.3._depthwise_conv._batch_norm.weight"] == ParamAttr(l2=0.0)
    assert len(attrs) == 2 * 27 + 2  # batch norms of the backbone (those of the neck have no setting), the head
    assert model.class_parameters() == {"head.fc.weight": "ctc", "head.fc.bias": "ctc"}
    assert all(names[name].shape[0] == CLASSES for name in model.class_parameters())
    assert model.needs == ()


def test_two_layer_head() -> None:
    model = small_svtr(mid_channels=24, return_feats=True)
    assert model.class_parameters() == {"head.fc2.weight": "ctc", "head.fc2.bias": "ctc"}
    out = model.train()(torch.randn(1, 3, 48, 64))
    assert out["ctc_feats"].shape == (1, 8, 24)
    assert set(model.eval()(torch.randn(1, 3, 48, 64))) == {"ctc"}


def test_state_holds_what_paddles_does() -> None:
    state = small_svtr().state_dict()
    assert not [name for name in state if name.endswith("num_batches_tracked")]
    model = small_svtr()
    model.load_state_dict(dict(state), strict=True)  # a plain dict, as from safetensors
    assert "backbone.conv1._batch_norm._mean" in {to_paddle_name(name) for name in state}


def test_a_necks_guide_cuts_the_gradient() -> None:
    backbone = MobileNetV1Enhance(FeatureSpec(3), 0.5, [1, 2], "avg", [2, 2])
    neck = SequenceEncoder(backbone.out_spec, "svtr", use_guide=True)
    model = OcrModel(None, backbone, neck, CTCHead(neck.out_spec, CLASSES)).train()
    model(torch.randn(2, 3, 48, 64))["ctc"].sum().backward()
    assert backbone.conv1._conv.weight.grad is None


def test_a_heads_guide_layer_mixes_steps_and_lets_the_gradient_through() -> None:
    """PaddleOCR's `use_guide` of a head is no more than two convolutions (PP-OCRv6 tiny); its L2 is the optimizer's."""
    model = small_svtr(use_guide=True).train()
    model(torch.randn(2, 3, 48, 64))["ctc"].square().sum().backward()
    assert all(parameter.grad is not None for parameter in model.neck.parameters())  # type: ignore[union-attr]
    assert {f"head.guide_layer.{name}" for name in ("0.weight", "1.running_mean", "3.weight", "4.bias")} <= set(
        model.state_dict()
    )
    assert {name for name in model.param_attrs() if name.startswith("head.")} == {"head.fc.weight", "head.fc.bias"}
    sequence = torch.randn(1, 20, 64)
    changed = sequence.clone()
    changed[0, 10] += 1
    head = model.head.eval()
    moved = (head(sequence)["ctc"] - head(changed)["ctc"])[0].abs().sum(1) > 1e-6
    assert moved.nonzero().flatten().tolist() == [8, 9, 10, 11, 12]


@pytest.mark.parametrize(
    ("arguments", "channels"),
    [
        ({"encoder_type": "reshape"}, 64),
        ({"encoder_type": "fc", "hidden_size": 10}, 10),
        ({"encoder_type": "rnn", "hidden_size": 10}, 20),
        ({"encoder_type": "gru", "hidden_size": 10}, 20),
        ({"encoder_type": "cascadernn", "hidden_size": 10, "out_channels": [20, 20]}, 20),
        ({"encoder_type": "cascadernn", "hidden_size": 10, "out_channels": [12, 30], "with_linear": True}, 30),
        ({"encoder_type": "svtr", "dims": 32, "kernel_size": [1, 3], "drop_path": 0.5}, 32),
        ({"encoder_type": "lightsvtr", "dims": 32, "local_kernel": 3, "use_guide": True}, 32),
    ],
)
def test_encoders(arguments: dict, channels: int) -> None:
    neck = SequenceEncoder(FeatureSpec(64, (32, 4)), **arguments)
    assert neck(torch.randn(2, 64, 1, 7)).shape == (2, 7, channels)
    assert neck.out_spec == FeatureSpec(channels, (32, 4), height=1)


def test_mistakes_are_told() -> None:
    spec = FeatureSpec(64)
    with pytest.raises(ValueError, match="reshape, fc, rnn, gru, cascadernn, svtr"):
        SequenceEncoder(spec, "lstm")
    with pytest.raises(ValueError, match="rnn does not read depth; it belongs to svtr"):
        SequenceEncoder(spec, "rnn", depth=3)
    with pytest.raises(ValueError, match="height 1"):
        SequenceEncoder(spec, "reshape")(torch.zeros(1, 64, 2, 9))
    with pytest.raises(ValueError, match="last_conv_stride"):
        MobileNetV1Enhance(FeatureSpec(3), last_conv_stride=[1, 2, 3])
    with pytest.raises(ValueError, match="last_pool_type"):
        MobileNetV1Enhance(FeatureSpec(3), last_pool_type="mean")
    assert BACKBONES.get("MobileNetV1Enhance", "rec") is MobileNetV1Enhance
    with pytest.raises(KeyError):
        BACKBONES.get("MobileNetV1Enhance", "det")


def test_initial_values_are_paddles() -> None:
    model = small_svtr()
    conv = model.backbone.block_list[12]._pointwise_conv._conv  # type: ignore[index,union-attr]
    assert conv.weight.std().item() == pytest.approx(math.sqrt(2 / 512), rel=0.02)
    excite = model.backbone.block_list[12]._se.conv1  # type: ignore[index,union-attr]
    assert excite.weight.std().item() == pytest.approx(math.sqrt(2 / 512), rel=0.03)
    assert not excite.bias.any()
    reduce = model.neck.encoder.conv1.conv.weight  # type: ignore[union-attr]
    bound = math.sqrt(6 / (512 * 9))
    assert 0.99 * bound < reduce.abs().max().item() <= bound
    linear = model.neck.encoder.svtr_block[0].mlp.fc1  # type: ignore[union-attr,index]
    assert linear.weight.abs().max().item() <= 0.04
    assert linear.weight.std().item() == pytest.approx(0.0176, rel=0.03)  # 0.02 cut at two deviations
    assert not linear.bias.any()
    assert 0.9 / 8 < model.head.fc.weight.abs().max().item() <= 1 / 8  # type: ignore[union-attr]
    assert model.head.fc.bias.any()  # type: ignore[union-attr]


def test_training_repeats_bit_for_bit() -> None:
    batch = {"label": torch.randint(1, CLASSES, (4, 6)), "length": torch.tensor([6, 5, 1, 3])}
    images = torch.randn(4, 3, 48, 96)
    found = []
    for _ in range(2):
        model = small_svtr().train()
        torch.manual_seed(7)
        CTCLoss()(model(images), batch)["loss"].backward()
        found.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    assert len(found[0]) == len(list(small_svtr().parameters()))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_memory_format_changes_nothing_but_rounding() -> None:
    model, images = small_svtr().eval(), torch.randn(2, 3, 48, 96)
    with torch.inference_mode():
        plain = model(images)["ctc"]
        last = model.to(memory_format=torch.channels_last)(images.to(memory_format=torch.channels_last))["ctc"]  # type: ignore[call-overload]
    torch.testing.assert_close(plain, last, rtol=1e-4, atol=1e-7)


class Exported(nn.Module):
    """The inference output alone, as a tensor."""

    def __init__(self, model: OcrModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.model(images)["ctc"]


@pytest.mark.parametrize("neck", ["svtr", "rnn"])
def test_onnx_is_dynamic_in_batch_and_width(neck: str) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    backbone = MobileNetV1Enhance(FeatureSpec(3), 0.5, [1, 2], "avg", [2, 2])
    encoder = SequenceEncoder(backbone.out_spec, neck)
    model = OcrModel(None, backbone, encoder, CTCHead(encoder.out_spec, CLASSES))
    model.train()(torch.randn(4, 3, 48, 96))  # statistics that are not the initial ones
    file = io.BytesIO()
    axes = {"x": {0: "batch", 3: "width"}, "y": {0: "batch", 1: "steps"}}
    torch.onnx.export(
        Exported(model).eval(),
        (torch.randn(2, 3, 48, 64),),
        file,  # type: ignore[arg-type]
        dynamo=False,
        opset_version=14,
        input_names=["x"],
        output_names=["y"],
        dynamic_axes=axes,
    )
    session = onnxruntime.InferenceSession(file.getvalue())
    for samples, width in ((1, 320), (6, 437), (1, 1280)):
        images = torch.randn(samples, 3, 48, width)
        with torch.inference_mode():
            want = model(images)["ctc"].numpy()
        got = session.run(None, {"x": images.numpy()})[0]
        assert got.shape == want.shape
        assert np.abs(got - want).max() <= 1e-6


def test_paddle_names() -> None:
    assert to_torch_name("a.norm._variance") == "a.norm.running_var"
    assert to_torch_name("neck.encoder.lstm.1.cell_bw.bias_hh") == "neck.encoder.lstm.bias_hh_l1_reverse"
    assert to_torch_name("head.encoder.rnn_encoder.0.cell.weight_ih") == "head.encoder.rnn_encoder.weight_ih_l0"
    model = nn.Sequential(nn.Linear(2, 3), nn.LSTM(3, 4))
    assert transposed(model) == {"0.weight"}
    weight = np.arange(6.0).reshape(2, 3)
    state = {"0.weight": weight, "1.0.cell_fw.bias_ih": weight[0], "1.bias_ih_l0": weight[0], "StructuredToParameterName@@": None}
    found = from_paddle(state, transposed(model))  # type: ignore[arg-type]
    assert np.array_equal(found["0.weight"], weight.T)
    assert set(found) == {"0.weight", "1.bias_ih_l0"}
    with pytest.raises(ValueError, match="twice"):
        from_paddle({"1.0.cell_fw.bias_ih": weight[0], "1.bias_ih_l0": weight[1]}, set())
