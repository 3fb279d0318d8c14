"""MultiHead, its guides, and the guides used alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.embedding import lookup
from ppocr_like.modeling.heads.ctc_head import CTCHead
from ppocr_like.modeling.heads.multi_head import CTCBranch, MultiHead, NRTRBranch
from ppocr_like.modeling.heads.nrtr_head import Transformer
from ppocr_like.modeling.heads.sar_head import SARHead, valid_columns
from ppocr_like.modeling.necks.sequence_encoder import SequenceEncoder

SPEC = FeatureSpec(16, (32, 8), height=1)
CTC, SAR, NRTR = 12, 14, 15  # classes of a dictionary of eleven characters


@pytest.fixture(autouse=True)
def _seed() -> None:
    torch.manual_seed(0)


def sar(**more: object) -> SARHead:
    return SARHead(SPEC, SAR, **{"enc_dim": 10, "d_k": 6, "max_text_length": 7, **more})  # type: ignore[arg-type]


def nrtr(spec: FeatureSpec = SPEC, **more: object) -> Transformer:
    small = {"d_model": 16, "nhead": 2, "num_encoder_layers": 0, "num_decoder_layers": 2, "max_len": 8, "dim_feedforward": 24}
    return Transformer(spec, NRTR, **{**small, **more})  # type: ignore[arg-type]


def branch(encoder: str = "svtr", **more: object) -> CTCBranch:
    neck = SequenceEncoder(SPEC, encoder, **({"dims": 8, "hidden_dims": 16, **more} if encoder == "svtr" else {}))  # type: ignore[arg-type]
    return CTCBranch(neck, CTCHead(neck.out_spec, CTC))


GUIDES: dict[str, Callable[[], SARHead | NRTRBranch]] = {"sar": sar, "gtc": lambda: NRTRBranch(SPEC, NRTR, 32, 9, 1)}
TARGETS = {
    "sar": {"label_sar": torch.tensor([[12, 0, 1, 2, 12, 13], [12, 4, 12, 13, 13, 13]]), "valid_ratio": torch.tensor([1.0, 0.4])},
    "gtc": {"label_gtc": torch.tensor([[2, 4, 5, 6, 3, 0, 0], [2, 7, 3, 0, 0, 0, 0]]), "length": torch.tensor([3, 1])},
}


@pytest.mark.parametrize("kind", GUIDES)
def test_training_gives_both_branches_and_evaluation_the_ctc_branch_alone(kind: str) -> None:
    head = MultiHead(SPEC, [branch(), GUIDES[kind]()])
    features = torch.randn(2, 16, 1, 10)
    outputs = head(features, TARGETS[kind])
    assert set(outputs) == {"ctc", "ctc_neck", kind}
    assert outputs["ctc"].shape == (2, 10, CTC) and outputs["ctc_neck"].shape == (2, 10, 8)
    assert outputs[kind].shape == ((2, 6, SAR - 1) if kind == "sar" else (2, 4, NRTR + 1))
    assert {name.partition("|")[0] for name in head.needs} == set(TARGETS[kind])

    def refuse(*_: object) -> None:
        raise AssertionError("the guide runs in evaluation")

    for part in ("sar_head", "gtc_head", "before_gtc"):
        if hasattr(head, part):
            getattr(head, part).register_forward_pre_hook(refuse)
    outputs = head.eval()(features)
    assert set(outputs) == {"ctc"}
    assert torch.allclose(outputs["ctc"].sum(2), torch.ones(2, 10), atol=1e-5)


def test_sar_takes_its_label_from_either_entry() -> None:
    head = MultiHead(SPEC, [branch(), sar(pred_dropout=0.0, enc_drop_rnn=0.0)])
    given = TARGETS["sar"]
    other = {"label_gtc": given["label_sar"], "valid_ratio": given["valid_ratio"]}
    features = torch.randn(2, 16, 1, 10)
    assert torch.equal(head(features, given)["sar"], head(features, other)["sar"])


@pytest.mark.parametrize("use_guide", [False, True])
@pytest.mark.parametrize("kind", GUIDES)
def test_with_use_guide_the_backbone_learns_from_the_guide_alone(kind: str, use_guide: bool) -> None:
    head = MultiHead(SPEC, [branch(use_guide=use_guide), GUIDES[kind]()])
    features = torch.randn(2, 16, 1, 10, requires_grad=True)
    outputs = head(features, TARGETS[kind])
    reached = torch.autograd.grad(outputs["ctc"].square().sum(), features, retain_graph=True, allow_unused=True)[0]
    assert (reached is None) == use_guide
    assert torch.autograd.grad(outputs[kind].square().sum(), features)[0].abs().sum() > 0


def test_class_parameters_name_each_layout() -> None:
    for kind, rows in (("sar", {"sar": SAR, "sar_out": SAR - 1}), ("gtc", {"nrtr": NRTR + 1})):
        head = MultiHead(SPEC, [branch(), GUIDES[kind]()])
        state = head.state_dict()
        found = {}
        for path, module in head.named_modules():
            if hasattr(module, "own_class_parameters"):
                for name, encoder in module.own_class_parameters().items():
                    found.setdefault(encoder, set()).add(state[f"{path}.{name}"].shape[0])
        assert found == {"ctc": {CTC}, **{encoder: {n} for encoder, n in rows.items()}}


def test_pool_joins_three_rows_and_two_columns_of_a_map_or_a_sequence() -> None:
    head = MultiHead(SPEC, [branch("reshape"), NRTRBranch(SPEC, NRTR, 32, 9, 1)], use_pool=True, use_pos=True).eval()
    features = torch.randn(2, 16, 3, 20)
    assert head(features)["ctc"].shape == (2, 10, CTC)
    assert torch.equal(head(features)["ctc"], head(features.flatten(2).transpose(1, 2))["ctc"])
    assert head.out_spec.stride == (96, 16)
    assert head.before_gtc[2].dec_pos_embed.shape == (1, 80, 32)
    with pytest.raises(ValueError, match="80 positions, the features have 81 columns"):
        head.before_gtc(torch.randn(1, 16, 1, 81))


@pytest.mark.parametrize(
    ("heads", "more", "message"),
    [
        (lambda: [branch()], {}, "got 1 CTCHead and 0 guides"),
        (lambda: [sar()], {}, "got 0 CTCHead and 1 guides"),
        (lambda: [branch(), sar(), NRTRBranch(SPEC, NRTR)], {}, "got 1 CTCHead and 2 guides"),
        (lambda: [branch(), sar()], {"use_pos": True}, "use_pos belongs to the guide NRTRHead"),
        (lambda: [NRTRBranch(SPEC, NRTR, 40)], {}, "nrtr_dim must be a multiple of 32, got 40"),
        (lambda: [sar(pred_dropout=1.0)], {}, r"pred_dropout must be in \[0, 1\)"),
        (lambda: [nrtr(FeatureSpec(9))], {}, "d_model is 16, but what comes before gives 9 channels"),
    ],
)
def test_bad_arguments(heads: Callable[[], list], more: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MultiHead(SPEC, heads(), **more)


def test_columns_behind_the_image_are_not_looked_at() -> None:
    assert valid_columns(torch.tensor([0.0, 0.31, 0.7, 1.0, 1.2], dtype=torch.float64), 10).tolist() == [1, 4, 7, 10, 10]
    head = sar(pred_dropout=0.0, enc_drop_rnn=0.0)
    features = torch.randn(2, 16, 1, 10)
    before = head(features, {"label": TARGETS["sar"]["label_sar"], "valid_ratio": torch.tensor([1.0, 0.4])})["sar"]
    changed = features.clone()
    changed[1, :, :, 5:] += 3.0  # the fourth column is the last; the 3 x 3 key convolution sees the fifth
    after = head(changed, {"label": TARGETS["sar"]["label_sar"], "valid_ratio": torch.tensor([1.0, 0.4])})["sar"]
    assert torch.equal(before, after)
    assert not torch.equal(before, head(changed, {"label": TARGETS["sar"]["label_sar"], "valid_ratio": torch.ones(2)})["sar"])


@pytest.mark.parametrize("more", [{}, {"dec_gru": True, "enc_gru": True, "enc_bi_rnn": True}, {"pred_concat": False}])
def test_sar_reads_what_it_would_score_highest_under_a_teacher(more: dict) -> None:
    head = sar(**more).eval()
    features = torch.randn(3, 16, 1, 10) * 3
    read = head(features)["sar"]
    assert read.shape == (3, 7, SAR - 1)
    label = torch.cat((torch.full((3, 1), SAR - 2), read.argmax(2)), dim=1)[:, :7]
    line = head.encoder(features, None)
    assert torch.allclose(head.decoder(features, line, label, None).softmax(2), read, atol=1e-5)


def test_sar_with_a_decoder_of_both_ways_reads() -> None:
    assert sar(dec_bi_rnn=True).eval()(torch.randn(2, 16, 2, 9))["sar"].shape == (2, 7, SAR - 1)


@pytest.mark.parametrize("encoders", [0, 2])
def test_nrtr_reads_what_it_would_score_highest_under_a_teacher(encoders: int) -> None:
    head = nrtr(num_encoder_layers=encoders).eval()
    features = torch.randn(4, 16, 1, 10) * 3
    outputs = head(features)
    ids, probabilities = outputs["nrtr_ids"], outputs["nrtr_probs"]
    assert ids.shape == probabilities.shape and 1 <= ids.shape[1] <= 7
    memory = features.flatten(2).transpose(1, 2)
    for block in head.encoder or ():
        memory = block(head.positional_encoding(memory) if block is head.encoder[0] else memory)
    tokens = torch.cat((torch.full((4, 1), 2), ids[:, :-1]), dim=1)
    best = head._teacher_forced(memory, tokens).softmax(2).max(2)
    ended = (tokens[:, 1:] == 3).cumsum(1) > 0
    open_ = torch.cat((torch.ones(4, 1, dtype=torch.bool), ~ended), dim=1)
    assert torch.equal(best.indices[open_], ids[open_])
    assert torch.allclose(best.values[open_], probabilities[open_], atol=1e-5)


def test_a_beam_of_all_finds_the_most_probable_text() -> None:
    """Against every text of up to two characters."""
    torch.manual_seed(3)
    head = nrtr(max_len=3, beam_size=(NRTR + 1) ** 2, num_decoder_layers=1).eval()
    features = torch.randn(3, 16, 1, 6) * 4
    outputs = head(features)
    memory = features.flatten(2).transpose(1, 2)
    classes = torch.arange(NRTR + 1)
    for sample in range(3):
        tokens = torch.stack((torch.full_like(classes, 2), classes), dim=1)
        scores = head._teacher_forced(memory[sample : sample + 1].expand(len(classes), -1, -1), tokens).log_softmax(2)
        whole = scores[0, 0][:, None] + scores[:, 1]
        whole[3] = scores[0, 0, 3]  # nothing follows the end
        found = outputs["nrtr_probs"][sample].log().sum()
        assert torch.allclose(found, whole.max(), atol=1e-4)


def test_training_stops_at_the_longest_text_of_the_batch() -> None:
    head = nrtr()
    label, length = torch.zeros(2, 9, dtype=torch.long), torch.tensor([2, 5])
    assert head(torch.randn(2, 6, 16), {"label": label, "length": length})["nrtr"].shape == (2, 6, NRTR + 1)


def test_nobody_looks_ahead() -> None:
    head = nrtr(residual_dropout_rate=0.0)
    label, features = torch.randint(4, NRTR, (1, 8)), torch.randn(1, 6, 16)
    other = label.clone()
    other[0, 5] = 4 + (other[0, 5] - 3) % 11
    first, second = (head(features, {"label": x, "length": torch.tensor([6])})["nrtr"] for x in (label, other))
    assert torch.allclose(first[:, :5], second[:, :5]) and not torch.allclose(first[:, 5:], second[:, 5:])


def test_padding_has_no_embedding_whatever_its_row_holds() -> None:
    table = nn.Embedding(4, 3, padding_idx=3)
    nn.init.ones_(table.weight)
    assert lookup(table, torch.tensor([0, 3])).tolist() == [[1.0, 1.0, 1.0], [0.0, 0.0, 0.0]]
