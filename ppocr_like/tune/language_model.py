"""Makes a recogniser's language model: what `tools/make_lm.py` calls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ppocr_like.atomic import atomic_write, write_text
from ppocr_like.errors import ConfigError, Problem
from ppocr_like.postprocess.ngram.arpa import arpa_text
from ppocr_like.postprocess.ngram.kneser_ney import FALL_BACK, Estimate, estimate_labels
from ppocr_like.postprocess.ngram.model import MAX_ORDER, perplexity
from ppocr_like.postprocess.ngram.table import SUFFIX, write_table
from ppocr_like.postprocess.ngram.tokens import class_tokens
from ppocr_like.printable import one_line
from ppocr_like.tune.corpus import Corpus

ARPA = ".arpa"
HELD_OUT = 10  # every tenth line
SHOWN = 12


@dataclass(frozen=True, eq=False)
class LanguageModel:
    """A model of all lines, and how well one of nine tenths of them knew the others.

    Args:
        corpus: what it was made of.
        estimate: the model with its discounts.
        held_out: lines that the other model was measured on.
        perplexity: of a label of them, their ends counted; None where there were too few lines.
    """

    corpus: Corpus
    estimate: Estimate
    held_out: int
    perplexity: float | None

    def told(self) -> list[str]:
        """Lines for people."""
        corpus, model = self.corpus, self.estimate.model
        different = len({label for line in corpus.lines for label in line})
        lines = [
            f"{len(corpus.lines):,} lines of {corpus.labels:,} labels, {different} different of "
            f"{corpus.charset.num_classes - 1} that the network knows"
        ]
        if corpus.unknown:
            named = ", ".join(f"{one_line(c)!r} ({count:,})" for c, count in corpus.unknown.most_common(SHOWN))
            more = f" and {len(corpus.unknown) - SHOWN} more" if len(corpus.unknown) > SHOWN else ""
            lines.append(f"{corpus.unknown.total():,} characters that it does not know are left out: {named}{more}")
        counts = ", ".join(f"{len(level):,} of {number}" for number, level in enumerate(model.levels, 1))
        lines.append(f"n-grams: {counts}")
        fallen = [str(number) for number, one in enumerate(self.estimate.discounts, 1) if one.fallen_back]
        if fallen:
            values = ", ".join(f"{value:g}" for value in FALL_BACK)
            lines.append(f"n-grams of {', '.join(fallen)}: the counts of counts give no discounts; {values} are taken")
        if self.perplexity is None:
            lines.append(f"too few lines to hold some back: a perplexity is measured from {HELD_OUT} lines on")
        else:
            rest = f"every {HELD_OUT}th line ({self.held_out:,}), by a model of the other lines"
            lines.append(f"perplexity {self.perplexity:.2f} a label: {rest}")
        return lines


def make_language_model(corpus: Corpus, order: int = 6) -> LanguageModel:
    """Counts and measures.

    Raises:
        ConfigError: an order out of bounds.
    """
    if not 2 <= order <= MAX_ORDER:
        raise ConfigError([Problem("--order", f"is {order}; it must be from 2 to {MAX_ORDER}")])
    held = corpus.lines[HELD_OUT - 1 :: HELD_OUT]
    rest = [line for place, line in enumerate(corpus.lines, 1) if place % HELD_OUT]
    measured = None
    if held:
        model = estimate_labels(rest, corpus.charset, order).model
        words = [model.places.get(token, 0) for token in class_tokens(corpus.charset)]
        measured = perplexity(model, [[words[label] for label in line] for line in held])
    return LanguageModel(corpus, estimate_labels(corpus.lines, corpus.charset, order), len(held), measured)


def model_files(out: str | Path) -> list[Path]:
    """What `write_language_model` writes: the file named, or for a name that ends otherwise one of each kind."""
    out = Path(out)
    if out.suffix in (ARPA, SUFFIX):
        return [out]
    return [out.with_name(out.name + suffix) for suffix in (ARPA, SUFFIX)]


def write_language_model(made: LanguageModel, files: Sequence[Path]) -> None:
    """Writes the model in the kind that each file's name says.

    Raises:
        CheckpointError: a file cannot be written.
    """
    model = made.estimate.model
    for path in files:
        if path.suffix == ARPA:
            write_text(path, "".join(arpa_text(model)))
        else:
            atomic_write(path, lambda file: write_table(model, file))
