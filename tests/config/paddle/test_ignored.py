"""Keys that PaddleOCR's files carry: noted in a file, an error from `-o`, never a trap for a typing mistake."""

from __future__ import annotations

import difflib
from collections.abc import Callable

import pytest

from ppocr_like.components import load_components
from ppocr_like.config import Builder, GlobalConfig, LoaderConfig, Recipe
from ppocr_like.config.architecture import KEYS
from ppocr_like.config.checks import SECTIONS
from ppocr_like.config.paddle.ignored import IGNORED
from ppocr_like.config.typecheck import parameters
from ppocr_like.config.wandb import WandbConfig
from ppocr_like.errors import ConfigError
from ppocr_like.registry import ARCH_TRANSFORMS, ARCHITECTURES, BACKBONES, HEADS, LOSSES, NECKS, SCHEDULES

# PaddleOCR's own switches, a letter from `use_gpu`: only `false` may stand, so a slip of the finger cannot hide there.
SWITCHES = {"use_xpu": "use_gpu", "use_npu": "use_gpu", "use_gcu": "use_gpu"}
# PaddleOCR writes it into heads of any kind; nobody means `mid_channels` or `aux_in_channels` by it.
GENUINE = {("OcrModel.Head", "in_channels"): ("mid_channels", "aux_in_channels")}


def accepted(component: str) -> set[str]:
    """Names that are accepted where the entry stands."""
    if component in ("Global", "Loader"):
        return set((GlobalConfig if component == "Global" else LoaderConfig).__dataclass_fields__)
    if component == "wandb":
        return set(WandbConfig.__dataclass_fields__)
    if component == "":
        return set(SECTIONS)
    if component in ("Architecture", "DistillationModel.Models"):
        return {*KEYS, *(name for _, cls in ARCHITECTURES for name in parameters(cls))}
    if component == "Optimizer.lr":
        return {name for _, cls in SCHEDULES for name in parameters(cls)} - {"epochs", "steps_per_epoch"}  # the program's
    roles = {
        f"OcrModel.{part}": registry
        for part, registry in (("Transform", ARCH_TRANSFORMS), ("Backbone", BACKBONES), ("Neck", NECKS), ("Head", HEADS))
    }
    if component in roles:
        return {name for _, cls in roles[component] for name in parameters(cls)}
    load_components()
    classes = [cls for registry in (*roles.values(), LOSSES) for name, cls in registry if name == component]
    assert classes, f"{component} is no part of a network and no loss"
    return {name for cls in classes for name in parameters(cls)}


@pytest.mark.parametrize(("component", "key"), list(IGNORED))
def test_entries_are_no_near_misses_of_accepted_names(component: str, key: str) -> None:
    names = accepted(component)
    near = [n for n in names if n != key and difflib.SequenceMatcher(None, key, n).ratio() > 0.8]
    if key in SWITCHES:
        assert near == [SWITCHES[key]]
        assert IGNORED[component, key].harmless == (False, None)
    else:
        assert [n for n in near if n not in GENUINE.get((component, key), ())] == []


@pytest.mark.parametrize(("component", "key"), [k for k in IGNORED if k[0] in ("Global", "Loader", "Architecture", "")])
def test_entries_are_not_accepted_as_well(component: str, key: str) -> None:
    assert key not in accepted(component)


def with_key(shipped: Callable, path: str, value: object) -> Recipe:
    recipe = shipped()
    parent, _, key = path.rpartition(".")
    recipe.get(parent)[key] = value
    return recipe


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("Global.d2s_train_image_shape", [3, 48, 320]),
        ("Train.loader.use_shared_memory", True),
        ("Architecture.Backbone.in_channels", 3),
        ("Architecture.in_channels", 3),
        ("profiler_options", None),
    ],
)
def test_in_a_file_they_are_noted(shipped: Callable, path: str, value: object) -> None:
    recipe = with_key(shipped, path, value)
    Builder(recipe).check()
    assert [note.partition(" ")[0] for note in recipe.notes] == [path]


def test_a_switch_that_is_off_is_not_even_noted(shipped: Callable) -> None:
    recipe = with_key(shipped, "Global.use_xpu", False)
    Builder(recipe).check()
    assert recipe.notes == []


@pytest.mark.parametrize(
    ("backbone", "notes"),
    [
        ({"name": "ResNet_vd", "layers": 18, "disable_se": True}, []),
        ({"name": "PPLCNetV3", "det": True, "pretrained": True}, ["Architecture.Backbone.pretrained"]),
    ],
)
def test_keys_of_single_backbones(backbone: dict, notes: list[str]) -> None:
    load_components()
    recipe = Recipe.from_tree({"Architecture": {"model_type": "det", "Backbone": backbone}})
    with pytest.raises(ConfigError) as error:
        Builder(recipe).model()
    assert [p.path for p in error.value.problems] == ["Architecture.Head"]
    assert [note.partition(" ")[0] for note in recipe.notes] == notes


def test_a_switch_that_is_on_is_an_error(shipped: Callable) -> None:
    with pytest.raises(ConfigError, match=r"Global\.use_xpu: True is not possible here"):
        Builder(with_key(shipped, "Global.use_xpu", True)).check()


@pytest.mark.parametrize(
    "override", ["Global.d2s_train_image_shape=[3, 48, 320]", "Global={to_static: false}", "profiler_options=x"]
)
def test_from_the_command_line_they_are_errors(problems: Callable, override: str) -> None:
    found = problems(override)
    assert len(found) == 1
    assert "has no effect" in found[0].message
