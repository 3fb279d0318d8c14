"""The registry: names, tasks, what is refused."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ppocr_like import registry
from ppocr_like.registry import LOSSES, METRICS, Registry, announce


def filled() -> Registry:
    parts = Registry("part", "")

    @parts.register("ResNet", task="det")
    class DetResNet: ...

    @parts.register("ResNet", task="rec")
    class RecResNet: ...

    @parts.register()
    class Shared: ...

    @parts.register("Shared", task="det")
    class DetShared: ...

    return parts


def test_the_class_keeps_its_own_name_and_is_returned() -> None:
    parts = Registry("part", "")

    @parts.register("other")
    class Part: ...

    assert parts.get("other") is Part
    assert Part.__name__ == "Part"


def test_tasks_tell_classes_of_one_name_apart() -> None:
    parts = filled()
    assert parts.get("ResNet", "det").__name__ == "DetResNet"
    assert parts.get("ResNet", "rec").__name__ == "RecResNet"


def test_a_class_for_the_task_wins_over_one_for_all() -> None:
    parts = filled()
    assert parts.get("Shared", "det").__name__ == "DetShared"
    assert parts.get("Shared", "rec").__name__ == "Shared"
    assert parts.get("Shared").__name__ == "Shared"


def test_a_name_is_taken_once_for_a_task() -> None:
    parts = filled()
    with pytest.raises(KeyError, match="'Shared' is registered twice"):
        parts.register("Shared")(type("Another", (), {}))
    parts.register("Shared", task="rec")(type("Another", (), {}))


@pytest.mark.parametrize(
    ("name", "task", "words"),
    [
        ("Sharde", None, "unknown part 'Sharde'; nearest: Shared"),
        ("resnet", "det", "nearest: ResNet"),
        ("zzz", "rec", "known: ResNet, Shared"),
        ("ResNet", "cls", "exists for det, rec only, not for cls"),
        ("ResNet", None, "exists for det, rec only, not for every task"),
    ],
)
def test_unknown_names_are_refused_with_the_nearest(name: str, task: str | None, words: str) -> None:
    with pytest.raises(KeyError) as error:
        filled().get(name, task)
    assert words in error.value.args[0]


def test_an_empty_registry_says_so() -> None:
    with pytest.raises(KeyError, match="known: none"):
        Registry("part", "").get("x")


def test_names_and_iteration() -> None:
    parts = filled()
    assert parts.names() == ["ResNet", "Shared"]
    assert parts.names("cls") == ["Shared"]
    assert "ResNet" in parts
    assert "resnet" not in parts
    assert [name for name, _ in parts] == ["ResNet", "ResNet", "Shared", "Shared"]


PLAIN = """
from ppocr_like.registry import LOSSES, METRICS

@METRICS.register("Far")  # of another name
@METRICS.register(task="det")
class FarMetric: ...

@LOSSES.register("Near", task="rec")
class NearLoss: ...
"""
ODD = "from ppocr_like.registry import METRICS\nMETRICS.register('Called')(type('Called', (), {}))\n"
TWICE = "from ppocr_like.registry import METRICS\n@METRICS.register()\nclass Far: ...\n"


@pytest.fixture
def rooms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A package whose modules register something; the registries are afterwards as before."""
    for kind in (LOSSES, METRICS):
        monkeypatch.setattr(kind, "_classes", dict(kind._classes))
        monkeypatch.setattr(kind, "_announced", dict(kind._announced))
    package = tmp_path / "rooms_of_a_test"
    (package / "within").mkdir(parents=True)
    for path, text in (("__init__", ""), ("within/__init__", ""), ("within/plain", PLAIN), ("odd", ODD), ("other", "x = 1\n")):
        (package / f"{path}.py").write_text(text, encoding="utf-8")
    (tmp_path / "second_of_a_test.py").write_text(TWICE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield package.name
    registry._registering.cache_clear()
    for name in [name for name in sys.modules if name.startswith((package.name, "second_of_a_test"))]:
        del sys.modules[name]


def test_a_module_is_imported_when_a_name_of_it_is_asked_for(rooms: str) -> None:
    plain = f"{rooms}.within.plain"
    announce(rooms)
    assert {"Far"} <= set(METRICS.names()) and "FarMetric" in METRICS.names("det") and "FarMetric" not in METRICS.names("rec")
    assert "Near" in LOSSES.names("rec") and "Near" in LOSSES and METRICS.nearest("far") == ["Far"]
    with pytest.raises(KeyError, match="'Near' exists for rec only, not for det"):
        LOSSES.get("Near", "det")
    assert plain not in sys.modules and f"{rooms}.other" not in sys.modules
    assert METRICS.get("Far").__name__ == "FarMetric" and plain in sys.modules
    assert LOSSES.get("Near", "rec") in LOSSES.loaded() and METRICS.get("FarMetric", "det") is METRICS.get("Far")
    announce(rooms)  # again, as each tool's call does
    assert METRICS.get("Far").__name__ == "FarMetric" and f"{rooms}.other" not in sys.modules


def test_a_module_that_registers_in_another_way_is_imported_at_once(rooms: str) -> None:
    announce(rooms)
    assert f"{rooms}.odd" in sys.modules and METRICS.get("Called").__name__ == "Called"


def test_a_name_that_is_announced_is_taken(rooms: str) -> None:
    announce(rooms)
    with pytest.raises(KeyError, match=r"'Far' is registered twice: .*FarMetric.* and .*second_of_a_test\.Far"):
        __import__("second_of_a_test")
    assert METRICS.get("Far").__name__ == "FarMetric"


def test_iterating_imports_all(rooms: str) -> None:
    announce(rooms)
    assert {"Far", "FarMetric", "Called"} <= {name for name, _ in METRICS}


def test_a_package_without_sources_is_imported(rooms: str, tmp_path: Path) -> None:
    import compileall

    package = tmp_path / rooms
    compileall.compile_dir(package, quiet=1, legacy=True)
    for path in [*package.rglob("*.py")]:
        path.unlink()
    announce(rooms)
    assert f"{rooms}.other" in sys.modules and METRICS.get("Far").__name__ == "FarMetric"
