"""`Global.eval_loss`: can the loss be computed on an evaluation set, from what its chain gives and keeps? No data is read."""

from __future__ import annotations

from collections.abc import Sequence

from ppocr_like.config.fit_checks import step_problems
from ppocr_like.contracts import Step, entry_name
from ppocr_like.errors import Problem

FOLLOW = "Optimizer.lr.follow"
TARGETS = ("label", "length", "shrink_", "threshold_")  # beginnings of the entries that say what is right


def loss_problems(
    model: object, loss: object, transforms: Sequence[Step], kept: Sequence[str] | None, path: str, trained: Sequence[Step]
) -> list[Problem]:
    """What keeps the loss from being computed on an evaluation set; nothing where model or loss could not be built.

    Args:
        transforms: the set's chain.
        kept: the names that its KeepKeys selects.
        path: YAML path of the chain.
        trained: the chain of the training set; empty where it is not known.
    """
    if model is None or loss is None or kept is None:
        return []
    if not callable(getattr(model, "answers", None)):
        return [Problem("Architecture", f"{type(model).__name__} has no method `answers` (see OcrModel), which the loss needs")]
    needs = dict.fromkeys((*getattr(model, "needs", ()), *getattr(loss, "needs", ())))
    missing = [need for need in needs if entry_name(need, kept) is None or _bare(need, transforms, trained)]
    if missing:
        return [Problem(path, _what_is_missing(loss, missing, transforms, kept, trained))]
    names = [name for need in needs if (name := entry_name(need, kept)) is not None and name.startswith(TARGETS)]
    return [*step_problems(model, transforms, path, training=True), *_other_targets(names, transforms, path, trained)]


def _what_is_missing(
    loss: object, missing: Sequence[str], transforms: Sequence[Step], kept: Sequence[str], trained: Sequence[Step]
) -> str:
    """The entries, and what must be added to the chain so that it has them."""
    names = ", ".join(need.replace("|", " or ") for need in missing)
    said = f"the loss ({type(loss).__name__}) and the network's head read {names}, but KeepKeys keeps only {', '.join(kept)}"
    absent = [need for need in missing if _giver(need.split("|"), transforms) is None]
    givers = {type(trained[at]).__name__ for need in absent if (at := _giver(need.split("|"), trained)) is not None}
    add = "" if set(names.split(", ")) <= set(kept) else f"add {'them' if len(missing) > 1 else 'it'} to keep_keys"
    if not givers:
        return f"{said}: {add}"
    steps = " and ".join(sorted(givers))
    if any(hasattr(step, "output_size") for step in transforms):
        where = f"put `- MakeEvalMaps: {{maps: [...]}}` with {steps} of the training chain behind the resizing step"
    else:
        where = f"put {steps} of the training chain before KeepKeys"
    return f"{said}: {where}" + (f", and {add}" if add else "")


def _bare(need: str, transforms: Sequence[Step], trained: Sequence[Step]) -> bool:
    """Whether it is the reader's own label, a text, of which the training chain makes numbers."""
    return need == "label" and _giver([need], transforms) is None and _giver([need], trained) is not None


def _other_targets(names: Sequence[str], transforms: Sequence[Step], path: str, trained: Sequence[Step]) -> list[Problem]:
    """Targets that a step makes which is not the training chain's, and maps at another size than the network's."""
    problems = []
    for name in names:
        here, there = _giver([name], transforms), _giver([name], trained)
        if here is None:
            continue
        step, where = transforms[here], f"{path}.{here}.{type(transforms[here]).__name__}"
        if "polys" in step.needs:
            if not hasattr(step, "maps") and any(hasattr(before, "output_size") for before in transforms[:here]):
                message = "draws polygons in px of the page as it came, not as the network sees it; put it into MakeEvalMaps.maps"
                problems.append(Problem(where, message))
        elif (
            there is not None and {"label"} <= {*step.needs} & {*trained[there].needs} and type(trained[there]) is not type(step)
        ):
            message = f"gives {name}, which {type(trained[there]).__name__} gives in training: the loss would be another one"
            problems.append(Problem(where, message))
    return list(dict.fromkeys(problems))


def _giver(names: Sequence[str], transforms: Sequence[Step]) -> int | None:
    """Place of the last step that makes one of the entries."""
    made = [(place, step) for place, step in enumerate(transforms) if type(step).__name__ != "KeepKeys"]
    found = [place for place, step in made if set(names) & set(step.gives)]
    return found[-1] if found else None


def asked_problems(asked: bool | None, follows: bool, first: bool, found: Sequence[Problem]) -> list[Problem]:
    """Those problems that are to be told: of a loss that `Global.eval_loss: true` or a schedule asks for.

    Args:
        asked: `Global.eval_loss`.
        follows: the schedule follows the loss.
        first: it is the set that the schedule follows.
    """
    if follows and asked is False:
        return [Problem(FOLLOW, "is loss, but Global.eval_loss is false; set it to null or true")] if first else []
    key = "Global.eval_loss: true" if asked else f"{FOLLOW}: loss" if follows and first else ""
    return [Problem(problem.path, f"{problem.message} (for {key})") for problem in found] if key else []
