from __future__ import annotations

from pathlib import Path

import pytest

from .helpers import make_data, run, tiny_recipe, write_recipe


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
