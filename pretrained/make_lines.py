"""Synthetic lines for configs/rec/svtr_small_pretrain.yml: word lists and manual pages of a Debian system, set in its fonts.

    apt-get install --no-install-recommends $(python pretrained/make_lines.py --packages)
    python pretrained/make_lines.py --out train_data/rec --dict train_data/pretrain_dict.txt
    python pretrained/make_lines.py --out train_data/rec --dict train_data/pretrain_dict.txt --photos \\
        train_data/det/icdar15_train.txt

writes `synth_print`, `synth_type`, `synth_hand`, `synth_word` and `synth_slip` under --out, with a label file beside each, or
with --photos `synth_scene` alone: words on pieces of these photos that hold no text. Interrupted, it goes on when it is called
again.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

PACKAGES = """
    fonts-adf-oldania fonts-breip fonts-cantarell fonts-cmu fonts-comfortaa fonts-comic-neue fonts-courier-prime
    fonts-crosextra-caladea fonts-crosextra-carlito fonts-dancingscript fonts-dejavu fonts-dkg-handwriting fonts-ebgaramond
    fonts-ecolier-court fonts-fanwood fonts-femkeklaver fonts-freefont-ttf fonts-gfs-artemisia fonts-gfs-didot
    fonts-gfs-neohellenic fonts-gfs-porson fonts-gnutypewriter fonts-goudybookletter fonts-gotico-antiqua fonts-hack
    fonts-havana fonts-inconsolata fonts-junicode fonts-jura fonts-karla fonts-kaushanscript fonts-kristi fonts-lato
    fonts-league-mono fonts-league-spartan fonts-leckerli-one fonts-levien-typoscript fonts-liberation fonts-linuxlibertine
    fonts-lmodern fonts-lobster fonts-monofur fonts-noto-mono fonts-oldstandard fonts-open-sans fonts-oxygen fonts-play
    fonts-quicksand fonts-roboto fonts-roboto-slab fonts-rufscript fonts-sil-gentium fonts-sil-gentiumplus fonts-sjfonts
    fonts-texgyre fonts-urw-base35
    manpages manpages-de manpages-es manpages-fr
    wamerican wbritish wcatalan wdanish wdutch wfrench witalian wngerman wnorwegian wogerman wpolish wportuguese wspanish wswedish
"""
NEAR = 20  # px around a box that count as its own
WORDS = Path("/usr/share/dict")
LISTS = """
    american-english british-english catalan danish dutch french italian ngerman nynorsk ogerman polish portuguese spanish
    swedish
"""
MANUALS = Path("/usr/share/man")
FONTS = (Path("/usr/share/fonts"), Path("/usr/share/texmf/fonts"))
NOT_LETTERS = re.compile(
    r"bwht|D050|Standard|Symbol|Dingbat|OpenSymbol|[Mm]ath|lmdunh|cmex|karlatamil|-SC|[Cc]aps|Initials", re.ASCII
)
TYPEWRITERS = re.compile(
    r"courier|gnutypewriter|(DejaVuSans|Liberation|Oxygen|NotoSans)Mono-|FreeMono|NimbusMono|cmunt[tx]|cmunit|texgyrecursor|lmmono(?!prop)",
    re.ASCII,
)
MONOSPACED = re.compile(r"league-mono|hack/|inconsolata|monofur|NotoMono", re.ASCII)
HANDS = re.compile(
    r"breip|fifthhorseman|rufscript|femke|dancing|ecolier|sjfonts|kristi|havana|Z003|comic-neue|kaushan|leckerli|chorus"
    r"|TypoScript",
    re.ASCII,
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, help="folder of the sets")
    parser.add_argument("--dict", type=Path, help="dictionary of the recipe")
    parser.add_argument("--packages", action="store_true", help="name Debian's packages and end")
    parser.add_argument("--photos", type=Path, help="label file of scenes for detection, images beside it")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the usual number of lines")
    args = parser.parse_args()
    if args.packages:
        print(*PACKAGES.split())
        return
    if args.out is None or args.dict is None:
        parser.error("--out and --dict are needed")
    if not args.dict.is_file():
        parser.error(f"--dict {args.dict} is no file; the characters that lines may hold stand there, one a line")
    texts, kinds = Texts(np.random.default_rng(1024)), fonts_of_kinds()
    paper = "invert=0 colour=0.2 perspective=0.1 rotation=0.7"
    sets = [
        ("print", ("running", "mixed"), kinds["print"], 14000, "length=[4,60] invert=0.03 perspective=0.15 rotation=1"),
        (
            "type",
            ("running", "mixed"),
            kinds["type"],
            10000,
            f"length=[4,70] {paper} uneven=0.6 blur=0.5 bold=0.3 underline=0.08",
        ),
        ("hand", ("running", "mixed"), kinds["hand"], 8000, f"length=[8,55] {paper} curve=0.4 neighbours=0.4"),
        (
            "slip",
            ("slip",),
            kinds["type"] + kinds["mono"] + kinds["print"],
            8000,
            f"length=[1,45] {paper} colour=0 low_resolution=0.5",
        ),
        (
            "word",
            ("word",),
            kinds["print"] + kinds["mono"],
            16000,
            "length=[1,16] height=[14,64] invert=0.45 colour=0.9 perspective=0.7 rotation=4 blur=0.55 low_resolution=0.55 "
            "noise=0.4 bold=0.3 margin=[0,0.2]",
        ),
    ]
    if args.photos is not None:
        sets = [
            (
                "scene",
                ("scene",),
                kinds["print"] + kinds["mono"],
                16000,
                "length=[1,20] height=[14,56] colour=0.9 perspective=0.6 rotation=9 curve=0.3 blur=0.6 low_resolution=0.6 "
                "noise=0.5 jpeg=0.5 bold=0.4 uneven=0.4 underline=0 margin=[0,0.15]",
            )
        ]
    for name, kind, files, count, settings in sets:
        with tempfile.TemporaryDirectory() as folder:
            corpus = Path(folder) / f"{name}.txt"
            corpus.write_text("".join(getattr(texts, k)() + "\n" for _ in range(20000) for k in kind), encoding="utf-8")
            grounds = [] if args.photos is None else ["--backgrounds", _grounds(args.photos, Path(folder) / "grounds")]
            print(f"synth_{name}: {len(files)} fonts", flush=True)
            made = subprocess.run(
                [
                    *(sys.executable, "tools/synth.py", "--corpus", str(corpus), "--fonts", *files, *grounds),
                    *("--out", str(args.out / f"synth_{name}"), "--count", str(int(count * args.scale))),
                    *("--dict", str(args.dict), "--suffix", ".jpg", "--set", *settings.split()),
                ],
                check=False,
            )
            if made.returncode:
                sys.exit(f"synth_{name}: tools/synth.py ended with {made.returncode}, see above; call again to go on")
        labels = (args.out / f"synth_{name}" / "labels.txt").read_text(encoding="utf-8").splitlines(keepends=True)
        (args.out / f"synth_{name}_train.txt").write_text("".join(f"synth_{name}/{line}" for line in labels), encoding="utf-8")


def read_photos(labels: Path) -> Iterator[tuple[np.ndarray, list[dict[str, Any]], np.ndarray]]:
    """(BGR image, boxes, (H, W) uint8 that is 1 where no box is near) of each photo that a label file names."""
    for number, line in enumerate(labels.read_text(encoding="utf-8").splitlines(), start=1):
        name, text = line.split("\t")
        photo = cv2.imread(str(labels.parent / name))
        if photo is None:
            sys.exit(f"{labels}, line {number}: {name} cannot be read as an image")
        free, boxes = np.ones(photo.shape[:2], np.uint8), json.loads(text)
        for box in boxes:
            points = np.array(box["points"]).astype(int)
            (left, top), (right, bottom) = np.maximum(points.min(axis=0) - NEAR, 0), points.max(axis=0) + NEAR
            free[top:bottom, left:right] = 0
        yield photo, boxes, free


def _grounds(labels: Path, folder: Path) -> str:
    """A folder of pieces of the photos that touch no labelled box, 12 of a photo at most."""
    folder.mkdir()
    rng = np.random.default_rng(1024)
    for number, (photo, _, free) in enumerate(read_photos(labels)):
        for draw in range(12):
            height = int(rng.integers(60, 160))
            width = int(height * rng.uniform(2, 5))
            top, left = (int(rng.integers(max(1, have - need))) for have, need in zip(free.shape, (height, width), strict=True))
            if free[top : top + height, left : left + width].all():
                cv2.imwrite(str(folder / f"{number:04d}_{draw:02d}.png"), photo[top : top + height, left : left + width])
    return str(folder)


def fonts_of_kinds() -> dict[str, list[str]]:
    """Files of the fonts: type (writers), hand, mono (spaced), print."""
    fonts = sorted(str(p) for place in FONTS for p in place.rglob("*") if p.suffix.lower() in (".ttf", ".otf"))
    fonts = [font for font in fonts if not NOT_LETTERS.search(font)]
    kinds = {
        "type": [f for f in fonts if TYPEWRITERS.search(f)],
        "hand": [f for f in fonts if HANDS.search(f)],
        "mono": [f for f in fonts if MONOSPACED.search(f)],
    }
    kinds["print"] = [f for f in fonts if not any(f in members for members in kinds.values())]
    if not all(kinds.values()):
        sys.exit("fonts are missing; install the packages of make_lines.py --packages")
    return kinds


class Texts:
    """Draws texts of several kinds."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng
        english = list(_manuals(""))
        self._words, self._pages, self._english = list(_words()), english + list(_manuals("fr", "de", "es")), len(english)
        if not self._words or not english:
            sys.exit("word lists or manual pages are missing; install the packages of make_lines.py --packages")

    def running(self) -> str:
        """A paragraph of a manual page."""
        return self._pages[int(self._rng.integers(len(self._pages)))]

    def mixed(self) -> str:
        """Words of one language, with its signs."""
        return _sentence(self._words, self._rng)

    def word(self) -> str:
        """What a sign says."""
        return _sign(self._words, self._rng)

    def scene(self) -> str:
        """A word that a photo shows by chance: short English words, those of running text more often, and numbers."""
        kind = self._rng.random()
        if kind < 0.15:
            return _number(self._rng)
        if kind < 0.55:
            found = re.findall(r"[A-Za-z][a-z]+", self._pages[int(self._rng.integers(self._english))])
            word = str(self._rng.choice(found)) if found else "the"
        else:
            few = [self._words[0][int(self._rng.integers(len(self._words[0])))] for _ in range(2)]
            word = min(few, key=len)
        word = _cased(word, self._rng, 0.5, 0.25)
        return word + ".,:!&-"[int(self._rng.integers(6))] if self._rng.random() < 0.05 else word

    def slip(self) -> str:
        """A line of a till receipt."""
        return _slip(self._words, self._rng)


def _words() -> Iterator[list[str]]:
    """Of each language."""
    for name in LISTS.split():
        path = WORDS / name
        if path.exists():
            data = path.read_bytes()
            try:
                text = data.decode("utf-8")
            except UnicodeDecodeError:  # Norwegian's
                text = data.decode("latin-1")
            yield [word for word in text.split() if not word.endswith("'s")]


def _manuals(*languages: str) -> Iterator[str]:
    """Paragraphs of manual pages, without their mark-up."""
    for language in languages:
        for path in sorted((MANUALS / language).glob("man[1578]/*.gz"))[:600]:
            source = gzip.decompress(path.read_bytes()).decode("utf-8", "ignore")
            lines = [line for line in source.splitlines() if line and line[0] not in ".'"]
            text = re.sub(r"\\f\[?[A-Z]+\]?|\\f.|\\&|\\[|/,^cp:]|\\s[-+]?\d+", "", "\n".join(lines))
            text = text.replace("\\-", "-").replace("\\(aq", "'").replace("\\e", "/").replace("\\ ", " ").replace("\\~", " ")
            for paragraph in re.split(r"(?<=[.!?])\n", text):
                joined = " ".join(paragraph.split())
                if len(joined) >= 40 and "\\" not in joined:
                    yield joined


def _cased(word: str, rng: np.random.Generator, upper: float, title: float) -> str:
    kind = rng.random()
    if kind < upper:
        return word.upper()
    return word[:1].upper() + word[1:] if kind < upper + title else word


def _number(rng: np.random.Generator) -> str:
    whole, part = int(10 ** rng.uniform(0, 4)), int(rng.integers(100))
    forms = [
        f"{whole}",
        f"{whole}.{part:02d}",
        f"{whole},{part:02d}",
        f"{part}%",
        f"{rng.integers(1, 29):02d}/{rng.integers(1, 13):02d}/{rng.integers(1950, 2027)}",
        f"{rng.integers(1, 29)}-{rng.integers(1, 13)}-{rng.integers(1900, 2027)}",
        f"{rng.integers(24):02d}:{rng.integers(60):02d}",
        f"({whole})",
        f"{rng.integers(1500, 2027)}",
        f"{rng.integers(10, 99)} {rng.integers(100, 999)} {rng.integers(1000, 9999)}",
        f"{rng.integers(10, 99)}-{rng.integers(1000000, 9999999)}",
    ]
    return forms[int(rng.integers(len(forms)))]


def _sentence(words: list[list[str]], rng: np.random.Generator) -> str:
    """Ten to twenty words of one language, with its signs."""
    of = words[int(rng.integers(len(words)))]
    upper = 1.0 if rng.random() < 0.08 else 0.02
    parts = []
    for _ in range(int(rng.integers(10, 20))):
        word = _number(rng) if rng.random() < 0.06 else _cased(of[int(rng.integers(len(of)))], rng, upper, 0.15)
        sign = rng.random()
        if sign < 0.04:
            left, right = [("«", "»"), ("(", ")"), ('"', '"'), ("„", "“"), ("“", "”"), ("« ", " »"), ("[", "]"), ("'", "'")][
                int(rng.integers(8))
            ]
            word = left + word + right
        elif sign < 0.3:
            word += [",", ".", ",", ".", ";", ":", " -", "!", "?", " –", "...", "-", " —", " &", " /", "’"][int(rng.integers(16))]
        parts.append(word)
    return " ".join(parts)


def _sign(words: list[list[str]], rng: np.random.Generator) -> str:
    """One to three words as signs show them; half of the time English."""
    of = words[0] if rng.random() < 0.5 else words[int(rng.integers(len(words)))]
    upper, title = [(1.0, 0.0), (0.0, 1.0), (0.0, 0.1)][int(rng.choice(3, p=[0.45, 0.3, 0.25]))]
    parts = [
        _number(rng) if rng.random() < 0.15 else _cased(of[int(rng.integers(len(of)))], rng, upper, title)
        for _ in range(int(rng.choice([1, 2, 3], p=[0.85, 0.1, 0.05])))
    ]
    mark = rng.random()
    if mark < 0.08:
        parts[-1] += "!.,:?-&'/"[int(rng.integers(9))]
    return " ".join(parts)


def _slip(words: list[list[str]], rng: np.random.Generator) -> str:
    """A line of a till receipt: names, addresses, amounts, in capitals."""
    of = words[0]

    def some(fewest: int, most: int) -> str:
        return " ".join(of[int(rng.integers(len(of)))].upper() for _ in range(int(rng.integers(fewest, most + 1))))

    whole, part = int(10 ** rng.uniform(0, 3)), int(rng.integers(100))
    money = f"{whole}.{part:02d}"
    forms = [
        money,
        money,
        f"{rng.choice(['RM', '$', 'EUR', '£', 'GBP', 'USD'])} {money}",
        f"{some(1, 3)} {money}",
        f"{rng.integers(1, 20)} X {money}",
        f"{some(1, 2)}: {_number(rng)}",
        some(1, 4),
        f"NO. {rng.integers(1, 200)}, {some(1, 3)}",
        f"{some(1, 2)} {rng.integers(1, 99)}/{rng.integers(1, 99)},",
        f"TEL: {rng.integers(10, 99)}-{rng.integers(1000, 9999)} {rng.integers(1000, 9999)}",
        _number(rng),
        f"{rng.integers(10**6, 10**13)}",
        f"({rng.integers(10**5, 10**6)}-{'ABDHKMPTUVWX'[int(rng.integers(12))]})",
        f"{some(1, 2)} ({some(1, 1)})",
        f"TOTAL {some(0, 2)} {money}".replace("  ", " "),
        f"{_number(rng)} {_number(rng)}",
    ]
    return forms[int(rng.integers(len(forms)))]


if __name__ == "__main__":
    main()
