"""VGSL: what is said of a wrong string, sizes, and that a line gives the same beside longer ones as alone."""

from __future__ import annotations

import random

import pytest
import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec, HeightMisfit
from ppocr_like.modeling.backbones.vgsl import DEFAULT, VGSL
from ppocr_like.modeling.heads.vgsl_head import VGSLHead
from ppocr_like.modeling.model import OcrModel
from ppocr_like.modeling.vgsl.grammar import FORMS, MOST, parse
from ppocr_like.modeling.vgsl.recurrent import Recurrent
from tests.modeling.vgsl_specs import random_spec

GRAY = FeatureSpec(1)


def built(spec: str) -> tuple[VGSL, VGSLHead]:
    backbone = VGSL(GRAY, spec)
    return backbone, VGSLHead(backbone.out_spec, 12)


WRONG = {
    "1,48,0,1 I": "does not stand in brackets",
    "": "does not stand in brackets",
    "[1,48,0 I]": "where the images' size stands",
    "[1,48,0,0 I]": "0 channels",
    "[1,48,0,1]": "no layer before the output",
    "[1,48,0,1 O1c5]": "no layer before the output",
    "[1,48,0,1 Xy3]": "character 11, 'Xy3': no such layer",
    "[1,48,0,1 Cq3,3,32]": "the nearest that is: Cr3,3,32",
    "[1,48,0,1 Cr3,3]": "character 11, 'Cr3,3': not written as C",
    "[1,48,0,1 Cr3,0,8]": "a number is 0",
    "[1,48,0,1 I Lbz20]": "character 13, 'Lbz20'",
    "[1,48,0,1 Lbx0]": "a number is 0",
    "[1,48,0,1 Lbx{a}4 Lfx{a}4]": "the layer of character 11 has the name a, too",
    "[1,48,0,1 Mp2]": "not written as Mp",
    "[1,48,0,1 Mp49,2]": "a map of 48 x 0 (height x width) is too small",
    "[1,48,0,1 Do1.5]": "1.5 is no share",
    "[1,48,0,1 Do0.1,3]": "not dimension 3",
    "[1,48,0,1 Cr3,3,4 Gn3]": "character 19, 'Gn3': 4 channels cannot be divided into 3 groups",
    "[1,48,0,1 Gn0]": "a number is 0",
    "[1,48,0,1 S1(5x0)1,3]": "48 (height) cannot be divided by 5",
    "[1,48,0,1 S1(2x3)1,3]": "2 x 3 is 6, but the height is 48",
    "[1,48,0,1 S1(0x0)1,3]": "only one of the two parts may be 0",
    "[1,48,0,1 S1(1x0)2,3]": "2 or 3 must be 1",
    "[1,48,0,1 S4(1x0)4,3]": "dimension 1 (height), 2 (width) or 3 (channels)",
    "[1,0,0,1 S1(1x0)1,3]": "the height is split, and is not known",
    "[1,48,0,1 A0,2]": "dimension 1 (height), 2 (width) or 3",
    "[1,48,0,1 Cr3,3,4 A3,8]": "chunks of 8 are larger than the number of channels, which is 4",
    "[1,48,0,1 W4,2,0.5,3]": "a sequence, a map of height 1, not of height 48",
    "[1,48,0,1 (Cr3,3,3 Mp2,2)]": "maps of 48 x ? (character 12) and 24 x ? (character 20)",
    "[1,48,0,1 O2l5 I]": "character 11, 'O2l5': a map or a category is told at the end",
    "[1,48,0,1 (O0c5 I)]": "a map or a category is told at the end",
    "[1,48,0,1 I]]": "character 12: ']' closes nothing",
    "[1,48,0,1 ([I)]]": "character 14: ')' closes the '[' of character 12",
    "[1,48,0,1 (I]": "character 11: '(' is not closed",
    "[1,48,0,1 () I]": "the group is empty",
    "[1,48,0,1 " + "[" * 50 + "I" + "]" * 50 + "]": "nested more than",
    "[1,48,0,1 " + "(" * 100_000 + "I" + ")" * 100_000 + "]": "nested more than",
    "[1,48,0,1 " + "I " * 10_000 + "]": f"more than {MOST} layers",
}


@pytest.mark.parametrize("spec", WRONG)
def test_a_wrong_string_is_told_by_its_place(spec: str) -> None:
    with pytest.raises(ValueError) as caught:
        VGSL(GRAY, spec)
    assert WRONG[spec] in str(caught.value), str(caught.value)
    assert len(str(caught.value)) < 400


def test_every_form_takes_its_own_example() -> None:
    for form in FORMS.values():
        assert form.pattern.fullmatch(form.example)


def test_the_default_network_has_the_parameters_of_krakens() -> None:
    backbone, head = VGSL(GRAY), VGSLHead(VGSL(GRAY).out_spec, 7)
    assert sum(p.numel() for p in backbone.parameters()) == 3_992_864
    assert sum(p.numel() for p in head.parameters()) == 7 * 401
    assert backbone.out_spec.stride == (8, 8)
    assert backbone.layer_table()[11].split() == ["S1(1x0)1,3", "S_11", "(N,", "960,", "1,", "W/8)", "8", "x", "8", "px", "0"]


def test_initial_values_are_krakens() -> None:
    torch.manual_seed(0)
    backbone, head = VGSL(GRAY), VGSLHead(VGSL(GRAY).out_spec, 7)
    conv = dict(backbone.nn.named_modules())["C_0"].co
    assert conv.weight.abs().max() <= 0.1
    assert conv.weight.abs().max() > 0.09
    assert conv.bias.abs().max() > 0
    lstm = dict(backbone.nn.named_modules())["L_12"].layer
    product = lstm.weight_hh_l0.T @ lstm.weight_hh_l0
    assert torch.allclose(product, torch.eye(200), atol=1e-4)
    assert (lstm.bias_ih_l0[200:400] == 1).all()
    assert (head.lin.bias == 0).all()


@pytest.mark.parametrize("seed", range(30))
def test_a_line_gives_the_same_beside_longer_ones_as_alone(seed: int) -> None:
    torch.manual_seed(seed)
    backbone, head = built(random_spec(random.Random(seed)))
    model = OcrModel(None, backbone, None, head).eval()
    height, widths = backbone.spec.height, torch.tensor([120, 64, 97])
    images = torch.rand(3, 1, height, 120)
    with torch.no_grad():
        together = model(images, {"valid_width": widths})
        for row, width in enumerate(widths.tolist()):
            alone = model(images[row : row + 1, :, :, :width])["ctc"][0]
            assert int(together["lengths"][row]) == len(alone)
            assert torch.allclose(together["ctc"][row, : len(alone)], alone, atol=1e-5)


@pytest.mark.parametrize("seed", range(30, 40))
def test_all_columns_count_where_no_width_is_told(seed: int) -> None:
    torch.manual_seed(seed)
    backbone, head = built(random_spec(random.Random(seed)))
    model = OcrModel(None, backbone, None, head).eval()
    images = torch.rand(2, 1, backbone.spec.height, 80)
    with torch.no_grad():
        plain, told = model(images), model(images, {"valid_width": torch.tensor([80, 80])})
    assert "lengths" not in plain
    assert torch.allclose(plain["ctc"], told["ctc"], atol=1e-5)
    assert told["lengths"].tolist() == [plain["ctc"].shape[1]] * 2


@pytest.mark.parametrize("way", ["f", "r", "b"])
@pytest.mark.parametrize("gru", [False, True])
def test_recurrent_layers_answer_as_packed_sequences_do(way: str, gru: bool) -> None:
    torch.manual_seed(3)
    layer = Recurrent(5, 4, way, gru=gru)
    x, lengths = torch.rand(3, 5, 1, 9, requires_grad=True), torch.tensor([9, 4, 6])
    made = layer(x, lengths)[0]
    rows = x.squeeze(2).transpose(1, 2)
    if way == "r":
        alone = [layer.layer(rows[i : i + 1, :n].flip(1))[0].flip(1) for i, n in enumerate(lengths.tolist())]
        wanted = torch.cat([nn.functional.pad(one, (0, 0, 0, 9 - one.shape[1])) for one in alone])
    else:
        packed = nn.utils.rnn.pack_padded_sequence(rows, lengths, batch_first=True, enforce_sorted=False)
        wanted = nn.utils.rnn.pad_packed_sequence(layer.layer(packed)[0], batch_first=True)[0]
    assert torch.allclose(made.squeeze(2).transpose(1, 2), wanted, atol=1e-6)
    by_ours = torch.autograd.grad(made.square().sum(), [x, *layer.parameters()])
    for one, other in zip(by_ours, torch.autograd.grad(wanted.square().sum(), [x, *layer.parameters()]), strict=True):
        assert torch.allclose(one, other, atol=1e-5)


def test_the_string_is_told_with_names_and_reads_again() -> None:
    told = VGSL(GRAY, "[1,48,0,1 Cr3,3,8 ([Cr{mine}3,3,4 Do] I) Mp2,2 S1(1x0)1,3 Lbx4 O1c9]").told()
    assert told == ("[1,48,0,1 Cr{C_0}3,3,8 ([Cr{mine}3,3,4 Do{Do_2}] I{I_3}) Mp{Mp_4}2,2 S{S_5}1(1x0)1,3 Lbx{L_6}4]")
    assert VGSL(GRAY, told).told() == told


def test_a_network_is_cut_and_goes_on() -> None:
    spec = "[1,48,0,1 Cr3,3,8 Mp2,2 S1(1x0)1,3 Lbx16 Do O1c9]"
    old, new = VGSL(GRAY, spec), VGSL(GRAY, spec, append={"after": 3, "spec": "[Lbx6 Do0.2 O1c9]"})
    assert new.told() == "[1,48,0,1 Cr{C_0}3,3,8 Mp{Mp_1}2,2 S{S_2}1(1x0)1,3 Lbx{L_3}6 Do{Do_4}0.2]"
    assert old.out_spec.channels == 32
    assert new.out_spec.channels == 12
    for after in (0, 6, True, "2"):
        with pytest.raises(ValueError, match="layers 1 to 5"):
            VGSL(GRAY, spec, append={"after": after, "spec": "[Lbx6]"})
    with pytest.raises(ValueError, match="with both"):
        VGSL(GRAY, spec, append={"after": 2})
    with pytest.raises(ValueError, match="has a layer named C_0 already"):
        VGSL(GRAY, spec, append={"after": 2, "spec": "[S1(1x0)1,3 Lbx{C_0}5]"})


def test_lines_of_one_px_have_the_images_rows_for_channels() -> None:
    backbone, head = built("[1,1,0,48 Lbx16 O1c9]")
    made = head(backbone(torch.rand(2, 1, 48, 30))[0])
    assert made["ctc"].shape == (2, 30, 12)


def test_what_does_not_fit_is_said() -> None:
    with pytest.raises(ValueError, match="images of 1 channels, the recipe's have 3"):
        VGSL(FeatureSpec(3), DEFAULT)
    with pytest.raises(HeightMisfit, match="have 24 rows and must have one"):
        built("[1,48,0,1 Cr3,3,8 Mp2,2]")
    with pytest.raises(ValueError, match="spec ends with O2l"):
        built("[1,48,0,1 Cr3,3,8 O2l4]")
    backbone, _ = built("[1,48,0,1 S1(1x0)1,3 Lbx4]")
    with pytest.raises(ValueError, match="images of 48 px height, these have 32"):
        backbone(torch.rand(1, 1, 32, 40))
    with pytest.raises(ValueError, match="leave the Transform out"):
        OcrModel(nn.Identity(), *built("[1,48,0,1 S1(1x0)1,3 Lbx4]")[:1], None, built("[1,48,0,1 S1(1x0)1,3 Lbx4]")[1])


def test_an_output_before_the_end_is_a_linear_layer() -> None:
    backbone, head = built("[1,48,0,1 Cr3,3,8 S1(1x0)1,3 O1c16 O1ca36]")
    assert backbone.out_spec.channels == 16
    assert backbone.layer_table()[-1].split()[:2] == ["O1c16", "O_2"]
    assert head.lin.in_features == 17
    assert dict(backbone.named_parameters())["nn.O_2.lin.weight"].shape == (16, 48 * 8)


def test_strings_are_parsed_in_no_time() -> None:
    assert len(parse("[1,48,0,1 " + "Cr3,3,8 " * (MOST - 1) + "]").layers) == MOST - 1
