"""SVTRv2: sizes at any width, what training reaches, the order of its blocks, what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.backbones.svtrv2 import SVTRv2
from ppocr_like.modeling.necks.sequence_encoder import SequenceEncoder


def small(**arguments: Any) -> SVTRv2:
    torch.manual_seed(0)
    values: dict[str, Any] = {
        "dims": [8, 12, 16],
        "depths": [1, 2, 1],
        "num_heads": [2, 3, 2],
        "mixer": [["Conv"], ["Conv", "Global"], ["Global"]],
        "sub_k": [[2, 1], [2, 1], [-1, -1]],
    }
    return SVTRv2(FeatureSpec(3), **{**values, **arguments})


@pytest.mark.parametrize(
    ("arguments", "shape", "spec"),
    [
        ({}, (16, 3, 25), FeatureSpec(16, (16, 4))),
        ({"use_pool": True}, (16, 1, 12), FeatureSpec(16, (16, 8), height=1)),
        ({"last_stage": True, "out_channels": 6}, (6, 1, 25), FeatureSpec(6, (16, 4), height=1)),
        ({"last_stage": True, "out_channels": 6, "use_pool": True}, (6, 1, 12), FeatureSpec(6, (16, 8), height=1)),
        ({"sub_k": [[1, 1], [2, 2]], "use_pos_embed": True, "max_sz": [48, 104]}, (16, 6, 13), FeatureSpec(16, (8, 8))),
    ],
)
def test_sizes(arguments: dict[str, Any], shape: tuple[int, int, int], spec: FeatureSpec) -> None:
    network = small(**arguments).eval()
    with torch.inference_mode():
        found = network(torch.randn(2, 3, 48, 99))  # a width that is no multiple of the patches
    assert tuple(found.shape) == (2, *shape)
    assert network.out_spec == spec
    if spec.height == 1:
        SequenceEncoder(network.out_spec, "reshape")(found)


def test_training_reaches_every_parameter() -> None:
    network = small(use_pos_embed=True, last_stage=True, drop_path_rate=0.0).train()
    found = network(torch.randn(4, 3, 32, 40))
    (found * torch.randn_like(found)).sum().backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []
    names = set(network.state_dict())
    assert {"pope.patch_embed.2.pos_embed", "stages.1.blocks.2.mixer.qkv.weight", "stages.3.last_conv.weight"} <= names


def test_dropout_is_obeyed_and_paths_are_dropped_in_training_alone() -> None:
    images = torch.randn(2, 3, 32, 40)
    for arguments in ({"drop_rate": 0.5}, {"attn_drop_rate": 0.5}, {"drop_path_rate": 0.5}):
        network = small(**{"drop_path_rate": 0.0, **arguments})
        for name in ("norm", "0.norm"):  # batch norms would differ anyway
            [m.eval() for n, m in network.train().named_modules() if n.startswith("pope") and n.endswith(name)]
        trained = network(images)
        network.eval()
        assert not torch.equal(trained, network(images))
        assert torch.equal(network(images), network(images))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"mixer": [["Conv"], ["Global", "Conv"], ["Global"]]}, "Conv blocks before its Global ones"),
        ({"mixer": [["Local"], ["Conv", "Global"], ["Global"]]}, "each Conv or Global"),
        ({"mixer": [["Conv"], ["Conv"], ["Global"]]}, r"must name 2 mixers \(depths\)"),
        ({"num_heads": [2, 3]}, "num_heads takes one entry for each of the 3 stages"),
        ({"num_heads": [3, 3, 2]}, "multiple of its stage's num_heads 3"),
        ({"sub_k": [[2, 1]]}, "a stride for each stage but the last"),
        ({"sub_k": [[2, 1], [-1, -1]]}, "sub_k must be"),
        ({"last_drop": 1.0}, "last_drop must be at least 0 and below 1"),
    ],
)
def test_what_makes_no_network_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**arguments)


def test_images_beyond_the_learned_places_are_told() -> None:
    network = small(use_pos_embed=True, max_sz=[32, 64]).eval()
    with pytest.raises(ValueError, match=r"knows 32 x 64 px \(max_sz\), but the images have 32 x 96"):
        network(torch.zeros(1, 3, 32, 96))
