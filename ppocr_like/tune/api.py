"""`tune`: what `tools/tune.py` calls."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ppocr_like.atomic import atomic_write
from ppocr_like.config import Builder, Recipe
from ppocr_like.config.edit import set_values
from ppocr_like.config.paddle.aliases import ALIASES
from ppocr_like.config.single import single_model, sub_model_names
from ppocr_like.config.yaml_io import parse
from ppocr_like.draw.charts import Series, line_chart
from ppocr_like.engine.api import load_model
from ppocr_like.engine.checkpoint import resolve_checkpoint
from ppocr_like.engine.device import choose_compute, set_threads
from ppocr_like.engine.objective import Objective
from ppocr_like.engine.ranks import Ranks
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.outside import load_text
from ppocr_like.postprocess.db import DBPostProcess
from ppocr_like.tune.grid import Grid, Setting, aligned
from ppocr_like.tune.maps import RESIZE, compute_maps, side_of, with_side
from ppocr_like.tune.search import Outcome, ranked, search
from ppocr_like.weights import resolve

CURVES = ("thresh", "box_thresh", "unclip_ratio", "side")
TABLE = 10
INDICATORS = ("hmean", "precision", "recall")


@dataclass
class Tuning:
    """What came out.

    Args:
        base: the recipe's own setting.
        outcomes: all settings, best first.
        images: of the set.
        map_seconds, search_seconds: time for the maps (little where they were there) and for the search.
        indicator: what was looked for.
    """

    base: Outcome
    outcomes: list[Outcome]
    images: int
    map_seconds: float
    search_seconds: float
    indicator: str = "hmean"

    @property
    def best(self) -> Outcome:
        return self.outcomes[0]

    def table(self, rows: int = TABLE) -> str:
        """The recipe's own setting and the best ones."""
        names = [field.name for field in fields(Setting)]
        head = ["", *names, "precision", "recall", "hmean"]
        lines = [head, _row("recipe", self.base)]
        lines += [_row(str(number), outcome) for number, outcome in enumerate(self.outcomes[:rows], 1)]
        return aligned(lines)

    def summary(self) -> str:
        """One line: how many settings, images and seconds."""
        count = len(self.outcomes)
        return (
            f"{count} settings on {self.images} images: maps {self.map_seconds:.1f} s, search {self.search_seconds:.1f} s "
            f"({100 * self.search_seconds / count:.2f} s per hundred settings)"
        )

    def changes(self) -> dict[str, Any]:
        """YAML path -> value, where the best setting differs from the recipe's; list items by name."""
        old, new = asdict(self.base.setting), asdict(self.best.setting)
        found = {f"PostProcess.{name}": new[name] for name in old if name != "side" and new[name] != old[name]}
        if new["side"] != old["side"]:
            found[f"Eval.dataset.transforms.{RESIZE}.limit_side_len"] = new["side"]
        return found

    def write_results(self, folder: Path) -> list[Path]:
        """`results.json` (every setting) and `curves.png`: how each value acts with the others at their best."""
        folder.mkdir(parents=True, exist_ok=True)
        rows = [
            {**asdict(o.setting), "precision": o.counts.precision, "recall": o.counts.recall, "hmean": o.counts.hmean}
            for o in [self.base, *self.outcomes]
        ]
        content = json.dumps({"recipe": rows[0], "settings": rows[1:], "images": self.images}, indent=1)
        atomic_write(folder / "results.json", lambda file: file.write(content.encode()))
        charts = [chart for name in CURVES if (chart := self._curve(name)) is not None]
        files = [folder / "results.json"]
        if charts:
            picture = Image.fromarray(_grid_of(charts))
            atomic_write(folder / "curves.png", lambda file: picture.save(file, "PNG"))
            files.append(folder / "curves.png")
        return files

    def _curve(self, name: str) -> np.ndarray | None:
        best = asdict(self.best.setting)
        others = {key: value for key, value in best.items() if key != name}
        line = [o for o in self.outcomes if {**asdict(o.setting), **others} == asdict(o.setting)]
        if len(line) < 2:
            return None
        series = [
            Series(what, [(float(getattr(o.setting, name)), getattr(o.counts, what)) for o in line])
            for what in ("hmean", "precision", "recall")
        ]
        return line_chart(f"{name}, the other values at their best", name, series, mark=float(best[name]))


def tune(
    recipe: Recipe, grid: Grid, out: str | Path, *, set_name: str | None = None, indicator: str = "hmean", progress: bool = True
) -> Tuning:
    """Searches the grid on an evaluation set of the recipe. Components must be registered.

    Choose on pages that are neither trained on nor reported on: `Eval.dataset.label_file_list` says which.

    Args:
        out: folder for the maps (`maps/`, kept for the next call).
        set_name: evaluation set; None: the deciding one.
        indicator: hmean, precision or recall.

    Raises:
        ConfigError: not a detector with DBPostProcess, or values that it refuses.
        OcrError: weights, data.
    """
    builder = Builder(recipe)
    builder.check()
    if sub_model_names(recipe):
        recipe = single_model(recipe, recipe.globals.pretrained_sub_model)
        builder = Builder(recipe)
    post = builder.postprocess()
    if not isinstance(post, DBPostProcess):
        raise ConfigError([Problem("PostProcess.name", f"is {type(post).__name__}; only DBPostProcess can be tuned")])
    settings = recipe.globals
    base = Setting.of(post, side_of(recipe))
    if grid.side and base.side is None:
        with_side(recipe, grid.side[0])  # says why not
    grid = grid.around(base)
    _try_all(grid, post)
    name = set_name if set_name is not None else builder.eval_names()[0]
    if name not in builder.eval_names():
        raise ConfigError([Problem("Eval.datasets", f"has no set {name!r}; there: {', '.join(builder.eval_names())}")])
    compute = choose_compute(settings, Ranks())
    set_threads(settings.num_threads)
    start = time.perf_counter()
    objective = Objective(compute.place(load_model(recipe)[1]), None, compute)
    weights = resolve_checkpoint(settings.checkpoints) if settings.checkpoints else resolve(str(settings.pretrained_model))
    folder = Path(out) / "maps"
    maps = {side: compute_maps(with_side(recipe, side), objective, weights, name, folder, progress) for side in grid.sides}
    middle = time.perf_counter()
    outcomes = search(maps, grid, post, progress)
    found = next(outcome for outcome in outcomes if outcome.setting == base)
    order = ranked(outcomes, base, indicator)
    images = max(one.lost.images + len(one.maps) for one in maps.values())
    return Tuning(found, order, images, middle - start, time.perf_counter() - middle, indicator)


def write_recipe(path: str | Path, changes: dict[str, Any]) -> None:
    """Puts values into a recipe file, whose comments and layout stay; a name that the file writes as an alias keeps it.

    Raises:
        ConfigError: a value that cannot be set in this file, which is then left as it is.
    """
    path = Path(path).resolve()  # a link stays a link: it is the recipe that is asked for
    text = load_text(path)
    tree, _ = parse(text, str(path), say=lambda _: None)
    section = tree.get("PostProcess") if isinstance(tree, dict) else None
    written = {}
    for place, value in changes.items():
        head, _, name = place.rpartition(".")
        other = [alias for alias, real in ALIASES["DBPostProcess"].items() if real == name]
        if head == "PostProcess" and isinstance(section, dict) and name not in section:
            name = next((alias for alias in other if alias in section), name)
        written[f"{head}.{name}"] = value
    edited = set_values(text, written)
    atomic_write(path, lambda file: file.write(edited.encode("utf-8")))


def _try_all(grid: Grid, post: DBPostProcess) -> None:
    """Values that DBPostProcess refuses are found before anything is computed."""
    for name in ("thresh", "box_thresh", "unclip_ratio"):
        for value in getattr(grid, name):
            try:
                DBPostProcess(max_candidates=post.max_candidates, **{name: value})
            except ValueError as error:
                raise ConfigError([Problem(f"--grid {name}", str(error))]) from error


def _row(name: str, outcome: Outcome) -> list[str]:
    values = [_cell(value) for value in asdict(outcome.setting).values()]
    return [name, *values, *(f"{getattr(outcome.counts, what):.4f}" for what in ("precision", "recall", "hmean"))]


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "-" if value is None else str(value)


def _grid_of(charts: Sequence[np.ndarray]) -> np.ndarray:
    """Charts of one size, two in a row."""
    rows = []
    for start in range(0, len(charts), 2):
        pair = list(charts[start : start + 2])
        if len(pair) < 2:
            pair.append(np.full_like(pair[0], 255))
        rows.append(np.hstack(pair))
    return np.vstack(rows)
