"""The grammar of VGSL: a string of layers becomes a tree of tokens, or a ValueError that names the place.

`[1,120,0,1 Cr3,13,32 Do0.1,2 Mp2,2 ... O1c40]`: batch, height, width, channels of the images (0: any), then the layers. `[...]`
runs layers one after the other, `(...)` beside each other, with their channels joined.

Source: the tables of Tesseract's VGSL specs and of kraken's training guide.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

DEEPEST = 32  # groups within groups
MOST = 1000  # layers of one network

_NAME = r"(?P<name>\{[^{}\s.]+\})?"
_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)"


@dataclass(frozen=True)
class Form:
    """How a layer is written.

    Args:
        pattern: of the whole token.
        example: a token of this kind.
        meaning: the form in words.
        positive: numbers of the pattern that must be 1 or more.
    """

    pattern: re.Pattern[str]
    example: str
    meaning: str
    positive: tuple[str, ...] = ()


def _form(pattern: str, example: str, meaning: str, *positive: str) -> Form:
    return Form(re.compile(pattern.replace("NAME", _NAME).replace("NUM", _NUMBER)), example, meaning, positive)


FORMS = {
    "C": _form(
        r"C(?P<transposed>T)?(?P<act>lr|[strlm])NAME(?P<ky>\d+),(?P<kx>\d+),(?P<out>\d+)"
        r"(?:,(?P<sy>\d+),(?P<sx>\d+)(?:,(?P<dy>\d+),(?P<dx>\d+))?)?",
        "Cr3,13,32",
        "C[T](s|t|r|l|lr|m)<y>,<x>,<filters>[,<y stride>,<x stride>[,<y dilation>,<x dilation>]]",
        *("ky", "kx", "out", "sy", "sx", "dy", "dx"),
    ),
    "L": _form(
        r"(?P<cell>[LG])(?P<way>[frb])(?P<axis>[xy])(?P<last>s)?(?P<legacy>[co])?NAME(?P<out>\d+)",
        "Lbx200",
        "(L|G)(f|r|b)(x|y)[s][c|o]<outputs>",
        "out",
    ),
    "Do": _form(r"DoNAME(?P<share>NUM)?(?:,(?P<dims>\d+))?", "Do0.1,2", "Do[<share>][,<1 or 2>]"),
    "Mp": _form(
        r"MpNAME(?P<ky>\d+),(?P<kx>\d+)(?:,(?P<sy>\d+),(?P<sx>\d+))?",
        "Mp2,2",
        "Mp<y>,<x>[,<y stride>,<x stride>]",
        *("ky", "kx", "sy", "sx"),
    ),
    "S": _form(
        r"SNAME(?P<dim>\d+)\((?P<a>\d+)x(?P<b>\d+)\)(?P<high>\d+),(?P<low>\d+)",
        "S1(1x0)1,3",
        "S<dimension>(<a>x<b>)<dimension of a>,<dimension of b>, dimensions 0 batch, 1 height, 2 width, 3 channels",
    ),
    "Gn": _form(r"GnNAME(?P<groups>\d+)", "Gn32", "Gn<groups>", "groups"),
    "A": _form(r"ANAME(?P<dim>\d+),(?P<chunk>\d+)", "A3,64", "A<dimension>,<size of a chunk>", "chunk"),
    "I": _form(r"INAME", "I", "I"),
    "W": _form(
        r"WNAME(?P<out>\d+),(?P<width>\d+),(?P<share>NUM),(?P<negatives>\d+)",
        "W400,4,0.5,100",
        "W<outputs>,<width of a mask>,<share masked>,<negatives>",
        *("out", "width"),
    ),
    "O": _form(r"ONAME(?P<dims>[012])(?P<kind>[lsc])(?P<ones>a)?(?P<out>\d+)", "O1c80", "O(0|1|2)(l|s|c)[a]<classes>", "out"),
}
_INPUT = re.compile(r"(\d+),(\d+),(\d+),(\d+)")
_PIECE = re.compile(r"S(?:\{[^{}\s]*\})?\d*\([^()\s]*\)[^\s()\[\]]*|[^\s()\[\]]+|[()\[\]]")


@dataclass(frozen=True)
class Token:
    """One layer, or a group of layers.

    Args:
        kind: a key of `FORMS`, or "[" and "(" for groups.
        text: as it was written; of a group its bracket.
        place: 1-based character in the string.
        name: of the layer's module: the one in braces, else kind and number (`C_0`).
        values: what the form's named parts say.
        within: the layers of a group.
    """

    kind: str
    text: str
    place: int
    name: str = ""
    values: dict[str, str | None] = field(default_factory=dict)
    within: tuple[Token, ...] = ()

    def number(self, key: str, otherwise: int = 0) -> int:
        """A whole number of the token."""
        value = self.values.get(key)
        return otherwise if value is None else int(value)

    def leaves(self) -> Iterator[Token]:
        """The layers of this token in order; itself where it is none of a group."""
        if self.kind not in ("[", "("):
            yield self
        for token in self.within:
            yield from token.leaves()

    def told(self) -> str:
        """The token with the names of its layers in braces."""
        if self.within:
            return self.kind + " ".join(token.told() for token in self.within) + {"[": "]", "(": ")"}[self.kind]
        bare = re.sub(r"\{.*?\}", "", self.text)
        letters = re.match(r"[A-Za-z]*", bare)
        end = letters.end() if letters is not None and self.kind != "S" else 1
        return f"{bare[:end]}{{{self.name}}}{bare[end:]}"


@dataclass(frozen=True)
class Spec:
    """A network's string.

    Args:
        height, width: px of the images; 0: any.
        channels: of the images.
        layers: all layers but the output.
        output: the token `O...` at the end; None without one.
        batch: what the string says of it; not used.
    """

    height: int
    width: int
    channels: int
    layers: tuple[Token, ...]
    output: Token | None = None
    batch: int = 1

    def told(self) -> str:
        """The string again, with a name for each layer."""
        tokens = [*self.layers, *([self.output] if self.output is not None else [])]
        return f"[{self.batch},{self.height},{self.width},{self.channels} {' '.join(token.told() for token in tokens)}]"


def parse(text: str) -> Spec:
    """The tree of a string.

    Raises:
        ValueError: what is wrong, with the character at which it stands.
    """
    pieces = _pieces(text)
    if len(pieces) < 2 or pieces[0][0] != "[" or pieces[-1][0] != "]":
        raise ValueError(f"spec {_short(text)} does not stand in brackets; it is written [1,<height>,0,<channels> <layers>]")
    numbers = _INPUT.fullmatch(pieces[1][0])
    if numbers is None:
        raise ValueError(
            f"spec begins with {pieces[1][0]!r} where the images' size stands: "
            "<batch>,<height>,<width>,<channels>, 0 for any, as 1,120,0,1"
        )
    batch, height, width, channels = (int(number) for number in numbers.groups())
    if channels == 0:
        raise ValueError("spec says 0 channels; give 1 for gray images and 3 for colour")
    layers = _layers(pieces[2:-1], 0)
    output = layers.pop() if layers and layers[-1].kind == "O" else None
    if not layers:
        raise ValueError(f"spec {_short(text)} has no layer before the output")
    for token in (leaf for layer in layers for leaf in layer.leaves()):
        if token.kind == "O" and token.values["dims"] != "1":
            raise _wrong(token, "a map or a category is told at the end of the whole network, and once")
    return Spec(height, width, channels, tuple(layers), output, batch)


def parse_layers(text: str, first: int) -> tuple[tuple[Token, ...], Token | None]:
    """(layers, output) of a string without the images' size, as it extends a network.

    Args:
        first: layers that stand before them: unnamed ones are numbered from here.

    Raises:
        ValueError: see `parse`.
    """
    pieces = _pieces(text)
    if len(pieces) < 3 or pieces[0][0] != "[" or pieces[-1][0] != "]":
        raise ValueError(f"spec {_short(text)} does not stand in brackets, or holds no layer; it is written [<layers>]")
    layers = _layers(pieces[1:-1], first)
    output = layers.pop() if layers and layers[-1].kind == "O" else None
    return tuple(layers), output


def _pieces(text: str) -> list[tuple[str, int]]:
    """(piece, 1-based character): brackets and what stands between them and blanks."""
    return [(found[0], found.start() + 1) for found in _PIECE.finditer(text)]


def _layers(pieces: list[tuple[str, int]], first: int) -> list[Token]:
    """The tree of pieces; layers are numbered in the order of the string."""
    open_groups: list[tuple[str, int, list[Token]]] = [("", 0, [])]
    known: dict[str, Token] = {}
    count = first
    for piece, place in pieces:
        if piece in "[(":
            if len(open_groups) > DEEPEST:
                raise ValueError(f"spec, character {place}: groups are nested more than {DEEPEST} deep")
            open_groups.append((piece, place, []))
        elif piece in ")]":
            kind, start, within = open_groups.pop()
            if not open_groups:
                raise ValueError(f"spec, character {place}: {piece!r} closes nothing")
            if kind + piece not in ("[]", "()"):
                raise ValueError(f"spec, character {place}: {piece!r} closes the {kind!r} of character {start}")
            if not within:
                raise ValueError(f"spec, character {start}: the group is empty; I is the layer that changes nothing")
            open_groups[-1][2].append(Token(kind, kind, start, " ".join(t.name for t in within), within=tuple(within)))
        else:
            token = _token(piece, place)
            token = replace(token, name=token.name or f"{token.text[0] if token.kind == 'L' else token.kind}_{count}")
            if token.name in known:
                raise _wrong(token, f"the layer of character {known[token.name].place} has the name {token.name}, too")
            known[token.name] = token
            count += 1
            if count - first > MOST:
                raise ValueError(f"spec, character {place}: more than {MOST} layers")
            open_groups[-1][2].append(token)
    if len(open_groups) > 1:
        kind, start, _ = open_groups[-1]
        raise ValueError(f"spec, character {start}: {kind!r} is not closed")
    return open_groups[0][2]


def _token(piece: str, place: int) -> Token:
    kinds = [kind for kind in FORMS if piece.startswith(("L", "G") if kind == "L" else kind)]
    if piece.startswith("Gn"):
        kinds = ["Gn"]
    for kind in kinds:
        form = FORMS[kind]
        found = form.pattern.fullmatch(piece)
        if found is not None:
            values = found.groupdict()
            token = Token(kind, piece, place, (values.pop("name") or "").strip("{}"), values)
            for key in form.positive:
                if values[key] is not None and int(values[key]) == 0:
                    raise _wrong(token, f"a number is 0; {kind} is written {form.meaning}")
            return token
    token = Token("", piece, place)
    if kinds:
        form = FORMS[kinds[0]]
        raise _wrong(token, f"not written as {form.meaning}; the nearest that is: {_nearest(piece, form.example)}")
    close = difflib.get_close_matches(piece, [form.example for form in FORMS.values()], n=1, cutoff=0.4)
    nearest = f"; the nearest is {close[0]}" if close else ""
    raise _wrong(token, f"no such layer{nearest}; layers begin with {', '.join([*FORMS, 'G'])}")


def _nearest(piece: str, example: str) -> str:
    """`example` with the numbers of `piece` where those fit."""
    numbers = re.findall(r"\d+", re.sub(r"\{.*?\}", "", piece))
    places = list(re.finditer(r"\d+", example))
    if len(numbers) < len(places) or not places:
        return example
    made, last = [], 0
    for place, number in zip(places, numbers, strict=False):
        made += [example[last : place.start()], number]
        last = place.end()
    return "".join(made) + example[last:]


def _wrong(token: Token, what: str) -> ValueError:
    return ValueError(f"spec, character {token.place}, {_short(token.text)}: {what}")


def _short(text: str) -> str:
    return repr(text if len(text) <= 60 else f"{text[:57]}...")
