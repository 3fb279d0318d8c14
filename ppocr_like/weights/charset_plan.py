"""Dictionary surgery: which output rows of a trained recogniser serve a changed dictionary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from ppocr_like.charset import NRTR_SPECIALS, SAR_SPECIALS, Charset
from ppocr_like.codec import Codec
from ppocr_like.errors import WeightsError

ResizeMode = Literal["fail", "union", "new"]
FRESH = -1


@dataclass(frozen=True)
class CharsetPlan:
    """How the classes of trained weights map to the classes of the model to be built.

    Args:
        charset: the model's character set.
        rows: for each class of `charset` the class of the weights whose row it takes, `FRESH` (-1) for a row that keeps
            its new initialisation. Row 0 (blank) maps to 0.
        kept: entries whose rows are taken over.
        new: entries that start fresh.
        dropped: entries of the weights that the model no longer has.
        old_classes: number of classes of the weights.
        mode: the resize mode that made the plan.
        assumed: the weights carry no character set; the recipe's one is taken to be theirs.
    """

    charset: Charset
    rows: tuple[int, ...]
    kept: tuple[str, ...]
    new: tuple[str, ...]
    dropped: tuple[str, ...]
    old_classes: int
    mode: ResizeMode = "fail"
    assumed: bool = False

    @property
    def identical(self) -> bool:
        """No row moves, none is new, none is dropped."""
        return self.old_classes == len(self.rows) and self.rows == tuple(range(len(self.rows)))

    def rows_for(self, encoder: str) -> tuple[tuple[int, ...], int]:
        """(`rows`, `old_classes`) of a parameter whose dim 0 are the classes of `encoder`: "ctc"; "nrtr", the specials, entries
        and a class that nothing uses; "sar", entries and the specials; "sar_out", as "sar" without the padding."""
        entries = self.rows[1:]
        old = self.old_classes - 1
        if encoder == "ctc":
            return self.rows, self.old_classes
        if encoder == "nrtr":
            before, behind = len(NRTR_SPECIALS), 1
        elif encoder in ("sar", "sar_out"):
            before, behind = 0, len(SAR_SPECIALS) - (encoder == "sar_out")
        else:
            raise WeightsError(f"no rule for the classes of the encoder {encoder!r}; known: ctc, nrtr, sar, sar_out")
        last = before + old  # the first class behind the entries
        moved = (row if row == FRESH else row - 1 + before for row in entries)
        return (*range(before), *moved, *range(last, last + behind)), before + old + behind

    def describe(self) -> str:
        """One line for the log."""
        if self.identical:
            return f"dictionary: the same {self.charset.num_classes} classes as in the weights"
        parts = [f"{len(self.kept)} characters kept", f"{len(self.new)} new{_sample(self.new)}"]
        parts.append(f"{len(self.dropped)} dropped{_sample(self.dropped)}")
        return f"dictionary (charset_resize: {self.mode}): {', '.join(parts)}; {self.charset.num_classes} classes"


def resize_charset(old: Charset, new: Charset, mode: ResizeMode) -> CharsetPlan:
    """The plan by which weights made for `old` serve a recipe whose dictionary is `new`.

    Modes (meaning as kraken's `--resize`):
        fail: the classes must be the same in the same order.
        union: old classes keep their indices, unknown characters are appended. The appended space of `use_space_char` is
            the last class of `old`, so the result lists it as an entry where it stands.
        new: the result is `new`; rows of known characters are taken over by character.

    Of a codec, on either side, an entry's classes take the rows that they had in the same entry (`_resize_codec`).

    Where an entry stands twice in `old`, the row of its last occurrence is the one that training used (see Charset).

    Raises:
        WeightsError: mode `fail` and the sets differ; unknown mode.
    """
    if mode not in get_args(ResizeMode):
        raise WeightsError(f"Global.charset_resize: {mode!r} is none of {', '.join(get_args(ResizeMode))}")
    if isinstance(old, Codec) or isinstance(new, Codec):
        return _resize_codec(old, new, mode)
    if old.labels == new.labels:
        return _identity(old, new, mode)
    if mode == "fail":
        raise WeightsError(_difference(old, new, _by_character(old, new)))
    return _by_character(old, new) if mode == "new" else _union(old, new)


def same_charset(charset: Charset, *, assumed: bool = False, mode: ResizeMode = "fail") -> CharsetPlan:
    """The plan that changes nothing."""
    return CharsetPlan(charset, tuple(range(charset.num_classes)), charset.keys, (), (), charset.num_classes, mode, assumed)


def _identity(old: Charset, new: Charset, mode: ResizeMode) -> CharsetPlan:
    return same_charset(new if (old.lower, old.direction) != (new.lower, new.direction) else old, mode=mode)


def _by_character(old: Charset, new: Charset) -> CharsetPlan:
    rows = [0]
    for entry in new.labels[1:]:
        index = old.index(entry)
        rows.append(FRESH if index is None else index)
    kept = tuple(e for e, row in zip(new.labels[1:], rows[1:], strict=True) if row != FRESH)
    fresh = tuple(e for e, row in zip(new.labels[1:], rows[1:], strict=True) if row == FRESH)
    dropped = tuple(e for e in dict.fromkeys(old.labels[1:]) if new.index(e) is None)
    return CharsetPlan(new, tuple(rows), kept, fresh, dropped, old.num_classes, "new")


def _union(old: Charset, new: Charset) -> CharsetPlan:
    fresh = tuple(entry for entry in dict.fromkeys(new.labels[1:]) if old.index(entry) is None)
    if fresh:
        charset = Charset((*old.labels[1:], *fresh), False, lower=new.lower, direction=new.direction)
    else:
        charset = Charset(old.entries, old.use_space_char, lower=new.lower, direction=new.direction)
    rows = (*range(old.num_classes), *([FRESH] * len(fresh)))
    return CharsetPlan(charset, rows, old.labels[1:], fresh, (), old.num_classes, "union")


def _resize_codec(old: Charset, new: Charset, mode: ResizeMode) -> CharsetPlan:
    """As `resize_charset`, by entries, each of which may have several classes: a class takes the row of the same place in the
    same entry. Under `union` the classes of new entries follow the old ones."""
    before, after = _classes(old), _classes(new)
    if before == after and old.num_classes == new.num_classes:
        return same_charset(new, mode=mode)
    rows = [0, *([FRESH] * (new.num_classes - 1))]
    for entry, classes in after.items():
        if len(classes) == len(before.get(entry, ())):
            for number, row in zip(classes, before[entry], strict=True):
                rows[number] = row if rows[number] == FRESH else rows[number]
    kept, fresh = (tuple(entry for entry in after if (entry in before) is known) for known in (True, False))
    dropped = tuple(entry for entry in before if entry not in after)
    plan = CharsetPlan(new, tuple(rows), kept, fresh, dropped, old.num_classes, "new")
    if mode == "fail":
        raise WeightsError(_difference(old, new, plan))
    if mode == "new":
        return plan
    moved = {number: row for number, row in enumerate(rows) if row != FRESH}
    added = dict.fromkeys(number for entry in fresh for number in after[entry] if number not in moved)
    moved |= {number: old.num_classes + place for place, number in enumerate(added)}
    try:
        whole = before | {entry: tuple(moved[number] for number in after[entry]) for entry in fresh}
        charset = Codec(whole, new.direction)
    except ValueError as error:
        raise WeightsError(f"Global.charset_resize: union: {error}; set new, which takes the recipe's codec as it is") from error
    unchanged = (*range(old.num_classes), *([FRESH] * len(added)))
    return CharsetPlan(charset, unchanged, tuple(before), fresh, (), old.num_classes, "union")


def _classes(charset: Charset) -> dict[str, tuple[int, ...]]:
    if isinstance(charset, Codec):
        return charset.mapping
    return {entry: (number,) for number, entry in enumerate(charset.labels) if number}


def _difference(old: Charset, new: Charset, plan: CharsetPlan) -> str:
    if plan.new or plan.dropped:
        what = (
            f"{len(plan.kept)} characters are in both, {len(plan.new)} new{_sample(plan.new)}, "
            f"{len(plan.dropped)} of the weights missing{_sample(plan.dropped)}"
        )
    else:
        what = f"the same {len(set(plan.kept))} characters, but in another order or number"
    return (
        f"the recipe's dictionary ({new.num_classes} classes) differs from the weights' ({old.num_classes}): {what}. "
        "Set Global.charset_resize: union (keep all old characters, append the new ones) or new (exactly the recipe's "
        "dictionary; rows of known characters are kept)"
    )


def _sample(entries: tuple[str, ...], limit: int = 10) -> str:
    if not entries:
        return ""
    shown = " ".join(e if e.isprintable() and not e.isspace() else repr(e) for e in entries[:limit])
    return f" ({shown}{' ...' if len(entries) > limit else ''})"
