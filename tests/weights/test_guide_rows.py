"""Rows of SAR's and NRTR's parameters when the dictionary changes."""

from pathlib import Path

import pytest
import torch

from ppocr_like.charset import Charset
from ppocr_like.contracts import FeatureSpec
from ppocr_like.errors import WeightsError
from ppocr_like.modeling.heads.ctc_head import CTCHead
from ppocr_like.modeling.heads.multi_head import CTCBranch, MultiHead, NRTRBranch
from ppocr_like.modeling.heads.sar_head import SARHead
from ppocr_like.modeling.model import OcrModel
from ppocr_like.modeling.necks.sequence_encoder import SequenceEncoder
from ppocr_like.weights import WeightsFile, load_into, resize_charset, same_charset

SPEC = FeatureSpec(8, (32, 8), height=1)


def network(charset: Charset, guide: str) -> OcrModel:
    neck = SequenceEncoder(SPEC, "reshape")
    branch = CTCBranch(neck, CTCHead(neck.out_spec, charset.num_classes))
    sar = guide == "sar"
    other = SARHead(SPEC, charset.sar_classes, enc_dim=4, d_k=3) if sar else NRTRBranch(SPEC, charset.nrtr_classes, 32, 9, 1)
    return OcrModel(None, torch.nn.Identity(), None, MultiHead(SPEC, [branch, other]))


def places(charset: Charset, name: str) -> dict[str, int]:
    """Class of each entry and special in a parameter."""
    labels = charset.labels[1:]
    if "gtc" in name:
        return {**{f"special {i}": i for i in range(4)}, **{c: i + 4 for i, c in enumerate(labels)}, "unused": len(labels) + 4}
    if "ctc" in name:
        return {"blank": 0, **{c: i + 1 for i, c in enumerate(labels)}}
    specials = ["unknown", "end", "padding"][: 3 if "embedding" in name else 2]
    return {**{c: i for i, c in enumerate(labels)}, **{s: len(labels) + i for i, s in enumerate(specials)}}


@pytest.mark.parametrize("mode", ["new", "union"])
@pytest.mark.parametrize("guide", ["sar", "nrtr"])
def test_every_row_goes_where_its_character_goes(guide: str, mode: str) -> None:
    old, wanted = Charset("abcd", use_space_char=True), Charset("dxa", use_space_char=True)
    plan = resize_charset(old, wanted, mode)  # type: ignore[arg-type]
    source, model = network(old, guide), network(plan.charset, guide)
    for parameter in source.parameters():
        torch.nn.init.normal_(parameter)  # PaddleOCR begins with zeros in places
    fresh = {name: value.clone() for name, value in model.state_dict().items()}
    given = WeightsFile(source.state_dict(), old, None, {}, Path("given.safetensors"))
    assert load_into(model, given, plan, 1.0).share == 1.0
    assert len(model.class_parameters()) == (5 if guide == "sar" else 4)
    for name in model.class_parameters():
        before, after = places(old, name), places(plan.charset, name)
        assert model.state_dict()[name].shape[0] == len(after)
        for entry, row in after.items():
            expected = source.state_dict()[name][before[entry]] if entry in before else fresh[name][row]
            assert torch.equal(model.state_dict()[name][row], expected), (name, entry)


def test_an_unknown_layout_is_said() -> None:
    with pytest.raises(WeightsError, match="no rule for the classes of the encoder 'attn'"):
        same_charset(Charset("ab")).rows_for("attn")


@pytest.mark.parametrize("guide", ["sar", "nrtr"])
def test_without_its_guide_a_file_is_good_for_reading_and_not_for_training(guide: str, tmp_path: Path) -> None:
    charset = Charset("abcd")
    source, model = network(charset, guide), network(charset, guide)
    ctc = {name: value for name, value in source.state_dict().items() if name.startswith("head.ctc_")}
    rest = set(source.state_dict()) - set(ctc)
    assert rest and all(name.startswith(source.training_only()) for name in rest)
    given = WeightsFile(ctc, charset, None, {}, tmp_path / "given.safetensors")
    with pytest.raises(WeightsError, match="all must match"):
        load_into(model, given, same_charset(charset), 1.0)
    report = load_into(model, given, same_charset(charset), 1.0, as_is=True)
    assert report.share == 1.0 and "that only training uses" in report.summary()
    x = torch.randn(2, 8, 1, 5)
    with torch.inference_mode():
        assert torch.equal(model.eval()(x)["ctc"], source.eval()(x)["ctc"])
    half = {**ctc, **dict(list(source.state_dict().items())[-1:])}
    with pytest.raises(WeightsError, match="all must match"):  # a part of a guide is a damaged file
        load_into(model, WeightsFile(half, charset, None, {}, tmp_path / "h"), same_charset(charset), 1.0, as_is=True)
