"""Optimizers on real small networks: order of operations, groups, clipping, exact resume, clear errors."""

import io
import json
import math
from pathlib import Path

import pytest
import torch
from torch import nn

from ppocr_like.contracts import ParamAttr
from ppocr_like.errors import CheckpointError, ConfigError, TrainingError
from ppocr_like.optim.optimizers import SGD, Adadelta, Adam, AdamW, Lamb, Momentum, RMSProp, RMSprop
from ppocr_like.optim.regularizers import L1, L2, CosineL2
from ppocr_like.optim.schedules import Const, Cosine

RATE = Const(0.01, epochs=2, steps_per_epoch=10)


def network(channels_last=False):
    torch.manual_seed(3)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 3), nn.Flatten(), nn.Linear(64, 5)
    )
    return net.to(memory_format=torch.channels_last) if channels_last else net


def optimizer(cls, net, attrs=None, schedule=RATE, **arguments):
    return cls(list(net.named_parameters()), attrs or {}, schedule, **arguments)


def backward(net, seed):
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(6, 3, 8, 8, generator=generator)
    net(images).square().mean().backward()


def train(net, optim, steps):
    for step in steps:
        optim.zero_grad()
        backward(net, step)
        optim.step(step)


def values(net):
    return {name: tensor.clone() for name, tensor in net.state_dict().items()}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one)


ALL = [
    (Adam, {"weight_decay": 1e-3}),
    (AdamW, {"clip_norm_global": 0.5, "one_dim_param_no_weight_decay": True}),
    (Momentum, {"momentum": 0.9, "regularizer": L2(1e-3), "clip_norm": 0.1}),
    (SGD, {"regularizer": L1(1e-4)}),
    (SGD, {"momentum": 0.9, "weight_decay": 1e-3, "clip_norm_global": 1.0}),
    (RMSprop, {"momentum": 0.9, "weight_decay": 1e-3, "clip_norm_global": 1.0}),
    (RMSProp, {"momentum": 0.9, "weight_decay": 1e-3}),
    (Adadelta, {"regularizer": L2(1e-3)}),
    (Lamb, {"one_dim_param_no_weight_decay": True}),
]


@pytest.mark.parametrize(("cls", "arguments"), ALL)
def test_resume_is_exact_to_the_last_bit(cls, arguments):
    schedule = Cosine(0.05, epochs=1, steps_per_epoch=8, warmup_epoch=0.25)
    whole = network()
    train(whole, optimizer(cls, whole, schedule=schedule, **arguments), range(8))

    first = network()
    before = optimizer(cls, first, schedule=schedule, **arguments)
    train(first, before, range(5))
    file = io.BytesIO()
    torch.save({"net": first.state_dict(), "optim": before.state_dict()}, file)
    file.seek(0)
    saved = torch.load(file, weights_only=True)
    second = network()
    second.load_state_dict(saved["net"])
    after = optimizer(cls, second, schedule=schedule, **arguments)
    after.load_state_dict(saved["optim"])
    train(second, after, range(5, 8))
    assert same(values(whole), values(second))


def fall(cls, weight, gradients, **arguments):
    """The weight after each of some steps at rate 0.01."""
    parameter = nn.Parameter(torch.tensor(weight))
    optim = cls([("fc.weight", parameter)], {}, RATE, **arguments)
    for step, gradient in enumerate(gradients):
        parameter.grad = torch.tensor(gradient)
        optim.step(step)
        yield parameter.tolist()


GRADIENTS = [[3.0, -0.5], [0.1, 0.0], [-2.0, 1.0]]


def test_rmsprop_has_epsilon_under_the_root_and_the_rate_in_the_momentum():
    w, v, u = [1.0, 2.0], [0.0, 0.0], [0.0, 0.0]
    steps = fall(RMSProp, w, GRADIENTS, momentum=0.5, rho=0.8, epsilon=0.1, weight_decay=0.25)
    for gradient, after in zip(GRADIENTS, steps, strict=True):
        for i, loss in enumerate(gradient):
            g = loss + 0.25 * w[i]
            v[i] = 0.8 * v[i] + 0.2 * g * g
            u[i] = 0.5 * u[i] + 0.01 * g / math.sqrt(v[i] + 0.1)
            w[i] -= u[i]
        assert after == pytest.approx(w, rel=1e-5)


def test_adadelta_moves_by_the_ratio_of_two_averages():
    w, v, a = [1.0, 2.0], [0.0, 0.0], [0.0, 0.0]
    for gradient, after in zip(GRADIENTS, fall(Adadelta, w, GRADIENTS, rho=0.8, epsilon=1e-3), strict=True):
        for i, g in enumerate(gradient):
            v[i] = 0.8 * v[i] + 0.2 * g * g
            d = math.sqrt((a[i] + 1e-3) / (v[i] + 1e-3)) * g
            a[i] = 0.8 * a[i] + 0.2 * d * d
            w[i] -= 0.01 * d
        assert after == pytest.approx(w, rel=1e-5)


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("always", [False, True])
def test_lamb_scales_adams_update_to_the_length_of_the_weights(decay, always):
    w, m, v = [1.0, 2.0], [0.0, 0.0], [0.0, 0.0]
    steps = fall(Lamb, w, GRADIENTS, lamb_weight_decay=decay, always_adapt=always)
    for t, (gradient, after) in enumerate(zip(GRADIENTS, steps, strict=True), start=1):
        update = []
        for i, g in enumerate(gradient):
            m[i] = 0.9 * m[i] + 0.1 * g
            v[i] = 0.999 * v[i] + 0.001 * g * g
            mean, square = m[i] / (1 - 0.9**t), v[i] / (1 - 0.999**t)
            update.append(mean / (math.sqrt(square) + 1e-6) + decay * w[i])
        ratio = math.hypot(*w) / math.hypot(*update) if decay or always else 1.0
        w = [value - 0.01 * ratio * part for value, part in zip(w, update, strict=True)]
        assert after == pytest.approx(w, rel=1e-4)


def test_lamb_leaves_weights_of_zero_length_a_way_out():
    (after,) = fall(Lamb, [0.0, 0.0], [[3.0, -3.0]])
    assert after == pytest.approx([-0.01, 0.01], rel=1e-4)
    (after,) = fall(Lamb, [0.0, 1.0], [[0.0, 0.0]], weight_decay=0.0)
    assert after == [0.0, 1.0]


def test_lamb_takes_its_decay_under_one_name():
    for more in ({"weight_decay": 0.1}, {"regularizer": L2(0.1)}):
        with pytest.raises(ConfigError, match="both set"):
            optimizer(Lamb, network(), lamb_weight_decay=0.1, **more)
    assert "L2(0.2)" in optimizer(Lamb, network(), lamb_weight_decay=0.2).describe()[0]
    assert "L2(0.01)" in optimizer(Lamb, network()).describe()[0]


@pytest.mark.parametrize("cls", [AdamW, Lamb])
def test_a_decoupled_decay_may_fall_along_a_cosine(cls):
    """With no gradient but zeros, only the decay moves the weights."""
    decay = CosineL2(epochs=2, steps_per_epoch=1, factor=0.5, end_factor=0.1)
    weight = nn.Parameter(torch.tensor([4.0]))
    optim = cls([("w", weight)], {}, RATE, regularizer=decay)
    want = 4.0
    for step, factor in enumerate((0.5, 0.3, 0.1, 0.1)):
        weight.grad = torch.zeros(1)
        optim.step(step)
        want *= 1 - 0.01 * (factor if cls is AdamW else 1.0)  # Lamb makes every update as long as the weights
        assert weight.item() == pytest.approx(want, rel=1e-6)


def test_two_runs_are_equal_to_the_last_bit():
    runs = []
    for _ in range(2):
        net = network()
        train(net, optimizer(AdamW, net, clip_norm_global=1.0), range(4))
        runs.append(values(net))
    assert same(*runs)


def test_state_survives_a_change_of_memory_format():
    """The fused CPU kernels walk plain memory: moments of another layout would be applied to the wrong weights."""
    plain = network()
    optim = optimizer(Adam, plain)
    train(plain, optim, range(3))
    turned = network(channels_last=True)
    turned.load_state_dict(plain.state_dict())
    resumed = optimizer(Adam, turned)
    resumed.load_state_dict(optim.state_dict())
    train(plain, optim, [3])
    train(turned, resumed, [3])
    for name, value in values(plain).items():
        assert torch.allclose(value, values(turned)[name], atol=1e-5), name


def test_gradients_of_another_layout_are_read_in_the_right_order():
    torch.manual_seed(0)
    start, gradient = torch.randn(8, 4, 3, 3), torch.randn(8, 4, 3, 3)
    results = []
    for layout in (torch.contiguous_format, torch.channels_last):
        weight = nn.Parameter(start.clone(memory_format=layout))
        optim = Adam([("w", weight)], {}, RATE)
        for step in range(3):
            weight.grad = gradient.clone(memory_format=torch.contiguous_format) * (step + 1)
            optim.step(step)
        results.append(weight.detach().contiguous())
    assert torch.allclose(*results, atol=1e-6)


def test_coupled_l2_comes_after_clipping_and_attrs_replace_it():
    weight, own = nn.Parameter(torch.tensor([3.0, 4.0])), nn.Parameter(torch.tensor([2.0]))
    optim = SGD(
        [("a", weight), ("b", own)], {"b": ParamAttr(lr_mult=0.5, l2=1.0)}, RATE, regularizer=L2(0.1), clip_norm_global=1.0
    )
    weight.grad, own.grad = torch.tensor([3.0, 4.0]), torch.tensor([0.0])
    result = optim.step(0)
    assert result == {"lr": 0.01, "grad_norm": pytest.approx(5.0)}
    assert weight.tolist() == pytest.approx([3 - 0.01 * (0.6 + 0.3), 4 - 0.01 * (0.8 + 0.4)])
    assert own.tolist() == pytest.approx([2 - 0.005 * 2.0])


def test_no_norm_without_clipping():
    net = network()
    optim = optimizer(Adam, net)
    backward(net, 0)
    assert optim.step(0) == {"lr": 0.01}


def test_parameters_without_gradient_are_left_alone():
    net = network()
    optim = optimizer(AdamW, net, weight_decay=0.5)
    start = values(net)
    optim.step(0)
    assert same(start, values(net))


def test_param_groups_first_match_holds():
    net = network()
    groups = [{"pattern": "5.*", "lr_mult": 10, "weight_decay": 0.0}, {"pattern": "*.bias", "lr_mult": 0}]
    optim = optimizer(AdamW, net, weight_decay=0.2, param_groups=groups)
    start = values(net)
    backward(net, 0)
    optim.step(0)
    assert torch.equal(start["1.bias"], net[1].bias)
    assert not torch.equal(start["5.bias"], net[5].bias)
    first_step = (start["5.weight"] - net[5].weight).abs()
    assert first_step.max().item() == pytest.approx(0.1, rel=1e-2)
    assert any("lr x 10" in line and "decay" not in line for line in optim.describe())
    assert sum(int(line.split()[0]) for line in optim.describe()) == len(start) - 3  # the batch norm's three buffers


def test_param_groups_multiply_a_modules_own_rate():
    weight = nn.Parameter(torch.zeros(1))
    optim = SGD(
        [("tps.fc.weight", weight)],
        {"tps.fc.weight": ParamAttr(lr_mult=0.1)},
        RATE,
        param_groups=[{"pattern": "tps.*", "lr_mult": 2}],
    )
    weight.grad = torch.ones(1)
    optim.step(0)
    assert weight.item() == pytest.approx(-0.01 * 0.1 * 2)


@pytest.mark.parametrize(
    ("arguments", "path", "words"),
    [
        ({"param_groups": [{"pattern": "5.wieght", "lr_mult": 2}]}, "Optimizer.param_groups.0.pattern", "5.weight"),
        ({"param_groups": [{"pattern": "*", "lr_mult": 2}, {"pattern": "0.*"}]}, "Optimizer.param_groups.1.pattern", "earlier"),
        ({"param_groups": [{"patern": "0.*"}]}, "Optimizer.param_groups.0.patern", "pattern"),
        ({"param_groups": {"pattern": "0.*"}}, "Optimizer.param_groups", "list"),
        ({"param_groups": [{"lr_mult": 2}]}, "Optimizer.param_groups.0.pattern", "None"),
        ({"param_groups": [{"pattern": "0.*", "lr_mult": -1}]}, "Optimizer.param_groups.0.lr_mult", "-1"),
        ({"clip_norm": 0}, "Optimizer.clip_norm", "above 0"),
        ({"clip_norm_global": "much"}, "Optimizer.clip_norm_global", "number"),
        ({"beta1": 1.0}, "Optimizer.beta1", "below 1"),
        ({"epsilon": 0}, "Optimizer.epsilon", "above"),
        ({"weight_decay": 0.1, "regularizer": L2(0.1)}, "Optimizer.weight_decay", "both"),
        ({"freeze": [{"pattern": "6.*"}]}, "Optimizer.freeze.0.pattern", "5.*"),
        ({"freeze": [{"pattern": "*"}]}, "Optimizer.freeze", "every parameter"),
    ],
)
@pytest.mark.parametrize("cls", [Adam, AdamW])
def test_mistakes_name_their_key(cls, arguments, path, words):
    with pytest.raises(ConfigError) as caught:
        optimizer(cls, network(), **arguments)
    (problem,) = caught.value.problems
    assert problem.path == path
    assert words in problem.message


def test_adamw_takes_no_other_regularizer():
    with pytest.raises(ConfigError, match="takes only L2"):
        optimizer(AdamW, network(), regularizer=L1(0.1))


@pytest.mark.parametrize(
    ("cls", "arguments", "path"),
    [
        (RMSProp, {"rho": 1.0}, "Optimizer.rho"),
        (RMSProp, {"momentum": -0.1}, "Optimizer.momentum"),
        (RMSProp, {"epsilon": 0}, "Optimizer.epsilon"),
        (Adadelta, {"rho": 2}, "Optimizer.rho"),
        (Adadelta, {"epsilon": -1}, "Optimizer.epsilon"),
        (Lamb, {"lamb_weight_decay": -1}, "Optimizer.lamb_weight_decay"),
        (Momentum, {"momentum": 1}, "Optimizer.momentum"),
        (SGD, {"momentum": 1.5}, "Optimizer.momentum"),
        (RMSprop, {"alpha": 1.0}, "Optimizer.alpha"),
        (RMSprop, {"momentum": -1}, "Optimizer.momentum"),
        (RMSprop, {"epsilon": 0}, "Optimizer.epsilon"),
    ],
)
def test_numbers_out_of_range_name_their_key(cls, arguments, path):
    with pytest.raises(ConfigError) as caught:
        optimizer(cls, network(), **arguments)
    assert [problem.path for problem in caught.value.problems] == [path]


def test_both_clips_are_said_and_the_per_tensor_one_holds(caplog):
    weight = nn.Parameter(torch.zeros(2))
    optim = SGD([("w", weight)], {}, RATE, clip_norm=1.0, clip_norm_global=2.0)
    assert "clip_norm holds" in caplog.text
    weight.grad = torch.tensor([3.0, 4.0])
    optim.step(0)
    assert weight.tolist() == pytest.approx([-0.006, -0.008])


def test_gradients_that_are_not_finite_stop_before_anything_changes():
    net = network()
    optim = optimizer(AdamW, net, clip_norm_global=1.0)
    train(net, optim, range(2))
    start = values(net)
    moments = {name: m["exp_avg"].clone() for name, m in optim.state_dict()["moments"].items()}
    backward(net, 2)
    net[3].bias.grad[1] = math.nan
    with pytest.raises(TrainingError, match=r"not finite.*3\.bias"):
        optim.step(2)
    assert all(torch.equal(parameter, start[name]) for name, parameter in net.named_parameters())
    assert all(torch.equal(m["exp_avg"], moments[name]) for name, m in optim.state_dict()["moments"].items())


def test_a_scaler_skips_a_step_of_infinite_gradients_and_unscales_others():
    net, plain = network(), network()
    optim, reference = optimizer(Adam, net, clip_norm_global=1.0), optimizer(Adam, plain, clip_norm_global=1.0)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(6, 3, 8, 8, generator=generator)
    scaler.scale(net(images).square().mean()).backward()
    plain(images).square().mean().backward()
    norm = optim.step(0, scaler)["grad_norm"]
    assert norm == pytest.approx(reference.step(0)["grad_norm"], rel=1e-5)
    assert torch.allclose(net[5].weight, plain[5].weight, atol=1e-6)
    start = net[5].weight.detach().clone()
    optim.zero_grad()
    scaler.scale(net(images * math.inf).sum()).backward()
    optim.step(1, scaler)
    assert torch.equal(start, net[5].weight)
    assert scaler.get_scale() == 2.0**9


def test_a_checkpoint_of_another_network_or_algorithm_is_refused():
    net = network()
    optim = optimizer(Adam, net)
    train(net, optim, range(2))
    saved = optim.state_dict()
    with pytest.raises(CheckpointError, match="is Adam, the recipe's is AdamW"):
        optimizer(AdamW, net).load_state_dict(saved)
    other = nn.Sequential(nn.Conv2d(3, 8, 3, bias=False))
    with pytest.raises(CheckpointError, match=r"6 parameters are not in the model \(1\.weight"):
        optimizer(Adam, other).load_state_dict(saved)
    wider = network()
    wider[5] = nn.Linear(64, 7)
    with pytest.raises(CheckpointError, match=r"5\.weight has shape \(5, 64\), the model's parameter \(7, 64\)"):
        optimizer(Adam, wider).load_state_dict(saved)


def test_moments_are_kept_by_name_not_by_group():
    net = network()
    optim = optimizer(Adam, net)
    train(net, optim, range(3))
    regrouped = optimizer(Adam, net, param_groups=[{"pattern": "5.*", "lr_mult": 1, "weight_decay": 0.5}])
    regrouped.load_state_dict(optim.state_dict())
    for name, moments in optim.state_dict()["moments"].items():
        assert torch.equal(moments["exp_avg"], regrouped.state_dict()["moments"][name]["exp_avg"])


def test_attrs_of_unknown_parameters_are_a_programming_error():
    with pytest.raises(KeyError, match=r"neck\.fc"):
        optimizer(Adam, network(), {"neck.fc": ParamAttr()})


def test_cosine_l2_falls_to_its_end():
    penalty = CosineL2(epochs=2, steps_per_epoch=3, factor=0.3, end_factor=0.02, warmup_epoch=1)
    assert [penalty.coefficient(s) for s in range(8)] == pytest.approx([0.3, 0.3, 0.3, 0.3, 0.23, 0.09, 0.02, 0.02])


PADDLE = json.loads((Path(__file__).parent / "paddle_steps.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", PADDLE["cases"], ids=lambda case: case["name"])
def test_six_steps_end_where_paddle_ends(case):
    """The order of clipping, penalty and update, multipliers and exemptions as in PaddleOCR."""
    run = {"epochs": case["epochs"], "steps_per_epoch": case["step_each_epoch"]}
    arguments = dict(case["optimizer"])
    rate = dict(arguments.pop("lr"))
    schedule = {"Const": Const, "Cosine": Cosine}[rate.pop("name", "Const")](**rate, **run)
    if "regularizer" in arguments:
        arguments["regularizer"] = L2(arguments["regularizer"]["factor"])
    parameters = {name: nn.Parameter(torch.tensor(value)) for name, value in PADDLE["parameters"].items()}
    attrs = {name: ParamAttr(attr.get("learning_rate", 1.0), attr.get("L2")) for name, attr in case["attributes"].items()}
    cls = {"Adam": Adam, "AdamW": AdamW, "Momentum": Momentum}[arguments.pop("name")]
    optim = cls(list(parameters.items()), attrs, schedule, **arguments)
    for step, gradients in enumerate(PADDLE["gradients"]):
        for name, parameter in parameters.items():
            parameter.grad = torch.tensor(gradients[name])
        optim.step(step)
    for name, parameter in parameters.items():
        assert torch.allclose(parameter.detach(), torch.tensor(case["last"][name]), rtol=0, atol=1e-5), name
