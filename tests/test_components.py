"""Importing the components fills the registries; plugins that cannot be imported are named."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest

from ppocr_like import registry
from ppocr_like.components import ROOMS, load_components
from ppocr_like.errors import ConfigError


def test_the_registries_are_full() -> None:
    load_components()
    for kind in ("ARCHITECTURES", "BACKBONES", "NECKS", "HEADS", "LOSSES", "OPTIMIZERS", "SCHEDULES", "DATASETS"):
        assert getattr(registry, kind).names(), kind
    wanted = {"DecodeImage", "RecAug", "BaseDataAugmentation", "CTCLabelEncode", "RecResizeImg", "SVTRRecResizeImg", "KeepKeys"}
    assert wanted <= set(registry.TRANSFORMS.names("rec"))


def test_the_sources_say_what_the_modules_register() -> None:
    """`announce` reads decorators as text: none may escape it, and no module need be imported for what it says."""
    told = {
        (kind, name, task, module)
        for room in ROOMS
        for module, entries in registry._registering(f"ppocr_like.{room}").items()
        for kind, name, task in entries or [pytest.fail(f"{module} registers something in a way that is not read")]
    }
    for room in ROOMS:
        package = importlib.import_module(f"ppocr_like.{room}")
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            importlib.import_module(module.name)
    kinds = {kind: parts for kind, parts in vars(registry).items() if isinstance(parts, registry.Registry)}
    there = {(kind, *key, cls.__module__) for kind, parts in kinds.items() for key, cls in parts._classes.items()}
    assert told == {entry for entry in there if entry[-1].startswith("ppocr_like.")}
    assert len(told) > 150


def test_all_plugins_that_cannot_be_imported_are_named() -> None:
    with pytest.raises(ConfigError) as error:
        load_components(["no_such_one", "json", "no_such_two"])
    assert [p.path for p in error.value.problems] == ["Global.plugins.0", "Global.plugins.2"]


@pytest.mark.parametrize(("code", "error"), [("x = 1\ny = (", "SyntaxError"), ("x = 1\ny = 1 / 0\n", "ZeroDivisionError")])
def test_a_plugin_with_a_mistake_is_named_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str, error: str
) -> None:
    name = f"a_plugin_with_a_{error.lower()}"
    (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ConfigError, match=rf"Global.plugins.0: '{name}' .*{error}.*{name}.py, line 2\)"):
        load_components([name])


def test_a_plugin_registers_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = "a_plugin_of_this_test"
    code = "from ppocr_like.registry import METRICS\n@METRICS.register()\nclass FromAPlugin: ...\n"
    (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(registry.METRICS, "_classes", dict(registry.METRICS._classes))
    load_components([name])
    assert "FromAPlugin" in registry.METRICS
