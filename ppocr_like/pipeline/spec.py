"""`inference.yml`: what a model needs to know beside its weights."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from ppocr_like.charset import Charset, untold_direction
from ppocr_like.config import BucketByWidth, Builder, Recipe
from ppocr_like.config.nodes import item_node
from ppocr_like.config.typecheck import fit
from ppocr_like.config.yaml_guard import MAX_BYTES, parse_plain
from ppocr_like.errors import WeightsError
from ppocr_like.outside import Malformed, decode, read_file
from ppocr_like.pipeline.class_names import class_names, plain_chain
from ppocr_like.tasks import TASKS, task_of
from ppocr_like.text import told_direction

logger = logging.getLogger("ppocr_like")
SCHEMA = 1
FILE = "inference.yml"
SECTION = "PpocrLike"
LANGUAGE_MODEL = "lm.npz"  # in a bundle whose post-processing reads one
OWN_GLOBALS = ("infer_mode", "max_text_length")  # Global keys that win over a transform's own argument
FORMS = {"paddle": None, "ocrs": ("line_image", "chars")}  # of a recogniser's graph: names of its input and output, where fixed


class _Dumper(yaml.SafeDumper):
    """Texts that are not printable (U+0085, U+2028 ...) in double quotes, where they are escaped: PyYAML would write some of
    them as they are and read them back as line breaks."""


_Dumper.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')
)


@dataclass(frozen=True)
class Spec:
    """Pre-processing, post-processing and, where it reads text, character set of a model.

    Args:
        transforms: the recipe's Eval chain as plain data (label steps included; they are left out when it runs).
        postprocess: the recipe's PostProcess as plain data.
        charset: the classes; None for a model that reads no text.
        bucket: canvas widths; None takes the chain's own `image_shape`.
        settings: Global keys that the transforms depend on.
        model_type: name of the task (`tasks.TASKS`).
        model_name: for PaddleOCR's `Global.model_name`.
        output: the network output that the post-processing reads.
        onnx_names: names of the graph's input and output.
        folded: range of the input when the recipe's normalisation is part of the graph ("pixels", "half"; see
            `pipeline.normalise`); None when it is not. `transforms` then holds what remains to be done outside.
        form: of a recogniser's graph: "paddle" gives probabilities (N, T, classes), "ocrs" their logarithms (T, N, classes).
    """

    transforms: list[Any]
    postprocess: dict[str, Any]
    charset: Charset | None
    bucket: BucketByWidth | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    model_type: str = "rec"
    model_name: str = ""
    output: str = "ctc"
    onnx_names: tuple[str, str] = ("x", "ctc")
    folded: str | None = None
    form: str = "paddle"

    @classmethod
    def from_recipe(cls, recipe: Recipe, charset: Charset | None) -> Spec:
        """The model of a recipe: the chain of its (first) evaluation set, the canvas widths of its evaluation loader.

        Raises:
            WeightsError: there is no chain.
            ConfigError: `Eval.loader` is wrong.
        """
        chain = recipe.get("Eval.dataset.transforms")
        sets = recipe.get("Eval.datasets")
        if isinstance(sets, dict) and sets:
            chain = (next(iter(sets.values())) or {}).get("transforms", chain)
        if not isinstance(chain, list):
            raise WeightsError(f"{recipe.source}: Eval.dataset.transforms is missing; the pre-processing is taken from there")
        task = task_of(recipe.get("Architecture.model_type"))
        form = str(recipe.get("Global.export_form") or "paddle") if task.reads_text else "paddle"
        post = dict(recipe.get("PostProcess") or ({"name": task.postprocess} if task.postprocess else {}))
        if task.classes == "names":
            if (names := class_names(recipe, chain)) is not None:
                post["label_list"] = names
            chain = plain_chain(chain)
        return cls(
            transforms=chain,
            postprocess=post,
            charset=charset,
            bucket=Builder(recipe).loader("Eval").bucket_by_width if recipe.get("Eval.loader") else None,
            settings={key: recipe.get(f"Global.{key}") for key in OWN_GLOBALS if recipe.get(f"Global.{key}") is not None},
            model_type=task.name,
            model_name=recipe.get("Global.model_name") or recipe.get("Architecture.algorithm") or "",
            output=task.output,
            onnx_names=FORMS.get(form) or ("x", task.output),
            form=form,
        )

    def to_tree(self) -> dict[str, Any]:
        """The file's content: PaddleOCR's layout, and what it leaves out in a section of our own."""
        postprocess = dict(self.postprocess)
        own: dict[str, Any] = {
            "schema": SCHEMA,
            "model_type": self.model_type,
            "output": self.output,
            "onnx_names": list(self.onnx_names),
            "folded": self.folded,
            **({} if self.form == "paddle" else {"form": self.form}),
            "settings": self.settings,
            "bucket_by_width": None,
        }
        if self.charset is not None:
            postprocess["character_dict"] = list(self.charset.entries)
            postprocess["use_space_char"] = self.charset.use_space_char
            own["num_classes"] = self.charset.num_classes
            own["lower"] = self.charset.lower
            own["direction"] = self.charset.direction
        task = task_of(self.model_type)
        if task.classes == "names":  # under the names that RapidOCR and PaddleOCR's classifier know them by
            own |= {} if task.pages else {"cls_image_shape": self._image_shape()}
            own["label_list"] = list(self.postprocess.get("label_list") or [])
        if self.bucket is not None:
            least = self.bucket.step if self.bucket.min_width is None else self.bucket.min_width
            own["bucket_by_width"] = {"step": self.bucket.step, "min_width": least, "max_width": self.bucket.max_width}
        return {
            "Global": {"model_name": self.model_name},
            "PreProcess": {"transform_ops": self.transforms},
            "PostProcess": postprocess,
            SECTION: own,
        }

    def _image_shape(self) -> list[int] | None:
        """Of the step that resizes."""
        steps = [item_node(node, "PreProcess.transform_ops", "transform") for node in self.transforms]
        return next((list(step.args["image_shape"]) for step in steps if "image_shape" in step.args), None)

    def to_yaml(self) -> str:
        """The file's text."""
        return yaml.dump(self.to_tree(), Dumper=_Dumper, sort_keys=False, allow_unicode=True)

    @classmethod
    def from_tree(cls, tree: Any, source: str = FILE) -> Spec:
        """The reverse of `to_tree`.

        Raises:
            WeightsError: not a bundle of this program, a newer schema, or incomplete; `source` is named.
        """
        if not isinstance(tree, Mapping) or not isinstance(tree.get(SECTION), Mapping):
            raise WeightsError(f"{source}: has no section {SECTION}, so it was not written by this program's export")
        own = tree[SECTION]
        if own.get("schema") != SCHEMA:
            raise WeightsError(f"{source}: schema {own.get('schema')!r}, this program reads {SCHEMA}; update it or export again")
        try:
            post = _with_language_model(dict(tree["PostProcess"]), source)
            model_type, output = str(own["model_type"]), str(own["output"])
            if model_type not in TASKS or TASKS[model_type].output != output:
                raise ValueError(f"model_type {model_type!r} with output {output!r}")
            charset = _charset(post, own, source) if TASKS[model_type].reads_text else None
            bucket = own["bucket_by_width"]
            names, form = own.get("onnx_names") or ("x", output), str(own.get("form", "paddle"))
            if form not in FORMS:
                raise ValueError(f"form {form!r}; known: {', '.join(FORMS)}")
            return cls(
                transforms=list(tree["PreProcess"]["transform_ops"]),
                postprocess=post,
                charset=charset,
                bucket=None if bucket is None else _bucket(bucket),
                settings=dict(own["settings"]),
                model_type=model_type,
                model_name=str(tree["Global"]["model_name"]),
                output=output,
                onnx_names=(str(names[0]), str(names[1])),
                folded=own.get("folded"),
                form=form,
            )
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise WeightsError(f"{source}: incomplete or damaged ({error!r}); export the bundle again") from error


def _with_language_model(post: dict[str, Any], source: str) -> dict[str, Any]:
    """A post-processing whose language model, where it stands beside the file, has its whole path."""
    name = post.get("lm")
    beside = Path(source).parent / name if isinstance(name, str) else None
    return {**post, "lm": str(beside)} if beside is not None and beside.is_file() else post


def _bucket(given: Any) -> BucketByWidth:
    made, problems = fit(given, BucketByWidth, "bucket_by_width")
    if problems:
        raise ValueError("; ".join(map(str, problems)))
    return made


def _charset(post: dict[str, Any], own: Mapping[str, Any], source: str) -> Charset:
    """The classes of a recogniser; their entries are taken out of `post`."""
    entries, space = post.pop("character_dict"), bool(post.pop("use_space_char"))
    charset = Charset(entries, space, lower=bool(own["lower"]), direction=told_direction(own))
    if own.get("num_classes") != charset.num_classes or not all(isinstance(entry, str) for entry in entries):
        raise WeightsError(
            f"{source}: character_dict and use_space_char make {charset.num_classes} classes, the model has "
            f"{own.get('num_classes')}; the file was changed after the export. Export the bundle again"
        )
    said = untold_direction(own, charset)
    if said:
        logger.warning("%s: %s", source, said)
    return charset


def read_spec(folder: str | Path) -> Spec:
    """The Spec of a bundle folder.

    Raises:
        WeightsError: no such file, no YAML, or see `Spec.from_tree`.
    """
    path = Path(folder) / FILE
    return Spec.from_tree(read_tree(path), str(path))


def read_tree(path: Path) -> Any:
    """What stands in an `inference.yml`.

    Raises:
        WeightsError: no such file, or no YAML.
    """
    try:
        return parse_plain(decode(read_file(path, MAX_BYTES)))
    except OSError as error:
        raise WeightsError(f"{path}: {error.strerror or error}; a bundle has model.onnx and {FILE} in one folder") from error
    except Malformed as error:
        raise WeightsError(f"{path}: cannot be read ({error}); export the bundle again") from error
