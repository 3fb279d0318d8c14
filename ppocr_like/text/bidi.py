"""The Unicode Bidirectional Algorithm (UAX #9) for one line of text: embedding levels, and the order on the page.

Rule names (P2, X1 ... L2) are those of https://www.unicode.org/reports/tr9/.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from ppocr_like.text.mirrors import CLOSING, OPENING, SAME_BRACKET

LTR, RTL = 0, 1  # levels of the two base directions; even levels run to the right, odd ones to the left
REMOVED = -1  # level of a character that rule X9 leaves out: embedding controls, zero-width joiners
MOST_DEPTH = 125
MOST_BRACKETS = 63  # open ones that rule BD16 remembers
ISOLATES = {"LRI": LTR, "RLI": RTL, "FSI": None}
EMBEDDINGS = {"LRE": (LTR, ""), "RLE": (RTL, ""), "LRO": (LTR, "L"), "RLO": (RTL, "R")}
NEUTRAL = frozenset(("B", "S", "WS", "ON", "LRI", "RLI", "FSI", "PDI"))
WITHOUT_WIDTH = frozenset(("BN", "RLE", "LRE", "RLO", "LRO", "PDF"))  # left out by rule X9
TRAILING = frozenset(("WS", "LRI", "RLI", "FSI", "PDI"))  # rule L1: at the end of a line they have the base direction


def classes(text: str) -> list[str]:
    """The bidirectional class of each character ("L" where Python's Unicode data know none)."""
    return [unicodedata.bidirectional(character) or "L" for character in text]


def base_level(text: str) -> int:
    """Rules P2 and P3: the direction of the first strong character outside isolates; left to right without one."""
    kinds = classes(text)
    return _first_strong(kinds, 0, len(kinds), _matching_pdi(kinds)) or LTR


def levels(text: str, base: int | None = None) -> list[int]:
    """The embedding level of each character of a line, REMOVED for those that rule X9 leaves out.

    Args:
        text: in logical order, without a paragraph separator but at its end.
        base: LTR or RTL; None: see `base_level`.
    """
    kinds = classes(text)
    pairs = _matching_pdi(kinds)
    if base is None:
        base = _first_strong(kinds, 0, len(kinds), pairs) or LTR
    found, resolved = _explicit(kinds, base, pairs)
    for sequence in _sequences(found, kinds, pairs, base):
        _resolve(sequence, resolved, text)
        for place in sequence.places:  # rules I1 and I2
            if sequence.level % 2:
                found[place] += resolved[place] != "R"
            else:
                found[place] += {"L": 0, "R": 1}.get(resolved[place], 2)
    _reset_ends(found, kinds, base)
    return found


def visual_order(levels: Sequence[int]) -> list[int]:
    """Rule L2: the places of the characters from left to right; removed ones are left out.

    It is its own inverse: with the levels of the characters in visual order it gives the logical order.
    """
    order = [place for place, level in enumerate(levels) if level != REMOVED]
    odd = [levels[place] for place in order if levels[place] % 2]
    if not odd:
        return order
    for lowest in range(max(levels[place] for place in order), min(odd) - 1, -1):
        start = None
        for i in range(len(order) + 1):
            inside = i < len(order) and levels[order[i]] >= lowest
            if inside and start is None:
                start = i
            elif not inside and start is not None:
                order[start:i] = order[start:i][::-1]
                start = None
    return order


def _matching_pdi(kinds: Sequence[str]) -> dict[int, int]:
    """Rule BD9: isolate initiator -> its PDI."""
    found: dict[int, int] = {}
    open_ones: list[int] = []
    for place, kind in enumerate(kinds):
        if kind in ISOLATES:
            open_ones.append(place)
        elif kind == "PDI" and open_ones:
            found[open_ones.pop()] = place
    return found


def _first_strong(kinds: Sequence[str], start: int, end: int, pairs: dict[int, int]) -> int | None:
    place = start
    while place < end:
        kind = kinds[place]
        if kind == "L":
            return LTR
        if kind in ("R", "AL"):
            return RTL
        if kind in ISOLATES:
            place = pairs.get(place, end)
        place += 1
    return None


def _explicit(kinds: Sequence[str], base: int, pairs: dict[int, int]) -> tuple[list[int], list[str]]:
    """Rules X1 to X9: (levels, classes under overrides)."""
    found, resolved = [base] * len(kinds), list(kinds)
    stack: list[tuple[int, str, bool]] = [(base, "", False)]  # level, override, isolate
    beyond, beyond_embeddings, valid = 0, 0, 0  # isolates and embeddings too deep for the stack; isolates on it
    for place, kind in enumerate(kinds):
        level, override, _ = stack[-1]
        if kind in EMBEDDINGS:
            wanted, forced = EMBEDDINGS[kind]
            found[place] = REMOVED
            deeper = _next_level(level, wanted)
            if deeper <= MOST_DEPTH and not beyond and not beyond_embeddings:
                stack.append((deeper, forced, False))
            elif not beyond:
                beyond_embeddings += 1
        elif kind in ISOLATES:
            found[place] = level
            resolved[place] = override or kind
            direction = ISOLATES[kind]
            if direction is None:
                direction = _first_strong(kinds, place + 1, pairs.get(place, len(kinds)), pairs) or LTR
            deeper = _next_level(level, direction)
            if deeper <= MOST_DEPTH and not beyond and not beyond_embeddings:
                valid += 1
                stack.append((deeper, "", True))
            else:
                beyond += 1
        elif kind == "PDI":
            if beyond:
                beyond -= 1
            elif valid:
                beyond_embeddings = 0
                while not stack[-1][2]:
                    stack.pop()
                stack.pop()
                valid -= 1
            level, override, _ = stack[-1]
            found[place] = level
            resolved[place] = override or kind
        elif kind == "PDF":
            found[place] = REMOVED
            if beyond:
                pass
            elif beyond_embeddings:
                beyond_embeddings -= 1
            elif not stack[-1][2] and len(stack) > 1:
                stack.pop()
        elif kind == "BN":
            found[place] = REMOVED
        elif kind == "B":
            found[place] = base
        else:
            found[place] = level
            resolved[place] = override or kind
    return found, resolved


def _next_level(level: int, direction: int) -> int:
    """The least deeper level of that direction."""
    return level + 1 + ((level + 1) % 2 != direction)


@dataclass
class _Sequence:
    """An isolating run sequence (BD13): its places, its level, and the directions at its ends (sos, eos)."""

    places: list[int]
    level: int
    before: str
    after: str


def _sequences(found: Sequence[int], kinds: Sequence[str], pairs: dict[int, int], base: int) -> list[_Sequence]:
    """Rule X10."""
    kept = [place for place, level in enumerate(found) if level != REMOVED]
    runs: list[list[int]] = []
    for place in kept:
        if runs and found[runs[-1][-1]] == found[place]:
            runs[-1].append(place)
        else:
            runs.append([place])
    run_of = {run[0]: run for run in runs}
    closed = {pdi: initiator for initiator, pdi in pairs.items()}
    sequences = []
    for run in runs:
        if run[0] in closed:  # goes on from the run that ends with its initiator
            continue
        places = list(run)
        while kinds[places[-1]] in ISOLATES and places[-1] in pairs:
            places += run_of[pairs[places[-1]]]
        level = found[places[0]]
        first, last = bisect_left(kept, places[0]), bisect_left(kept, places[-1])
        left = found[kept[first - 1]] if first else base
        # An isolate that is not closed runs to the end of the paragraph, which has the base direction.
        unclosed = kinds[places[-1]] in ISOLATES
        right = base if unclosed or last + 1 == len(kept) else found[kept[last + 1]]
        sequences.append(_Sequence(places, level, _side(max(level, left)), _side(max(level, right))))
    return sequences


def _side(level: int) -> str:
    return "R" if level % 2 else "L"


def _resolve(sequence: _Sequence, resolved: list[str], text: str) -> None:
    """Rules W1 to W7 and N0 to N2 for one sequence: every class becomes L, R, EN or AN."""
    places = sequence.places
    kinds = [resolved[place] for place in places]
    marks = [kind == "NSM" for kind in kinds]
    _weak(kinds, sequence.before)
    _brackets(kinds, marks, [text[place] for place in places], sequence)
    _neutral(kinds, sequence)
    for place, kind in zip(places, kinds, strict=True):
        resolved[place] = kind


def _weak(kinds: list[str], before: str) -> None:
    last, strong = before, before
    for i, kind in enumerate(kinds):
        if kind == "NSM":  # W1
            kind = "ON" if last in ISOLATES or last == "PDI" else last
        last = kind
        if kind == "EN" and strong == "AL":  # W2
            kind = "AN"
        elif kind in ("L", "R", "AL"):
            strong = kind
        kinds[i] = kind
    kinds[:] = ["R" if kind == "AL" else kind for kind in kinds]  # W3
    for i in range(1, len(kinds) - 1):  # W4
        one, kind, other = kinds[i - 1 : i + 2]
        if one == other and ((kind == "ES" and one == "EN") or (kind == "CS" and one in ("EN", "AN"))):
            kinds[i] = one
    i = 0
    while i < len(kinds):  # W5
        end = i
        while end < len(kinds) and kinds[end] == "ET":
            end += 1
        if end > i and "EN" in (kinds[i - 1] if i else "", kinds[end] if end < len(kinds) else ""):
            kinds[i:end] = ["EN"] * (end - i)
        i = max(end, i + 1)
    strong = before
    for i, kind in enumerate(kinds):
        if kind in ("ES", "ET", "CS"):  # W6
            kinds[i] = "ON"
        elif kind == "EN" and strong == "L":  # W7
            kinds[i] = "L"
        elif kind in ("L", "R"):
            strong = kind


def _brackets(kinds: list[str], marks: Sequence[bool], characters: Sequence[str], sequence: _Sequence) -> None:
    """Rule N0: a pair of brackets has the direction of what is within, or of what is before."""
    embedding = _side(sequence.level)
    for start, end in _bracket_pairs(kinds, characters):
        within = {_strong(kind) for kind in kinds[start + 1 : end]}
        if embedding in within:
            direction = embedding
        elif within & {"L", "R"}:
            before = next((strong for kind in reversed(kinds[:start]) if (strong := _strong(kind))), sequence.before)
            direction = before if before != embedding else embedding
        else:
            continue
        for place in (start, end):
            kinds[place] = direction
            following = place + 1
            while following < len(kinds) and marks[following]:
                kinds[following] = direction
                following += 1


def _bracket_pairs(kinds: Sequence[str], characters: Sequence[str]) -> list[tuple[int, int]]:
    """Rule BD16, in the order of the opening brackets."""
    pairs: list[tuple[int, int]] = []
    stack: list[tuple[str, int]] = []
    for place, character in enumerate(characters):
        if kinds[place] != "ON":
            continue
        if character in OPENING:
            if len(stack) == MOST_BRACKETS:
                break
            closing = OPENING[character]
            stack.append((SAME_BRACKET.get(closing, closing), place))
        elif character in CLOSING:
            wanted = SAME_BRACKET.get(character, character)
            for depth in range(len(stack) - 1, -1, -1):
                if stack[depth][0] == wanted:
                    pairs.append((stack[depth][1], place))
                    del stack[depth:]
                    break
    return sorted(pairs)


def _strong(kind: str) -> str:
    """Numbers count as right to left among neutrals."""
    return "R" if kind in ("R", "EN", "AN") else "L" if kind == "L" else ""


def _neutral(kinds: list[str], sequence: _Sequence) -> None:
    """Rules N1 and N2."""
    i = 0
    while i < len(kinds):
        end = i
        while end < len(kinds) and kinds[end] in NEUTRAL:
            end += 1
        if end > i:
            left = _strong(kinds[i - 1]) if i else sequence.before
            right = _strong(kinds[end]) if end < len(kinds) else sequence.after
            kinds[i:end] = [left if left == right else _side(sequence.level)] * (end - i)
        i = max(end, i + 1)


def _reset_ends(found: list[int], kinds: Sequence[str], base: int) -> None:
    """Rule L1: separators, and the spaces before them and at the end of the line, have the base direction."""
    at_end = True
    for place in range(len(kinds) - 1, -1, -1):
        if kinds[place] in ("B", "S"):
            found[place], at_end = base, True
        elif kinds[place] in WITHOUT_WIDTH:
            continue
        elif kinds[place] in TRAILING and at_end:
            found[place] = base
        else:
            at_end = False
