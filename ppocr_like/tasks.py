"""The table of tasks: what a network is trained for (`Architecture.model_type`), and registries of what is made for each task.

A task enters by `enter(Task(...))` and by classes that are registered under its name; no other file has to know it:

- RUNNERS: runs the network on images and writes what it finds (`pipeline.runner.Runner`).
- EXPORTERS: says what its ONNX graph looks like and what makes two results equal (`export.exporter.Exporter`).
- EXAMINERS: looks at its data (`doctor.stream.Examiner`).

Heads, losses, transforms, post-processings and metrics are registered in `registry`. A user's own package brings all of these
(`Global.plugins`); tests/black_squares.py is an example.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any, Literal

from ppocr_like.registry import Registry

SECTIONS = ("Global", "Optimizer", "Architecture", "Loss", "PostProcess", "Metric", "Train", "Eval")


@dataclass(frozen=True)
class Task:
    """One task.

    Args:
        name: `Architecture.model_type`.
        output: the entry of the network's outputs that is exported and that the post-processing reads.
        classes: what the network tells apart: the characters of a dictionary, things with names (`label_list`), or nothing.
        pages: its images are whole pages of any size; otherwise they are small and `image_shape` tells their one height.
        postprocess: class of the post-processing where a recipe names none; empty: there is no usual one.
        sections: of a recipe that this task cannot do without.
        module: the file of its runner in `pipeline`, of its exporter in `export` and of its examiner in `doctor`, imported when
            one of them is asked for; empty where the package that brings the task registers them itself.
    """

    name: str
    output: str
    classes: Literal["characters", "names", "none"] = "none"
    pages: bool = False
    postprocess: str = ""
    sections: tuple[str, ...] = SECTIONS
    module: str = ""

    @property
    def reads_text(self) -> bool:
        """Whether the network's classes are characters."""
        return self.classes == "characters"


TASKS: dict[str, Task] = {}
RUNNERS = Registry("runner", "A pipeline.runner.Runner: images -> outcomes, and how they are written.")
EXPORTERS = Registry("exporter", "An export.exporter.Exporter: (spec, recipe, model) -> layout, metadata, comparison of results.")
EXAMINERS = Registry("examiner", "A doctor.stream.Examiner, made by `of(builder)`.")


def enter(task: Task) -> Task:
    """Adds a task to the table.

    Raises:
        KeyError: there is another task of that name.
    """
    if TASKS.setdefault(task.name, task) != task:
        raise KeyError(f"task {task.name!r} is entered twice: {TASKS[task.name]} and {task}")
    return task


def task_of(model_type: object) -> Task:
    """The task of that name; recognition where there is none, which is said where a recipe is checked (`Builder.task`)."""
    return TASKS.get(model_type, TASKS["rec"]) if isinstance(model_type, str) else TASKS["rec"]


def part(registry: Registry, model_type: str, package: str = "") -> Any:
    """What a registry has for a task, None where it has nothing; the task's file in `package` is imported first."""
    if package and model_type in TASKS and TASKS[model_type].module:
        importlib.import_module(f"{package}.{TASKS[model_type].module}")
    return registry.get(model_type) if model_type in registry else None


enter(Task("rec", "ctc", classes="characters", postprocess="CTCLabelDecode", module="lines"))
enter(Task("det", "maps", pages=True, module="pages"))
enter(Task("cls", "cls", classes="names", postprocess="ClsPostProcess", module="classes"))
