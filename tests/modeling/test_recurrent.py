"""Recurrent layers under autocast: a few sequences in float32 on a CPU, many in bfloat16."""

import pytest
import torch
from torch import nn

from ppocr_like.modeling.necks.sequence_encoder import BidirectionalLSTM, EncoderWithRNN
from ppocr_like.modeling.recurrent import FEW, has_lstm
from ppocr_like.modeling.vgsl.recurrent import Recurrent

LAYERS = {
    "rnn": (lambda: EncoderWithRNN(8, 6), lambda layer, x: layer(x)),
    "cascade": (lambda: BidirectionalLSTM(8, 6, 6, with_linear=False), lambda layer, x: layer(x)),
    "vgsl": (lambda: Recurrent(8, 6), lambda layer, x: layer(x.transpose(1, 2)[:, :, None])[0]),
}


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("few", [True, False])
def test_a_few_sequences_compute_in_float32(name: str, few: bool) -> None:
    torch.manual_seed(0)
    make, answer = LAYERS[name]
    layer: nn.Module = make()
    x = torch.rand(FEW - 1 if few else FEW, 12, 8)
    with torch.autocast("cpu", torch.bfloat16):
        low = answer(layer, x)
        from_low = answer(layer, x.bfloat16())
    high = answer(layer, x)
    whole = few or not has_lstm(torch.bfloat16)  # which processors without AVX-512 have not
    assert low.dtype == from_low.dtype == (torch.float32 if whole else torch.bfloat16)
    assert torch.equal(low.float(), high) == whole
    low.float().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.isfinite().all() for parameter in layer.parameters())


def test_asking_draws_no_random_numbers() -> None:
    has_lstm.cache_clear()
    torch.manual_seed(3)
    before = torch.get_rng_state()
    has_lstm(torch.bfloat16)
    assert torch.equal(torch.get_rng_state(), before)
