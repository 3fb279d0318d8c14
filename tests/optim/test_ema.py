"""Averaged weights: the formula against a plain sum, what is averaged, changing places, resume."""

import copy
import io

import pytest
import torch
from torch import nn

from ppocr_like.errors import CheckpointError
from ppocr_like.optim.ema import WeightAverage


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3)
        self.norm = nn.BatchNorm2d(3)
        self.tied = nn.Linear(4, 4, bias=False)
        self.tied_again = self.tied
        self.register_buffer("scratch", torch.zeros(2), persistent=False)


def network(seed=0):
    torch.manual_seed(seed)
    return Small()


def move(net, seed):
    """Other weights and statistics, as after a training step."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in net.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype))
            else:
                tensor.add_(1)


def values(net):
    return {name: tensor.detach().clone() for name, tensor in net.state_dict().items()}


def averaged(net, average):
    with average.in_place():
        return values(net)


def shares(decays):
    """The weight of each step in the average, from the definition: in float64, and they add up to 1."""
    raw = []
    for i, decay in enumerate(decays):
        share = 1 - decay
        for later in decays[i + 1 :]:
            share *= later
        raw.append(share)
    return [share / sum(raw) for share in raw]


@pytest.mark.parametrize(
    ("arguments", "decays"),
    [
        ({"decay": 0.9, "decay_type": "normal"}, [0.9] * 5),
        ({"decay": 0.25, "decay_type": "threshold"}, [1 / 10, 2 / 11, 0.25, 0.25, 0.25]),
        ({"decay": 0.8, "gamma": 2, "decay_type": "exponential"}, [0.31477, 0.50570, 0.62150, 0.69173, 0.73433]),
    ],
)
def test_every_step_has_its_share(arguments, decays):
    net = network()
    average = WeightAverage(net, **arguments)
    seen = []
    for step, decay in enumerate(decays):
        assert average.next_decay() == pytest.approx(decay, rel=1e-4)
        move(net, step)
        average.update()
        seen.append(values(net))
        got = averaged(net, average)
        for name in ("conv.weight", "norm.weight", "norm.running_mean", "norm.running_var", "tied.weight"):
            want = sum(share * state[name].double() for share, state in zip(shares(decays[: step + 1]), seen, strict=True))
            assert torch.allclose(got[name].double(), want, rtol=1e-4, atol=1e-6), (step, name)
        assert int(got["norm.num_batches_tracked"]) == step + 1  # a counter is no weight
        assert torch.equal(got["tied.weight"], got["tied_again.weight"])


def test_the_first_step_and_equal_weights_are_exact():
    """No trace of the start, and no rounding away from weights that stay."""
    net = network()
    average = WeightAverage(net, decay=0.9998)
    move(net, 1)
    for _ in range(50):
        average.update()
        got = averaged(net, average)
        assert all(torch.equal(got[name], tensor) for name, tensor in values(net).items())


def test_before_the_first_step_it_is_the_model():
    net = network()
    start = values(net)
    average = WeightAverage(net)
    move(net, 1)
    got = averaged(net, average)
    assert all(torch.equal(got[n], start[n]) for n in start if start[n].is_floating_point())


def test_weights_and_averages_change_places_without_copies():
    net = network()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    average = WeightAverage(net)
    average.update()
    move(net, 1)
    average.update()
    trained, place = values(net), net.conv.weight.data_ptr()
    with average.in_place():
        other = net.conv.weight.data_ptr()
        assert other != place
        within = values(net)
        with average.in_place():
            assert net.conv.weight.data_ptr() == other
        assert net.conv.weight.data_ptr() == other
    assert net.conv.weight.data_ptr() == place
    assert all(torch.equal(trained[name], tensor) for name, tensor in net.state_dict().items())
    with average.in_place():
        assert net.conv.weight.data_ptr() == other
        assert all(torch.equal(within[name], tensor) for name, tensor in net.state_dict().items())
    with pytest.raises(KeyboardInterrupt), average.in_place():
        raise KeyboardInterrupt
    assert net.conv.weight.data_ptr() == place
    net.conv(torch.zeros(1, 2, 3, 3)).sum().backward()  # the parameters are still the optimizer's
    optimizer.step()
    assert not torch.equal(net.conv.bias, trained["conv.bias"])


def test_frozen_parameters_may_be_left_out_but_not_their_statistics():
    net = network()
    net.norm.requires_grad_(False)
    average = WeightAverage(net, decay=0.5, decay_type="normal", filter_no_grad=True)
    assert {"norm.weight", "norm.bias"}.isdisjoint(average.state()["averages"])
    assert {"norm.running_mean", "norm.running_var", "conv.weight"} <= set(average.state()["averages"])
    assert "norm.weight" in WeightAverage(net).state()["averages"]
    for step in range(2):
        move(net, step)
        average.update()
    got = averaged(net, average)
    assert torch.equal(got["norm.weight"], net.norm.weight)
    assert not torch.equal(got["norm.running_mean"], net.norm.running_mean)


@pytest.mark.parametrize("paddle_exact", [False, True])
def test_resume_is_exact_to_the_last_bit(paddle_exact):
    arguments = {"decay": 0.9, "decay_type": "threshold", "paddle_exact": paddle_exact}
    net = network()
    average = WeightAverage(net, **arguments)
    for step in range(3):
        move(net, step)
        average.update()
    file = io.BytesIO()
    torch.save({"net": net.state_dict(), "ema": average.state()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    other = network(1).to(memory_format=torch.channels_last)
    other.load_state_dict(saved["net"])
    resumed = WeightAverage(other, **arguments)
    resumed.load(saved["ema"])
    for step in range(3, 6):
        for one, its in ((net, average), (other, resumed)):
            move(one, step)
            its.update()
    one, two = averaged(net, average), averaged(other, resumed)
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert other.conv.weight.is_contiguous(memory_format=torch.channels_last)


def test_averages_of_another_network_are_refused():
    net = network()
    saved = copy.deepcopy(WeightAverage(net).state())
    frozen = network()
    frozen.norm.requires_grad_(False)
    with pytest.raises(CheckpointError, match=r"first norm\.weight, norm\.bias; leave Global\.ema_filter_no_grad"):
        WeightAverage(frozen, filter_no_grad=True).load(saved)
    saved["averages"]["conv.bias"] = torch.zeros(4)
    average = WeightAverage(net)
    with pytest.raises(CheckpointError, match=r"1 of \d+, first conv\.bias"):
        average.load(saved)
    assert average.steps == 0


@pytest.mark.parametrize(
    ("arguments", "word"),
    [({"decay": 1.0}, "ema_decay"), ({"decay": -0.1}, "ema_decay"), ({"gamma": 0}, "ema_gamma"), ({"decay_type": "x"}, "normal")],
)
def test_mistakes_are_named(arguments, word):
    with pytest.raises(ValueError, match=word):
        WeightAverage(network(), **arguments)
