"""Synthetic scenes for a detector of words: signs, each word with its box, on photos where these hold no text.

    python pretrained/make_scenes.py --photos train_data/det/icdar15_train.txt --out train_data/det --count 600

writes `synth_scenes/*.jpg` and `synth_scenes_train.txt` under --out, with the boxes of the photos and those of the new words.
Texts and fonts are those of make_lines.py.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from make_lines import Texts, fonts_of_kinds, read_photos
from PIL import Image, ImageDraw, ImageFont
from tqdm import tqdm

from ppocr_like.draw.fonts import FontFile

LEAST, MOST = 12, 90  # px of a font
PLACES = 30  # tried for a sign
CONTRAST = 75.0  # least difference of ink and ground, of 255


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=Path, required=True, help="label file of scenes for detection, images beside it")
    parser.add_argument("--out", type=Path, required=True, help="folder of the sets")
    parser.add_argument("--count", type=int, default=600)
    args = parser.parse_args()
    texts, kinds = Texts(np.random.default_rng(1024)), fonts_of_kinds()
    fonts, photos = kinds["print"] + kinds["mono"], list(read_photos(args.photos))
    (args.out / "synth_scenes").mkdir(parents=True, exist_ok=True)
    rows = []
    for number in tqdm(range(args.count)):
        rng = np.random.default_rng([1024, number])
        photo, boxes, free = photos[number % len(photos)]
        image, free, boxes = photo.copy(), free.copy(), list(boxes)
        for _ in range(int(rng.integers(3, 12))):
            boxes += _put_sign(image, free, texts, fonts, rng)
        name = f"synth_scenes/{number:04d}.jpg"
        cv2.imwrite(str(args.out / name), image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 95))])
        rows.append(f"{name}\t{json.dumps(boxes, ensure_ascii=False)}\n")
    (args.out / "synth_scenes_train.txt").write_text("".join(rows), encoding="utf-8")


def _put_sign(
    image: np.ndarray, free: np.ndarray, texts: Texts, fonts: list[str], rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Draws a sign where there is room for it, takes that room out of `free`, and gives the words' boxes (none: no room)."""
    mask, boxes, px = _sign(texts, fonts, rng)
    height, width = mask.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    angle = np.deg2rad(float(rng.normal(0, 5)))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]], np.float32)
    moved = (corners + rng.uniform(-0.12, 0.12, (4, 2)).astype(np.float32) * height) * [float(rng.uniform(0.6, 1.1)), 1] @ turn
    moved -= moved.min(axis=0)
    wide, high = (int(v) + 1 for v in moved.max(axis=0))
    if high >= image.shape[0] or wide >= image.shape[1]:
        return []
    for _ in range(PLACES):
        top, left = int(rng.integers(image.shape[0] - high)), int(rng.integers(image.shape[1] - wide))
        if free[top : top + high, left : left + wide].all():
            break
    else:
        return []
    free[top : top + high, left : left + wide] = 0
    matrix = cv2.getPerspectiveTransform(corners, moved.astype(np.float32))
    ink = cv2.warpPerspective(mask, matrix, (wide, high), flags=cv2.INTER_AREA)
    plate = cv2.warpPerspective(np.full_like(mask, 255), matrix, (wide, high)) if rng.random() < 0.5 else None
    ground = image[top : top + high, left : left + wide]
    ground[:] = _painted(ground.astype(np.float32), ink, plate, px, rng)
    for box in boxes:
        points = cv2.perspectiveTransform(np.array([box["points"]], np.float32), matrix)[0] + [left, top]
        box["points"] = np.round(points).astype(int).tolist()
    return boxes


def _painted(ground: np.ndarray, ink: np.ndarray, plate: np.ndarray | None, px: int, rng: np.random.Generator) -> np.ndarray:
    """(H, W, 3) uint8: the plate, where there is one, and the letters, as sharp as a photo has them."""
    tone = ground.mean(axis=(0, 1))
    if plate is not None:
        tone = rng.uniform(0, 255) + rng.uniform(-50, 50, 3)
        ground = ground + (np.clip(tone, 0, 255) - ground) * (plate[:, :, None] / 255.0)
    light = float(rng.uniform(0, 255))
    if abs(light - tone.mean()) < CONTRAST:
        light = float(tone.mean()) + (CONTRAST if tone.mean() < 128 else -CONTRAST) * float(rng.uniform(1, 1.8))
    colour = np.clip(light + rng.uniform(-60, 60, 3), 0, 255)
    soft = cv2.GaussianBlur(ink, (0, 0), max(0.4, px * float(rng.uniform(0.005, 0.06)))) / 255.0
    painted = ground + (colour - ground) * soft[:, :, None] * float(rng.uniform(0.85, 1))
    painted = painted + rng.standard_normal(painted.shape) * float(rng.uniform(0, 8))
    return np.clip(painted, 0, 255).astype(np.uint8)


def _sign(texts: Texts, fonts: list[str], rng: np.random.Generator) -> tuple[np.ndarray, list[dict[str, Any]], int]:
    """(ink (H, W) uint8, boxes of words, px of the font): one to four lines of one to four words."""
    px = int(np.exp(rng.uniform(np.log(LEAST), np.log(MOST))))
    path = fonts[int(rng.integers(len(fonts)))]
    font, known = ImageFont.truetype(path, px), FontFile(path)
    space, pitch = px * float(rng.uniform(0.25, 0.6)), px * float(rng.uniform(1.05, 1.5))
    margin = px * float(rng.uniform(0.15, 0.7))
    lines: list[list[str]] = []
    for _ in range(int(rng.choice([1, 2, 3, 4], p=[0.55, 0.25, 0.12, 0.08]))):
        words = [texts.scene() for _ in range(int(rng.choice([1, 2, 3, 4], p=[0.5, 0.27, 0.15, 0.08])))]
        lines.append([word for word in words if not any(known.lacks(c) for c in set(word))] or ["1"])
    lengths = [sum(font.getlength(word) + space for word in line) - space for line in lines]
    width, height = int(max(lengths) + 2 * margin) + 1, int(pitch * len(lines) + 2 * margin) + 1
    page = Image.new("L", (width, height), 0)
    pen, centred, boxes = ImageDraw.Draw(page), rng.random() < 0.5, []
    for number, (line, length) in enumerate(zip(lines, lengths, strict=True)):
        x, y = margin + ((max(lengths) - length) / 2 if centred else 0), margin + number * pitch
        for word in line:
            pen.text((x, y), word, fill=255, font=font)
            left, top, right, bottom = font.getbbox(word)
            edge = 0.06 * px
            x0, y0, x1, y1 = x + left - edge, y + top - edge, x + right + edge, y + bottom + edge
            boxes.append({"transcription": word, "points": [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]})
            x += font.getlength(word) + space
    return np.asarray(page), boxes, px


if __name__ == "__main__":
    main()
