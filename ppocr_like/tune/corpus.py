"""Lines of labels, as a recogniser emits them: of its training set, or of any text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ppocr_like.charset import Charset
from ppocr_like.config import Builder, Recipe
from ppocr_like.config.loader import AUTO
from ppocr_like.data.classes import training_codec
from ppocr_like.data.spelling import spelling, spelt_texts
from ppocr_like.errors import ConfigError, DataError, Problem
from ppocr_like.outside import LARGE, load_text
from ppocr_like.text import BaseDir

_TABBED = 0.5  # share of lines with a tab from which on a text is taken for a label file


@dataclass
class Corpus:
    """Lines of labels.

    Args:
        charset: whose classes they are.
        lines: of each line its classes.
        unknown: characters that the charset lacks, which are left out, and how often each stood there.
    """

    charset: Charset
    lines: list[list[int]] = field(default_factory=list)
    unknown: Counter[str] = field(default_factory=Counter)

    def add(self, texts: Iterable[tuple[str, BaseDir]]) -> None:
        """Adds texts, each with the base direction that its file tells ("": none)."""
        known: dict[str, bool] = {}
        for text, base_dir in texts:
            line = self.charset.encode(text, base_dir)
            if line:
                self.lines.append(line)
            for character in set(text):
                if character not in known:
                    known[character] = not self.charset.unknown(character)
            if not self.charset.by_character or not all(known[character] for character in set(text)):
                self.unknown.update(self.charset.unknown(text))

    @property
    def labels(self) -> int:
        """How many."""
        return sum(map(len, self.lines))


def recipe_corpus(recipe: Recipe, files: Sequence[str | Path] = (), training: bool = True) -> Corpus:
    """The lines of a recogniser's training set, of texts, or of both, by the recipe's own rules: `TextNormalize`, character set
    or codec, text direction.

    Args:
        recipe: of a recogniser.
        files: UTF-8, a line of text a line; read as they are, as long as they are.
        training: take the training set.

    Raises:
        ConfigError: no recogniser, or a part that cannot be built.
        DataError: a file that cannot be read or is no text; nothing of all that can be written with the character set.
    """
    builder = Builder(recipe)
    if not builder.reads_text:
        raise ConfigError(
            [Problem("Architecture.model_type", f"is {builder.task}; a recogniser (rec) has labels")], recipe.source
        )
    corpus = Corpus(corpus_charset(builder))
    builder = builder.reading(corpus.charset)
    if training:
        dataset = builder.dataset("Train")
        for piece in spelt_texts(dataset):
            told = piece.base_dirs or [""] * len(piece.texts)
            corpus.add((text, base_dir) for text, base_dir in zip(piece.texts, told, strict=True) if text)
    spelt = spelling(builder.bind_dataset("Train").kwargs.get("transforms") or [])
    for file in files:
        corpus.add((spelt(line), "") for line in _texts(file))
    if not corpus.lines:
        where = ", ".join(map(str, [*(["the training set"] if training else []), *files]))
        raise DataError(f"there is not one label to count: no text of {where} has a character that the network knows")
    return corpus


def corpus_charset(builder: Builder) -> Charset:
    """The character set that a recipe names; of one that names none, and has weights, that of the weights.

    Raises:
        ConfigError, WeightsError: it cannot be read.
    """
    settings = builder.settings
    if settings.codec == AUTO:
        return training_codec(builder.recipe)
    if settings.codec is None and settings.character_dict_path is None and (settings.checkpoints or settings.pretrained_model):
        from ppocr_like.weights import charset_of_weights  # with it torch, which a recipe's own classes do not need

        charset = charset_of_weights(settings)
        if charset is not None:
            return charset
    assert builder.charset is not None
    return builder.charset


def _texts(file: str | Path) -> Iterator[str]:
    """The lines of a text that are not empty."""
    lines = [line.removesuffix("\r") for line in load_text(file, LARGE).split("\n")]
    lines = [line for line in lines if line.strip()]
    if sum("\t" in line for line in lines) > _TABBED * len(lines):
        raise DataError("looks like a label file, for its lines hold tabs; give the texts alone (cut -f2)", str(file))
    yield from lines
