"""Synthetic pages for configs/det/db_mv3_pretrain.yml, of the texts and fonts of make_lines.py.

    python pretrained/make_pages.py --out train_data/det --count 400

writes `synth_pages/*.jpg` and `synth_pages_train.txt` under --out: typed, printed and handwritten pages in one or two columns.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
from make_lines import Texts, fonts_of_kinds
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

from ppocr_like.draw.fonts import FontFile
from ppocr_like.synth.look import Paper, look
from ppocr_like.synth.settings import SynthSettings

STILL = {"rotation": 0.0, "curve": 0.0, "perspective": 0.0}  # else lines would leave their boxes
USUAL = {"invert": 0.1, "colour": 0.3, "uneven": 0.5, "blur": 0.4, "low_resolution": 0.2}
LEAST, MOST = 9, 115  # px of a font
TRIES = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the sets")
    parser.add_argument("--count", type=int, default=400)
    args = parser.parse_args()
    texts, kinds = Texts(np.random.default_rng(1024)), fonts_of_kinds()
    settings = SynthSettings(corpus=["-"], fonts=["-"], **STILL, **USUAL)
    folder = args.out / "synth_pages"
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for number in tqdm(range(args.count)):
        rng = np.random.default_rng([1024, number])
        kind = str(rng.choice(["type", "print", "hand"], p=[0.45, 0.35, 0.2]))
        mask, boxes, px = _page(texts, kinds[kind], rng)
        image = look(mask, px, settings, Paper(None), rng)
        _soil(image, rng)
        name = f"synth_pages/{number:04d}.jpg"
        cv2.imwrite(str(args.out / name), image, [cv2.IMWRITE_JPEG_QUALITY, 80])
        rows.append(f"{name}\t{json.dumps(boxes, ensure_ascii=False)}\n")
    (args.out / "synth_pages_train.txt").write_text("".join(rows), encoding="utf-8")


def _page(texts: Texts, fonts: list[str], rng: np.random.Generator) -> tuple[np.ndarray, list[dict], int]:
    """(ink (H, W) uint8, boxes of lines, px of the font)."""
    width, height = int(rng.integers(700, 1100)), int(rng.integers(900, 1400))
    usual = rng.random() < 0.55
    px = int(rng.integers(14, 36) if usual else np.exp(rng.uniform(np.log(LEAST), np.log(MOST))))
    path = fonts[int(rng.integers(len(fonts)))]
    font, known = ImageFont.truetype(path, px), FontFile(path)
    page = Image.new("L", (width, height), 0)
    pen = ImageDraw.Draw(page)
    columns = 2 if width > 40 * px and rng.random() < 0.3 else 1
    margin, gap = int(rng.uniform(0.03, 0.14) * width), int(rng.uniform(1.5, 4) * px)
    column = (width - 2 * margin - (columns - 1) * gap) // columns
    pitch = px * float(rng.uniform(1.15, 2.3))
    boxes: list[dict] = []
    for part in range(columns):
        left, y = margin + part * (column + gap), float(rng.uniform(0.02, 0.12) * height)
        indent, words = 0, list[str]()
        while y + pitch < height * 0.97:
            if not words:
                words = _words(texts, known, rng)
                y += pitch * float(rng.choice([0.0, 0.5, 1.0, 3.0], p=[0.6, 0.2, 0.15, 0.05]))
                indent = int(px * rng.uniform(0, 5)) if rng.random() < 0.6 else 0
                if rng.random() < 0.12:  # a heading or a name: short, anywhere
                    words, indent = words[: int(rng.integers(1, 4))], int(rng.uniform(0, 0.6) * column)
                if rng.random() < 0.05:
                    pen.line((left, y, left + column * float(rng.uniform(0.2, 1)), y), fill=255, width=int(rng.integers(1, 4)))
                    y += pitch / 2
                if y + pitch >= height * 0.97:
                    break
            line = words.pop(0)
            while words and font.getlength(f"{line} {words[0]}") < column - indent:
                line += " " + words.pop(0)
            ink = tuple(int(v) for v in font.getbbox(line))
            if ink[2] - ink[0] < column - indent and ink[3] > ink[1]:
                x = left + indent
                pen.text((x, round(y)), line, fill=255, font=font)
                top, bottom = round(y) + ink[1] - 2, round(y) + ink[3] + 2
                points = [[x - 2, top], [x + ink[2] + 2, top], [x + ink[2] + 2, bottom], [x - 2, bottom]]
                boxes.append({"transcription": line, "points": points})
                if rng.random() < 0.03:
                    pen.line((x, bottom - 1, x + ink[2], bottom - 1), fill=255, width=max(1, px // 15))
            y, indent = y + pitch, 0
    return np.asarray(page), boxes, px


def _words(texts: Texts, font: FontFile, rng: np.random.Generator) -> list[str]:
    for _ in range(TRIES):
        text = texts.running() if rng.random() < 0.5 else texts.mixed()
        if not any(font.lacks(character) for character in set(text)):
            return text.split()
    return ["1", "2"]


def _soil(image: np.ndarray, rng: np.random.Generator) -> None:
    """Scanner's borders, spots and frames, which are no text."""
    height, width = image.shape[:2]
    if rng.random() < 0.4:
        edge = int(rng.uniform(0.005, 0.025) * width)
        side = int(rng.integers(4))
        tone = int(rng.integers(0, 90))
        piece = [image[:edge], image[-edge:], image[:, :edge], image[:, -edge:]][side]
        piece[:] = tone
    for _ in range(int(rng.integers(0, 12))):
        at = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(image, at, int(rng.integers(1, 5)), (int(rng.integers(120)),) * 3, -1, cv2.LINE_AA)


if __name__ == "__main__":
    main()
