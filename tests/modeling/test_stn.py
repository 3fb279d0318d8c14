"""STN_ON: where its spline reads, where it starts, what training reaches."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.transforms.stn import StnOn, points_on_edges, spline_matrix


def make(**arguments: Any) -> StnOn:
    torch.manual_seed(0)
    values: dict[str, Any] = {
        "tps_inputsize": [32, 64],
        "tps_outputsize": [16, 40],
        "num_control_points": 20,
        "tps_margins": [0.05, 0.05],
        "stn_activation": "none",
    }
    return StnOn(FeatureSpec(3), **{**values, **arguments})


def test_points_at_their_own_places_change_nothing() -> None:
    control = points_on_edges(20, 0.05, 0.05)
    places = spline_matrix((9, 17), control) @ control
    y, x = torch.meshgrid(torch.linspace(0, 1, 9), torch.linspace(0, 1, 17), indexing="ij")
    torch.testing.assert_close(places.reshape(9, 17, 2), torch.stack((x, y), 2).double(), atol=1e-6, rtol=0)


def test_the_spline_goes_through_its_points() -> None:
    """Rows and columns of a 21 x 21 grid are twentieths: these points lie on pixels."""
    torch.manual_seed(0)
    control = points_on_edges(4, 0.05, 0.1)
    moved = torch.rand(4, 2, dtype=torch.float64)
    places = (spline_matrix((21, 21), control) @ moved).reshape(21, 21, 2)
    pixels = (control * 20).round().long()
    torch.testing.assert_close(places[pixels[:, 1], pixels[:, 0]], moved)


def test_untrained_it_resizes_the_whole_image_but_a_margin() -> None:
    network = make(tps_margins=[0.01, 0.01]).eval()
    image = torch.arange(40.0).expand(1, 3, 16, 40) / 39
    with torch.inference_mode():
        torch.testing.assert_close(network(image), image, atol=1e-4, rtol=0)
        wide = network(F.interpolate(image, (64, 256), mode="bilinear", align_corners=True))
    torch.testing.assert_close(wide, image, atol=1e-2, rtol=0)
    assert network.out_spec == FeatureSpec(3)


def test_sigmoid_starts_at_the_same_points() -> None:
    images = torch.randn(2, 3, 32, 64)
    with torch.inference_mode():
        plain, bounded = (make(stn_activation=name).eval().stn_head(images) for name in ("none", "sigmoid"))
    torch.testing.assert_close(plain, bounded)
    torch.testing.assert_close(plain[0].double(), points_on_edges(20, 0.01, 0.01), atol=1e-6, rtol=0)


def test_training_moves_the_points_and_the_state_is_paddles() -> None:
    network = make().train()
    network(torch.randn(4, 3, 32, 80)).square().sum().backward()
    assert network.stn_head.stn_fc2.bias.grad is not None
    assert bool((network.stn_head.stn_fc2.weight.grad != 0).any())
    names = set(network.state_dict())
    assert {"stn_head.stn_convnet.10.1.running_var", "stn_head.stn_fc1.1.running_mean", "stn_head.stn_fc2.bias"} <= names
    assert not [name for name in names if "num_batches" in name or name.startswith("spline")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"tps_inputsize": [16, 64]}, "halved to 1/32"),
        ({"tps_outputsize": [1, 40]}, "at least 2 x 2"),
        ({"num_control_points": 7}, "even number from 4"),
        ({"tps_margins": [0.5, 0.1]}, "two shares"),
        ({"stn_activation": "tanh"}, "none, sigmoid"),
    ],
)
def test_what_makes_no_network_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**arguments)
