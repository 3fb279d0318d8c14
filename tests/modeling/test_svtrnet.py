"""SVTRNet: its windows, merging, sizes, what it refuses, what training reaches."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.backbones.svtr_blocks import LocalAttention, to_map, to_tokens, window_mask
from ppocr_like.modeling.backbones.svtrnet import SVTRNet

IMAGES = FeatureSpec(3)
MIXED = ("Local", "Conv", "Global")


def small(**arguments: Any) -> SVTRNet:
    torch.manual_seed(0)
    values: dict[str, Any] = {
        "img_size": [16, 40],
        "embed_dim": [8, 16, 24],
        "depth": [1, 1, 1],
        "num_heads": [2, 2, 2],
        "mixer": MIXED,
        "local_mixer": [[3, 5], [3, 5], [1, 3]],
        "out_channels": 12,
        "out_char_num": 10,
    }
    return SVTRNet(IMAGES, **{**values, **arguments})


def test_a_token_sees_its_window() -> None:
    seen = window_mask((3, 5), (3, 3)).reshape(3, 5, 3, 5)
    assert seen[0, 0].nonzero().tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert int(seen[1, 2].sum()) == 9
    even = window_mask((1, 6), (1, 4))  # two before, one behind, as in PaddleOCR
    assert even[3].nonzero().flatten().tolist() == [1, 2, 3, 4]


def test_local_attention_equals_attention_over_the_seen_tokens_alone() -> None:
    torch.manual_seed(0)
    mixer = LocalAttention(8, 2, True, None, 0.0, 0.0, (3, 6), (3, 3)).double().eval()
    x = torch.randn(1, 18, 8, dtype=torch.float64)
    seen = window_mask((3, 6), (3, 3))
    q, k, v = mixer.qkv(x).reshape(18, 3, 2, 4).unbind(1)
    expected = []
    for token in range(18):
        near = seen[token]
        heads = []
        for head in range(2):
            weights = (k[near, head] @ q[token, head] / 2).softmax(0)
            heads.append(weights @ v[near, head])
        expected.append(mixer.proj(torch.cat(heads)))
    torch.testing.assert_close(mixer(x)[0], torch.stack(expected))


def test_tokens_lie_row_by_row() -> None:
    maps = torch.arange(6.0).reshape(1, 1, 2, 3)
    tokens = to_tokens(maps)
    assert tokens.flatten().tolist() == [0, 1, 2, 3, 4, 5]
    assert torch.equal(to_map(tokens, (2, 3)), maps)


@pytest.mark.parametrize(
    ("arguments", "shape", "stride"),
    [
        ({}, (12, 1, 10), (16, 4)),
        ({"out_char_num": 7}, (12, 1, 7), (16, 6)),
        ({"last_stage": False}, (24, 1, 10), (16, 4)),
        ({"last_stage": False, "img_size": [48, 40], "prenorm": False}, (24, 3, 10), (16, 4)),
        ({"patch_merging": None, "embed_dim": [8, 8, 8], "last_stage": False}, (8, 4, 10), (4, 4)),
        ({"patch_merging": "Pool"}, (12, 1, 10), (16, 4)),
        ({"sub_num": 3, "img_size": [32, 40], "out_char_num": 5}, (12, 1, 5), (32, 8)),
    ],
)
def test_sizes(arguments: dict[str, Any], shape: tuple[int, int, int], stride: tuple[int, int]) -> None:
    network = small(**arguments).eval()
    with torch.inference_mode():
        assert tuple(network(torch.randn(2, 3, *network.img_size)).shape) == (2, *shape)
    assert (network.out_spec.channels, network.out_spec.stride) == (shape[0], stride)


@pytest.mark.parametrize("prenorm", [True, False])
def test_training_reaches_every_parameter(prenorm: bool) -> None:
    network = small(prenorm=prenorm, patch_merging="Pool" if prenorm else "Conv", drop_path_rate=0.0).train()
    found = network(torch.randn(4, 3, 16, 40))
    (found * torch.randn_like(found)).sum().backward()
    assert all(p.grad is not None for p in network.parameters())
    without = [name for name, p in network.named_parameters() if not bool((p.grad.abs() > 1e-9).any())]
    assert without == []
    assert (network.norm is None) == prenorm


def test_the_last_dropout_scales_in_evaluation() -> None:
    network = small(last_drop=0.5, drop_path_rate=0.0, prenorm=False).eval()
    images = torch.randn(3, 3, 16, 40)
    with torch.inference_mode():
        found = network(images)
        network.last_drop = 0.0
        torch.testing.assert_close(found * 2, network(images))
    network.last_drop = 0.5
    zeros = float((network.train()(images) == 0).float().mean())
    assert 0.4 < zeros < 0.6


def test_columns_are_pooled_as_an_adaptive_pool_does() -> None:
    network = small(out_char_num=7, last_drop=0.0).eval()
    with torch.inference_mode():
        images = torch.randn(1, 3, 16, 40)
        pooled = torch.nn.functional.adaptive_avg_pool2d(network.features(images), (1, 7))
        torch.testing.assert_close(network(images), torch.nn.functional.hardswish(network.last_conv(pooled)))


def test_another_size_is_told() -> None:
    with pytest.raises(ValueError, match=r"made for images of 16 x 40 px \(img_size\), but got 16 x 44"):
        small()(torch.randn(1, 3, 16, 44))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"img_size": [16, 42]}, r"img_size must be a multiple of \[16, 4\]"),
        ({"img_size": [24, 40]}, r"img_size must be a multiple of \[16, 4\]"),
        ({"mixer": ("Local", "Conv")}, "one mixer for each of the 3 blocks"),
        ({"mixer": ("Local", "Conv", "global")}, "mixer must be one of Local, Global, Conv, got 'global'"),
        ({"depth": [1, 2]}, "depth takes one entry for each"),
        ({"num_heads": [3, 2, 2]}, "must be a multiple of its stage's num_heads 3"),
        ({"patch_merging": "Max"}, "patch_merging must be one of Conv, Pool, None"),
        ({"patch_merging": None}, "cannot change the channels"),
        ({"local_mixer": [[3, 5], [2, 5], [1, 3]]}, "odd numbers"),
        ({"out_char_num": 11}, "out_char_num must be from 1 to the 10"),
        ({"use_lenhead": True}, "use_lenhead"),
        ({"norm_layer": "nn.BatchNorm1D"}, "norm_layer must be one of nn.LayerNorm"),
        ({"sub_num": 4}, "sub_num must be one of 2, 3"),
        ({"act": "nn.Tanh"}, "act must be one of nn.GELU"),
        ({"drop_path_rate": 1.0}, "drop_path_rate must be at least 0 and below 1"),
    ],
)
def test_what_makes_no_network_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**arguments)
