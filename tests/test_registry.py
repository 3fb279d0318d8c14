"""The registry: names, tasks, what is refused."""

from __future__ import annotations

import pytest

from ppocr_like.registry import Registry


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
