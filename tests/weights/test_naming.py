"""One network under other names: a MultiHead with and without its guide, ocrs-models' state dicts; what a report then counts."""

from __future__ import annotations

import copy
import itertools
import os
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ppocr_like.charset import Charset
from ppocr_like.components import load_components
from ppocr_like.config import Builder, Recipe, load_recipe
from ppocr_like.errors import WeightsError
from ppocr_like.weights import load_into, load_weights, same_charset, save_weights
from ppocr_like.weights.convert import convert
from ppocr_like.weights.paddle_write import paddle_state, write_paddle
from tests.marks import first

load_components()
ROOT = Path(__file__).parents[2]
CASES = os.environ.get("PPOCR_LIKE_CASES")
CHARSET = Charset("abcdef", use_space_char=True)


def with_multi_head(folder: Path) -> dict[str, Path]:
    """Recipes of one network with a MultiHead, one of each architecture."""
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*.yml")):
        recipe = load_recipe(path)
        head = recipe.get("Architecture.Head")
        if isinstance(head, dict) and head.get("name") == "MultiHead":
            found.setdefault(repr(recipe.tree["Architecture"]), path)
    return {str(path.relative_to(folder)): path for path in found.values()}


def build(architecture: dict[str, Any], seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return Builder(Recipe.from_tree({"Global": {"epoch_num": 1}, "Architecture": architecture}), CHARSET).model()


def without_guide(architecture: dict[str, Any]) -> dict[str, Any]:
    """What the guide for fine-tuning tells to write: the CTC branch's Neck and Head in the MultiHead's place."""
    plain = copy.deepcopy(architecture)
    branch = next(one["CTCHead"] for one in plain["Head"]["head_list"] if "CTCHead" in one)
    neck = dict(branch["Neck"])
    encoder = neck.pop("name")
    plain["Neck"] = {"name": "SequenceEncoder", "encoder_type": encoder, **neck}
    plain["Head"] = {"name": "CTCHead", **(branch.get("Head") or {})}
    return plain


def counted(model: nn.Module) -> list[str]:
    return [name for name in model.state_dict() if not name.endswith("num_batches_tracked")]


def check_both_ways(path: Path, folder: Path) -> None:
    architecture = load_recipe(path).tree["Architecture"]
    guided, plain = build(architecture), build(without_guide(architecture), seed=1)
    write_paddle(folder / "guided.pdparams", paddle_state(guided.state_dict(), guided))
    report = load_into(plain, load_weights(folder / "guided.pdparams"), same_charset(CHARSET, assumed=True), 1.0)
    assert len(report.matched) == len(counted(plain)) and report.share == 1.0
    assert report.unexpected and report.guide == len(report.unexpected)
    assert "head.ctc_head" in report.summary() and "of a guide that this network does not have" in report.summary()
    ours = plain.state_dict()
    for name, value in guided.state_dict().items():
        plainly = name.replace("head.ctc_encoder.", "neck.").replace("head.ctc_head.", "head.")
        assert not name.startswith(("backbone.", "head.ctc_")) or torch.equal(ours[plainly], value), name
    save_weights(folder / "plain.safetensors", ours, {"charset": CHARSET})
    back = build(architecture, seed=2)
    report = load_into(back, load_weights(folder / "plain.safetensors"), same_charset(CHARSET), 0.5)
    assert len(report.matched) == len(counted(plain)) and not report.unexpected and not report.mismatched
    assert all(name.startswith(back.training_only()) for name, _ in report.missing)
    again = build(architecture, seed=2)
    whole = load_into(again, load_weights(folder / "plain.safetensors"), same_charset(CHARSET), 1.0, as_is=True)
    assert whole.share == 1.0 and whole.unused  # for evaluation and export nothing is missing


@pytest.mark.parametrize("name", first(with_multi_head(ROOT / "configs" / "rec"), 3))
def test_a_guide_is_taken_off_and_put_back(name: str, tmp_path: Path) -> None:
    check_both_ways(ROOT / "configs" / "rec" / name, tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not CASES, reason="PPOCR_LIKE_CASES names no folder with paddleocr/configs")
def test_a_guide_is_taken_off_and_put_back_in_all_of_paddleocrs_recipes(tmp_path: Path) -> None:
    found = with_multi_head(Path(str(CASES)) / "paddleocr" / "configs" / "rec")
    assert len(found) > 8
    for path in found.values():
        check_both_ways(path, tmp_path)


def test_the_names_of_the_file_stand_in_the_table_of_a_conversion(tmp_path: Path) -> None:
    path = next(iter(with_multi_head(ROOT / "configs" / "rec").values()))
    architecture = load_recipe(path).tree["Architecture"]
    save_weights(tmp_path / "g.safetensors", build(architecture).state_dict(), {"charset": CHARSET})
    plain = Recipe.from_tree({"Global": {"epoch_num": 1}, "Architecture": without_guide(architecture)})
    done = convert(tmp_path / "g.safetensors", tmp_path / "p.safetensors", plain)
    rows = {row.name: row.source for row in done.rows}
    assert rows["head.fc.bias"] == "head.ctc_head.fc.bias"


class Sep(nn.Module):
    """A separable convolution as ocrs-models names it: everything under `seq`."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        depthwise = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
        self.seq = nn.Sequential(depthwise, nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.seq(x)


class Two(nn.Module):
    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.seq = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.seq(x)


class Up(nn.Module):
    def __init__(self, coarse: int, fine: int) -> None:
        super().__init__()
        self.up = nn.ConvTranspose2d(coarse, fine, 3, stride=2)
        self.contract = Two(Sep(2 * fine, fine), Sep(fine, fine))

    def forward(self, coarse: torch.Tensor, fine: torch.Tensor) -> torch.Tensor:
        return self.contract(torch.cat((self.up(coarse)[:, :, : fine.shape[2], : fine.shape[3]], fine), 1))


class OcrsDetector(nn.Module):
    """A U-Net with the names of ocrs-models."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        super().__init__()
        pairs = list(itertools.pairwise(widths))
        self.in_conv = Two(Sep(1, widths[0]), Sep(widths[0], widths[0]))
        self.down = nn.ModuleList(Two(Two(Sep(a, b), Sep(b, b)), nn.MaxPool2d(2)) for a, b in pairs)
        self.up = nn.ModuleList(Up(b, a) for a, b in pairs)
        self.out_conv = nn.Sequential(nn.Conv2d(widths[0], 1, 1), nn.Sigmoid())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = [self.in_conv(x)]
        for down in self.down:
            maps.append(down(maps[-1]))
        x = maps.pop()
        for up in reversed(self.up):
            x = up(x, maps.pop())
        return self.out_conv(x)


class OcrsRecogniser(nn.Module):
    """The recogniser's tail with ocrs-models' names around the convolutions, whose names are ours."""

    def __init__(self, conv: nn.Module, classes: int) -> None:
        super().__init__()
        self.conv, self.gru = conv, nn.GRU(128, 256, bidirectional=True, num_layers=2)
        self.output = nn.Sequential(nn.Linear(512, classes), nn.LogSoftmax(dim=2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x).permute(3, 0, 1, 2)
        return self.output(self.gru(x.flatten(2))[0])


def stirred(model: nn.Module) -> nn.Module:
    """Running statistics that are not those of a new network."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 2)
    return model.eval()


def ocrs_recipe(name: str, **changes: Any) -> Recipe:
    tree = copy.deepcopy(load_recipe(ROOT / "configs" / name).tree)
    tree["Architecture"].update(changes)
    return Recipe.from_tree(tree)


def test_a_detector_of_ocrs_answers_as_it_does_there(tmp_path: Path) -> None:
    torch.manual_seed(0)
    source = stirred(OcrsDetector((8, 16, 32, 32, 64, 128, 256)))
    torch.save({"epoch": 3, "model_state": source.state_dict(), "optimizer_state": {"state": {}}}, tmp_path / "det.pt")
    model = Builder(ocrs_recipe("det/unet.yml")).model()
    report = load_into(model, load_weights(tmp_path / "det.pt"), None, 1.0)
    assert report.share == 1.0 and not report.unexpected and "ocrs-models" in report.summary()
    images = torch.rand(1, 1, 192, 128) - 0.5
    with torch.no_grad():
        assert torch.allclose(model.eval()(images)["maps"], source(images), atol=1e-6)


def recogniser_file(folder: Path, classes: int) -> tuple[nn.Module, Path]:
    torch.manual_seed(0)
    recipe = ocrs_recipe("rec/crnn_gru_ocrs.yml")
    conv = Builder(recipe, Charset("ab")).model().backbone.conv
    source = stirred(OcrsRecogniser(conv, classes))
    torch.save({"epoch": 3, "model_state": source.state_dict(), "optimizer_state": {"state": {}}}, folder / "rec.pt")
    return source, folder / "rec.pt"


def test_a_recogniser_of_ocrs_answers_as_it_does_there(tmp_path: Path) -> None:
    builder = Builder(ocrs_recipe("rec/crnn_gru_ocrs.yml"))
    charset = builder.charset
    assert charset is not None and charset.num_classes == 97 and charset.labels[1] == " "
    source, path = recogniser_file(tmp_path, 97)
    weights = load_weights(path)
    assert "optimizer_state" not in weights.metadata
    model = builder.model()
    report = load_into(model, weights, same_charset(charset, assumed=True), 1.0)
    assert report.share == 1.0 and not report.unexpected and "ocrs-models" in report.summary()
    images = torch.rand(2, 1, 64, 256) - 0.5
    with torch.no_grad():
        assert torch.allclose(model.eval()(images)["ctc"], source(images).exp().transpose(0, 1), atol=1e-6)


def test_what_file_and_network_leave_over_is_counted_on_both_sides(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Another neck: only the convolutions fit, which is no whole model."""
    _, path = recogniser_file(tmp_path, 97)
    recipe = ocrs_recipe("rec/crnn_gru_ocrs.yml", Neck={"name": "SequenceEncoder", "encoder_type": "rnn", "hidden_size": 256})
    builder = Builder(recipe)
    report = load_into(builder.model(), load_weights(path), same_charset(builder.charset, assumed=True), 0.5)
    assert len(report.matched) == 26 and len(report.unexpected) == 18 and report.beyond == 18
    said = report.summary()
    assert "26 matched (100.0% of the backbone, 59.1% of the model's 44)" in said and "18 unexpected of the file's 44" in said
    assert "the other 18 of the network start from random weights" in said
    assert "crnn_gru_ocrs.yml" in caplog.text
    with pytest.raises(WeightsError, match=r"ocrs-models' recogniser; .*crnn_gru_ocrs\.yml"):
        load_into(builder.model(), load_weights(path), same_charset(builder.charset, assumed=True), 1.0)


def test_a_whole_network_of_unknown_names_is_no_backbone_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    _, path = recogniser_file(tmp_path, 97)
    state = {name.replace("gru.", "recurrent.").replace("output.0.", "last."): v for name, v in load_weights(path).state.items()}
    torch.save(state, tmp_path / "bare.pt")
    builder = Builder(ocrs_recipe("rec/crnn_gru_ocrs.yml"))
    report = load_into(builder.model(), load_weights(tmp_path / "bare.pt"), same_charset(builder.charset, assumed=True), 0.5)
    assert report.beyond == 18 and "59.1% of the model's 44" in report.summary()
    assert "18 of its tensors find no place" in caplog.text and "a whole network of another program" in caplog.text
