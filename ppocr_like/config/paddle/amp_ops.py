"""Operators that `Global.amp_custom_black_list` and `amp_custom_white_list` may name.

Paddle's names of operators, as PaddleOCR's recipes write them, and the torch functions that do their work here.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_MATMUL = (
    *("matmul", "__matmul__", "__rmatmul__", "mm", "bmm", "addmm", "baddbmm", "linear", "einsum"),
    *("scaled_dot_product_attention", "multi_head_attention_forward"),
)
_RNN = ("lstm", "gru", "rnn_tanh", "rnn_relu")
_SAME = (
    *("softmax", "log_softmax", "sigmoid", "tanh", "exp", "log", "sqrt", "rsqrt", "gelu", "relu"),
    *("layer_norm", "batch_norm"),
)  # called the same in both
_ADD, _SUB = ("add", "__add__", "__radd__", "addcmul"), ("sub", "__sub__", "__rsub__", "rsub", "subtract")
_MUL, _DIV = ("mul", "__mul__", "__rmul__", "multiply"), ("div", "__truediv__", "__rtruediv__", "__rdiv__", "divide")

AMP_OPS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        **dict.fromkeys(("matmul", "matmul_v2", "mul", "bmm", "fc"), _MATMUL),
        "conv2d": ("conv2d",),
        "depthwise_conv2d": ("conv2d",),  # told apart by the groups
        "conv2d_transpose": ("conv_transpose2d",),
        **dict.fromkeys(("elementwise_add", "add"), _ADD),
        **dict.fromkeys(("elementwise_sub", "subtract"), _SUB),
        **dict.fromkeys(("elementwise_mul", "multiply"), _MUL),
        **dict.fromkeys(("elementwise_div", "divide"), _DIV),
        **dict.fromkeys(("elementwise_pow", "pow"), ("pow", "__pow__", "__rpow__")),
        **{name: (name,) for name in _SAME},
        **dict.fromkeys(("swish", "silu"), ("silu",)),
        **dict.fromkeys(("hard_swish", "hardswish"), ("hardswish",)),
        **dict.fromkeys(("hard_sigmoid", "hardsigmoid"), ("hardsigmoid",)),
        **dict.fromkeys(("reduce_mean", "mean"), ("mean",)),
        **dict.fromkeys(("reduce_sum", "sum"), ("sum",)),
        **dict.fromkeys(("bilinear_interp_v2", "nearest_interp_v2"), ("interpolate",)),
        "grid_sampler": ("grid_sample",),
        "pool2d": ("avg_pool2d", "max_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d"),
        "rnn": _RNN,
    }
)
