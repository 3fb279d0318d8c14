"""TPS: where its spline reads, where it starts, what training moves, sizes that stay free in an exported graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from torch.nn import functional as F

from ppocr_like.contracts import FeatureSpec, ParamAttr
from ppocr_like.modeling.transforms.tps import TPS, first_points, spline_inverse, spline_matrix, spline_terms, straight_points


def make(points: int = 20, model_name: str = "small") -> TPS:
    torch.manual_seed(0)
    return TPS(FeatureSpec(3), points, 0.1, model_name)


def test_points_at_their_own_places_change_nothing() -> None:
    still = torch.cat((straight_points(20), torch.zeros(3, 2)))
    places = spline_matrix((8, 17), 20).double() @ still
    y, x = torch.meshgrid((2 * torch.arange(8) + 1) / 8 - 1, (2 * torch.arange(17) + 1) / 17 - 1, indexing="ij")
    torch.testing.assert_close(places, torch.stack((x, y), 2).reshape(-1, 2).double(), atol=1e-5, rtol=0)


def test_the_spline_goes_through_its_points() -> None:
    torch.manual_seed(0)
    moved = torch.cat((torch.rand(8, 2, dtype=torch.float64), torch.zeros(3, 2, dtype=torch.float64)))
    # a grid of 1 x n px whose places we set to the points themselves
    points = straight_points(8)
    distance = (points[:, None] - points[None]).square().sum(2).sqrt()
    terms = torch.cat((torch.ones(8, 1), points, distance.square() * (distance + 1e-6).log()), 1)
    torch.testing.assert_close(terms @ spline_inverse(points) @ moved, moved[:8], atol=1e-5, rtol=0)
    assert spline_terms((4, 6), points).shape == (24, 11)


def test_untrained_it_shows_what_the_first_points_say() -> None:
    """The network predicts its starting points whatever it sees: the line's middle rises from the lower half to the upper one."""
    network = make().eval()
    with torch.inference_mode():
        found = network.loc_net(torch.randn(2, 3, 32, 100))
        torch.testing.assert_close(found[1].double(), first_points(20), atol=1e-6, rtol=0)
        ramp = torch.linspace(-1, 1, 32)[:, None].expand(1, 3, 32, 100)
        shown = network(ramp)[0, 0].mean(0)
    assert float(shown[10]) > 0.2 and float(shown[-10]) < -0.2
    assert network.out_spec == FeatureSpec(3)


def test_training_moves_the_points_and_never_the_spline() -> None:
    network = make().train()
    network(torch.randn(4, 3, 32, 80)).square().sum().backward()
    loc = network.loc_net
    assert bool((loc.fc2.weight.grad != 0).any())
    assert all(p.grad is None and not p.requires_grad for p in network.grid_generator.parameters())
    slow = ParamAttr(lr_mult=0.1)
    assert loc.own_param_attrs() == {"fc1.weight": slow, "fc2.weight": slow, "fc2.bias": slow}
    names = set(network.state_dict())
    assert {"loc_net.loc_conv3.bn.running_var", "grid_generator.fc.bias"} <= names
    assert not [name for name in names if "num_batches" in name or "inverse" in name or "straight" in name]


def test_a_graph_takes_any_width(tmp_path: Path) -> None:
    network = make(model_name="large").eval()
    with torch.no_grad():
        network.loc_net.fc2.weight.normal_(0, 0.3)
    torch.onnx.export(
        network,
        (torch.zeros(2, 3, 32, 328),),
        str(tmp_path / "tps.onnx"),
        dynamo=False,
        opset_version=17,
        input_names=["x"],
        dynamic_axes={"x": {0: "n", 3: "w"}},
    )
    session = onnxruntime.InferenceSession(str(tmp_path / "tps.onnx"))
    for samples, width in ((1, 100), (3, 437)):
        images = F.interpolate(torch.randn(samples, 3, 4, 12), (32, width), mode="bicubic")
        with torch.inference_mode():
            want = network(images).numpy()
        assert want.std() > 0.1
        difference = np.abs(session.run(None, {"x": images.numpy()})[0] - want)
        assert difference.mean() < 1e-5 and difference.max() < 2e-3  # at the edge a place moves by less than 1e-5 px


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((7, 0.1, "small"), "even number from 4"), ((20, -1.0, "small"), "loc_lr"), ((20, 0.1, "tiny"), "large, small")],
)
def test_what_makes_no_network_is_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TPS(FeatureSpec(3), *arguments)
