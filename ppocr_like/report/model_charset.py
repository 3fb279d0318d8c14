"""The characters of a model, whatever holds it: weights, a bundle, an ONNX file, a folder of PaddleOCR's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ppocr_like.atomic import atomic_write
from ppocr_like.charset import Charset, dictionary_bytes
from ppocr_like.codec import Codec, codec_text
from ppocr_like.errors import WeightsError
from ppocr_like.pipeline.locate import on_onnx, open_onnx
from ppocr_like.pipeline.spec import FILE, SECTION, Spec, read_tree
from ppocr_like.weights import load_weights


def model_charset(source: str | Path) -> tuple[Charset, bool]:
    """The characters that a model knows.

    Args:
        source: weights (see `weights.resolve`), a bundle, an ONNX file with `character` in its metadata, or PaddleOCR's folder
            with `inference.yml` (with or without the network beside it).

    Returns:
        (the characters; whether it is known if the last class is a space: PaddleOCR's `inference.yml` alone does not say it).

    Raises:
        WeightsError: nothing usable there, or a model that does not say its characters.
    """
    path = Path(source).expanduser()
    folder = path.parent if path.name == FILE else path
    if folder.is_dir() and (folder / FILE).is_file():
        return _of_folder(folder)
    if on_onnx(path):
        charset = open_onnx(path)[0].charset
    else:
        weights = load_weights(source)
        charset, path = weights.charset, weights.path
    if charset is None:
        raise WeightsError(
            f"{path}: does not say its characters: it reads no text, or it is of a program whose weights do not hold them "
            "(PaddleOCR's .pdparams, ocrs' checkpoints); take the dictionary that it was trained with"
        )
    return charset, True


def _of_folder(folder: Path) -> tuple[Charset, bool]:
    tree = read_tree(folder / FILE)
    if isinstance(tree, Mapping) and SECTION in tree:
        charset = Spec.from_tree(tree, str(folder / FILE)).charset
        if charset is None:
            raise WeightsError(f"{folder}: is of a model that reads no text")
        return charset, True
    if any(folder.glob("*.onnx")):
        charset = open_onnx(folder)[0].charset
        if charset is None:
            raise WeightsError(f"{folder}: is of a model that reads no text")
        return charset, True
    post: Any = tree.get("PostProcess") if isinstance(tree, Mapping) else None
    entries = post.get("character_dict") if isinstance(post, Mapping) else None
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, (str, int)) for entry in entries):
        raise WeightsError(f"{folder / FILE}: has no PostProcess.character_dict, a recogniser's dictionary")
    return Charset([str(entry) for entry in entries]), False


def write_model_dictionary(source: str | Path, path: str | Path) -> str:
    """Writes a model's dictionary file, one entry a line in the order of its classes, or its codec; what to say of it.

    Raises:
        WeightsError: see `model_charset`.
        DataError: an entry that a dictionary file cannot hold.
        CheckpointError: the file cannot be written.
    """
    charset, known = model_charset(source)
    if isinstance(charset, Codec):
        atomic_write(path, lambda file: file.write(codec_text(charset.mapping).encode()))
        return f"{path}: the codec of {source}, {len(charset.keys)} entries, {charset.num_classes} classes; Global.codec: {path}"
    data = dictionary_bytes(charset.entries, path)
    atomic_write(path, lambda file: file.write(data))
    space = f"Global.use_space_char: {str(charset.use_space_char).lower()}"
    if not known:
        space = "whether a space follows them it does not say: Global.use_space_char is true for PaddleOCR's own models"
    if charset.direction != "ltr":
        space += f", Global.text_direction: {charset.direction}"
    return f"{path}: {len(charset.entries)} characters of {source}, in the order of its classes; {space}"
