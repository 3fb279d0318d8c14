"""The nodes of MultiHead and MultiLoss, as PaddleOCR's recipes write them."""

from __future__ import annotations

from typing import Any

import pytest

from ppocr_like.charset import Charset
from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe
from ppocr_like.config.checks import _kept_problems
from ppocr_like.config.fit_checks import part_problems, step_problems
from ppocr_like.errors import ConfigError
from ppocr_like.transforms.guide_label_encode import MultiLabelEncode

CTC = {"CTCHead": {"Neck": {"name": "svtr", "dims": 16, "hidden_dims": 16, "use_guide": True}, "Head": {"fc_decay": 0.00001}}}
SAR = {"SARHead": {"enc_dim": 16, "d_k": 8, "max_text_length": 25}}
NRTR = {"NRTRHead": {"nrtr_dim": 32, "max_text_length": 25, "num_decoder_layers": 1}}


@pytest.fixture(autouse=True, scope="module")
def _components() -> None:
    load_components()


def builder(*heads: Any, loss: Any = None, backbone: str = "MobileNetV1Enhance", **more: Any) -> Builder:
    tree = {
        "Global": {"epoch_num": 1},
        "Architecture": {
            "model_type": "rec",
            "Backbone": {"name": backbone, "last_conv_stride": [1, 2], "last_pool_type": "avg", "last_pool_kernel_size": [2, 2]},
            "Head": {"name": "MultiHead", "head_list": list(heads), **more},
        },
        "Loss": loss or {"name": "MultiLoss", "loss_config_list": [{"CTCLoss": None}, {"SARLoss": None}]},
    }
    return Builder(Recipe.from_tree(tree), Charset("abcdef", use_space_char=True))


def problems(made: Builder, what: str = "model") -> dict[str, str]:
    with pytest.raises(ConfigError) as error:
        getattr(made, what)()
    return {p.path: p.message for p in error.value.problems}


def test_classes_come_from_the_dictionary() -> None:
    model = builder(CTC, SAR, out_channels_list={"CTCLabelDecode": 5}).model()
    assert model.head.ctc_head.fc.out_features == 8
    assert model.head.sar_head.decoder.embedding.num_embeddings == 10
    assert model.head.ctc_head.fc_decay == 0.00001 and model.head.ctc_encoder.encoder.use_guide
    assert model.needs == ("label_sar|label_gtc", "valid_ratio")
    nrtr = builder(CTC, NRTR).model()
    assert nrtr.head.gtc_head.tgt_word_prj.out_features == 4 + 7 + 1 and nrtr.needs == ("label_gtc", "length")
    assert builder().loss().members[1].ignore_index == 9


def test_mistakes_are_named_with_their_places() -> None:
    head = "Architecture.Head.head_list"
    wrong_neck = {"CTCHead": {"Neck": {"name": "svtr", "dim": 16}, "Head": {"fc_decay": "x"}}}
    found = problems(builder(wrong_neck, {"SARHead": {"enc_dims": 3}}))
    assert "nearest: dims" in found[f"{head}.0.CTCHead.Neck.dim"]
    assert "a number" in found[f"{head}.0.CTCHead.Head.fc_decay"]
    assert "nearest: enc_dim" in found[f"{head}.1.SARHead.enc_dims"]
    assert "is null, but a mapping with `name`" in problems(builder({"CTCHead": {}}, SAR))[f"{head}.0.CTCHead.Neck"]
    assert (
        "encoder_type must be one of" in problems(builder({"CTCHead": {"Neck": {"name": "swin"}}}, SAR))[f"{head}.0.CTCHead.Neck"]
    )
    assert "nearest: SARHead" in problems(builder(CTC, {"SARhead": None}))[f"{head}.1.SARhead"]
    assert "got 1 CTCHead and 0 guides" in problems(builder(CTC))["Architecture.Head"]


def test_a_missing_backbone_brings_no_other_complaints() -> None:
    assert set(problems(builder(CTC, SAR, backbone="NoSuch"))) == {"Architecture.Backbone"}
    found = problems(builder(CTC, {"SARHead": {"enc_dims": 3}}, backbone="NoSuch"))
    assert set(found) == {"Architecture.Backbone", "Architecture.Head.head_list.1.SARHead.enc_dims"}


def test_losses_are_built_with_their_arguments() -> None:
    node = {"name": "MultiLoss", "weight_2": 0.5, "loss_config_list": [{"CTCLoss": {"use_focal_loss": True}}, {"NRTRLoss": None}]}
    loss = builder(loss=node).loss()
    assert loss.members[0].use_focal_loss and loss.weights == [1.0, 0.5]
    node["loss_config_list"][1] = {"NRTRLoss": {"smooth": True}}
    assert "nearest: smoothing" in problems(builder(loss=node), "loss")["Loss.loss_config_list.1.NRTRLoss.smooth"]


def test_keep_keys_must_keep_what_the_guide_needs() -> None:
    made = builder(CTC, SAR)
    consumers = {"Architecture": made.model(), "Loss": made.loss(), "PostProcess": None, "Metric": None}

    def messages(*keys: str) -> list[str]:
        chain = [{"KeepKeys": {"keep_keys": ["image", *keys]}}]
        return [p.message for p in _kept_problems(chain, "Train", "Train", made.settings, consumers)]

    assert messages("label_ctc", "label_sar", "length", "valid_ratio") == []
    assert messages("label_ctc", "label_gtc", "length", "valid_ratio") == []
    found = messages("label_ctc", "length")
    assert "Architecture (OcrModel) needs label_sar or label_gtc, valid_ratio" in found[0]
    assert "Loss (MultiLoss) needs label_sar or label_gtc" in found[1]


@pytest.mark.parametrize(
    ("head", "gtc_encode", "right"),
    [
        (SAR, None, True),
        (SAR, "SARLabelEncode", True),
        (NRTR, "NRTRLabelEncode", True),
        (SAR, "NRTRLabelEncode", False),
        (NRTR, "SARLabelEncode", False),
    ],
)
def test_the_guides_label_must_be_in_its_own_classes(head: Any, gtc_encode: str | None, right: bool) -> None:
    """`label_gtc` stands for either guide's classes: SARHead would read NRTR's as other characters."""
    chain = [MultiLabelEncode(25, gtc_encode=gtc_encode, charset=Charset("abc"))]
    found = step_problems(builder(CTC, head).model(), chain, "Train.dataset.transforms", training=True)
    assert [p.path for p in found] == [] if right else ["Train.dataset.transforms.0.MultiLabelEncode.gtc_encode"]
    if not right:
        name, other = ("SARHead", "NRTRHead") if head is SAR else ("NRTRHead", "SARHead")
        assert f"for {other}, but the MultiHead's guide is {name}" in found[0].message


def test_the_loss_must_be_the_guides() -> None:
    made = builder(CTC, NRTR)
    (found,) = part_problems(made.recipe, {"Architecture": made.model(), "Loss": made.loss()})
    assert found.path == "Loss.loss_config_list" and found.message.endswith("take NRTRLoss")
    assert part_problems(made.recipe, {"Architecture": builder(CTC, SAR).model(), "Loss": made.loss()}) == []
