"""The ONNX file, and RapidOCR's traps with dictionaries."""

import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from ppocr_like.charset import Charset
from ppocr_like.codec import Codec
from ppocr_like.errors import ExportError
from ppocr_like.export.graph import OPSET, write_graph
from ppocr_like.export.lines import character_metadata, line_layout

BREAKS = ["\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\n", "\r"]


def rapidocr_labels(metadata: str) -> list[str]:
    """What RapidOCR makes of the metadata: a space appended, the blank put first."""
    return ["blank", *metadata.splitlines(), " "]


@pytest.mark.parametrize("bad", BREAKS)
@pytest.mark.parametrize("entry", ["{}", "a{}b", "a{}", "{}b"])
def test_entries_that_would_be_cut_are_refused_by_name(bad, entry):
    with pytest.raises(ExportError, match=rf"entry 2 of the dictionary.*U\+{ord(bad):04X}"):
        character_metadata(Charset(["a", entry.format(bad), "c"]))


def test_a_codec_goes_along_where_it_is_a_list_of_texts():
    assert character_metadata(Codec({"a": [1], "ch": [2]})) == "a\nch"
    with pytest.raises(ExportError, match=r"'ch' \(U\+0063 U\+0068\) with the classes \[1, 2\].*know no codec"):
        character_metadata(Codec({"ch": [1, 2]}))
    with pytest.raises(ExportError, match="classes of no entry"):
        character_metadata(Codec({"a": [2]}))


def test_empty_entries():
    assert rapidocr_labels(character_metadata(Charset(["a", "", "c"])))[:4] == ["blank", "a", "", "c"]
    with pytest.raises(ExportError, match="last entry of the dictionary is empty"):
        character_metadata(Charset(["a", "b", ""]))


@pytest.mark.parametrize(
    "entries",
    [
        ["\u3000", "一", "ch", "ﷺ"],  # ppocrv5_dict begins with an ideographic space
        ["a", "b", " "],  # en_dict ends with a space
        [" ", "!", "a"],  # latin_dict begins with one
        ["a", "b", "a", "c", "b"],  # several language dictionaries hold duplicates
        ["\u00a0", "\u200b", "\t", "e\u0301"],
    ],
)
@pytest.mark.parametrize("space", [True, False])
def test_every_class_means_the_same_in_rapidocr(entries, space):
    charset = Charset(entries, space)
    labels = rapidocr_labels(character_metadata(charset))
    assert tuple(labels[: charset.num_classes]) == charset.labels
    assert len(labels) - charset.num_classes == (0 if space else 1)


def test_blank_and_appended_space_do_not_stand_in_the_metadata():
    assert character_metadata(Charset("ab", use_space_char=True)) == "a\nb"


class Net(nn.Module):
    """(N, 3, 8, W) -> logits in training, probabilities in evaluation."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, classes, 8, padding=(0, 3), stride=(8, 4))

    def forward(self, images, targets=None):
        x = self.conv(images).squeeze(2).permute(0, 2, 1)
        return {"ctc": x if self.training else x.softmax(2)}


def test_one_input_one_output_free_batch_and_width(tmp_path):
    charset = Charset("abc", use_space_char=True)
    net = Net(charset.num_classes).train()
    write_graph(net, tmp_path / "m.onnx", line_layout(charset, 3, 8), {"character": character_metadata(charset)})
    assert net.training, "the model is left in the mode it was in"
    proto = onnx.load(tmp_path / "m.onnx")
    assert proto.opset_import[0].version == OPSET >= 14
    session = onnxruntime.InferenceSession(str(tmp_path / "m.onnx"))
    (given,), (result,) = session.get_inputs(), session.get_outputs()
    assert (given.name, given.type, given.shape) == ("x", "tensor(float)", ["batch", 3, 8, "width"])
    assert (result.name, result.shape) == ("ctc", ["batch", "steps", 5])
    assert session.get_modelmeta().custom_metadata_map["character"] == "a\nb\nc"
    net.eval()
    for n, width in ((1, 320), (6, 437), (6, 1280)):
        images = torch.randn(n, 3, 8, width)
        out = session.run(None, {"x": images.numpy()})[0]
        assert abs(out - net(images)["ctc"].detach().numpy()).max() < 1e-6
        assert abs(out.sum(2) - 1).max() < 1e-5


def test_a_network_of_other_classes_is_refused(tmp_path):
    with pytest.raises(ExportError, match="7 classes, the character set has 4"):
        write_graph(Net(7), tmp_path / "m.onnx", line_layout(Charset("abc"), 3, 8), {})
