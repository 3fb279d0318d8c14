"""Nodes become objects with what all parts of a run, or of a bundle, share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ppocr_like.charset import Charset
from ppocr_like.config.nodes import Bound, Context, Node, bind_node, item_node, problem
from ppocr_like.config.typecheck import shown
from ppocr_like.config.words import Words
from ppocr_like.errors import ConfigError
from ppocr_like.registry import TRANSFORMS, Registry
from ppocr_like.tasks import task_of


@dataclass(frozen=True)
class Binder:
    """Binds nodes.

    Args:
        words: Global keys that win, and what is told.
        model_type: the task, by which names that mean different classes are told apart.
        charset: the characters, asked for by the first constructor that names them; None where the task has none.
        paddle_exact: whether PaddleOCR's results are wanted where they look like mistakes.
    """

    words: Words
    model_type: object
    charset: Callable[[], Charset | None]
    paddle_exact: Callable[[], bool]

    def _charset(self) -> Charset:
        charset = self.charset()
        if charset is None:
            raise problem("", f"needs a character set, which model_type {self.model_type} has not")  # who: `bind_node` says
        return charset

    def bind(
        self, registry: Registry, node: Node, role: str = "", more: Context | None = None, built: dict[str, Any] | None = None
    ) -> Bound:
        """Binds a node; `more` is context beside what every constructor may name."""
        context = {
            "charset": self._charset,
            "num_classes": lambda: self._charset().num_classes,
            "sar_classes": lambda: self._charset().sar_classes,
            "nrtr_classes": lambda: self._charset().nrtr_classes,
            "paddle_exact": self.paddle_exact,
            **(more or {}),
        }
        task = task_of(self.model_type).name  # a wrong one is said once, by `Builder.task`
        return bind_node(self.words, registry, node, task=task, role=role, context=context, built=built)

    def transforms(self, node: Any, path: str) -> list[Any]:
        """A `transforms:` list; `path` is where it stands."""
        if not isinstance(node, list):
            raise problem(
                path, "is missing; a list of transforms is needed" if node is None else f"is {shown(node)}, but a list is needed"
            )
        made, problems = [], []
        for i, item in enumerate(node):
            try:
                made.append(self.bind(TRANSFORMS, item_node(item, f"{path}.{i}", "transform")).make())
            except ConfigError as error:
                problems += error.problems
        if problems:
            raise ConfigError(problems)
        return made
