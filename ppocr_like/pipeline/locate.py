"""From a path to a network on ONNX Runtime and what is to be known of it: our bundles, PaddleOCR's folders, ONNX files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ppocr_like.config.plugins import import_plugins
from ppocr_like.errors import WeightsError
from ppocr_like.pipeline.foreign import graph_kind, graph_spec, paddle_spec
from ppocr_like.pipeline.onnx_backend import MODEL, Graph, OnnxBackend, open_for
from ppocr_like.pipeline.settings_file import say_if_stale
from ppocr_like.pipeline.spec import FILE, SECTION, Spec, read_spec, read_tree
from ppocr_like.tasks import task_of

SUFFIX = ".onnx"
PADDLE_MODEL = "inference.onnx"  # what `paddlex --paddle2onnx` writes beside PaddleOCR's inference.yml
PADDLE_FILES = ("inference.pdmodel", "inference.json", "inference.pdiparams")
OURS = "ppocr_like"  # metadata `producer` of our exports


def on_onnx(model: str | Path) -> bool:
    """Whether `open_onnx` is to open it: an ONNX file, or a folder with one or with an `inference.yml`."""
    path = Path(model).expanduser()
    return path.suffix == SUFFIX or path.name == FILE or (path.is_dir() and ((path / FILE).is_file() or bool(_graphs(path))))


def open_onnx(model: str | Path, threads: int | None = None) -> tuple[Spec, OnnxBackend]:
    """A bundle (folder, or one of its files), a folder of PaddleOCR's with an ONNX file in it, or an ONNX file.

    Args:
        model: what the user names.
        threads: of ONNX Runtime; None lets it choose.

    Raises:
        WeightsError: nothing usable there.
        ConfigError: a plugin of the command line or the environment that cannot be imported.
    """
    import_plugins()
    path = Path(model).expanduser()
    named = path if path.suffix == SUFFIX and not path.is_dir() else None
    folder = path.parent if named is not None or path.name == FILE else path
    tree = read_tree(folder / FILE) if (folder / FILE).is_file() else None
    if isinstance(tree, Mapping) and SECTION in tree and (named is None or named.name == MODEL):
        spec = Spec.from_tree(tree, str(folder / FILE))
        say_if_stale(folder)
        return spec, OnnxBackend(folder, spec, threads)
    described = isinstance(tree, Mapping) and SECTION not in tree
    if named is None and not described:
        spec = read_spec(folder)  # says what is wrong
        return spec, OnnxBackend(folder, spec, threads)
    graph = Graph.open(named or _graph_of(folder), 1)
    if task_of(kind := graph_kind(graph)).pages:
        graph = open_for(graph.path, kind, threads)
    if isinstance(tree, Mapping) and described and (graph.path.name == PADDLE_MODEL or _graphs(folder) == [graph.path]):
        spec = paddle_spec(tree, graph, str(folder / FILE))
    elif graph.metadata.get("producer") == OURS:
        raise WeightsError(f"{graph.path}: belongs to a bundle of this program, and its {FILE} is not beside it")
    else:
        spec = graph_spec(graph)
    return spec, OnnxBackend(graph, spec, threads)


def _graphs(folder: Path) -> list[Path]:
    return sorted(folder.glob(f"*{SUFFIX}"))


def _graph_of(folder: Path) -> Path:
    """The ONNX file of a folder with PaddleOCR's `inference.yml`."""
    graphs = _graphs(folder)
    if (folder / PADDLE_MODEL) in graphs:
        return folder / PADDLE_MODEL
    if len(graphs) == 1:
        return graphs[0]
    if graphs:
        raise WeightsError(f"{folder}: has {len(graphs)} ONNX files and none is called {PADDLE_MODEL}; name the one to run")
    if any((folder / name).is_file() for name in PADDLE_FILES):
        raise WeightsError(
            f"{folder}: a model in Paddle's own format. Convert it (paddlex --paddle2onnx --paddle_model_dir {folder} "
            f"--onnx_model_dir {folder}), then give the folder again"
        )
    raise WeightsError(f"{folder / FILE}: is not of this program's export, and there is no ONNX file beside it")
