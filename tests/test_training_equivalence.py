"""Where a training in PyTorch goes other ways than one in Paddle without anybody noticing, and the test that watches each place.

| trap | test |
|---|---|
| batch norm: momentum 0.9 there is 0.1, epsilon 1e-5, in every network | here: test_every_batch_norm_has_paddles_numbers |
| batch norm: the running variance is unbiased, as on Paddle's GPU | here: test_running_statistics_after_a_step |
| batch norm: no counter in the state, names `_mean` and `_variance` | modeling/test_model.py: test_state_holds_what_paddles_does |
| DB head: batch norms begin with bias 1e-4 | here: test_the_db_head_begins_as_paddles |
| linear weights lie the other way round, LSTM names | modeling/test_model.py: test_paddle_names |
| hard sigmoid: slope 0.2 or a sixth | modeling/test_det_backbones.py: test_the_two_slopes_of_the_gate |
| hard sigmoid of RSEFPN: slope 0.2 | modeling/test_det_necks.py: test_squeeze_and_excite_has_the_slope_of_one_fifth |
| L2 of Adam is coupled, comes after clipping, and a parameter's own replaces it | optim/test_optimizers.py: test_coupled_l2_comes_after_clipping_and_attrs_replace_it |
| AdamW's decay, names without it, vectors without it | optim/test_optimizers.py: test_six_steps_end_where_paddle_ends |
| parameters without gradient are left alone | optim/test_optimizers.py: test_parameters_without_gradient_are_left_alone |
| clipping by each tensor's norm or by all | optim/test_optimizers.py: test_both_clips_are_said_and_the_per_tensor_one_holds |
| 55 cases of optimizer steps | parity/test_ops.py: test_all_cases |
| rates of single parameters (lab_lr, lr_mult_list) | modeling/test_det_backbones.py: test_settings_of_pplcnets_parameters |
| rates of single parameters (TPS: loc_lr, the fixed layer) | modeling/test_tps.py: test_training_moves_the_points_and_never_the_spline |
| warm-up from 0, the schedule starts after it | optim/test_schedules.py: test_cosine_starts_after_the_warmup_and_holds_its_end |
| Piecewise boundaries shift with the warm-up | optim/test_schedules.py: test_piecewise_boundaries_are_shifted_by_the_warmup |
| average pooling leaves the padding out | modeling/test_rec_backbones.py: test_shortcuts_average_only_the_rows_that_are_left_out |
| padding SAME is below and on the right | modeling/test_conv_norm.py: test_an_even_kernel_pads_below_and_on_the_right |
| pooling to 40 columns in training, 3 x 2 in use: the same operator here | modeling/test_rec_backbones.py: test_training_and_evaluation_give_the_same_number_of_steps |
| columns are pooled as an adaptive pool does | modeling/test_svtrnet.py: test_columns_are_pooled_as_an_adaptive_pool_does |
| sampling with aligned corners (TPS, STN) | modeling/test_tps.py: test_points_at_their_own_places_change_nothing |
| CTC: mean over the batch of sums, not of means over characters | losses/test_ctc_loss.py: test_equals_the_sum_over_paths |
| CTC: targets that do not fit count 0 | losses/test_ctc_loss.py: test_targets_that_do_not_fit_count_and_add_nothing |
| CTC: padding is not read | losses/test_ctc_loss.py: test_infeasible_reads_no_padding |
| losses in float32 under autocast | losses/test_ctc_loss.py: test_float32_under_autocast |
| dictionary lines, duplicates | test_charset.py: test_only_line_ends_are_cut |
| of duplicates the last encodes | test_charset.py: test_of_duplicates_the_last_index_encodes_and_both_decode |
| initial values of every convolution and linear layer | here: test_initial_values |
| initial values: SVTR encoder, CTC head | modeling/test_model.py: test_initial_values_are_paddles |
| the last dropout of SVTRNet scales in evaluation | modeling/test_svtrnet.py: test_the_last_dropout_scales_in_evaluation |
| dropped paths scale in training | modeling/test_svtrv2.py: test_dropout_is_obeyed_and_paths_are_dropped_in_training_alone |
| prenorm is named the wrong way round | modeling/test_svtrnet.py: test_training_reaches_every_parameter |
| use_guide cuts the gradient | modeling/test_multi_head.py: test_with_use_guide_the_backbone_learns_from_the_guide_alone |
| branches of PPLCNetV3 activate only where the stride is not 2 | modeling/test_rec_backbones.py: test_lcnet_fuses_and_always_activates |
| the identity branch needs a stride of 1 | modeling/test_rec_backbones.py: test_the_stride_of_one_that_adds_no_input |
| GELU is the exact one, layer norms have their epsilons | here: test_gelu_and_layer_norms |
| the binary map at k = 50 does not overflow | here: test_the_binary_map_does_not_overflow |
| DB losses over the pixels of the whole batch | losses/test_db_loss.py: test_the_sum_of_its_terms |
| averages start at zero and are corrected | optim/test_ema.py: test_the_first_step_and_equal_weights_are_exact |
"""  # noqa: E501

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
import torch
from torch import nn

from ppocr_like.components import load_components
from ppocr_like.config import Builder, load_recipe
from ppocr_like.contracts import FeatureSpec
from ppocr_like.modeling.heads.db_head import DBHead
from ppocr_like.modeling.layers import ACTIVATIONS, BatchNorm2d

ROOT = Path(__file__).parents[1]
RECIPES = sorted(path for part in ("det", "rec", "cls") for path in (ROOT / "configs" / part).glob("*.yml"))
NUMBERS = ("dbpp", "starnet", "svtrv2", "repsvtr_rec")  # whose construction needs more than shapes
# Of each kind of initialiser one; depthwise convolutions of crnn_mv3 count the channels of all groups.
DRAWN = ("rec/crnn_mv3.yml", "det/ppocrv5_mobile_det.yml", "det/db_r18.yml", "rec/repsvtr_rec.yml")


def test_the_tests_of_the_table_are_there() -> None:
    rows = re.findall(r"\| (\S+?):? (test_\w+) \|", __doc__ or "")
    assert len(rows) == (__doc__ or "").count("\n| ") - 1
    for file, name in rows:
        path = Path(__file__) if file == "here" else ROOT / "tests" / file
        assert f"def {name}(" in path.read_text(encoding="utf-8"), (file, name)


def network(name: str, monkeypatch: pytest.MonkeyPatch) -> nn.Module:
    monkeypatch.chdir(ROOT)
    load_components()
    return Builder(load_recipe(ROOT / "configs" / name)).model()


@pytest.mark.thorough
def test_every_batch_norm_has_paddles_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = 0
    for path in RECIPES:
        if path.stem.startswith((*NUMBERS, "vgsl")):  # VGSL networks are kraken's, and have no batch norm
            continue
        with torch.device("meta"):
            model = network(f"{path.parent.name}/{path.name}", monkeypatch)
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                assert (module.eps, module.momentum) == (1e-5, 0.1), path.name
                counted += 1
    assert counted > 2000


def test_running_statistics_after_a_step() -> None:
    norm, x = BatchNorm2d(3), torch.randn(2, 3, 2, 2, dtype=torch.float64).mul(3).add(1)
    norm.double().train()(x)
    flat = x.transpose(0, 1).reshape(3, -1)
    torch.testing.assert_close(norm.running_mean, 0.1 * flat.mean(1))
    torch.testing.assert_close(norm.running_var, 0.9 + 0.1 * flat.var(1, unbiased=True))


def test_the_db_head_begins_as_paddles() -> None:
    head = DBHead(FeatureSpec(channels=64))
    norms = [module for module in head.modules() if isinstance(module, nn.BatchNorm2d)]
    assert norms and all(bool((norm.bias == 1e-4).all()) and bool((norm.weight == 1).all()) for norm in norms)


@pytest.mark.parametrize("name", DRAWN)
def test_initial_values(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    looked = 0
    with torch.no_grad():
        for path, module in network(name, monkeypatch).named_modules():
            if isinstance(module, nn.Conv2d) and module.bias is not None:
                assert not module.bias.any(), path
            if isinstance(module, nn.Conv2d) and module.weight.numel() > 4000:
                area = math.prod(module.kernel_size)
                wanted = {math.sqrt(2 / (area * n)) for n in (module.in_channels, module.in_channels // module.groups)}
                assert any(float(module.weight.std()) == pytest.approx(std, rel=0.08) for std in wanted), path
                looked += 1
    assert looked >= 10


def test_gelu_and_layer_norms(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.linspace(-4, 4, 101, dtype=torch.float64)
    torch.testing.assert_close(ACTIVATIONS["gelu"](x), 0.5 * x * (1 + torch.erf(x / math.sqrt(2))))
    with torch.device("meta"):
        model = network("rec/ppocrv5_mobile_rec.yml", monkeypatch)
    norms = {name: m.eps for name, m in model.named_modules() if isinstance(m, nn.LayerNorm) and "ctc_encoder" in name}
    assert {eps for name, eps in norms.items() if "svtr_block" in name} == {1e-5}
    assert {eps for name, eps in norms.items() if "svtr_block" not in name} == {1e-6}


def test_the_binary_map_does_not_overflow() -> None:
    torch.manual_seed(0)
    head = DBHead(FeatureSpec(channels=16), k=50).train()
    maps = head(1e4 * torch.randn(2, 16, 8, 8))["maps"]
    assert maps.isfinite().all()
    maps.sum().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in head.parameters())
