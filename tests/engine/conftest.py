from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from det_pages import det_recipe, make_pages

from .helpers import make_data, run, tiny_recipe, write_recipe


@dataclass(frozen=True)
class Case:
    """A kind of recipe: its data, `tree(run folder, **over)`, and the folder of a run of four epochs that nothing interrupted."""

    data: Path
    make: Callable[..., dict[str, Any]]
    reference: Path

    def tree(self, folder: Path, **over: Any) -> dict[str, Any]:
        return self.make(self.data, folder, **over)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny") / "data"
    make_data(folder)
    return folder


@pytest.fixture(scope="session")
def reference(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a run of four epochs that nothing interrupted."""
    folder = tmp_path_factory.mktemp("reference")
    run("train", write_recipe(folder / "recipe.yml", tiny_recipe(data, folder / "run", Global__epoch_num=4)))
    return folder / "run"


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Drawn pages with boxes."""
    folder = tmp_path_factory.mktemp("pages") / "data"
    make_pages(folder)
    return folder


@pytest.fixture(scope="session")
def det_reference(pages: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a detector's run of four epochs that nothing interrupted."""
    folder = tmp_path_factory.mktemp("det_reference")
    run("train", write_recipe(folder / "recipe.yml", det_recipe(pages, folder / "run", Global__epoch_num=4)))
    return folder / "run"


@pytest.fixture(params=["rec", "det"])
def case(request: pytest.FixtureRequest) -> Case:
    """A recogniser's recipe and a detector's."""
    if request.param == "rec":
        return Case(request.getfixturevalue("data"), tiny_recipe, request.getfixturevalue("reference"))
    return Case(request.getfixturevalue("pages"), det_recipe, request.getfixturevalue("det_reference"))
