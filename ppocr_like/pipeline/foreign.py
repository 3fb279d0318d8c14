"""PP-OCR's models as PaddleOCR and RapidOCR give them to users: an ONNX file, or a folder with PaddleOCR's `inference.yml`.

An ONNX file alone says what it is by the sizes of its input and output; how images are prepared and results are read is then
what RapidOCR 3.10 does by default. PaddleOCR's `inference.yml` says it itself. (PaddleOCR's Paddle models have to be converted
to ONNX: `paddlex --paddle2onnx`.)
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from ppocr_like.charset import Charset
from ppocr_like.config import BucketByWidth
from ppocr_like.config.nodes import Node, item_node
from ppocr_like.errors import ConfigError, WeightsError
from ppocr_like.pipeline.onnx_backend import Graph
from ppocr_like.pipeline.spec import Spec
from ppocr_like.tasks import TASKS
from ppocr_like.text import DIRECTION_KEY, graph_direction

logger = logging.getLogger("ppocr_like")
CHARACTER = "character"  # metadata key that holds a recogniser's dictionary, one entry a line, as RapidOCR reads it
CHANNELS, LINE_HEIGHT, LEAST_WIDTH, WIDEST, STEP = 3, 48, 320, 3200, 8  # px: PP-OCR's lines; canvas widths, a stride apart
CLS_SIZE = (48, 192)  # px, height and width
TURNED = ["0", "180"]
HALF = [0.5, 0.5, 0.5]
DECODE: dict[str, Any] = {"DecodeImage": {"img_mode": "BGR", "channel_first": False}}
# RapidOCR 3.10's defaults. It bounds a page to 2000 px before it looks at `limit_side_len`.
PAGE_STEPS: list[dict[str, Any]] = [
    DECODE,
    {"DetResizeForTest": {"limit_side_len": 736, "limit_type": "min", "max_side_limit": 2000}},
    {"NormalizeImage": {"scale": "1./255.", "mean": HALF, "std": HALF, "order": "hwc"}},
    {"ToCHWImage": None},
]
PAGE_RESULT = {
    "name": "DBPostProcess", "thresh": 0.3, "box_thresh": 0.5, "max_candidates": 1000, "unclip_ratio": 1.6, "use_dilation": True,
    "score_mode": "fast", "box_type": "quad",
}  # fmt: skip
# Steps that PaddleOCR's inference.yml and this program call by the same names; those that read labels are left out.
KNOWN_STEPS = ("DecodeImage", "DetResizeForTest", "NormalizeImage", "ToCHWImage", "RecResizeImg", "SVTRRecResizeImg")
LEFT_OUT = ("KeepKeys",)
CLASSIFIER = "Topk"  # PaddleClas' post-processing


def graph_spec(graph: Graph) -> Spec:
    """The Spec of an ONNX file that has nothing beside it.

    Raises:
        WeightsError: no detector, recogniser or line classifier of PP-OCR's kind; or a recogniser without its dictionary.
    """
    kind = graph_kind(graph)
    if kind == "det":
        return _spec(graph, kind, list(PAGE_STEPS), dict(PAGE_RESULT))
    if kind == "cls":
        height, width = (given or usual for given, usual in zip(graph.given[2:], CLS_SIZE, strict=True))
        steps = [DECODE, {"ClsResizeImg": {"image_shape": [CHANNELS, height, width]}}]
        return _spec(graph, kind, steps, {"name": "ClsPostProcess", "label_list": list(TURNED)})
    if CHARACTER not in graph.metadata:
        raise WeightsError(
            f"{graph.path}: a recogniser without its dictionary: its metadata have no entry {CHARACTER!r} (RapidOCR's models "
            "have one), and there is no inference.yml beside it (PaddleOCR's name it there: PostProcess.character_dict)"
        )
    charset = _charset(graph, graph.metadata[CHARACTER].splitlines(), "its metadata")
    return _spec(graph, kind, [DECODE, _line_step(graph, LEAST_WIDTH)], {"name": "CTCLabelDecode"}, charset)


def paddle_spec(tree: Mapping[str, Any], graph: Graph, source: str) -> Spec:
    """The Spec of PaddleOCR's own `inference.yml`.

    It does not say whether the last class is a space: the number of the network's classes tells.

    Args:
        tree: the file's content.
        graph: the network.
        source: the file's name, for messages.

    Raises:
        WeightsError: incomplete, of another kind than the network, or with a step that is not known here.
    """
    try:
        return _described(tree, graph, source)
    except (LookupError, TypeError, AttributeError, ValueError, ArithmeticError) as error:
        raise WeightsError(f"{source}: incomplete or damaged ({error!r}); get the model's folder anew") from error


def _described(tree: Mapping[str, Any], graph: Graph, source: str) -> Spec:
    kind = graph_kind(graph)
    try:
        ops, post = list(tree["PreProcess"]["transform_ops"]), dict(tree["PostProcess"])
        nodes = [item_node(op, "PreProcess.transform_ops", "transform") for op in ops]
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(
            f"{source}: has no section PpocrLike, as bundles have, nor is it PaddleOCR's of a text model ({error!r})"
        ) from error
    except ConfigError as error:
        raise WeightsError(f"{source}: {error}") from error
    name = CLASSIFIER if CLASSIFIER in post else str(post.get("name"))
    wanted = {"DBPostProcess": "det", "CTCLabelDecode": "rec", CLASSIFIER: "cls", "ClsPostProcess": "cls"}.get(name)
    if wanted != kind:
        raise WeightsError(f"{source}: PostProcess is {name}, but {graph.path.name} {graph.sizes}; are they of one model?")
    if kind == "cls":
        return _paddle_classifier(graph, nodes, post, source)
    steps = _steps(nodes, source)
    if kind == "det":
        return _spec(graph, kind, steps, post)
    entries = post.get("character_dict")
    if not isinstance(entries, list):
        raise WeightsError(f"{source}: PostProcess has no character_dict, the recogniser's dictionary")
    charset = _charset(graph, [str(entry) for entry in entries], source)
    width = next((node.args["image_shape"][2] for node in nodes if "image_shape" in node.args), LEAST_WIDTH)
    steps = [step for step in steps if next(iter(step)) in ("DecodeImage", "NormalizeImage")]
    return _spec(graph, kind, [*steps, _line_step(graph, int(width))], {"name": "CTCLabelDecode"}, charset)


def graph_kind(graph: Graph) -> str:
    """The model_type of a network of these sizes.

    Raises:
        WeightsError: none of the known ones.
    """
    (_, result), *_ = graph.outputs.items()
    pictures = len(graph.given) == 4 and graph.given[1] in (None, CHANNELS)
    if pictures and len(result) == 4 and result[1] in (None, 1):
        return "det"
    if pictures and len(result) == 3:
        return "rec"
    if pictures and len(result) == 2 and result[1] in (None, len(TURNED)):
        return "cls"
    raise WeightsError(
        f"{graph.path}: {graph.sizes}, which is none of PP-OCR's models known here: images (N, 3, H, W) -> a map (N, 1, H, W) of "
        "a detector, (N, steps, classes) of a recogniser, (N, 2) of a line classifier"
    )


def _spec(graph: Graph, kind: str, steps: list[Any], post: dict[str, Any], charset: Charset | None = None) -> Spec:
    """Lines get a canvas as wide as they need; a network of one width gets that."""
    bucket = None
    if kind == "rec" and graph.given[3] is None:
        least = next(iter(steps[-1].values()))["image_shape"][2]
        bucket = BucketByWidth(step=STEP, min_width=least, max_width=WIDEST)
    names = (graph.session.get_inputs()[0].name, next(iter(graph.outputs)))
    return Spec(
        steps, post, charset, bucket, model_type=kind, model_name=graph.path.stem, output=TASKS[kind].output, onnx_names=names
    )


def _line_step(graph: Graph, width: int) -> dict[str, Any]:
    """The network's own height and width win."""
    _, _, height, fixed = graph.given
    return {"RecResizeImg": {"image_shape": [CHANNELS, height or LINE_HEIGHT, fixed or width]}}


def _charset(graph: Graph, entries: list[str], source: str) -> Charset:
    """The classes: blank, entries, and a space where the network has one class more."""
    classes = next(iter(graph.outputs.values()))[2]
    space = classes is None or classes == len(entries) + 2
    try:
        charset = Charset(entries, space, direction=graph_direction(graph.metadata, entries))
    except ValueError as error:
        raise WeightsError(f"{graph.path}: {error}") from error
    if DIRECTION_KEY not in graph.metadata and (said := charset.describe_direction("as PaddleOCR's models")):
        logger.info("%s: %s", graph.path, said)
    if classes is not None and charset.num_classes != classes:
        raise WeightsError(
            f"{graph.path}: gives {classes} classes; {source} names {len(entries)} characters, which makes {len(entries) + 1} "
            f"or, with a space, {len(entries) + 2}: it is not the dictionary of this network"
        )
    return charset


def _steps(nodes: list[Node], source: str) -> list[Any]:
    """The steps that run on images."""
    kept = [node for node in nodes if node.name not in LEFT_OUT and not node.name.endswith("LabelEncode")]
    for node in kept:
        if node.name not in KNOWN_STEPS:
            raise WeightsError(f"{source}: {node.path}: {node.name} is not known here; known: {', '.join(KNOWN_STEPS)}")
    return [{node.name: node.args or None} for node in kept]


def _paddle_classifier(graph: Graph, nodes: list[Node], post: dict[str, Any], source: str) -> Spec:
    """PaddleClas' layout: RGB, stretched to `ResizeImage.size`, normalised as it says."""
    named = {node.name: node.args for node in nodes}
    size, normalize = named.get("ResizeImage", {}).get("size"), named.get("NormalizeImage")
    if not isinstance(size, list) or len(size) != 2 or normalize is None:
        raise WeightsError(f"{source}: a classifier's PreProcess needs ResizeImage with size [width, height] and NormalizeImage")
    labels = (post.get(CLASSIFIER) or {}).get("label_list") or TURNED
    numbers = {key: normalize[key] for key in ("scale", "mean", "std") if key in normalize}
    steps: list[Any] = [
        {"DecodeImage": {"img_mode": "RGB", "channel_first": False}},
        {"DetResizeForTest": {"image_shape": [int(size[1]), int(size[0])]}},
        {"NormalizeImage": {**numbers, "order": "hwc"}},
        {"ToCHWImage": None},
    ]
    return _spec(graph, "cls", steps, {"name": "ClsPostProcess", "label_list": [str(label) for label in labels]})
